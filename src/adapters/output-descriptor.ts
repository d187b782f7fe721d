// A descriptor to write results to, and a second way to it that never blocks: the first is shared with whoever started us.

import fs from 'node:fs'
import { isLoadFailure, loadNative } from './native.js'

/** Whether writing may have to wait for somebody: a disk is not waited for. */
export function mayBlock(fd: number): boolean {
  try {
    const stats = fs.fstatSync(fd)
    return stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice()
  } catch {
    return false
  }
}

/**
 * Opens the same pipe or terminal once more, in non-blocking mode, which on the descriptor itself would be set for the parent
 * and everybody beside us as well. Null for a socket, which cannot be opened so, and for what another user made.
 */
export function openTwin(fd: number): number | null {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants
  try {
    return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    return null
  }
}

/** poll(2): there is room to write. */
const POLLOUT = 0x4
/** net/unix/af_unix.c, unix_writable, and sk_stream_is_writeable: "room" is a quarter of the buffer and more, never less than this. */
export const ROOM_BYTES = 1024

/** Whether a socket takes `ROOM_BYTES` now without waiting; true where that cannot be known. */
export function hasRoom(fd: number): boolean {
  const native = loadNative()
  if (isLoadFailure(native)) return true
  return (native.pollNow(fd, POLLOUT) & (POLLOUT | POLLERR | POLLHUP)) !== 0
}

/** poll(2): a pipe without a reader has the first, a socket or terminal without a peer the second. */
const POLLERR = 0x8
const POLLHUP = 0x10

/** Whether nobody reads any more what is written to `fd`; false where that cannot be known. Costs a system call. */
export function isClosed(fd: number): boolean {
  const native = loadNative()
  if (isLoadFailure(native)) return false
  const events = native.pollNow(fd, 0)
  return events > 0 && (events & (POLLERR | POLLHUP)) !== 0
}
