// One flow of a trace: its rounds, how far they go, and the path that they show.

import type { TraceEvent } from './trace-events.js'
import { PathMemory, type SeenPath } from './trace-path.js'
import type { TracePlan } from './trace-plan.js'
import { Round, WINDOW } from './trace-round.js'
import type { SerialWalk } from './trace-serial.js'
import type { HopVerifier } from './trace-verify.js'

/** Of rounds without an answer from the end of the path, one in so many looks for it farther away. */
const MISSES = 4
/** Rounds begun before their time, one after the other, to see whether a path is another. */
const ROUNDS_AT_ONCE = 3
/** Most between two probes of a round, when there is time. */
const WIDE_GAP_MS = 10
/** Between the starts of two rounds, whatever is wanted. */
const LEAST_MS = 1

export interface FlowPorts {
  readonly verifier: HopVerifier
  tell(event: TraceEvent): void
  /** Unix milliseconds of a moment of the monotonic clock. */
  unixMs(monoMs: number): number
}

export class Flow {
  readonly index: number
  /** Those that are not over, oldest first. */
  rounds: Round[] = []
  finished = 0
  /** TTL at which the path ended in the latest round that came to its end; null before. */
  distance: number | null = null
  /** Deepest TTL at which a router answered. */
  deepest: number
  private readonly plan: TracePlan
  private readonly ports: FlowPorts
  private readonly memory = new PathMemory()
  private started = 0
  private nextStartMs: number
  private endsAtTarget = false
  /** Rounds since the path was last seen to its end. */
  private misses = 0
  /** Rounds begun before their time. */
  private hurried = 0

  constructor(index: number, plan: TracePlan, ports: FlowPorts, nowMs: number) {
    this.index = index
    this.plan = plan
    this.ports = ports
    this.deepest = plan.firstTtl - 1
    this.nextStartMs = nowMs
  }

  /** When its next round begins; Infinity while that cannot be said, and when there is none. */
  startMs(serial: SerialWalk | null, longestRttMs: number): number {
    const { rounds: most, intervalMs } = this.plan
    const never = Number.POSITIVE_INFINITY
    if (most !== null && this.started >= most) return never
    const newest = this.rounds.at(-1)
    if (serial !== null) return newest === undefined ? Math.max(this.nextStartMs, serial.readyMs(longestRttMs)) : never
    if (newest === undefined) return this.nextStartMs
    if (intervalMs === 0) return Math.max(this.nextStartMs, newest.lengthKnownMs(longestRttMs))
    // A first round that looks for the end may take longer than others.
    return newest.horizon === null || newest.allSent ? this.nextStartMs : never
  }

  start(serial: SerialWalk | null, first: Flow, nowMs: number): void {
    const { firstTtl, maxTtl, gapMs, intervalMs } = this.plan
    const horizon = this.horizon(serial, first)
    const ttls = (horizon ?? maxTtl) - firstTtl + 1
    const round = new Round({
      flow: this.index,
      number: ++this.started,
      purpose: 'round',
      firstTtl,
      maxTtl,
      horizon,
      gapMs: horizon === null ? gapMs : Math.max(gapMs, Math.min(WIDE_GAP_MS, intervalMs / (2 * ttls))),
      startMs: nowMs,
      skips: ttl => this.ports.verifier.excludes(ttl),
    })
    serial?.guide(round)
    this.rounds.push(round)
    // A start that comes late is not made up for.
    const since = nowMs - this.nextStartMs > intervalMs ? nowMs : this.nextStartMs
    this.nextStartMs = Math.max(since + intervalMs, nowMs + LEAST_MS)
  }

  roundNumbered(number: number): Round | undefined {
    return this.rounds.find(round => round.shape.number === number)
  }

  /** Its rounds that are not over are begun anew. */
  restart(nowMs: number): void {
    this.started -= this.rounds.length
    this.rounds = []
    this.nextStartMs = nowMs
  }

  /** Nothing was to be found: that was a round as well. */
  skipRound(nowMs: number): void {
    this.started++
    this.finished++
    this.nextStartMs = Math.max(this.nextStartMs + this.plan.intervalMs, nowMs)
    this.tellRound(this.started, { path: [], end: null }, nowMs)
  }

  get nextRoundMs(): number {
    return this.nextStartMs
  }

  resume(nowMs: number): void {
    this.nextStartMs = Math.max(this.nextStartMs, nowMs)
  }

  /** A slowed probe was let on, or answered by the target: whoever refused there does no more. */
  passedAt(ttl: number): void {
    if (this.endsAtTarget || this.distance !== ttl) return
    this.distance = null
    this.deepest = Math.max(this.deepest, ttl)
  }

  /** The oldest round is over: tells of it and learns from it. Answers with what it saw. */
  finish(round: Round, nowMs: number): SeenPath {
    const { verifier, tell, unixMs } = this.ports
    const { firstTtl } = this.plan
    const { flow, number } = round.shape
    this.finished++
    const left = this.endsAtTarget && this.distance !== null && verifier.excludes(this.distance) ? this.distance : null
    const seen = round.seen(ttl => this.assumed(ttl), left)
    for (let ttl = firstTtl; ttl <= round.last; ttl++) {
      if (round.isSettled(ttl)) verifier.count(ttl, round.wasAnswered(ttl))
    }
    this.tellRound(number, seen, nowMs)
    const change = this.memory.add(seen)
    this.noteEnd(round, left !== null, change !== null)
    if (change !== null) {
      this.deepest = round.deepest
      const ttl = firstTtl + change.at
      verifier.forget(ttl)
      tell({
        event: 'path-change',
        flow,
        round: number,
        atMs: unixMs(nowMs),
        ttl,
        before: change.before,
        after: change.after,
      })
    }
    this.hurry(nowMs)
    return seen
  }

  /** Last TTL that is worth a probe; null while nothing is known. */
  private horizon(serial: SerialWalk | null, first: Flow): number | null {
    const { firstTtl, maxTtl } = this.plan
    const newest = this.rounds.findLast(({ end }) => end !== null)?.end ?? null
    if (newest !== null) return newest
    const farther = serial === null ? Math.max(this.deepest, firstTtl - 1) + WINDOW : serial.limit
    if (this.distance !== null) {
      // Whoever lets nothing pass refuses deeper probes as well, out of the answers that slowed ones are to get.
      if (!this.endsAtTarget && this.ports.verifier.excludes(this.distance)) return this.distance
      return this.looksFarther ? Math.min(maxTtl, Math.max(this.distance, farther)) : this.distance
    }
    // Until it knows better, a flow goes as far as the first one.
    if (this !== first) return Math.max(this.deepest, first.horizon(serial, first) ?? farther)
    return this.started > 0 || serial !== null ? Math.min(maxTtl, Math.max(this.deepest, farther)) : null
  }

  /** Who is at a TTL that has slowed probes only: whoever answered the latest, or was there before them. */
  private assumed(ttl: number): string | null {
    const latest = this.ports.verifier.latest(ttl, this.index)
    return latest === undefined ? (this.memory.path[ttl - this.plan.firstTtl] ?? null) : latest
  }

  private noteEnd(round: Round, isLeftOut: boolean, isChanged: boolean): void {
    const { end, deepest } = round
    // That the end does not answer where it was does not mean that it is elsewhere, unless a router answers there.
    const isFarther = end !== null && this.distance !== null && end > this.distance && deepest < this.distance
    if (end !== null && (!isFarther || isChanged)) {
      this.distance = end
      this.endsAtTarget = round.targetTtl !== null
      this.misses = 0
    } else if (!isLeftOut) this.misses++
  }

  /** Whether to look for the end of the path behind where it was: now and then while it does not answer there. */
  private get looksFarther(): boolean {
    return this.misses > 0 && (this.misses % MISSES === 0 || this.memory.isUnsure)
  }

  private tellRound(round: number, { path, end }: SeenPath, nowMs: number): void {
    const { tell, unixMs } = this.ports
    tell({ event: 'round', flow: this.index, round, atMs: unixMs(nowMs), path, reached: end === 'target' })
  }

  /** A path that looks like another is looked at again at once. */
  private hurry(nowMs: number): void {
    if (!this.memory.isUnsure) {
      this.hurried = 0
      return
    }
    // A round that has begun already will tell.
    if (this.rounds.length > 0 || this.hurried >= ROUNDS_AT_ONCE) return
    this.hurried++
    this.nextStartMs = Math.min(this.nextStartMs, nowMs)
  }
}
