// TCP segments: the header, and the options of a SYN.

import { layout } from '../bytes/layout.js'

/** RFC 9293 section 3.1, without options. */
export const TCP = layout('tcp', 20, [
  ['sourcePort', 'be16'],
  ['destinationPort', 'be16'],
  ['sequence', 'be32'],
  ['acknowledgment', 'be32'],
  ['dataOffset', 'u8'],
  ['flags', 'u8'],
  ['window', 'be16'],
  ['checksum', 'be16'],
  ['urgent', 'be16'],
])

/** RFC 9293 section 3.2, by kind. */
const OPTION_END = 0
const OPTION_NOP = 1
const OPTION_MSS = 2
const MSS_BYTES = 4

/**
 * The maximum segment size that a segment offers, as far as its header is there: a router may quote 8 bytes of it.
 * @returns null when it offers none, or that part is missing
 */
export function parseMss(segment: Uint8Array): number | null {
  if (segment.length < TCP.size) return null
  const view = new DataView(segment.buffer, segment.byteOffset, segment.length)
  const end = Math.min((view.getUint8(TCP.offset.dataOffset) >> 4) * 4, segment.length)
  for (let at = TCP.size; at < end; ) {
    const kind = view.getUint8(at)
    if (kind === OPTION_END) return null
    if (kind === OPTION_NOP) {
      at++
      continue
    }
    if (end - at < 2) return null
    const length = view.getUint8(at + 1)
    if (length < 2 || length > end - at) return null
    if (kind === OPTION_MSS) return length === MSS_BYTES ? view.getUint16(at + 2) : null
    at += length
  }
  return null
}
