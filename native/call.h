// One call from JavaScript: its arguments, checked, and its answer, a number.
//
// A call answers a number >= 0 or -errno and never throws: a throw costs about 5,000 ns, a number 21 (ARCHITECTURE.md).
// Misuse (a wrong type, a range outside of its buffer) is -EINVAL.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <sys/socket.h>

#include <napi.h>

namespace netkit {

class SocketTable;
struct Socket;

/** Memory of a Uint8Array. Valid until control returns to JavaScript, which may detach it. */
struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;

  bool contains(int64_t offset, int64_t size) const {
    // Both operands come from 32-bit numbers, so the sum cannot overflow.
    return offset >= 0 && size >= 0 && static_cast<uint64_t>(offset + size) <= length;
  }
};

/** Memory of an Int32Array; `length` counts elements. */
struct Words {
  int32_t* data = nullptr;
  size_t length = 0;
};

class Call {
 public:
  Call(napi_env env, napi_callback_info info);

  /** An integral number within int32; anything else, 2**32 and 1.5 included, is refused rather than wrapped. */
  bool integer(size_t index, int32_t& out) const;
  bool bytes(size_t index, Bytes& out) const;
  /** Bytes whose length fits the kernel's socklen_t. */
  bool shortBytes(size_t index, Bytes& out) const;
  bool words(size_t index, Words& out) const;
  bool isFunction(size_t index) const;
  bool isNull(size_t index) const;
  /** The open socket whose handle is argument 0: 0, -EINVAL or -EBADF. */
  int socket(Socket*& out) const;

  napi_env env;
  napi_value argument[7];
  SocketTable* table = nullptr;
};

/** Reads the memory of a typed array of exactly this type. */
bool typedArray(napi_env env, napi_value value, napi_typedarray_type type, void** data, size_t* length);

/** A system call's result as netkit reports it. */
inline int outcome(int64_t result) { return result < 0 ? -errno : static_cast<int>(result); }

/** Repeats a system call that a signal interrupted (signal(7)). */
template <typename System>
int repeat(System system) {
  int result;
  do result = outcome(system());
  while (result == -EINTR);
  return result;
}

/** Makes a JavaScript function of a C++ one. */
template <int (*Function)(Call&)>
napi_value entry(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value result = nullptr;
  napi_create_int32(env, Function(call), &result);
  return result;
}

}  // namespace netkit
