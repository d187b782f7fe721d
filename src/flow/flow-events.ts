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
import * as Mask from './label-bits.js'
import { type Label, labelNames, RETRANSMISSION_KINDS, type RetransmissionKind } from './labels.js'
import type { Endpoint, ResetClass, Side } from './model.js'
import type { FlowTracker } from './tracker.js'

export const FLOW_EVENTS = [
  'opened',
  'seen-midstream',
  'established',
  'no-answer',
  'syn-again',
  'refused',
  'aborted',
  'reset',
  'closed',
  'icmp-error',
  'label',
] as const

export type FlowEventName = (typeof FLOW_EVENTS)[number]

/** What an event does not tell is null. */
export interface FlowEvent {
  event: FlowEventName
  /** Seconds since 1970 with nine decimals. */
  time: string | null
  frame: number
  /** Number of the flow. */
  flow: number
  protocol: 'tcp' | 'udp'
  client: Endpoint
  server: Endpoint
  /** Who did it: sent the packet, the reset, the first FIN; of an ICMP error: whose packet it is about. */
  by: Side | 'both' | null
  /** Of `label`: a label that packets of this end have for the first time in this flow. */
  label: Label | null
  retransmissionKind: RetransmissionKind | null
  /** SYNs so far. */
  syns: number | null
  /** From the latest SYN to the acknowledgment of the SYN-ACK. */
  handshakeMs: number | null
  /** From the first packet of the flow. */
  durationMs: number | null
  resetClass: ResetClass | null
  /** The ends have had a connection with the same ports before. */
  reused: boolean | null
  /** What an ICMP error says, and who sent it. */
  reason: string | null
  from: string | null
}

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

  /** @param tell gets each event */
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
      const handshakeMs = isTimed ? milliseconds(tracker.timeNs - this.#synTimes[slot]!) : null
      this.#emit('established', packet, tracker, { handshakeMs })
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
    this.#emit(isOpening ? 'opened' : 'seen-midstream', packet, tracker, {
      by: sideOf(tracker, slot, tracker.sender),
      reused: kind === KIND_TCP ? (tracker.labels & Mask.PORT_REUSE) !== 0 : null,
    })
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
    this.#emit(isAnswered ? 'syn-again' : 'no-answer', packet, tracker, {
      by: sideOf(tracker, slot, tracker.sender),
      syns,
    })
  }

  #lookAtReset(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    this.#seen[slot]! |= ANSWERED
    const outcome = tracker.outcome(slot)
    if ((this.#seen[slot]! & RESET) !== 0 || outcome === null || !RESETS.has(outcome)) return
    this.#seen[slot]! |= RESET
    const durationMs = this.#duration(tracker, slot)
    if (outcome === 'refused') {
      this.#emit('refused', packet, tracker, { by: 'server', durationMs })
      return
    }
    const { resetBy, resetClass } = tracker.read(slot)
    this.#emit(outcome === 'aborted-in-handshake' ? 'aborted' : 'reset', packet, tracker, {
      by: resetBy,
      resetClass,
      durationMs,
    })
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
    this.#emit('closed', packet, tracker, {
      by: isSimultaneous ? 'both' : sideOf(tracker, slot, sender === 0 ? 1 : 0),
      durationMs: this.#duration(tracker, slot),
    })
  }

  #lookAtLabels(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    const at = slot * 2 + tracker.sender
    const labels = tracker.labels & TOLD & ~this.#labels[at]!
    if (labels === 0) return
    this.#labels[at]! |= labels
    const by = sideOf(tracker, slot, tracker.sender)
    const retransmissionKind = (labels & AGAIN) === 0 ? null : RETRANSMISSION_KINDS[tracker.retransmissionKind]!
    for (const label of labelNames(labels)) this.#emit('label', packet, tracker, { by, label, retransmissionKind })
  }

  #lookAtError(packet: CapturedPacket, tracker: FlowTracker, slot: number): void {
    const { walked } = tracker
    const { family, icmpType, icmpCode } = walked
    const key = 0x10000 | (icmpType << 8) | icmpCode
    if (this.#ids[slot] !== tracker.flowId || this.#icmp[slot] === key) return
    this.#icmp[slot] = key
    this.#seen[slot]! |= ANSWERED
    this.#emit('icmp-error', packet, tracker, {
      by: sideOf(tracker, slot, tracker.sender),
      reason: icmpReason(family, icmpType, icmpCode, { mtu: walked.icmpMtu }),
      from: formatAddress(family, walked.source0, walked.source1, walked.source2, walked.source3),
    })
  }

  #duration(tracker: FlowTracker, slot: number): number {
    return milliseconds(tracker.timeNs - this.#startTimes[slot]!)
  }

  #emit(event: FlowEventName, packet: CapturedPacket, tracker: FlowTracker, told: Partial<FlowEvent>): void {
    const { walked } = tracker
    const ends = walked.kind === KIND_ICMP_ERROR ? walked.quoted : walked
    const isFromClient = tracker.sender === tracker.clientSender(tracker.flow)
    this.#tell({
      event,
      time: packet.timeKnown ? formatTime(packet.seconds, packet.nanoseconds) : null,
      frame: packet.frame,
      flow: tracker.flowId,
      protocol: ends.protocol === IPPROTO_TCP ? 'tcp' : 'udp',
      client: isFromClient ? sourceOf(ends) : destinationOf(ends),
      server: isFromClient ? destinationOf(ends) : sourceOf(ends),
      by: told.by ?? null,
      label: told.label ?? null,
      retransmissionKind: told.retransmissionKind ?? null,
      syns: told.syns ?? null,
      handshakeMs: told.handshakeMs ?? null,
      durationMs: told.durationMs ?? null,
      resetClass: told.resetClass ?? null,
      reused: told.reused ?? null,
      reason: told.reason ?? null,
      from: told.from ?? null,
    })
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

const sourceOf = (ends: PacketEnds): Endpoint => ({
  address: formatAddress(ends.family, ends.source0, ends.source1, ends.source2, ends.source3),
  port: ends.sourcePort,
})

const destinationOf = (ends: PacketEnds): Endpoint => ({
  address: formatAddress(ends.family, ends.destination0, ends.destination1, ends.destination2, ends.destination3),
  port: ends.destinationPort,
})
