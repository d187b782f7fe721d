// From the flags of `netkit trace` to what is to be traced, how, and how it is shown.

import type { Interfaces } from '@oclif/core'
import { isAddress } from '../../bytes/address.js'
import {
  checkTraceSettings,
  DEFAULT_TRACE,
  leastBytes,
  MOST_BYTES,
  MOST_FLOWS,
  mostSourcePort,
  type TraceSettings,
} from '../../compose/trace-settings.js'
import { UsageError } from '../../errors/index.js'
import { parseBytes, parseCount, parseDuration, parseField } from '../../probe/quantity.js'
import { parseThresholds, type Threshold } from '../../probe/thresholds.js'
import type { Format } from '../failure.js'
import type { traceFlags } from './flags.js'

export type TraceFlags = Interfaces.InferredFlags<typeof traceFlags>

export type TraceViewName = 'live' | 'report' | 'path' | 'csv' | 'dot' | 'json' | 'ndjson'

export interface TraceRequest {
  readonly target: string
  readonly view: TraceViewName
  readonly settings: TraceSettings
  readonly limits: readonly Threshold[]
}

const MOST_COUNT = 0x7fffffff
const MOST_PROBES = 100
/** As mtr -r. */
const REPORT_ROUNDS = 10
const ROUND_MS = 1000
/** Rounds closer together would overlap on any path, and make each other's loss. */
const LEAST_ROUND_MS = 10
/** What a trace knows of its target; the other statistics of a ping are none of a hop's. */
const LIMITED = ['loss', 'min', 'avg', 'max', 'stddev', 'p50', 'p95', 'jitter', 'transmitted', 'received']

const optional = <Result>(text: string | undefined, parse: (text: string) => Result): Result | null =>
  text === undefined ? null : parse(text)

/**
 * What a command line asks for.
 * @param isScreen whether a live view could be drawn
 * @param isTerminal whether stdout is a terminal, though one that cannot do that
 * @throws UsageError
 */
export function parseRequest(
  flags: TraceFlags,
  words: readonly string[],
  format: Format,
  isScreen: boolean,
  isTerminal = isScreen,
): TraceRequest {
  const view = viewOf(flags, format, isScreen, isTerminal)
  if (flags.as && flags.mmdb === undefined) throw new UsageError('-z needs a database with AS numbers: --mmdb FILE')
  if (flags.baseline !== undefined && (view === 'csv' || view === 'dot')) {
    throw new UsageError(`--baseline is told in text or JSON, not with --${view}`)
  }
  if (flags.mtu && view === 'dot') throw new UsageError('--dot draws no packet sizes: leave out --mtu')
  return { target: targetOf(words, flags), view, settings: settingsOf(flags, view), limits: limitsOf(flags) }
}

function targetOf(words: readonly string[], flags: TraceFlags): string {
  const [target, another] = words
  if (target === undefined || target === '') {
    throw new UsageError('there is no target', {
      hints: [...placeHints(flags), 'name a host or an address: netkit trace example.net'],
    })
  }
  if (another === undefined) return target
  throw new UsageError(`a trace has one target, and this is another: ${another}`)
}

/** -I of traceroute(8) asks for ICMP, and takes no word. */
function placeHints({ interface: place }: TraceFlags): string[] {
  return place === undefined ? [] : [`-I takes an interface, here ${place}; ICMP is the default: netkit trace ${place}`]
}

function viewOf(flags: TraceFlags, format: Format, isScreen: boolean, isTerminal: boolean): TraceViewName {
  const forms = (['csv', 'dot', 'json', 'ndjson'] as const).filter(form =>
    form === 'csv' || form === 'dot' ? flags[form] : form === format,
  )
  if (forms.length > 1) throw new UsageError(`--${forms[0]} and --${forms[1]} exclude each other`)
  const rounds = flags.report ? 'r' : flags.count !== undefined ? 'c' : null
  const once = flags.path ? '--path' : flags.probes !== undefined ? '-q' : null
  // Sizes are measured once the path is known.
  const isPath = once !== null || flags.mtu || !isScreen
  if (rounds !== null && once !== null) {
    throw new UsageError(`${once} looks at the path once, and -${rounds} in rounds: leave one of them out`)
  }
  const [form] = forms
  const view = form ?? (rounds !== null ? 'report' : isPath ? 'path' : 'live')
  if (view !== 'live' && rounds === null && flags.interval !== undefined) {
    const isDumb = form === undefined && once === null && isTerminal
    throw new UsageError('-i is the time between rounds: give their number too, -c N', {
      hints: isDumb
        ? ['there is no live view, which has no end of rounds, since this terminal cannot show it (TERM=dumb)']
        : [],
    })
  }
  return view
}

function settingsOf(flags: TraceFlags, view: TraceViewName): TraceSettings {
  const protocol = protocolOf(flags)
  const flows = optional(flags.flows, text => parseCount(text, 'the number of flows', 1, MOST_FLOWS)) ?? 1
  const [firstTtl, maxTtl] = ttlsOf(flags)
  const isLook = view !== 'live' && !flags.report && flags.count === undefined
  const settings: TraceSettings = {
    ...DEFAULT_TRACE,
    family: familyOf(flags),
    protocol,
    port: optional(flags.port, text => parseField(text, 'a port', 1, 65_535)),
    sourcePort: optional(flags['source-port'], text =>
      parseField(text, 'the first source port', 1, mostSourcePort(flows)),
    ),
    firstTtl,
    maxTtl,
    rounds: roundsOf(flags, view),
    intervalMs: isLook ? 0 : intervalOf(flags),
    timeoutMs: timeoutOf(flags),
    packetBytes: optional(flags.size, text => parseBytes(text, 'the size', leastBytes(4), MOST_BYTES)),
    tos: optional(flags.tos, text => parseField(text, 'the type of service', 0, 255)),
    ...placeOf(flags),
    mark: optional(flags.mark, text => parseField(text, 'the mark', 0, 0xffffffff)),
    flows,
    raw: flags.raw,
    transport: flags.transport,
    verify: !flags['no-verify'],
    patient: !isLook,
  }
  checkTraceSettings(settings)
  return settings
}

function familyOf(flags: TraceFlags): 4 | 6 | null {
  if (flags.ipv4 && flags.ipv6) throw new UsageError('-4 and -6 exclude each other')
  if (flags.ipv4) return 4
  return flags.ipv6 ? 6 : null
}

function protocolOf(flags: TraceFlags): TraceSettings['protocol'] {
  const chosen = (['icmp', 'udp', 'tcp'] as const).filter(name => flags[name])
  if (chosen.length > 1) throw new UsageError(`--${chosen[0]} and --${chosen[1]} exclude each other`)
  return chosen[0] ?? null
}

function ttlsOf(flags: TraceFlags): [number, number] {
  const first = optional(flags['first-ttl'], text => parseField(text, 'the first hop', 1, 255))
  const last = optional(flags['max-ttl'], text => parseField(text, 'the last hop', 1, 255))
  const firstTtl = first ?? DEFAULT_TRACE.firstTtl
  const maxTtl = last ?? Math.max(DEFAULT_TRACE.maxTtl, firstTtl)
  if (firstTtl <= maxTtl) return [firstTtl, maxTtl]
  throw new UsageError(`the first hop, ${firstTtl}, is behind the last, ${maxTtl}`)
}

/** Rounds of a look are its probes to each hop. */
function roundsOf(flags: TraceFlags, view: TraceViewName): number | null {
  const count = optional(flags.count, text => parseCount(text, 'the count', 1, MOST_COUNT))
  if (count !== null) return count
  if (flags.report) return REPORT_ROUNDS
  if (view === 'live') return null
  return (
    optional(flags.probes, text => parseCount(text, 'the number of probes', 1, MOST_PROBES)) ?? DEFAULT_TRACE.rounds
  )
}

function intervalOf(flags: TraceFlags): number {
  const intervalMs = optional(flags.interval, text => parseDuration(text, 's', 'the interval')) ?? ROUND_MS
  if (intervalMs >= LEAST_ROUND_MS) return intervalMs
  throw new UsageError(`the interval is too short: ${LEAST_ROUND_MS} ms or more, not ${flags.interval}`)
}

function timeoutOf(flags: TraceFlags): number {
  const timeoutMs = optional(flags.timeout, text => parseDuration(text, 's', 'the timeout')) ?? DEFAULT_TRACE.timeoutMs
  if (timeoutMs >= 1) return timeoutMs
  throw new UsageError(`the timeout is too short: 1 ms or more, not ${flags.timeout}`)
}

/** `-I` takes an address too, as ping's does. */
function placeOf(flags: TraceFlags): Pick<TraceSettings, 'interface' | 'source'> {
  const { interface: place, source } = flags
  if (source !== undefined && !isAddress(source)) {
    throw new UsageError(`-a takes an address of this host, not ${source || 'nothing'}`)
  }
  const isSource = place !== undefined && isAddress(place)
  if (isSource && source !== undefined) throw new UsageError('-a and -I name two source addresses')
  return { interface: isSource ? null : (place ?? null), source: isSource ? place : (source ?? null) }
}

function limitsOf(flags: TraceFlags): Threshold[] {
  const limits = (flags['fail-if'] ?? []).flatMap(text => parseThresholds(text))
  const other = limits.find(({ name }) => !LIMITED.includes(name))
  if (other === undefined) return limits
  throw new UsageError(`a trace does not measure ${other.name}, in ${other.text}`, {
    hints: [`known: ${LIMITED.join(', ')}`],
  })
}
