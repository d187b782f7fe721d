// Addresses, tables and constants that the tests of the native socket share.
import { readdirSync } from 'node:fs'
import { endianness } from 'node:os'
import { isLoadFailure, loadNative, type NativeSocket } from '../../src/adapters/native.js'
import { RECEIVE_ROW, ROW, SEND_ROW } from '../../src/bytes/batch-table.js'

const loaded = loadNative()

/** Null where the addon was not built: the tests are skipped then, and the reason printed. */
export const addon: NativeSocket | null = isLoadFailure(loaded) ? null : loaded
if (isLoadFailure(loaded)) console.warn(`skipped: ${loaded.reason}`)
export const native = addon as NativeSocket

export const AF_UNIX = 1
export const AF_INET = 2
export const AF_NETLINK = 16
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const NETLINK_SOCK_DIAG = 4
export const SOL_IP = 0
export const SOL_SOCKET = 1
export const IP_PKTINFO = 8
export const IP_RECVERR = 11
export const SO_ERROR = 4
export const SO_RCVBUF = 8
export const SO_ATTACH_FILTER = 26
export const SO_TIMESTAMPNS = 35
export const SO_SELECT_ERR_QUEUE = 45
export const MSG_TRUNC = 0x20
export const MSG_ERRQUEUE = 0x2000
export const EBADF = -9
export const EAGAIN = -11
export const EBUSY = -16
export const EINVAL = -22
export const ECONNREFUSED = -111
export const EINPROGRESS = -115

export const isLittleEndian = endianness() === 'LE'

export function int32(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer)
}

export function readInt32(bytes: Uint8Array, offset = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(offset, isLittleEndian)
}

/** struct sockaddr_in of 127.0.0.1. */
export function loopback(port: number): Uint8Array {
  const address = new Uint8Array(16)
  new DataView(address.buffer).setUint16(0, AF_INET, isLittleEndian)
  address.set([port >> 8, port & 255, 127, 0, 0, 1], 2)
  return address
}

export function portOf(handle: number): number {
  const name = new Uint8Array(16)
  native.getName(handle, name)
  return (name[2]! << 8) | name[3]!
}

/** A UDP socket bound to a free port of loopback. */
export function udp(): { handle: number; port: number } {
  const handle = native.open(AF_INET, SOCK_DGRAM, 0, -1)
  native.bind(handle, loopback(0))
  return { handle, port: portOf(handle) }
}

/** A port that nothing listens on: it was free a moment ago. */
export function closedPort(): number {
  const { handle, port } = udp()
  native.close(handle)
  return port
}

export interface Row {
  data?: [offset: number, length: number]
  name?: [offset: number, length: number]
  control?: [offset: number, length: number]
}

function table(rows: readonly Row[], stride: number): Int32Array {
  const result = new Int32Array(rows.length * stride)
  for (const [index, { data = [0, 0], name = [0, 0], control = [0, 0] }] of rows.entries())
    result.set([...data, ...name, ...control], index * stride)
  return result
}

export const sendTable = (rows: readonly Row[]): Int32Array => table(rows, SEND_ROW)
export const receiveTable = (rows: readonly Row[]): Int32Array => table(rows, RECEIVE_ROW)

export function result(rows: Int32Array, index: number, field: keyof typeof ROW): number {
  return rows[index * RECEIVE_ROW + ROW[field]]!
}

export interface ControlMessage {
  level: number
  type: number
  data: Uint8Array
}

/** cmsg(3): a 16-byte header on 64-bit Linux, data, padding to 8. */
export function controlMessages(arena: Uint8Array, offset: number, length: number): ControlMessage[] {
  const view = new DataView(arena.buffer, arena.byteOffset)
  const found: ControlMessage[] = []
  for (let at = offset; at + 16 <= offset + length; ) {
    const size = view.getUint32(at, isLittleEndian)
    found.push({
      level: view.getInt32(at + 8, isLittleEndian),
      type: view.getInt32(at + 12, isLittleEndian),
      data: arena.slice(at + 16, at + size),
    })
    at += Math.max(16, (size + 7) & ~7)
  }
  return found
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Calls `attempt` again until it answers something else than -EAGAIN. */
export async function eventually(attempt: () => number): Promise<number> {
  for (let left = 200; left > 0; left--) {
    const answer = attempt()
    if (answer !== EAGAIN) return answer
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return EAGAIN
}

/** struct nlmsghdr + inet_diag_req_v2: all TCP sockets of one family. */
export function tcpDump(family: number): Uint8Array {
  const request = new Uint8Array(72)
  const view = new DataView(request.buffer)
  view.setUint32(0, request.length, isLittleEndian)
  view.setUint16(4, 20, isLittleEndian) // SOCK_DIAG_BY_FAMILY
  view.setUint16(6, 0x301, isLittleEndian) // NLM_F_REQUEST | NLM_F_DUMP
  request.set([family, 6], 16) // IPPROTO_TCP
  view.setUint32(20, 0xffffffff, isLittleEndian) // every state
  return request
}
