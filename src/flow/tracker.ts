// Follows every flow of a capture: finds the flow of a packet, labels it, counts it, steps the life of its connection.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { IPPROTO_TCP } from '../wire/ipv4.js'
import { PacketWalker } from '../wire/packet-walker.js'
import {
  FLAW_BAD_CHECKSUM,
  FLAW_MALFORMED,
  FLAW_TRUNCATED,
  KIND_ICMP_ERROR,
  KIND_TCP,
  KIND_UDP,
  TCP_ACK,
  TCP_SYN,
  type WalkedPacket,
} from '../wire/walked-packet.js'
import { Duplicates } from './duplicates.js'
import { buildFlow } from './flow-build.js'
import type { FlowContext } from './flow-counts.js'
import { endReasonOf } from './flow-end.js'
import { FlowEviction } from './flow-eviction.js'
import * as Reading from './flow-reading.js'
import * as Row from './flow-record.js'
import { FlowTable } from './flow-table.js'
import { countFlags, countPacket } from './flow-traffic.js'
import { IcmpErrors } from './icmp-errors.js'
import * as Label from './label-bits.js'
import { STEP_BAD_CHECKSUM, stepIcmp, stepLife } from './life.js'
import type { Flow, FlowEndReason, Outcome } from './model.js'
import { type CaptureQuality, QualityCounts } from './quality.js'
import { isReuse, TcpStep } from './tcp-step.js'

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
  readonly #duplicates = new Duplicates()
  readonly #icmp = new IcmpErrors()
  readonly #counts = new QualityCounts()
  readonly #tcp = new TcpStep(this.#counts)
  readonly #eviction: FlowEviction
  readonly #onFlow: ((flow: Flow, slot: number) => void) | null
  readonly #isWanted: ((slot: number) => boolean) | null
  readonly #context: FlowContext
  #baseSeconds = 0
  #baseNanoseconds = 0
  #isTimed = false

  constructor(options: TrackerOptions = {}) {
    this.#onFlow = options.onFlow ?? null
    this.#isWanted = options.isWanted ?? null
    this.#table = new FlowTable(options.seed ?? Math.floor(Math.random() * 2 ** 32))
    const { records } = this.#table
    const maxFlows = options.maxFlows ?? DEFAULT_MAX_FLOWS
    this.#eviction = new FlowEviction(records, this.#counts, maxFlows, (slot, reason) => this.#end(slot, reason))
    this.walker.verifyChecksums = options.verifyChecksums ?? false
    this.#context = {
      records,
      troubles: this.#tcp.labeller.troubles,
      rtt: this.#tcp.rtt,
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
    for (const slot of Reading.slotsById(this.#table.records)) this.#end(slot, 'end-of-capture')
  }

  /** The flow of a slot as it is now: for live views. */
  read(slot: number): Flow {
    return buildFlow(this.#context, slot, endReasonOf(this.#table.records, slot, 'end-of-capture'))
  }

  /** Slots of the flows that are remembered, in the order of their first packets. */
  slots(): number[] {
    return Array.from(Reading.slotsById(this.#table.records))
  }

  /** What became of the flow of a slot so far, without building it: null for UDP. */
  outcome(slot: number): Outcome | null {
    return Reading.outcomeOf(this.#table.records, slot)
  }

  /** Of the flows that are remembered. */
  get records(): Row.FlowRecords {
    return this.#table.records
  }

  /** Number of the last packet of the flow of a slot. */
  lastFrame(slot: number): number {
    return Reading.lastFrameOf(this.#table.records, slot)
  }

  /** Which sender is the client of the flow of a slot, by what was seen of it so far. */
  clientSender(slot: number): 0 | 1 {
    return Reading.clientSenderOf(this.#table.records, slot)
  }

  /** Where the sequence numbers of an end of a flow begin, unsigned; -1 when nothing was seen of it. */
  initialSequence(slot: number, sender: 0 | 1): number {
    return Reading.initialSequenceOf(this.#table.records, slot, sender)
  }

  /** Of all flows, those that are remembered still included. */
  quality(): CaptureQuality {
    const quality = this.#counts.read(this.walker.stopped(), this.walker.unsupportedLinkTypes())
    for (const slot of Reading.slotsById(this.#table.records)) {
      quality.gaps += Reading.gapsOf(this.#context, slot)
      if (this.outcome(slot) === 'one-sided') quality.oneSidedFlows++
    }
    return quality
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
    if (found >= 0 && (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN && isReuse(this.#table.records, found, walked)) {
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
    countPacket(packet, walked, words, at, doubles, doublesAt, sender, this.#baseSeconds)
    countFlags(words, side, flags)
    if ((walked.flaws & FLAW_TRUNCATED) !== 0) words[at + Row.CUT_PACKETS]!++
    const trusted = this.#tcp.isIdentified(words, side, walked)
    if (packet.timeKnown && this.#duplicates.test(packet, walked, this.flowId * 2 + sender, trusted)) {
      this.labels |= Label.CAPTURE_DUPLICATE
      this.#counts.duplicates++
      this.#tcp.countDuplicate(words, at)
      return
    }
    this.#tcp.noteIdentification(words, side, walked)
    if ((walked.flaws & FLAW_MALFORMED) !== 0) return // every receiver drops it
    this.labels = this.#tcp.step(words, at, doubles, doublesAt, sender, walked, this.labels)
    this.retransmissionKind = this.#tcp.labeller.retransmissionKind
    this.dupAckNumber = this.#tcp.labeller.dupAckNumber
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
    countPacket(packet, walked, words, at, doubles, Row.doublesOf(slot), this.sender, this.#baseSeconds)
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
    if (quoted.protocol === IPPROTO_TCP) stepIcmp(words, at + Row.LIFE_WORDS_AT, this.sender, packet.frame)
  }

  /** A row for a new flow, after room was made for it. */
  #make(packet: CapturedPacket, walked: WalkedPacket): number {
    this.#eviction.makeRoom(walked, this.#baseNanoseconds)
    const slot = this.#table.insert(walked, walked.encapsulation)
    const { words } = this.#table.records.slab(slot)
    const at = Row.wordsOf(slot)
    words[at + Row.ID] = ++this.flows
    words[at + Row.FIRST_FRAME] = packet.frame
    return slot
  }

  #end(slot: number, reason: FlowEndReason): void {
    const { records } = this.#table
    const { words } = records.slab(slot)
    const at = Row.wordsOf(slot)
    this.#counts.gaps += Reading.gapsOf(this.#context, slot)
    if (this.outcome(slot) === 'one-sided') this.#counts.oneSidedFlows++
    const isWanted = this.#onFlow !== null && (this.#isWanted === null || this.#isWanted(slot))
    const flow = isWanted ? buildFlow(this.#context, slot, endReasonOf(records, slot, reason)) : null
    if (words[at + Row.TROUBLE_SLOT] !== 0) this.#context.troubles.release(words[at + Row.TROUBLE_SLOT]!)
    if (words[at + Row.RTT_SLOT] !== 0) this.#context.rtt.release(words[at + Row.RTT_SLOT]!)
    this.#icmp.release(slot)
    this.#table.remove(slot)
    if (flow !== null) this.#onFlow?.(flow, slot)
  }
}
