// What routers append to ICMP errors behind the datagram that they quote: the packet's MPLS labels, and interfaces of theirs.

import { formatIpv4, formatIpv6 } from '../bytes/address.js'
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
/** RFC 5837: an interface; the type tells its role in the two high bits, and what is said of it in the four low ones. */
const INTERFACE_CLASS = 2
const ROLES: readonly InterfaceRole[] = ['incoming', 'incoming-sub', 'outgoing', 'next-hop']
const HAS_INDEX = 8
const HAS_ADDRESS = 4
const HAS_NAME = 2
const HAS_MTU = 1
/** Bytes of an address by its address family number (IANA): 1 is IPv4, 2 IPv6. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 16 }
/** RFC 5837 section 4.1: at most one of each role. */
const MOST_INTERFACES = 4
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

/** What RFC 5837 says an interface of the router did with the packet. */
export type InterfaceRole = 'incoming' | 'incoming-sub' | 'outgoing' | 'next-hop'

/** An interface that a router names (RFC 5837 section 4); what it did not tell is null. */
export interface InterfaceInfo {
  readonly role: InterfaceRole
  readonly index: number | null
  readonly address: string | null
  /** As it came: not fit for a terminal yet. */
  readonly name: string | null
  readonly mtu: number | null
}

/** What a router appended. */
export interface IcmpExtensions {
  /** The MPLS labels that the packet had when the router gave it up, outermost first; null when it did not tell. */
  readonly mpls: MplsLabel[] | null
  readonly interfaces: InterfaceInfo[] | null
}

/**
 * The extensions of an ICMP error; null when there are none.
 * @param quoted what the router quoted behind the IP header, to the end of its message
 * @param quotedBytes how many bytes of `quoted` are the datagram, where the message says so (RFC 4884 section 4.1, the kernel's
 *   `sock_ee_data_rfc4884`); 0 where it does not, as with routers older than that rule
 * @param headerBytes bytes of the quoted IP header, and of whatever else `quoted` does not begin with
 */
export function parseIcmpExtensions(
  quoted: Uint8Array,
  quotedBytes: number,
  headerBytes: number,
): IcmpExtensions | null {
  const start = quotedBytes > 0 ? quotedBytes : QUOTED_BYTES - headerBytes
  if (start < 0 || quoted.length - start < ICMP_EXTENSION.size + ICMP_OBJECT.size) return null
  const view = new DataView(quoted.buffer, quoted.byteOffset, quoted.length)
  if (view.getUint16(start) >> 12 !== VERSION) return null
  // 0: not computed. Without a length, only a right checksum tells an extension from payload that looks like one (section 5.5).
  const unchecked = view.getUint16(start + ICMP_EXTENSION.offset.checksum) === 0
  if (unchecked ? quotedBytes === 0 : internetChecksum(quoted, start, quoted.length) !== 0) return null
  return objectsOf(view, start + ICMP_EXTENSION.size)
}

/** The MPLS labels alone, as `parseIcmpExtensions` finds them. */
export function parseMplsLabels(quoted: Uint8Array, quotedBytes: number, headerBytes: number): MplsLabel[] | null {
  return parseIcmpExtensions(quoted, quotedBytes, headerBytes)?.mpls ?? null
}

/** Objects up to the first that does not fit; null when there is none that is known. */
function objectsOf(view: DataView, start: number): IcmpExtensions | null {
  const { offset, size } = ICMP_OBJECT
  let mpls: MplsLabel[] | null = null
  const interfaces: InterfaceInfo[] = []
  for (let at = start; view.byteLength - at >= size; ) {
    const length = view.getUint16(at + offset.length)
    if (length < size || length > view.byteLength - at) break
    const kind = view.getUint8(at + offset.class)
    const type = view.getUint8(at + offset.type)
    if (kind === MPLS_STACK_CLASS && type === MPLS_INCOMING_STACK) mpls ??= stackOf(view, at + size, at + length)
    if (kind === INTERFACE_CLASS && interfaces.length < MOST_INTERFACES) {
      const info = interfaceOf(view, at + size, at + length, type)
      if (info !== null) interfaces.push(info)
    }
    at += length
  }
  return mpls === null && interfaces.length === 0
    ? null
    : { mpls, interfaces: interfaces.length > 0 ? interfaces : null }
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

/** RFC 5837 section 4.1: the type says what is there, in this order. Null when it does not fit in the object. */
function interfaceOf(view: DataView, start: number, end: number, type: number): InterfaceInfo | null {
  const role = ROLES[type >> 6]!
  let at = start
  let index: number | null = null
  let address: string | null = null
  let name: string | null = null
  let mtu: number | null = null
  if ((type & HAS_INDEX) !== 0) {
    if (end - at < 4) return null
    index = view.getUint32(at)
    at += 4
  }
  if ((type & HAS_ADDRESS) !== 0) {
    if (end - at < 4) return null
    const bytes = ADDRESS_BYTES[view.getUint16(at)]
    if (bytes === undefined || end - at < 4 + bytes) return null
    address = addressAt(view, at + 4, bytes)
    at += 4 + bytes
  }
  if ((type & HAS_NAME) !== 0) {
    const length = end > at ? view.getUint8(at) : 0
    // Its length counts itself, and is a multiple of 4 up to 64.
    if (length === 0 || length % 4 !== 0 || length > 64 || end - at < length) return null
    name = nameAt(view, at + 1, at + length)
    at += length
  }
  if ((type & HAS_MTU) !== 0) {
    if (end - at < 4) return null
    mtu = view.getUint32(at)
  }
  return { role, index, address, name, mtu }
}

function addressAt(view: DataView, at: number, bytes: number): string {
  if (bytes === 4) return formatIpv4(view.getUint32(at))
  return formatIpv6(view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8), view.getUint32(at + 12))
}

function nameAt(view: DataView, start: number, end: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, end - start)
  const zero = bytes.indexOf(0)
  return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero))
}
