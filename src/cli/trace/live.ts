// `netkit trace HOST` on a terminal: the live view, and the report once it is closed.

import type { TraceDocument } from '../../probe/trace-document.js'
import { TraceLive } from '../../render/trace-live.js'
import { traceReport } from '../../render/trace-report.js'
import { processTerminal } from '../live-terminal.js'
import { terminalColumns } from '../terminal.js'
import type { Comparison, RunningTrace } from './parts.js'
import type { TraceView, TraceViewContext } from './view.js'

/** Four times a second at most, and only when there is something new. */
const REDRAW_MS = 250
const SECOND_MS = 1000

export const liveView = (context: TraceViewContext): TraceView => new LiveView(context)

class LiveView implements TraceView {
  private readonly context: TraceViewContext
  private live: TraceLive | null = null
  private timer: NodeJS.Timeout | undefined
  private startedMs = 0
  private isNew = true
  private shownSecond = -1

  constructor(context: TraceViewContext) {
    this.context = context
    context.names?.onName(() => {
      this.isNew = true
    })
  }

  begin(run: RunningTrace): void {
    const { flags, session, prepared, io } = this.context
    this.startedMs = performance.now()
    this.live = new TraceLive(processTerminal(io.out), {
      frame: () => ({
        document: session.document(),
        elapsedMs: this.elapsedMs(),
        notes: session.damage === null ? prepared.notes : [...prepared.notes, session.damage.message],
        color: io.color,
      }),
      numeric: flags.numeric,
      showAs: flags.as,
      onPause: paused => (paused ? run.pause() : run.resume()),
      onReset: () => {
        session.reset()
        this.startedMs = performance.now()
      },
      onQuit: () => run.stop(),
    })
    this.live.open()
    this.timer = setInterval(() => this.tick(), REDRAW_MS)
  }

  event(): void {
    this.isNew = true
  }

  async settled(): Promise<void> {
    this.close()
  }

  end(document: TraceDocument, comparison: Comparison | null): void {
    const { io, flags } = this.context
    const options = { host: io.host, columns: terminalColumns(), numeric: flags.numeric, showAs: flags.as }
    for (const line of traceReport(document, options)) io.out.line(line)
    for (const line of comparison?.lines ?? []) io.out.line(line)
  }

  failed(): void {
    this.close()
  }

  private elapsedMs(): number {
    return performance.now() - this.startedMs
  }

  /** The clock in the first line is new once a second. */
  private tick(): void {
    const second = Math.floor(this.elapsedMs() / SECOND_MS)
    if (!this.isNew && second === this.shownSecond) return
    this.isNew = false
    this.shownSecond = second
    this.live?.redraw()
  }

  private close(): void {
    clearInterval(this.timer)
    this.live?.close()
    this.live = null
  }
}
