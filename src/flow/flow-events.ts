// What happens to flows, told once and when it happens: for people who watch. Packets that change nothing cost a few comparisons.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { icmpReason } from '../wire/icmp-words.js'
import {
  KIND_ICMP_ERROR,
  KIND_TCP,
  KIND_UDP,
  type PacketEnds,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from '../wire/walked-packet.js'
import { formatAddress } from './flow-address.js'
import { formatTime } from './flow-build.js'
import { clearDetails, type FlowEvent, type FlowEventName, newFlowEvent } from './flow-event.js'
import * as Mask from './label-bits.js'
import { labelNames, RETRANSMISSION_KINDS } from './labels.js'
import type { Endpoint, Side } from './model.js'
import type { FlowTracker } from './tracker.js'

/** Labels that are told at their first packet from an end. */
const TOLD =
  Mask.SYN_ACK_RETRANSMIT |
  Mask.RETRANSMISSION |
  Mask.PARTIAL_RETRANSMISSION |
  Mask.ZERO_WINDOW |
  Mask.WINDOW_FULL |
  Mask.CHALLENGE_ACK |
  Mask.RST_IGNORED |
  Mask.FIN_RETRANSMIT |
  Mask.DATA_AFTER_CLOSE
const WATCHED = TOLD | Mask.HANDSHAKE_ACK
/** Such packets are no part of what happens: seen twice, or dropped by whoever gets them. */
const NO_PART = Mask.CAPTURE_DUPLICATE | Mask.MALFORMED
const TURNS = TCP_SYN | TCP_FIN | TCP_RST
const AGAIN = Mask.RETRANSMISSION | Mask.PARTIAL_RETRANSMISSION

/** What was seen of a flow, by bit. */
const ANSWERED = 1
const RESET = 2
const SYN_TIMED = 4
const FIN_BY_0 = 8
const FIN_BY_1 = 16
const CLOSED = 32

const FIRST_SLOTS = 1024

export class FlowEvents {
  readonly #tell: (event: FlowEvent) => void
  /** One for all, as there may be many thousands a second. */
  readonly #borrowed = newFlowEvent()
  /** By slot: the flow that the other columns are about. */
  #ids = new Int32Array(FIRST_SLOTS)
  #seen = new Uint8Array(FIRST_SLOTS)
  #syns = new Int32Array(FIRST_SLOTS)
  /** What an acknowledgment of the first FIN has at least. */
  #finEnds = new Int32Array(FIRST_SLOTS)
  /** Type and code of the last ICMP error. */
  #icmp = new Int32Array(FIRST_SLOTS)
  /** Of sender 0 and of sender 1. */
  #labels = new Int32Array(FIRST_SLOTS * 2)
  #synTimes = new Float64Array(FIRST_SLOTS)
  #startTimes = new Float64Array(FIRST_SLOTS)

  /** @param tell gets each event, which is borrowed until it returns */
  constructor(tell: (event: FlowEvent) => void) {
    this.#tell = tell
  }

  /** The packet that the tracker looked at last. */
  packet(packet: CapturedPacket, tracker: FlowTracker): void {
    const { flow, walked } = tracker
    if (flow < 0) return
    // Of most packets nothing is to be told. Behind the end of the column there is `undefined`, which is no number of a flow.
    if (
      this.#ids[flow] === tracker.flowId &&
      (tracker.labels & WATCHED) === 0 &&
      (walked.kind === KIND_UDP || (walked.kind === KIND_TCP && (walked.flags & TURNS) === 0))
    )
      return
    if ((tracker.labels & NO_PART) === 0) this.#look(packet, tracker, flow)
  }

  #look(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    const { walked } = tracker
    if (walked.kind === KIND_ICMP_ERROR) {
      this.#lookAtError(packet, tracker, slot)
      return
    }
    if (this.#ids[slot] !== tracker.flowId) this.#begin(packet, tracker, slot)
    if (walked.kind !== KIND_TCP) return
    const { flags } = walked
    if ((flags & TCP_SYN) !== 0) this.#lookAtSyn(packet, tracker, slot)
    if ((tracker.labels & Mask.HANDSHAKE_ACK) !== 0) {
      const isTimed = (this.#seen[slot]! & SYN_TIMED) !== 0
      const event = this.#event('established', packet, tracker)
      event.handshakeMs = isTimed ? milliseconds(tracker.timeNs - this.#synTimes[slot]!) : null
      this.#tell(event)
    }
    if ((flags & TCP_RST) !== 0) this.#lookAtReset(packet, tracker, slot)
    else if ((flags & TCP_FIN) !== 0) this.#lookAtFin(packet, tracker, slot)
    this.#lookAtLabels(packet, tracker, slot)
  }

  #begin(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    if (slot >= this.#ids.length) this.#grow(slot)
    this.#ids[slot] = tracker.flowId
    this.#seen[slot] = 0
    this.#syns[slot] = 0
    this.#icmp[slot] = 0
    this.#labels[slot * 2] = 0
    this.#labels[slot * 2 + 1] = 0
    this.#startTimes[slot] = tracker.timeNs
    const { kind, flags } = tracker.walked
    const isOpening = kind !== KIND_TCP || (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN
    const event = this.#event(isOpening ? 'opened' : 'seen-midstream', packet, tracker)
    event.by = sideOf(tracker, slot, tracker.sender)
    event.reused = kind === KIND_TCP ? (tracker.labels & Mask.PORT_REUSE) !== 0 : null
    this.#tell(event)
  }

  #lookAtSyn(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    if ((tracker.walked.flags & TCP_ACK) !== 0) {
      this.#seen[slot]! |= ANSWERED
      return
    }
    this.#synTimes[slot] = tracker.timeNs
    this.#seen[slot]! |= SYN_TIMED
    const syns = ++this.#syns[slot]!
    if ((tracker.labels & (Mask.SYN_RETRANSMIT | Mask.SYN_RETRY)) === 0) return
    const isAnswered = (this.#seen[slot]! & ANSWERED) !== 0
    const event = this.#event(isAnswered ? 'syn-again' : 'no-answer', packet, tracker)
    event.by = sideOf(tracker, slot, tracker.sender)
    event.syns = syns
    this.#tell(event)
  }

  #lookAtReset(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    this.#seen[slot]! |= ANSWERED
    const outcome = tracker.outcome(slot)
    if ((this.#seen[slot]! & RESET) !== 0 || outcome === null || !RESETS.has(outcome)) return
    this.#seen[slot]! |= RESET
    const name = outcome === 'refused' ? 'refused' : outcome === 'aborted-in-handshake' ? 'aborted' : 'reset'
    const event = this.#event(name, packet, tracker)
    event.durationMs = this.#duration(tracker, slot)
    if (name === 'refused') event.by = 'server'
    else {
      const { resetBy, resetClass } = tracker.read(slot)
      event.by = resetBy
      event.resetClass = resetClass
    }
    this.#tell(event)
  }

  #lookAtFin(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    const { walked, sender } = tracker
    const own = sender === 0 ? FIN_BY_0 : FIN_BY_1
    const seen = this.#seen[slot]!
    if ((seen & (own | CLOSED)) !== 0) return
    this.#seen[slot] = seen | own
    if ((seen & (FIN_BY_0 | FIN_BY_1)) === 0) {
      this.#finEnds[slot] = (walked.sequence + walked.payloadBytes + 1) | 0
      return
    }
    this.#seen[slot]! |= CLOSED
    const isSimultaneous = ((walked.acknowledgment - this.#finEnds[slot]!) | 0) < 0
    const event = this.#event('closed', packet, tracker)
    event.by = isSimultaneous ? 'both' : sideOf(tracker, slot, sender === 0 ? 1 : 0)
    event.durationMs = this.#duration(tracker, slot)
    this.#tell(event)
  }

  #lookAtLabels(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    const at = slot * 2 + tracker.sender
    // A FIN, or a SYN-ACK, that is sent again has both names: one is enough.
    const more = (tracker.labels & (Mask.FIN_RETRANSMIT | Mask.SYN_ACK_RETRANSMIT)) === 0 ? TOLD : TOLD & ~AGAIN
    const labels = tracker.labels & more & ~this.#labels[at]!
    if (labels === 0) return
    this.#labels[at]! |= labels
    for (const label of labelNames(labels)) {
      const event = this.#event('label', packet, tracker)
      event.by = sideOf(tracker, slot, tracker.sender)
      event.label = label
      if ((labels & AGAIN) !== 0) event.retransmissionKind = RETRANSMISSION_KINDS[tracker.retransmissionKind]!
      this.#tell(event)
    }
  }

  #lookAtError(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    const { walked } = tracker
    const { family, icmpType, icmpCode } = walked
    const key = 0x10000 | (icmpType << 8) | icmpCode
    if (this.#ids[slot] !== tracker.flowId || this.#icmp[slot] === key) return
    this.#icmp[slot] = key
    this.#seen[slot]! |= ANSWERED
    const event = this.#event('icmp-error', packet, tracker)
    event.by = sideOf(tracker, slot, tracker.sender)
    event.reason = icmpReason(family, icmpType, icmpCode, { mtu: walked.icmpMtu })
    event.from = formatAddress(family, walked.source0, walked.source1, walked.source2, walked.source3)
    this.#tell(event)
  }

  #duration(tracker: FlowTracker, slot: number): number {
    return milliseconds(tracker.timeNs - this.#startTimes[slot]!)
  }

  /** The event of a packet, with all that depends on its name left to be filled in. */
  #event(name: FlowEventName, packet: CapturedPacket, tracker: FlowTracker): FlowEvent {
    const { walked } = tracker
    const ends = walked.kind === KIND_ICMP_ERROR ? walked.quoted : walked
    const isFromClient = tracker.sender === tracker.clientSender(tracker.flow)
    const event = this.#borrowed
    event.event = name
    event.time = packet.timeKnown ? formatTime(packet.seconds, packet.nanoseconds) : null
    event.frame = packet.frame
    event.flow = tracker.flowId
    event.protocol = ends.protocol === IPPROTO_TCP ? 'tcp' : 'udp'
    setSource(isFromClient ? event.client : event.server, ends)
    setDestination(isFromClient ? event.server : event.client, ends)
    clearDetails(event)
    return event
  }

  #grow(slot: number): void {
    const slots = 2 ** Math.ceil(Math.log2(slot + 1))
    this.#ids = larger(this.#ids, new Int32Array(slots))
    this.#seen = larger(this.#seen, new Uint8Array(slots))
    this.#syns = larger(this.#syns, new Int32Array(slots))
    this.#finEnds = larger(this.#finEnds, new Int32Array(slots))
    this.#icmp = larger(this.#icmp, new Int32Array(slots))
    this.#labels = larger(this.#labels, new Int32Array(slots * 2))
    this.#synTimes = larger(this.#synTimes, new Float64Array(slots))
    this.#startTimes = larger(this.#startTimes, new Float64Array(slots))
  }
}

const IPPROTO_TCP = 6
const RESETS: ReadonlySet<string> = new Set([
  'refused',
  'aborted-in-handshake',
  'reset-by-client',
  'reset-by-server',
  'midstream-reset',
])

function larger<Column extends { set(values: Column): void }>(from: Column, to: Column): Column {
  to.set(from)
  return to
}

const sideOf = (tracker: FlowTracker, slot: number, sender: 0 | 1): Side =>
  tracker.clientSender(slot) === sender ? 'client' : 'server'

/** A clock that was set back makes no negative time. */
const milliseconds = (ns: number): number => Math.max(0, ns) / 1e6

function setSource(to: Endpoint, ends: PacketEnds): void {
  to.address = formatAddress(ends.family, ends.source0, ends.source1, ends.source2, ends.source3)
  to.port = ends.sourcePort
}

function setDestination(to: Endpoint, ends: PacketEnds): void {
  to.address = formatAddress(ends.family, ends.destination0, ends.destination1, ends.destination2, ends.destination3)
  to.port = ends.destinationPort
}
