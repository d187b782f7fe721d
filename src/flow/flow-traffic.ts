// Counts a packet of a flow: in its row, packets, bytes, flags and times.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import * as Row from './flow-record.js'

/** @param baseSeconds second of the first timed packet */
export function countPacket(
  packet: CapturedPacket,
  walked: WalkedPacket,
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  baseSeconds: number,
): void {
  const times = doublesAt + Row.SIDE_TIMES + sender * Row.SIDE_DOUBLES
  words[at + Row.SIDES + sender * Row.SIDE_WORDS + Row.PACKETS]!++
  doubles[times + Row.FRAME_BYTES]! += packet.wireLength
  doubles[times + Row.PAYLOAD_BYTES]! += walked.payloadBytes
  words[at + Row.LAST_FRAME] = packet.frame
  if (packet.timeKnown) {
    const seconds = packet.seconds - baseSeconds
    if ((words[at + Row.SIDES + Row.STATE]! & Row.TIMED) === 0) {
      words[at + Row.SIDES + Row.STATE]! |= Row.TIMED
      words[at + Row.FIRST_SECONDS] = seconds
      words[at + Row.FIRST_NS] = packet.nanoseconds
    }
    words[at + Row.LAST_SECONDS] = seconds
    words[at + Row.LAST_NS] = packet.nanoseconds
  }
}

/** @param side where the columns of its sender begin */
export function countFlags(words: Int32Array, side: number, flags: number): void {
  if ((flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_PSH)) !== 0) {
    if ((flags & TCP_PSH) !== 0) words[side + Row.PUSHES]!++
    if ((flags & TCP_FIN) !== 0) words[side + Row.FINS]!++
    if ((flags & TCP_RST) !== 0) words[side + Row.RSTS]!++
    if ((flags & TCP_SYN) !== 0) countSyn(words, side + Row.SYNS, (flags & TCP_ACK) !== 0)
  } else if ((flags & TCP_ACK) !== 0) words[side + Row.ACKS]!++
}

/** SYNs are counted in the low half of the word, SYN-ACKs in the high one, as far as they go. */
function countSyn(words: Int32Array, at: number, isSynAck: boolean): void {
  const counts = words[at]!
  if (isSynAck) {
    if (counts >>> 16 < 0xffff) words[at] = counts + 0x10000
  } else if ((counts & 0xffff) < 0xffff) words[at] = counts + 1
}
