// What the command runs, as it sees it: the engine, the statistics, and what compares two runs.

import type { TraceSettings } from '../../compose/trace-settings.js'
import type { ProbeTarget } from '../../probe/events.js'
import type { TraceDocument, TraceMtu } from '../../probe/trace-document.js'
import type { TraceEvent, TraceHeader } from '../../probe/trace-events.js'
import type { DocumentExtras } from '../../probe/trace-hops.js'
import type { TracePlan } from '../../probe/trace-plan.js'
import type { Console } from '../console.js'

/** The surroundings of a trace. */
export interface TraceConsole extends Console {
  /** Name of this host, as it is: not printable. */
  host: string
}

/** A trace under way. */
export interface RunningTrace {
  readonly header: TraceHeader
  run(): Promise<void>
  stop(): void
  pause(): void
  resume(): void
}

/** One that can start. */
export interface ReadyTrace {
  readonly plan: TracePlan
  readonly notes: readonly string[]
  /** The address that probes leave from; null where there is none. */
  sourceAddress(): string | null
  start(tell: (event: TraceEvent) => void): RunningTrace
  close(): void
}

/** Events in, the document out. */
export interface TraceFold {
  add(event: TraceEvent): void
  document(nowMs: number, extras: DocumentExtras): TraceDocument
}

/** What differs between a saved trace and another. */
export interface Comparison {
  readonly diff: object
  /** The same as text. */
  readonly lines: readonly string[]
  /** Who answers where, and whether the target does. */
  readonly isSamePath: boolean
}

export interface Baseline {
  compare(document: TraceDocument): Comparison
}

export interface TraceParts {
  prepare(word: string, settings: TraceSettings): Promise<ReadyTrace>
  fold(header: TraceHeader, settings: TraceSettings): TraceFold
  mtu(target: ProbeTarget, settings: TraceSettings, document: TraceDocument, signal: AbortSignal): Promise<TraceMtu>
  /** @throws UsageError for a file that cannot be compared with */
  baseline(file: string): Promise<Baseline>
}
