// uv_poll_t: one a watched socket.
#include "watch.h"

#include <fcntl.h>
#include <uv.h>

#include "socket_table.h"

namespace netkit {

struct Watch {
  uv_poll_t poll;
  napi_env env;
  SocketTable* sockets;
  int fd;
  int events;
  napi_ref callback = nullptr;
  napi_async_context context = nullptr;
};

namespace {

constexpr int kAllEvents = UV_READABLE | UV_WRITABLE | UV_DISCONNECT | UV_PRIORITIZED;

void call(Watch* watch, int status, int events) {
  napi_env env = watch->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value function = nullptr;
  napi_value receiver = nullptr;
  napi_value arguments[2] = {};
  napi_get_reference_value(env, watch->callback, &function);
  napi_get_global(env, &receiver);
  napi_create_int32(env, status, &arguments[0]);
  napi_create_int32(env, events, &arguments[1]);
  if (napi_make_callback(env, watch->context, receiver, function, 2, arguments, nullptr) == napi_pending_exception) {
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

/**
 * libuv takes EPOLLERR without EPOLLPRI for a broken descriptor: it stops and says EBADF (uv__poll_io). On a socket it
 * is an everyday event, an error or an error queue that waits to be read (ip(7), IP_RECVERR), so watching goes on.
 */
void ready(uv_poll_t* poll, int status, int events) {
  auto* watch = static_cast<Watch*>(poll->data);
  const bool pending = status == UV_EBADF && ::fcntl(watch->fd, F_GETFD) != -1;
  if (pending) {
    events = UV_PRIORITIZED;
    status = uv_poll_start(poll, watch->events, ready);
  }
  call(watch, status, events);
}

/** The napi objects go here and not in stopWatch, which may run inside of the very function they belong to. */
void closed(uv_handle_t* handle) {
  auto* watch = static_cast<Watch*>(handle->data);
  SocketTable* sockets = watch->sockets;
  napi_handle_scope scope;
  napi_open_handle_scope(watch->env, &scope);
  if (watch->context != nullptr) napi_async_destroy(watch->env, watch->context);
  if (watch->callback != nullptr) napi_delete_reference(watch->env, watch->callback);
  napi_close_handle_scope(watch->env, scope);
  delete watch;
  sockets->watchEnded();
}

/** Makes a watch that does not run yet: 0 or -errno. */
int create(const Call& call, Socket* socket) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(call.env, &loop) != napi_ok) return -ENOTSUP;
  auto* watch = new Watch{};
  watch->env = call.env;
  watch->sockets = call.table;
  watch->fd = socket->fd();
  if (const int error = uv_poll_init(loop, &watch->poll, watch->fd)) {
    delete watch;
    return error;
  }
  watch->poll.data = watch;
  call.table->watchStarted();
  socket->watch = watch;
  napi_value name = nullptr;
  napi_create_string_utf8(call.env, "netkit.watch", NAPI_AUTO_LENGTH, &name);
  return napi_async_init(call.env, nullptr, name, &watch->context) == napi_ok ? 0 : -ENOMEM;
}

/** Replaces function and events, and runs: 0 or -errno. */
int start(const Call& call, Watch* watch, int events) {
  napi_ref callback = nullptr;
  if (napi_create_reference(call.env, call.argument[2], 1, &callback) != napi_ok) return -ENOMEM;
  if (watch->callback != nullptr) napi_delete_reference(call.env, watch->callback);
  watch->callback = callback;
  watch->events = events;
  return uv_poll_start(&watch->poll, events, ready);
}

}  // namespace

void stopWatch(Watch* watch) { uv_close(reinterpret_cast<uv_handle_t*>(&watch->poll), closed); }

int watchSocket(Call& call) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  int32_t events;
  if (!call.integer(1, events) || events == 0 || (events & ~kAllEvents) != 0 || !call.isFunction(2)) return -EINVAL;
  int error = socket->watch == nullptr ? create(call, socket) : 0;
  if (error == 0) error = start(call, socket->watch, events);
  if (error != 0 && socket->watch != nullptr) {
    stopWatch(socket->watch);
    socket->watch = nullptr;
  }
  return error;
}

int unwatchSocket(Call& call) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  if (socket->watch != nullptr) stopWatch(socket->watch);
  socket->watch = nullptr;
  return 0;
}

}  // namespace netkit
