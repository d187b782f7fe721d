// Interface names by index through rtnetlink: right for any namespace, since the socket belongs to one.

import { encodeRequest, NLM_F_DUMP, NLM_F_REQUEST } from './message.js'

export const NETLINK_ROUTE = 0
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const IFLA_IFNAME = 3
/** linux/rtnetlink.h, struct ifinfomsg: family, pad, type, index (at 4), flags, change. */
const IFINFOMSG_SIZE = 16
const INDEX_OFFSET = 4

/** A name is bytes without `/` and blanks; most often UTF-8. */
const text = new TextDecoder()

/** The request that lists all interfaces. */
export function encodeLinkDump(): Uint8Array {
  return encodeRequest(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, new Uint8Array(IFINFOMSG_SIZE))
}

/** Adds the interface of one message to `names`; messages of other types or too short are left out. */
export function addLink(data: DataView, type: number, start: number, end: number, names: Map<number, string>): void {
  if (type !== RTM_NEWLINK || end - start < IFINFOMSG_SIZE) return
  const index = data.getInt32(start + INDEX_OFFSET, true)
  let at = start + IFINFOMSG_SIZE
  while (at + 4 <= end) {
    const length = data.getUint16(at, true)
    if (length < 4 || at + length > end) return
    if ((data.getUint16(at + 2, true) & 0x3fff) === IFLA_IFNAME) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset + at + 4, length - 4)
      const nul = bytes.indexOf(0)
      names.set(index, text.decode(nul < 0 ? bytes : bytes.subarray(0, nul)))
      return
    }
    at += (length + 3) & ~3
  }
}
