// When the next probe is due: the pace of one target, or of many in turn.

/** What sets the pace. Times are milliseconds. */
export interface Pace {
  /** Between two probes of the same target; 0 in flood mode for its own: as answers come. */
  intervalMs: number
  /** Between any two probes, whatever their targets. */
  gapMs: number
  /** Probes sent at once at the start. */
  preload: number
  /** `steady` keeps the interval; `adaptive` follows the round-trip time; `flood` sends as answers come, at least 100 a second. */
  mode: 'steady' | 'adaptive' | 'flood'
  /** Least interval of adaptive mode: 2 ms for users, 0 for root, as iputils. */
  floorMs: number
}

/** ping(8): flood without an interval sends a hundred a second or as fast as answers come back, whichever is more. */
const FLOOD_INTERVAL_MS = 10

/**
 * Says when probe `number` (from 0, over all targets in turn) may be sent. A send that comes late is not made up for: those after
 * it keep their distance, so that a busy process never sends a burst.
 */
export class Schedule {
  private readonly pace: Pace
  private readonly targets: number
  /** Due time of the next probe. */
  private due = 0
  /** Due time of the probe that began the round. */
  private roundDue = 0
  private rttMs = 0
  /** What lies between the last probe and `due`. */
  private spacedMs = 0

  constructor(pace: Pace, targets: number, nowMs: number) {
    this.pace = pace
    this.targets = targets
    this.due = nowMs
    this.roundDue = nowMs
  }

  /** When the next probe is due. */
  get dueMs(): number {
    return this.due
  }

  /** Probe `number` (from 0) goes out at `nowMs`. */
  sent(number: number, nowMs: number): void {
    const { pace, targets } = this
    const sentCount = number + 1
    if (sentCount <= (pace.preload - 1) * targets) return
    // The floor of adaptive mode is one between probes as they left.
    const late = pace.mode === 'adaptive' || nowMs - this.due > this.spacing()
    const from = late ? nowMs : this.due
    if (sentCount % targets !== 0) {
      this.due = from + pace.gapMs
      return
    }
    if (late) this.roundDue += nowMs - this.due
    this.spacedMs = this.interval()
    this.roundDue += this.spacedMs
    this.due = Math.max(from + pace.gapMs, this.roundDue)
    this.roundDue = this.due
  }

  /** The first probe left at `nowMs`, later than it was due by what a start takes: the others keep their distance to it. */
  started(nowMs: number, dueMs: number): void {
    this.due += nowMs - dueMs
    this.roundDue += nowMs - dueMs
  }

  /** The socket took fewer probes than were due: `number` and those after it are due again at `dueMs`. */
  takeBack(state: readonly [due: number, roundDue: number], number: number, from: number, dueMs: number): void {
    this.due = state[0]
    this.roundDue = state[1]
    for (let each = from; each < number; each++) this.sent(each, this.due)
    if (dueMs <= this.due) return
    // The round ends later by as much: nothing is made up for.
    this.roundDue += dueMs - this.due
    this.due = dueMs
  }

  get state(): [due: number, roundDue: number] {
    return [this.due, this.roundDue]
  }

  /** Answers count for the pace. */
  get followsAnswers(): boolean {
    const { mode, intervalMs } = this.pace
    // ping(8): an interval that was asked for is kept in flood mode too, and so is the least one of users.
    return mode === 'adaptive' || (mode === 'flood' && intervalMs === 0)
  }

  /** An answer came: adaptive mode learns from it, flood mode sends at once. */
  answered(rttMs: number | null, nowMs: number): void {
    if (!this.followsAnswers) return
    const { mode, floorMs } = this.pace
    if (rttMs !== null) this.rttMs = this.rttMs === 0 ? rttMs : this.rttMs + (rttMs - this.rttMs) / 8
    const earliest = mode === 'flood' ? nowMs : Math.max(nowMs, this.due - this.spacedMs + floorMs)
    const sooner = this.due - earliest
    if (sooner <= 0) return
    // The round ends sooner by as much: what was not waited for is not waited for later.
    this.due = earliest
    this.roundDue -= sooner
    this.spacedMs -= sooner
  }

  private spacing(): number {
    return this.targets > 1 ? Math.max(this.pace.gapMs, 1) : this.interval()
  }

  private interval(): number {
    const { mode, intervalMs, floorMs } = this.pace
    if (mode === 'flood') return intervalMs > 0 ? intervalMs : FLOOD_INTERVAL_MS
    if (mode === 'adaptive' && this.rttMs > 0) return Math.max(this.rttMs, floorMs)
    return intervalMs
  }
}
