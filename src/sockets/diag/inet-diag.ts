// sock_diag for IP sockets (TCP, UDP, RAW, MPTCP, SCTP): requests, and messages into the reused record.

import { layout } from '../../bytes/layout.js'
import {
  AF_INET6,
  IPPROTO_MPTCP,
  IPPROTO_RAW,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type Protocol,
} from '../constants.js'
import { type SocketRecord, UNKNOWN } from '../record.js'
import { BOUND_INACTIVE, CLOSED, ESTABLISHED, SYN_RECV, TIME_WAIT } from '../states.js'

/** linux/inet_diag.h, struct inet_diag_sockid. Ports and addresses are in network order. */
export const SOCK_ID = layout('inet_diag_sockid', 48, [
  ['localPort', 'be16'],
  ['peerPort', 'be16'],
  ['local', 16],
  ['peer', 16],
  ['ifindex', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/inet_diag.h, struct inet_diag_req_v2. */
export const INET_REQUEST = layout('inet_diag_req_v2', 56, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['extensions', 'u8'],
  ['rawProtocol', 'u8'],
  ['states', 'u32'],
  ['id', 48],
])

/** linux/inet_diag.h, struct inet_diag_req: the request of TCPDIAG_GETSOCK. */
export const TCP_REQUEST = layout('inet_diag_req', 60, [
  ['family', 'u8'],
  ['sourceLength', 'u8'],
  ['destinationLength', 'u8'],
  ['extensions', 'u8'],
  ['id', 48],
  ['states', 'u32'],
  ['reserved', 'u32'],
])

/** linux/inet_diag.h, struct inet_diag_msg. */
export const INET_MESSAGE = layout('inet_diag_msg', 72, [
  ['family', 'u8'],
  ['state', 'u8'],
  ['timer', 'u8'],
  ['retransmits', 'u8'],
  ['id', 48],
  ['expiresMs', 'u32'],
  ['recvQueue', 'u32'],
  ['sendQueue', 'u32'],
  ['uid', 'u32'],
  ['inode', 'u32'],
])

/** Attribute numbers of an inet_diag_msg (INET_DIAG_*). */
export const INET_DIAG_MEMINFO = 1
export const INET_DIAG_INFO = 2
export const INET_DIAG_VEGASINFO = 3
export const INET_DIAG_CONG = 4
export const INET_DIAG_TOS = 5
export const INET_DIAG_TCLASS = 6
export const INET_DIAG_SKMEMINFO = 7
export const INET_DIAG_SHUTDOWN = 8
export const INET_DIAG_PROTOCOL = 10
export const INET_DIAG_MARK = 15
export const INET_DIAG_CGROUP_ID = 21

/** Attribute numbers of a request. */
export const INET_DIAG_REQ_BYTECODE = 1
export const INET_DIAG_REQ_PROTOCOL = 3

/** Message types, linux/sock_diag.h. */
export const SOCK_DIAG_BY_FAMILY = 20
export const SOCK_DESTROY = 21
/** linux/inet_diag.h: the older request, for TCP alone. */
export const TCPDIAG_GETSOCK = 18

/** Request bit for an attribute; only attributes 1 to 8 can be asked for. */
export const extensionBit = (attribute: number): number => 1 << (attribute - 1)

const NUMBERS: Partial<Record<Protocol, number>> = {
  tcp: IPPROTO_TCP,
  udp: IPPROTO_UDP,
  raw: IPPROTO_RAW,
  mptcp: IPPROTO_MPTCP,
  sctp: IPPROTO_SCTP,
}

/** The IP protocol number of an inet protocol word. */
export function inetProtocolNumber(protocol: Protocol): number {
  const number = NUMBERS[protocol]
  if (number === undefined) throw new TypeError(`${protocol} is not an IP protocol`)
  return number
}

export interface InetRequest {
  family: number
  /** IPPROTO_ number; above 255 it also goes into an attribute. */
  protocol: number
  extensions: number
  states: number
}

/** The dump request for one family and protocol: 56 bytes of payload. */
export function encodeInetRequest(request: InetRequest): Uint8Array {
  const bytes = new Uint8Array(INET_REQUEST.size)
  const view = new DataView(bytes.buffer)
  const { offset } = INET_REQUEST
  bytes[offset.family] = request.family
  bytes[offset.protocol] = request.protocol > 255 ? IPPROTO_TCP : request.protocol
  bytes[offset.extensions] = request.extensions
  view.setUint32(offset.states, request.states >>> 0, true)
  return bytes
}

/**
 * The dump request for the TCP sockets of both families: 60 bytes of payload, of message type TCPDIAG_GETSOCK. The kernel
 * walks the tables, which both share, once (net/ipv4/inet_diag.c, inet_diag_dump_compat).
 */
export function encodeTcpRequest(request: Pick<InetRequest, 'extensions' | 'states'>): Uint8Array {
  const bytes = new Uint8Array(TCP_REQUEST.size)
  bytes[TCP_REQUEST.offset.extensions] = request.extensions
  new DataView(bytes.buffer).setUint32(TCP_REQUEST.offset.states, request.states >>> 0, true)
  return bytes
}

/** The request that names one socket exactly, as SOCK_DESTROY takes it: addresses and cookie come from a record. */
export function encodeInetIdentity(record: SocketRecord, protocol: number): Uint8Array {
  const bytes = encodeInetRequest({ family: record.family, protocol, extensions: 0, states: 1 << record.state })
  const view = new DataView(bytes.buffer)
  const id = INET_REQUEST.offset.id
  view.setUint16(id + SOCK_ID.offset.localPort, record.localPort)
  view.setUint16(id + SOCK_ID.offset.peerPort, record.peerPort)
  const local = [record.local0, record.local1, record.local2, record.local3]
  const peer = [record.peer0, record.peer1, record.peer2, record.peer3]
  for (let word = 0; word < 4; word++) {
    view.setUint32(id + SOCK_ID.offset.local + word * 4, local[word]! >>> 0)
    view.setUint32(id + SOCK_ID.offset.peer + word * 4, peer[word]! >>> 0)
  }
  view.setUint32(id + SOCK_ID.offset.ifindex, record.ifindex, true)
  view.setUint32(id + SOCK_ID.offset.cookieLow, record.cookieLow >>> 0, true)
  view.setUint32(id + SOCK_ID.offset.cookieHigh, record.cookieHigh >>> 0, true)
  return bytes
}

// Offsets as constants of the module: a loop over messages reads them without a property load.
const AT = INET_MESSAGE.offset
const FAMILY = AT.family
const STATE = AT.state
const TIMER = AT.timer
const RETRANSMITS = AT.retransmits
const LOCAL_PORT = AT.id + SOCK_ID.offset.localPort
const PEER_PORT = AT.id + SOCK_ID.offset.peerPort
const LOCAL = AT.id + SOCK_ID.offset.local
const PEER = AT.id + SOCK_ID.offset.peer
const IFINDEX = AT.id + SOCK_ID.offset.ifindex
const COOKIE_LOW = AT.id + SOCK_ID.offset.cookieLow
const COOKIE_HIGH = AT.id + SOCK_ID.offset.cookieHigh
const EXPIRES = AT.expiresMs
const RECV_QUEUE = AT.recvQueue
const SEND_QUEUE = AT.sendQueue
const UID = AT.uid
const INODE = AT.inode

/**
 * Fills `record` from the inet_diag_msg at `start`..`end`. False when the message is too short to be one.
 * A mini-socket (TIME-WAIT, SYN-RECV, an orphan in FIN-WAIT-2) has no owner: its uid becomes UNKNOWN.
 */
export function decodeInet(
  data: DataView,
  start: number,
  end: number,
  protocol: Protocol,
  record: SocketRecord,
): boolean {
  if (end - start < INET_MESSAGE.size) return false
  const family = data.getUint8(start + FAMILY)
  const state = data.getUint8(start + STATE)
  record.source = 'netlink'
  record.protocol = protocol
  record.family = family
  record.type = 0
  record.rawProtocol = 0
  record.procDrops = UNKNOWN
  record.timer = data.getUint8(start + TIMER)
  record.retransmits = data.getUint8(start + RETRANSMITS)
  record.localPort = data.getUint16(start + LOCAL_PORT)
  record.peerPort = data.getUint16(start + PEER_PORT)
  record.local0 = data.getInt32(start + LOCAL)
  record.peer0 = data.getInt32(start + PEER)
  if (family === AF_INET6) {
    record.local1 = data.getInt32(start + LOCAL + 4)
    record.local2 = data.getInt32(start + LOCAL + 8)
    record.local3 = data.getInt32(start + LOCAL + 12)
    record.peer1 = data.getInt32(start + PEER + 4)
    record.peer2 = data.getInt32(start + PEER + 8)
    record.peer3 = data.getInt32(start + PEER + 12)
  } else {
    record.local1 = record.local2 = record.local3 = 0
    record.peer1 = record.peer2 = record.peer3 = 0
  }
  record.ifindex = data.getUint32(start + IFINDEX, true)
  record.cookieLow = data.getInt32(start + COOKIE_LOW, true)
  record.cookieHigh = data.getInt32(start + COOKIE_HIGH, true)
  record.expiresMs = data.getUint32(start + EXPIRES, true)
  record.recvQueue = data.getUint32(start + RECV_QUEUE, true)
  record.sendQueue = data.getUint32(start + SEND_QUEUE, true)
  const inode = data.getUint32(start + INODE, true)
  record.inode = inode
  // A TCP socket that is in no connection table is reported as CLOSED only by the bound-inactive walk.
  record.state = state === CLOSED && protocol === 'tcp' ? BOUND_INACTIVE : state
  const ownerless =
    inode === 0 && state !== ESTABLISHED && (state === TIME_WAIT || state === SYN_RECV || record.timer === 3)
  record.uid = ownerless ? UNKNOWN : data.getUint32(start + UID, true)
  record.setAttributes(data, start + INET_MESSAGE.size, end)
  if (protocol === 'raw') {
    const at = record.attribute(INET_DIAG_PROTOCOL)
    if (at >= 0 && record.attributeLength(INET_DIAG_PROTOCOL) >= 1) record.rawProtocol = data.getUint8(at)
  }
  return true
}
