// A path with loss and with limits on answers, probed as a trace does it: the events of a whole run, out of a seed.

import type {
  ProbePurpose,
  TraceAnswer,
  TraceEvent,
  TraceHeader,
  TraceReplyEvent,
} from '../../src/probe/trace-events.js'
import { type HopSample, SLOW_PROBES, slowVerdict, suspects } from '../../src/probe/trace-loss.js'

export interface SimulatedHop {
  address: string
  /** Loss on the link before it: whether a packet that comes is dropped. */
  drops?: (flow: number, atMs: number) => boolean
  /** Linux's limit on ICMP errors to one destination. */
  limited?: boolean
  silent?: boolean
  answer?: TraceAnswer
  rttMs?: () => number
}

export interface Simulation {
  hops: SimulatedHop[]
  rounds: number
  intervalMs?: number
  timeoutMs?: number
  verify?: boolean
  flows?: number
  /** Probes go up to this TTL, or to the target. */
  horizon?: number
}

/** mulberry32: uniform in [0, 1), reproducible. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** inet_peer_xrlim_allow of net/ipv4/inetpeer.c with icmp_ratelimit 1000: a token a second, six at most, full at first. */
export function linuxLimiter(): (atMs: number) => boolean {
  let tokens = 6000
  let last = 0
  return atMs => {
    tokens = Math.min(tokens + atMs - last, 6000)
    last = atMs
    if (tokens < 1000) return false
    tokens -= 1000
    return true
  }
}

export const ROUTERS = ['10.0.1.2', '10.0.2.2', '10.0.3.2', '10.0.4.2', '10.0.5.2', '10.0.6.2']

export function header(target = '10.0.4.2', fields: Partial<TraceHeader> = {}): TraceHeader {
  return {
    target: { index: 0, target, address: target, family: 4 },
    protocol: 'icmp',
    transport: 'datagram',
    timestampSource: 'kernel',
    privilege: 'none',
    port: null,
    packetBytes: 60,
    firstTtl: 1,
    maxTtl: 30,
    flowKey: 'checksum',
    flowValues: [1],
    ...fields,
  }
}

export function answered(fields: Partial<TraceReplyEvent> & { ttl: number; from: string }): TraceReplyEvent {
  return {
    event: 'reply',
    flow: 0,
    round: 1,
    sequence: 1,
    atMs: 0,
    purpose: 'round',
    answer: 'time-exceeded',
    rttMs: 1,
    timestampSource: 'kernel',
    type: null,
    code: null,
    reason: null,
    mtu: null,
    replyTtl: null,
    mpls: null,
    interfaces: null,
    quoted: null,
    ...fields,
  }
}

/** Routers that answer time exceeded, and a target behind them. */
export function chain(length: number, answer: TraceAnswer = 'echo-reply'): SimulatedHop[] {
  return ROUTERS.slice(0, length).map((address, at) => ({
    address,
    answer: at === length - 1 ? answer : ('time-exceeded' as const),
  }))
}

/** Drops each packet with this probability. */
export function randomly(share: number, next: () => number): () => boolean {
  return () => next() < share
}

/** Drops each fifth packet, as `numgen inc mod 5` does. */
export function everyFifth(): () => boolean {
  let count = 0
  return () => count++ % 5 === 0
}

/** The events in order of time. What is under way when the last round was sent is waited for. */
export function simulate(simulation: Simulation): TraceEvent[] {
  return [...new Run(simulation).events()]
}

interface Pending {
  atMs: number
  event: TraceEvent
  sample: () => void
}

class Run {
  private readonly pending: Pending[] = []
  private readonly samples = new Map<number, { -readonly [Key in keyof HopSample]: HopSample[Key] }>()
  private readonly slow = new Map<number, { nextMs: number; open: boolean }>()
  private readonly limiters: ((atMs: number) => boolean)[]
  private readonly simulation: Simulation
  private sequence = 0

  constructor(simulation: Simulation) {
    this.simulation = simulation
    this.limiters = simulation.hops.map(linuxLimiter)
  }

  *events(): Generator<TraceEvent> {
    const {
      rounds,
      intervalMs = 100,
      timeoutMs = 1000,
      flows = 1,
      horizon = this.simulation.hops.length,
    } = this.simulation
    for (let round = 1; round <= rounds || [...this.slow.values()].some(({ open }) => open); round++) {
      const nowMs = 1_000_000 + round * intervalMs
      yield* this.settle(nowMs)
      for (let flow = 0; flow < flows && round <= rounds; flow++) {
        for (let ttl = 1; ttl <= horizon; ttl++) {
          if (!this.slow.has(ttl)) yield* this.send(ttl, flow, round, nowMs + ttl, 'round')
        }
      }
      for (const [ttl, test] of this.slow) {
        if (nowMs < test.nextMs) continue
        test.nextMs = nowMs + 1100
        yield* this.send(ttl, 0, 0, nowMs + ttl, 'slow')
      }
      if (this.simulation.verify === true) yield* this.verify(nowMs, timeoutMs)
    }
    yield* this.settle(Number.POSITIVE_INFINITY)
  }

  private *settle(nowMs: number): Generator<TraceEvent> {
    this.pending.sort((a, b) => a.atMs - b.atMs)
    while (this.pending.length > 0 && this.pending[0]!.atMs <= nowMs) {
      const { event, sample } = this.pending.shift()!
      sample()
      yield event
    }
  }

  private *send(ttl: number, flow: number, round: number, atMs: number, purpose: ProbePurpose): Generator<TraceEvent> {
    const sequence = ++this.sequence
    const context = { ttl, flow, round, sequence, purpose }
    yield { event: 'sent', ...context, atMs }
    const answer = this.answer(ttl, flow, atMs)
    const sample = this.sampleOf(ttl, answer?.answer !== 'echo-reply')
    const settled = () => {
      if (purpose === 'slow') {
        sample.slowSent++
        if (answer !== null) sample.slowReceived++
      } else {
        sample.sent++
        if (answer !== null) sample.received++
      }
    }
    const { timeoutMs = 1000 } = this.simulation
    const event: TraceEvent =
      answer === null
        ? { event: 'timeout', ...context, atMs: atMs + timeoutMs }
        : answered({ ...context, ...answer, atMs: atMs + answer.rttMs })
    this.pending.push({ atMs: event.atMs, event, sample: settled })
  }

  private answer(ttl: number, flow: number, atMs: number): { from: string; answer: TraceAnswer; rttMs: number } | null {
    const { hops } = this.simulation
    for (const [at, hop] of hops.slice(0, ttl).entries()) {
      if (hop.drops?.(flow, atMs) === true) return null
      if (at !== ttl - 1 && at !== hops.length - 1) continue
      if (hop.silent === true || (hop.limited === true && !this.limiters[at]!(atMs))) return null
      return { from: hop.address, answer: hop.answer ?? 'time-exceeded', rttMs: hop.rttMs?.() ?? ttl }
    }
    return null
  }

  private *verify(nowMs: number, timeoutMs: number): Generator<TraceEvent> {
    const samples = [...this.samples.values()]
    for (const ttl of suspects(samples)) {
      if (!this.slow.has(ttl) && samples.every(each => each.ttl !== ttl || each.slowSent === 0)) {
        this.slow.set(ttl, { nextMs: nowMs + 1100 + timeoutMs, open: true })
      }
    }
    for (const [ttl, test] of this.slow) {
      const sample = this.samples.get(ttl)!
      const verdict = test.open ? slowVerdict(sample, samples) : null
      if (verdict === null) continue
      test.open = false
      sample.verdict = verdict
      if (verdict !== 'rate-limited') this.slow.delete(ttl)
      yield { event: 'verified', ttl, atMs: nowMs, verdict, sent: sample.slowSent, received: sample.slowReceived }
      if (sample.slowSent > SLOW_PROBES + 2) throw new Error('the test with slowed probes does not end')
    }
  }

  private sampleOf(ttl: number, limits: boolean): { -readonly [Key in keyof HopSample]: HopSample[Key] } {
    const known = this.samples.get(ttl)
    if (known !== undefined) {
      if (!limits) known.limitsItsAnswers = false
      return known
    }
    const made = { ttl, sent: 0, received: 0, slowSent: 0, slowReceived: 0, limitsItsAnswers: limits }
    this.samples.set(ttl, made)
    return made
  }
}

/** The samples of a run, counted as simply as can be. */
export function samplesOf(events: Iterable<TraceEvent>): HopSample[] {
  const samples = new Map<number, { -readonly [Key in keyof HopSample]: HopSample[Key] }>()
  for (const event of events) {
    if (event.event === 'verified') samples.get(event.ttl)!.verdict = event.verdict
    if (event.event !== 'reply' && event.event !== 'timeout') continue
    const sample = samples.get(event.ttl) ?? {
      ttl: event.ttl,
      sent: 0,
      received: 0,
      slowSent: 0,
      slowReceived: 0,
      limitsItsAnswers: true,
    }
    samples.set(event.ttl, sample)
    const got = event.event === 'reply' ? 1 : 0
    if (event.purpose === 'slow') {
      sample.slowSent++
      sample.slowReceived += got
    } else {
      sample.sent++
      sample.received += got
    }
    if (event.event === 'reply' && event.answer === 'echo-reply') sample.limitsItsAnswers = false
  }
  return [...samples.values()]
}
