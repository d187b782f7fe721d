// Reads the socket tables of /proc/net line by line from bytes. Formats: proc_pid_net(5) and the kernel's *_seq_show functions.

import type { Protocol } from './constants.js'
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from './constants.js'
import { LineCursor } from './proc-net-cursor.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { CLOSED, ESTABLISHED, LISTENING, SYN_RECV } from './states.js'

/** Socket tables that procfs has, in the order in which a listing shows them. */
export const PROC_NET_FILES = ['netlink', 'packet', 'unix', 'raw', 'raw6', 'udp', 'udp6', 'tcp', 'tcp6'] as const
export type ProcNetFile = (typeof PROC_NET_FILES)[number]

/** What a file lists. */
const PROC_NET_CONTENT: Readonly<Record<ProcNetFile, { protocol: Protocol; family: number }>> = {
  netlink: { protocol: 'netlink', family: AF_NETLINK },
  packet: { protocol: 'packet', family: AF_PACKET },
  unix: { protocol: 'unix', family: AF_UNIX },
  raw: { protocol: 'raw', family: AF_INET },
  raw6: { protocol: 'raw', family: AF_INET6 },
  udp: { protocol: 'udp', family: AF_INET },
  udp6: { protocol: 'udp', family: AF_INET6 },
  tcp: { protocol: 'tcp', family: AF_INET },
  tcp6: { protocol: 'tcp', family: AF_INET6 },
}

const NEVER = ['cookie', 'cgroup', 'mark', 'memory', 'options', 'tcp']
const NO_INTERFACE = [...NEVER, 'interface', 'local.interface', 'peer.interface']

/** Fields of a JSON socket that procfs cannot fill. TCP sockets that are bound but idle are missing altogether. */
export const MISSING_COLUMNS: Readonly<Partial<Record<Protocol, readonly string[]>>> = {
  tcp: [...NO_INTERFACE, 'acceptQueue.limit', 'acceptQueue.full', 'drops'],
  udp: NO_INTERFACE,
  raw: NO_INTERFACE,
  unix: [...NEVER, 'recvQueue', 'sendQueue', 'acceptQueue', 'peerInode', 'peerProcesses', 'uid', 'user', 'drops'],
  packet: [...NEVER, 'sendQueue', 'drops'],
  netlink: [...NEVER, 'peer.port'],
}

/** Clock ticks of USER_HZ, 100 a second on every architecture but alpha and ia64, in milliseconds. */
const TICK_MS = 10
/** `Flags` of a unix socket: __SO_ACCEPTCON, linux/net.h. */
const SO_ACCEPTCON = 0x10000
const TIMER_KEEPALIVE = 2
const TIMER_TIME_WAIT = 3
const TIMER_PROBE = 4
const NEWLINE = 10

/** Fills the record from a line; false when the line is damaged. */
type ReadLine = (line: LineCursor, record: SocketRecord) => boolean

const READERS: Readonly<Record<ProcNetFile, ReadLine>> = {
  tcp: readTcp,
  tcp6: readTcp,
  udp: readDatagram,
  udp6: readDatagram,
  raw: readDatagram,
  raw6: readDatagram,
  unix: readUnix,
  packet: readPacket,
  netlink: readNetlink,
}

/**
 * Calls `visit` with `record`, refilled, for each line of `bytes`, which hold whole lines of a file, with or without its
 * heading. A damaged line, and a last one without its newline, is counted in `skipped`. Never throws for what the bytes hold.
 *
 * A path of a unix socket may hold a newline, which the kernel prints as it is: what follows it may look like another
 * socket. Only sock_diag is proof against that.
 */
export function parseProcNet(
  file: ProcNetFile,
  bytes: Uint8Array,
  record: SocketRecord,
  visit: (record: SocketRecord) => void,
): { rows: number; skipped: number } {
  const { protocol, family } = PROC_NET_CONTENT[file]
  const readLine = READERS[file]
  const line = new LineCursor(bytes)
  let rows = 0
  let skipped = 0
  prepare(record, protocol, family)
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start)
    if (newline < 0) {
      skipped++
      break
    }
    line.move(start, newline)
    start = newline + 1
    if (line.isHeading()) continue
    if (readLine(line, record)) {
      rows++
      visit(record)
    } else skipped++
  }
  return { rows, skipped }
}

/** Everything that is the same in each row of a file. */
function prepare(record: SocketRecord, protocol: Protocol, family: number): void {
  record.clearParts()
  record.source = 'procfs'
  record.protocol = protocol
  record.family = family
  record.type = 0
  record.rawProtocol = 0
  record.timer = record.expiresMs = record.retransmits = 0
  record.localPort = record.peerPort = 0
  record.local0 = record.local1 = record.local2 = record.local3 = 0
  record.peer0 = record.peer1 = record.peer2 = record.peer3 = 0
  record.ifindex = 0
  record.cookieLow = record.cookieHigh = UNKNOWN
  record.procDrops = UNKNOWN
}

/** The columns up to the socket pointer, which tcp, udp and raw share: `sl: local remote st tx:rx tr:when retr uid timeout inode ref ptr` */
function readInet(line: LineCursor, record: SocketRecord): boolean {
  const six = record.family === AF_INET6
  line.decimal()
  line.expect(':')
  record.local0 = line.addressWord()
  if (six) {
    record.local1 = line.nextAddressWord()
    record.local2 = line.nextAddressWord()
    record.local3 = line.nextAddressWord()
  }
  line.expect(':')
  record.localPort = line.hexDigits(4)
  record.peer0 = line.addressWord()
  if (six) {
    record.peer1 = line.nextAddressWord()
    record.peer2 = line.nextAddressWord()
    record.peer3 = line.nextAddressWord()
  }
  line.expect(':')
  record.peerPort = line.hexDigits(4)
  record.state = line.hex()
  record.sendQueue = line.hex()
  line.expect(':')
  record.recvQueue = line.hexDigits(8)
  record.timer = line.hex()
  line.expect(':')
  // %08lX: a wait longer than 2^32 ticks takes more digits.
  record.expiresMs = line.hexRun() * TICK_MS
  const retransmits = line.hex()
  record.uid = line.decimal()
  // Of a listener or a datagram socket this column is 0; of a connection it counts probes without an answer.
  const probes = line.decimal()
  const probing = record.timer === TIMER_KEEPALIVE || record.timer === TIMER_PROBE
  record.retransmits = probing ? probes : retransmits
  record.inode = line.decimal()
  line.decimal()
  line.word()
  return line.ok
}

function readTcp(line: LineCursor, record: SocketRecord): boolean {
  if (!readInet(line, record)) return false
  // A listener's limit is printed as 0 here, whatever it is.
  if (record.state === LISTENING) record.sendQueue = UNKNOWN
  // Mini-sockets have no owner: the kernel prints 0, or the listener's uid for a half-open connection.
  if (record.timer === TIMER_TIME_WAIT || record.state === SYN_RECV) {
    record.uid = UNKNOWN
    record.inode = 0
  }
  return true
}

/** udp and raw: one column more, drops. The "port" of a raw socket is its protocol. */
function readDatagram(line: LineCursor, record: SocketRecord): boolean {
  if (!readInet(line, record)) return false
  record.procDrops = line.decimal()
  if (record.protocol === 'raw') record.rawProtocol = record.localPort
  return line.ok
}

/** `Num: RefCount Protocol Flags Type St Inode Path` */
function readUnix(line: LineCursor, record: SocketRecord): boolean {
  line.word()
  line.hex()
  line.hex()
  const flags = line.hex()
  record.type = line.hex()
  // St is made from sk_state: 3 and 2 are TCP_ESTABLISHED with and without a file, 1 and 4 anything else.
  const connected = line.hex()
  record.inode = line.decimal()
  if (!line.ok) return false
  record.state = flags & SO_ACCEPTCON ? LISTENING : connected === 2 || connected === 3 ? ESTABLISHED : CLOSED
  record.recvQueue = record.sendQueue = UNKNOWN
  record.uid = UNKNOWN
  record.unix = { path: line.restAfterBlank(), peerInode: null, peerPath: null, pendingInodes: [] }
  return true
}

/** `sk RefCnt Type Proto Iface R Rmem User Inode` */
function readPacket(line: LineCursor, record: SocketRecord): boolean {
  line.word()
  line.decimal()
  record.type = line.decimal()
  const ethertype = line.hex()
  record.ifindex = line.decimal()
  line.decimal()
  record.recvQueue = line.decimal()
  record.uid = line.decimal()
  record.inode = line.decimal()
  if (!line.ok) return false
  record.sendQueue = UNKNOWN
  record.state = CLOSED
  record.packet = {
    ethertype,
    version: null,
    flags: null,
    copyThreshold: null,
    timestamp: null,
    fanoutId: null,
    fanoutType: null,
    receiveRing: false,
    transmitRing: false,
    filter: 'hidden',
  }
  return true
}

/** `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`; `Eth` is the netlink protocol, `Groups` the first 32 as a mask. */
function readNetlink(line: LineCursor, record: SocketRecord): boolean {
  line.word()
  const protocol = line.decimal()
  const portId = line.decimal()
  const mask = line.hex()
  record.recvQueue = line.decimal()
  record.sendQueue = line.decimal()
  line.decimal()
  line.decimal()
  record.procDrops = line.decimal()
  record.inode = line.decimal()
  if (!line.ok) return false
  record.uid = UNKNOWN
  record.state = CLOSED
  const groups: number[] = []
  for (let group = 1; group <= 32; group++) if ((mask >>> (group - 1)) & 1) groups.push(group)
  record.netlink = { protocol, portId, peerPortId: UNKNOWN, peerGroup: UNKNOWN, groups, flags: null }
  return true
}
