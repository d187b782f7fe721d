// The views of a trace: the path at one look, the report, a screen, JSON, lines of JSON, CSV, a graph.

import { printable } from '../../bytes/printable.js'
import type { TraceDocument } from '../../probe/trace-document.js'
import type { TraceEvent } from '../../probe/trace-events.js'
import type { TextOut } from '../../render/ping-words.js'
import { TracePathText } from '../../render/trace-path-text.js'
import { asWords } from '../../render/trace-words.js'
import { terminalColumns } from '../terminal.js'
import { NamedOrder, type TraceNames } from './names.js'
import type { Comparison, ReadyTrace, RunningTrace, TraceConsole } from './parts.js'
import type { TraceFlags, TraceRequest } from './request.js'
import type { TraceSession } from './session.js'

/** Shows a run as it goes. */
export interface TraceView {
  /** Before the first event. */
  begin(run: RunningTrace): void
  event(event: TraceEvent): void
  /** The run is over: resolves when all that is waited for has come. */
  settled(): Promise<void>
  end(document: TraceDocument, comparison: Comparison | null): void
  /** The run broke off with an error, which is told next. */
  failed(): void
}

export interface TraceViewContext {
  readonly request: TraceRequest
  readonly flags: TraceFlags
  readonly prepared: ReadyTrace
  readonly session: TraceSession
  readonly names: TraceNames | null
  readonly io: TraceConsole
}

export async function makeTraceView(context: TraceViewContext): Promise<TraceView> {
  switch (context.request.view) {
    case 'path':
      return new PathView(context)
    case 'live':
      return (await import('./live.js')).liveView(context)
    case 'report':
      return new EndView(context, await reportWriter(context))
    default:
      return machineView(context)
  }
}

async function reportWriter({ flags, io }: TraceViewContext): Promise<EndWriter> {
  const { traceReport } = await import('../../render/trace-report.js')
  return (document, comparison) => {
    const options = { host: io.host, columns: terminalColumns(), numeric: flags.numeric, showAs: flags.as }
    for (const line of traceReport(document, options)) io.out.line(line)
    for (const line of comparison?.lines ?? []) io.out.line(line)
  }
}

async function machineView(context: TraceViewContext): Promise<TraceView> {
  const { io, request } = context
  const json = await import('../../render/trace-json.js')
  if (request.view === 'ndjson') return new LinesView(context, json)
  if (request.view === 'json') {
    return new EndView(context, (document, comparison) =>
      io.out.json({
        ...json.documentObject(document),
        ...(comparison === null ? {} : { baseline: json.plainObject(comparison.diff) }),
      }),
    )
  }
  if (request.view === 'csv') {
    return new EndView(context, document => {
      for (const record of json.traceCsv(document)) io.out.write(`${record}\r\n`)
    })
  }
  const { traceDot } = await import('../../render/trace-dot.js')
  return new EndView(context, document => {
    for (const line of traceDot(document)) io.out.line(line)
  })
}

export function tellNotes({ prepared, io }: TraceViewContext): void {
  for (const note of prepared.notes) io.err.line(`netkit: ${printable(note)}`)
  io.err.flush()
}

class PathView implements TraceView {
  private readonly context: TraceViewContext
  private readonly order: NamedOrder<TraceEvent>
  private text: TracePathText | null = null

  constructor(context: TraceViewContext) {
    this.context = context
    this.order = new NamedOrder(
      context.names,
      event => ('from' in event ? [event.from] : []),
      event => {
        this.text?.event(event)
        context.io.out.flush()
      },
    )
  }

  begin(): void {
    const { io, session, prepared, flags } = this.context
    const out: TextOut = { write: text => io.out.write(text), line: text => io.out.line(text) }
    const options = {
      header: session.header,
      probes: prepared.plan.rounds ?? 1,
      verify: prepared.plan.verify,
      numeric: flags.numeric,
      nameOf: (address: string) => session.nameOf(address),
      placeOf: (address: string) => this.placeWords(address),
    }
    tellNotes(this.context)
    this.text = new TracePathText(options, out)
    this.text.begin()
    io.out.flush()
  }

  event(event: TraceEvent): void {
    this.order.take(event)
  }

  settled(): Promise<void> {
    return this.order.settled()
  }

  end(document: TraceDocument, comparison: Comparison | null): void {
    this.text?.end(document)
    for (const line of comparison?.lines ?? []) this.context.io.out.line(line)
  }

  failed(): void {}

  /** `[AS64500]` as traceroute -A has it, and the place behind it; all of it with a database, the number alone with -z. */
  private placeWords(address: string): string {
    const { flags, session } = this.context
    if (flags.mmdb === undefined) return ''
    const found = session.placeOf(address)
    const asn = found?.asn ?? null
    const number = flags.as ? (asn === null ? '*' : `AS${asn}`) : found === null ? null : asWords(found)
    const place = found?.place ?? null
    const parts = [number, place === null ? null : printable(place)].filter(part => part !== null)
    return parts.length === 0 ? '' : `[${parts.join(', ')}]`
  }
}

type EndWriter = (document: TraceDocument, comparison: Comparison | null) => void

/** Everything at the end. */
class EndView implements TraceView {
  private readonly context: TraceViewContext
  private readonly write: EndWriter

  constructor(context: TraceViewContext, write: EndWriter) {
    this.context = context
    this.write = write
  }

  begin(): void {
    tellNotes(this.context)
  }

  event(): void {}

  async settled(): Promise<void> {
    await this.context.names?.settled()
  }

  end(document: TraceDocument, comparison: Comparison | null): void {
    this.write(document, comparison)
  }

  failed(): void {}
}

class LinesView implements TraceView {
  private readonly context: TraceViewContext
  private readonly json: typeof import('../../render/trace-json.js')

  constructor(context: TraceViewContext, json: typeof import('../../render/trace-json.js')) {
    this.context = context
    this.json = json
  }

  begin(): void {
    const { session, prepared } = this.context
    tellNotes(this.context)
    this.line(this.json.startObject(session.header, prepared.notes))
  }

  event(event: TraceEvent): void {
    this.line(this.json.traceEventObject(event))
  }

  async settled(): Promise<void> {
    await this.context.names?.settled()
  }

  end(document: TraceDocument, comparison: Comparison | null): void {
    if (comparison !== null) this.line(this.json.plainObject({ event: 'baseline', ...comparison.diff }))
    this.line(this.json.summaryObject(document))
  }

  failed(): void {}

  private line(value: object): void {
    this.context.io.out.jsonLine(value)
    this.context.io.out.flush()
  }
}
