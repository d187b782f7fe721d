// Counts and times of many targets: columns for what became of a first probe, an object for a target with more to tell.

import type { ErrorEvent, ReplyEvent, TimeoutEvent } from './events.js'
import { FATE } from './sequence-window.js'
import { exactSamplesFor, type PingStatistics, statisticsOfFirst, TargetStatistics } from './statistics.js'

/** Statistics by the index of the target. Most of very many get one probe, and one answer or none. */
export class StatisticsTable {
  private readonly exactSamples: number
  /** When the first probe left; NaN before. And what became of it. */
  private readonly firstSentMs: Float64Array
  private readonly fates: Float64Array
  private readonly others = new Map<number, TargetStatistics>()

  constructor(targets: number) {
    this.exactSamples = exactSamplesFor(targets)
    this.firstSentMs = new Float64Array(targets).fill(Number.NaN)
    this.fates = new Float64Array(targets).fill(FATE.open)
  }

  /** A probe left. @param atMs milliseconds of Unix time */
  sent(index: number, sequence: number, atMs: number): void {
    const isFirst = Number.isNaN(this.firstSentMs[index]!) && !this.others.has(index)
    if (isFirst) this.firstSentMs[index] = atMs
    else this.open(index).sent(sequence, atMs)
  }

  reply(event: ReplyEvent): void {
    const { index } = event.target
    const isPlain = event.event === 'reply' && event.corruptedBytes === 0 && !event.reordered && !event.differentAddress
    if (isPlain && this.isOpen(index)) this.fates[index] = event.rttMs ?? FATE.untimed
    else this.open(index).reply(event)
  }

  error(event: ErrorEvent): void {
    this.open(event.target.index).error(event)
  }

  timeout(event: TimeoutEvent): void {
    const { index } = event.target
    if (this.isOpen(index)) this.fates[index] = FATE.lost
    else this.open(index).timeout(event)
  }

  /** Everything of a target as it stands, see `TargetStatistics.snapshot`. */
  snapshot(index: number, nowMs: number, inFlight: number): PingStatistics {
    const other = this.others.get(index)
    return other === undefined
      ? statisticsOfFirst(this.firstSentMs[index]!, this.fates[index]!, nowMs, inFlight)
      : other.snapshot(nowMs, inFlight)
  }

  /** The only probe of a target was answered in time, in `rttMs`, and there is nothing else to say; else -1. */
  onlyRttMs(index: number): number {
    const fate = this.fates[index]!
    return fate >= 0 && !this.others.has(index) ? fate : -1
  }

  /** One probe was sent, nothing became of it yet, and the columns say all of it. */
  private isOpen(index: number): boolean {
    return this.fates[index] === FATE.open && this.others.get(index) === undefined
  }

  /** The object of a target, with what the columns have of it. */
  private open(index: number): TargetStatistics {
    let other = this.others.get(index)
    if (other === undefined) {
      other = new TargetStatistics(this.exactSamples, this.firstSentMs[index], this.fates[index])
      this.others.set(index, other)
    }
    return other
  }
}
