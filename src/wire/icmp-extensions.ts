// What routers append to ICMP errors behind the datagram that they quote: the packet's MPLS labels.

import { internetChecksum } from '../bytes/checksum.js'
import { layout } from '../bytes/layout.js'

/** RFC 4884 section 7: before the objects. */
export const ICMP_EXTENSION = layout('icmp extension header', 4, [
  ['versionReserved', 'be16'],
  ['checksum', 'be16'],
])

/** RFC 4884 section 8: before each object. */
export const ICMP_OBJECT = layout('icmp extension object', 4, [
  ['length', 'be16'],
  ['class', 'u8'],
  ['type', 'u8'],
])

const VERSION = 2
/** RFC 4950: the stack as it came in. */
const MPLS_STACK_CLASS = 1
const MPLS_INCOMING_STACK = 1
/** Most entries that are read: the deepest stacks have about ten. */
const MOST_LABELS = 32
/** RFC 4884 section 4: the quoted datagram is padded to this at least. */
const QUOTED_BYTES = 128

/** One entry of an MPLS label stack (RFC 3032 section 2.1). */
export interface MplsLabel {
  readonly label: number
  readonly trafficClass: number
  /** It is the last of the stack. */
  readonly bottom: boolean
  readonly ttl: number
}

/**
 * The MPLS labels that a packet had when a router gave it up, outermost first; null when the router did not tell.
 * @param quoted what the router quoted behind the IP header, to the end of its message
 * @param quotedBytes how many bytes of `quoted` are the datagram, where the message says so (RFC 4884 section 4.1, the kernel's
 *   `sock_ee_data_rfc4884`); 0 where it does not, as with routers older than that rule
 * @param headerBytes bytes of the quoted IP header
 */
export function parseMplsLabels(quoted: Uint8Array, quotedBytes: number, headerBytes: number): MplsLabel[] | null {
  const start = quotedBytes > 0 ? quotedBytes : QUOTED_BYTES - headerBytes
  if (start < 0 || quoted.length - start < ICMP_EXTENSION.size + ICMP_OBJECT.size) return null
  const view = new DataView(quoted.buffer, quoted.byteOffset, quoted.length)
  if (view.getUint16(start) >> 12 !== VERSION) return null
  // 0: not computed. Without a length, only a right checksum tells an extension from payload that looks like one (section 5.5).
  const unchecked = view.getUint16(start + ICMP_EXTENSION.offset.checksum) === 0
  if (unchecked ? quotedBytes === 0 : internetChecksum(quoted, start, quoted.length) !== 0) return null
  return labelsOf(view, start + ICMP_EXTENSION.size)
}

function labelsOf(view: DataView, start: number): MplsLabel[] | null {
  const { offset, size } = ICMP_OBJECT
  let at = start
  while (view.byteLength - at >= size) {
    const length = view.getUint16(at + offset.length)
    if (length < size || length > view.byteLength - at) return null
    if (
      view.getUint8(at + offset.class) === MPLS_STACK_CLASS &&
      view.getUint8(at + offset.type) === MPLS_INCOMING_STACK
    ) {
      return stackOf(view, at + size, at + length)
    }
    at += length
  }
  return null
}

function stackOf(view: DataView, start: number, end: number): MplsLabel[] | null {
  const labels: MplsLabel[] = []
  for (let at = start; at + 4 <= end && labels.length < MOST_LABELS; at += 4) {
    const entry = view.getUint32(at)
    const bottom = (entry & 0x100) !== 0
    labels.push({ label: entry >>> 12, trafficClass: (entry >>> 9) & 7, bottom, ttl: entry & 0xff })
    if (bottom) break
  }
  return labels.length > 0 ? labels : null
}
