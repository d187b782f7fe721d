// Follows every flow of a capture: finds the flow of a packet, labels it, counts it, steps the life of its connection.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { PacketWalker } from '../wire/packet-walker.js'
import { TcpOptionsView } from '../wire/tcp-options.js'
import {
  FLAW_BAD_CHECKSUM,
  FLAW_MALFORMED,
  FLAW_TRUNCATED,
  FLAW_ZERO_LENGTH,
  KIND_ICMP_ERROR,
  KIND_TCP,
  KIND_UDP,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  type WalkedPacket,
} from '../wire/walked-packet.js'
import { Duplicates } from './duplicates.js'
import { buildFlow, countGaps, type FlowContext, udpClient } from './flow-build.js'
import { endReasonOf, isEnded } from './flow-end.js'
import * as Row from './flow-record.js'
import { FlowTable } from './flow-table.js'
import { IcmpErrors } from './icmp-errors.js'
import * as Label from './label-bits.js'
import { STEP_BAD_CHECKSUM, stepIcmp, stepLife } from './life.js'
import { BITS, CLIENT_IS_1 } from './life-words.js'
import type { Flow, FlowEndReason, Outcome } from './model.js'
import { readOutcome } from './outcome.js'
import { type CaptureQuality, QualityCounts } from './quality.js'
import { RttSamples } from './rtt.js'
import { noteOptions } from './syn-options.js'
import { TcpLabeller } from './tcp-labels.js'
import { CAPTURE_DUPLICATES } from './trouble.js'

export interface TrackerOptions {
  /** Flows that are remembered at a time; one more makes another one end. */
  maxFlows?: number
  /** Called with each flow that ended or was given up, and by `finish` with the others. */
  onFlow?: (flow: Flow, slot: number) => void
  /** Asked with the slot of a flow that ends: when it says no, the flow is not built and `onFlow` not called. */
  isWanted?: (slot: number) => boolean
  /** Mixed into the hashes; tests give one. */
  seed?: number
  /** Verify the checksums of IPv4, TCP and UDP. */
  verifyChecksums?: boolean
}

export const DEFAULT_MAX_FLOWS = 131_072
/** Silent this long in a table that is more than half full, a flow is over. */
const IDLE_NS = 300e9
/** How many flows a full table looks at for the one to give up, and how many for idle ones at each new flow. */
const CANDIDATES = 16
const IDLE_CANDIDATES = 2
/** A jumbo frame's payload at the most: no card sends more in one packet. */
const MOST_PAYLOAD = 9216
const IPPROTO_TCP = 6
const AGAIN = Label.RETRANSMISSION | Label.PARTIAL_RETRANSMISSION | Label.OUT_OF_ORDER

export class FlowTracker {
  readonly walker = new PacketWalker()
  /** Of the packet that was added last: what was found in it. */
  walked: WalkedPacket = this.walker.walked
  /** Slot of its flow, -1 when it belongs to none. An ICMP error belongs to the flow that it quotes. */
  flow = -1
  flowId = 0
  /** 0 for the sender of the flow's first packet; of an ICMP error: whose packet it quotes. */
  sender: 0 | 1 = 0
  labels = 0
  retransmissionKind = 0
  dupAckNumber = 0
  /** Since the first timed packet; of a packet without time, that of the packet before it. */
  timeNs = -0
  /** Flows that were met so far. */
  flows = 0

  readonly #table: FlowTable
  readonly #labeller = new TcpLabeller()
  readonly #rtt = new RttSamples()
  readonly #duplicates = new Duplicates()
  readonly #icmp = new IcmpErrors()
  readonly #counts = new QualityCounts()
  readonly #options = new TcpOptionsView()
  readonly #maxFlows: number
  readonly #onFlow: ((flow: Flow, slot: number) => void) | null
  readonly #isWanted: ((slot: number) => boolean) | null
  readonly #context: FlowContext
  #baseSeconds = 0
  #baseNanoseconds = 0
  #isTimed = false
  #hand = 0

  constructor(options: TrackerOptions = {}) {
    this.#maxFlows = options.maxFlows ?? DEFAULT_MAX_FLOWS
    this.#onFlow = options.onFlow ?? null
    this.#isWanted = options.isWanted ?? null
    this.#table = new FlowTable(options.seed ?? Math.floor(Math.random() * 2 ** 32))
    this.walker.verifyChecksums = options.verifyChecksums ?? false
    this.#context = {
      records: this.#table.records,
      troubles: this.#labeller.troubles,
      rtt: this.#rtt,
      icmp: this.#icmp,
      baseSeconds: () => this.#baseSeconds,
      encapsulationNames: chain => this.walker.encapsulationNames(chain),
    }
  }

  add(packet: CapturedPacket): void {
    this.addWalked(packet, this.walker.walk(packet))
  }

  /** Adds a packet that was walked through already. */
  addWalked(packet: CapturedPacket, walked: WalkedPacket): void {
    const counts = this.#counts
    this.walked = walked
    this.flow = -1
    this.flowId = 0
    this.labels = 0
    this.retransmissionKind = 0
    this.dupAckNumber = 0
    counts.count(packet)
    counts.kinds[walked.kind]!++
    if (packet.timeKnown) this.#moveTime(packet)
    else counts.packetsWithoutTime++
    walked.timeNs = this.timeNs
    if (walked.flaws !== 0) this.#noteFlaws(walked.flaws)
    if (walked.kind === KIND_TCP) this.#addTcp(packet, walked)
    else if (walked.kind === KIND_UDP) this.#addUdp(packet, walked)
    else if (walked.kind === KIND_ICMP_ERROR) this.#addIcmpError(packet, walked)
  }

  /** Ends all flows, in the order of their first packets. */
  finish(): void {
    for (const slot of this.#slotsById()) this.#end(slot, 'end-of-capture')
  }

  /** The flow of a slot as it is now: for live views. */
  read(slot: number): Flow {
    const flow = buildFlow(this.#context, slot, endReasonOf(this.#table.records, slot, 'end-of-capture'))
    return flow
  }

  /** Slots of the flows that are remembered, in the order of their first packets. */
  slots(): number[] {
    return Array.from(this.#slotsById())
  }

  /** What became of the flow of a slot so far, without building it: null for UDP. */
  outcome(slot: number): Outcome | null {
    const { words } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    if ((words[at + Row.TYPE]! & 0xff) !== IPPROTO_TCP) return null
    return readOutcome(words, at + Row.LIFE_WORDS_AT).outcome
  }

  /** Of the flows that are remembered. */
  get records(): Row.FlowRecords {
    return this.#table.records
  }

  /** Number of the last packet of the flow of a slot. */
  lastFrame(slot: number): number {
    return this.#table.records.slab(slot).words[Row.wordsOf(slot) + Row.LAST_FRAME]!
  }

  /** Which sender is the client of the flow of a slot, by what was seen of it so far. */
  clientSender(slot: number): 0 | 1 {
    const { words } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    if ((words[at + Row.TYPE]! & 0xff) !== IPPROTO_TCP) return udpClient(words[at + Row.PORTS]!).clientSide
    return (words[at + Row.LIFE_WORDS_AT + BITS]! & CLIENT_IS_1) === 0 ? 0 : 1
  }

  /**
   * Where the sequence numbers of an end of a flow begin, unsigned: its SYN's number, or one before the first that was seen or
   * acknowledged of it; -1 when nothing was.
   */
  initialSequence(slot: number, sender: 0 | 1): number {
    const { words } = this.#table.records.slab(slot)
    const side = Row.wordsOf(slot) + Row.SIDES + sender * Row.SIDE_WORDS
    return (words[side + Row.STATE]! & Row.INITIAL_KNOWN) === 0 ? -1 : words[side + Row.INITIAL]! >>> 0
  }

  /** Of all flows, those that are remembered still included. */
  quality(): CaptureQuality {
    const quality = this.#counts.read(this.walker.stopped(), this.walker.unsupportedLinkTypes())
    for (let slot = 0; slot < this.#table.records.used; slot++) {
      if (this.#id(slot) === 0) continue
      quality.gaps += this.#gaps(slot)
      if (this.outcome(slot) === 'one-sided') quality.oneSidedFlows++
    }
    return quality
  }

  #gaps(slot: number): number {
    const { words } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    if ((words[at + Row.TYPE]! & 0xff) !== IPPROTO_TCP) return 0
    const { troubles } = this.#context
    return countGaps(troubles, words, at, 0) + countGaps(troubles, words, at, 1)
  }

  #moveTime(packet: CapturedPacket): void {
    if (!this.#isTimed) {
      this.#isTimed = true
      this.#baseSeconds = packet.seconds
      this.#baseNanoseconds = packet.nanoseconds
    }
    const timeNs = (packet.seconds - this.#baseSeconds) * 1e9 + (packet.nanoseconds - this.#baseNanoseconds)
    if (timeNs < this.timeNs) this.#counts.stepBack(this.timeNs - timeNs)
    this.timeNs = timeNs
  }

  #noteFlaws(flaws: number): void {
    if ((flaws & FLAW_TRUNCATED) !== 0) this.labels |= Label.TRUNCATED
    if ((flaws & FLAW_BAD_CHECKSUM) !== 0) {
      this.labels |= Label.BAD_CHECKSUM
      this.#counts.badChecksums++
    }
    if ((flaws & FLAW_MALFORMED) !== 0) {
      this.labels |= Label.MALFORMED
      this.#counts.malformed++
    }
  }

  #addTcp(packet: CapturedPacket, walked: WalkedPacket): void {
    const { flags } = walked
    let found = this.#table.find(walked, walked.encapsulation, walked)
    if (found >= 0 && (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN && this.#isReuse(found, walked)) {
      // Rule 15: another connection between the same ends.
      this.#end(found >> 1, 'end-of-capture')
      found = -1
      this.labels |= Label.PORT_REUSE
    }
    if (found < 0) {
      found = this.#make(packet, walked) * 2
      this.#counts.tcpFlows++
    }
    const slot = found >> 1
    const sender = (found & 1) as 0 | 1
    const { words, doubles } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    const doublesAt = Row.doublesOf(slot)
    const side = at + Row.SIDES + sender * Row.SIDE_WORDS
    this.flow = slot
    this.flowId = words[at + Row.ID]!
    this.sender = sender
    this.#countPacket(packet, walked, words, at, doubles, doublesAt, sender)
    if ((flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_PSH)) !== 0) {
      if ((flags & TCP_PSH) !== 0) words[side + Row.PUSHES]!++
      if ((flags & TCP_FIN) !== 0) words[side + Row.FINS]!++
      if ((flags & TCP_RST) !== 0) words[side + Row.RSTS]!++
      if ((flags & TCP_SYN) !== 0) countSyn(words, side + Row.SYNS, (flags & TCP_ACK) !== 0)
    } else if ((flags & TCP_ACK) !== 0) words[side + Row.ACKS]!++
    if ((walked.flaws & FLAW_TRUNCATED) !== 0) words[at + Row.CUT_PACKETS]!++

    const trusted = this.#isIdentified(words, side, walked)
    if (packet.timeKnown && this.#duplicates.test(packet, walked, this.flowId * 2 + sender, trusted)) {
      this.labels |= Label.CAPTURE_DUPLICATE
      this.#counts.duplicates++
      const trouble = this.#labeller.slot(words, at)
      this.#labeller.troubles.words(trouble)[this.#labeller.troubles.at(trouble) + CAPTURE_DUPLICATES]!++
      return
    }
    this.#noteIdentification(words, side, walked)
    if ((walked.flaws & FLAW_MALFORMED) !== 0) return // every receiver drops it
    const labels = this.#label(words, at, doubles, doublesAt, sender, walked)
    stepLife(
      words,
      at + Row.LIFE_WORDS_AT,
      doubles,
      doublesAt + Row.LIFE_DOUBLES_AT,
      sender,
      walked,
      packet.frame,
      (walked.flaws & FLAW_BAD_CHECKSUM) !== 0 ? STEP_BAD_CHECKSUM : 0,
    )
    this.labels = labels
  }

  /** A SYN whose initial sequence number is not the one of its sender in this flow. */
  #isReuse(found: number, walked: WalkedPacket): boolean {
    const { words } = this.#table.records.slab(found >> 1)
    const side = Row.wordsOf(found >> 1) + Row.SIDES + (found & 1) * Row.SIDE_WORDS
    return (words[side + Row.STATE]! & Row.INITIAL_KNOWN) !== 0 && words[side + Row.INITIAL] !== (walked.sequence | 0)
  }

  #label(
    words: Int32Array,
    at: number,
    doubles: Float64Array,
    doublesAt: number,
    sender: 0 | 1,
    walked: WalkedPacket,
  ): number {
    const labeller = this.#labeller
    const { timeNs } = this
    const { flags, payloadBytes } = walked
    const side = at + Row.SIDES + sender * Row.SIDE_WORDS
    const other = at + Row.SIDES + (1 - sender) * Row.SIDE_WORDS
    if ((words[side + Row.STATE]! & words[other + Row.STATE]! & Row.INITIAL_KNOWN) === 0)
      noteInitial(words, side, other, walked)
    if ((flags & TCP_SYN) !== 0 && (flags & TCP_ACK) !== 0 && words[side + Row.INITIAL] !== (walked.sequence | 0)) {
      this.labels |= Label.PORT_REUSE // rule 15, its second half
      words[side + Row.INITIAL] = walked.sequence
    }
    const next = words[side + Row.NEXT]!
    const labels = labeller.label(words, at, doubles, doublesAt, sender, walked, this.labels)
    this.retransmissionKind = labeller.retransmissionKind
    this.dupAckNumber = labeller.dupAckNumber
    if ((flags & TCP_SYN) !== 0) {
      this.#options.move(walked.data, walked.transportStart, walked.transportEnd)
      noteOptions(words, side, other, this.#options, (flags & TCP_ACK) !== 0)
    }
    this.#timeHandshake(words, at, doubles, doublesAt, flags)
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
      this.#sample(words, at, doubles, doublesAt, sender)
    }
    return labels
  }

  /** The packet acknowledges the segment that was timed of the other end. */
  #sample(words: Int32Array, at: number, doubles: Float64Array, doublesAt: number, sender: 0 | 1): void {
    const rttNs = this.timeNs - doubles[doublesAt + Row.SIDE_TIMES + (1 - sender) * Row.SIDE_DOUBLES + Row.TIMED_AT]!
    if (rttNs < 0) return
    const state = words[at + Row.SIDES + Row.STATE]!
    let slot = words[at + Row.RTT_SLOT]!
    if (slot === 0) {
      if ((state & Row.RTT_SINGLE) === 0) {
        words[at + Row.SIDES + Row.STATE] = state | Row.RTT_SINGLE
        doubles[doublesAt + Row.RTT_MIN] = rttNs
        return
      }
      slot = this.#rtt.take()
      words[at + Row.RTT_SLOT] = slot
      this.#rtt.add(slot, doubles[doublesAt + Row.RTT_MIN]!)
    }
    this.#rtt.add(slot, rttNs)
    const least = doubles[doublesAt + Row.RTT_MIN]!
    if (rttNs < least) doubles[doublesAt + Row.RTT_MIN] = rttNs
  }

  /** From the latest SYN to the first ACK behind it: Wireshark's initial round trip, which rule 13 uses. */
  #timeHandshake(words: Int32Array, at: number, doubles: Float64Array, doublesAt: number, flags: number): void {
    const state = words[at + Row.SIDES + Row.STATE]!
    if ((state & Row.HANDSHAKE_KNOWN) !== 0) return
    if ((flags & TCP_SYN) !== 0) {
      if ((flags & TCP_ACK) !== 0) return
      doubles[doublesAt + Row.HANDSHAKE] = this.timeNs
      words[at + Row.SIDES + Row.STATE] = state | Row.SYN_TIMED
    } else if ((state & Row.SYN_TIMED) !== 0 && (flags & TCP_ACK) !== 0) {
      doubles[doublesAt + Row.HANDSHAKE] = Math.max(0, this.timeNs - doubles[doublesAt + Row.HANDSHAKE]!)
      words[at + Row.SIDES + Row.STATE] = state | Row.HANDSHAKE_KNOWN
    }
  }

  /** Whether equal identifications of this direction mean equal packets. */
  #isIdentified(words: Int32Array, side: number, walked: WalkedPacket): boolean {
    return walked.identification > 0 && (words[side + Row.STATE]! & Row.IDENTIFICATION_CONSTANT) === 0
  }

  #noteIdentification(words: Int32Array, side: number, walked: WalkedPacket): void {
    const state = words[side + Row.STATE]!
    if (walked.identification <= 0 || (state & Row.IDENTIFICATION_CONSTANT) !== 0) return
    if ((state & Row.IDENTIFIED) === 0) words[side + Row.STATE] = state | Row.IDENTIFIED
    else if (words[side + Row.LAST_WINDOW]! >>> 16 === walked.identification)
      words[side + Row.STATE] = state | Row.IDENTIFICATION_CONSTANT
  }

  #addUdp(packet: CapturedPacket, walked: WalkedPacket): void {
    let found = this.#table.find(walked, walked.encapsulation, walked)
    if (found < 0) {
      found = this.#make(packet, walked) * 2
      this.#counts.udpFlows++
    }
    const slot = found >> 1
    const { words, doubles } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    this.flow = slot
    this.flowId = words[at + Row.ID]!
    this.sender = (found & 1) as 0 | 1
    this.#countPacket(packet, walked, words, at, doubles, Row.doublesOf(slot), this.sender)
  }

  #countPacket(
    packet: CapturedPacket,
    walked: WalkedPacket,
    words: Int32Array,
    at: number,
    doubles: Float64Array,
    doublesAt: number,
    sender: 0 | 1,
  ): void {
    const times = doublesAt + Row.SIDE_TIMES + sender * Row.SIDE_DOUBLES
    words[at + Row.SIDES + sender * Row.SIDE_WORDS + Row.PACKETS]!++
    doubles[times + Row.FRAME_BYTES]! += packet.wireLength
    doubles[times + Row.PAYLOAD_BYTES]! += walked.payloadBytes
    words[at + Row.LAST_FRAME] = packet.frame
    if (packet.timeKnown) {
      const seconds = packet.seconds - this.#baseSeconds
      if ((words[at + Row.SIDES + Row.STATE]! & Row.TIMED) === 0) {
        words[at + Row.SIDES + Row.STATE]! |= Row.TIMED
        words[at + Row.FIRST_SECONDS] = seconds
        words[at + Row.FIRST_NS] = packet.nanoseconds
      }
      words[at + Row.LAST_SECONDS] = seconds
      words[at + Row.LAST_NS] = packet.nanoseconds
    }
  }

  #addIcmpError(packet: CapturedPacket, walked: WalkedPacket): void {
    const { quoted } = walked
    const found = quoted.protocol === 0 ? -1 : this.#table.find(quoted, walked.encapsulation, null)
    if (found < 0) {
      this.#counts.strayIcmpErrors++
      return
    }
    const slot = found >> 1
    const { words } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    this.flow = slot
    this.flowId = words[at + Row.ID]!
    this.sender = (found & 1) as 0 | 1
    this.#icmp.add(slot, walked, packet.frame, this.sender)
    if (quoted.protocol === 6) stepIcmp(words, at + Row.LIFE_WORDS_AT, this.sender, packet.frame)
  }

  /** A row for a new flow, after room was made for it. */
  #make(packet: CapturedPacket, walked: WalkedPacket): number {
    const { records } = this.#table
    if (records.live * 2 > this.#maxFlows) {
      this.#endIdle()
      if (records.live >= this.#maxFlows) this.#giveUp()
    }
    const slot = this.#table.insert(walked, walked.encapsulation)
    const { words } = records.slab(slot)
    const at = Row.wordsOf(slot)
    words[at + Row.ID] = ++this.flows
    words[at + Row.FIRST_FRAME] = packet.frame
    return slot
  }

  #endIdle(): void {
    const { records } = this.#table
    for (let looked = 0; looked < IDLE_CANDIDATES; looked++) {
      const slot = this.#turn()
      if (records.slab(slot).words[Row.wordsOf(slot) + Row.ID] !== 0 && this.#silence(slot) > IDLE_NS) {
        this.#counts.idleFlows++
        this.#end(slot, 'idle')
      }
    }
  }

  /** Ends the one that ended already and is silent longest, or the one that is silent longest, of some. */
  #giveUp(): void {
    const { records } = this.#table
    let best = -1
    let bestEnded = false
    let bestSilence = Number.NEGATIVE_INFINITY
    for (let looked = 0; looked < CANDIDATES || best < 0; looked++) {
      const slot = this.#turn()
      if (records.slab(slot).words[Row.wordsOf(slot) + Row.ID] === 0) continue
      const ended = isEnded(records, slot)
      const silence = this.#silence(slot)
      if (bestEnded && !ended) continue
      if (ended === bestEnded && silence <= bestSilence) continue
      best = slot
      bestEnded = ended
      bestSilence = silence
    }
    this.#counts.evictedFlows++
    this.#end(best, 'lack-of-resources')
  }

  #turn(): number {
    this.#hand = this.#hand + 1 < this.#table.records.used ? this.#hand + 1 : 0
    return this.#hand
  }

  /** Nanoseconds since its last packet. */
  #silence(slot: number): number {
    const { words } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    return this.timeNs - (words[at + Row.LAST_SECONDS]! * 1e9 + words[at + Row.LAST_NS]! - this.#baseNanoseconds)
  }

  #end(slot: number, reason: FlowEndReason): void {
    const { records } = this.#table
    const { words } = records.slab(slot)
    const at = Row.wordsOf(slot)
    this.#counts.gaps += this.#gaps(slot)
    if (this.outcome(slot) === 'one-sided') this.#counts.oneSidedFlows++
    const isWanted = this.#onFlow !== null && (this.#isWanted === null || this.#isWanted(slot))
    const flow = isWanted ? buildFlow(this.#context, slot, endReasonOf(records, slot, reason)) : null
    if (words[at + Row.TROUBLE_SLOT] !== 0) this.#labeller.troubles.release(words[at + Row.TROUBLE_SLOT]!)
    if (words[at + Row.RTT_SLOT] !== 0) this.#rtt.release(words[at + Row.RTT_SLOT]!)
    this.#icmp.release(slot)
    this.#table.remove(slot)
    if (flow !== null) this.#onFlow?.(flow, slot)
  }

  #slotsById(): Int32Array {
    const { live, used } = this.#table.records
    // The number before the slot in one double: sorted as numbers, without an object for each of a hundred thousand.
    const keys = new Float64Array(live)
    let count = 0
    for (let slot = 0; slot < used; slot++) {
      const id = this.#id(slot)
      if (id !== 0) keys[count++] = id * used + slot
    }
    keys.sort()
    // Integers again, or all that takes a slot would be compiled once more for doubles.
    const slots = new Int32Array(count)
    for (let at = 0; at < count; at++) slots[at] = keys[at]! % used
    return slots
  }

  /** 0 of a slot that is free. */
  #id(slot: number): number {
    return this.#table.records.slab(slot).words[Row.wordsOf(slot) + Row.ID]!
  }
}

/** SYNs are counted in the low half of the word, SYN-ACKs in the high one, as far as they go. */
function countSyn(words: Int32Array, at: number, isSynAck: boolean): void {
  const counts = words[at]!
  if (isSynAck) {
    if (counts >>> 16 < 0xffff) words[at] = counts + 0x10000
  } else if ((counts & 0xffff) < 0xffff) words[at] = counts + 1
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
