// mmap(2) of a packet socket's ring (packet(7), PACKET_RX_RING).
#include "memory_map.h"

#include <new>

#include <sys/mman.h>

#include "socket_table.h"

namespace netkit {

namespace {

struct Mapping {
  void* memory;
  size_t length;
};

/** Also runs when the environment ends. The mapping keeps the kernel's socket alive, so it goes with the memory. */
void unmap(napi_env, void*, void* hint) {
  auto* mapping = static_cast<Mapping*>(hint);
  ::munmap(mapping->memory, mapping->length);
  delete mapping;
}

napi_value number(napi_env env, int value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

/** Only rings of packets: memory of other sockets may come and go under a reader (tcp(7), zero copy). */
bool isPacketSocket(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_PACKET;
}

int map(const Call& call, napi_value& buffer) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  int32_t length;
  if (!call.integer(1, length) || length <= 0 || !isPacketSocket(socket->fd())) return -EINVAL;
  if (socket->ring != nullptr) return -EBUSY;
  auto* mapping = new (std::nothrow) Mapping{nullptr, static_cast<size_t>(length)};
  if (mapping == nullptr) return -ENOMEM;
  mapping->memory = ::mmap(nullptr, mapping->length, PROT_READ | PROT_WRITE, MAP_SHARED, socket->fd(), 0);
  if (mapping->memory == MAP_FAILED) {
    const int error = -errno;
    delete mapping;
    return error;
  }
  // A Node that keeps all memory of JavaScript in one cage takes none from outside (napi_no_external_buffers_allowed).
  if (napi_create_external_arraybuffer(call.env, mapping->memory, mapping->length, unmap, mapping, &buffer) != napi_ok) {
    unmap(call.env, nullptr, mapping);
    return -ENOTSUP;
  }
  // Weak: whoever holds the buffer longer than the socket holds memory, and nothing else.
  return napi_create_reference(call.env, buffer, 0, &socket->ring) == napi_ok ? 0 : -ENOMEM;
}

}  // namespace

napi_value mapRing(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  napi_value buffer = nullptr;
  const int error = map(call, buffer);
  return error == 0 ? buffer : number(env, error);
}

void detachRing(napi_env env, napi_ref ring) {
  napi_value buffer = nullptr;
  if (napi_get_reference_value(env, ring, &buffer) == napi_ok && buffer != nullptr) napi_detach_arraybuffer(env, buffer);
  napi_delete_reference(env, ring);
}

}  // namespace netkit
