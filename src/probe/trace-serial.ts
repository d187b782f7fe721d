// Where each flow can have one probe under way only: TCP, whose attempts are told apart by their ports, and UDP where routers quote too
// little of a probe. Scouts, each on a flow of its own, see in one sweep how far the path goes and how long answers take; then the
// flow itself is walked, one TTL at a time.

import { SCOUT_FLOWS, type TracePlan } from './trace-plan.js'
import type { ProbeOrder } from './trace-probes.js'
import { Round } from './trace-round.js'

/** How much longer than its scout a probe may take, and the least that one without is waited for. */
const SLACK_MS = 200
/** Scouts sent twice may have had the one answer a second that a limit allows: the next is not asked for before that. */
const LIMIT_MS = 1100

export class SerialWalk {
  readonly scouts: Round
  /** That nothing was found has been told. */
  wasTold = false
  private readonly timeoutMs: number

  constructor({ firstTtl, maxTtl, gapMs, timeoutMs }: TracePlan, nowMs: number) {
    this.timeoutMs = timeoutMs
    this.scouts = new Round({
      flow: SCOUT_FLOWS,
      number: 0,
      purpose: 'scout',
      firstTtl,
      maxTtl,
      horizon: null,
      gapMs,
      startMs: nowMs,
      skips: () => false,
    })
  }

  /** Nothing answered any of the scouts. */
  get foundNothing(): boolean {
    return this.scouts.isComplete && this.scouts.answers === 0
  }

  /** Last TTL that is worth walking to. */
  get limit(): number {
    return this.scouts.end ?? this.scouts.deepest
  }

  /** When flows may be walked; Infinity when that cannot be said yet. */
  readyMs(longestRttMs: number): number {
    const { scouts, foundNothing } = this
    const isLimited = scouts.isRepeated(scouts.shape.firstTtl)
    return foundNothing ? Number.POSITIVE_INFINITY : scouts.lengthKnownMs(longestRttMs) + (isLimited ? LIMIT_MS : 0)
  }

  /** Lets a round go as far as the scouts saw something, and on from there only if there is a target to be found. */
  guide(round: Round): void {
    round.horizon = Math.max(round.horizon ?? 0, this.limit)
    round.beyond = this.scouts.targetTtl === null ? 0 : 1
  }

  /** A walk that came to its limit may still be sent farther by scouts that are on their way. */
  isFinal(round: Round): boolean {
    return round.end !== null || this.scouts.end !== null || this.scouts.isComplete
  }

  patienceMs({ ttl, purpose }: ProbeOrder, shortMs: number, longestRttMs: number): number {
    const { scouts, timeoutMs } = this
    if (purpose === 'scout') return scouts.answeredBeyond(ttl) ? shortMs : timeoutMs
    const rttMs = scouts.rttMs(ttl)
    const patience = Number.isNaN(rttMs) ? Math.max(SLACK_MS, 3 * longestRttMs) : Math.max(3 * rttMs, rttMs + SLACK_MS)
    return Math.min(timeoutMs, patience)
  }
}
