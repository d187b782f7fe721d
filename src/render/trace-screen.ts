// The live view of a trace as lines: a pure drawing, of a document and what the keys have chosen, into a size.

import { printable } from '../bytes/printable.js'
import type { TraceDocument } from '../probe/trace-document.js'
import type { ScreenLine, StyledSpan } from './live-screen.js'
import { formatPercent, formatRtt } from './ping-words.js'
import { partsWithin, wrapped } from './text-fit.js'
import { LOST_MARK, sparkline, UNANSWERED_MARK } from './trace-sparkline.js'
import {
  AVG,
  BEST,
  cellsOf,
  columnsWithin,
  hostLabel,
  JITTER,
  LAST,
  LOSS,
  MORE_COLUMNS,
  NOT_ANSWERING,
  P50,
  P95,
  RECEIVED,
  REPORT_COLUMNS,
  SENT,
  STDDEV,
  type TraceColumn,
  type TraceRow,
  titlesOf,
  traceRows,
  WORST,
  widened,
  widthOf,
} from './trace-table.js'
import { cut, pathWords, privilegeWords, protocolWords, rangesOf, targetWords } from './trace-words.js'

/** What `d` goes through. */
export const COLUMN_SETS: readonly (readonly TraceColumn[])[] = [
  REPORT_COLUMNS,
  [LOSS, SENT, AVG],
  [LOSS, NOT_ANSWERING, SENT, RECEIVED, BEST, P50, P95, WORST, STDDEV, JITTER],
  [LOSS, NOT_ANSWERING, SENT, LAST, AVG, P95, JITTER],
]

export const SORTS = ['ttl', 'loss', 'avg'] as const

/** What the keys have chosen. */
export interface TraceScreenState {
  readonly columns: number
  readonly sort: (typeof SORTS)[number]
  readonly numeric: boolean
  readonly showAs: boolean
  readonly view: 'hops' | 'flows' | 'help'
  readonly paused: boolean
}

export interface TraceFrame {
  readonly document: TraceDocument
  readonly elapsedMs: number
  /** What a user should know that is not of the path: names that could not be had, databases that are damaged. */
  readonly notes: readonly string[]
  readonly color: boolean
}

const BOLD = '1'
const REVERSE = '7'
const RED = '31'
const YELLOW = '33'
const DIM = '2'

const LEAST_ROWS = 10
/** ` 12. `. */
const TTL_WIDTH = 5
const LEAST_HOST = 15
/** A sparkline narrower than this says nothing. */
const LEAST_SPARK = 6
/** Where the words of the help begin. */
const HELP_INDENT = 10
/** A path is wrapped into no less than the longest IPv4 address. */
const LEAST_PATH = 15

export const HELP: readonly string[] = [
  'p, space  pause and go on',
  'r         reset: forget what was measured',
  'd, c      other columns',
  'f         flows and their paths, or hops',
  's         sort by ttl, loss, avg',
  'n         names or addresses',
  'h, ?      this help',
  'q, Ctrl-C quit, and print the report',
  'Ctrl-Z    suspend',
  '',
  'Loss%   lost on the way to this hop; NoAns: not answered there, while hops behind it answered',
  `${LOST_MARK} lost   ${UNANSWERED_MARK} not answered   of a hop with both: what most of them are`,
]

/** All lines, as many as there are rows at most. */
export function drawTrace(
  frame: TraceFrame,
  state: TraceScreenState,
  { columns, rows }: { columns: number; rows: number },
): ScreenLine[] {
  // A low window is for the hops.
  const isLow = rows < LEAST_ROWS
  const head = headLines(frame, state, columns).slice(0, isLow ? 1 : 2)
  const verdict = [...frame.document.verdict, ...frame.notes].flatMap(sentence => wrapped(printable(sentence), columns))
  const isBare = isLow || state.view === 'help'
  const shownVerdict = isBare ? [] : ['', ...verdict.slice(0, Math.floor(rows / 3))]
  const body = bodyLines(frame, state, columns)
  return [
    ...head,
    ...fitted(body, rows - head.length - shownVerdict.length),
    ...shownVerdict.map(text => ({ text, style: frame.color ? BOLD : '' })),
  ]
}

function bodyLines(frame: TraceFrame, state: TraceScreenState, columns: number): ScreenLine[] {
  if (state.view === 'help') {
    return HELP.flatMap(line => wrapped(line, columns, HELP_INDENT)).map(text => ({ text, style: '' }))
  }
  return state.view === 'flows' ? flowLines(frame, columns) : hopLines(frame, state, columns)
}

/** Lines that do not fit are counted. */
function fitted(lines: readonly ScreenLine[], room: number): ScreenLine[] {
  if (lines.length <= room) return [...lines]
  const kept = Math.max(room - 1, 0)
  return [...lines.slice(0, kept), { text: `... and ${lines.length - kept} more lines`, style: '' }]
}

function headLines({ document, elapsedMs, color }: TraceFrame, state: TraceScreenState, columns: number): ScreenLine[] {
  const rest: readonly (readonly [text: string, rank: number])[] = [
    [protocolWords(document), 4],
    [privilegeWords(document), 5],
    [`round ${document.rounds}`, 2],
    [elapsedWords(elapsedMs), 3],
    ...(state.paused ? [['PAUSED', 1] as const] : []),
  ]
  const parts = [[`netkit trace ${targetWords(document)}`, 0] as const, ...rest]
  const sort = state.sort === 'ttl' ? 'sort' : `sort: ${state.sort}`
  const keys: readonly (readonly [text: string, rank: number])[] = [
    [`p ${state.paused ? 'goes on' : 'pause'}`, 2],
    ['r reset', 5],
    ['d columns', 3],
    ['f flows', 6],
    [`s ${sort}`, 4],
    ['n names', 7],
    ['h help', 1],
    ['q quit', 0],
  ]
  return [
    { text: partsWithin(parts, columns), style: color ? REVERSE : '' },
    { text: partsWithin(keys, columns), style: color ? DIM : '' },
  ]
}

/** `0:42`, `1:02:03`. */
export function elapsedWords(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

function hopLines(frame: TraceFrame, state: TraceScreenState, columns: number): ScreenLine[] {
  const rows = sorted(traceRows(frame.document.hops, state), state.sort)
  const asWidth = Math.max(0, ...rows.map(({ as }) => (as === '' ? 0 : as.length + 1)))
  const space = columns - TTL_WIDTH - asWidth
  const set = columnsWithin(widened(COLUMN_SETS[state.columns % COLUMN_SETS.length]!, rows), space - LEAST_HOST)
  const room = space - widthOf(set)
  const labels = rows.map(({ responder }) => hostLabel(responder, state.numeric, room))
  const longest = Math.max(LEAST_HOST, ...labels.map(label => label.length))
  const isReport = state.columns % COLUMN_SETS.length === 0
  const shown = isReport ? withMore(set, widened(MORE_COLUMNS, rows), room - longest) : set
  const spare = space - widthOf(shown) - longest
  const sparkWidth = spare > LEAST_SPARK ? spare - 1 : 0
  const hostWidth = Math.max(sparkWidth > 0 ? longest : longest + spare, 0)
  const lines: ScreenLine[] = [
    {
      text: `${cut(' Hop Host', TTL_WIDTH + asWidth + hostWidth)}${titlesOf(shown)}`,
      style: frame.color ? BOLD : '',
    },
  ]
  for (const [index, row] of rows.entries()) {
    const host = cut(labels[index]!, hostWidth)
    const text = `${ttlColumn(row)}${row.as.padEnd(asWidth)}${host}${cellsOf(shown, row.counted)}`
    lines.push(withSpark(row, text, sparkWidth, frame.color))
    for (const below of row.below)
      lines.push({ text: cut(`${' '.repeat(TTL_WIDTH)}${below}`, columns).trimEnd(), style: frame.color ? DIM : '' })
  }
  return lines
}

/** Quantile and jitter where there is room for them and for a sparkline of twice its least width. */
function withMore(set: readonly TraceColumn[], more: readonly TraceColumn[], spare: number): readonly TraceColumn[] {
  const fits = (count: number): boolean => widthOf(more.slice(0, count)) + 2 * LEAST_SPARK <= spare
  return [...set, ...more.filter((_, index) => fits(index + 1))]
}

function withSpark(row: TraceRow, text: string, width: number, color: boolean): ScreenLine {
  const { responder, counted } = row
  const isLossy = (counted.lossPercent ?? 0) > 0
  const style = !color ? '' : isLossy ? RED : counted.notAnswering > 0 && responder !== null ? YELLOW : ''
  if (width === 0 || responder === null) return { text, style }
  // Nobody knows which of its probes were lost where some were just not answered: the mark is that of the larger number.
  const isMostlyLost = isLossy && counted.sent - counted.received - counted.notAnswering >= counted.notAnswering
  const mark = isMostlyLost ? LOST_MARK : UNANSWERED_MARK
  const line = `${text} ${sparkline(responder.recentMs, width, mark)}`
  const spans: StyledSpan[] = []
  for (let at = line.indexOf(mark, text.length); color && at >= 0; at = line.indexOf(mark, at + 1)) {
    spans.push({ from: at, to: at + 1, style: isMostlyLost ? RED : YELLOW })
  }
  return { text: line, style, spans }
}

function sorted(rows: readonly TraceRow[], by: TraceScreenState['sort']): TraceRow[] {
  if (by === 'ttl') return [...rows]
  const key = ({ counted }: TraceRow): number =>
    by === 'loss' ? (counted.lossPercent ?? -1) : (counted.rttMs?.avg ?? -1)
  // Each row tells its own hop then.
  return rows.map(row => ({ ...row, isMore: false })).sort((a, b) => key(b) - key(a) || a.firstTtl - b.firstTtl)
}

function ttlColumn({ firstTtl, lastTtl, isMore }: TraceRow): string {
  if (isMore) return ' '.repeat(TTL_WIDTH)
  return firstTtl === lastTtl ? `${String(firstTtl).padStart(3)}. ` : `${firstTtl}-${lastTtl}`.padEnd(TTL_WIDTH)
}

function flowLines({ document, color }: TraceFrame, columns: number): ScreenLine[] {
  const { flows, flow, branches } = document
  if (flows === null) {
    const sentence = 'There is one flow: start it with --flows N to see the branches.'
    return wrapped(sentence, columns).map(text => ({ text, style: '' }))
  }
  const key = flow.key === 'source-port' ? 'Port' : 'Chksum'
  const lines: ScreenLine[] = [
    { text: ` Flow ${key.padStart(6)}  Loss%   Snt   Avg  Path`, style: color ? BOLD : '' },
    ...flows.flatMap(each => {
      const loss = each.lossPercent === null ? '-' : formatPercent(each.lossPercent)
      const avg = each.rttMs === null ? '-' : formatRtt(each.rttMs.avg)
      const numbers = `${String(each.flow).padStart(5)} ${String(each.value).padStart(6)} ${loss.padStart(6)} ${String(each.sent).padStart(5)} ${avg.padStart(5)}`
      const style = color && (each.lossPercent ?? 0) > 0 ? RED : ''
      const path = wrapped(pathWords(each.path), Math.max(columns - numbers.length - 2, LEAST_PATH))
      return path.map((text, index) => ({
        text: `${(index === 0 ? numbers : '').padEnd(numbers.length)}  ${text}`,
        style,
      }))
    }),
  ]
  for (const { ttl, addresses } of branches?.byTtl ?? []) {
    if (addresses.length < 2) continue
    const who = addresses.map(address => {
      const seen = flows.filter(({ path }) => path.includes(address)).map(each => each.flow)
      return `${printable(address)}${seen.length === 0 ? '' : ` (${rangesOf(seen)})`}`
    })
    for (const text of wrapped(`hop ${ttl}: ${who.join(', ')}`, columns, 2)) lines.push({ text, style: '' })
  }
  return lines
}
