// The report of a trace after its rounds, as mtr -r prints it.

import { printable } from '../bytes/printable.js'
import type { TraceDocument } from '../probe/trace-document.js'
import { counted } from './ping-words.js'
import { wrapped } from './text-fit.js'
import { traceSections } from './trace-sections.js'
import {
  cellsOf,
  columnsWithin,
  hostLabel,
  MORE_COLUMNS,
  REPORT_COLUMNS,
  type TraceColumn,
  type TraceRow,
  titlesOf,
  traceRows,
  widened,
  widthOf,
} from './trace-table.js'
import { cut, privilegeWords, protocolWords, targetWords } from './trace-words.js'

export interface TraceReportOptions {
  /** Name of the host that the trace is from, as mtr heads its hops with; nobody has made it printable. */
  readonly host: string
  /** Of the terminal; null where lines may be as long as they have to: names are not cut then. */
  readonly columns: number | null
  readonly numeric: boolean
  readonly showAs: boolean
}

const DEFAULT_COLUMNS = 80
/** ` 12.|-- `. */
const TTL_WIDTH = 8
const LEAST_HOST = 15

/** The whole report as lines. */
export function traceReport(document: TraceDocument, options: TraceReportOptions): string[] {
  const { rounds, packetBytes, startedAt } = document
  const how = `${protocolWords(document)}, ${privilegeWords(document)}`
  const what = `trace to ${targetWords(document)}, ${how}, ${counted(rounds, 'round')}, ${packetBytes} byte packets`
  return [
    ...wrapped(what, options.columns ?? Number.POSITIVE_INFINITY, 2),
    `Start: ${startedAt}`,
    ...tableLines(document, options),
    ...traceSections(document),
  ]
}

function tableLines(document: TraceDocument, { host: self, columns, numeric, showAs }: TraceReportOptions): string[] {
  const rows = traceRows(document.hops, { showAs })
  if (rows.length === 0) return []
  const width = columns ?? DEFAULT_COLUMNS
  const asWidth = Math.max(0, ...rows.map(({ as }) => as.length + 1)) * (showAs ? 1 : 0)
  const space = width - TTL_WIDTH - asWidth
  const wide = widened(REPORT_COLUMNS, rows)
  const set = columns === null ? wide : columnsWithin(wide, space - LEAST_HOST)
  const room = space - widthOf(set)
  const labels = rows.map(({ responder }) => hostLabel(responder, numeric, room))
  const longest = Math.max(LEAST_HOST, ...labels.map(label => label.length))
  const shown = set.length < wide.length ? set : [...set, ...moreFor(rows, room - longest)]
  const most = space - widthOf(shown)
  const hostWidth = columns === null ? Math.max(longest, most) : Math.max(most, 0)
  const heading = `HOST: ${printable(self)}`
  const lines = [`${cut(heading, TTL_WIDTH + asWidth + hostWidth)}${titlesOf(shown)}`]
  for (const [index, row] of rows.entries()) {
    const host = cut(labels[index]!, hostWidth)
    lines.push(`${ttlColumn(row)}${asColumn(row, asWidth)}${host}${cellsOf(shown, row.counted)}`)
    for (const below of row.below) lines.push(`${' '.repeat(TTL_WIDTH)}${below}`)
  }
  return lines
}

function moreFor(rows: readonly TraceRow[], spare: number): readonly TraceColumn[] {
  const more = widened(MORE_COLUMNS, rows)
  return more.filter((_, index) => widthOf(more.slice(0, index + 1)) <= spare)
}

function ttlColumn({ firstTtl, lastTtl, isMore }: TraceRow): string {
  if (isMore) return '    |-- '
  if (firstTtl === lastTtl) return `${String(firstTtl).padStart(3)}.|-- `
  return `${`${firstTtl}-${lastTtl}`.padStart(6)}. `
}

const asColumn = ({ as }: TraceRow, width: number): string => as.padEnd(width)
