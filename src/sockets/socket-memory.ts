// Memory of a socket (SKMEMINFO) and the packets it dropped, as a part of the model and as ss's `skmem:(...)`.

import { Label, type TextSink } from '../bytes/text-sink.js'
import { INET_DIAG_MEMINFO, INET_DIAG_SKMEMINFO } from './diag/inet-diag.js'
import { NETLINK_DIAG_MEMINFO } from './diag/netlink-diag.js'
import { PACKET_DIAG_MEMINFO } from './diag/packet-diag.js'
import { UNIX_DIAG_MEMINFO } from './diag/unix-diag.js'
import { XDP_DIAG_MEMINFO } from './diag/xdp-diag.js'
import type { SocketMemory } from './model.js'
import { type SocketRecord, UNKNOWN } from './record.js'

/** The attribute that holds it: each family numbers its own. */
const MEMORY_ATTRIBUTE: Partial<Record<SocketRecord['protocol'], number>> = {
  tcp: INET_DIAG_SKMEMINFO,
  udp: INET_DIAG_SKMEMINFO,
  raw: INET_DIAG_SKMEMINFO,
  mptcp: INET_DIAG_SKMEMINFO,
  sctp: INET_DIAG_SKMEMINFO,
  unix: UNIX_DIAG_MEMINFO,
  packet: PACKET_DIAG_MEMINFO,
  netlink: NETLINK_DIAG_MEMINFO,
  xdp: XDP_DIAG_MEMINFO,
}

/** Names of SK_MEMINFO_* words in order (linux/sock_diag.h), and the letters by which ss prints them. */
const MEMORY_WORDS: readonly (readonly [keyof SocketMemory, string])[] = [
  ['receiveAllocated', 'r'],
  ['receiveBuffer', 'rb'],
  ['sendAllocated', 't'],
  ['sendBuffer', 'tb'],
  ['forwardAllocated', 'f'],
  ['sendQueued', 'w'],
  ['optionMemory', 'o'],
  ['backlog', 'bl'],
  ['drops', 'd'],
]

/** Memory of the socket in bytes, drops in packets; null when the kernel did not send it. */
export function socketMemory(record: SocketRecord): SocketMemory | null {
  const type = MEMORY_ATTRIBUTE[record.protocol]
  if (type === undefined || record.attribute(type) < 0) return null
  const memory = {} as SocketMemory
  for (let word = 0; word < MEMORY_WORDS.length; word++) memory[MEMORY_WORDS[word]![0]] = memoryAt(record, type, word)
  return memory
}

function memoryAt(record: SocketRecord, type: number, word: number): number | null {
  if (record.attributeLength(type) < word * 4 + 4) return null
  return record.data.getUint32(record.attribute(type) + word * 4, true)
}

/** Packets the socket dropped, from whichever source knows; null when none does. */
export function socketDrops(record: SocketRecord): number | null {
  if (record.procDrops !== UNKNOWN) return record.procDrops
  const type = MEMORY_ATTRIBUTE[record.protocol]
  return type === undefined ? null : memoryAt(record, type, MEMORY_WORDS.length - 1)
}

/** `skmem:(r0,rb131072,...,d0)` as ss prints it, with the drops named when there are any; nothing when not known. */
export function writeMemory(record: SocketRecord, sink: TextSink): void {
  const type = MEMORY_ATTRIBUTE[record.protocol]
  if (type === undefined) return
  const known = Math.min(record.attributeLength(type) >> 2, MEMORY_WORDS.length)
  if (known === 0) {
    writeOldMemory(record, sink)
    return
  }
  const { data } = record
  const at = record.attribute(type)
  for (let word = 0; word < known; word++) {
    sink.label(MEMORY_LABELS[word]!)
    sink.number(data.getUint32(at + word * 4, true))
  }
  sink.label(END)
  const drops = known < MEMORY_WORDS.length ? 0 : data.getUint32(at + (MEMORY_WORDS.length - 1) * 4, true)
  if (drops !== 0) sink.count(DROPS, drops)
}

const MEMORY_LABELS = MEMORY_WORDS.map(([, letters], index) => new Label(`${index === 0 ? 'skmem:(' : ','}${letters}`))
const END = new Label(') ')
const DROPS = new Label('drops:')

/** struct inet_diag_meminfo, which kernels before 3.2 send alone. */
function writeOldMemory(record: SocketRecord, sink: TextSink): void {
  if (MEMORY_ATTRIBUTE[record.protocol] !== INET_DIAG_SKMEMINFO) return
  if (record.attributeLength(INET_DIAG_MEMINFO) < 16) return
  const at = record.attribute(INET_DIAG_MEMINFO)
  const word = (index: number): number => record.data.getUint32(at + index * 4, true)
  sink.ascii(`mem:(r${word(0)},w${word(1)},f${word(2)},t${word(3)}) `)
}
