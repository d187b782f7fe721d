// Keeps the packets that findings name: bounded columns of what is notable of each flow, freed when the flow ends.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { KIND_ICMP_ERROR, KIND_TCP, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import { EvidenceColumns } from './evidence-columns.js'
import { copied, type Exchange, Exchanges, type Largest, NEW, PROGRESS, STEADY } from './evidence-exchange.js'
import * as Label from './label-bits.js'
import type { Endpoint } from './model.js'

/** What the tracker says of the packet it took last. */
export interface TrackedPacket {
  readonly walked: WalkedPacket
  readonly flow: number
  readonly sender: 0 | 1
  readonly labels: number
  readonly retransmissionKind: number
  readonly dupAckNumber: number
  readonly timeNs: number
}

/** Why a packet was kept: for its labels, or for what it says of the ones before it. */
export const ROLE_LABELS = 0
/** The first packet behind a zero window that opens it. */
export const ROLE_REOPENED = 1
/** The first packet of the other end behind a retransmission. */
export const ROLE_ANSWER = 2
/** An ICMP error that quotes the flow; `payload` is the MTU that it names, `flags` its type. */
export const ROLE_ICMP = 3

/** A packet that was kept. Times are nanoseconds since the first timed packet. */
export interface Note {
  frame: number
  timeNs: number
  role: number
  sender: 0 | 1
  labels: number
  kind: number
  dupAckNumber: number
  flags: number
  sequence: number
  acknowledgment: number
  payload: number
  dontFragment: boolean
}

/** What is kept of a flow. */
export interface FlowNotes {
  notes: Note[]
  /** Notable packets that there was no room for. */
  forgotten: number
  /** The client's data before the first of the server's; null when there are none, or the SYN is not in the capture. */
  exchange: Exchange | null
  /** The end that sent its first packet: sender 0 of the notes. */
  first: Endpoint
  /** When that was. */
  beginNs: number
  /** Of sender 0 and 1. */
  largest: Largest[]
}

const MOST_PER_FLOW = 256
/** Of labels that come by the thousand no more than this, so that there is room for the others. */
const MOST_NOISE = 128
const MOST_FRAMES = 8

const NOISE =
  Label.DUP_ACK | Label.WINDOW_UPDATE | Label.WINDOW_FULL | Label.KEEP_ALIVE | Label.KEEP_ALIVE_ACK | Label.OUT_OF_ORDER
const AGAIN = Label.RETRANSMISSION | Label.PARTIAL_RETRANSMISSION
const RESETS = Label.RST_REFUSE | Label.RST_ABORT | Label.RST_ANSWER | Label.RST_IGNORED
const NOTABLE =
  NOISE |
  AGAIN |
  RESETS |
  Label.SYN_RETRANSMIT |
  Label.SYN_ACK_RETRANSMIT |
  Label.SYN_RETRY |
  Label.GAP |
  Label.ACKED_UNSEEN |
  Label.ZERO_WINDOW |
  Label.ZERO_WINDOW_PROBE |
  Label.ZERO_WINDOW_PROBE_ACK |
  Label.PORT_REUSE |
  Label.CHALLENGE_ACK |
  Label.FIN_RETRANSMIT |
  Label.DATA_AFTER_CLOSE

/** Bits of what is waited for of a flow, behind those of its first exchange. */
const CLOSED_SHIFT = 2
const ASKED_SHIFT = 4

/** Payload of a full segment over Ethernet: IPv4 and IPv6, with and without time stamps (RFC 7323); in VXLAN and GENEVE too. */
const SEGMENTS = [1448, 1460, 1428, 1440, 1398, 1378]
/** Larger than any packet of Ethernet. */
const GIANT_PAYLOAD = 1500

export class Evidence {
  readonly #rows: EvidenceColumns
  /** By slot of the tracker. */
  #watch = new Uint8Array(1024)
  #heads = new Int32Array(1024)
  #tails = new Int32Array(1024)
  #counts = new Int32Array(1024)
  readonly #exchanges = new Exchanges(1024)
  /** Time of the packet before, and whether there was one. */
  readonly #last = new Float64Array(1)
  /** First frames of what is wrong with the capture itself. */
  readonly frames = {
    cut: [] as number[],
    duplicates: [] as number[],
    badChecksums: [] as number[],
    clockSteps: [] as number[],
    giants: [] as number[],
    gaps: [] as number[],
  }
  lastFrame = 0
  largestPayload = 0
  /** Payloads that are whole numbers of the segments that Ethernet carries. */
  merged = 0
  #baseSeconds = 0
  #baseNanoseconds = 0
  #isTimed = false

  /** @param most packets that are kept at a time */
  constructor(most = 1_000_000) {
    this.#rows = new EvidenceColumns(most)
  }

  /** Time of the packet that was noted last. */
  get lastNs(): number {
    return this.#last[0]!
  }

  /** Packets that could not be kept because all of the room was taken. */
  get forgotten(): number {
    return this.#rows.refused
  }

  /** A time of `seconds.nanoseconds` as nanoseconds since the first timed packet. */
  sinceFirst(time: string): number {
    const whole = time.slice(0, -10)
    const nanoseconds = Number(time.slice(-9)) * (time.startsWith('-') ? -1 : 1)
    return (Number(whole) - this.#baseSeconds) * 1e9 + (nanoseconds - this.#baseNanoseconds)
  }

  /** Looks at a packet behind the tracker. */
  note(packet: CapturedPacket, tracked: TrackedPacket): void {
    const { flow, labels, walked } = tracked
    this.lastFrame = packet.frame
    if (packet.timeKnown) {
      if (!this.#isTimed) this.#begin(packet)
      if (tracked.timeNs < this.#last[0]!) remember(this.frames.clockSteps, packet.frame)
      this.#last[0] = tracked.timeNs
    }
    if (packet.end - packet.start < packet.wireLength) remember(this.frames.cut, packet.frame)
    if (flow < 0) return
    if (flow >= this.#watch.length) this.#grow(flow)
    const watch = this.#watch[flow]!
    if (walked.payloadBytes > 0) this.#exchanges.size(flow, tracked.sender, walked.payloadBytes, walked.sequence)
    if (watch === STEADY && (labels & (NOTABLE | Label.CAPTURE_DUPLICATE | Label.BAD_CHECKSUM)) === 0) {
      if (walked.payloadBytes > GIANT_PAYLOAD) this.#noteGiant(packet.frame, walked.payloadBytes)
      if (walked.kind === KIND_ICMP_ERROR) this.#keep(packet.frame, tracked, ROLE_ICMP)
      return
    }
    if (walked.kind === KIND_TCP) this.#noteTcp(packet, tracked, watch)
    else if (walked.kind === KIND_ICMP_ERROR) this.#keep(packet.frame, tracked, ROLE_ICMP)
  }

  #noteGiant(frame: number, bytes: number): void {
    remember(this.frames.giants, frame)
    if (bytes > this.largestPayload) this.largestPayload = bytes
    if (SEGMENTS.some(segment => bytes % segment === 0)) this.merged++
  }

  #begin(packet: CapturedPacket): void {
    this.#isTimed = true
    this.#baseSeconds = packet.seconds
    this.#baseNanoseconds = packet.nanoseconds
  }

  #noteTcp(packet: CapturedPacket, tracked: TrackedPacket, watch: number): void {
    const { flow, labels, sender, walked } = tracked
    const { frame } = packet
    if ((labels & Label.BAD_CHECKSUM) !== 0) remember(this.frames.badChecksums, frame)
    if (walked.payloadBytes > GIANT_PAYLOAD) this.#noteGiant(frame, walked.payloadBytes)
    if ((labels & Label.CAPTURE_DUPLICATE) !== 0) {
      remember(this.frames.duplicates, frame)
      return
    }
    if ((labels & (Label.GAP | Label.ACKED_UNSEEN)) !== 0) remember(this.frames.gaps, frame)
    let left = watch
    const progress = left & PROGRESS
    if (progress !== STEADY) left = (left & ~PROGRESS) | this.#exchanges.step(frame, tracked, progress)
    const closed = 1 << (CLOSED_SHIFT + sender)
    const asked = 1 << (ASKED_SHIFT + 1 - sender)
    let role = ROLE_LABELS
    if ((left & closed) !== 0 && walked.window !== 0 && (walked.flags & (TCP_SYN | TCP_RST)) === 0) {
      left &= ~closed
      role = ROLE_REOPENED
    } else if ((left & asked) !== 0) {
      role = ROLE_ANSWER
    }
    left &= ~asked
    if ((labels & Label.ZERO_WINDOW) !== 0) left |= closed
    if ((labels & AGAIN) !== 0) left |= 1 << (ASKED_SHIFT + sender)
    this.#watch[flow] = left
    if (role !== ROLE_LABELS || (labels & NOTABLE) !== 0) this.#keep(frame, tracked, role)
  }

  #keep(frame: number, tracked: TrackedPacket, role: number): void {
    const { flow, labels } = tracked
    const counts = this.#counts[flow]!
    const kept = counts & 0xfff
    const isNoise = role === ROLE_LABELS && (labels & NOTABLE & ~NOISE) === 0
    const noise = (counts >>> 12) & 0xfff
    const isFull = kept === MOST_PER_FLOW || (isNoise && noise === MOST_NOISE)
    const row = isFull ? 0 : this.#rows.add(frame, tracked, role)
    if (row === 0) {
      if (counts >>> 24 < 0xff) this.#counts[flow] = counts + (1 << 24)
      return
    }
    if (kept === 0) this.#heads[flow] = row
    else this.#rows.link(this.#tails[flow]!, row)
    this.#tails[flow] = row
    this.#counts[flow] = counts + 1 + (isNoise ? 1 << 12 : 0)
  }

  /** Whether a connection that ended well may have had trouble before: something is kept of it, or it was slow. */
  hasTrouble(slot: number, slowNs: number): boolean {
    if (slot >= this.#watch.length) return false
    return this.#counts[slot] !== 0 || this.#exchanges.mayBeSlow(slot, this.#watch[slot]! & PROGRESS, slowNs)
  }

  /** Time of the first packet of the flow of a slot. */
  beginNs(slot: number): number {
    return slot < this.#watch.length ? this.#exchanges.beginNs(slot) : 0
  }

  /** Packets that are kept of the flow of a slot; -1 where there was no room for all, or data came as well. */
  keptOf(slot: number): number {
    if (slot >= this.#watch.length) return 0
    const counts = this.#counts[slot]!
    const isWhole = counts >>> 24 === 0 && this.#exchanges.isEmpty(slot)
    return isWhole ? counts & 0xfff : -1
  }

  /** Forgets a flow; the slot is free for another one. */
  free(slot: number): void {
    if (slot >= this.#watch.length) return
    if ((this.#counts[slot]! & 0xfff) !== 0)
      this.#rows.free(this.#heads[slot]!, this.#tails[slot]!, this.#counts[slot]! & 0xfff)
    this.#watch[slot] = NEW
    this.#counts[slot] = 0
    this.#exchanges.free(slot)
  }

  /** Takes what is kept of the flow of a slot; the slot is free for another flow afterwards. */
  take(slot: number): FlowNotes {
    if (slot >= this.#watch.length) this.#grow(slot)
    const counts = this.#counts[slot]!
    const notes = (counts & 0xfff) === 0 ? [] : this.#rows.take(this.#heads[slot]!)
    this.#watch[slot] = NEW
    this.#counts[slot] = 0
    return { notes, forgotten: counts >>> 24, ...this.#exchanges.take(slot) }
  }

  #grow(slot: number): void {
    const size = Math.max(slot + 1, this.#watch.length * 2)
    this.#watch = copied(this.#watch, new Uint8Array(size))
    this.#heads = copied(this.#heads, new Int32Array(size))
    this.#tails = copied(this.#tails, new Int32Array(size))
    this.#counts = copied(this.#counts, new Int32Array(size))
    this.#exchanges.grow(size)
  }
}

function remember(frames: number[], frame: number): void {
  if (frames.length < MOST_FRAMES) frames.push(frame)
}
