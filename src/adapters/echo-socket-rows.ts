// Reading messages, whatever errors wait on the socket.

import { ERRNO } from '../errors/errno.js'
import type { SocketPort } from '../ports/socket.js'

/** With this flag the kernel tells how long a message was that did not fit. */
const MSG_TRUNC = 0x20
/** An error that waits on the socket refuses one read, and there may be another behind it. */
const MOST_REFUSALS = 16

/**
 * Reads messages into the rows of a table: how many. An errno that waits on the socket (of an ICMP error, which is in the error
 * queue too) is passed over, for reading it takes it away.
 */
export function readRows(
  port: SocketPort,
  handle: number,
  arena: Uint8Array,
  table: Int32Array,
  rows: number,
  flags: number,
): number {
  for (let refusals = 0; refusals < MOST_REFUSALS; refusals++) {
    const got = port.receiveBatch(handle, arena, table, rows, flags | MSG_TRUNC)
    if (got >= 0) return got
    if (got === -ERRNO.EAGAIN || got === -ERRNO.EBADF) return 0
  }
  return 0
}
