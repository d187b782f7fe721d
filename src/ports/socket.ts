// A socket of any family, as system calls: what the native addon offers and a fake in a test imitates.
//
// No call throws. Each answers a number >= 0, or -errno as errno(3) numbers it. Misuse (a wrong type, a range outside of
// its buffer, more than BATCH_LIMIT rows) is -EINVAL, and a handle that is not open is -EBADF. Addresses are struct
// sockaddr bytes, and option values are their bytes too. Sockets never block: "nothing now" is -EAGAIN.

/** A small positive number. Never used twice, so a stale one cannot reach a newer socket. */
export type SocketHandle = number

/** A count, a length or 0 on success; -errno on failure. */
export type Outcome = number

/** Events of `watch`: sums of 1 readable, 2 writable, 4 peer has closed, 8 exceptional. */
export type WatchEvents = number

export interface SocketPort {
  /**
   * socket(2), with SOCK_CLOEXEC and SOCK_NONBLOCK added.
   * @param netnsFd -1 for the caller's network namespace, or an open descriptor of another (setns(2): EPERM without
   * CAP_SYS_ADMIN). The namespace of the calling thread never changes.
   */
  open(domain: number, type: number, protocol: number, netnsFd: number): SocketHandle | Outcome
  bind(handle: SocketHandle, address: Uint8Array): Outcome
  /** connect(2): -EINPROGRESS is the usual answer of a stream socket; it becomes writable, or exceptional, when done. */
  connect(handle: SocketHandle, address: Uint8Array): Outcome
  /** getsockname(2). Answers the address's length, which is more than `out.length` when it was cut. */
  getName(handle: SocketHandle, out: Uint8Array): Outcome
  /** getpeername(2), as `getName`. */
  getPeer(handle: SocketHandle, out: Uint8Array): Outcome
  /** getsockopt(2). Answers the value's length. */
  getOption(handle: SocketHandle, level: number, name: number, out: Uint8Array): Outcome
  /** setsockopt(2). For SO_ATTACH_FILTER the value is the instructions themselves (struct sock_filter, 8 bytes each). */
  setOption(handle: SocketHandle, level: number, name: number, value: Uint8Array): Outcome
  /** sendto(2) of `length` bytes from `offset`; `address` null where the socket is connected. Answers bytes sent. */
  send(
    handle: SocketHandle,
    bytes: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    address: Uint8Array | null,
  ): Outcome
  /** sendmmsg(2) of the first `count` rows (SEND_ROW). Answers messages sent; fewer than `count` is not an error. */
  sendBatch(handle: SocketHandle, arena: Uint8Array, table: Int32Array, count: number, flags: number): Outcome
  /**
   * sendmsg(2) of the first `count` rows (SEND_STAMPED_ROW), one after the other, with the time of each: both clocks are
   * read right before the system call, so a stamp is never after its message. A row that is refused with an errno that ICMP
   * errors have is tried once more, with new stamps, because the refusal may be an error that an earlier message left waiting
   * (socket(7), SO_ERROR); any other refusal is the row's own (a firewall's EPERM comes after the message was made, and a second
   * one would be a second message). Its -errno goes into its row then and the next row is sent. Only a lack of room (EAGAIN,
   * ENOBUFS) ends the batch: answers the number of rows before that one, which has the -errno in it.
   */
  sendStamped(handle: SocketHandle, arena: Uint8Array, table: Int32Array, count: number, flags: number): Outcome
  /**
   * `sendStamped` on a worker thread, the rows filled in at its end. Answers 0, and then calls `done` once with what
   * `sendStamped` would have answered; or -EBUSY while another is in flight on this socket. A `close` meanwhile is safe. Until
   * then, do not write to the messages or the table, and do not transfer their buffers to another thread.
   */
  sendStampedAsync(
    handle: SocketHandle,
    arena: Uint8Array,
    table: Int32Array,
    count: number,
    flags: number,
    done: (result: Outcome) => void,
  ): Outcome
  /**
   * recvmmsg(2) into the first `count` rows (RECEIVE_ROW): as many messages as there are now. Answers how many, and
   * fills in the last four numbers of those rows only; the first six are never written, so a table serves again.
   * An error after the first message is reported by the next call. Descriptors that a peer passes in control messages
   * (SCM_RIGHTS) become the caller's to close; give no room for control messages where they are not wanted.
   */
  receiveBatch(handle: SocketHandle, arena: Uint8Array, table: Int32Array, count: number, flags: number): Outcome
  /**
   * `receiveBatch` on a worker thread. Answers 0, and then calls `done` once with what `receiveBatch` would have
   * answered; or -EBUSY while another is in flight on this socket. A `close` meanwhile is safe. The arena belongs to the
   * kernel until then: do not read it, and do not transfer its buffer to another thread.
   */
  receiveBatchAsync(
    handle: SocketHandle,
    arena: Uint8Array,
    table: Int32Array,
    count: number,
    flags: number,
    done: (result: Outcome) => void,
  ): Outcome
  /**
   * Calls `ready` from the event loop as long as any of `events` holds (level-triggered), and keeps the loop alive. A
   * second `watch` replaces events and function. Whatever was asked for, an error that waits in SO_ERROR or in the error
   * queue is reported as 8: read it, or it is reported again and again. Where that is common (IP_RECVERR, transmit time
   * stamps), set SO_SELECT_ERR_QUEUE and ask for 8: it is then cheap.
   * @param ready gets status 0 and the events, or -errno and 0 after which nothing more comes.
   */
  watch(handle: SocketHandle, events: WatchEvents, ready: (status: Outcome, events: WatchEvents) => void): Outcome
  /** Answers 0 also when there was no watch. */
  unwatch(handle: SocketHandle): Outcome
  /** shutdown(2): `how` is 0 to stop reading, 1 writing, 2 both. */
  shutdown(handle: SocketHandle, how: number): Outcome
  /** Ends the watch and closes. Answers 0 also when it was closed before. */
  close(handle: SocketHandle): Outcome
  /** The file descriptor, which stays this socket's: do not close it. */
  fdOf(handle: SocketHandle): Outcome
  /**
   * clock_gettime(2) of both clocks, as numbers 1 to 4 of what a stamped send fills in: CLOCK_REALTIME and CLOCK_MONOTONIC
   * in seconds (unsigned) and nanoseconds.
   */
  clocks(out: Int32Array): Outcome
}
