// A trace for machines: the document, events as lines, comma-separated values.

import { printable } from '../bytes/printable.js'
import type { Responder, TraceDocument } from '../probe/trace-document.js'
import type { TraceEvent, TraceHeader } from '../probe/trace-events.js'
import type { JsonObject } from './ping-json.js'
import { rangesOf } from './trace-words.js'

/** Milliseconds to the nanosecond, percentages likewise: what lies below is rounding of the arithmetic. */
const toNanos = (value: number): number => Math.round(value * 1e6) / 1e6
/** Unix time in a double has no nanoseconds. */
const toMicros = (ms: number): number => Math.round(ms * 1000) / 1000

/** Plain data as JSON has it: no undefined, no NaN. */
function plain(value: unknown, key = ''): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return null
    return Number.isInteger(value) ? value : key === 'atMs' ? toMicros(value) : toNanos(value)
  }
  if (Array.isArray(value)) return value.map(item => plain(item))
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item, name)]))
}

/** A plain object as JSON has it. */
export const plainObject = (value: object): JsonObject => plain(value) as JsonObject

/** What `--json` prints. */
export const documentObject = (document: TraceDocument): JsonObject => plainObject(document)

/** The first line of `--ndjson`: what the run is. */
export function startObject(header: TraceHeader, notes: readonly string[]): JsonObject {
  const { target, flowKey, flowValues, ...rest } = header
  return plainObject({
    event: 'start',
    target: target.target,
    address: target.address,
    ...rest,
    flow: { key: flowKey, values: flowValues },
    notes,
  })
}

/** One event as the object of its line. */
export function traceEventObject(event: TraceEvent): JsonObject {
  const { event: name, ...fields } = event
  return plainObject({ event: name, ...fields })
}

/** The last line: the document. */
export const summaryObject = (document: TraceDocument): JsonObject => plainObject({ event: 'summary', ...document })

/** The two lines of a target that has no address: why, and an empty summary. */
export function unresolvedTraceObjects(target: string, reason: string): JsonObject[] {
  return [
    { event: 'error', target, address: null, origin: 'resolver', reason },
    { event: 'summary', target, address: null, reached: false, hops: [], verdict: [reason] },
  ]
}

const CSV_COLUMNS: readonly (readonly [string, (responder: Responder) => string | number | null | undefined])[] = [
  ['address', ({ address }) => address],
  ['name', ({ name }) => foreign(name)],
  ['asn', ({ asn }) => asn],
  ['asName', ({ asName }) => foreign(asName)],
  ['place', ({ place }) => foreign(place)],
  ['sent', ({ sent }) => sent],
  ['received', ({ received }) => received],
  ['notAnswering', ({ notAnswering }) => notAnswering],
  ['lossPercent', ({ lossPercent }) => lossPercent],
  ['lastMs', ({ rttMs }) => rttMs?.last],
  ['avgMs', ({ rttMs }) => rttMs?.avg],
  ['bestMs', ({ rttMs }) => rttMs?.best],
  ['worstMs', ({ rttMs }) => rttMs?.worst],
  ['stddevMs', ({ rttMs }) => rttMs?.stddev],
  ['p50Ms', ({ rttMs }) => rttMs?.p50],
  ['p95Ms', ({ rttMs }) => rttMs?.p95],
  ['jitterMs', ({ jitterMs }) => jitterMs],
  ['icmp', ({ icmp }) => icmp.map(({ type, code, count }) => `${type}/${code}:${count}`).join(' ')],
  ['mpls', ({ mpls }) => mpls?.map(({ label }) => label).join(' ')],
  ['mtu', ({ mtu }) => mtu],
  ['tos', ({ tos }) => tos],
  ['flows', ({ flows }) => rangesOf(flows)],
]

/** Text that others chose: nothing that a terminal obeys, and nothing that a spreadsheet takes for a formula. */
function foreign(text: string | null): string | null {
  if (text === null) return null
  const shown = printable(text)
  return /^[=+\-@]/.test(shown) ? `'${shown}` : shown
}

/** RFC 4180 section 2: quoted where it has to be. */
function csvField(value: unknown): string {
  const text = String(plain(value) ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Records of RFC 4180, each to be ended by CR LF: a heading, then one for each responder; hops without one have one too. */
export function traceCsv({ target, hops }: TraceDocument): string[] {
  const heading = ['target', 'ttl', ...CSV_COLUMNS.map(([name]) => name)]
  const rows = hops.flatMap(hop => {
    const head = [foreign(target), hop.ttl]
    if (hop.responders.length > 0) {
      return hop.responders.map(responder => [...head, ...CSV_COLUMNS.map(([, of]) => of(responder))])
    }
    const counts = hop as unknown as Record<string, unknown>
    const known = ['sent', 'received', 'notAnswering', 'lossPercent']
    return [[...head, ...CSV_COLUMNS.map(([name]) => (known.includes(name) ? counts[name] : null))]]
  })
  return [heading, ...rows].map(row => row.map(csvField).join(','))
}
