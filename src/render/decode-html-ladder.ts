// The ladder of a flow: each packet an arrow between client and server, with its time and its labels. A table, so that it can be
// read aloud, searched, and broken between pages.

import { labelNames, RETRANSMISSION_KINDS } from '../flow/labels.js'
import type { Flow } from '../flow/model.js'
import { QUIET_LABELS, type SeriesPoint } from '../flow/series.js'
import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG } from '../wire/walked-packet.js'
import { escaped, lastingWords } from './decode-html-text.js'
import { endWords, grouped } from './decode-words.js'

const MOST_ROWS = 100
/** The beginning and the end are shown whole, the rest by what it tells. */
const HEAD = 20
const TAIL = 12
/** A silence of this many milliseconds has a line of its own. */
const SILENCE_MS = 500
const WIDTH = 540
const ROW = 30

export interface LadderSides {
  /** Which sender is the client. */
  clientSide: 0 | 1
  /** Scales of the windows that the client and the server announce; null when they are not known. */
  shifts: { client: number; server: number } | null
  hasTimes: boolean
}

export function ladderHtml(flow: Flow, points: readonly SeriesPoint[], sides: LadderSides): string {
  const writer = new Ladder(flow, points, sides)
  return writer.html()
}

class Ladder {
  readonly #flow: Flow
  readonly #points: readonly SeriesPoint[]
  readonly #sides: LadderSides
  /** Number of the SYN of each sender, or one before its first: what numbers are counted from. */
  readonly #bases: [number | null, number | null] = [null, null]
  readonly #out: string[] = []

  constructor(flow: Flow, points: readonly SeriesPoint[], sides: LadderSides) {
    this.#flow = flow
    this.#points = points
    this.#sides = sides
    this.#findBases()
  }

  html(): string {
    const { client, server, packets } = this.#flow
    const shown = chosen(this.#points)
    const total = packets.client + packets.server + this.#flow.icmpErrors.length
    let before: SeriesPoint | null = null
    for (const [index, point] of this.#points.entries()) {
      if (!shown.has(index)) continue
      const skipped = before === null ? 0 : point.number - before.number - 1
      if (skipped > 0) this.#note(`${grouped(skipped)} more ${skipped === 1 ? 'packet' : 'packets'} not drawn here`)
      else if (before !== null) this.#silence(point, before)
      this.#row(point, before)
      before = point
    }
    // The windows of SYNs are never scaled; of a reset none is shown.
    const isScaled = this.#points.some(
      ({ protocol, flags }) => protocol === 'tcp' && (flags & (TCP_SYN | TCP_RST)) === 0,
    )
    const isKnown = this.#sides.shifts !== null || !isScaled
    const scaleNote = isKnown ? '' : ' (windows as they are in the packets: their scale is not known)'
    const caption =
      shown.size >= total
        ? `Ladder: all packets${scaleNote}`
        : `Ladder: ${grouped(shown.size)} of ${grouped(total)} packets: the first, the last, and those with labels${scaleNote}`
    return [
      `<table class="ladder"><caption>${caption}</caption>`,
      `<thead><tr><th scope="col">frame</th><th scope="col">time</th><th scope="col">after</th><th scope="col" class="ends"><span>client ${escaped(endWords(client))}</span><span>server ${escaped(endWords(server))}</span></th><th scope="col">labels</th></tr></thead>`,
      '<tbody>',
      ...this.#out,
      '</tbody></table>',
    ].join('\n')
  }

  #findBases(): void {
    for (const { protocol, sender, flags, sequence, acknowledgment } of this.#points) {
      if (protocol !== 'tcp' || (flags & TCP_RST) !== 0) continue
      this.#bases[sender] ??= (sequence - ((flags & TCP_SYN) !== 0 ? 0 : 1)) >>> 0
      const other = sender === 0 ? 1 : 0
      if ((flags & TCP_ACK) !== 0) this.#bases[other] ??= (acknowledgment - 1) >>> 0
    }
  }

  #row(point: SeriesPoint, before: SeriesPoint | null): void {
    const { hasTimes } = this.#sides
    const afterMs = before === null || !hasTimes ? null : (point.timeNs - before.timeNs) / 1e6
    const time = hasTimes ? (point.timeNs / 1e9).toFixed(6) : '-'
    const after = afterMs === null ? '' : afterMs < 0 ? `-${lastingWords(-afterMs)}` : `+${lastingWords(afterMs)}`
    this.#out.push(
      `<tr><td class="num">${point.frame}</td><td class="num">${time}</td><td class="num">${after}</td><td class="arrow">${this.#arrow(point)}</td><td>${this.#labels(point)}</td></tr>`,
    )
  }

  #silence(point: SeriesPoint, before: SeriesPoint): void {
    const ms = (point.timeNs - before.timeNs) / 1e6
    if (ms >= SILENCE_MS) this.#note(`${lastingWords(ms)} later`)
  }

  #note(text: string): void {
    this.#out.push(`<tr class="skip"><td colspan="3"></td><td>${escaped(text)}</td><td></td></tr>`)
  }

  #arrow(point: SeriesPoint): string {
    const isFromClient = point.sender === this.#sides.clientSide
    // An ICMP error goes back to the one whose packet it quotes, from wherever it comes.
    const isToServer = point.protocol === 'icmp' ? !isFromClient : isFromClient
    const direction = isToServer ? 's' : 'c'
    const text = point.protocol === 'tcp' ? this.#tcpWords(point) : this.#otherWords(point)
    const use = point.protocol === 'icmp' ? `#icmp-to-${direction}` : `#to-${direction}`
    return `<svg class="${toneOf(point)}" width="${WIDTH}" height="${ROW}" viewBox="0 0 ${WIDTH} ${ROW}"><use href="${use}"/><text x="${WIDTH / 2}" y="13">${escaped(text)}</text></svg>`
  }

  #tcpWords(point: SeriesPoint): string {
    const { sender, flags, sequence, acknowledgment, bytes, window } = point
    const relative = (number: number, side: 0 | 1): string => {
      const base = this.#bases[side]
      if (base === null) return grouped(number)
      // A number before the first, of a keep-alive for example, is negative.
      const distance = (number - base) >>> 0
      return distance > 0xf0000000 ? `-${grouped(2 ** 32 - distance)}` : grouped(distance)
    }
    const { shifts, clientSide } = this.#sides
    const shift = shifts === null || (flags & TCP_SYN) !== 0 ? 0 : shifts[sender === clientSide ? 'client' : 'server']
    const parts = [flagWords(flags), `seq ${relative(sequence, sender)}`]
    if ((flags & TCP_ACK) !== 0) parts.push(`ack ${relative(acknowledgment, sender === 0 ? 1 : 0)}`)
    if (bytes > 0) parts.push(`len ${grouped(bytes)}`)
    if ((flags & TCP_RST) === 0) parts.push(`win ${grouped(window * 2 ** shift)}`)
    return parts.join(' ')
  }

  #otherWords({ protocol, frame, bytes }: SeriesPoint): string {
    if (protocol === 'udp') return `UDP len ${grouped(bytes)}`
    const error = this.#flow.icmpErrors.find(each => each.frame === frame)
    return error === undefined ? 'ICMP error' : `ICMP ${error.reason} from ${error.from}`
  }

  #labels(point: SeriesPoint): string {
    const names = labelNames(point.labels).map(name => {
      if (name === 'dup-ack' && point.dupAckNumber > 0) return `dup-ack #${point.dupAckNumber}`
      const kind = RETRANSMISSION_KINDS[point.retransmissionKind]!
      return (name === 'retransmission' || name === 'partial-retransmission') && kind !== 'unknown'
        ? `${name} (${kind})`
        : name
    })
    return names.map(name => `<span class="label">${escaped(name)}</span>`).join(' ')
  }
}

/** Colour of an arrow: of a reset, of trouble, of anything else. */
function toneOf({ protocol, flags, labels }: SeriesPoint): 'bad' | 'odd' | 'plain' {
  if ((flags & TCP_RST) !== 0 || protocol === 'icmp') return 'bad'
  return (labels & ~QUIET_LABELS) !== 0 ? 'odd' : 'plain'
}

const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [TCP_SYN, 'SYN'],
  [TCP_FIN, 'FIN'],
  [TCP_RST, 'RST'],
  [TCP_PSH, 'PSH'],
  [TCP_ACK, 'ACK'],
  [TCP_URG, 'URG'],
  [TCP_ECE, 'ECE'],
  [TCP_CWR, 'CWR'],
]

export function flagWords(flags: number): string {
  const names = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name)
  return names.join('-') || 'no flags'
}

/** Indices of the packets that are drawn: the first and the last ones, and between them those with labels. */
function chosen(points: readonly SeriesPoint[]): Set<number> {
  const all = points.map((_, index) => index)
  if (points.length <= MOST_ROWS) return new Set(all)
  const tail = points.length - TAIL
  const shown = new Set(all.filter(index => index < HEAD || index >= tail))
  const inner = all.slice(HEAD, tail)
  const isOf = (tone: string) => (index: number) => toneOf(points[index]!) === tone
  for (const tone of ['bad', 'odd']) {
    const rows = inner.filter(isOf(tone))
    // Too many of a kind are thinned evenly.
    const every = Math.max(1, rows.length / Math.max(1, MOST_ROWS - shown.size))
    for (let at = 0; at < rows.length && shown.size < MOST_ROWS; at += every) shown.add(rows[Math.floor(at)]!)
  }
  return shown
}
