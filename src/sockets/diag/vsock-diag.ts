// sock_diag for vsock sockets (host to virtual machine): request, and message into the reused record.

import { layout } from '../../bytes/layout.js'
import { AF_VSOCK } from '../constants.js'
import type { SocketRecord } from '../record.js'
import { startRecord } from './common.js'

/** linux/vm_sockets_diag.h, struct vsock_diag_req. */
export const VSOCK_REQUEST = layout('vsock_diag_req', 24, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['pad', 'u16'],
  ['states', 'u32'],
  ['inode', 'u32'],
  ['show', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/vm_sockets_diag.h, struct vsock_diag_msg. */
export const VSOCK_MESSAGE = layout('vsock_diag_msg', 32, [
  ['family', 'u8'],
  ['type', 'u8'],
  ['state', 'u8'],
  ['shutdown', 'u8'],
  ['localCid', 'u32'],
  ['localPort', 'u32'],
  ['peerCid', 'u32'],
  ['peerPort', 'u32'],
  ['inode', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/vm_sockets.h: VMADDR_CID_ANY and VMADDR_PORT_ANY. */
const ANY = 0xffffffff

/** The request payload: 24 bytes, of which the kernel reads the states only. */
export function encodeVsockRequest(request: { states: number }): Uint8Array {
  const bytes = new Uint8Array(VSOCK_REQUEST.size)
  bytes[VSOCK_REQUEST.offset.family] = AF_VSOCK
  new DataView(bytes.buffer).setUint32(VSOCK_REQUEST.offset.states, request.states >>> 0, true)
  return bytes
}

const AT = VSOCK_MESSAGE.offset
const SIZE = VSOCK_MESSAGE.size

/**
 * Fills `record` from the vsock_diag_msg at `start`..`end`; false when the message is too short to be one. The kernel sends
 * neither queues nor owner: both stay UNKNOWN. Context ids are in `other` as text, `*` for any; the `other` object is reused.
 */
export function decodeVsock(data: DataView, start: number, end: number, record: SocketRecord): boolean {
  if (end - start < SIZE) return false
  startRecord(record, 'vsock', AF_VSOCK, data.getUint8(start + AT.type))
  record.state = data.getUint8(start + AT.state)
  record.inode = data.getUint32(start + AT.inode, true)
  record.cookieLow = data.getInt32(start + AT.cookieLow, true)
  record.cookieHigh = data.getInt32(start + AT.cookieHigh, true)
  record.unix = record.packet = record.netlink = null
  record.setAttributes(data, start + SIZE, end)

  const localPort = data.getUint32(start + AT.localPort, true)
  const peerPort = data.getUint32(start + AT.peerPort, true)
  record.localPort = localPort === ANY ? 0 : localPort
  record.peerPort = peerPort === ANY ? 0 : peerPort
  record.other ??= { localAddress: '', localPort: null, peerAddress: '', peerPort: null }
  const part = record.other
  part.localAddress = formatCid(data.getUint32(start + AT.localCid, true))
  part.localPort = localPort === ANY ? null : localPort
  part.peerAddress = formatCid(data.getUint32(start + AT.peerCid, true))
  part.peerPort = peerPort === ANY ? null : peerPort
  part.shutdown = data.getUint8(start + AT.shutdown)
  return true
}

/** A context id as ss prints it: a number, `*` for any. */
export function formatCid(cid: number): string {
  return cid === ANY ? '*' : String(cid)
}

const WELL_KNOWN = ['hypervisor', 'local', 'host'] as const

/** What a well-known context id stands for (linux/vm_sockets.h, VMADDR_CID_*); null for a guest's. */
export function cidName(cid: number): 'hypervisor' | 'local' | 'host' | 'any' | null {
  return cid === ANY ? 'any' : (WELL_KNOWN[cid] ?? null)
}
