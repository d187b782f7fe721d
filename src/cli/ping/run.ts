// Runs `netkit ping`: targets, transports, the run, and the view that the flags ask for.

import { readTargetList } from '../../adapters/target-list.js'
import { printable } from '../../bytes/printable.js'
import { type PreparedPing, preparePing } from '../../compose/ping.js'
import { NO_ROUTE, noRouteError, unresolvedError } from '../../compose/probe.js'
import { UsageError } from '../../errors/index.js'
import type { ErrorEvent, ProbeEvent, SummaryEvent } from '../../probe/events.js'
import type { PingRun } from '../../probe/ping-run.js'
import { isBlock } from '../../probe/targets.js'
import { exceeded, type Threshold } from '../../probe/thresholds.js'
import type { Console } from '../console.js'
import { type PingFlags, parseLimits, parseSettings } from './request.js'
import { makePingView, type PingView } from './view.js'

/** One run from flags and words; prints as it goes. */
export async function runPing(flags: PingFlags, words: readonly string[], io: Console): Promise<undefined> {
  const limits = parseLimits(flags)
  const list = await readTargetList(words, flags.file ?? null)
  const many = list.length > 1 || isBlock(list[0]!) || flags.many || flags.alive || flags.unreachable
  const settings = {
    ...parseSettings(flags, many),
    tellSent: io.format === 'ndjson' || (io.format === 'text' && (!many || flags.graph)),
  }
  refuseTogether(flags, many, io)
  if (flags.mtu) return (await import('./mtu.js')).runPathMtu(list, settings, io)
  const prepared = await preparePing(list, settings)
  try {
    const [missing] = prepared.unresolved
    if (missing !== undefined && !many && io.format !== 'ndjson') throw unresolvedError(missing)
    const view = await makePingView(flags, prepared, settings, io)
    const interrupt = new Interruption()
    // Before the first line: what begins ends with a summary.
    const free = io.onInterrupt(() => interrupt.now())
    view.begin()
    for (const each of prepared.unresolved) view.unresolved(each)
    const outcome = new Outcome(prepared, limits)
    if (prepared.targets.length > 0) await probe(prepared, view, outcome, !many, io, interrupt).finally(free)
    else free()
    await view.end()
    outcome.tell(io)
  } finally {
    prepared.close()
  }
  return undefined
}

/** Flags that the search for the path MTU has no use for: said, not ignored. */
const NOT_WITH_MTU = [
  'count',
  'adaptive',
  'flood',
  'preload',
  'gap',
  'size',
  'pattern',
  'path-mtu',
  'record-route',
  'timestamp',
  'timestamps',
  'many',
  'alive',
  'unreachable',
  'quiet',
  'date',
  'missing',
  'audible',
  'graph',
  'fail-if',
] as const

function refuseTogether(flags: PingFlags, many: boolean, io: Console): void {
  const useless = flags.mtu ? NOT_WITH_MTU.find(name => flags[name] && flags[name] !== 'auto') : undefined
  if (useless !== undefined) throw new UsageError(`--mtu finds a size by itself: leave out --${useless}`)
  if (many && (flags.missing || flags.audible)) {
    throw new UsageError(`-${flags.missing ? 'O' : 'a'} is for one target: with many, each probe has its line`)
  }
  if (flags.alive && flags.unreachable) throw new UsageError('--alive and --unreachable exclude each other')
  if (flags.graph && io.format !== 'text')
    throw new UsageError('--graph draws on a terminal: leave --json and --ndjson out')
}

async function probe(
  prepared: PreparedPing,
  view: PingView,
  outcome: Outcome,
  single: boolean,
  io: Console,
  interrupt: Interruption,
): Promise<void> {
  let refusal: ErrorEvent | null = null
  const run: PingRun = prepared.start(event => {
    if (isNoRoute(event) && single) {
      refusal = event
      run.stop()
    }
    if (refusal === null || io.format === 'ndjson') view.event(event)
  })
  const interim = (): void => view.interim([...run.summaries()])
  process.on('SIGQUIT', interim)
  view.attach?.(run)
  interrupt.ends(run)
  try {
    await run.run()
  } catch (error) {
    view.failed?.()
    throw error
  } finally {
    process.off('SIGQUIT', interim)
  }
  if (refusal !== null) {
    if (io.format !== 'ndjson') {
      view.failed?.()
      throw noRouteError(refusal, prepared.transports[0]!.sourceAddress(0))
    }
    outcome.noRoute = true
  }
  // One at a time: of tens of thousands none is kept, and of those that answered none is made where nobody looks at it.
  for (const summary of run.summaries(outcome.hasLimits ? undefined : view.answered)) {
    view.event(summary)
    outcome.add(summary)
  }
}

/** Ctrl-C, which may come before there is a run to end. */
class Interruption {
  private hasCome = false
  private run: PingRun | null = null

  now(): void {
    this.hasCome = true
    this.run?.stop()
  }

  ends(run: PingRun): void {
    this.run = run
    if (this.hasCome) run.stop()
  }
}

/** The first probe found no way out of this host: ping(8) ends then, too. */
function isNoRoute(event: ProbeEvent): event is ErrorEvent {
  const { event: kind } = event
  return kind === 'error' && event.origin === 'local' && event.sequence === 1 && NO_ROUTE.includes(event.errno ?? '')
}

/** Exit 1 when a target did not answer, or not often enough, or a limit was exceeded; 2 when one has no address or no route. */
class Outcome {
  noRoute = false
  private readonly prepared: PreparedPing
  private readonly limits: readonly Threshold[]
  private readonly broken: string[] = []
  private silent = false

  constructor(prepared: PreparedPing, limits: readonly Threshold[]) {
    this.prepared = prepared
    this.limits = limits
  }

  get hasLimits(): boolean {
    return this.limits.length > 0
  }

  add({ target, statistics }: SummaryEvent): void {
    const { plan, targets } = this.prepared
    const due = plan.deadlineMs !== null && plan.count !== null ? plan.count : 1
    if (statistics.received < due) this.silent = true
    if (this.limits.length === 0) return
    for (const sentence of exceeded(this.limits, statistics)) {
      this.broken.push(targets.length > 1 ? `${target.target}: ${sentence}` : sentence)
    }
  }

  tell(io: Console): void {
    for (const sentence of this.broken) io.err.line(`netkit: ${printable(sentence)}`)
    if (this.noRoute || this.prepared.unresolved.length > 0) io.setExit(2)
    else if (this.silent || this.broken.length > 0) io.setExit(1)
  }
}
