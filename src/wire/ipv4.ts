// IPv4 headers: in front of what a raw socket receives, and of what an ICMP error quotes.

import { formatIpv4 } from '../bytes/address.js'
import { layout } from '../bytes/layout.js'

/** RFC 791 section 3.1, without options. */
export const IPV4 = layout('ipv4', 20, [
  ['versionLength', 'u8'],
  ['tos', 'u8'],
  ['totalLength', 'be16'],
  ['identification', 'be16'],
  ['fragment', 'be16'],
  ['ttl', 'u8'],
  ['protocol', 'u8'],
  ['checksum', 'be16'],
  ['source', 'be32'],
  ['destination', 'be32'],
])

/** linux/in.h */
export const IPPROTO_ICMP = 1
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17

const { offset, size } = IPV4

/** One IPv4 packet, of which the end may be missing. */
export class Ipv4View {
  /** With options. */
  headerBytes = 0
  tos = 0
  ttl = 0
  protocol = 0
  /** Of the payload within the whole packet, in bytes; the next header is there only where it is 0. */
  fragmentOffset = 0
  /** Addresses as big-endian words. */
  sourceWord = 0
  destinationWord = 0
  optionsStart = 0
  payloadStart = 0
  payloadEnd = 0

  /** Reads the packet at `start`..`end` of `data`; false, and nothing changed, when there is no whole IPv4 header. */
  move(data: DataView, start: number, end: number): boolean {
    if (start < 0 || end > data.byteLength || end - start < size) return false
    const versionLength = data.getUint8(start + offset.versionLength)
    const headerBytes = (versionLength & 15) * 4
    if (versionLength >> 4 !== 4 || headerBytes < size || headerBytes > end - start) return false
    const totalLength = data.getUint16(start + offset.totalLength)
    this.headerBytes = headerBytes
    this.tos = data.getUint8(start + offset.tos)
    this.ttl = data.getUint8(start + offset.ttl)
    this.protocol = data.getUint8(start + offset.protocol)
    this.fragmentOffset = (data.getUint16(start + offset.fragment) & 0x1fff) * 8
    this.sourceWord = data.getUint32(start + offset.source)
    this.destinationWord = data.getUint32(start + offset.destination)
    this.optionsStart = start + size
    this.payloadStart = start + headerBytes
    // A length that cannot be (routers have quoted it changed, or in host order) says nothing of where the payload ends.
    this.payloadEnd = totalLength < headerBytes ? end : Math.min(start + totalLength, end)
    return true
  }

  /** Where it is from, in text. */
  source(): string {
    return formatIpv4(this.sourceWord)
  }

  /** Where it goes to, in text. */
  destination(): string {
    return formatIpv4(this.destinationWord)
  }
}
