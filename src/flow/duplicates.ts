// Packets that the capture holds twice: a bridge and its port, the `any` device, a mirror of both directions.

import type { CapturedPacket } from '../wire/captured-packet.js'
import type { WalkedPacket } from '../wire/walked-packet.js'

/** Twins are no further apart than this, unless another interface has seen the second. */
const NEAR_NS = 10e6
const OTHER_INTERFACE_NS = 1e9
/** Of packets without identification: no sender repeats itself sooner (RFC 8985 7.2 waits 2 ms at the least). */
const NO_IDENTIFICATION_NS = 1e6

const ENTRIES = 8192

/** Remembers the last packets by their content. */
export class Duplicates {
  /** Signature, and where it was seen: interface, way, time to live. */
  readonly #entries = new Int32Array(ENTRIES * 2)
  readonly #times = new Float64Array(ENTRIES).fill(Number.NEGATIVE_INFINITY)

  /**
   * True when the same TCP packet of the same flow was seen just before. Remembers it.
   * @param flow number of the flow, with its direction
   * @param trusted the identifications of this direction differ from packet to packet
   */
  test(packet: CapturedPacket, walked: WalkedPacket, flow: number, trusted: boolean): boolean {
    let signature = Math.imul(flow, 0x27d4eb2f)
    signature = Math.imul(signature ^ (signature >>> 15) ^ (walked.identification << 16) ^ walked.checksum, 0x85ebca6b)
    signature = Math.imul(signature ^ (signature >>> 15) ^ (walked.sequence | 0), 0xc2b2ae35)
    signature = Math.imul(signature ^ (signature >>> 13) ^ (walked.acknowledgment | 0), 0x9e3779b1)
    signature ^= (signature >>> 16) ^ (walked.flags << 20) ^ walked.payloadBytes
    const at = signature & (ENTRIES - 1)
    const entries = this.#entries
    const place = (packet.interfaceId << 16) | (packet.way << 8) | walked.ttl
    const { timeNs } = walked
    const since = timeNs - this.#times[at]!
    const same = entries[at * 2] === signature && since >= 0
    const before = entries[at * 2 + 1]!
    if (same && isTwin(since, place, before, trusted && walked.identification > 0, walked.payloadBytes)) return true
    entries[at * 2] = signature
    entries[at * 2 + 1] = place
    this.#times[at] = timeNs
    return false
  }
}

function isTwin(since: number, place: number, before: number, identified: boolean, payloadBytes: number): boolean {
  if (place >>> 16 !== before >>> 16) return since < OTHER_INTERFACE_NS
  if (since >= NEAR_NS) return false
  // Another time to live, or another way through the interface: somebody forwarded it.
  return identified || place !== before || (payloadBytes > 0 && since < NO_IDENTIFICATION_NS)
}
