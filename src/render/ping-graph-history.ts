// What a graph remembers of each target: the last columns, and no more.

import type { ProbeEvent } from '../probe/events.js'
import type { GraphPoint } from './ping-graph.js'
import { formatRtt } from './ping-words.js'

/** Columns that are kept: wider terminals do not get more. */
const COLUMNS = 1024
/** Several probes share a column when they come closer together than this. */
const LEAST_COLUMN_MS = 100
/** Probes a column when they set their own pace. */
const UNTIMED_PROBES = 10

/** The columns of one target, in a ring. */
class Columns {
  readonly worstMs = new Float64Array(COLUMNS).fill(Number.NaN)
  readonly lost = new Uint32Array(COLUMNS)
  readonly failed = new Uint32Array(COLUMNS)
  /** Which column lies in each slot. */
  private readonly held = new Float64Array(COLUMNS).fill(-1)
  last: string | null = null

  /** The slot of a column, emptied of an older one; -1 for a column that is long gone. */
  slot(column: number): number {
    const slot = column % COLUMNS
    if (this.held[slot]! > column) return -1
    if (this.held[slot] !== column) {
      this.held[slot] = column
      this.worstMs[slot] = Number.NaN
      this.lost[slot] = 0
      this.failed[slot] = 0
    }
    return slot
  }

  point(column: number): GraphPoint {
    const slot = column % COLUMNS
    if (column < 0 || this.held[slot] !== column) return { worstMs: null, lost: 0, failed: 0 }
    const worst = this.worstMs[slot]!
    return { worstMs: Number.isNaN(worst) ? null : worst, lost: this.lost[slot]!, failed: this.failed[slot]! }
  }
}

/**
 * Columns by sequence number, so that a probe that left late makes no hole and a lost one stands where it left. Targets that are
 * probed in turn stay side by side.
 */
export class GraphHistory {
  private readonly targets: Columns[]
  private readonly probesPerColumn: number
  /** Time from one column to the next; 0 when probes set their own pace. */
  readonly msPerColumn: number
  private newest = -1

  /** @param intervalMs between two probes of a target; 0 when they set their own pace */
  constructor(targets: number, intervalMs: number) {
    this.targets = Array.from({ length: targets }, () => new Columns())
    this.probesPerColumn = intervalMs > 0 ? Math.max(1, Math.round(LEAST_COLUMN_MS / intervalMs)) : UNTIMED_PROBES
    this.msPerColumn = intervalMs > 0 ? this.probesPerColumn * intervalMs : 0
  }

  add(event: ProbeEvent): void {
    const target = this.targets[event.target.index]
    if (target === undefined || event.event === 'summary' || event.sequence === null) return
    const column = Math.floor((event.sequence - 1) / this.probesPerColumn)
    if (column > this.newest) this.newest = column
    const slot = target.slot(column)
    if (slot < 0) return
    if (event.event === 'timeout') {
      target.lost[slot]!++
      target.last = 'lost'
    } else if (event.event === 'error') {
      target.failed[slot]!++
      target.last = 'error'
    } else if (event.event === 'reply' && event.corruptedBytes === 0 && event.rttMs !== null) {
      const worst = target.worstMs[slot]!
      if (!(worst >= event.rttMs)) target.worstMs[slot] = event.rttMs
      target.last = formatRtt(event.rttMs)
    }
  }

  /** The last `columns` of a target, oldest first; the newest of any target is the last. */
  points(target: number, columns: number): GraphPoint[] {
    const wanted = Math.min(columns, COLUMNS, this.newest + 1)
    const first = this.newest + 1 - wanted
    return Array.from({ length: wanted }, (_, at) => this.targets[target]!.point(first + at))
  }

  /** What became of the last probe of a target: a time, `lost`, `error`; null for nothing yet. */
  last(target: number): string | null {
    return this.targets[target]!.last
  }
}
