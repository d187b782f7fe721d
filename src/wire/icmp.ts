// ICMP and ICMPv6 messages: their types, and echo requests and replies with the mark that makes them ours.

import { layout } from '../bytes/layout.js'

/** RFC 792 and RFC 4443 section 4.1: header of an echo request or reply, alike in both. */
export const ICMP_ECHO = layout('icmp echo', 8, [
  ['type', 'u8'],
  ['code', 'u8'],
  ['checksum', 'be16'],
  ['identifier', 'be16'],
  ['sequence', 'be16'],
])

/** RFC 792, RFC 4884: header of an error, before the datagram it quotes. `length` is of ICMPv4, in words of 32 bits. */
export const ICMP_ERROR = layout('icmp error', 8, [
  ['type', 'u8'],
  ['code', 'u8'],
  ['checksum', 'be16'],
  ['pointer', 'u8'],
  ['length', 'u8'],
  ['mtu', 'be16'],
])

/** RFC 4443 sections 3.1 to 3.4, RFC 4884: `value` is an MTU or pointer, or begins with the length in words of 64 bits. */
export const ICMP6_ERROR = layout('icmpv6 error', 8, [
  ['type', 'u8'],
  ['code', 'u8'],
  ['checksum', 'be16'],
  ['value', 'be32'],
])

/** linux/icmp.h */
export const ICMP_ECHO_REPLY = 0
export const ICMP_UNREACHABLE = 3
export const ICMP_SOURCE_QUENCH = 4
export const ICMP_REDIRECT = 5
export const ICMP_ECHO_REQUEST = 8
export const ICMP_TIME_EXCEEDED = 11
export const ICMP_PARAMETER_PROBLEM = 12
/** Code of ICMP_UNREACHABLE: the packet was too big and may not be fragmented (RFC 1191). */
export const ICMP_FRAG_NEEDED = 4

/** linux/icmpv6.h */
export const ICMP6_UNREACHABLE = 1
export const ICMP6_PACKET_TOO_BIG = 2
export const ICMP6_TIME_EXCEEDED = 3
export const ICMP6_PARAMETER_PROBLEM = 4
export const ICMP6_ECHO_REQUEST = 128
export const ICMP6_ECHO_REPLY = 129

/** Codes of "unreachable": nobody listens at the port (ICMP_PORT_UNREACH of linux/icmp.h, ICMPV6_PORT_UNREACH of linux/icmpv6.h). */
const PORT_UNREACHABLE = { 4: 3, 6: 4 } as const

/** Whether a message says that its packet could not be delivered. */
export function isUnreachable(family: 4 | 6, type: number | null): boolean {
  return type === (family === 4 ? ICMP_UNREACHABLE : ICMP6_UNREACHABLE)
}

export function isPortUnreachable(family: 4 | 6, type: number | null, code: number | null): boolean {
  return isUnreachable(family, type) && code === PORT_UNREACHABLE[family]
}

/** Whether a message tells the MTU of the link that its packet did not fit. */
export function isTooBig(family: 4 | 6, type: number | null, code: number | null): boolean {
  return family === 4 ? type === ICMP_UNREACHABLE && code === ICMP_FRAG_NEEDED : type === ICMP6_PACKET_TOO_BIG
}

/** Whether that type of ICMP message quotes a datagram that failed. */
export function isIcmpError(family: 4 | 6, type: number): boolean {
  if (family === 6) return type < 128
  return (
    type === ICMP_UNREACHABLE ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM ||
    type === ICMP_REDIRECT ||
    type === ICMP_SOURCE_QUENCH
  )
}

/**
 * A payload of this many bytes and more begins with our mark, little endian: the run's cookie (two words), the index of the
 * target and the full sequence number, so that an answer is told from another program's and from an earlier run's.
 */
export const ECHO_COOKIE_BYTES = 16

const { offset, size } = ICMP_ECHO

/** What an echo request is made of. */
export interface EchoRequest {
  family: 4 | 6
  identifier: number
  /** From 1; the header has its low 16 bits. */
  sequence: number
  payloadBytes: number
  target: number
  cookieLow: number
  cookieHigh: number
}

/**
 * Writes an echo request at `at`: header with checksum 0, and our mark where the payload has room for it. The pattern must be there
 * already (`fillPattern`). Answers its length.
 */
export function encodeEcho(view: DataView, at: number, request: EchoRequest): number {
  view.setUint8(at + offset.type, request.family === 4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST)
  view.setUint8(at + offset.code, 0)
  view.setUint16(at + offset.checksum, 0)
  view.setUint16(at + offset.identifier, request.identifier)
  view.setUint16(at + offset.sequence, request.sequence & 0xffff)
  if (request.payloadBytes >= ECHO_COOKIE_BYTES) {
    view.setUint32(at + size, request.cookieLow, true)
    view.setUint32(at + size + 4, request.cookieHigh, true)
    view.setUint32(at + size + 8, request.target, true)
    view.setUint32(at + size + 12, request.sequence, true)
  }
  return size + request.payloadBytes
}

/** Fills a payload: with `pattern` again and again, or with 0, 1, 2 ... as ping does. */
export function fillPattern(bytes: Uint8Array, at: number, payloadBytes: number, pattern: Uint8Array | null): void {
  const own = pattern === null || pattern.length === 0 ? null : pattern
  for (let index = 0; index < payloadBytes; index++) {
    bytes[at + index] = own === null ? index & 0xff : own[index % own.length]!
  }
}

/** An echo request or reply that came back, or the part of it that a router quoted. */
export class EchoView {
  type = 0
  code = 0
  identifier = 0
  sequence = 0
  payloadStart = 0
  payloadEnd = 0
  /** The payload has room for our mark; the four below mean nothing where it has not. */
  hasMark = false
  cookieLow = 0
  cookieHigh = 0
  target = 0
  fullSequence = 0

  /** Reads the message at `start`..`end` of `data`; false, and nothing changed, when it is shorter than an echo header. */
  move(data: DataView, start: number, end: number): boolean {
    if (start < 0 || end > data.byteLength || end - start < size) return false
    this.type = data.getUint8(start + offset.type)
    this.code = data.getUint8(start + offset.code)
    this.identifier = data.getUint16(start + offset.identifier)
    this.sequence = data.getUint16(start + offset.sequence)
    const payload = start + size
    this.payloadStart = payload
    this.payloadEnd = end
    this.hasMark = end - payload >= ECHO_COOKIE_BYTES
    if (this.hasMark) {
      this.cookieLow = data.getUint32(payload, true)
      this.cookieHigh = data.getUint32(payload + 4, true)
      this.target = data.getUint32(payload + 8, true)
      this.fullSequence = data.getUint32(payload + 12, true)
    } else {
      this.cookieLow = 0
      this.cookieHigh = 0
      this.target = 0
      this.fullSequence = 0
    }
    return true
  }

  /** It carries the mark of the run with that cookie. */
  isOurs(cookieLow: number, cookieHigh: number): boolean {
    return this.hasMark && this.cookieLow === cookieLow && this.cookieHigh === cookieHigh
  }
}
