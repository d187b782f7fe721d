// What an answer to a probe of a trace means, and the events that tell of probes.

import type { ProbeError, ProbeReply, ProbeTransport } from '../ports/probe.js'
import {
  ICMP_ECHO_REPLY,
  ICMP_TIME_EXCEEDED,
  ICMP6_ECHO_REPLY,
  ICMP6_TIME_EXCEEDED,
  isPortUnreachable,
  isTooBig,
} from '../wire/icmp.js'
import { parseIcmpExtensions } from '../wire/icmp-extensions.js'
import { icmpReason } from '../wire/icmp-words.js'
import type { ProbeTarget } from './events.js'
import { EventMaker, quotedHeaderBytes } from './ping-events.js'
import type { ProbeRing } from './probe-ring.js'
import { isAdvice } from './statistics.js'
import type { TraceAnswer, TraceErrorEvent, TraceHeader, TraceReplyEvent } from './trace-events.js'
import type { TracePlan } from './trace-plan.js'
import type { ProbeOrder } from './trace-probes.js'

const ECHO_REPLY = { 4: ICMP_ECHO_REPLY, 6: ICMP6_ECHO_REPLY } as const

/** Where an answer puts who gave it: on the way, at its end, or where it cannot go on; null tells nothing of the path. */
export type Place = 'router' | 'target' | 'blocked'

/** Where the answer was given. A packet that is too big says nothing of who stands at its TTL. */
export function placeOf(event: TraceReplyEvent, target: ProbeTarget): Place | null {
  if (event.answer === 'time-exceeded') return 'router'
  if (event.answer !== 'unreachable') return 'target'
  if (isTooBig(target.family, event.type, event.code)) return null
  return event.from === target.address ? 'target' : 'blocked'
}

/** Answers that are ICMP errors are what routers and hosts limit: not echo replies, nor what TCP and UDP themselves answer. */
export function isIcmpErrorAnswer(answer: TraceAnswer): boolean {
  return answer === 'time-exceeded' || answer === 'port-unreachable' || answer === 'unreachable'
}

/** Makes the events about probes. */
export class TraceEventMaker {
  private readonly target: ProbeTarget
  private readonly maker: EventMaker
  private readonly headerBytes: number

  constructor(target: ProbeTarget, transport: ProbeTransport, ring: ProbeRing, payloadBytes: number) {
    this.target = target
    this.maker = new EventMaker(transport, ring, payloadBytes, null)
    this.headerBytes = quotedHeaderBytes(transport, target.family)
  }

  /** Unix milliseconds of a stamp. */
  atMs(ns: number): number {
    return this.maker.atMs(ns)
  }

  /** What the target itself sent back to probe `number`. */
  reply(reply: ProbeReply, order: ProbeOrder, number: number): TraceReplyEvent {
    const { family } = this.target
    const told = this.maker.reply(reply, this.target, number, 0, 0)
    const isEcho = reply.answer === 'echo-reply'
    return {
      ...context(told, order),
      event: told.event,
      answer: reply.answer,
      from: reply.from,
      rttMs: told.rttMs,
      timestampSource: told.timestampSource,
      type: isEcho ? ECHO_REPLY[family] : null,
      code: isEcho ? 0 : null,
      reason: isEcho ? icmpReason(family, ECHO_REPLY[family], 0, { mtu: 0 }) : null,
      mtu: null,
      replyTtl: told.ttl,
      mpls: null,
      interfaces: null,
      quoted: null,
    }
  }

  /** An ICMP error about probe `number`; null where it is advice only, and the probe goes on, and where nobody knows whose it is. */
  icmpError(error: ProbeError, order: ProbeOrder, number: number): TraceReplyEvent | null {
    const told = this.maker.error(error, this.target, number)
    if (isAdvice(told) || error.from === null) return null
    // The same error as an answer has what an answer has: which it is of several, and by which clock.
    const answer = this.maker.portAnswer(error, this.target, number, 0)
    const extensions = parseIcmpExtensions(error.quoted, error.quotedBytes ?? 0, this.headerBytes)
    return {
      ...context(told, order),
      sequence: number + 1,
      event: answer.event,
      answer: this.answerOf(error),
      from: error.from,
      rttMs: answer.rttMs,
      timestampSource: answer.timestampSource,
      type: told.type,
      code: told.code,
      reason: told.reason,
      mtu: told.mtu,
      replyTtl: null,
      mpls: extensions?.mpls ?? null,
      interfaces: extensions?.interfaces ?? null,
      quoted: error.quote ?? null,
    }
  }

  /** This host's kernel refused probe `number`, at once or a while later. */
  refusal(order: ProbeOrder, number: number, errno: number, mtu: number): TraceErrorEvent {
    const told = this.maker.refusal(this.target, number, errno, mtu)
    return {
      ...context(told, order),
      sequence: number + 1,
      event: 'error',
      origin: 'local',
      reason: told.reason,
      errno: told.errno ?? String(errno),
      mtu: told.mtu,
    }
  }

  private answerOf({ type, code, from }: ProbeError): TraceAnswer {
    const { family, address } = this.target
    if (type === (family === 4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED)) return 'time-exceeded'
    return isPortUnreachable(family, type, code) && from === address ? 'port-unreachable' : 'unreachable'
  }
}

function context(
  { atMs, sequence }: { atMs: number; sequence: number | null },
  { ttl, flow, round, purpose }: ProbeOrder,
): Pick<TraceReplyEvent, 'ttl' | 'flow' | 'round' | 'sequence' | 'atMs' | 'purpose'> {
  return { ttl, flow, round, sequence: sequence ?? 0, atMs, purpose }
}

/** What a run is, told once. */
export function traceHeader(plan: TracePlan, transport: ProbeTransport, flowValues: readonly number[]): TraceHeader {
  const { target, protocol, port, packetBytes, firstTtl, maxTtl } = plan
  const isRaw = transport.kind === 'raw' || transport.kind === 'raw-socket' || transport.quotedHeaders === true
  return {
    target,
    protocol,
    transport: transport.kind,
    timestampSource: transport.timestamps,
    privilege: isRaw ? 'raw' : 'none',
    port,
    packetBytes,
    firstTtl,
    maxTtl,
    flowKey: protocol === 'icmp' ? 'checksum' : 'source-port',
    flowValues,
  }
}
