// What a segment does to its flow beside its life: its labels, round trips, options of SYNs.

import { TcpOptionsView } from '../wire/tcp-options.js'
import { FLAW_ZERO_LENGTH, TCP_ACK, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import * as Row from './flow-record.js'
import * as Label from './label-bits.js'
import type { QualityCounts } from './quality.js'
import { RttSamples } from './rtt.js'
import { noteOptions } from './syn-options.js'
import { TcpLabeller } from './tcp-labels.js'
import { CAPTURE_DUPLICATES } from './trouble.js'

/** A jumbo frame's payload at the most: no card sends more in one packet. */
const MOST_PAYLOAD = 9216
const AGAIN = Label.RETRANSMISSION | Label.PARTIAL_RETRANSMISSION | Label.OUT_OF_ORDER

export class TcpStep {
  readonly labeller = new TcpLabeller()
  readonly rtt = new RttSamples()
  readonly #options = new TcpOptionsView()
  readonly #counts: QualityCounts

  constructor(counts: QualityCounts) {
    this.#counts = counts
  }

  /** The labels of a segment that every receiver takes, with those that are `known` of it. Counts it, and times what it answers. */
  step(
    words: Int32Array,
    at: number,
    doubles: Float64Array,
    doublesAt: number,
    sender: 0 | 1,
    walked: WalkedPacket,
    known: number,
  ): number {
    const { labeller } = this
    const { flags, payloadBytes, timeNs } = walked
    let before = known
    const side = at + Row.SIDES + sender * Row.SIDE_WORDS
    const other = at + Row.SIDES + (1 - sender) * Row.SIDE_WORDS
    if ((words[side + Row.STATE]! & words[other + Row.STATE]! & Row.INITIAL_KNOWN) === 0)
      noteInitial(words, side, other, walked)
    if ((flags & TCP_SYN) !== 0 && (flags & TCP_ACK) !== 0 && words[side + Row.INITIAL] !== (walked.sequence | 0)) {
      before |= Label.PORT_REUSE // rule 15, its second half
      words[side + Row.INITIAL] = walked.sequence
    }
    const next = words[side + Row.NEXT]!
    const labels = labeller.label(words, at, doubles, doublesAt, sender, walked, before)
    if ((flags & TCP_SYN) !== 0) {
      this.#options.move(walked.data, walked.transportStart, walked.transportEnd)
      noteOptions(words, side, other, this.#options, (flags & TCP_ACK) !== 0)
    }
    timeHandshake(words, at, doubles, doublesAt, walked)
    if (payloadBytes > 0) {
      const mss = words[other + Row.OPTIONS]! & 0xffff
      if (payloadBytes > (mss === 0 ? MOST_PAYLOAD : mss) || (walked.flaws & FLAW_ZERO_LENGTH) !== 0)
        this.#counts.giants++
      const state = words[side + Row.STATE]!
      if ((state & Row.TIMING) === 0) {
        if ((walked.sequence | 0) === next && (labels & AGAIN) === 0) {
          words[side + Row.STATE] = state | Row.TIMING
          words[side + Row.TIMED_END] = (next + payloadBytes) | 0
          doubles[doublesAt + Row.SIDE_TIMES + sender * Row.SIDE_DOUBLES + Row.TIMED_AT] = timeNs
        }
      } else if ((labels & AGAIN) !== 0 && ((walked.sequence - words[side + Row.TIMED_END]!) | 0) < 0)
        words[side + Row.STATE] = state & ~Row.TIMING // Karn: nobody knows which of the two is acknowledged
    }
    const otherState = words[other + Row.STATE]!
    if (
      (otherState & Row.TIMING) !== 0 &&
      (flags & TCP_ACK) !== 0 &&
      ((walked.acknowledgment - words[other + Row.TIMED_END]!) | 0) >= 0
    ) {
      words[other + Row.STATE] = otherState & ~Row.TIMING
      this.#sample(words, at, doubles, doublesAt, sender, walked)
    }
    return labels
  }

  /** The packet acknowledges the segment that was timed of the other end. */
  #sample(
    words: Int32Array,
    at: number,
    doubles: Float64Array,
    doublesAt: number,
    sender: 0 | 1,
    walked: WalkedPacket,
  ): void {
    const rttNs = walked.timeNs - doubles[doublesAt + Row.SIDE_TIMES + (1 - sender) * Row.SIDE_DOUBLES + Row.TIMED_AT]!
    if (rttNs < 0) return
    const state = words[at + Row.SIDES + Row.STATE]!
    let slot = words[at + Row.RTT_SLOT]!
    if (slot === 0) {
      if ((state & Row.RTT_SINGLE) === 0) {
        words[at + Row.SIDES + Row.STATE] = state | Row.RTT_SINGLE
        doubles[doublesAt + Row.RTT_MIN] = rttNs
        return
      }
      slot = this.rtt.take()
      words[at + Row.RTT_SLOT] = slot
      this.rtt.add(slot, doubles[doublesAt + Row.RTT_MIN]!)
    }
    this.rtt.add(slot, rttNs)
    const least = doubles[doublesAt + Row.RTT_MIN]!
    if (rttNs < least) doubles[doublesAt + Row.RTT_MIN] = rttNs
  }

  /** The capture holds a segment of this flow twice. */
  countDuplicate(words: Int32Array, at: number): void {
    const { troubles } = this.labeller
    const slot = this.labeller.slot(words, at)
    troubles.words(slot)[troubles.at(slot) + CAPTURE_DUPLICATES]!++
  }

  /** Whether equal identifications of this direction mean equal packets. */
  isIdentified(words: Int32Array, side: number, walked: WalkedPacket): boolean {
    return walked.identification > 0 && (words[side + Row.STATE]! & Row.IDENTIFICATION_CONSTANT) === 0
  }

  /** Learns whether the identifications of this direction differ. */
  noteIdentification(words: Int32Array, side: number, walked: WalkedPacket): void {
    const state = words[side + Row.STATE]!
    if (walked.identification <= 0 || (state & Row.IDENTIFICATION_CONSTANT) !== 0) return
    if ((state & Row.IDENTIFIED) === 0) words[side + Row.STATE] = state | Row.IDENTIFIED
    else if (words[side + Row.LAST_WINDOW]! >>> 16 === walked.identification)
      words[side + Row.STATE] = state | Row.IDENTIFICATION_CONSTANT
  }
}

/**
 * A SYN whose initial sequence number is not the one of its sender in this flow.
 * @param found slot of the flow, doubled, plus the sender
 */
export function isReuse(records: Row.FlowRecords, found: number, walked: WalkedPacket): boolean {
  const { words } = records.slab(found >> 1)
  const side = Row.wordsOf(found >> 1) + Row.SIDES + (found & 1) * Row.SIDE_WORDS
  return (words[side + Row.STATE]! & Row.INITIAL_KNOWN) !== 0 && words[side + Row.INITIAL] !== (walked.sequence | 0)
}

/** From the latest SYN to the first ACK behind it: Wireshark's initial round trip, which rule 13 uses. */
function timeHandshake(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  { flags, timeNs }: WalkedPacket,
): void {
  const state = words[at + Row.SIDES + Row.STATE]!
  if ((state & Row.HANDSHAKE_KNOWN) !== 0) return
  if ((flags & TCP_SYN) !== 0) {
    if ((flags & TCP_ACK) !== 0) return
    doubles[doublesAt + Row.HANDSHAKE] = timeNs
    words[at + Row.SIDES + Row.STATE] = state | Row.SYN_TIMED
  } else if ((state & Row.SYN_TIMED) !== 0 && (flags & TCP_ACK) !== 0) {
    doubles[doublesAt + Row.HANDSHAKE] = Math.max(0, timeNs - doubles[doublesAt + Row.HANDSHAKE]!)
    words[at + Row.SIDES + Row.STATE] = state | Row.HANDSHAKE_KNOWN
  }
}

/** Rule 15's number of a direction: of its SYN, else one before its first, else one before what the other acknowledged first. */
function noteInitial(words: Int32Array, side: number, other: number, walked: WalkedPacket): void {
  if ((words[side + Row.STATE]! & Row.INITIAL_KNOWN) === 0) {
    words[side + Row.STATE]! |= Row.INITIAL_KNOWN
    words[side + Row.INITIAL] = walked.sequence - ((walked.flags & TCP_SYN) !== 0 ? 0 : 1)
  }
  if ((words[other + Row.STATE]! & Row.INITIAL_KNOWN) === 0 && (walked.flags & TCP_ACK) !== 0) {
    words[other + Row.STATE]! |= Row.INITIAL_KNOWN
    words[other + Row.INITIAL] = walked.acknowledgment - 1
  }
}
