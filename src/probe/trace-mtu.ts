// The largest packet that passes to each hop, and between which two hops it becomes smaller, said or unsaid.
//
// Path MTU discovery (path-mtu.ts) towards single hops, whose answer is "time exceeded". What passes to a hop also passes to those
// before it, so hops between two with the same MTU need no probes, and a limit is found by halving.

import type { ProbeTransport } from '../ports/probe.js'
import type { ProbeTarget } from './events.js'
import { HopSequences, HopTransport } from './hop-transport.js'
import { findPathMtu } from './path-mtu.js'
import type { PathMtuResult } from './path-mtu-result.js'
import type { PathMtuTimers } from './path-mtu-wait.js'
import type { MtuLimit } from './trace-document.js'

/** Between two pairs of probes: routers limit how many they answer. */
const INTERVAL_MS = 50
const TIMEOUT_MS = 1000

/** A hop that answers. */
export interface AnsweringHop {
  readonly ttl: number
  readonly address: string
}

export interface HopMtuPlan {
  readonly target: ProbeTarget
  /** In order; the target last if it was reached. */
  readonly hops: readonly AnsweringHop[]
  /** Longest payload that the transport was opened for. */
  readonly largestPayload: number
  /** Of everything. */
  readonly deadlineMs: number
}

export interface HopMtus {
  /** By hop of the plan: largest packet that came there and was answered; null where that was not found out. */
  readonly mtus: readonly (number | null)[]
  readonly limits: readonly MtuLimit[]
  readonly notes: readonly string[]
}

/**
 * Finds how large packets may be on each part of the way.
 * @param transport opened with pathMtu 'probe'; its visitor is this function's until it is done
 */
export async function findHopMtus(
  transport: ProbeTransport,
  plan: HopMtuPlan,
  timers: PathMtuTimers,
  signal?: AbortSignal,
): Promise<HopMtus> {
  return new HopSearch(transport, plan, timers, signal).run()
}

class HopSearch {
  private readonly transport: ProbeTransport
  private readonly plan: HopMtuPlan
  private readonly timers: PathMtuTimers
  private readonly signal: AbortSignal | undefined
  private readonly sequences = new HopSequences()
  private readonly results: (PathMtuResult | null)[]
  private readonly endNs: number

  constructor(transport: ProbeTransport, plan: HopMtuPlan, timers: PathMtuTimers, signal: AbortSignal | undefined) {
    this.transport = transport
    this.plan = plan
    this.timers = timers
    this.signal = signal
    this.results = plan.hops.map(() => null)
    this.endNs = transport.nowMonoNs() + plan.deadlineMs * 1e6
  }

  async run(): Promise<HopMtus> {
    const last = this.plan.hops.length - 1
    if (last < 0) return { mtus: [], limits: [], notes: ['no hop answers: nothing to measure to'] }
    const first = await this.discover(0, null, null)
    // What does not pass to the first hop passes to none behind it.
    if (last > 0) {
      await this.discover(last, first, null)
      await this.halve(0, last)
    }
    // What was not found out in time is a note, and no number.
    const mtus = this.results.map((result, hop) => (result?.limit?.by === 'unknown' ? null : this.mtu(hop)))
    return { mtus, limits: this.limits(mtus), notes: this.notes() }
  }

  /** Fills in what lies between two hops that are known. */
  private async halve(near: number, far: number): Promise<void> {
    if (far - near < 2 || this.isOver) return
    const [before, behind] = [this.mtu(near), this.mtu(far)]
    if (before !== null && before === behind) {
      for (let hop = near + 1; hop < far; hop++) this.results[hop] = this.results[far]!
      return
    }
    const middle = (near + far) >> 1
    await this.discover(middle, before, behind)
    await this.halve(near, middle)
    await this.halve(middle, far)
  }

  /**
   * @param atMost what passes to a hop before it
   * @param atLeast what passes to one behind it: where the two differ, it is likely to be this
   */
  private async discover(hop: number, atMost: number | null, atLeast: number | null): Promise<number | null> {
    const { plan, transport, sequences } = this
    const { ttl } = plan.hops[hop]!
    const view = new HopTransport(transport, plan.target.family, ttl, sequences)
    const left = (this.endNs - transport.nowMonoNs()) / 1e6
    if (left <= 0 || this.signal?.aborted) return null
    const result = await findPathMtu(
      view,
      {
        target: plan.target,
        localMtu: atMost,
        largestPayload: plan.largestPayload,
        timeoutMs: TIMEOUT_MS,
        intervalMs: INTERVAL_MS,
        deadlineMs: left,
        // All but echo replies are errors of ICMP.
        limitsAnswers: hop < plan.hops.length - 1 || transport.kind === 'udp',
        likely: atLeast === null ? [] : [atLeast, atLeast + 1],
      },
      this.timers,
      this.signal,
    )
    this.results[hop] = result
    return result.pathMtu
  }

  private mtu(hop: number): number | null {
    return this.results[hop]?.pathMtu ?? null
  }

  private get isOver(): boolean {
    return this.signal?.aborted === true || this.transport.nowMonoNs() >= this.endNs
  }

  /** Where it becomes smaller from one hop that is known to the next. */
  private limits(mtus: readonly (number | null)[]): MtuLimit[] {
    const { hops } = this.plan
    const limits: MtuLimit[] = []
    let beforeTtl = 0
    let before: number | null = null
    for (const [index, mtu] of mtus.entries()) {
      if (mtu === null) continue
      const limit = this.results[index]!.limit
      const isFirst = before === null && limit !== null && limit.by !== 'local' && limit.by !== 'none'
      if ((before !== null && mtu < before) || isFirst) {
        const saidBy = limit?.by === 'icmp' ? limit.from : null
        // Not found out in time is no claim.
        if (limit?.by !== 'unknown') limits.push({ afterTtl: beforeTtl, beforeTtl: hops[index]!.ttl, mtu, saidBy })
      }
      before = mtu
      beforeTtl = hops[index]!.ttl
    }
    return limits
  }

  private notes(): string[] {
    const notes = this.plan.hops.flatMap(({ ttl }, hop) => {
      const result = this.results[hop]
      if (result?.limit?.by !== 'unknown' || result.pathMtu === null) return []
      const { largestPossible } = result.limit
      return [`hop ${ttl}: packets of ${result.pathMtu} bytes pass, and perhaps larger ones up to ${largestPossible}`]
    })
    return [...notes, ...this.unknownNotes()]
  }

  private unknownNotes(): string[] {
    const unknown = this.plan.hops.filter((_, hop) => this.mtu(hop) === null).map(({ ttl }) => ttl)
    if (unknown.length === 0) return []
    const why = this.isOver ? 'the time was over' : 'too few answers'
    return [`hop ${unknown.join(', ')}: packet size not found out (${why})`]
  }
}
