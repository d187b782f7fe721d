// From what is wanted of a trace to a run that can start: the name resolved, the transport opened.

import { resolveTargets } from '../adapters/resolve.js'
import { PermissionError, UsageError } from '../errors/index.js'
import type { ProbeTransport } from '../ports/probe.js'
import type { ProbeTarget } from '../probe/events.js'
import { isBlock } from '../probe/targets.js'
import type { TraceEvent, TraceProtocol } from '../probe/trace-events.js'
import type { TracePlan } from '../probe/trace-plan.js'
import { TraceRun } from '../probe/trace-run.js'
import { eventLoop, openProbeTransport, scopeNotes, unresolvedError } from './probe.js'
import {
  checkTraceSettings,
  protocolOf,
  type TraceSettings,
  tracePlan,
  traceTransportOptions,
} from './trace-settings.js'

/** A trace that is ready to start. */
export interface PreparedTrace {
  readonly plan: TracePlan
  /** Why it is this transport or protocol, and what a caller should know. */
  readonly notes: readonly string[]
  /** The address that probes leave from; null where there is none. */
  sourceAddress(): string | null
  start(tell: (event: TraceEvent) => void): TraceRun
  /** May be called more than once. */
  close(): void
}

/**
 * Resolves the target and opens what is needed to probe its path.
 * @throws UsageError for a name without address and for settings out of range; PermissionError when nothing may be sent
 */
export async function prepareTrace(word: string, settings: TraceSettings): Promise<PreparedTrace> {
  checkTraceSettings(settings)
  if (isBlock(word)) throw new UsageError(`a trace has one target, and ${word} are many`)
  const { targets, failures } = await resolveTargets([word], { family: settings.family, all: false })
  const [target] = targets
  if (target === undefined) throw unresolvedError(failures[0]!)
  const protocol = protocolOf(settings)
  const notes = scopeNotes(target.address, settings.interface)
  try {
    return await prepared(settings, target, protocol, notes)
  } catch (error) {
    const mayFallBack =
      settings.protocol === null && protocol === 'icmp' && settings.transport === 'auto' && !settings.raw
    if (!(mayFallBack && error instanceof PermissionError)) throw error
    return prepared(settings, target, 'udp', [...notes, 'probing with UDP: this user may open no ICMP socket'])
  }
}

async function prepared(
  settings: TraceSettings,
  target: ProbeTarget,
  protocol: TraceProtocol,
  notes: readonly string[],
): Promise<PreparedTrace> {
  const plan = tracePlan(settings, target, protocol)
  const transport: ProbeTransport = await openProbeTransport(traceTransportOptions(settings, plan), protocol)
  let isOpen = true
  return {
    plan,
    notes: transport.note === null ? notes : [...notes, transport.note],
    sourceAddress: () => transport.sourceAddress(plan.target.index),
    start: tell => new TraceRun(plan, { transport, timers: eventLoop }, tell),
    close: () => {
      if (isOpen) transport.close()
      isOpen = false
    },
  }
}
