// Pinging for programs: the events of a run as they come.

import { UsageError } from '../errors/index.js'
import type { ProbeEvent } from '../probe/events.js'
import { checkSettings, type PingSettings, type PreparedPing, preparePing } from './ping.js'
import { type UnresolvedTarget, unresolvedError } from './probe.js'
import { runEvents } from './run-events.js'

/** How to ping; everything has a default. Times are milliseconds. */
export interface PingOptions {
  /** 4 or 6; by default as the system resolves the name. */
  family?: 4 | 6
  /** TCP handshakes with, or UDP datagrams to, this port instead of ICMP echo requests. */
  tcp?: number
  udp?: number
  transport?: PingSettings['transport']
  timestamps?: PingSettings['timestamps']
  /** Probes to each target (4). */
  count?: number
  /** Between two probes to the same target (1000). */
  intervalMs?: number
  /** With several targets: between any two probes (1). */
  gapMs?: number
  /** A probe not answered after this is reported (1000). */
  timeoutMs?: number
  /** The run ends then at the latest. */
  deadlineMs?: number
  /** Payload bytes (56). */
  payloadBytes?: number
  /** What the payload is filled with. */
  pattern?: Uint8Array
  /** Local address, interface. */
  source?: string
  interface?: string
  ttl?: number
  tos?: number
  mark?: number
  pathMtu?: NonNullable<PingSettings['pathMtu']>
  /** Ends the run: summaries still come. */
  signal?: AbortSignal
}

const DEFAULTS = { count: 4, timeoutMs: 1000, payloadBytes: 56 }

function settingsOf(options: PingOptions, many: boolean): PingSettings {
  const { tcp, udp } = options
  if (tcp !== undefined && udp !== undefined) throw new UsageError('tcp and udp exclude each other')
  const probe =
    tcp !== undefined
      ? { kind: 'tcp' as const, port: tcp }
      : udp !== undefined
        ? { kind: 'udp' as const, port: udp }
        : { kind: 'icmp' as const }
  const settings: PingSettings = {
    family: options.family ?? null,
    probe,
    transport: options.transport ?? 'auto',
    timestamps: options.timestamps ?? 'auto',
    count: options.count ?? DEFAULTS.count,
    intervalMs: options.intervalMs ?? null,
    gapMs: options.gapMs ?? null,
    timeoutMs: options.timeoutMs ?? DEFAULTS.timeoutMs,
    deadlineMs: options.deadlineMs ?? null,
    mode: 'steady',
    preload: 1,
    payloadBytes: options.payloadBytes ?? DEFAULTS.payloadBytes,
    pattern: options.pattern ?? null,
    source: options.source ?? null,
    interface: options.interface ?? null,
    ttl: options.ttl ?? null,
    tos: options.tos ?? null,
    mark: options.mark ?? null,
    pathMtu: options.pathMtu ?? null,
    flowLabel: null,
    broadcast: false,
    noLoopback: false,
    ipOptions: null,
    identifier: null,
    sendBufferBytes: null,
    tellSent: true,
    many,
  }
  checkSettings(settings)
  return settings
}

/** A target of several that has no address. */
export interface UnresolvedEvent extends UnresolvedTarget {
  readonly event: 'unresolved'
}

/**
 * Pings one target: `sent`, `reply`, `late`, `duplicate`, `error` and `timeout` events as they come, and a `summary` at the end.
 * Ending the loop early ends the run.
 * @throws UsageError (exit 2) for a name that has no address, PermissionError (exit 3) when nothing may be sent
 */
export async function* ping(target: string, options: PingOptions = {}): AsyncGenerator<ProbeEvent, void, undefined> {
  const prepared = await preparePing([target], settingsOf(options, false))
  const [missing] = prepared.unresolved
  if (missing !== undefined) {
    prepared.close()
    throw unresolvedError(missing)
  }
  yield* events(prepared, options.signal)
}

/**
 * Pings several targets in turn: names, addresses, prefixes such as `192.0.2.0/28` and ranges. A name without an address is told
 * first, as `unresolved`. A summary of each target ends the stream. Events wait in memory for a consumer that is slower than the
 * probes.
 */
export async function* pingMany(
  targets: Iterable<string>,
  options: PingOptions = {},
): AsyncGenerator<ProbeEvent | UnresolvedEvent, void, undefined> {
  const prepared = await preparePing(targets, settingsOf(options, true))
  try {
    for (const each of prepared.unresolved) yield { event: 'unresolved', ...each }
    yield* events(prepared, options.signal)
  } finally {
    prepared.close()
  }
}

async function* events(
  prepared: PreparedPing,
  signal: AbortSignal | undefined,
): AsyncGenerator<ProbeEvent, void, undefined> {
  if (prepared.targets.length === 0) {
    prepared.close()
    return
  }
  yield* runEvents<ProbeEvent, ReturnType<PreparedPing['start']>>(
    prepared,
    signal,
    () => [],
    run => run.summaries(),
  )
}
