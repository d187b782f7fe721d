// Handles, their descriptors, and their end.
#include "socket_table.h"

#include <climits>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "memory_map.h"
#include "watch.h"

namespace netkit {

Descriptor::~Descriptor() { ::close(fd_); }

SocketTable::SocketTable(napi_env env) : env_(env) { napi_add_async_cleanup_hook(env, end, this, &hook_); }

Socket* SocketTable::find(int32_t handle) {
  const auto found = sockets_.find(handle);
  return found == sockets_.end() ? nullptr : &found->second;
}

int SocketTable::add(int fd) {
  auto descriptor = std::make_shared<Descriptor>(fd);
  if (next_ == INT32_MAX) return -EMFILE;
  sockets_[next_].descriptor = std::move(descriptor);
  return next_++;
}

void SocketTable::remove(napi_env env, int32_t handle) {
  const auto found = sockets_.find(handle);
  if (found == sockets_.end()) return;
  // The loop must forget the descriptor before it is closed (libuv, uv_poll_t).
  if (found->second.watch != nullptr) stopWatch(found->second.watch);
  if (found->second.ring != nullptr) detachRing(env, found->second.ring);
  sockets_.erase(found);
}

void SocketTable::watchEnded() {
  if (--watches_ == 0 && ending_) napi_remove_async_cleanup_hook(hook_);
}

void SocketTable::end(napi_async_cleanup_hook_handle hook, void* data) {
  auto* table = static_cast<SocketTable*>(data);
  table->ending_ = true;
  for (auto& [handle, socket] : table->sockets_) {
    if (socket.watch != nullptr) stopWatch(socket.watch);
    // The memory itself goes with the environment, which holds it.
    if (socket.ring != nullptr) napi_delete_reference(table->env_, socket.ring);
  }
  table->sockets_.clear();
  // Otherwise the environment stays until the last uv_close() has finished.
  if (table->watches_ == 0) napi_remove_async_cleanup_hook(hook);
}

namespace {

struct Opening {
  int32_t domain, type, protocol, netns;
  int result;
};

int openHere(const Opening& opening) {
  return outcome(::socket(opening.domain, opening.type | SOCK_CLOEXEC | SOCK_NONBLOCK, opening.protocol));
}

void* openThere(void* data) {
  auto* opening = static_cast<Opening*>(data);
  opening->result = ::setns(opening->netns, CLONE_NEWNET) < 0 ? -errno : openHere(*opening);
  return nullptr;
}

/**
 * setns(2) moves one thread, and a socket stays in the namespace it was made in: a thread of its own is moved and then
 * ends, so that neither JavaScript's thread nor libuv's ever is. pthread_create, as std::thread can only throw.
 */
int openInNamespace(Opening& opening) {
  pthread_t thread;
  if (const int error = pthread_create(&thread, nullptr, openThere, &opening)) return -error;
  pthread_join(thread, nullptr);
  return opening.result;
}

}  // namespace

int openSocket(Call& call) {
  Opening opening{};
  if (!call.integer(0, opening.domain) || !call.integer(1, opening.type) || !call.integer(2, opening.protocol) ||
      !call.integer(3, opening.netns) || opening.netns < -1) {
    return -EINVAL;
  }
  const int fd = opening.netns == -1 ? openHere(opening) : openInNamespace(opening);
  return fd < 0 ? fd : call.table->add(fd);
}

int closeSocket(Call& call) {
  int32_t handle;
  if (!call.integer(0, handle)) return -EINVAL;
  call.table->remove(call.env, handle);
  return 0;
}

}  // namespace netkit
