// Packets that the capture holds twice: a bridge and its port, the `any` device, a mirror of both directions.

import type { CapturedPacket } from '../wire/captured-packet.js'
import type { WalkedPacket } from '../wire/walked-packet.js'

/** Twins are no further apart than this, unless another interface, or somebody who forwards them, has seen the second. */
const NEAR_NS = 10e6
const OTHER_PLACE_NS = 1e9
/** Of packets without identification: no sender repeats itself sooner (RFC 8985 7.2 waits 2 ms at the least). */
const NO_IDENTIFICATION_NS = 1e6

const ENTRY_BITS = 13
const ENTRIES = 1 << ENTRY_BITS
const ENTRY_WORDS = 8

/** Of an entry: what makes the packet another one than those before it, compared as it is so that no chance makes twins. */
const FLOW = 0
const SEQUENCE = 1
const ACKNOWLEDGMENT = 2
/** Identification in the high half, checksum in the low one. */
const MARKS = 3
/** Flags in the highest nine bits. */
const LENGTH = 4
/** Where it was seen: interface, way, time to live. */
const PLACE = 5
/** The seventh and the eighth word are the time, as a double. */
const TIME = 3

/** Remembers the last packets by their content. */
export class Duplicates {
  readonly #words = new Int32Array(ENTRIES * ENTRY_WORDS)
  readonly #doubles = new Float64Array(this.#words.buffer)

  /**
   * True when the same TCP packet of the same flow was seen just before. Remembers it.
   * @param flow number of the flow, with its direction; not 0
   * @param trusted the identifications of this direction differ from packet to packet
   */
  test(packet: CapturedPacket, walked: WalkedPacket, flow: number, trusted: boolean): boolean {
    const words = this.#words
    const sequence = walked.sequenceWord
    const acknowledgment = walked.acknowledgmentWord
    const marks = (walked.identification << 16) | walked.checksum
    const length = (walked.flags << 23) ^ walked.payloadBytes
    const hash = Math.imul(flow ^ Math.imul(marks ^ sequence ^ (acknowledgment << 1), 0x85ebca6b), 0x9e3779b1)
    const entry = hash >>> (32 - ENTRY_BITS)
    const at = entry * ENTRY_WORDS
    const timeAt = entry * (ENTRY_WORDS / 2) + TIME
    const place = (packet.interfaceId << 16) | (packet.way << 8) | walked.ttl
    const { timeNs } = walked
    if (
      words[at + MARKS] === marks &&
      words[at + SEQUENCE] === sequence &&
      words[at + ACKNOWLEDGMENT] === acknowledgment &&
      words[at + LENGTH] === length &&
      words[at + FLOW] === flow
    ) {
      // The clock may have gone back between the two.
      const since = Math.abs(timeNs - this.#doubles[timeAt]!)
      const identified = trusted && walked.identification > 0
      if (isTwin(since, place, words[at + PLACE]!, identified, walked.payloadBytes)) return true
    }
    words[at + FLOW] = flow
    words[at + SEQUENCE] = sequence
    words[at + ACKNOWLEDGMENT] = acknowledgment
    words[at + MARKS] = marks
    words[at + LENGTH] = length
    words[at + PLACE] = place
    this.#doubles[timeAt] = timeNs
    return false
  }
}

function isTwin(since: number, place: number, before: number, identified: boolean, payloadBytes: number): boolean {
  if (place >>> 16 !== before >>> 16) return since < OTHER_PLACE_NS
  // Another time to live, or another way through the interface: somebody forwarded it.
  const isForwarded = place !== before
  if (isForwarded && identified) return since < OTHER_PLACE_NS
  if (since >= NEAR_NS) return false
  return identified || isForwarded || (payloadBytes > 0 && since < NO_IDENTIFICATION_NS)
}
