// Socket records for filter tests: decoded from a real inet_diag_msg, or built field by field with attributes.

import { AF_INET6, type Protocol } from '../../../src/sockets/constants.js'
import { SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { SYN_RECV, TIME_WAIT } from '../../../src/sockets/states.js'

/** Decodes inet_diag_msg (72 bytes, then attributes), as in linux/inet_diag.h. */
export function recordFrom(bytes: Uint8Array, protocol: Protocol): SocketRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const record = new SocketRecord()
  record.protocol = protocol
  record.family = view.getUint8(0)
  record.state = view.getUint8(1)
  record.timer = view.getUint8(2)
  record.retransmits = view.getUint8(3)
  record.localPort = view.getUint16(4)
  record.peerPort = view.getUint16(6)
  const words = record.family === AF_INET6 ? 4 : 1
  for (let i = 0; i < words; i++) {
    const key = i as 0 | 1 | 2 | 3
    // Signed on purpose: a decoder may keep what DataView or a typed array gives.
    record[`local${key}`] = view.getInt32(8 + 4 * i)
    record[`peer${key}`] = view.getInt32(24 + 4 * i)
  }
  record.ifindex = view.getUint32(40, true)
  record.cookieLow = view.getUint32(44, true)
  record.cookieHigh = view.getUint32(48, true)
  record.expiresMs = view.getUint32(52, true)
  record.recvQueue = view.getUint32(56, true)
  record.sendQueue = view.getUint32(60, true)
  record.uid = view.getUint32(64, true)
  record.inode = view.getUint32(68, true)
  if (record.state === TIME_WAIT || record.state === SYN_RECV || record.timer === 3) record.uid = UNKNOWN
  record.setAttributes(view, 72, bytes.byteLength)
  return record
}

/** `[type, payload]` pairs as netlink attributes. */
export function attributes(pairs: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const parts: number[] = []
  for (const [type, payload] of pairs) {
    const length = 4 + payload.length
    parts.push(length & 0xff, length >> 8, type & 0xff, type >> 8, ...payload)
    while (parts.length % 4) parts.push(0)
  }
  return Uint8Array.from(parts)
}

export function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer)
}

/** tcp_info of 280 bytes with some u32 fields set. */
export function tcpInfo(fields: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(280)
  const view = new DataView(bytes.buffer)
  for (const [offset, value] of Object.entries(fields)) view.setUint32(Number(offset), value, true)
  return bytes
}

/** A record with some fields and attributes set. */
export function record(
  fields: Partial<SocketRecord>,
  pairs: readonly (readonly [number, Uint8Array])[] = [],
): SocketRecord {
  const result = Object.assign(new SocketRecord(), { family: 2, state: 1 }, fields)
  const bytes = attributes(pairs)
  result.setAttributes(new DataView(bytes.buffer), 0, bytes.length)
  return result
}
