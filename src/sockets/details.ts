// What a socket's attributes say, as parts of the model. The words of -e, -i, -o and the like are in details-text.ts.

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
import { UNIX_DIAG_SHUTDOWN } from './diag/unix-diag.js'
import type { SocketOptions, TcpDetails, Timer, TimerName } from './model.js'
import type { SocketRecord } from './record.js'
import { TCP_INFO_KEYS, tcpInfo } from './tcp-info.js'
import { formatHex64 } from './u64.js'
import { md5KeyCount, subflowInfo, tlsInfo, ulpName } from './ulp-info.js'

export { mptcpDetails } from './mptcp-info.js'
export { socketDrops, socketMemory } from './socket-memory.js'

export const INET_DIAG_SKV6ONLY = 11
export const INET_DIAG_CLASS_ID = 17
export const INET_DIAG_SOCKOPT = 22

/** Whether the record's attributes are those of an inet_diag_msg: each family numbers its own. */
export function isInet(record: SocketRecord): boolean {
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

/** An attribute of one byte; null when not told. */
export function attributeU8(record: SocketRecord, type: number): number | null {
  return record.attributeLength(type) >= 1 ? record.data.getUint8(record.attribute(type)) : null
}

/** RCV_SHUTDOWN and SEND_SHUTDOWN bits; null when not told. */
export function shutdownBits(record: SocketRecord): number | null {
  if (isInet(record)) return attributeU8(record, INET_DIAG_SHUTDOWN)
  if (record.protocol === 'unix') return attributeU8(record, UNIX_DIAG_SHUTDOWN)
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

/** The word for a bit of struct inet_diag_sockopt; an unknown one is `bit-N`. */
export function sockoptWord(bit: number): string {
  return SOCKOPT_WORDS[bit] ?? `bit-${bit}`
}

/** struct inet_diag_sockopt as one number; null when the kernel did not send it. */
export function sockoptBits(record: SocketRecord): number | null {
  if (!isInet(record) || record.attributeLength(INET_DIAG_SOCKOPT) < 2) return null
  return record.data.getUint16(record.attribute(INET_DIAG_SOCKOPT), true)
}

function sockoptFlags(record: SocketRecord): string[] | null {
  const bits = sockoptBits(record)
  if (bits === null) return null
  const words: string[] = []
  for (let bit = 0; bit < 16; bit++) if (bits & (1 << bit)) words.push(sockoptWord(bit))
  return words
}

/** IPV6_V6ONLY, 0 or 1; null where there is none. */
export function v6only(record: SocketRecord): number | null {
  return isInet(record) && record.family === AF_INET6 ? attributeU8(record, INET_DIAG_SKV6ONLY) : null
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
    tos: inet ? attributeU8(record, INET_DIAG_TOS) : null,
    trafficClass: inet ? attributeU8(record, INET_DIAG_TCLASS) : null,
    priority: classId < 0 ? null : classId,
    v6only: only === null ? null : only !== 0,
    shutdown: shutdown === null ? null : SHUTDOWN_WORDS[shutdown & 3]!,
    flags: sockoptFlags(record),
  }
  return Object.values(options).every(value => value === null) ? null : options
}

const TIMER_NAMES: readonly TimerName[] = ['retransmit', 'keepalive', 'time-wait', 'zero-window-probe', 'delayed-ack']

/** The running timer; null when none runs or the source does not know. */
export function socketTimer(record: SocketRecord): Timer | null {
  if (record.timer <= 0) return null
  const name = TIMER_NAMES[record.timer - 1] ?? (`timer-${record.timer}` as const)
  return { name, expiresMs: record.expiresMs, retransmits: record.retransmits }
}
