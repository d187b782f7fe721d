// The numeric fields of a socket that a filter can compare: where each is read, in which unit, and what must be requested.

import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from '../constants.js'
import type { SocketRecord } from '../record.js'
import { UNKNOWN } from '../record.js'
import { CLOSED, LISTENING, SYN_RECV, SYN_SENT } from '../states.js'

/** Kernel attribute numbers, linux/inet_diag.h. */
export const INET_DIAG_INFO = 2
export const INET_DIAG_SKMEMINFO = 7
export const INET_DIAG_MARK = 15
export const INET_DIAG_CGROUP_ID = 21

/** `us` and `ms` take the suffixes us, ms, s, m (a bare number is milliseconds), `bytes` k, m, g (1024). */
export type Unit = 'count' | 'bytes' | 'us' | 'ms'

export type NumericField =
  | 'uid'
  | 'inode'
  | 'recvq'
  | 'sendq'
  | 'drops'
  | 'peer-inode'
  | 'retrans'
  | 'rtt'
  | 'minrtt'
  | 'rto'
  | 'cwnd'
  | 'unacked'
  | 'lost'
  | 'lastsnd'
  | 'lastrcv'
  | 'lastack'
  | 'idle'

export interface FieldSource {
  unit: Unit
  /** What the kernel must be asked for: tcp_info, or socket memory. */
  needs: 'info' | 'memory' | null
  /** The value, or UNKNOWN when this socket does not have it. */
  read: (record: SocketRecord) => number
}

const known = (value: number): number => (value === UNKNOWN ? UNKNOWN : value >>> 0)

const NEVER_CONNECTED = (1 << LISTENING) | (1 << CLOSED) | (1 << SYN_SENT) | (1 << SYN_RECV)

/**
 * A u32 of tcp_info. A listener reuses the fields for its queues and unconnected sockets carry start values
 * (times since boot, for one), so only states with a peer count. MPTCP and SCTP send other structs in the same attribute.
 */
function tcpInfo(record: SocketRecord, offset: number, without: number): number {
  if (record.protocol !== 'tcp' || (without >>> record.state) & 1) return UNKNOWN
  const at = record.attribute(INET_DIAG_INFO)
  if (at < 0 || record.attributeLength(INET_DIAG_INFO) < offset + 4) return UNKNOWN
  return record.data.getUint32(at + offset, true)
}

/** Retransmissions and the window are told while connecting, too. */
const UNLESS_IDLE = (1 << LISTENING) | (1 << CLOSED)

function counter(offset: number): FieldSource {
  return { unit: 'count', needs: 'info', read: record => tcpInfo(record, offset, UNLESS_IDLE) }
}

function since(offset: number): FieldSource {
  return { unit: 'ms', needs: 'info', read: record => tcpInfo(record, offset, NEVER_CONNECTED) }
}

/** A round-trip time of 0, or all ones for the minimum, means that none was measured. */
function measured(offset: number): FieldSource {
  const read = (record: SocketRecord): number => {
    const value = tcpInfo(record, offset, NEVER_CONNECTED)
    return value === 0 || value === 0xffffffff ? UNKNOWN : value
  }
  return { unit: 'us', needs: 'info', read }
}

const LAST_DATA_SENT = 44
const LAST_DATA_RECV = 52

function readIdle(record: SocketRecord): number {
  const sent = tcpInfo(record, LAST_DATA_SENT, NEVER_CONNECTED)
  const received = tcpInfo(record, LAST_DATA_RECV, NEVER_CONNECTED)
  return Math.min(sent, received)
}

/** Which attribute holds sk_meminfo in the messages of each family (linux/{inet,unix,packet,netlink}_diag.h). */
const MEMINFO_ATTRIBUTES: ReadonlyMap<number, number> = new Map([
  [AF_INET, INET_DIAG_SKMEMINFO],
  [AF_INET6, INET_DIAG_SKMEMINFO],
  [AF_UNIX, 5],
  [AF_PACKET, 6],
  [AF_NETLINK, 0],
])

/** The ninth u32 of sk_meminfo; kernels before 4.7 send eight. procfs has its own column. */
function readDrops(record: SocketRecord): number {
  const attribute = MEMINFO_ATTRIBUTES.get(record.family)
  if (attribute === undefined || record.attributeLength(attribute) < 36) return known(record.procDrops)
  return record.data.getUint32(record.attribute(attribute) + 32, true)
}

/** Offsets are those of struct tcp_info, linux/tcp.h. */
export const NUMERIC_FIELDS: Readonly<Record<NumericField, FieldSource>> = {
  uid: { unit: 'count', needs: null, read: record => known(record.uid) },
  inode: { unit: 'count', needs: null, read: record => known(record.inode) },
  recvq: { unit: 'bytes', needs: null, read: record => known(record.recvQueue) },
  sendq: { unit: 'bytes', needs: null, read: record => known(record.sendQueue) },
  drops: { unit: 'count', needs: 'memory', read: readDrops },
  'peer-inode': { unit: 'count', needs: null, read: record => record.unix?.peerInode ?? UNKNOWN },
  retrans: counter(100),
  rtt: measured(68),
  minrtt: measured(148),
  rto: { unit: 'us', needs: 'info', read: record => tcpInfo(record, 8, UNLESS_IDLE) },
  cwnd: counter(80),
  unacked: counter(24),
  lost: counter(32),
  lastsnd: since(LAST_DATA_SENT),
  lastrcv: since(LAST_DATA_RECV),
  lastack: since(56),
  idle: { unit: 'ms', needs: 'info', read: readIdle },
}

const SCALE: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  count: { '': 1 },
  bytes: { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 },
  us: { '': 1000, us: 1, ms: 1000, s: 1e6, m: 60e6, h: 3600e6 },
  ms: { '': 1, us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 },
}

/** A number with a suffix of `unit`, in the field's own unit; null when the text is not one. */
export function parseQuantity(text: string, unit: Unit): number | null {
  const found = /^(0x[0-9a-f]{1,8}|\d{1,15}(?:\.\d{1,9})?)([a-z]*)$/i.exec(text)
  if (!found) return null
  const scale = SCALE[unit]
  const suffix = found[2]!.toLowerCase()
  if (!Object.hasOwn(scale, suffix)) return null
  if (unit === 'count' && found[1]!.includes('.')) return null
  // Rounded, because 1.1 ms must be 1100 us and not 1100.0000000000002.
  const value = Number(found[1]) * scale[suffix]!
  return Math.round(value * 1000) / 1000
}

/** The suffixes that an error message names. */
export function unitHint(unit: Unit): string {
  if (unit === 'count') return 'a whole number'
  return unit === 'bytes' ? 'a number of bytes such as 4096 or 64k' : 'a time such as 5, 5ms or 1.5s'
}
