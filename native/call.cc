// Reading and checking the arguments of a call.
#include "call.h"

#include <climits>

#include "socket_table.h"

namespace netkit {

Call::Call(napi_env environment, napi_callback_info info) : env(environment) {
  size_t count = sizeof argument / sizeof *argument;
  void* data = nullptr;
  // Arguments that were not given are filled in as undefined.
  napi_get_cb_info(env, info, &count, argument, nullptr, &data);
  table = static_cast<SocketTable*>(data);
}

bool Call::integer(size_t index, int32_t& out) const {
  double value;
  if (napi_get_value_double(env, argument[index], &value) != napi_ok) return false;
  // Written so that NaN fails; a conversion outside of int32 would be undefined behaviour.
  if (!(value >= INT32_MIN && value <= INT32_MAX)) return false;
  out = static_cast<int32_t>(value);
  return out == value;
}

bool typedArray(napi_env env, napi_value value, napi_typedarray_type type, void** data, size_t* length) {
  napi_typedarray_type found;
  return napi_get_typedarray_info(env, value, &found, length, data, nullptr, nullptr) == napi_ok && found == type;
}

bool Call::bytes(size_t index, Bytes& out) const {
  void* data = nullptr;
  if (!typedArray(env, argument[index], napi_uint8_array, &data, &out.length)) return false;
  out.data = static_cast<uint8_t*>(data);
  return true;
}

bool Call::shortBytes(size_t index, Bytes& out) const { return bytes(index, out) && out.length <= INT_MAX; }

bool Call::words(size_t index, Words& out) const {
  void* data = nullptr;
  if (!typedArray(env, argument[index], napi_int32_array, &data, &out.length)) return false;
  out.data = static_cast<int32_t*>(data);
  return true;
}

bool Call::isFunction(size_t index) const {
  napi_valuetype type;
  return napi_typeof(env, argument[index], &type) == napi_ok && type == napi_function;
}

bool Call::isNull(size_t index) const {
  napi_valuetype type;
  return napi_typeof(env, argument[index], &type) == napi_ok && type == napi_null;
}

int Call::socket(Socket*& out) const {
  int32_t handle;
  if (!integer(0, handle)) return -EINVAL;
  out = table->find(handle);
  return out == nullptr ? -EBADF : 0;
}

}  // namespace netkit
