// Netlink framing: the header in front of every message, requests, and the two ways an answer ends.

import { layout } from '../bytes/layout.js'

/** linux/netlink.h, struct nlmsghdr; all fields are in host order. */
export const NLMSGHDR = layout('nlmsghdr', 16, [
  ['length', 'u32'],
  ['type', 'u16'],
  ['flags', 'u16'],
  ['sequence', 'u32'],
  ['portId', 'u32'],
])

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
/** An answer's flag: the table changed while it was being dumped (sock_diag never sets it, rtnetlink does). */
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300

/** An attribute of a request: its number and payload. */
export interface RequestAttribute {
  type: number
  payload: Uint8Array
}

const align = (length: number): number => (length + 3) & ~3

/** Bytes of one request: header, family payload, attributes, each aligned to four. */
export function encodeRequest(
  type: number,
  flags: number,
  sequence: number,
  payload: Uint8Array,
  attributes: readonly RequestAttribute[] = [],
): Uint8Array {
  let length = NLMSGHDR.size + align(payload.length)
  for (const attribute of attributes) length += align(4 + attribute.payload.length)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  const { offset } = NLMSGHDR
  view.setUint32(offset.length, length, true)
  view.setUint16(offset.type, type, true)
  view.setUint16(offset.flags, flags, true)
  view.setUint32(offset.sequence, sequence, true)
  bytes.set(payload, NLMSGHDR.size)
  let at = NLMSGHDR.size + align(payload.length)
  for (const attribute of attributes) {
    view.setUint16(at, 4 + attribute.payload.length, true)
    view.setUint16(at + 2, attribute.type, true)
    bytes.set(attribute.payload, at + 4)
    at += align(4 + attribute.payload.length)
  }
  return bytes
}

/** What one datagram of an answer said. */
export interface DatagramEnd {
  /** The dump or request is over. */
  done: boolean
  /** Positive errno the kernel refused with; it may sit in NLMSG_ERROR or inside the NLMSG_DONE payload. 0 = none. */
  errno: number
  /** The kernel said that the table changed during the dump. */
  interrupted: boolean
  /** Bytes at the end that did not hold a whole message. */
  damagedBytes: number
}

/** Called with the payload of one message: its type, and where the payload lies in the view. */
export type MessageVisitor = (type: number, start: number, end: number) => void

const end: DatagramEnd = { done: false, errno: 0, interrupted: false, damagedBytes: 0 }

/**
 * Walks the messages of one datagram at `start`..`limit` of `data`. Lengths are checked before use: what does not fit is
 * counted in `damagedBytes` and ends the walk. The result object is reused by the next call; `visit` may make such calls (an
 * interface name that is shown for the first time is read through netlink), so nothing is kept in it during the walk.
 */
export function walkMessages(data: DataView, start: number, limit: number, visit: MessageVisitor): DatagramEnd {
  let interrupted = false
  let at = start
  while (at + NLMSGHDR.size <= limit) {
    const length = data.getUint32(at, true)
    if (length < NLMSGHDR.size || length > limit - at) break
    const type = data.getUint16(at + 4, true)
    if (data.getUint16(at + 6, true) & NLM_F_DUMP_INTR) interrupted = true
    if (type === NLMSG_DONE || type === NLMSG_ERROR) {
      // The payload starts with a negative errno; an old kernel's DONE may have none.
      const errno = length >= NLMSGHDR.size + 4 ? Math.abs(data.getInt32(at + NLMSGHDR.size, true)) : 0
      return ended(true, errno, interrupted, 0)
    }
    visit(type, at + NLMSGHDR.size, at + length)
    at += align(length)
  }
  // An aligned length may step past the end of the last message's padding, which is no damage.
  return ended(false, 0, interrupted, Math.max(limit - at, 0))
}

function ended(done: boolean, errno: number, interrupted: boolean, damagedBytes: number): DatagramEnd {
  end.done = done
  end.errno = errno
  end.interrupted = interrupted
  end.damagedBytes = damagedBytes
  return end
}
