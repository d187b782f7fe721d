// The views of a ping: one target as ping(8) prints it, many in a table, JSON document, JSON lines, graph.

import { canonicalName } from '../../adapters/canonical-name.js'
import { isAddress, splitZone } from '../../bytes/address.js'
import type { PingSettings, PreparedPing } from '../../compose/ping.js'
import type { UnresolvedTarget } from '../../compose/probe.js'
import type { AnsweredOnce, ProbeEvent, ProbeTarget, SummaryEvent } from '../../probe/events.js'
import type { PingRun } from '../../probe/ping-run.js'
import { eventObject, PingDocument, unresolvedObjects } from '../../render/ping-json.js'
import { PingManyText } from '../../render/ping-many-text.js'
import { PingText, type PingTextOptions, shownAddresses } from '../../render/ping-text.js'
import type { TextOut } from '../../render/ping-words.js'
import type { Console } from '../console.js'
import { terminalColumns } from '../terminal.js'
import { NameGate } from './names.js'
import type { PingFlags } from './request.js'

/** Shows a run as it goes. */
export interface PingView {
  begin(): void
  unresolved(target: UnresolvedTarget): void
  event(event: ProbeEvent): void
  /** Where summaries of targets whose only probe was answered are not shown one by one: all of them together. */
  answered?: (once: AnsweredOnce) => void
  /** Counts and times so far, on SIGQUIT. */
  interim(summaries: readonly SummaryEvent[]): void
  /** Gets the run before it starts. */
  attach?(run: PingRun): void
  /** The run broke off with an error, which is told next. */
  failed?(): void
  /** Everything was told; kept when it has been shown. */
  end(): Promise<void> | void
}

export async function makePingView(
  flags: PingFlags,
  prepared: PreparedPing,
  settings: PingSettings,
  io: Console,
): Promise<PingView> {
  if (io.format === 'json') return new DocumentView(prepared, io)
  if (io.format === 'ndjson') return new LinesView(prepared, io)
  const text = settings.many
    ? new ManyView(flags, prepared, settings, io)
    : new SingleView(flags, prepared, settings, io, await hostnameOf(flags, prepared))
  return flags.graph ? (await import('./graph.js')).graphView(text, prepared, io) : text
}

/** A name, not an address in whatever notation getaddrinfo(3) knows (127.1, 0x7f000001). */
const isName = ({ target }: ProbeTarget): boolean =>
  !isAddress(splitZone(target)[0]) && !/^(0x[\da-f]+|\d+)(\.(0x[\da-f]+|\d+)){0,3}$/i.test(target)

/** ping(8) shows the canonical name of a host that it was given by an alias, for IPv4 only. */
async function hostnameOf(flags: PingFlags, { targets: [target] }: PreparedPing): Promise<string | null> {
  if (flags.numeric || target === undefined || target.family === 6 || !isName(target)) return null
  return canonicalName(target.target, target.address)
}

/** Lines of results go to stdout, all others to stderr, each in its order. */
function sinks(io: Console): { out: TextOut; err: TextOut } {
  return {
    out: { write: text => io.out.write(text), line: text => io.out.line(text) },
    err: {
      write: text => io.err.write(text),
      line: text => {
        io.out.flush()
        io.err.line(text)
        io.err.flush()
      },
    },
  }
}

const noNames = (): null => null

class SingleView implements PingView {
  private readonly text: PingText
  private readonly gate: NameGate<ProbeEvent> | null
  private readonly prepared: PreparedPing
  private readonly io: Console

  constructor(flags: PingFlags, prepared: PreparedPing, settings: PingSettings, io: Console, hostname: string | null) {
    const { out, err } = sinks(io)
    const [target] = prepared.targets
    const named = !flags.numeric && target !== undefined && isName(target)
    const show = (event: ProbeEvent): void => {
      this.text.event(event)
      io.out.flush()
    }
    this.gate = named ? new NameGate(shownAddresses, show) : null
    const gate = this.gate
    const options = textOptions(flags, prepared, settings, address => gate?.nameOf(address) ?? null)
    this.text = new PingText(hostname === null ? options : { ...options, hostname }, out, err)
    this.prepared = prepared
    this.io = io
  }

  begin(): void {
    const [target] = this.prepared.targets
    for (const note of this.prepared.notes) this.io.err.line(`netkit: ${note}`)
    this.io.err.flush()
    if (target !== undefined) this.text.begin(target)
    this.io.out.flush()
  }

  unresolved(): void {}

  event(event: ProbeEvent): void {
    if (this.gate !== null) this.gate.take(event)
    else {
      this.text.event(event)
      this.io.out.flush()
    }
  }

  interim(summaries: readonly SummaryEvent[]): void {
    for (const summary of summaries) this.text.interim(summary)
  }

  async end(): Promise<void> {
    await this.gate?.settled()
  }
}

function textOptions(
  flags: PingFlags,
  prepared: PreparedPing,
  settings: PingSettings,
  nameOf: (address: string) => string | null,
): PingTextOptions {
  const { probe, payloadBytes, pattern, ipOptions, flowLabel, mode, intervalMs, broadcast } = settings
  const [target] = prepared.targets
  const [transport] = prepared.transports
  return {
    protocol: probe.kind,
    port: probe.kind === 'icmp' ? null : probe.port,
    nameOf,
    payloadBytes,
    pattern,
    ipOptions: ipOptions !== null,
    flowLabel,
    source:
      flags.interface === undefined || target === undefined ? null : (transport?.sourceAddress(target.index) ?? null),
    interface: settings.interface,
    broadcast,
    quiet: flags.quiet,
    timestamps: flags.date,
    reportMissing: flags.missing,
    flood: mode === 'flood',
    adaptive: mode === 'adaptive' || intervalMs === 0,
    audible: flags.audible,
    verbose: flags.verbose,
    identifier: settings.identifier,
    columns: terminalColumns(),
  }
}

class ManyView implements PingView {
  readonly answered?: (once: AnsweredOnce) => void
  private readonly text: PingManyText
  private readonly prepared: PreparedPing
  private readonly io: Console
  /** A line at once, unless they come faster than anybody reads. */
  private readonly prompt: boolean

  constructor(flags: PingFlags, prepared: PreparedPing, settings: PingSettings, io: Console) {
    const { out, err } = sinks(io)
    const filter = flags.alive ? 'alive' : flags.unreachable ? 'unreachable' : 'all'
    this.text = new PingManyText(
      {
        protocol: settings.probe.kind,
        filter,
        single: settings.count === 1,
        quiet: flags.quiet,
        timestamps: flags.date,
        verbose: flags.verbose,
        nameOf: noNames,
      },
      out,
      err,
    )
    this.prepared = prepared
    this.io = io
    if (settings.count === 1) this.answered = once => this.text.answered(once)
    this.prompt = prepared.plan.pace.gapMs >= 1
  }

  begin(): void {
    for (const note of this.prepared.notes) this.io.err.line(`netkit: ${note}`)
    this.text.begin(this.prepared.targets)
  }

  unresolved({ target, reason }: UnresolvedTarget): void {
    this.text.unresolved(target, reason)
  }

  event(event: ProbeEvent): void {
    this.text.event(event)
    if (this.prompt) this.io.out.flush()
  }

  interim(summaries: readonly SummaryEvent[]): void {
    this.text.interim(summaries)
  }

  end(): void {
    this.text.end()
  }
}

class DocumentView implements PingView {
  private readonly document = new PingDocument()
  private readonly prepared: PreparedPing
  private readonly io: Console

  constructor(prepared: PreparedPing, io: Console) {
    this.prepared = prepared
    this.io = io
  }

  begin(): void {
    this.document.begin(this.prepared.targets)
  }

  unresolved({ target, reason }: UnresolvedTarget): void {
    this.document.unresolved(target, reason)
  }

  event(event: ProbeEvent): void {
    this.document.event(event)
  }

  interim(): void {}

  end(): void {
    this.io.out.json(this.document.document(this.prepared.notes))
  }
}

class LinesView implements PingView {
  private readonly prepared: PreparedPing
  private readonly io: Console
  private readonly several: boolean
  private withoutAddress = 0

  constructor(prepared: PreparedPing, io: Console) {
    this.prepared = prepared
    this.io = io
    this.several = prepared.targets.length + prepared.unresolved.length > 1
  }

  begin(): void {
    for (const note of this.prepared.notes) this.io.err.line(`netkit: ${note}`)
  }

  unresolved({ target, reason }: UnresolvedTarget): void {
    const index = this.prepared.targets.length + this.withoutAddress++
    const lines = unresolvedObjects(target, reason, Date.now(), this.several ? index : null)
    for (const line of lines) this.io.out.jsonLine(line)
  }

  event(event: ProbeEvent): void {
    this.io.out.jsonLine(eventObject(event, this.several))
    this.io.out.flush()
  }

  interim(): void {}

  end(): void {}
}
