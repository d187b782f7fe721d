// Whether a payload came back as it was sent, and which bytes did not.

import type { ProbeReply } from '../ports/probe.js'
import { ECHO_COOKIE_BYTES, fillPattern } from '../wire/icmp.js'
import type { CorruptByte } from './events.js'

/** Bytes listed of a payload that came back different. */
const LISTED = 32

type Cookie = readonly [low: number, high: number]

/** Compares payloads with what the probe was sent with. */
export class PayloadCheck {
  private readonly expected: Uint8Array
  private readonly view: DataView
  private readonly length: number

  constructor(payloadBytes: number, pattern: Uint8Array | null) {
    this.length = payloadBytes
    this.expected = new Uint8Array(payloadBytes)
    this.view = new DataView(this.expected.buffer)
    fillPattern(this.expected, 0, payloadBytes, pattern)
  }

  /** Bytes that differ, or are missing. */
  count(reply: ProbeReply, cookie: Cookie, target: number, sequence: number): number {
    this.expect(cookie, target, sequence)
    const { data, payloadStart, payloadEnd } = reply
    const { expected } = this
    const common = Math.min(payloadEnd - payloadStart, this.length)
    let wrong = Math.abs(payloadEnd - payloadStart - this.length)
    for (let at = 0; at < common; at++) if (data[payloadStart + at] !== expected[at]) wrong++
    return wrong
  }

  /** The first of the bytes that differ; those that are missing have no value to list. */
  list(reply: ProbeReply, cookie: Cookie, target: number, sequence: number): CorruptByte[] {
    this.expect(cookie, target, sequence)
    const found: CorruptByte[] = []
    const end = Math.min(reply.payloadEnd - reply.payloadStart, this.length)
    for (let offset = 0; offset < end && found.length < LISTED; offset++) {
      const expected = this.expected[offset]!
      const received = reply.data[reply.payloadStart + offset]!
      if (received !== expected) found.push({ offset, expected, received })
    }
    return found
  }

  private expect(cookie: Cookie, target: number, sequence: number): void {
    if (this.length < ECHO_COOKIE_BYTES) return
    this.view.setUint32(0, cookie[0], true)
    this.view.setUint32(4, cookie[1], true)
    this.view.setUint32(8, target, true)
    this.view.setUint32(12, sequence, true)
  }
}
