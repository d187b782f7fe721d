// sock_diag for unix sockets: request, and message into the reused record.

import { layout } from '../../bytes/layout.js'
import { AF_UNIX } from '../constants.js'
import type { SocketRecord } from '../record.js'
import { attributeU32, startRecord } from './common.js'

/** linux/unix_diag.h, struct unix_diag_req. */
export const UNIX_REQUEST = layout('unix_diag_req', 24, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['pad', 'u16'],
  ['states', 'u32'],
  ['inode', 'u32'],
  ['show', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/unix_diag.h, struct unix_diag_msg. */
export const UNIX_MESSAGE = layout('unix_diag_msg', 16, [
  ['family', 'u8'],
  ['type', 'u8'],
  ['state', 'u8'],
  ['pad', 'u8'],
  ['inode', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** What a request can ask for. */
export const UDIAG_SHOW_NAME = 0x01
export const UDIAG_SHOW_VFS = 0x02
export const UDIAG_SHOW_PEER = 0x04
export const UDIAG_SHOW_ICONS = 0x08
export const UDIAG_SHOW_RQLEN = 0x10
export const UDIAG_SHOW_MEMINFO = 0x20
export const UDIAG_SHOW_UID = 0x40

/** What a listing needs: names, peers, queues, owners, file of a path, and who waits in an accept queue. */
export const UNIX_SHOW_DEFAULT =
  UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID

/** Attribute numbers; this family starts at 0. */
export const UNIX_DIAG_NAME = 0
export const UNIX_DIAG_VFS = 1
export const UNIX_DIAG_PEER = 2
export const UNIX_DIAG_ICONS = 3
export const UNIX_DIAG_RQLEN = 4
export const UNIX_DIAG_MEMINFO = 5
export const UNIX_DIAG_SHUTDOWN = 6
export const UNIX_DIAG_UID = 7

export interface UnixRequest {
  /** Mask of kernel states. */
  states: number
  /** UDIAG_SHOW_ bits; UNIX_SHOW_DEFAULT when left out. */
  show?: number
  /** Asks for the memory attribute too. */
  memory?: boolean
  /** Names one socket, for a request without NLM_F_DUMP. */
  inode?: number
}

/** The request payload: 24 bytes. */
export function encodeUnixRequest(request: UnixRequest): Uint8Array {
  const bytes = new Uint8Array(UNIX_REQUEST.size)
  const view = new DataView(bytes.buffer)
  const { offset } = UNIX_REQUEST
  bytes[offset.family] = AF_UNIX
  view.setUint32(offset.states, request.states >>> 0, true)
  const show = (request.show ?? UNIX_SHOW_DEFAULT) | (request.memory ? UDIAG_SHOW_MEMINFO : 0)
  view.setUint32(offset.show, show >>> 0, true)
  if (request.inode !== undefined) {
    view.setUint32(offset.inode, request.inode, true)
    // INET_DIAG_NOCOOKIE: the exact look-up would otherwise compare cookies and fail.
    view.setUint32(offset.cookieLow, 0xffffffff, true)
    view.setUint32(offset.cookieHigh, 0xffffffff, true)
  }
  return bytes
}

const AT = UNIX_MESSAGE.offset
const TYPE = AT.type
const STATE = AT.state
const INODE = AT.inode
const COOKIE_LOW = AT.cookieLow
const COOKIE_HIGH = AT.cookieHigh
const SIZE = UNIX_MESSAGE.size

/**
 * Fills `record` from the unix_diag_msg at `start`..`end`; false when the message is too short to be one. The record keeps
 * its `unix` object and refills it: a consumer that stores parts copies them.
 */
export function decodeUnix(data: DataView, start: number, end: number, record: SocketRecord): boolean {
  if (end - start < SIZE) return false
  startRecord(record, 'unix', AF_UNIX, data.getUint8(start + TYPE))
  record.state = data.getUint8(start + STATE)
  record.inode = data.getUint32(start + INODE, true)
  record.cookieLow = data.getInt32(start + COOKIE_LOW, true)
  record.cookieHigh = data.getInt32(start + COOKIE_HIGH, true)
  record.packet = record.netlink = record.other = null
  record.setAttributes(data, start + SIZE, end)

  record.uid = attributeU32(record, UNIX_DIAG_UID, record.uid)
  const queues = record.attribute(UNIX_DIAG_RQLEN)
  if (queues >= 0 && record.attributeLength(UNIX_DIAG_RQLEN) >= 8) {
    record.recvQueue = data.getUint32(queues, true)
    record.sendQueue = data.getUint32(queues + 4, true)
  }

  record.unix ??= { path: null, peerInode: null, peerPath: null, pendingInodes: [] }
  const part = record.unix
  const nameAt = record.attribute(UNIX_DIAG_NAME)
  part.path = nameAt < 0 ? null : decodeName(data, nameAt, nameAt + record.attributeLength(UNIX_DIAG_NAME))
  part.peerInode = attributeU32(record, UNIX_DIAG_PEER, 0) || null
  part.peerPath = null
  part.pendingInodes.length = 0
  const pendingAt = record.attribute(UNIX_DIAG_ICONS)
  const pendingEnd = pendingAt + record.attributeLength(UNIX_DIAG_ICONS)
  // An entry of 0 is an embryo whose client has closed: it has no inode to look for (net/unix/diag.c, sk_diag_dump_icons).
  for (let at = pendingAt; pendingAt >= 0 && at + 4 <= pendingEnd; at += 4) {
    const inode = data.getUint32(at, true)
    if (inode !== 0) part.pendingInodes.push(inode)
  }
  return true
}

// The bytes of the arena that messages lie in: one Buffer for all names of a dump instead of one each.
let arena: Buffer = Buffer.alloc(0)

/**
 * The text of a socket name. An abstract name starts with NUL, and every NUL of it reads `@`, as ss prints it; a path ends
 * at its first NUL. Bytes that are no UTF-8 become U+FFFD, as they do where the name comes from procfs; control bytes stay.
 */
function decodeName(data: DataView, start: number, end: number): string | null {
  if (start === end) return null
  if (arena.buffer !== data.buffer) arena = Buffer.from(data.buffer)
  const base = data.byteOffset
  if (data.getUint8(start) === 0) {
    return arena.toString('utf8', base + start, base + end).replaceAll('\0', '@')
  }
  let stop = start
  while (stop < end && data.getUint8(stop) !== 0) stop++
  return arena.toString('utf8', base + start, base + stop)
}
