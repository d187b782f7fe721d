// Builds packets layer by layer, innermost last: each function takes what it carries and answers its bytes.

import { parseIpv4, parseIpv6 } from '../../src/bytes/address.js'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'
import { concat } from '../sockets/diag/build.js'
import { hex } from '../sockets/diag/samples.js'

export const be16 = (...values: number[]): Uint8Array =>
  Uint8Array.from(values.flatMap(value => [(value >>> 8) & 255, value & 255]))
export const be32 = (...values: number[]): Uint8Array =>
  be16(...values.flatMap(value => [Math.floor(value / 65_536) & 0xffff, value & 0xffff]))

export const CLIENT = '192.0.2.1'
export const SERVER = '198.51.100.2'
export const CLIENT6 = '2001:db8::1'
export const SERVER6 = '2001:db8::2'

export interface Segment {
  sourcePort?: number
  destinationPort?: number
  sequence?: number
  acknowledgment?: number
  flags?: number
  window?: number
  options?: Uint8Array
  payload?: Uint8Array
}

/** Checksum 0 until an IP header around it makes it right. */
export function tcp(segment: Segment = {}): Uint8Array {
  const options = segment.options ?? new Uint8Array(0)
  return concat(
    be16(segment.sourcePort ?? 40_000, segment.destinationPort ?? 80),
    be32(segment.sequence ?? 1000, segment.acknowledgment ?? 2000),
    be16(((20 + options.length) << 10) | (segment.flags ?? 0x18)),
    be16(segment.window ?? 512, 0, 0),
    options,
    segment.payload ?? new Uint8Array(0),
  )
}

export const udp = (payload: Uint8Array, sourcePort = 40_000, destinationPort = 53): Uint8Array =>
  concat(be16(sourcePort, destinationPort, 8 + payload.length, 0), payload)

export interface Ip {
  source?: string
  destination?: string
  ttl?: number
  id?: number
  /** Flags and offset of IPv4, in units of eight bytes. */
  fragment?: number
  length?: number
  options?: Uint8Array
}

/** Where the checksum of a protocol lies, with a pseudo-header. */
const CHECKSUM_AT: Record<number, number> = { 6: 16, 17: 6 }

function checksummed(addresses: Uint8Array, protocol: number, payload: Uint8Array, whole: boolean): Uint8Array {
  const at = CHECKSUM_AT[protocol]
  if (!whole || at === undefined || payload.length < at + 2) return payload
  const bytes = payload.slice()
  const pseudo = concat(addresses, be16(protocol, payload.length))
  // The complement of a sum is what the sum goes on from.
  const sum = 0xffff - internetChecksum(pseudo, 0, pseudo.length)
  bytes.set(be16(internetChecksum(bytes, 0, bytes.length, sum)), at)
  return bytes
}

export function ipv4(protocol: number, payload: Uint8Array, ip: Ip = {}): Uint8Array {
  const options = ip.options ?? new Uint8Array(0)
  const addresses = be32(parseIpv4(ip.source ?? CLIENT)!, parseIpv4(ip.destination ?? SERVER)!)
  const header = concat(
    Uint8Array.of(0x45 + options.length / 4, 0),
    be16(ip.length ?? 20 + options.length + payload.length, ip.id ?? 1, ip.fragment ?? 0x4000),
    Uint8Array.of(ip.ttl ?? 64, protocol, 0, 0),
    addresses,
    options,
  )
  header.set(be16(internetChecksum(header, 0, header.length)), 10)
  return concat(header, checksummed(addresses, protocol, payload, ((ip.fragment ?? 0) & 0x3fff) === 0))
}

export interface Ip6 {
  source?: string
  destination?: string
  length?: number
}

export function ipv6(next: number, payload: Uint8Array, ip: Ip6 = {}): Uint8Array {
  const addresses = be32(...parseIpv6(ip.source ?? CLIENT6)!, ...parseIpv6(ip.destination ?? SERVER6)!)
  return concat(
    be32(0x60000000),
    be16(ip.length ?? payload.length),
    Uint8Array.of(next, 64),
    addresses,
    checksummed(addresses, next, payload, true),
  )
}

export const ethernet = (type: number, payload: Uint8Array): Uint8Array =>
  concat(hex('02 00 00 00 00 01 02 00 00 00 00 02'), be16(type), payload)

/** The tag behind its ethertype. */
export const vlanTag = (id: number, type: number, payload: Uint8Array): Uint8Array => concat(be16(id, type), payload)

/** A captured packet of these bytes, in a buffer of exactly their size: a read beyond it would throw. */
export function captured(linkType: number, bytes: Uint8Array, wireLength = bytes.length): CapturedPacket {
  const packet = new CapturedPacket()
  const own = bytes.slice()
  packet.data = new DataView(own.buffer)
  packet.end = own.length
  packet.wireLength = wireLength
  packet.linkType = linkType
  packet.frame = 1
  return packet
}
