// Control messages, what recvmsg(2) hands over beside the data: time stamps, time to live, errors.

import { layout } from './layout.js'

/** bits/socket.h, struct cmsghdr with a size_t of 64 bits. The data follows at once. */
export const CMSGHDR = layout('cmsghdr', 16, [
  ['length', 'u64'],
  ['level', 'u32'],
  ['type', 'u32'],
])

const { offset, size } = CMSGHDR

/** CMSG_SPACE(3): room for a control message with so much data. */
export function controlSpace(dataBytes: number): number {
  return size + ((dataBytes + 7) & ~7)
}

/** CMSG_LEN(3), what its length field says. */
export function controlLength(dataBytes: number): number {
  return size + dataBytes
}

/**
 * Writes the header of a control message with `dataBytes` of data, which the caller puts where this answers; `controlSpace`
 * bytes must be there.
 */
export function encodeControlHeader(
  view: DataView,
  at: number,
  level: number,
  type: number,
  dataBytes: number,
): number {
  view.setUint32(at + offset.length, controlLength(dataBytes), true)
  view.setUint32(at + offset.length + 4, 0, true)
  view.setInt32(at + offset.level, level, true)
  view.setInt32(at + offset.type, type, true)
  return at + size
}

/**
 * Moves over the control messages of one message without making an object for each. A length that does not fit ends the walk: the
 * kernel cuts the last message short where there was no room (MSG_CTRUNC), and what is left of it is not handed out.
 */
export class ControlCursor {
  level = 0
  type = 0
  /** Where the data of the message lies: `at`..`end`. */
  at = 0
  end = 0
  private data: DataView = new DataView(new ArrayBuffer(0))
  private position = 0
  private limit = 0

  /** Goes before the first of the control messages in `length` bytes at `start` of `data`. */
  start(data: DataView, start: number, length: number): void {
    this.data = data
    this.position = Math.max(start, 0)
    this.limit = Math.min(start + length, data.byteLength)
  }

  /** Moves to the next message; false behind the last. */
  next(): boolean {
    const { data, position, limit } = this
    if (limit - position < size) return false
    const length = data.getUint32(position + offset.length, true)
    const high = data.getUint32(position + offset.length + 4, true)
    if (high !== 0 || length < size || length > limit - position) {
      this.position = limit
      return false
    }
    this.level = data.getInt32(position + offset.level, true)
    this.type = data.getInt32(position + offset.type, true)
    this.at = position + size
    this.end = position + length
    // CMSG_NXTHDR(3): the next one starts at a multiple of 8. A sum, not a mask of 32 bits, because a length may be near 2^32.
    this.position = position + Math.ceil(length / 8) * 8
    return true
  }
}
