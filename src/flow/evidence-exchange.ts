// The first request of each connection and its answer, by slot of the tracker: who was slow, the client, the network, or the server.

import { TCP_ACK, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import type { TrackedPacket } from './evidence.js'
import { formatAddress } from './flow-address.js'
import type { Endpoint } from './model.js'

/** The first request of a connection and its answer. Frames are 0 where there is none. */
export interface Exchange {
  requestFrame: number
  requestBytes: number
  /** Last packet of the request. */
  lastFrame: number
  lastNs: number
  /** What acknowledged all of it without an answer. */
  ackFrame: number
  ackNs: number
  responseFrame: number
  responseNs: number
}

/** The largest payload of an end, and the sequence number of the first packet that had as much. */
export interface Largest {
  bytes: number
  sequence: number
}

/** How far a connection is: its first packet is awaited, data of its client, the answer to them, nothing more. */
export const NEW = 0
const AWAITS_REQUEST = 1
const AWAITS_RESPONSE = 2
export const STEADY = 3
export const PROGRESS = 3

const REQUEST = 0
const REQUEST_BYTES = 1
const REQUEST_END = 2
const LAST = 3
const ACK = 4
const RESPONSE = 5
/** Family, address and port of the sender of the first packet. */
const FIRST_END = 6
/** Largest payload of each sender, and the sequence number of the first packet that had as much. */
const LARGEST = 12
const WORDS = 16

const LAST_TIME = 0
const ACK_TIME = 1
const RESPONSE_TIME = 2
const BEGIN_TIME = 3
const REQUEST_TIME = 4
const TIMES = 5

export class Exchanges {
  #words: Int32Array
  #times: Float64Array

  constructor(size: number) {
    this.#words = new Int32Array(WORDS * size)
    this.#times = new Float64Array(TIMES * size)
  }

  grow(size: number): void {
    this.#words = copied(this.#words, new Int32Array(WORDS * size))
    this.#times = copied(this.#times, new Float64Array(TIMES * size))
  }

  /** Takes a packet; how far the connection is behind it. */
  step(frame: number, { flow, sender, walked, timeNs }: TrackedPacket, progress: number): number {
    const words = this.#words
    const at = flow * WORDS
    const times = flow * TIMES
    if (progress === NEW) {
      this.#noteEnd(at + FIRST_END, walked)
      this.#times[times + BEGIN_TIME] = timeNs
      return (walked.flags & (TCP_SYN | TCP_ACK)) === TCP_SYN ? AWAITS_REQUEST : STEADY
    }
    if (sender === 0) {
      const end = (walked.sequence + walked.payloadBytes) | 0
      if (walked.payloadBytes === 0) return progress
      if (progress === AWAITS_REQUEST) {
        words[at + REQUEST] = frame
        words[at + REQUEST_BYTES] = walked.payloadBytes
        this.#times[times + REQUEST_TIME] = timeNs
      } else if (((end - words[at + REQUEST_END]!) | 0) <= 0) return progress
      words[at + REQUEST_END] = end
      words[at + LAST] = frame
      this.#times[times + LAST_TIME] = timeNs
      return AWAITS_RESPONSE
    }
    if (walked.payloadBytes > 0) {
      words[at + RESPONSE] = frame
      this.#times[times + RESPONSE_TIME] = timeNs
      return STEADY
    }
    const isAcked = progress === AWAITS_RESPONSE && ((walked.acknowledgment - words[at + REQUEST_END]!) | 0) >= 0
    if (isAcked && words[at + ACK]! < words[at + LAST]!) {
      words[at + ACK] = frame
      this.#times[times + ACK_TIME] = timeNs
    }
    return progress
  }

  /** Takes the size of a packet with data. */
  size(slot: number, sender: 0 | 1, payloadBytes: number, sequence: number): void {
    const at = slot * WORDS + LARGEST + 2 * sender
    if (payloadBytes <= this.#words[at]!) return
    this.#words[at] = payloadBytes
    this.#words[at + 1] = sequence
  }

  /** False when neither the opening nor the first answer of a connection took so long; where that is not known, true. */
  mayBeSlow(slot: number, progress: number, slowNs: number): boolean {
    const words = this.#words
    const times = this.#times
    const at = slot * WORDS
    const timesAt = slot * TIMES
    if (words[at + REQUEST] === 0) return progress === AWAITS_REQUEST
    if (times[timesAt + REQUEST_TIME]! - times[timesAt + BEGIN_TIME]! >= slowNs) return true
    return words[at + RESPONSE] !== 0 && times[timesAt + RESPONSE_TIME]! - times[timesAt + LAST_TIME]! >= slowNs
  }

  /** What is known of the flow of a slot, which is free afterwards. */
  take(slot: number): { exchange: Exchange | null; first: Endpoint; beginNs: number; largest: Largest[] } {
    const words = this.#words
    const at = slot * WORDS
    const end = at + FIRST_END
    const exchange = words[at + REQUEST] === 0 ? null : this.#exchange(slot * TIMES, at)
    const address = formatAddress(words[end]!, words[end + 1]!, words[end + 2]!, words[end + 3]!, words[end + 4]!)
    const first = { address, port: words[end + 5]! }
    const beginNs = this.beginNs(slot)
    const largest = [at + LARGEST, at + LARGEST + 2].map(from => ({ bytes: words[from]!, sequence: words[from + 1]! }))
    this.free(slot)
    return { exchange, first, beginNs, largest }
  }

  /** Time of the first packet of the flow of a slot. */
  beginNs(slot: number): number {
    return this.#times[slot * TIMES + BEGIN_TIME]!
  }

  /** No data of the client came. */
  isEmpty(slot: number): boolean {
    return this.#words[slot * WORDS + REQUEST] === 0
  }

  free(slot: number): void {
    this.#words.fill(0, slot * WORDS, (slot + 1) * WORDS)
  }

  #exchange(times: number, at: number): Exchange {
    const words = this.#words
    const isAcked = words[at + ACK]! > words[at + LAST]!
    return {
      requestFrame: words[at + REQUEST]!,
      requestBytes: words[at + REQUEST_BYTES]!,
      lastFrame: words[at + LAST]!,
      lastNs: this.#times[times + LAST_TIME]!,
      ackFrame: isAcked ? words[at + ACK]! : 0,
      ackNs: isAcked ? this.#times[times + ACK_TIME]! : 0,
      responseFrame: words[at + RESPONSE]!,
      responseNs: this.#times[times + RESPONSE_TIME]!,
    }
  }

  #noteEnd(at: number, walked: WalkedPacket): void {
    const words = this.#words
    words[at] = walked.family
    words[at + 1] = walked.source0
    words[at + 2] = walked.source1
    words[at + 3] = walked.source2
    words[at + 4] = walked.source3
    words[at + 5] = walked.sourcePort
  }
}

/** The larger one, with what the smaller one has. */
export function copied<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
