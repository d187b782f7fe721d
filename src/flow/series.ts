// Points for the picture of a flow: its packets, thinned evenly when there are many, those with a label kept longest.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { TcpOptionsView } from '../wire/tcp-options.js'
import {
  KIND_ICMP_ERROR,
  KIND_TCP,
  KIND_UDP,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  type WalkedPacket,
} from '../wire/walked-packet.js'
import { formatAddress } from './flow-address.js'
import * as Label from './label-bits.js'
import type { Endpoint, Flow } from './model.js'
import type { FlowTracker } from './tracker.js'

export interface SeriesLimits {
  /** Points of one flow. */
  perFlow: number
  /** Points of all flows. */
  inAll: number
  flows: number
}

export const SERIES_LIMITS: SeriesLimits = { perFlow: 2000, inAll: 200_000, flows: 8192 }

/** A packet of a flow. Numbers are as they were on the wire. */
export interface SeriesPoint {
  frame: number
  /** Of the packets of the flow that came, from 1. */
  number: number
  /** Since the first timed packet of the capture. */
  timeNs: number
  protocol: 'tcp' | 'udp' | 'icmp'
  /** 0 for the sender of the flow's first packet; of an ICMP error: the one whose packet it quotes. */
  sender: 0 | 1
  flags: number
  sequence: number
  acknowledgment: number
  bytes: number
  window: number
  labels: number
  retransmissionKind: number
  dupAckNumber: number
  /** First block of a selective acknowledgment; null when there is none. */
  sack: { start: number; end: number } | null
}

/** Labels that are no trouble, or not of the connection. */
export const QUIET_LABELS =
  Label.HANDSHAKE_ACK | Label.WINDOW_UPDATE | Label.CAPTURE_DUPLICATE | Label.TRUNCATED | Label.BAD_CHECKSUM
const NOTABLE_FLAGS = TCP_SYN | TCP_FIN | TCP_RST
/** The beginning of a flow stays whole. */
const KEPT_HEAD = 24
/** Plain packets by sender, with and without data, are thinned each for themselves: acknowledgments alternate with data. */
const CLASSES = 5
const NOTABLE = 4

const FRAME = 0
/** Flags in the low 9 bits, then sender, protocol and class. */
const WHAT = 1
const SENDER_SHIFT = 9
const PROTOCOL_SHIFT = 10
const CLASS_SHIFT = 12
const SEQUENCE = 2
const ACKNOWLEDGMENT = 3
const BYTES = 4
const WINDOW = 5
const LABELS = 6
/** Kind of a retransmission in the low 3 bits, number of a duplicate ACK above. */
const AGAIN = 7
const SACK_START = 8
const SACK_END = 9
const NUMBER = 10
const WORDS = 11
const PROTOCOLS = ['tcp', 'udp', 'icmp'] as const

/** Points of one flow. */
export class FlowSeries {
  /** Packets that came; points that were kept. */
  packets = 0
  count = 0
  /** Packets with a label that tells of trouble, or a reset. */
  troubles = 0
  lastFrame = 0
  readonly #limit: number
  readonly #firstSender: Endpoint
  #words = new Int32Array(8 * WORDS)
  #times = new Float64Array(8)
  /** Of each class: packets that came, and of how many one is kept, as a power of two. */
  readonly #seen = new Int32Array(CLASSES)
  readonly #shift = new Uint8Array(CLASSES)

  constructor(firstSender: Endpoint, limit: number) {
    this.#firstSender = firstSender
    this.#limit = limit
  }

  /** Which `sender` is the client of the flow. */
  clientSide(flow: Flow): 0 | 1 {
    const { address, port } = this.#firstSender
    return flow.client.address === address && flow.client.port === port ? 0 : 1
  }

  add(packet: CapturedPacket, tracker: FlowTracker, options: TcpOptionsView): void {
    const { walked, labels } = tracker
    const isTcp = walked.kind === KIND_TCP
    const flags = isTcp ? walked.flags & 0x1ff : 0
    const isIcmp = walked.kind === KIND_ICMP_ERROR
    if ((labels & ~QUIET_LABELS) !== 0 || (flags & TCP_RST) !== 0 || isIcmp) this.troubles++
    const isNotable = (labels & ~QUIET_LABELS) !== 0 || (flags & NOTABLE_FLAGS) !== 0 || isIcmp
    const kind = isNotable ? NOTABLE : tracker.sender * 2 + (walked.payloadBytes > 0 ? 1 : 0)
    this.lastFrame = packet.frame
    this.packets++
    if (this.count >= KEPT_HEAD && (this.#seen[kind]!++ & ((1 << this.#shift[kind]!) - 1)) !== 0) return
    if (this.count === this.#times.length) this.#grow()
    if (this.count === this.#limit) this.#thin()
    const at = this.count * WORDS
    const words = this.#words
    this.#times[this.count++] = tracker.timeNs
    words[at + FRAME] = packet.frame
    words[at + WHAT] =
      flags |
      (tracker.sender << SENDER_SHIFT) |
      ((isTcp ? 0 : isIcmp ? 2 : 1) << PROTOCOL_SHIFT) |
      (kind << CLASS_SHIFT)
    words[at + SEQUENCE] = walked.sequence
    words[at + ACKNOWLEDGMENT] = walked.acknowledgment
    words[at + BYTES] = walked.payloadBytes
    words[at + WINDOW] = walked.window
    words[at + LABELS] = labels
    words[at + AGAIN] = tracker.retransmissionKind | (tracker.dupAckNumber << 3)
    words[at + SACK_START] = options.sackStart
    words[at + SACK_END] = options.sackEnd
    words[at + NUMBER] = this.packets
  }

  points(): SeriesPoint[] {
    const points: SeriesPoint[] = []
    for (let index = 0; index < this.count; index++) {
      const word = (column: number): number => this.#words[index * WORDS + column]!
      const what = word(WHAT)
      const hasSack = word(SACK_START) !== word(SACK_END)
      points.push({
        frame: word(FRAME) >>> 0,
        number: word(NUMBER),
        timeNs: this.#times[index]!,
        protocol: PROTOCOLS[(what >> PROTOCOL_SHIFT) & 3]!,
        sender: ((what >> SENDER_SHIFT) & 1) as 0 | 1,
        flags: what & 0x1ff,
        sequence: word(SEQUENCE) >>> 0,
        acknowledgment: word(ACKNOWLEDGMENT) >>> 0,
        bytes: word(BYTES),
        window: word(WINDOW),
        labels: word(LABELS),
        retransmissionKind: word(AGAIN) & 7,
        dupAckNumber: word(AGAIN) >> 3,
        sack: hasSack ? { start: word(SACK_START) >>> 0, end: word(SACK_END) >>> 0 } : null,
      })
    }
    return points
  }

  #grow(): void {
    const room = Math.min(this.#limit, this.#times.length * 2)
    if (room === this.#times.length) return
    const words = new Int32Array(room * WORDS)
    const times = new Float64Array(room)
    words.set(this.#words)
    times.set(this.#times)
    this.#words = words
    this.#times = times
  }

  /** Every other plain packet goes; of those with a label only when they fill more than half of the room. */
  #thin(): void {
    const ofClass = (index: number): number => this.#words[index * WORDS + WHAT]! >> CLASS_SHIFT
    let notable = 0
    for (let index = KEPT_HEAD; index < this.count; index++) if (ofClass(index) === NOTABLE) notable++
    const thins = (kind: number): boolean => kind !== NOTABLE || notable * 2 > this.#limit
    const passed = new Int32Array(CLASSES)
    let kept = KEPT_HEAD
    for (let index = KEPT_HEAD; index < this.count; index++) {
      const kind = ofClass(index)
      if (thins(kind) && (passed[kind]!++ & 1) !== 0) continue
      this.#words.copyWithin(kept * WORDS, index * WORDS, (index + 1) * WORDS)
      this.#times[kept++] = this.#times[index]!
    }
    for (let kind = 0; kind < CLASSES; kind++) if (thins(kind)) this.#shift[kind]!++
    this.count = kept
  }
}

/** Points of all flows, within bounds: the flows without trouble give way first, the oldest of them before others. */
export class SeriesBook {
  /** Flows whose points were given up. */
  forgotten = 0
  readonly #limits: SeriesLimits
  readonly #series = new Map<number, FlowSeries>()
  readonly #options = new TcpOptionsView()
  #points = 0

  constructor(limits: SeriesLimits = SERIES_LIMITS) {
    this.#limits = limits
  }

  get size(): number {
    return this.#points
  }

  /** The packet that the tracker looked at last. */
  packet(packet: CapturedPacket, tracker: FlowTracker): void {
    if (tracker.flow < 0) return
    const { walked, flowId } = tracker
    const series = this.#series.get(flowId) ?? this.#begin(flowId, tracker)
    if (walked.kind === KIND_TCP) this.#options.move(walked.data, walked.transportStart, sackEnd(walked))
    else this.#options.move(walked.data, 0, 0)
    const before = series.count
    series.add(packet, tracker, this.#options)
    this.#points += series.count - before
    if (this.#points >= this.#limits.inAll) this.#release()
  }

  of(flow: Flow): FlowSeries | null {
    return this.#series.get(flow.id) ?? null
  }

  #begin(flowId: number, tracker: FlowTracker): FlowSeries {
    if (this.#series.size >= this.#limits.flows) this.#release()
    const series = new FlowSeries(firstSender(tracker), this.#limits.perFlow)
    this.#series.set(flowId, series)
    return series
  }

  /** Half of the points and half of the flows stay, whichever is less. */
  #release(): void {
    const order = [...this.#series].sort(
      ([, one], [, other]) => Number(other.troubles > 0) - Number(one.troubles > 0) || other.lastFrame - one.lastFrame,
    )
    this.#points = 0
    let flows = 0
    for (const [id, series] of order) {
      if (flows < this.#limits.flows / 2 && this.#points + series.count <= this.#limits.inAll / 2) {
        flows++
        this.#points += series.count
      } else {
        this.#series.delete(id)
        this.forgotten++
      }
    }
  }
}

/** Where the options end: a segment without any is not looked into. */
function sackEnd(walked: WalkedPacket): number {
  return walked.tcpHeaderBytes > 20 ? walked.transportEnd : 0
}

function firstSender({ walked, sender }: FlowTracker): Endpoint {
  const isQuote = walked.kind !== KIND_TCP && walked.kind !== KIND_UDP
  const ends = isQuote ? walked.quoted : walked
  const { family } = ends
  return sender === 0
    ? {
        address: formatAddress(family, ends.source0, ends.source1, ends.source2, ends.source3),
        port: ends.sourcePort,
      }
    : {
        address: formatAddress(family, ends.destination0, ends.destination1, ends.destination2, ends.destination3),
        port: ends.destinationPort,
      }
}
