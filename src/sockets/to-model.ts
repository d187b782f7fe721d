// From the reused record to the plain object that the library returns, and to its JSON text.

import { formatIpv4, formatIpv6, isMapped } from '../bytes/address.js'
import {
  AF_INET,
  AF_INET6,
  type Family,
  formatFamily,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from './constants.js'
import {
  cgroupId,
  mptcpDetails,
  socketDrops,
  socketMark,
  socketMemory,
  socketOptions,
  socketTimer,
  tcpDetails,
} from './details.js'
import { formatNetlinkProtocol } from './diag/netlink-diag.js'
import { formatEthertype } from './diag/packet-diag.js'
import type { SocketLookups } from './lookups.js'
import type { AcceptQueue, Endpoint, Socket } from './model.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { formatState, LISTENING } from './states.js'

const TYPES: ReadonlyMap<number, string> = new Map([
  [SOCK_STREAM, 'stream'],
  [SOCK_DGRAM, 'dgram'],
  [SOCK_RAW, 'raw'],
  [SOCK_SEQPACKET, 'seqpacket'],
])

/** The model of one socket. Everything the kernel did not say is null. */
export function toSocket(record: SocketRecord, lookups: SocketLookups): Socket {
  const listener = record.state === LISTENING
  const interfaceName = record.ifindex === 0 ? null : lookups.interfaceName(record.netns, record.ifindex)
  const uid = record.uid === UNKNOWN ? null : record.uid
  const cgroup = cgroupId(record)
  return {
    protocol: record.protocol,
    family: formatFamily(record.family) as Family,
    type: TYPES.get(record.type) ?? null,
    state: formatState(record.state),
    recvQueue: known(record.recvQueue),
    sendQueue: known(record.sendQueue),
    acceptQueue: listener ? acceptQueue(record) : null,
    local: localEnd(record, interfaceName),
    peer: peerEnd(record),
    path: record.unix?.path ?? null,
    peerInode: record.unix?.peerInode ?? null,
    netns: lookups.netnsLabel(record.netns),
    interface: interfaceName,
    uid,
    user: uid === null ? null : lookups.userName(uid),
    inode: record.inode === 0 ? null : record.inode,
    cookie: cookieText(record),
    mark: socketMark(record),
    cgroup: cgroup === null ? null : lookups.cgroupPath(cgroup),
    timer: socketTimer(record),
    processes: copyOf(lookups.holders(record)),
    peerProcesses: copyOf(lookups.peerHolders(record)),
    memory: socketMemory(record),
    tcp: record.protocol === 'mptcp' ? mptcpDetails(record) : tcpDetails(record),
    options: socketOptions(record),
    drops: socketDrops(record),
  }
}

const copyOf = <Item>(items: readonly Item[] | null): Item[] | null => (items === null ? null : [...items])

const known = (value: number): number | null => (value === UNKNOWN ? null : value)

/** A queue is full when it holds more than its limit: listen(2)'s backlog of 2 takes three connections. */
function acceptQueue(record: SocketRecord): AcceptQueue | null {
  if (record.recvQueue === UNKNOWN) return null
  const limit = known(record.sendQueue)
  return { length: record.recvQueue, limit, full: limit === null ? null : record.recvQueue > limit }
}

/** 16 hex digits; null where the source knows no cookie. */
export function cookieText(record: SocketRecord): string | null {
  const { cookieLow, cookieHigh } = record
  if (cookieLow === UNKNOWN && cookieHigh === UNKNOWN) return null
  return hex32(cookieHigh) + hex32(cookieLow)
}

const hex32 = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')

/** Text of an IP address of the record's family; a mapped address is shown as the IPv4 address it holds. */
export function addressText(family: number, w0: number, w1: number, w2: number, w3: number): string {
  if (family === AF_INET) return formatIpv4(w0)
  return isMapped(w0, w1, w2) ? formatIpv4(w3) : formatIpv6(w0, w1, w2, w3)
}

export const isInet = (record: SocketRecord): boolean => record.family === AF_INET || record.family === AF_INET6

export function localEnd(record: SocketRecord, interfaceName: string | null): Endpoint {
  if (isInet(record)) {
    const address = addressText(record.family, record.local0, record.local1, record.local2, record.local3)
    return { address, port: record.localPort, interface: interfaceName }
  }
  if (record.unix !== null) return { address: record.unix.path, port: null, interface: null }
  if (record.netlink !== null) {
    return {
      address: formatNetlinkProtocol(record.netlink.protocol),
      port: record.netlink.portId >>> 0,
      interface: null,
    }
  }
  if (record.packet !== null) {
    return { address: formatEthertype(record.packet.ethertype), port: null, interface: interfaceName }
  }
  return { address: record.other?.localAddress ?? null, port: record.other?.localPort ?? null, interface: null }
}

export function peerEnd(record: SocketRecord): Endpoint {
  if (isInet(record)) {
    const address = addressText(record.family, record.peer0, record.peer1, record.peer2, record.peer3)
    return { address, port: record.peerPort, interface: null }
  }
  if (record.unix !== null) return { address: record.unix.peerPath, port: null, interface: null }
  if (record.netlink !== null) {
    const { connected, peerPortId } = record.netlink
    return { address: null, port: connected ? peerPortId >>> 0 : null, interface: null }
  }
  return { address: record.other?.peerAddress ?? null, port: record.other?.peerPort ?? null, interface: null }
}
