// The words that ss prints for -e, -i, -o, --tos and the like, out of a socket's attributes.

import { Label, type TextSink, writeWord } from '../bytes/text-sink.js'
import { writeHash, writeTimeLeft } from './c-format.js'
import {
  attributeU8,
  cgroupId,
  INET_DIAG_CLASS_ID,
  isInet,
  shutdownBits,
  socketMark,
  sockoptBits,
  sockoptWord,
  v6only,
} from './details.js'
import { attributeU32 } from './diag/common.js'
import { INET_DIAG_TCLASS, INET_DIAG_TOS } from './diag/inet-diag.js'
import { groupMask } from './diag/netlink-diag.js'
import { formatPacketDetails } from './diag/packet-diag.js'
import { UNIX_DIAG_VFS } from './diag/unix-diag.js'
import { formatXdpDetails } from './diag/xdp-diag.js'
import { writeMptcpInfo } from './mptcp-info.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { type TcpInfoStyle, writeTcpInfo } from './tcp-info-text.js'
import { writeHex } from './u64.js'

export { writeMemory } from './socket-memory.js'

const RCV_SHUTDOWN = 1
const SEND_SHUTDOWN = 2
const SPACE = 0x20
const COMMA = 0x2c

/** What `-i` shows, in ss's words: tcp_info or mptcp_info; nothing for other protocols. */
export function writeInfo(record: SocketRecord, sink: TextSink, style: TcpInfoStyle = {}): void {
  if (record.protocol === 'tcp') writeTcpInfo(record, sink, style)
  else if (record.protocol === 'mptcp') writeMptcpInfo(record, sink)
}

/** `--tos`: `tos:0x10 tclass:0 class_id:0x6`; nothing when the kernel sent none of them. */
export function writeTos(record: SocketRecord, sink: TextSink): void {
  if (!isInet(record)) return
  hash('tos:', attributeU8(record, INET_DIAG_TOS), sink)
  hash('tclass:', attributeU8(record, INET_DIAG_TCLASS), sink)
  const classId = attributeU32(record, INET_DIAG_CLASS_ID, -1)
  if (classId >= 0) hash('class_id:', classId, sink)
}

function hash(label: string, value: number | null, sink: TextSink): void {
  if (value === null) return
  sink.ascii(label)
  writeHash(value, sink)
  sink.byte(SPACE)
}

/** `--inet-sockopt`: `inet-sockopt: ( is_icsk mc_loop)`; nothing when the kernel did not send it. */
export function writeSockopt(record: SocketRecord, sink: TextSink): void {
  const bits = sockoptBits(record)
  if (bits === null) return
  sink.ascii('inet-sockopt: (')
  for (let bit = 0; bit < 16; bit++) {
    if ((bits & (1 << bit)) === 0) continue
    sink.byte(SPACE)
    sink.ascii(sockoptWord(bit))
  }
  sink.ascii(') ')
}

/** `<->`, `<--` (sending is shut), `-->` (receiving is shut), `---`; nothing when not told. */
export function writeShutdown(record: SocketRecord, sink: TextSink): void {
  const bits = shutdownBits(record)
  if (bits !== null) sink.label(SHUTDOWN_ARROWS[bits & (RCV_SHUTDOWN | SEND_SHUTDOWN)]!)
}

const SHUTDOWN_ARROWS = ['<-> ', '--> ', '<-- ', '--- '].map(arrow => new Label(arrow))

/**
 * `-e` in ss's words and order. `cgroupPath` finds the path of an id; without it, the id is shown as ss shows one it cannot
 * find. ss hides uid 0, and so does this.
 */
export function writeExtended(
  record: SocketRecord,
  sink: TextSink,
  cgroupPath: ((id: string) => string) | null = null,
): void {
  if (record.protocol === 'unix') unixWords(record, sink)
  else if (record.protocol === 'netlink') netlinkWords(record, sink)
  else {
    identityWords(record, sink)
    const id = cgroupId(record)
    if (id !== null && id !== '0') {
      sink.ascii('cgroup:')
      sink.text(cgroupPath === null ? `unreachable:${id}` : cgroupPath(id))
      sink.byte(SPACE)
    }
    const only = v6only(record)
    if (only !== null) sink.count(V6ONLY, only)
    writeShutdown(record, sink)
    if (record.protocol === 'packet') writeWord(formatPacketDetails(record), sink)
    else if (record.protocol === 'xdp') writeWord(formatXdpDetails(record), sink)
  }
}

const UID = new Label('uid:')
const INODE = new Label('ino:')
const V6ONLY = new Label('v6only:')
const COOKIE = new Label('sk:')
const NETLINK_COOKIE = new Label('sk=')

function cookieWord(label: Label, record: SocketRecord, sink: TextSink): void {
  if (record.cookieLow === UNKNOWN && record.cookieHigh === UNKNOWN) return
  sink.label(label)
  writeHex(record.cookieLow, record.cookieHigh, sink)
  sink.byte(SPACE)
}

function identityWords(record: SocketRecord, sink: TextSink): void {
  if (record.uid > 0) sink.count(UID, record.uid)
  sink.count(INODE, record.inode)
  cookieWord(COOKIE, record, sink)
  const mark = socketMark(record)
  if (mark !== null && mark !== 0) hash('fwmark:', mark, sink)
}

function unixWords(record: SocketRecord, sink: TextSink): void {
  if (record.uid > 0) sink.count(UID, record.uid)
  writeShutdown(record, sink)
  if (record.attributeLength(UNIX_DIAG_VFS) >= 8) {
    const at = record.attribute(UNIX_DIAG_VFS)
    // linux/unix_diag.h, struct unix_diag_vfs: inode, then device in the kernel's own 12:20 split.
    const device = record.data.getUint32(at + 4, true)
    sink.ascii(`ino:${record.data.getUint32(at, true)} dev:${major(device)}/${minor(device)} `)
  }
  const pending = record.unix?.pendingInodes ?? []
  // As many as wait to be accepted: any number.
  if (pending.length > 0) sink.text(`peers: ${pending.join(' ')} `)
}

function netlinkWords(record: SocketRecord, sink: TextSink): void {
  // ss prints sk=0 here although the kernel sends a cookie.
  cookieWord(NETLINK_COOKIE, record, sink)
  const mask = groupMask(record.netlink?.groups ?? null)
  sink.ascii(`groups=0x${mask.toString(16).padStart(8, '0')} `)
  const beyond = (record.netlink?.groups ?? []).filter(group => group > 32)
  if (beyond.length > 0) sink.text(`groups:${beyond.join(',')} `)
}

const major = (device: number): number => device >>> 20
const minor = (device: number): number => device & 0xfffff

const TIMER_LABELS = ['on', 'keepalive', 'timewait', 'persist', 'delack']

/** `-o`: `timer:(keepalive,119min,0)`; nothing when no timer runs. */
export function writeTimer(record: SocketRecord, sink: TextSink): void {
  if (record.timer <= 0) return
  const sctp = record.protocol === 'sctp'
  sink.ascii('timer:(')
  sink.ascii(sctp ? 'T3_RTX' : (TIMER_LABELS[record.timer - 1] ?? `timer-${record.timer}`))
  sink.byte(COMMA)
  writeTimeLeft(record.expiresMs, sink)
  sink.byte(COMMA)
  sink.number(record.retransmits)
  sink.ascii(') ')
}
