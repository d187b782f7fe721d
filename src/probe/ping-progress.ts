// How far a run has come: what was sent, what is waited for and for how long, and when it is over.

import type { PingPlan } from './ping-plan.js'
import { PROBE_STATE, type ProbeRing } from './probe-ring.js'

/** Probes by number, in the order in which they are sent. */
export class PingProgress {
  /** Number of the next probe, and of the oldest that may still be waiting. */
  next = 0
  oldest = 0
  waiting = 0
  answeredOrFailed = 0
  lastSentMs = 0
  /** Longest so far, -1 before the first answer. */
  maxRttMs = -1
  private readonly plan: PingPlan
  private readonly ring: ProbeRing
  private readonly originMs: number

  /** @param originMs when the run began */
  constructor(plan: PingPlan, ring: ProbeRing, originMs: number) {
    this.plan = plan
    this.ring = ring
    this.originMs = originMs
  }

  /** ping(8): with a deadline, probing goes on until that many have been answered. Many targets do not wait for one another. */
  get untilAnswered(): boolean {
    return this.plan.deadlineMs !== null && this.plan.targets.length === 1
  }

  get allSent(): boolean {
    const { count, targets } = this.plan
    if (count === null) return false
    return this.untilAnswered ? this.answeredOrFailed >= count : this.next >= count * targets.length
  }

  /** A probe was sent, or refused. */
  sent(sentNs: number, sentMonoNs: number, refused: boolean): void {
    this.ring.add(this.next++, refused ? PROBE_STATE.failed : PROBE_STATE.waiting, sentNs, sentMonoNs)
    this.lastSentMs = sentMonoNs / 1e6
    if (refused) this.answeredOrFailed++
    else this.waiting++
  }

  /** A probe has been answered or has failed, in the state that it was in. */
  settle(number: number, state: 'answered' | 'failed'): void {
    const before = this.ring.state(number)
    if (before === PROBE_STATE.waiting) {
      this.waiting--
      this.answeredOrFailed++
    }
    if (before !== PROBE_STATE.free) this.ring.setState(number, PROBE_STATE[state])
    this.advance()
  }

  /** A probe is not waited for any more. */
  giveUp(number: number): void {
    this.ring.setState(number, PROBE_STATE.timedOut)
    this.waiting--
    this.oldest = number + 1
    this.advance()
  }

  /** Passes over probes that are no longer waited for. */
  advance(): void {
    while (this.oldest < this.next && this.ring.state(this.oldest) !== PROBE_STATE.waiting) this.oldest++
  }

  /** The number of a probe that has been waited for long enough, `oldest` after all such have been given up; -1 for none. */
  overdue(nowMs: number): number {
    this.advance()
    return this.oldest < this.next && this.oldestDueMs() <= nowMs ? this.oldest : -1
  }

  /** When something is due that is not a probe to be sent: a timeout, or the end. */
  wakeMs(): number {
    return Math.min(this.waiting > 0 ? this.oldestDueMs() : Number.POSITIVE_INFINITY, this.endMs())
  }

  /** All that can be answered has been: no need to wait. */
  get settled(): boolean {
    const { count, targets } = this.plan
    if (count !== null && this.answeredOrFailed >= count * targets.length) return true
    return this.allSent && this.waiting === 0
  }

  /** What was waited for long enough is lost; what the deadline cuts off is not. */
  waitedOut(nowMs: number): boolean {
    return this.allSent && nowMs >= this.lastSentMs + this.lingerMs()
  }

  /** When the run ends whatever happens. */
  endMs(): number {
    const { deadlineMs } = this.plan
    const deadline = deadlineMs === null ? Number.POSITIVE_INFINITY : this.originMs + deadlineMs
    return this.allSent ? Math.min(deadline, this.lastSentMs + this.lingerMs()) : deadline
  }

  /** Probes of a target that were sent so lately that an answer may still come. */
  inFlight(target: number, nowMs: number): number {
    const { plan, ring } = this
    // One target's next answer can be told by those before; until there is one, only its latest probe is given the benefit.
    const patience = this.maxRttMs >= 0 ? Math.max(2 * this.maxRttMs, 1) : plan.pace.intervalMs
    const since = nowMs - (plan.shortWait ? Math.min(plan.timeoutMs, patience) : plan.timeoutMs)
    let count = 0
    const targets = plan.targets.length
    let number = this.next - 1 - ((((this.next - 1 - target) % targets) + targets) % targets)
    for (; number >= this.oldest && ring.sentMonoNs(number) / 1e6 > since; number -= targets) {
      if (ring.state(number) === PROBE_STATE.waiting) count++
    }
    return count
  }

  private oldestDueMs(): number {
    return this.ring.sentMonoNs(this.oldest) / 1e6 + this.plan.timeoutMs
  }

  private lingerMs(): number {
    const { shortWait, timeoutMs, pace } = this.plan
    return shortWait && this.maxRttMs >= 0 ? Math.max(2 * this.maxRttMs, pace.intervalMs) : timeoutMs
  }
}
