// The time-sequence graph of one direction: what was sent, sent again, acknowledged and allowed, over time, as inline SVG.

import * as Label from '../flow/label-bits.js'
import { RETRANSMISSION_KINDS } from '../flow/labels.js'
import type { SeriesPoint } from '../flow/series.js'
import type { GraphData, GraphSegment } from '../flow/series-graph.js'
import { TCP_FIN, TCP_SYN } from '../wire/walked-packet.js'
import { legendHtml, type Mark } from './decode-html-legend.js'
import { bytesLabel, secondsLabel, ticks } from './decode-html-scale.js'
import { escaped, pixel } from './decode-html-text.js'

const WIDTH = 1120
const HEIGHT = 360
const LEFT = 92
const RIGHT = 22
const TOP = 22
const BOTTOM = 34
/** Free space inside of the axes: marks at the edges are whole. */
const PAD_X = 14
const PAD_Y = 14
/** Shorter segments are drawn this long, and probes, which carry nothing: else they are not seen. */
const LEAST_MARK = 3
const PROBE_MARK = 9
/** Marks with a text of their own, of each kind; more of them are marks only. */
const MOST_TEXTS = 120
/** Texts closer than this lie over each other: letters, words. */
const LETTERS_APART = 12
const WORDS_APART = 38

/** Where the least and the most of both axes are. */
const PLOT = {
  left: LEFT + PAD_X,
  top: TOP + PAD_Y,
  width: WIDTH - LEFT - RIGHT - 2 * PAD_X,
  height: HEIGHT - TOP - BOTTOM - 2 * PAD_Y,
}

interface Scale {
  x: (point: SeriesPoint, timeNs: number) => number
  y: (number: number) => number
}

export interface GraphWords {
  title: string
  /** Begin of the flow: zero of the time axis. */
  startNs: number
  endNs: number
  /** Points are put by their number: the capture has no times. */
  numbers: ReadonlyMap<SeriesPoint, number> | null
}

const AGAIN =
  Label.RETRANSMISSION |
  Label.PARTIAL_RETRANSMISSION |
  Label.SYN_RETRANSMIT |
  Label.SYN_ACK_RETRANSMIT |
  Label.SYN_RETRY |
  Label.FIN_RETRANSMIT
const LETTERS: Readonly<Record<(typeof RETRANSMISSION_KINDS)[number], string>> = {
  unknown: '?',
  rto: 'R',
  fast: 'F',
  tail: 'T',
  spurious: 'S',
}

export function graphSvg(data: GraphData, words: GraphWords): string {
  return new Graph(data, words).svg()
}

class Graph {
  readonly #data: GraphData
  readonly #words: GraphWords
  readonly #scale: Scale
  readonly #shown = new Set<Mark>()
  readonly #out: string[] = []

  constructor(data: GraphData, words: GraphWords) {
    this.#data = data
    this.#words = words
    this.#scale = scaleOf(data, words)
  }

  svg(): string {
    const { title } = this.#words
    this.#axes()
    // What is outside of the inner picture is cut off there: a window may end far above.
    this.#out.push(
      `<svg x="${LEFT}" y="${TOP}" width="${WIDTH - LEFT - RIGHT}" height="${HEIGHT - TOP - BOTTOM}" viewBox="${LEFT} ${TOP} ${WIDTH - LEFT - RIGHT} ${HEIGHT - TOP - BOTTOM}">`,
    )
    this.#gaps()
    this.#acknowledgments()
    this.#segments()
    this.#out.push('</svg>')
    this.#resets()
    this.#texts()
    const body = this.#out.join('\n')
    return `<figure><figcaption>${escaped(title)}</figcaption><svg class="graph" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`time-sequence graph: ${title}`)}">\n${body}\n</svg>${legendHtml(this.#shown)}</figure>`
  }

  #axes(): void {
    const { y } = this.#scale
    const { least, most } = this.#data
    const bottom = HEIGHT - BOTTOM
    const grid: string[] = []
    for (const value of ticks(least, most, 5).values.filter(each => Number.isInteger(each))) {
      grid.push(`M${LEFT} ${pixel(y(value))}H${WIDTH - RIGHT}`)
      this.#out.push(`<text class="n" x="${LEFT - 8}" y="${pixel(y(value) + 4)}">${bytesLabel(value)}</text>`)
    }
    for (const [at, label] of this.#times()) {
      grid.push(`M${pixel(at)} ${TOP}V${bottom}`)
      this.#out.push(`<text class="t" x="${pixel(at)}" y="${bottom + 18}">${label}</text>`)
    }
    this.#out.unshift(`<path class="grid" d="${grid.join('')}"/>`)
    const unit = this.#words.numbers === null ? 'time since the first packet of the flow' : 'packet of the flow'
    this.#out.push(
      `<path class="axis" d="M${LEFT} ${TOP}V${bottom}H${WIDTH - RIGHT}"/>`,
      `<text class="c" x="8" y="12">sequence number, from the first</text>`,
      `<text class="c e" x="${WIDTH - RIGHT}" y="${HEIGHT - 2}">${unit}</text>`,
    )
  }

  #times(): [number, string][] {
    const { startNs, endNs, numbers } = this.#words
    const { left, width } = PLOT
    if (numbers !== null) {
      const most = Math.max(1, numbers.size - 1)
      const { values } = ticks(0, most, 8)
      return values.filter(Number.isInteger).map(value => [left + (value / most) * width, String(value + 1)])
    }
    const span = Math.max(1, endNs - startNs) / 1e9
    const { step, values } = ticks(0, span, 8)
    return values.map(value => [left + (value / span) * width, secondsLabel(value, step)])
  }

  #gaps(): void {
    for (const { point, timeNs, start, end } of this.#data.gaps) {
      const at = pixel(this.#scale.x(point, timeNs))
      this.#path(
        'g',
        `M${at} ${pixel(this.#scale.y(start))}V${pixel(this.#scale.y(end))}`,
        titleOf(point, `${bytesLabel(end - start)} bytes before it are not in the capture`),
      )
    }
  }

  /** The lines of what was acknowledged and of the window: steps, as both hold until the next packet. */
  #acknowledgments(): void {
    const { x, y } = this.#scale
    const lines: Record<'a' | 'w', string> = { a: '', w: '' }
    const heights = { a: '', w: '' }
    const step = (kind: 'a' | 'w', at: string, height: string): void => {
      if (height === heights[kind]) return
      lines[kind] += lines[kind] === '' ? `M${at} ${height}` : `H${at}V${height}`
      heights[kind] = height
    }
    const sacks = new Set<string>()
    const duplicates = new Set<string>()
    const { acknowledgments } = this.#data
    for (const { point, timeNs, acknowledged, edge, sack } of acknowledgments) {
      const at = pixel(x(point, timeNs))
      const height = pixel(y(acknowledged))
      step('a', at, height)
      if (edge !== null) step('w', at, pixel(this.#within(y(edge))))
      if (sack !== null) sacks.add(`M${at} ${pixel(y(sack.start))}V${pixel(y(sack.end))}`)
      if ((point.labels & Label.DUP_ACK) !== 0) duplicates.add(`M${at} ${pixel(y(acknowledged) - 5)}v10`)
    }
    const end = acknowledgments.at(-1)
    if (end !== undefined) {
      // A window that is above the picture all the time is no line of it.
      if (acknowledgments.some(({ edge }) => edge !== null && edge <= this.#data.most))
        this.#path('w', `${lines.w}H${WIDTH - RIGHT}`)
      this.#path('a', `${lines.a}H${WIDTH - RIGHT}`)
    }
    this.#path('s', [...sacks].join(''))
    this.#path('u', [...duplicates].join(''))
  }

  /** Far outside of the picture numbers are of no use. */
  #within(height: number): number {
    return Math.max(-HEIGHT, Math.min(2 * HEIGHT, height))
  }

  #segments(): void {
    const plain = { d: new Set<string>(), o: new Set<string>(), k: new Set<string>(), r: new Set<string>() }
    let titled = 0
    for (const segment of this.#data.segments) {
      const kind = markOf(segment)
      const path = this.#bar(segment)
      if (kind === 'd' || titled >= MOST_TEXTS || plain[kind].has(path)) plain[kind].add(path)
      else {
        titled++
        this.#path(kind, path, titleOf(segment.point, wordsOf(segment)))
      }
    }
    for (const kind of ['d', 'o', 'k', 'r'] as const) this.#path(kind, [...plain[kind]].join(''))
  }

  #bar({ point, timeNs, start, end }: GraphSegment): string {
    const at = pixel(this.#scale.x(point, timeNs))
    const low = this.#scale.y(start)
    const least = markOf({ point, timeNs, start, end }) === 'k' ? PROBE_MARK : LEAST_MARK
    const high = Math.min(this.#scale.y(end), low - least)
    return `M${at} ${pixel(low)}V${pixel(high)}`
  }

  #resets(): void {
    let free = 0
    for (const { point, timeNs, isSender } of this.#data.resets.slice(0, MOST_TEXTS)) {
      const at = this.#scale.x(point, timeNs)
      const side = isSender ? 'from this sender' : 'from the other end'
      this.#path('x', `M${pixel(at)} ${TOP}V${HEIGHT - BOTTOM}`, titleOf(point, `reset ${side}`))
      if (at < free) continue
      this.#text('x', at, TOP - 4, 'RST')
      free = at + WORDS_APART
    }
  }

  /** Letters at what was sent again, at SYN and FIN; words where the window is zero or full. */
  #texts(): void {
    const { x, y } = this.#scale
    const free = new Map<Mark, number>()
    const put = (kind: Mark, at: number, height: number, text: string): void => {
      this.#shown.add(kind)
      if (at - (free.get(kind) ?? Number.NEGATIVE_INFINITY) < (text.length > 1 ? WORDS_APART : LETTERS_APART)) return
      free.set(kind, at)
      this.#text(kind, at, Math.max(TOP + 8, height), text)
    }
    for (const segment of this.#data.segments) {
      const { point, timeNs, start, end } = segment
      const at = x(point, timeNs)
      const above = Math.min(y(end), y(start) - LEAST_MARK) - 4
      const kind = markOf(segment)
      if (kind === 'r') put('r', at, above, LETTERS[RETRANSMISSION_KINDS[point.retransmissionKind]!])
      else if ((point.flags & (TCP_SYN | TCP_FIN)) !== 0)
        put('d', at, above, (point.flags & TCP_SYN) !== 0 ? 'SYN' : 'FIN')
      if ((point.labels & Label.WINDOW_FULL) !== 0) put('f', at, y(start) + 13, 'full')
    }
    for (const { point, timeNs, acknowledged } of this.#data.acknowledgments)
      if ((point.labels & Label.ZERO_WINDOW) !== 0) put('z', x(point, timeNs), y(acknowledged) + 14, '0')
  }

  #text(kind: Mark, at: number, height: number, text: string): void {
    this.#out.push(`<text class="m m-${kind}" x="${pixel(at)}" y="${pixel(height)}">${escaped(text)}</text>`)
  }

  #path(kind: Mark, path: string, title: string | null = null): void {
    if (path === '') return
    this.#shown.add(kind)
    this.#out.push(
      title === null
        ? `<path class="p-${kind}" d="${path}"/>`
        : `<path class="p-${kind}" d="${path}"><title>${escaped(title)}</title></path>`,
    )
  }
}

function scaleOf({ least, most }: GraphData, { startNs, endNs, numbers }: GraphWords): Scale {
  const { left, top, width, height } = PLOT
  const span = Math.max(1, endNs - startNs)
  const last = Math.max(1, (numbers?.size ?? 0) - 1)
  return {
    x: (point, timeNs) =>
      left + width * (numbers === null ? (timeNs - startNs) / span : (numbers.get(point) ?? 0) / last),
    y: number => top + height * (1 - (number - least) / (most - least)),
  }
}

function markOf({ point }: GraphSegment): 'd' | 'r' | 'o' | 'k' {
  if ((point.labels & AGAIN) !== 0) return 'r'
  if ((point.labels & (Label.KEEP_ALIVE | Label.ZERO_WINDOW_PROBE)) !== 0) return 'k'
  return (point.labels & Label.OUT_OF_ORDER) !== 0 ? 'o' : 'd'
}

function wordsOf({ point, start, end }: GraphSegment): string {
  const kind = RETRANSMISSION_KINDS[point.retransmissionKind]!
  const numbers = `${bytesLabel(start)} to ${bytesLabel(end)}`
  const mark = markOf({ point, timeNs: 0, start, end })
  if (mark === 'r') return `${numbers} sent again (${kind === 'unknown' ? 'why is not known' : kind})`
  return mark === 'o' ? `${numbers} out of order` : 'keep-alive or window probe'
}

const titleOf = (point: SeriesPoint, text: string): string => `frame ${point.frame}: ${text}`
