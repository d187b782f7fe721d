// The kernel's interpreter of filter bytecode, told again from net/ipv4/inet_diag.c: inet_diag_bc_audit() and inet_diag_bc_run().

import { AF_INET, AF_INET6 } from '../../../src/sockets/constants.js'
import type { SocketRecord } from '../../../src/sockets/record.js'

const OP_LENGTHS: Readonly<Record<number, number>> = {
  0: 4,
  1: 4,
  2: 8,
  3: 8,
  4: 8,
  5: 8,
  6: 4,
  9: 8,
  10: 12,
  11: 8,
  12: 8,
  13: 12,
}

function opLength(view: DataView, at: number): number {
  const code = view.getUint8(at)
  if (code !== 7 && code !== 8) return OP_LENGTHS[code] ?? Number.POSITIVE_INFINITY
  const family = view.getUint8(at + 4)
  return 12 + (family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0)
}

/** Whether the kernel takes the program; else it answers EINVAL. */
export function audit(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const starts = new Set<number>([bytes.length])
  for (let at = 0; at < bytes.length; at += view.getUint8(at + 1)) {
    starts.add(at)
    if (view.getUint8(at + 1) < 4) return false
  }
  let at = 0
  while (at < bytes.length) {
    const left = bytes.length - at
    const length = opLength(view, at)
    const yes = view.getUint8(at + 1)
    const no = view.getUint16(at + 2, true)
    if (length > left || no < length || no > left + 4 || no % 4) return false
    if (no < left && !starts.has(at + no)) return false
    if (yes < length || yes > left + 4 || yes % 4) return false
    at += yes
  }
  return at === bytes.length
}

/** What the kernel knows of a socket beyond the message: 0 mark and cgroup when the attribute is absent. */
function attributeValue(record: SocketRecord, type: number, high = 0): number {
  const at = record.attribute(type)
  return at < 0 ? 0 : record.data.getUint32(at + high, true)
}

function bitsMatch(address: readonly number[], wanted: readonly number[], bits: number): boolean {
  for (let i = 0; i < bits; i++) {
    const shift = 31 - (i % 32)
    if (((address[i >> 5]! >>> shift) & 1) !== ((wanted[i >> 5]! >>> shift) & 1)) return false
  }
  return true
}

function hostMatches(view: DataView, at: number, record: SocketRecord, local: boolean): boolean {
  const family = view.getUint8(at + 4)
  const prefix = view.getUint8(at + 5)
  const port = view.getInt32(at + 8, true)
  if (port !== -1 && port !== (local ? record.localPort : record.peerPort)) return false
  const address = local
    ? [record.local0, record.local1, record.local2, record.local3]
    : [record.peer0, record.peer1, record.peer2, record.peer3]
  const wanted: number[] = []
  for (let i = 0; i < (family === AF_INET ? 1 : family === AF_INET6 ? 4 : 0); i++)
    wanted.push(view.getUint32(at + 12 + 4 * i))
  if (family !== 0 && family !== record.family) {
    if (record.family !== AF_INET6 || family !== AF_INET) return false
    const mapped = address[0] === 0 && address[1] === 0 && address[2]! >>> 0 === 0xffff
    return mapped && bitsMatch([address[3]!], wanted, prefix)
  }
  return prefix === 0 || bitsMatch(address, wanted, prefix)
}

function holds(view: DataView, at: number, record: SocketRecord): boolean {
  const port = (): number => view.getUint16(at + 6, true)
  switch (view.getUint8(at)) {
    case 0:
      return true
    case 1:
      return false
    case 2:
      return record.localPort >= port()
    case 3:
      return record.localPort <= port()
    case 4:
      return record.peerPort >= port()
    case 5:
      return record.peerPort <= port()
    case 7:
      return hostMatches(view, at, record, true)
    case 8:
      return hostMatches(view, at, record, false)
    case 9:
      return view.getUint32(at + 4, true) === record.ifindex
    case 10:
      return (attributeValue(record, 15) & view.getUint32(at + 8, true)) >>> 0 === view.getUint32(at + 4, true)
    case 13:
      return (
        view.getUint32(at + 4, true) === attributeValue(record, 21) &&
        view.getUint32(at + 8, true) === attributeValue(record, 21, 4)
      )
    default:
      throw new Error(`no such op in these tests: ${view.getUint8(at)}`)
  }
}

/** Whether the kernel would report the socket. */
export function run(bytes: Uint8Array, record: SocketRecord): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < bytes.length) at += holds(view, at, record) ? view.getUint8(at + 1) : view.getUint16(at + 2, true)
  return at === bytes.length
}
