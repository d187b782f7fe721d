// `netkit ping --graph`: the graph on a live screen, with its keys.

import type { ProbeEvent, ProbeTarget } from '../probe/events.js'
import type { PingStatistics } from '../probe/statistics.js'
import { LiveScreen, type Terminal } from './live-screen.js'
import { drawGraph, GRAPH_MARKS, type GraphFrame, type GraphSeries } from './ping-graph.js'
import { GraphHistory } from './ping-graph-history.js'
import { targetLabel } from './ping-many-target.js'
import { counted, formatMs, formatPercent } from './ping-words.js'

/** Wider terminals leave the left empty. */
const MOST_COLUMNS = 1024

export interface PingGraphOptions {
  targets: readonly ProbeTarget[]
  /** Between two probes of a target; 0 when they set their own pace (-f, -A). */
  intervalMs: number
  color: boolean
  /** Counts and times of a target as they stand. */
  statisticsOf(target: ProbeTarget): PingStatistics
  /** `q` or Ctrl-C was typed: in raw mode the terminal sends no signal. */
  onQuit(): void
}

/**
 * Draws round-trip times live: `open`, events as they come (`sent` ones keep the graph moving while nothing answers), `redraw` some
 * times a second, `close` before anything else is printed.
 */
export class PingGraph {
  private readonly options: PingGraphOptions
  private readonly screen: LiveScreen
  private readonly terminal: Terminal
  private readonly drawn: readonly ProbeTarget[]
  private readonly history: GraphHistory
  /** What is shown while paused. */
  private frozen: GraphFrame | null = null

  constructor(terminal: Terminal, options: PingGraphOptions) {
    this.options = options
    this.terminal = terminal
    this.screen = new LiveScreen(terminal)
    this.drawn = options.targets.slice(0, GRAPH_MARKS.length)
    this.history = new GraphHistory(this.drawn.length, options.intervalMs)
  }

  open(): void {
    this.screen.open(
      keys => this.keys(keys),
      () => this.redraw(),
    )
    this.redraw()
  }

  event(event: ProbeEvent): void {
    this.history.add(event)
  }

  /** Draws what is new; a paused graph stays, in whatever size the terminal has now. */
  redraw(): void {
    this.screen.draw(drawGraph(this.frozen ?? this.frame(), this.terminal.size()))
  }

  close(): void {
    this.screen.close()
  }

  private keys(keys: string): void {
    if (/[qQ\x03]/.test(keys)) {
      this.options.onQuit()
      return
    }
    if (!/[pP ]/.test(keys)) return
    this.frozen = this.frozen === null ? { ...this.frame(), status: this.status(true) } : null
    this.redraw()
  }

  private frame(): GraphFrame {
    const { targets, color } = this.options
    return {
      status: this.status(false),
      series: this.drawn.map((target, index) => this.series(target, index)),
      more: targets.length - this.drawn.length,
      msPerColumn: this.history.msPerColumn,
      color,
    }
  }

  private series(target: ProbeTarget, index: number): GraphSeries {
    const { rttMs, lossPercent } = this.options.statisticsOf(target)
    return {
      label: targetLabel(target),
      points: this.history.points(index, MOST_COLUMNS),
      last: this.history.last(index),
      avg: rttMs === null ? null : formatMs(rttMs.avg),
      p95: rttMs === null ? null : formatMs(rttMs.p95),
      loss: lossPercent === null ? null : formatPercent(lossPercent),
    }
  }

  private status(paused: boolean): string {
    const { targets, intervalMs } = this.options
    const pace = intervalMs > 0 ? `every ${Number((intervalMs / 1000).toFixed(3))} s` : 'at their own pace'
    const what = targets.length === 1 ? targetLabel(targets[0]!) : counted(targets.length, 'target')
    return `netkit ping ${what}, ${pace}  q quits  p ${paused ? 'goes on  PAUSED' : 'pauses'}`
  }
}
