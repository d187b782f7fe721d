// Headers, events and documents of traces, made by hand.

import type { Hop, Responder, TraceDocument } from '../../src/probe/trace-document.js'
import type { TraceEvent, TraceHeader, TraceReplyEvent } from '../../src/probe/trace-events.js'

export const AT_MS = 1_795_275_911_463.881

export const header = (fields: Partial<TraceHeader> = {}): TraceHeader => ({
  target: { index: 0, target: 'bee', address: '10.0.3.2', family: 4 },
  protocol: 'icmp',
  transport: 'datagram',
  timestampSource: 'rx',
  privilege: 'none',
  port: null,
  packetBytes: 60,
  firstTtl: 1,
  maxTtl: 30,
  flowKey: 'checksum',
  flowValues: [4711],
  ...fields,
})

interface Probe {
  ttl: number
  round?: number
  flow?: number
  sequence?: number
}

const probe = ({ ttl, round = 1, flow = 0, sequence = 100 * round + ttl }: Probe) => ({
  ttl,
  flow,
  round,
  sequence,
  atMs: AT_MS,
})

export const sent = (which: Probe): TraceEvent => ({ event: 'sent', ...probe(which), purpose: 'round' })
export const timeout = (which: Probe): TraceEvent => ({ event: 'timeout', ...probe(which), purpose: 'round' })
export const roundOver = (round: number, path: (string | null)[], fields = {}): TraceEvent => ({
  event: 'round',
  flow: 0,
  round,
  atMs: AT_MS,
  path,
  reached: true,
  ...fields,
})

export const reply = (
  which: Probe,
  from: string,
  rttMs: number | null,
  fields: Partial<TraceReplyEvent> = {},
): TraceReplyEvent => ({
  event: 'reply',
  ...probe(which),
  purpose: 'round',
  answer: 'time-exceeded',
  from,
  rttMs,
  timestampSource: 'rx',
  type: 11,
  code: 0,
  reason: 'Time to live exceeded',
  mtu: null,
  replyTtl: 64,
  mpls: null,
  interfaces: null,
  quoted: null,
  ...fields,
})

export const echoReply = (which: Probe, from: string, rttMs: number): TraceReplyEvent =>
  reply(which, from, rttMs, { answer: 'echo-reply', type: 0, code: 0, reason: null })

export const responder = (address: string, fields: Partial<Responder> = {}): Responder => ({
  address,
  name: null,
  sent: 10,
  received: 10,
  notAnswering: 0,
  lossPercent: 0,
  rttMs: { last: 0.1, avg: 0.2, best: 0.05, worst: 0.3, stddev: 0.05, p50: 0.2, p95: 0.3 },
  jitterMs: 0.02,
  recentMs: [0.1, 0.2, 0.3],
  answers: { 'time-exceeded': 10 },
  icmp: [{ type: 11, code: 0, count: 10 }],
  mpls: null,
  interfaces: null,
  mtu: null,
  tos: null,
  translated: null,
  asn: null,
  asName: null,
  place: null,
  flows: [0],
  ...fields,
})

export const hop = (ttl: number, responders: readonly Responder[], fields: Partial<Hop> = {}): Hop => ({
  ttl,
  responders,
  sent: 10,
  received: responders.length > 0 ? 10 : 0,
  notAnswering: responders.length > 0 ? 0 : 10,
  lossPercent: responders.length > 0 ? 0 : null,
  ...fields,
})

export const target = (fields: Partial<Responder> = {}): Responder =>
  responder('10.0.3.2', { answers: { 'echo-reply': 10 }, icmp: [{ type: 0, code: 0, count: 10 }], ...fields })

export const document = (hops: readonly Hop[], fields: Partial<TraceDocument> = {}): TraceDocument => ({
  target: 'bee',
  address: '10.0.3.2',
  protocol: 'icmp',
  port: null,
  transport: 'datagram',
  timestampSource: 'rx',
  privilege: 'none',
  flow: { key: 'checksum', values: [4711] },
  packetBytes: 60,
  startedAt: '2026-11-21T18:00:00.000Z',
  reached: true,
  targetState: 'answered',
  rounds: 10,
  unsent: 0,
  hops,
  loss: [],
  rateLimited: [],
  pathChanges: [],
  flows: null,
  branches: null,
  mtu: null,
  verdict: ['bee reached in 3 hops'],
  ...fields,
})

/** What nobody may see on a terminal: an escape, a bell, C1, and a mark that turns text around. */
export const HOSTILE = 'a\x1b[31mb\x07c\x9bd\u202ee'
export const SHOWN_HOSTILE = 'a\\x1b[31mb\\x07c\\x9bd\\u{202e}e'
