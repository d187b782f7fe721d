// `netkit ping --graph`: the live graph, and the text's summary once it is closed.

import type { PreparedPing } from '../../compose/ping.js'
import type { UnresolvedTarget } from '../../compose/probe.js'
import { UsageError } from '../../errors/index.js'
import type { ProbeEvent, SummaryEvent } from '../../probe/events.js'
import type { PingRun } from '../../probe/ping-run.js'
import { PingGraph } from '../../render/ping-graph-screen.js'
import type { Console } from '../console.js'
import { isScreen, processTerminal } from '../live-terminal.js'
import type { PingView } from './view.js'

const REDRAW_MS = 100

/** @throws UsageError where nothing can be drawn */
export function graphView(text: PingView, prepared: PreparedPing, io: Console): PingView {
  if (!isScreen())
    throw new UsageError('--graph needs a terminal to draw on', { hints: ['leave it out, or use --ndjson'] })
  return new GraphView(text, prepared, io)
}

class GraphView implements PingView {
  private readonly text: PingView
  private readonly prepared: PreparedPing
  private readonly io: Console
  private graph: PingGraph | null = null
  private timer: NodeJS.Timeout | undefined

  constructor(text: PingView, prepared: PreparedPing, io: Console) {
    this.text = text
    this.prepared = prepared
    this.io = io
  }

  begin(): void {
    this.text.begin()
  }

  unresolved(target: UnresolvedTarget): void {
    this.text.unresolved(target)
  }

  attach(run: PingRun): void {
    const { targets, plan } = this.prepared
    this.graph = new PingGraph(processTerminal(this.io.out), {
      targets,
      intervalMs: plan.pace.mode === 'steady' ? plan.pace.intervalMs : 0,
      color: this.io.color,
      statisticsOf: target => run.snapshot(target),
      onQuit: () => run.stop(),
    })
    this.graph.open()
    this.timer = setInterval(() => this.graph?.redraw(), REDRAW_MS)
  }

  event(event: ProbeEvent): void {
    this.graph?.event(event)
    if (event.event === 'summary') this.close()
    // The text has its summary from these; it prints nothing for a probe that left.
    if (event.event === 'summary' || event.event === 'sent') this.text.event(event)
  }

  interim(summaries: readonly SummaryEvent[]): void {
    if (this.graph === null) this.text.interim(summaries)
  }

  async end(): Promise<void> {
    this.close()
    await this.text.end()
  }

  failed(): void {
    this.close()
  }

  private close(): void {
    clearInterval(this.timer)
    this.graph?.close()
    this.graph = null
  }
}
