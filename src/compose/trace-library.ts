// Tracing for programs: the events of a run as they come, and what they add up to.

import type { TraceEvent, TraceHeader, TraceProtocol } from '../probe/trace-events.js'
import { runEvents } from './run-events.js'
import { type PreparedTrace, prepareTrace } from './trace.js'
import { DEFAULT_TRACE, type TraceSettings } from './trace-settings.js'

/** How to trace; everything has a default. Times are milliseconds. */
export interface TraceOptions {
  /** 4 or 6; by default as the system resolves the name. */
  family?: 4 | 6
  /** ICMP; UDP with several flows, or where this user may open no ICMP socket. */
  protocol?: TraceProtocol
  /** Destination port: 33434 (UDP), 80 (TCP). */
  port?: number
  /** Source port of flow 0 (UDP, TCP); those of others follow. */
  sourcePort?: number
  /** 1 and 30. */
  firstTtl?: number
  maxTtl?: number
  /** Probes to each TTL of each flow (3). */
  rounds?: number
  /** From the start of a round to the next (0: as soon as the length of the path is known). */
  intervalMs?: number
  /** A probe not answered after this is given up (1000; TCP: no more). */
  timeoutMs?: number
  /** Of the whole IP packet: 60, IPv6 80. */
  packetBytes?: number
  tos?: number
  /** Local address, interface. */
  source?: string
  interface?: string
  mark?: number
  /** Flows to try at most (1). */
  flows?: number
  /** Hear with a raw socket too: quoted IP headers (false). */
  raw?: boolean
  transport?: TraceSettings['transport']
  /** Slow the probes to hops that leave some unanswered, to tell a limit on answers from loss (true). */
  verify?: boolean
  /** Wait the whole timeout for each probe, so that loss is measured (true with an interval, else false). */
  patient?: boolean
  /** Ends the run. */
  signal?: AbortSignal
}

/** First of the stream: what the run is. `summarizeTrace` needs it. */
export interface TraceStartEvent extends TraceHeader {
  readonly event: 'start'
}

/**
 * Traces the path to a target: a `start`, then events as they come. `summarizeTrace` makes the document of `--json` out of them. Ending
 * the loop early ends the run. Events wait in memory for a consumer that is slower than the probes.
 * @throws UsageError (exit 2) for a name that has no address or an option out of range, PermissionError (exit 3) when nothing may be sent
 */
export async function* trace(
  target: string,
  options: TraceOptions = {},
): AsyncGenerator<TraceStartEvent | TraceEvent, void, undefined> {
  const { signal, ...given } = options
  const patient = (given.intervalMs ?? 0) > 0
  const prepared = await prepareTrace(target, { ...DEFAULT_TRACE, patient, ...withoutUndefined(given) })
  yield* runEvents<TraceStartEvent | TraceEvent, ReturnType<PreparedTrace['start']>>(
    prepared,
    signal,
    run => [{ event: 'start', ...run.header }],
    () => [],
  )
}

/** A key that is there without a value asks for nothing. */
function withoutUndefined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T
}
