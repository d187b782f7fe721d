// The hops of a trace as rows and columns, for the report and for the live view: a pure drawing of a document into a width.

import { printable } from '../bytes/printable.js'
import type { Hop, Responder } from '../probe/trace-document.js'
import { formatRtt } from './ping-words.js'
import { asWords, interfaceWords, mplsLine } from './trace-words.js'

/** What a row counts: a responder, or a hop that nobody answers at. */
export type Counted = Pick<Hop, 'sent' | 'received' | 'notAnswering' | 'lossPercent'> &
  Partial<Pick<Responder, 'rttMs' | 'jitterMs'>>

export interface TraceColumn {
  readonly title: string
  /** With the blank before it. */
  readonly width: number
  of(counted: Counted): string
}

const time = (ms: number | null | undefined): string => (ms === null || ms === undefined ? '-' : formatRtt(ms))
const timed = (title: string, of: (counted: Counted) => number | null | undefined): TraceColumn => ({
  title,
  width: 6,
  of: counted => time(of(counted)),
})

export const LOSS: TraceColumn = {
  title: 'Loss%',
  width: 7,
  of: ({ lossPercent }) => (lossPercent === null ? '-' : `${lossPercent.toFixed(1)}%`),
}
export const NOT_ANSWERING: TraceColumn = { title: 'NoAns', width: 6, of: ({ notAnswering }) => String(notAnswering) }
export const SENT: TraceColumn = { title: 'Snt', width: 6, of: ({ sent }) => String(sent) }
export const RECEIVED: TraceColumn = { title: 'Rcv', width: 6, of: ({ received }) => String(received) }
export const LAST = timed('Last', ({ rttMs }) => rttMs?.last)
export const AVG = timed('Avg', ({ rttMs }) => rttMs?.avg)
export const BEST = timed('Best', ({ rttMs }) => rttMs?.best)
export const WORST = timed('Wrst', ({ rttMs }) => rttMs?.worst)
export const STDDEV = timed('StDev', ({ rttMs }) => rttMs?.stddev)
export const P50 = timed('p50', ({ rttMs }) => rttMs?.p50)
export const P95 = timed('p95', ({ rttMs }) => rttMs?.p95)
export const JITTER = timed('Jttr', ({ jitterMs }) => jitterMs)

/** mtr's, with netkit's own two. */
export const REPORT_COLUMNS: readonly TraceColumn[] = [LOSS, NOT_ANSWERING, SENT, LAST, AVG, BEST, WORST, STDDEV]
/** As many of these as there is room for. */
export const MORE_COLUMNS: readonly TraceColumn[] = [P95, JITTER]

/** What a narrow window does without, first to last; loss is the last. */
const DISPENSABLE: readonly TraceColumn[] = [
  STDDEV,
  P95,
  JITTER,
  P50,
  BEST,
  LAST,
  WORST,
  RECEIVED,
  NOT_ANSWERING,
  SENT,
  AVG,
  LOSS,
]

/** The columns that are left when `room` is enough for those and no more: whole ones, since half a number is another number. */
export function columnsWithin(columns: readonly TraceColumn[], room: number): readonly TraceColumn[] {
  let left = columns
  for (const { title } of DISPENSABLE) {
    if (widthOf(left) <= room) break
    left = left.filter(column => column.title !== title)
  }
  return left
}

/** The columns wide enough for whatever the rows hold. */
export function widened(columns: readonly TraceColumn[], rows: readonly Pick<TraceRow, 'counted'>[]): TraceColumn[] {
  return columns.map(column => ({
    ...column,
    width: rows.reduce((width, { counted }) => Math.max(width, column.of(counted).length + 1), column.width),
  }))
}

export const widthOf = (columns: readonly TraceColumn[]): number => columns.reduce((sum, { width }) => sum + width, 0)

/** The cells of a row: each with one blank before it at least, whatever it holds. */
export function cellsOf(columns: readonly TraceColumn[], counted: Counted): string {
  return columns.map(column => ` ${column.of(counted)}`.padStart(column.width)).join('')
}

export const titlesOf = (columns: readonly TraceColumn[]): string =>
  columns.map(({ title, width }) => title.padStart(width)).join('')

export interface TraceRow {
  /** Hops; several for those behind the last that answers, which share a row. */
  readonly firstTtl: number
  readonly lastTtl: number
  /** Not the first responder of its hop. */
  readonly isMore: boolean
  readonly responder: Responder | null
  readonly counted: Counted
  /** AS number, where wanted; else empty. */
  readonly as: string
  /** Lines below it: labels, interfaces, place. */
  readonly below: readonly string[]
}

export interface TraceRowOptions {
  /** Show AS numbers. */
  readonly showAs: boolean
}

/** Rows of all hops, in order. Hops behind the last responder are one row. */
export function traceRows(hops: readonly Hop[], { showAs }: TraceRowOptions): TraceRow[] {
  const end = hops.findLastIndex(({ responders }) => responders.length > 0) + 1
  const rows = hops.slice(0, end).flatMap(hop => rowsOf(hop, showAs))
  const rest = hops.slice(end).filter(({ sent }) => sent > 0)
  return rest.length === 0 ? rows : [...rows, silentRow(rest)]
}

function rowsOf(hop: Hop, showAs: boolean): TraceRow[] {
  if (hop.responders.length === 0) return [silentRow([hop])]
  return hop.responders.map((responder, index) => ({
    firstTtl: hop.ttl,
    lastTtl: hop.ttl,
    isMore: index > 0,
    responder,
    counted: responder,
    as: showAs ? (responder.asn === null ? 'AS?' : `AS${responder.asn}`) : '',
    below: belowOf(responder, showAs),
  }))
}

function silentRow(hops: readonly Hop[]): TraceRow {
  const sum = (of: (hop: Hop) => number): number => hops.reduce((total, hop) => total + of(hop), 0)
  return {
    firstTtl: hops[0]!.ttl,
    lastTtl: hops.at(-1)!.ttl,
    isMore: false,
    responder: null,
    counted: {
      sent: sum(hop => hop.sent),
      received: 0,
      notAnswering: sum(hop => hop.notAnswering),
      lossPercent: hops[0]!.lossPercent,
    },
    as: '',
    below: [],
  }
}

function belowOf(responder: Responder, showAs: boolean): string[] {
  const { mpls, interfaces, place, mtu, asName } = responder
  const owner = showAs ? (asName === null ? null : printable(asName)) : asWords(responder)
  const where = [owner, place === null ? null : printable(place)].filter(part => part !== null)
  return [
    ...(where.length === 0 ? [] : [`[${where.join(', ')}]`]),
    ...(mpls ?? []).map(mplsLine),
    ...(interfaces ?? []).map(each => `[${interfaceWords(each)}]`),
    ...(mtu === null ? [] : [`[next hop MTU ${mtu}]`]),
  ]
}

/** The fullest of `name (address)`, the name and the address that fits; `???` for nobody. */
export function hostLabel(responder: Responder | null, numeric: boolean, width: number): string {
  if (responder === null) return '???'
  const address = printable(responder.address)
  if (numeric || responder.name === null) return address
  const name = printable(responder.name)
  const both = `${name} (${address})`
  return both.length <= width ? both : name
}
