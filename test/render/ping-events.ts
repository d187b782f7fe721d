// Events of a run, for tests of what is made of them: every field as in an ordinary run but for those a test names.

import type {
  ErrorEvent,
  ProbeTarget,
  ReplyEvent,
  SentEvent,
  SummaryEvent,
  TimeoutEvent,
} from '../../src/probe/events.js'
import type { PingStatistics, RttStatistics } from '../../src/probe/statistics.js'

export function target(address: string, fields: Partial<ProbeTarget> = {}): ProbeTarget {
  return { index: 0, target: address, address, family: address.includes(':') ? 6 : 4, ...fields }
}

/** 2026-11-21 15:38:31 UTC */
export const AT_MS = 1_795_275_911_000

export function sent(to: ProbeTarget, sequence: number, fields: Partial<SentEvent> = {}): SentEvent {
  return { event: 'sent', target: to, sequence, atMs: AT_MS, payloadBytes: 56, ...fields }
}

export function reply(
  to: ProbeTarget,
  sequence: number,
  rttMs: number | null,
  fields: Partial<ReplyEvent> = {},
): ReplyEvent {
  return {
    event: 'reply',
    target: to,
    sequence,
    atMs: AT_MS,
    answer: 'echo-reply',
    rttMs,
    timestampSource: 'kernel',
    ttl: 64,
    bytes: 64,
    from: to.address,
    differentAddress: false,
    reordered: false,
    clockStepped: false,
    localMs: null,
    queuedMs: null,
    corrupted: null,
    corruptedBytes: 0,
    payload: null,
    synRetransmits: null,
    ipOptions: null,
    ...fields,
  }
}

export function icmpError(
  to: ProbeTarget,
  sequence: number | null,
  from: string,
  reason: string,
  fields: Partial<ErrorEvent> = {},
): ErrorEvent {
  return {
    event: 'error',
    target: to,
    sequence,
    atMs: AT_MS,
    from,
    origin: 'icmp',
    type: 3,
    code: 1,
    reason,
    errno: 'EHOSTUNREACH',
    mtu: null,
    rttMs: null,
    mpls: null,
    ...fields,
  }
}

export function localError(
  to: ProbeTarget,
  sequence: number,
  errno: string,
  reason: string,
  mtu: number | null,
): ErrorEvent {
  return icmpError(to, sequence, '', reason, { from: null, origin: 'local', type: null, code: null, errno, mtu })
}

export function timeout(to: ProbeTarget, sequence: number, fields: Partial<TimeoutEvent> = {}): TimeoutEvent {
  return { event: 'timeout', target: to, sequence, atMs: AT_MS, ...fields }
}

/** Times in milliseconds, as the summary of ping has them. */
export function rtt(
  min: number,
  avg: number,
  max: number,
  mdev: number,
  fields: Partial<RttStatistics> = {},
): RttStatistics {
  return { min, avg, max, mdev, stddev: mdev, p50: avg, p90: max, p95: max, p99: max, ...fields }
}

export function statistics(fields: Partial<PingStatistics>): PingStatistics {
  return {
    transmitted: 1,
    received: 1,
    duplicates: 0,
    late: 0,
    corrupted: 0,
    reordered: 0,
    differentAddress: 0,
    errors: 0,
    lossPercent: 0,
    timeMs: 0,
    rttMs: null,
    jitterMs: null,
    rfc3550JitterMs: null,
    ewmaMs: null,
    longestOutageMs: 0,
    ...fields,
  }
}

export function summary(
  of: ProbeTarget,
  fields: Partial<PingStatistics>,
  more: Partial<SummaryEvent> = {},
): SummaryEvent {
  return {
    event: 'summary',
    target: of,
    transport: 'datagram',
    timestampSource: 'kernel',
    payloadBytes: 56,
    statistics: statistics(fields),
    ...more,
  }
}

/** Collects what is written. */
export class Sink {
  text = ''

  write(text: string): void {
    this.text += text
  }

  line(text: string): void {
    this.text += `${text}\n`
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }
}
