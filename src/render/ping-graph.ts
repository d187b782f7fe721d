// Round-trip times over time as lines of text: a pure drawing, of samples into a size.

import type { ScreenLine, StyledSpan } from './live-screen.js'
import { axisLabel, axisParts, niceCeiling, timeTicks } from './ping-graph-axis.js'

/** What one column of one target holds. */
export interface GraphPoint {
  /** The longest round-trip time; null for none. */
  worstMs: number | null
  /** Probes that nobody answered in time. */
  lost: number
  /** Probes that met an error. */
  failed: number
}

/** One target in the graph. */
export interface GraphSeries {
  label: string
  /** Oldest first; the last one is drawn at the right edge. */
  points: readonly GraphPoint[]
  /** Legend: `0.051`, `lost`; null for nothing yet. */
  last: string | null
  avg: string | null
  p95: string | null
  loss: string | null
}

export interface GraphFrame {
  /** The line at the top. */
  status: string
  series: readonly GraphSeries[]
  /** Targets that are not drawn. */
  more: number
  /** Time from one column to the next; 0 when probes set their own pace, and columns are counted instead. */
  msPerColumn: number
  color: boolean
}

interface Size {
  columns: number
  rows: number
}

/** Marks of overlaid targets: told apart without colour too. */
export const GRAPH_MARKS = ['●', '■', '▲', '◆', '○', '□', '△', '◇'] as const
/** SGR: cyan, yellow, green, magenta, blue, and the bright ones. */
const COLORS = ['36', '33', '32', '35', '34', '96', '93', '92']
const LOSS_COLOR = '1;31'
const REVERSE = '7'

const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const LOST = '×'
const FAILED = '!'
const SEVERAL = '*'
/** Stands where a lost probe has no bar. */
const GAP = '┊'

/** Rows that are neither plot nor legend: status, losses, axis, times. */
const OTHER_ROWS = 4
const LEAST_PLOT_ROWS = 3
/** `0.0025 ms`: of one width whatever the scale, since the scale depends on how many columns are left. */
const LABEL_COLUMNS = 9
const LEAST_PLOT_COLUMNS = 10

/** Lines that fit the size: status, plot with its axes, losses, legend. Without room for a plot only status and legend. */
export function drawGraph(frame: GraphFrame, size: Size): ScreenLine[] {
  const { series, more, color } = frame
  const legend = legendLines(frame)
  const room = size.rows - OTHER_ROWS - LEAST_PLOT_ROWS
  const shownLegend = fitLegend(legend, Math.max(room, 1), series.length + more)
  const status = { text: frame.status, style: color ? REVERSE : '' }
  const rows = size.rows - OTHER_ROWS - shownLegend.length
  const width = size.columns - LABEL_COLUMNS - 2
  if (rows < LEAST_PLOT_ROWS || width < LEAST_PLOT_COLUMNS) {
    return [status, ...fitLegend(legend, Math.max(size.rows - 1, 0), series.length + more)].slice(0, size.rows)
  }
  const top = niceCeiling(worst(series, width))
  const labels = axisLabels(top, rows)
  const plot = plotOf(series, top, rows, width)
  const lines = plot.map((cells, row) => lineOf(`${labels[row]!.padStart(LABEL_COLUMNS)} ┤`, cells, color))
  const { axis, times } = timeTicks(width, frame.msPerColumn)
  const indent = ' '.repeat(LABEL_COLUMNS + 1)
  return [
    status,
    ...lines,
    lineOf(`${'lost'.padStart(LABEL_COLUMNS)} ┤`, lossRow(series, width), color),
    { text: `${indent}└${axis}`, style: '' },
    { text: `${indent} ${times}`, style: '' },
    ...shownLegend,
  ]
}

interface Cell {
  text: string
  style: string
}

const EMPTY: Cell = { text: ' ', style: '' }

const styleOf = (index: number): string => COLORS[index % COLORS.length]!

/** The longest time that can be seen. */
function worst(series: readonly GraphSeries[], columns: number): number {
  let most = 0
  for (const { points } of series) for (const { worstMs } of points.slice(-columns)) most = Math.max(most, worstMs ?? 0)
  return most
}

/** The labels of the rows: a round time where its row has the upper edge nearest to it, empty in between. */
function axisLabels(top: number, rows: number): string[] {
  const labels = new Array<string>(rows).fill('')
  const parts = axisParts(top, rows)
  for (let part = 1; part <= parts; part++) {
    labels[Math.round(rows - (rows * part) / parts)] = axisLabel((top * part) / parts, top)
  }
  return labels
}

/** The point of a target in a column of the plot, where the last one is at the right edge. */
function pointAt({ points }: GraphSeries, column: number, width: number): GraphPoint | undefined {
  return points[points.length - width + column]
}

function plotOf(series: readonly GraphSeries[], top: number, rows: number, width: number): Cell[][] {
  const plot = Array.from({ length: rows }, () => new Array<Cell>(width).fill(EMPTY))
  const [only] = series
  for (let column = 0; column < width; column++) {
    if (series.length === 1 && only !== undefined) drawBar(plot, column, pointAt(only, column, width), top)
    else for (const [index, each] of series.entries()) drawMark(plot, column, pointAt(each, column, width), top, index)
  }
  return plot
}

/** One target: a bar in eighths of a row. */
function drawBar(plot: Cell[][], column: number, point: GraphPoint | undefined, top: number): void {
  if (point === undefined) return
  const rows = plot.length
  if (point.worstMs === null) {
    if (point.lost + point.failed > 0) for (const cells of plot) cells[column] = { text: GAP, style: LOSS_COLOR }
    return
  }
  const height = Math.max(1, Math.round((point.worstMs / top) * rows * 8))
  for (let row = 0; row < rows; row++) {
    const eighths = Math.min(Math.max(height - (rows - 1 - row) * 8, 0), 8)
    if (eighths > 0) plot[row]![column] = { text: EIGHTHS[eighths]!, style: styleOf(0) }
  }
}

/** Several targets: a mark each; where two meet a star. */
function drawMark(plot: Cell[][], column: number, point: GraphPoint | undefined, top: number, index: number): void {
  if (point === undefined || point.worstMs === null) return
  const rows = plot.length
  const row = rows - 1 - Math.min(Math.floor((point.worstMs / top) * rows), rows - 1)
  const taken = plot[row]![column] !== EMPTY
  plot[row]![column] = taken ? { text: SEVERAL, style: '' } : { text: markOf(index), style: styleOf(index) }
}

const markOf = (index: number): string => GRAPH_MARKS[index % GRAPH_MARKS.length]!

/** Which target lost a probe in each column: its mark, or how many targets did. One target: `×` lost, `!` an error. */
function lossRow(series: readonly GraphSeries[], width: number): Cell[] {
  return Array.from({ length: width }, (_, column) => {
    const lossy = [...series.keys()].filter(index => {
      const point = pointAt(series[index]!, column, width)
      return point !== undefined && point.lost + point.failed > 0
    })
    const [first] = lossy
    if (first === undefined) return EMPTY
    if (lossy.length > 1) return { text: lossy.length > 9 ? '#' : String(lossy.length), style: LOSS_COLOR }
    if (series.length > 1) return { text: markOf(first), style: styleOf(first) }
    return { text: pointAt(series[0]!, column, width)!.lost > 0 ? LOST : FAILED, style: LOSS_COLOR }
  })
}

function lineOf(head: string, cells: readonly Cell[], color: boolean): ScreenLine {
  const spans: StyledSpan[] = []
  let text = head
  for (const cell of cells) {
    const last = spans.at(-1)
    if (last !== undefined && last.to === text.length && last.style === cell.style) last.to += cell.text.length
    else if (cell.style !== '') spans.push({ from: text.length, to: text.length + cell.text.length, style: cell.style })
    text += cell.text
  }
  const line = { text: text.trimEnd(), style: '' }
  return color && spans.length > 0 ? { ...line, spans } : line
}

/** `● 10.0.1.2  last 0.051  avg 0.060  p95 0.081 ms  loss 0%`, in columns. */
function legendLines({ series, color }: GraphFrame): ScreenLine[] {
  const labelWidth = Math.max(0, ...series.map(({ label }) => label.length))
  const cell = (key: 'last' | 'avg' | 'p95' | 'loss'): ((each: GraphSeries) => string) => {
    const width = Math.max(...series.map(each => (each[key] ?? '-').length))
    return each => `${key} ${(each[key] ?? '-').padStart(width)}`
  }
  const cells = (['last', 'avg', 'p95', 'loss'] as const).map(cell)
  return series.map((each, index) => {
    const [last, avg, p95, loss] = cells.map(show => show(each))
    const mark = series.length === 1 ? EIGHTHS[8]! : markOf(index)
    const text = `${mark} ${each.label.padEnd(labelWidth)}  ${last}  ${avg}  ${p95} ms  ${loss}`
    return color
      ? { text, style: '', spans: [{ from: 0, to: mark.length, style: styleOf(index) }] }
      : { text, style: '' }
  })
}

/** As many lines of the legend as there is room for, saying how many targets are not among them. */
function fitLegend(legend: readonly ScreenLine[], room: number, targets: number): ScreenLine[] {
  if (legend.length <= room && legend.length === targets) return [...legend]
  const kept = legend.slice(0, Math.max(room - 1, 0))
  return [...kept, { text: `and ${targets - kept.length} more targets`, style: '' }]
}
