// Runs `netkit trace`: the target, the run, the view that the flags ask for, and what the exit code says.

import { printable } from '../../bytes/printable.js'
import { NO_ROUTE, noRouteError } from '../../compose/probe.js'
import { NetkitError } from '../../errors/index.js'
import type { PlaceDatabase } from '../../ports/places.js'
import type { ProbeTarget } from '../../probe/events.js'
import { exceeded, type Threshold } from '../../probe/thresholds.js'
import type { TraceDocument } from '../../probe/trace-document.js'
import type { TraceErrorEvent, TraceEvent } from '../../probe/trace-events.js'
import { unresolvedTraceObjects } from '../../render/trace-json.js'
import { isScreen } from '../live-terminal.js'
import { isTerminal } from '../terminal.js'
import { targetStatistics } from './limits.js'
import { TraceNames } from './names.js'
import type { Baseline, ReadyTrace, RunningTrace, TraceConsole, TraceParts } from './parts.js'
import { parseRequest, type TraceFlags, type TraceRequest } from './request.js'
import { TraceSession } from './session.js'
import { makeTraceView, type TraceView } from './view.js'

/** One run from flags and words; prints as it goes. */
export async function runTrace(
  flags: TraceFlags,
  words: readonly string[],
  io: TraceConsole,
  parts: TraceParts,
): Promise<undefined> {
  const request = parseRequest(flags, words, io.format, isScreen(), isTerminal(1))
  const places = await placesOf(flags)
  const baseline = flags.baseline === undefined ? null : await parts.baseline(flags.baseline)
  const prepared = await prepare(request, io, parts)
  if (prepared === null) return undefined
  try {
    await new TraceJob(request, flags, prepared, io, parts).run(places, baseline)
  } finally {
    prepared.close()
  }
  return undefined
}

async function placesOf({ mmdb = [] }: TraceFlags): Promise<PlaceDatabase | null> {
  if (mmdb.length === 0) return null
  return (await import('../../adapters/place-database.js')).openPlaceDatabases(mmdb)
}

/** A stream of events says in events, too, that a name has no address: null then. */
async function prepare(request: TraceRequest, io: TraceConsole, parts: TraceParts): Promise<ReadyTrace | null> {
  try {
    return await parts.prepare(request.target, request.settings)
  } catch (error) {
    if (!(io.format === 'ndjson' && error instanceof NetkitError && error.code === 'unresolved')) throw error
    const reason = error.message.replace(`${request.target}: `, '')
    for (const line of unresolvedTraceObjects(request.target, reason)) io.out.jsonLine(line)
    io.setExit(error.exit)
    return null
  }
}

class TraceJob {
  private readonly request: TraceRequest
  private readonly flags: TraceFlags
  private readonly prepared: ReadyTrace
  private readonly io: TraceConsole
  private readonly parts: TraceParts
  private readonly abort = new AbortController()
  private refusal: TraceErrorEvent | null = null

  constructor(request: TraceRequest, flags: TraceFlags, prepared: ReadyTrace, io: TraceConsole, parts: TraceParts) {
    this.request = request
    this.flags = flags
    this.prepared = prepared
    this.io = io
    this.parts = parts
  }

  async run(places: PlaceDatabase | null, baseline: Baseline | null): Promise<void> {
    const { io, prepared, parts } = this
    const names = this.flags.numeric ? null : await openNames()
    let view: TraceView | null = null
    let session: TraceSession | null = null
    const run: RunningTrace = prepared.start(event => {
      if (this.isRefusal(event)) run.stop()
      session?.add(event)
      if (this.refusal === null || io.format === 'ndjson') view?.event(event)
    })
    session = new TraceSession(run, header => parts.fold(header, this.request.settings), names, places)
    view = await makeTraceView({ request: this.request, flags: this.flags, prepared, session, names, io })
    const free = io.onInterrupt(() => {
      this.abort.abort()
      run.stop()
    })
    try {
      view.begin(run)
      await run.run()
      if (this.refusal !== null && io.format !== 'ndjson') throw this.noRoute(this.refusal)
      await view.settled()
      const document = await this.measured(session)
      view.end(document, baseline?.compare(document) ?? null)
      this.conclude(document, session)
    } catch (error) {
      view.failed()
      throw error
    } finally {
      free()
      names?.close()
    }
  }

  /** The first probe found no way out of this host. */
  private isRefusal(event: TraceEvent): boolean {
    if (event.event !== 'error' || event.sequence !== 1 || !NO_ROUTE.includes(event.errno)) return false
    this.refusal = event
    return true
  }

  private noRoute({ reason, errno }: TraceErrorEvent): NetkitError {
    const refusal = { target: this.target, reason, errno }
    return noRouteError(refusal, this.prepared.sourceAddress(), 'a trace goes to one host: name it')
  }

  private get target(): ProbeTarget {
    return this.prepared.plan.target
  }

  /** With --mtu, sizes too. */
  private async measured(session: TraceSession): Promise<TraceDocument> {
    const document = session.document()
    if (!this.flags.mtu || this.refusal !== null || this.abort.signal.aborted) return document
    const { settings } = this.request
    // Sizes are measured from the same source port.
    this.prepared.close()
    return session.document(await this.parts.mtu(this.target, settings, document, this.abort.signal))
  }

  /** Exit 1 when the target was not reached, or a limit was exceeded; 2 without a route; 5 for a damaged database. */
  private conclude(document: TraceDocument, { damage }: TraceSession): void {
    const { io, request } = this
    const broken = brokenLimits(request.limits, document)
    for (const sentence of broken) io.err.line(`netkit: ${printable(sentence)}`)
    if (damage !== null) io.err.line(`netkit: ${printable(damage.message)}`)
    if (this.refusal !== null) io.setExit(2)
    else if (!document.reached || broken.length > 0) io.setExit(1)
    else if (damage !== null) io.setExit(damage.exit)
  }
}

function brokenLimits(limits: readonly Threshold[], document: TraceDocument): string[] {
  return limits.length === 0 ? [] : exceeded(limits, targetStatistics(document))
}

async function openNames(): Promise<TraceNames> {
  const { openReverseResolver } = await import('../../adapters/reverse-dns.js')
  return new TraceNames(openReverseResolver())
}
