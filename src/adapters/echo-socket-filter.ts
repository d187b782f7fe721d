// The classic BPF program of a raw ICMP socket: without it the socket gets a copy of every ICMP message of the host.

import { ICMP_ECHO_REPLY, ICMP6_ECHO_REPLY } from '../wire/icmp.js'

/** linux/filter.h: struct sock_filter, one instruction a row: code, true and false jump, operand. */
function program(rows: readonly (readonly [number, number, number, number])[]): Uint8Array {
  const bytes = new Uint8Array(rows.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [index, [code, yes, no, operand]] of rows.entries()) {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, yes)
    view.setUint8(index * 8 + 3, no)
    view.setUint32(index * 8 + 4, operand, true)
  }
  return bytes
}

const KEEP = [0x06, 0, 0, 0xffffffff] as const
const DROP = [0x06, 0, 0, 0] as const

/** A raw IPv4 socket is filtered from the IP header on: X becomes its length. */
function filterIpv4(identifier: number): Uint8Array {
  return program([
    [0xb1, 0, 0, 0], // ldxb 4*([0]&0xf)
    [0x50, 0, 0, 0], // ldb [x + 0]: type
    [0x15, 0, 3, ICMP_ECHO_REPLY],
    [0x48, 0, 0, 4], // ldh [x + 4]: identifier
    [0x15, 0, 1, identifier],
    KEEP,
    DROP,
  ])
}

/** A raw IPv6 socket from the ICMPv6 header on. */
function filterIpv6(identifier: number): Uint8Array {
  return program([
    [0x30, 0, 0, 0], // ldb [0]: type
    [0x15, 0, 3, ICMP6_ECHO_REPLY],
    [0x28, 0, 0, 4], // ldh [4]: identifier
    [0x15, 0, 1, identifier],
    KEEP,
    DROP,
  ])
}

/** Passes echo replies with that identifier and nothing else: instructions for SO_ATTACH_FILTER. */
export function echoReplyFilter(family: 4 | 6, identifier: number): Uint8Array {
  return family === 4 ? filterIpv4(identifier) : filterIpv6(identifier)
}
