// Tests of hops that leave probes unanswered: they leave the rounds and get probes so slow that no usual limit on answers is met.

import type { TraceEvent } from './trace-events.js'
import { type HopSample, SLOW_PROBES, type SlowVerdict } from './trace-loss.js'
import type { ProbeOrder } from './trace-probes.js'

/** Linux lets a host have one ICMP error a second (icmp_ratelimit, ip-sysctl.rst): a little slower than that is always answered. */
export const SLOW_MS = 1100
/**
 * The same of a router that has no route: Linux takes two seconds' worth for each of its refusals, one in ip_error() and one in
 * icmp_send(), from the same bucket (net/ipv4/route.c), and from a bucket with less than that it takes one for nothing.
 */
export const SLOW_REFUSAL_MS = 2200
/** Slowed probes for a look at the path that nobody wants to wait for. */
const SLOW_PROBES_AT_A_LOOK = 2

/** Other TTLs of one router that are tested with the first. */
const MOST_OF_SAME = 2

/** How unanswered probes are judged: src/probe/trace-loss.ts. */
export interface LossJudge {
  suspects(samples: readonly HopSample[]): number[]
  slowVerdict(sample: HopSample, samples: readonly HopSample[]): SlowVerdict | null
}

/** `rounds`: probed in rounds. `tested`: slowed probes only, until there is a verdict. `slowed`: it limits its answers, and keeps them. */
type Phase = 'rounds' | 'tested' | 'slowed'

interface HopState {
  sent: number
  received: number
  slowSent: number
  slowReceived: number
  limitsItsAnswers: boolean
  /** It lets nothing pass. */
  refuses: boolean
  /** Who answered there last. */
  address: string | null
  verdict: SlowVerdict | null
  /** The test ended, with or without a verdict. */
  isTested: boolean
  phase: Phase
  /** Slowed probes that were sent, and those of them that wait for an answer. */
  slowLaunched: number
  slowWaiting: number
  lastSentMs: number
  /** Who answered the latest slowed probe of each flow; null for nobody. */
  latest: Map<number, string | null>
}

export class HopVerifier {
  private readonly isOn: boolean
  private readonly mostSlow: number
  private readonly judge: LossJudge
  private readonly tell: (event: TraceEvent) => void
  private readonly hops = new Map<number, HopState>()

  constructor(plan: { verify: boolean; patient: boolean }, judge: LossJudge, tell: (event: TraceEvent) => void) {
    this.isOn = plan.verify
    this.mostSlow = plan.patient ? SLOW_PROBES : SLOW_PROBES_AT_A_LOOK
    this.judge = judge
    this.tell = tell
  }

  /** Whether rounds leave this TTL out. */
  excludes(ttl: number): boolean {
    const phase = this.hops.get(ttl)?.phase ?? 'rounds'
    return phase !== 'rounds'
  }

  /** Whether a test is under way. */
  get isTesting(): boolean {
    return [...this.hops.values()].some(({ phase }) => phase === 'tested')
  }

  /** Who answered the latest slowed probe there: null for nobody, undefined before there was one. */
  latest(ttl: number, flow: number): string | null | undefined {
    return this.hops.get(ttl)?.latest.get(flow)
  }

  /** A probe was sent to a TTL, whatever for. */
  sentTo({ ttl, purpose }: ProbeOrder, nowMs: number): void {
    const hop = this.hop(ttl)
    hop.lastSentMs = nowMs
    if (purpose !== 'slow') return
    hop.slowLaunched++
    hop.slowWaiting++
  }

  /** A probe of a round that is over. */
  count(ttl: number, wasAnswered: boolean): void {
    const hop = this.hop(ttl)
    hop.sent++
    if (wasAnswered) hop.received++
  }

  /** An answer to a probe that was counted as unanswered. */
  countLate(ttl: number): void {
    const hop = this.hop(ttl)
    if (hop.received < hop.sent) hop.received++
  }

  /** An answer from there: who gave it, whether it is an ICMP error, and whether that says that nothing passes. */
  noteAnswer(ttl: number, address: string, isIcmpError: boolean, refuses: boolean): void {
    const hop = this.hop(ttl)
    hop.address = address
    hop.limitsItsAnswers = isIcmpError
    hop.refuses = refuses
  }

  /** Looks for hops to test. @param last TTL beyond which nothing is known to be */
  ask(last: number): void {
    if (!this.isOn) return
    for (const ttl of this.judge.suspects(this.samples(last))) {
      const hop = this.hop(ttl)
      if (hop.phase !== 'rounds' || hop.isTested) continue
      hop.phase = 'tested'
      // Rounds would go on to use up the answers that it has for all who ask.
      const others = this.ofSame(hop, (_, ttlOfOther) => ttlOfOther <= last)
      for (const other of others) if (other.phase === 'rounds' && !other.isTested) other.phase = 'tested'
    }
  }

  /** When the next slowed probe may go. @param isEnding nothing but tests is to be waited for */
  dueMs(isEnding: boolean, isFlowFree: (flow: number) => boolean, flows: number): number {
    let due = Number.POSITIVE_INFINITY
    for (const hop of this.hops.values()) due = Math.min(due, this.dueOf(hop, isEnding, isFlowFree, flows))
    return due
  }

  /** The slowed probe that is due first. */
  take(isEnding: boolean, isFlowFree: (flow: number) => boolean, flows: number): ProbeOrder | null {
    let first: number | null = null
    let due = Number.POSITIVE_INFINITY
    for (const [ttl, hop] of this.hops) {
      const its = this.dueOf(hop, isEnding, isFlowFree, flows)
      if (its >= due) continue
      due = its
      first = ttl
    }
    if (first === null) return null
    return { ttl: first, flow: this.hop(first).slowLaunched % flows, round: 0, purpose: 'slow' }
  }

  /** A slowed probe was answered, or given up (null). */
  settled({ ttl, flow }: ProbeOrder, address: string | null, atMs: number, last: number): void {
    const hop = this.hop(ttl)
    // Of a path that is no more.
    if (hop.slowWaiting === 0) return
    hop.slowWaiting--
    hop.slowSent++
    if (address !== null) hop.slowReceived++
    hop.latest.set(flow, address)
    if (hop.phase === 'tested') this.conclude(ttl, hop, atMs, last)
  }

  /** A slowed probe never left: it says nothing of the hop. */
  failed({ ttl }: ProbeOrder, atMs: number, last: number): void {
    const hop = this.hop(ttl)
    if (hop.slowWaiting > 0) hop.slowWaiting--
    if (hop.phase === 'tested') this.conclude(ttl, hop, atMs, last)
  }

  /** What is under way is not waited for. */
  disown(): void {
    for (const hop of this.hops.values()) {
      hop.slowLaunched -= hop.slowWaiting
      hop.slowWaiting = 0
    }
  }

  /** An answer to a slowed probe that had been given up. */
  settledLate({ ttl, flow }: ProbeOrder, address: string): void {
    const hop = this.hop(ttl)
    if (hop.slowReceived < hop.slowSent) hop.slowReceived++
    hop.latest.set(flow, address)
  }

  /** The path is another from this TTL on: what was found there was found of somebody else. */
  forget(fromTtl: number): void {
    for (const [ttl, { lastSentMs }] of this.hops) {
      if (ttl >= fromTtl) this.hops.set(ttl, { ...newHop(), lastSentMs })
    }
  }

  private conclude(ttl: number, hop: HopState, atMs: number, last: number): void {
    const samples = this.samples(last)
    const sample = samples.find(each => each.ttl === ttl) ?? sampleOf(ttl, hop)
    const isOver = hop.slowLaunched >= this.mostSlow && hop.slowWaiting === 0
    const verdict = this.judge.slowVerdict(sample, samples)
    if (verdict === null && !isOver) return
    hop.isTested = true
    hop.verdict = verdict
    hop.phase = verdict === 'rate-limited' ? 'slowed' : 'rounds'
    if (verdict === null) return
    const { slowSent: sent, slowReceived: received } = hop
    this.tell({ event: 'verified', ttl, atMs, verdict, sent, received })
  }

  private dueOf(hop: HopState, isEnding: boolean, isFlowFree: (flow: number) => boolean, flows: number): number {
    const isWanted = hop.phase === 'tested' ? hop.slowLaunched < this.mostSlow : hop.phase === 'slowed' && !isEnding
    if (!isWanted || !isFlowFree(hop.slowLaunched % flows)) return Number.POSITIVE_INFINITY
    const slowed = this.ofSame(hop, ({ phase }) => phase !== 'rounds')
    const lastMs = Math.max(hop.lastSentMs, ...slowed.map(each => each.lastSentMs))
    return lastMs + (hop.refuses || slowed.some(({ refuses }) => refuses) ? SLOW_REFUSAL_MS : SLOW_MS)
  }

  /**
   * Other TTLs at which the same router answers: a firewall does where a probe ends, and where it refuses those that would go on.
   * None of one that answers at many: it is part of a loop, and tests of all of them, one by one, would take minutes.
   */
  private ofSame(hop: HopState, isMeant: (other: HopState, ttl: number) => boolean): HopState[] {
    const others: HopState[] = []
    for (const [ttl, other] of this.hops) {
      if (other !== hop && other.address !== null && other.address === hop.address && isMeant(other, ttl))
        others.push(other)
    }
    return others.length <= MOST_OF_SAME ? others : []
  }

  private samples(last: number): HopSample[] {
    return [...this.hops].filter(([ttl]) => ttl <= last).map(([ttl, hop]) => sampleOf(ttl, hop))
  }

  private hop(ttl: number): HopState {
    const hop = this.hops.get(ttl) ?? newHop()
    this.hops.set(ttl, hop)
    return hop
  }
}

function sampleOf(ttl: number, hop: HopState): HopSample {
  const { sent, received, slowSent, slowReceived, limitsItsAnswers, verdict } = hop
  return { ttl, sent, received, slowSent, slowReceived, limitsItsAnswers, verdict }
}

function newHop(): HopState {
  return {
    sent: 0,
    received: 0,
    slowSent: 0,
    slowReceived: 0,
    limitsItsAnswers: true,
    refuses: false,
    address: null,
    verdict: null,
    isTested: false,
    phase: 'rounds',
    slowLaunched: 0,
    slowWaiting: 0,
    lastSentMs: Number.NEGATIVE_INFINITY,
    latest: new Map(),
  }
}
