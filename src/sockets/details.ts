// What a socket's attributes say, as parts of the model and as the words that ss prints for -e, -m, -o, --tos and the like.

import { formatHash, formatTimeLeft } from './c-format.js'
import { bbrInfo, congestionControl, dctcpInfo, vegasInfo } from './congestion.js'
import { AF_INET6 } from './constants.js'
import { attributeU32 } from './diag/common.js'
import {
  INET_DIAG_CGROUP_ID,
  INET_DIAG_INFO,
  INET_DIAG_MARK,
  INET_DIAG_SHUTDOWN,
  INET_DIAG_TCLASS,
  INET_DIAG_TOS,
} from './diag/inet-diag.js'
import { groupMask } from './diag/netlink-diag.js'
import { formatPacketDetails } from './diag/packet-diag.js'
import { UNIX_DIAG_SHUTDOWN, UNIX_DIAG_VFS } from './diag/unix-diag.js'
import { formatXdpDetails } from './diag/xdp-diag.js'
import type { SocketOptions, TcpDetails, Timer, TimerName } from './model.js'
import { formatMptcpInfo } from './mptcp-info.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { TCP_INFO_KEYS, tcpInfo } from './tcp-info.js'
import { formatTcpInfo, type TcpInfoStyle } from './tcp-info-text.js'
import { formatHex64 } from './u64.js'
import { md5KeyCount, subflowInfo, tlsInfo, ulpName } from './ulp-info.js'

export { mptcpDetails } from './mptcp-info.js'
export { formatMemory, socketDrops, socketMemory } from './socket-memory.js'

export const INET_DIAG_SKV6ONLY = 11
export const INET_DIAG_CLASS_ID = 17
export const INET_DIAG_SOCKOPT = 22

const RCV_SHUTDOWN = 1
const SEND_SHUTDOWN = 2

/** Whether the record's attributes are those of an inet_diag_msg: each family numbers its own. */
function isInet(record: SocketRecord): boolean {
  switch (record.protocol) {
    case 'tcp':
    case 'udp':
    case 'raw':
    case 'mptcp':
    case 'sctp':
      return true
    default:
      return false
  }
}

/**
 * Every key of the block, null, in the order in which it is printed. Parsed, not built key by key: V8 copies such an object
 * as a whole, where adding seventy keys to an empty one turns it into a hash table (ten times slower, measured).
 */
const EMPTY_DETAILS: TcpDetails = JSON.parse(
  JSON.stringify(
    Object.fromEntries(
      [
        'congestionControl',
        ...TCP_INFO_KEYS,
        'vegas',
        'dctcp',
        'bbr',
        'upperLayer',
        'tls',
        'mptcpSubflow',
        'md5Keys',
      ].map(key => [key, null]),
    ),
  ),
)

/** Everything the kernel says about a TCP socket's inside: tcp_info, congestion control, TLS or MPTCP on top; null if nothing. */
export function tcpDetails(record: SocketRecord): TcpDetails | null {
  if (record.protocol !== 'tcp' || record.attribute(INET_DIAG_INFO) < 0) return null
  const details = { ...EMPTY_DETAILS }
  tcpInfo(record, details)
  details['congestionControl'] = congestionControl(record)
  details['vegas'] = vegasInfo(record)
  details['dctcp'] = dctcpInfo(record)
  details['bbr'] = bbrInfo(record)
  details['upperLayer'] = ulpName(record)
  details['tls'] = tlsInfo(record)
  details['mptcpSubflow'] = subflowInfo(record)
  details['md5Keys'] = md5KeyCount(record)
  return details
}

/** What `-i` shows, in ss's words: tcp_info or mptcp_info; empty for other protocols. */
export function formatInfo(record: SocketRecord, style: TcpInfoStyle = {}): string {
  if (record.protocol === 'tcp') return formatTcpInfo(record, style)
  return record.protocol === 'mptcp' ? formatMptcpInfo(record) : ''
}

/** SO_MARK; null when the kernel did not say (CAP_NET_ADMIN only) or the family has none. */
export function socketMark(record: SocketRecord): number | null {
  const mark = isInet(record) ? attributeU32(record, INET_DIAG_MARK, -1) : -1
  return mark < 0 ? null : mark
}

/** Id of the cgroup v2 the socket was made in, as hex without leading zeros; null when not told. */
export function cgroupId(record: SocketRecord): string | null {
  if (!isInet(record) || record.attributeLength(INET_DIAG_CGROUP_ID) < 8) return null
  const at = record.attribute(INET_DIAG_CGROUP_ID)
  return formatHex64(record.data.getUint32(at, true), record.data.getUint32(at + 4, true))
}

function byte(record: SocketRecord, type: number): number | null {
  return record.attributeLength(type) >= 1 ? record.data.getUint8(record.attribute(type)) : null
}

/** RCV_SHUTDOWN and SEND_SHUTDOWN bits; null when not told. */
function shutdownBits(record: SocketRecord): number | null {
  if (isInet(record)) return byte(record, INET_DIAG_SHUTDOWN)
  if (record.protocol === 'unix') return byte(record, UNIX_DIAG_SHUTDOWN)
  return record.protocol === 'vsock' ? (record.other?.shutdown ?? null) : null
}

const SHUTDOWN_WORDS = ['none', 'receive', 'send', 'both'] as const

/** struct inet_diag_sockopt in bit order, in the words that ss prints. */
const SOCKOPT_WORDS = [
  'recverr',
  'is_icsk',
  'freebind',
  'hdrincl',
  'mc_loop',
  'transparent',
  'mc_all',
  'nodefrag',
  'bind_addr_no_port',
  'recverr_rfc4884',
  'defer_connect',
]

/** Names of the set SOCKOPT bits, unknown ones as `bit-N`; null when the kernel did not send them. */
function sockoptFlags(record: SocketRecord): string[] | null {
  if (!isInet(record) || record.attributeLength(INET_DIAG_SOCKOPT) < 2) return null
  const bits = record.data.getUint16(record.attribute(INET_DIAG_SOCKOPT), true)
  const words: string[] = []
  for (let bit = 0; bit < 16; bit++) if (bits & (1 << bit)) words.push(SOCKOPT_WORDS[bit] ?? `bit-${bit}`)
  return words
}

function v6only(record: SocketRecord): number | null {
  return isInet(record) && record.family === AF_INET6 ? byte(record, INET_DIAG_SKV6ONLY) : null
}

/**
 * Header settings and flags; null when the kernel told none of them. `priority` is INET_DIAG_CLASS_ID: the net_cls class,
 * or SO_PRIORITY where no class is set; the kernel does not say which.
 */
export function socketOptions(record: SocketRecord): SocketOptions | null {
  const inet = isInet(record)
  const classId = inet ? attributeU32(record, INET_DIAG_CLASS_ID, -1) : -1
  const shutdown = shutdownBits(record)
  const only = v6only(record)
  const options: SocketOptions = {
    tos: inet ? byte(record, INET_DIAG_TOS) : null,
    trafficClass: inet ? byte(record, INET_DIAG_TCLASS) : null,
    priority: classId < 0 ? null : classId,
    v6only: only === null ? null : only !== 0,
    shutdown: shutdown === null ? null : SHUTDOWN_WORDS[shutdown & 3]!,
    flags: sockoptFlags(record),
  }
  return Object.values(options).every(value => value === null) ? null : options
}

/** `--tos`: `tos:0x10 tclass:0 class_id:0x6`; empty when the kernel sent none of them. */
export function formatTos(record: SocketRecord): string {
  const options = isInet(record) ? socketOptions(record) : null
  if (options === null) return ''
  const words: string[] = []
  if (options.tos !== null) words.push(`tos:${formatHash(options.tos)}`)
  if (options.trafficClass !== null) words.push(`tclass:${formatHash(options.trafficClass)}`)
  if (options.priority !== null) words.push(`class_id:${formatHash(options.priority)}`)
  return words.join(' ')
}

/** `--inet-sockopt`: `inet-sockopt: ( is_icsk mc_loop)`; empty when the kernel did not send it. */
export function formatSockopt(record: SocketRecord): string {
  const flags = sockoptFlags(record)
  return flags === null ? '' : `inet-sockopt: (${flags.map(flag => ` ${flag}`).join('')})`
}

/** `<->`, `<--` (sending is shut), `-->` (receiving is shut), `---`; empty when not told. */
export function formatShutdown(record: SocketRecord): string {
  const bits = shutdownBits(record)
  if (bits === null) return ''
  return `${bits & RCV_SHUTDOWN ? '-' : '<'}-${bits & SEND_SHUTDOWN ? '-' : '>'}`
}

/**
 * `-e` in ss's words and order. `cgroup` is the path that the caller found for `cgroupId`, already safe to print; with
 * none, the id is shown as ss shows one it cannot find. ss hides uid 0, and so does this.
 */
export function formatExtended(record: SocketRecord, cgroup: string | null = null): string {
  const words: string[] = []
  if (record.protocol === 'unix') unixWords(record, words)
  else if (record.protocol === 'netlink') netlinkWords(record, words)
  else {
    identityWords(record, words)
    const id = cgroupId(record)
    if (id !== null && id !== '0') words.push(`cgroup:${cgroup ?? `unreachable:${id}`}`)
    const only = v6only(record)
    if (only !== null) words.push(`v6only:${only}`)
    words.push(formatShutdown(record))
    if (record.protocol === 'packet') words.push(formatPacketDetails(record))
    else if (record.protocol === 'xdp') words.push(formatXdpDetails(record))
  }
  return words.filter(word => word !== '').join(' ')
}

function identityWords(record: SocketRecord, words: string[]): void {
  if (record.uid > 0) words.push(`uid:${record.uid}`)
  words.push(`ino:${record.inode}`)
  if (record.cookieLow !== UNKNOWN || record.cookieHigh !== UNKNOWN) {
    words.push(`sk:${formatHex64(record.cookieLow, record.cookieHigh)}`)
  }
  const mark = socketMark(record)
  if (mark !== null && mark !== 0) words.push(`fwmark:0x${mark.toString(16)}`)
}

function unixWords(record: SocketRecord, words: string[]): void {
  if (record.uid > 0) words.push(`uid:${record.uid}`)
  words.push(formatShutdown(record))
  if (record.attributeLength(UNIX_DIAG_VFS) >= 8) {
    const at = record.attribute(UNIX_DIAG_VFS)
    // linux/unix_diag.h, struct unix_diag_vfs: inode, then device in the kernel's own 12:20 split.
    const device = record.data.getUint32(at + 4, true)
    words.push(`ino:${record.data.getUint32(at, true)} dev:${major(device)}/${minor(device)}`)
  }
  const pending = record.unix?.pendingInodes ?? []
  if (pending.length > 0) words.push(`peers: ${pending.join(' ')}`)
}

function netlinkWords(record: SocketRecord, words: string[]): void {
  // ss prints sk=0 here although the kernel sends a cookie.
  if (record.cookieLow !== UNKNOWN || record.cookieHigh !== UNKNOWN) {
    words.push(`sk=${formatHex64(record.cookieLow, record.cookieHigh)}`)
  }
  const mask = groupMask(record.netlink?.groups ?? null)
  words.push(`groups=0x${mask.toString(16).padStart(8, '0')}`)
  const beyond = (record.netlink?.groups ?? []).filter(group => group > 32)
  if (beyond.length > 0) words.push(`groups:${beyond.join(',')}`)
}

const major = (device: number): number => device >>> 20
const minor = (device: number): number => device & 0xfffff

const TIMER_NAMES: readonly TimerName[] = ['retransmit', 'keepalive', 'time-wait', 'zero-window-probe', 'delayed-ack']
const TIMER_LABELS = ['on', 'keepalive', 'timewait', 'persist', 'delack']

/** The running timer; null when none runs or the source does not know. */
export function socketTimer(record: SocketRecord): Timer | null {
  if (record.timer <= 0) return null
  const name = TIMER_NAMES[record.timer - 1] ?? (`timer-${record.timer}` as const)
  return { name, expiresMs: record.expiresMs, retransmits: record.retransmits }
}

/** `-o`: `timer:(keepalive,119min,0)`; empty when no timer runs. */
export function formatTimer(record: SocketRecord): string {
  if (record.timer <= 0) return ''
  const sctp = record.protocol === 'sctp'
  const label = sctp ? 'T3_RTX' : (TIMER_LABELS[record.timer - 1] ?? `timer-${record.timer}`)
  return `timer:(${label},${formatTimeLeft(record.expiresMs)},${record.retransmits})`
}
