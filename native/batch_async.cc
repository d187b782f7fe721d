// recvmmsg(2), and stamped sends, on a libuv worker thread, so that JavaScript can work on another batch meanwhile.

#include <cerrno>
#include <memory>

#include "batch.h"
#include "socket_table.h"

namespace netkit {

namespace {

/** What a job does with its batch, and which flag of the socket says that it is under way. */
struct Kind {
  const char* name;
  size_t stride;
  bool Socket::* busy;
  int (Batch::*work)(int fd, int flags);
  void (Batch::*report)(int32_t* rows, int result) const;
};

constexpr Kind kReceiving = {"netkit.receive", kReceiveRow, &Socket::receiving, &Batch::receive, &Batch::report};
constexpr Kind kSending = {"netkit.send", kSendStampedRow, &Socket::sending, &Batch::sendStamped, &Batch::reportSent};

struct Job {
  const Kind& kind;
  SocketTable* sockets;
  std::shared_ptr<Descriptor> descriptor;
  int32_t handle;
  int32_t flags;
  int32_t count;
  int result = 0;
  Batch batch;
  /** What the kernel writes to or reads; compared at the end, as JavaScript can detach a buffer that is in use. */
  void* memory;
  napi_ref arena = nullptr;
  napi_ref table = nullptr;
  napi_ref callback = nullptr;
  napi_async_work work = nullptr;
};

napi_value held(napi_env env, napi_ref reference) {
  napi_value value = nullptr;
  napi_get_reference_value(env, reference, &value);
  return value;
}

void release(napi_env env, Job* job) {
  for (napi_ref reference : {job->arena, job->table, job->callback}) {
    if (reference != nullptr) napi_delete_reference(env, reference);
  }
  if (job->work != nullptr) napi_delete_async_work(env, job->work);
  delete job;
}

/** On the worker thread: no napi call is allowed here, and no look at the table. */
void execute(napi_env, void* data) {
  auto* job = static_cast<Job*>(data);
  job->result = (job->batch.*job->kind.work)(job->descriptor->fd(), job->flags);
}

/** Fills the table in, unless one of the buffers was detached or shrunk meanwhile. */
int report(napi_env env, const Job& job) {
  void* memory = nullptr;
  void* rows = nullptr;
  size_t length = 0;
  const bool whole = typedArray(env, held(env, job.arena), napi_uint8_array, &memory, &length) &&
                     memory == job.memory && typedArray(env, held(env, job.table), napi_int32_array, &rows, &length) &&
                     length / job.kind.stride >= static_cast<size_t>(job.count);
  if (!whole) return -EINVAL;
  (job.batch.*job.kind.report)(static_cast<int32_t*>(rows), job.result);
  return job.result;
}

/** On JavaScript's thread. Also runs when the environment ends, where the call of the function fails harmlessly. */
void complete(napi_env env, napi_status status, void* data) {
  auto* job = static_cast<Job*>(data);
  if (Socket* socket = job->sockets->find(job->handle)) socket->*job->kind.busy = false;
  napi_value callback = held(env, job->callback);
  napi_value receiver = nullptr;
  napi_value argument = nullptr;
  napi_get_undefined(env, &receiver);
  napi_create_int32(env, status == napi_ok ? report(env, *job) : -ECANCELED, &argument);
  // Before the function, which may wait long, or start the next one.
  release(env, job);
  // What it throws stays pending: Node-API makes it an uncaught exception.
  napi_call_function(env, receiver, callback, 1, &argument, nullptr);
}

int start(Call& call, const Kind& kind) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  Bytes arena;
  Words table;
  int32_t handle, count, flags;
  if (!call.integer(0, handle) || !call.bytes(1, arena) || !call.words(2, table) || !call.integer(3, count) ||
      !call.integer(4, flags) || !call.isFunction(5)) {
    return -EINVAL;
  }
  if (socket->*kind.busy) return -EBUSY;
  auto* job = new Job{kind, call.table, socket->descriptor, handle, flags, count, 0, {}, arena.data};
  if (const int error = job->batch.prepare(arena, table, count, kind.stride)) {
    release(call.env, job);
    return error;
  }
  napi_value name = nullptr;
  const bool queued = napi_create_reference(call.env, call.argument[1], 1, &job->arena) == napi_ok &&
                      napi_create_reference(call.env, call.argument[2], 1, &job->table) == napi_ok &&
                      napi_create_reference(call.env, call.argument[5], 1, &job->callback) == napi_ok &&
                      napi_create_string_utf8(call.env, kind.name, NAPI_AUTO_LENGTH, &name) == napi_ok &&
                      napi_create_async_work(call.env, nullptr, name, execute, complete, job, &job->work) == napi_ok &&
                      napi_queue_async_work(call.env, job->work) == napi_ok;
  if (!queued) {
    release(call.env, job);
    return -ENOMEM;
  }
  socket->*kind.busy = true;
  return 0;
}

}  // namespace

int receiveBatchAsync(Call& call) { return start(call, kReceiving); }
int sendStampedAsync(Call& call) { return start(call, kSending); }

}  // namespace netkit
