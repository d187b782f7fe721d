// sock_diag for TIPC sockets: request, and message into the reused record.

import { layout } from '../../bytes/layout.js'
import { AF_TIPC } from '../constants.js'
import { type OtherPart, type SocketRecord, UNKNOWN } from '../record.js'
import { findAttribute, findScalar, payloadLength, startRecord } from './common.js'

/** linux/tipc_sockets_diag.h, struct tipc_sock_diag_req. */
export const TIPC_REQUEST = layout('tipc_sock_diag_req', 8, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['pad', 'u16'],
  ['states', 'u32'],
])

/** linux/tipc_netlink.h: a message is one nest of attributes, with no struct in front of it. */
const TIPC_NLA_SOCK = 2
const TIPC_NLA_SOCK_ADDR = 1
const TIPC_NLA_SOCK_REF = 2
const TIPC_NLA_SOCK_CON = 3
const TIPC_NLA_SOCK_STAT = 5
const TIPC_NLA_SOCK_TYPE = 6
const TIPC_NLA_SOCK_INO = 7
const TIPC_NLA_SOCK_UID = 8
const TIPC_NLA_SOCK_TIPC_STATE = 9
const TIPC_NLA_SOCK_COOKIE = 10
const TIPC_NLA_CON_NODE = 2
const TIPC_NLA_CON_SOCK = 3
const TIPC_NLA_SOCK_STAT_RCVQ = 1
const TIPC_NLA_SOCK_STAT_SENDQ = 2
const TIPC_NLA_SOCK_STAT_DROP = 5

/** The request payload: 8 bytes. */
export function encodeTipcRequest(request: { states: number }): Uint8Array {
  const bytes = new Uint8Array(TIPC_REQUEST.size)
  bytes[TIPC_REQUEST.offset.family] = AF_TIPC
  new DataView(bytes.buffer).setUint32(TIPC_REQUEST.offset.states, request.states >>> 0, true)
  return bytes
}

/**
 * Fills `record` from the TIPC message at `start`..`end`; false when it holds no socket. States are the TCP numbers
 * (net/tipc/socket.c, TIPC_LISTEN = TCP_LISTEN and so on). Local and peer are node and socket reference, in `other`. The message has no family byte: it is told apart by the request it answers. Drops are in `procDrops`.
 */
export function decodeTipc(data: DataView, start: number, end: number, record: SocketRecord): boolean {
  const socket = findAttribute(data, start, end, TIPC_NLA_SOCK)
  if (socket < 0) return false
  const stop = socket + payloadLength(data, socket)
  startRecord(record, 'tipc', AF_TIPC, u32(data, socket, stop, TIPC_NLA_SOCK_TYPE, 0))
  record.unix = record.packet = record.netlink = null
  // Numbers of a TIPC nest mean other things than those of details.ts: the record offers no attributes.
  record.setAttributes(data, 0, 0)
  record.state = u32(data, socket, stop, TIPC_NLA_SOCK_TIPC_STATE, 0)
  record.uid = u32(data, socket, stop, TIPC_NLA_SOCK_UID, UNKNOWN)
  record.inode = u32(data, socket, stop, TIPC_NLA_SOCK_INO, 0)
  const cookie = findScalar(data, socket, stop, TIPC_NLA_SOCK_COOKIE, 8)
  record.cookieLow = cookie < 0 ? UNKNOWN : data.getInt32(cookie, true)
  record.cookieHigh = cookie < 0 ? UNKNOWN : data.getInt32(cookie + 4, true)

  const statistics = findAttribute(data, socket, stop, TIPC_NLA_SOCK_STAT)
  if (statistics >= 0) {
    const limit = statistics + payloadLength(data, statistics)
    record.recvQueue = u32(data, statistics, limit, TIPC_NLA_SOCK_STAT_RCVQ, UNKNOWN)
    record.sendQueue = u32(data, statistics, limit, TIPC_NLA_SOCK_STAT_SENDQ, UNKNOWN)
    record.procDrops = u32(data, statistics, limit, TIPC_NLA_SOCK_STAT_DROP, UNKNOWN)
  }

  record.localPort = u32(data, socket, stop, TIPC_NLA_SOCK_REF, 0)
  const part: OtherPart = { localAddress: '', localPort: null, peerAddress: '-', peerPort: null }
  record.other = part
  part.localAddress = String(u32(data, socket, stop, TIPC_NLA_SOCK_ADDR, 0))
  part.localPort = record.localPort
  const connection = findAttribute(data, socket, stop, TIPC_NLA_SOCK_CON)
  if (connection >= 0) {
    const limit = connection + payloadLength(data, connection)
    record.peerPort = u32(data, connection, limit, TIPC_NLA_CON_SOCK, 0)
    part.peerAddress = String(u32(data, connection, limit, TIPC_NLA_CON_NODE, 0))
    part.peerPort = record.peerPort
  }
  return true
}

function u32(data: DataView, start: number, end: number, type: number, missing: number): number {
  const at = findScalar(data, start, end, type, 4)
  return at < 0 ? missing : data.getUint32(at, true)
}
