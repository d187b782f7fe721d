// The sockets of one environment (the main thread, or one worker), by handle.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "batch.h"
#include "call.h"

namespace netkit {

struct Watch;

/** Owns a file descriptor. Shared with what is in flight, so that close() cannot pull the number from under it. */
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

struct Socket {
  std::shared_ptr<Descriptor> descriptor;
  Watch* watch = nullptr;
  /** Weak, to the ring that is mapped. */
  napi_ref ring = nullptr;
  /** On a worker thread. */
  bool receiving = false;
  bool sending = false;

  int fd() const { return descriptor->fd(); }
};

/**
 * Handles count upwards and are never used twice, unlike descriptors: a stale one finds nothing, and cannot reach a
 * socket that was opened later.
 */
class SocketTable {
 public:
  explicit SocketTable(napi_env env);
  SocketTable(const SocketTable&) = delete;
  SocketTable& operator=(const SocketTable&) = delete;

  Socket* find(int32_t handle);
  /** Takes the descriptor over: its handle, or -EMFILE when handles have run out. */
  int add(int fd);
  void remove(napi_env env, int32_t handle);

  void watchStarted() { ++watches_; }
  /** After this call the table may be gone. */
  void watchEnded();

  /** For the batch calls of this thread, which use it one at a time. */
  Batch scratch;

 private:
  /** The environment ends: node_api.h, napi_add_async_cleanup_hook. */
  static void end(napi_async_cleanup_hook_handle hook, void* table);

  const napi_env env_;
  std::unordered_map<int32_t, Socket> sockets_;
  int32_t next_ = 1;
  /** Watches whose uv_close() has not finished. */
  uint32_t watches_ = 0;
  bool ending_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

int openSocket(Call& call);
int closeSocket(Call& call);

}  // namespace netkit
