// Events out of what a transport hands out: times, words, and what came back different.

import { errnoName, errnoWords } from '../errors/index.js'
import type { ProbeError, ProbeReply, ProbeTransport } from '../ports/probe.js'
import { isPortUnreachable } from '../wire/icmp.js'
import { parseMplsLabels } from '../wire/icmp-extensions.js'
import { icmpReason } from '../wire/icmp-words.js'
import type { ErrorEvent, ProbeTarget, ReplyEvent, TimestampSource } from './events.js'
import { PayloadCheck } from './payload-check.js'
import { PROBE_STATE, type ProbeRing, type ProbeState } from './probe-ring.js'

/** CLOCK_REALTIME may be slewed by 500 ppm against CLOCK_MONOTONIC: more than this in one flight is a step. */
const STEP_NS = 2_000_000
/** Of the quoted packet, without options. */
const IP_HEADER = { 4: 20, 6: 40 } as const
const UDP_HEADER = 8

/** Bytes of the quoted packet that come before `ProbeError.quoted`, as far as that has no IP options. */
export const quotedHeaderBytes = ({ kind }: ProbeTransport, family: 4 | 6): number =>
  IP_HEADER[family] + (kind === 'udp' ? UDP_HEADER : 0)

interface Timing {
  rttMs: number | null
  timestampSource: TimestampSource
  clockStepped: boolean
}

/** What an answer to a probe is, by what was known of the probe. */
function kindOf(state: ProbeState): ReplyEvent['event'] {
  if (state === PROBE_STATE.waiting || state === PROBE_STATE.failed) return 'reply'
  return state === PROBE_STATE.answered ? 'duplicate' : 'late'
}

/** A closed UDP port answers with an ICMP error of its own, which is as good as an answer. */
export function isPortAnswer({ kind }: ProbeTransport, error: ProbeError, { family, address }: ProbeTarget): boolean {
  return kind === 'udp' && error.from === address && isPortUnreachable(family, error.type, error.code)
}

/** Makes the events of one transport's probes. */
export class EventMaker {
  private readonly transport: ProbeTransport
  private readonly ring: ProbeRing
  private readonly check: PayloadCheck
  /** Of the latest answer: one object, because there may be tens of thousands. */
  private readonly timing: Timing = { rttMs: null, timestampSource: 'user', clockStepped: false }

  constructor(transport: ProbeTransport, ring: ProbeRing, payloadBytes: number, pattern: Uint8Array | null) {
    this.transport = transport
    this.ring = ring
    this.check = new PayloadCheck(payloadBytes, pattern)
  }

  /** Unix milliseconds of a stamp. */
  atMs(ns: number): number {
    return this.transport.baseSeconds * 1000 + ns / 1e6
  }

  /** Payload bytes that came back different, or are missing; 0 where the transport sends none of ours. */
  corruptedBytes(reply: ProbeReply, target: number, sequence: number): number {
    const { cookie } = this.transport
    return cookie[0] === 0 && cookie[1] === 0 ? 0 : this.check.count(reply, cookie, target, sequence)
  }

  /** An answer to probe `number`. @param highest the highest sequence of the target that was answered */
  reply(reply: ProbeReply, target: ProbeTarget, number: number, corrupted: number, highest: number): ReplyEvent {
    const { ring, transport } = this
    const sequence = ring.sequenceOf(number)
    const kind = kindOf(ring.state(number))
    this.time(reply, number)
    const event: ReplyEvent = {
      event: kind,
      target,
      sequence,
      atMs: this.atMs(reply.receivedNs),
      answer: reply.answer,
      rttMs: this.timing.rttMs,
      timestampSource: this.timing.timestampSource,
      clockStepped: this.timing.clockStepped,
      ttl: reply.ttl < 0 ? null : reply.ttl,
      bytes: reply.bytes,
      from: reply.from,
      differentAddress: reply.fromTarget !== target.index && reply.from !== target.address,
      reordered: kind !== 'duplicate' && sequence < highest,
      localMs: between(ring.sentNs(number), ring.drivenNs(number)),
      queuedMs: between(ring.scheduledNs(number), ring.drivenNs(number)),
      corrupted: corrupted > 0 ? this.check.list(reply, transport.cookie, target.index, sequence) : null,
      corruptedBytes: corrupted,
      synRetransmits: reply.synRetransmits < 0 ? null : reply.synRetransmits,
      ipOptions: reply.ipOptions,
    }
    return corrupted > 0 ? { ...event, payload: reply.data.slice(reply.payloadStart, reply.payloadEnd) } : event
  }

  /** The answer of a closed port to probe `number`. */
  portAnswer(error: ProbeError, target: ProbeTarget, number: number, highest: number): ReplyEvent {
    const sequence = this.ring.sequenceOf(number)
    const kind = kindOf(this.ring.state(number))
    return {
      event: kind,
      target,
      sequence,
      atMs: this.atMs(error.receivedNs),
      answer: 'port-unreachable',
      ...this.errorTiming(error, number),
      ttl: null,
      bytes: 0,
      from: error.from ?? target.address,
      differentAddress: false,
      reordered: kind !== 'duplicate' && sequence < highest,
      localMs: null,
      queuedMs: null,
      corrupted: null,
      corruptedBytes: 0,
      synRetransmits: null,
      ipOptions: null,
    }
  }

  /** An error about probe `number`, or about one that it does not name (-1). */
  error(error: ProbeError, target: ProbeTarget, number: number): ErrorEvent {
    const { ring } = this
    const isKnown = number >= 0 && ring.state(number) !== PROBE_STATE.free
    const isIcmp = error.origin === 'icmp'
    const { mtu, redirectTo = null, pointer = 0 } = error
    return {
      event: 'error',
      target,
      sequence: number < 0 ? null : ring.sequenceOf(number),
      atMs: this.atMs(error.receivedNs),
      from: error.from,
      origin: error.origin,
      type: error.type < 0 ? null : error.type,
      code: error.code < 0 ? null : error.code,
      reason: isIcmp
        ? icmpReason(target.family, error.type, error.code, { mtu, redirectTo, pointer })
        : errnoWords(error.errno),
      errno: errnoName(error.errno),
      mtu: mtu > 0 ? mtu : null,
      rttMs: isKnown ? this.errorTiming(error, number).rttMs : null,
      mpls: isIcmp
        ? parseMplsLabels(error.quoted, error.quotedBytes ?? 0, quotedHeaderBytes(this.transport, target.family))
        : null,
    }
  }

  /** This host's kernel refused to send probe `number`. @param mtu of the path, where that is why; else 0 */
  refusal(target: ProbeTarget, number: number, errno: number, mtu: number): ErrorEvent {
    return {
      event: 'error',
      target,
      sequence: this.ring.sequenceOf(number),
      atMs: this.atMs(this.ring.sentNs(number)),
      from: null,
      origin: 'local',
      type: null,
      code: null,
      reason: errnoWords(errno),
      errno: errnoName(errno),
      mtu: mtu > 0 ? mtu : null,
      rttMs: null,
      mpls: null,
    }
  }

  /** Fills `timing` in. */
  private time(reply: ProbeReply, number: number): void {
    const { ring, timing } = this
    timing.clockStepped = false
    if (!Number.isNaN(reply.rttNs)) {
      timing.rttMs = reply.rttNs / 1e6
      timing.timestampSource = 'tcp-info'
      return
    }
    if (ring.state(number) === PROBE_STATE.free) {
      timing.rttMs = null
      timing.timestampSource = reply.kernelStamp ? 'rx' : 'user'
      return
    }
    const sentNs = ring.sentNs(number)
    const sentMonoNs = ring.sentMonoNs(number)
    const step = reply.readNs - reply.readMonoNs - (sentNs - sentMonoNs)
    const rttNs = reply.receivedNs - sentNs
    if (Math.abs(step) > STEP_NS || rttNs < 0) {
      timing.rttMs = (reply.readMonoNs - sentMonoNs) / 1e6
      timing.timestampSource = 'user'
      timing.clockStepped = true
      return
    }
    const isStamped = !Number.isNaN(ring.drivenNs(number))
    timing.rttMs = rttNs / 1e6
    timing.timestampSource = !reply.kernelStamp ? 'user' : isStamped ? 'kernel' : 'rx'
  }

  /**
   * From a send to an error's stamp. It was read just now, so that a stamp before the send, or later than now, means that the wall
   * clock was set meanwhile.
   */
  private errorTiming(error: ProbeError, number: number): Timing & { rttMs: number } {
    const wallNs = error.receivedNs - this.ring.sentNs(number)
    const monoNs = this.transport.nowMonoNs() - this.ring.sentMonoNs(number)
    const clockStepped = wallNs < 0 || wallNs > monoNs + STEP_NS
    return {
      rttMs: (clockStepped ? monoNs : wallNs) / 1e6,
      timestampSource: clockStepped ? 'user' : 'rx',
      clockStepped,
    }
  }
}

/** Between two stamps of a probe on its way out; null when either is missing. */
function between(from: number, to: number): number | null {
  const ns = to - from
  return Number.isNaN(ns) ? null : Math.max(ns, 0) / 1e6
}
