// What a run of many targets came to, over all of them.

import type { AnsweredOnce, SummaryEvent, TimestampSource, TransportKind } from '../probe/events.js'
import { counted, formatMs, formatPercent, lossPercentOf, SOURCES, TRANSPORTS } from './ping-words.js'

/** Adds up summaries. */
export class PingTotals {
  /** Targets without an address. */
  unresolved = 0
  private targets = 0
  private alive = 0
  /** Targets whose probes were not sent, or not waited for. */
  private unknown = 0
  private transmitted = 0
  private received = 0
  private errors = 0
  private duplicates = 0
  private late = 0
  private corrupted = 0
  /** Probes that were not under way any more, and those of them that were lost, as their targets have it. */
  private settled = 0
  private lost = 0
  private timed = 0
  private sumMs = 0
  private minMs = Number.POSITIVE_INFINITY
  private maxMs = 0
  private firstMs = Number.POSITIVE_INFINITY
  private lastMs = Number.NEGATIVE_INFINITY
  private readonly ways = new Set<string>()
  private lastTransport: TransportKind | null = null
  private lastSource: TimestampSource | null = null

  /** Something happened then. */
  at(ms: number): void {
    if (ms < this.firstMs) this.firstMs = ms
    if (ms > this.lastMs) this.lastMs = ms
  }

  add({ statistics, transport, timestampSource }: SummaryEvent, alive: boolean): void {
    this.targets++
    if (alive) this.alive++
    else if (statistics.lossPercent === null) this.unknown++
    this.transmitted += statistics.transmitted
    this.received += statistics.received
    this.errors += statistics.errors
    this.duplicates += statistics.duplicates
    this.late += statistics.late
    this.corrupted += statistics.corrupted
    this.addWay(transport, timestampSource)
    if (statistics.lossPercent !== null)
      this.settle(statistics.transmitted, statistics.received, statistics.lossPercent)
    if (statistics.rttMs === null) return
    const { min, avg, max } = statistics.rttMs
    this.timed += statistics.received
    this.sumMs += avg * statistics.received
    this.minMs = Math.min(this.minMs, min)
    this.maxMs = Math.max(this.maxMs, max)
  }

  /** As their summaries would. */
  addAnswered({ transport, timestampSource, targets, sumMs, minMs, maxMs }: AnsweredOnce): void {
    if (targets === 0) return
    this.targets += targets
    this.alive += targets
    this.transmitted += targets
    this.received += targets
    this.settled += targets
    this.timed += targets
    this.sumMs += sumMs
    this.minMs = Math.min(this.minMs, minMs)
    this.maxMs = Math.max(this.maxMs, maxMs)
    this.addWay(transport, timestampSource)
  }

  /** From the loss of a target back to its probes: all that is received is settled, and so is what was lost. */
  private settle(transmitted: number, received: number, lossPercent: number): void {
    const lost = received === 0 ? transmitted : Math.round((received * lossPercent) / (100 - lossPercent))
    this.lost += Math.min(lost, transmitted - received)
    this.settled += received + Math.min(lost, transmitted - received)
  }

  private addWay(transport: TransportKind, source: TimestampSource): void {
    if (transport === this.lastTransport && source === this.lastSource) return
    this.lastTransport = transport
    this.lastSource = source
    this.ways.add(`probed through ${TRANSPORTS[transport]}; ${SOURCES[source]}`)
  }

  lines(): string[] {
    const { targets, alive, unresolved, transmitted, received } = this
    const lines = [
      `${counted(targets + unresolved, 'target')}: ${alive} alive, ${targets - alive - this.unknown} unreachable${this.unknown > 0 ? `, ${this.unknown} not known` : ''}${unresolved > 0 ? `, ${unresolved} without an address` : ''}`,
    ]
    if (transmitted === 0) return lines
    const counts = [`${counted(transmitted, 'probe')} sent`, `${received} answered`]
    if (this.errors > 0) counts.push(counted(this.errors, 'error'))
    if (this.duplicates > 0) counts.push(counted(this.duplicates, 'duplicate'))
    if (this.late > 0) counts.push(`${this.late} late`)
    if (this.corrupted > 0) counts.push(`${this.corrupted} corrupted`)
    const loss = lossPercentOf(this.settled, this.settled - this.lost)
    if (loss !== null) counts.push(`${formatPercent(loss)} loss`)
    if (this.lastMs >= this.firstMs) counts.push(`${((this.lastMs - this.firstMs) / 1000).toFixed(2)} s`)
    lines.push(counts.join(', '))
    if (this.timed > 0) {
      const times = [this.minMs, this.sumMs / this.timed, this.maxMs].map(formatMs).join('/')
      lines.push(`rtt min/avg/max = ${times} ms over all answers`)
    }
    return [...lines, ...this.ways]
  }
}
