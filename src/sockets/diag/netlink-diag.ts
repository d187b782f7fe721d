// sock_diag for netlink sockets: request, message into the reused record, and the names of netlink protocols.

import { layout } from '../../bytes/layout.js'
import { AF_NETLINK } from '../constants.js'
import type { SocketRecord } from '../record.js'
import { CLOSED } from '../states.js'
import { attributeU32, memoryWord, SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_WMEM_ALLOC, startRecord } from './common.js'

/** linux/netlink_diag.h, struct netlink_diag_req. */
export const NETLINK_REQUEST = layout('netlink_diag_req', 20, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['pad', 'u16'],
  ['inode', 'u32'],
  ['show', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/netlink_diag.h, struct netlink_diag_msg. */
export const NETLINK_MESSAGE = layout('netlink_diag_msg', 28, [
  ['family', 'u8'],
  ['type', 'u8'],
  ['protocol', 'u8'],
  ['state', 'u8'],
  ['portId', 'u32'],
  ['peerPortId', 'u32'],
  ['peerGroup', 'u32'],
  ['inode', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

export const NDIAG_PROTO_ALL = 0xff
export const NDIAG_SHOW_MEMINFO = 0x1
export const NDIAG_SHOW_GROUPS = 0x2
export const NDIAG_SHOW_FLAGS = 0x8

/** Queues come out of the memory attribute, so it is always asked for. */
export const NETLINK_SHOW_DEFAULT = NDIAG_SHOW_MEMINFO | NDIAG_SHOW_GROUPS | NDIAG_SHOW_FLAGS

/** Attribute numbers; this family starts at 0. */
export const NETLINK_DIAG_MEMINFO = 0
export const NETLINK_DIAG_GROUPS = 1
export const NETLINK_DIAG_FLAGS = 4

/** NETLINK_CONNECTED of net/netlink/af_netlink.h; a socket without a peer has 0, or 7 if it never had one. */
const NETLINK_CONNECTED = 1

export interface NetlinkRequest {
  /** NETLINK_ protocol number; all when left out. */
  protocol?: number
  /** NDIAG_SHOW_ bits; NETLINK_SHOW_DEFAULT when left out. */
  show?: number
}

/** The request payload: 20 bytes. */
export function encodeNetlinkRequest(request: NetlinkRequest = {}): Uint8Array {
  const bytes = new Uint8Array(NETLINK_REQUEST.size)
  bytes[NETLINK_REQUEST.offset.family] = AF_NETLINK
  bytes[NETLINK_REQUEST.offset.protocol] = request.protocol ?? NDIAG_PROTO_ALL
  const show = (request.show ?? NETLINK_SHOW_DEFAULT) >>> 0
  new DataView(bytes.buffer).setUint32(NETLINK_REQUEST.offset.show, show, true)
  return bytes
}

const AT = NETLINK_MESSAGE.offset
const TYPE = AT.type
const PROTOCOL = AT.protocol
const STATE = AT.state
const PORT_ID = AT.portId
const PEER_PORT_ID = AT.peerPortId
const PEER_GROUP = AT.peerGroup
const INODE = AT.inode
const COOKIE_LOW = AT.cookieLow
const COOKIE_HIGH = AT.cookieHigh
const SIZE = NETLINK_MESSAGE.size

/**
 * Fills `record` from the netlink_diag_msg at `start`..`end`; false when the message is too short to be one. The state is
 * CLOSED as ss shows it; whether a peer is set is `netlink.connected`. A socket in a multicast group comes twice in a dump
 * (net/netlink/diag.c walks the group list after the hash), with the same cookie. The `netlink` object is reused.
 */
export function decodeNetlink(data: DataView, start: number, end: number, record: SocketRecord): boolean {
  if (end - start < SIZE) return false
  startRecord(record, 'netlink', AF_NETLINK, data.getUint8(start + TYPE))
  record.state = CLOSED
  record.localPort = data.getUint32(start + PORT_ID, true)
  record.peerPort = data.getUint32(start + PEER_PORT_ID, true)
  record.inode = data.getUint32(start + INODE, true)
  record.cookieLow = data.getInt32(start + COOKIE_LOW, true)
  record.cookieHigh = data.getInt32(start + COOKIE_HIGH, true)
  record.unix = record.packet = record.other = null
  record.setAttributes(data, start + SIZE, end)
  record.recvQueue = memoryWord(record, NETLINK_DIAG_MEMINFO, SK_MEMINFO_RMEM_ALLOC)
  record.sendQueue = memoryWord(record, NETLINK_DIAG_MEMINFO, SK_MEMINFO_WMEM_ALLOC)

  record.netlink ??= { protocol: 0, portId: 0, peerPortId: 0, peerGroup: 0, groups: null, flags: null }
  const part = record.netlink
  part.protocol = data.getUint8(start + PROTOCOL)
  part.connected = data.getUint8(start + STATE) === NETLINK_CONNECTED
  part.portId = record.localPort
  part.peerPortId = record.peerPort
  part.peerGroup = data.getUint32(start + PEER_GROUP, true)
  const flags = attributeU32(record, NETLINK_DIAG_FLAGS, -1)
  part.flags = flags < 0 ? null : flags
  part.groups = groupsOf(record)
  return true
}

/** Group numbers (from 1) out of the bitmap; null when the socket has none or the kernel was not asked. */
function groupsOf(record: SocketRecord): number[] | null {
  const at = record.attribute(NETLINK_DIAG_GROUPS)
  const words = record.attributeLength(NETLINK_DIAG_GROUPS) >> 2
  if (at < 0 || words === 0) return null
  const groups: number[] = []
  for (let word = 0; word < words; word++) {
    let bits = record.data.getUint32(at + word * 4, true)
    for (let group = word * 32 + 1; bits !== 0; group++, bits >>>= 1) if (bits & 1) groups.push(group)
  }
  return groups
}

/** The first 32 groups as the bitmap that ss and /proc/net/netlink show. */
export function groupMask(groups: readonly number[] | null): number {
  let mask = 0
  for (const group of groups ?? []) if (group <= 32) mask |= 1 << (group - 1)
  return mask >>> 0
}

/** Protocol names as ss prints them: iproute2's etc/iproute2/nl_protos, and SMC, which that file lacks. */
const PROTOCOL_NAMES: readonly (readonly [number, string])[] = [
  [0, 'rtnl'],
  [1, 'unused'],
  [2, 'usersock'],
  [3, 'fw'],
  [4, 'tcpdiag'],
  [5, 'nflog'],
  [6, 'xfrm'],
  [7, 'selinux'],
  [8, 'iscsi'],
  [9, 'audit'],
  [10, 'fiblookup'],
  [11, 'connector'],
  [12, 'nft'],
  [13, 'ip6fw'],
  [14, 'dec-rt'],
  [15, 'uevent'],
  [16, 'genl'],
  [18, 'scsi-trans'],
  [19, 'ecryptfs'],
  [20, 'rdma'],
  [21, 'crypto'],
  [22, 'smc'],
]
const NAME_OF = new Map(PROTOCOL_NAMES)
const NUMBER_OF = new Map(PROTOCOL_NAMES.map(([number, name]) => [name, number]))

/** The name of a netlink protocol; an unknown one is its number. */
export function formatNetlinkProtocol(protocol: number): string {
  return NAME_OF.get(protocol) ?? String(protocol)
}

/** The number of a netlink protocol given by name or number (`rtnl`, `0`); null when it is neither. */
export function parseNetlinkProtocol(text: string): number | null {
  const named = NUMBER_OF.get(text.toLowerCase())
  if (named !== undefined) return named
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null
}

/**
 * A port id as ss prints it: signed, since the kernel hands out negative ones where a process has several sockets; 0 is
 * the kernel's own unless numbers are wanted.
 */
export function formatNetlinkPort(portId: number, numeric = false): string {
  return portId === 0 && !numeric ? 'kernel' : String(portId | 0)
}
