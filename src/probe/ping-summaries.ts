// What a run says of its targets, one by one or together.

import type { ProbeTransport } from '../ports/probe.js'
import type { AnsweredOnce, ProbeTarget, SummaryEvent } from './events.js'
import type { PingPlan } from './ping-plan.js'
import type { PingProgress } from './ping-progress.js'
import type { PingStatistics } from './statistics.js'
import type { StatisticsTable } from './statistics-table.js'

export class PingSummaries {
  private readonly plan: PingPlan
  private readonly transportOf: readonly ProbeTransport[]
  private readonly statistics: StatisticsTable
  private readonly progress: PingProgress

  constructor(
    plan: PingPlan,
    transportOf: readonly ProbeTransport[],
    statistics: StatisticsTable,
    progress: PingProgress,
  ) {
    this.plan = plan
    this.transportOf = transportOf
    this.statistics = statistics
    this.progress = progress
  }

  /**
   * The summary of each target.
   * @param nowMs the moment, of the monotonic clock and of Unix time
   * @param answered is told of the targets whose only probe was answered in time, without more to say, instead of their summaries
   */
  *all(nowMs: number, unixMs: number, answered?: (once: AnsweredOnce) => void): Generator<SummaryEvent> {
    if (answered !== undefined)
      for (const transport of new Set(this.transportOf)) answered(this.answeredOnce(transport))
    for (const target of this.plan.targets) {
      if (answered === undefined || this.statistics.onlyRttMs(target.index) < 0) yield this.one(target, nowMs, unixMs)
    }
  }

  /** Counts and times of one target. */
  snapshot(index: number, nowMs: number, unixMs: number): PingStatistics {
    return this.statistics.snapshot(index, unixMs, this.progress.inFlight(index, nowMs))
  }

  private one(target: ProbeTarget, nowMs: number, unixMs: number): SummaryEvent {
    const transport = this.transportOf[target.index]!
    return {
      event: 'summary',
      target,
      transport: transport.kind,
      timestampSource: transport.timestamps,
      payloadBytes: this.plan.payloadBytes,
      statistics: this.snapshot(target.index, nowMs, unixMs),
    }
  }

  private answeredOnce(transport: ProbeTransport): AnsweredOnce {
    let targets = 0
    let sumMs = 0
    let minMs = Number.POSITIVE_INFINITY
    let maxMs = 0
    for (let index = 0; index < this.transportOf.length; index++) {
      const rttMs = this.transportOf[index] === transport ? this.statistics.onlyRttMs(index) : -1
      if (rttMs < 0) continue
      targets++
      sumMs += rttMs
      if (rttMs < minMs) minMs = rttMs
      if (rttMs > maxMs) maxMs = rttMs
    }
    return { transport: transport.kind, timestampSource: transport.timestamps, targets, sumMs, minMs, maxMs }
  }
}
