// The path at one look, as traceroute(8) prints it: each hop as soon as it and all before it are known.

import { printable } from '../bytes/printable.js'
import type { TraceDocument } from '../probe/trace-document.js'
import type { TraceErrorEvent, TraceEvent, TraceHeader, TraceReplyEvent } from '../probe/trace-events.js'
import type { NameOf, TextOut } from './ping-words.js'
import { traceSections } from './trace-sections.js'
import { icmpMark, interfaceWords, mplsMark, privilegeWords, protocolWords, targetWords } from './trace-words.js'

export interface TracePathOptions {
  readonly header: TraceHeader
  /** Probes to each hop: rounds of the run. */
  readonly probes: number
  /** A hop that leaves all of them unanswered while others behind it answer gets slowed ones: their answers are waited for. */
  readonly verify: boolean
  readonly nameOf: NameOf
  /** `bee (10.0.1.2)` as traceroute has it, or addresses only. */
  readonly numeric: boolean
  /** What the user's databases say of an address, in brackets behind it; empty for nothing. */
  readonly placeOf: (address: string) => string
}

/** What became of one probe. */
type Cell = TraceReplyEvent | TraceErrorEvent | 'waiting' | 'lost'

interface HopCells {
  /** By round, from 0. */
  readonly cells: Map<number, Cell>
  /** The answer to a slowed probe. */
  slow: TraceReplyEvent | null
  /** It is known whether slowed probes are answered. */
  isVerified: boolean
}

/** Events in, lines out. Only the first flow has lines; the ways of all others follow them. */
export class TracePathText {
  private readonly options: TracePathOptions
  private readonly out: TextOut
  private readonly hops = new Map<number, HopCells>()
  /** Scouts that nobody answered, by TTL: where nobody answers any, they are all there was. */
  private readonly scouts = new Map<number, number>()
  /** Rounds that are over. */
  private roundsOver = 0
  /** The next hop to print. */
  private ttl: number
  /** Hops that nobody answered at, and nobody behind them so far. */
  private silent: number[] = []
  private isEnded = false
  /** Marks that were printed, and what they mean. */
  private readonly legend = new Map<string, string>()

  constructor(options: TracePathOptions, out: TextOut) {
    this.options = options
    this.out = out
    this.ttl = options.header.firstTtl
  }

  begin(): void {
    const { target, maxTtl, packetBytes } = this.options.header
    const how = `${protocolWords(this.options.header)}, ${privilegeWords(this.options.header)}`
    this.out.line(`trace to ${targetWords(target)}, ${maxTtl} hops max, ${packetBytes} byte packets, ${how}`)
  }

  event(event: TraceEvent): void {
    if (event.event === 'round') {
      if (event.flow === 0) this.roundsOver = Math.max(this.roundsOver, event.round)
    } else if (event.event === 'verified') this.hop(event.ttl).isVerified = true
    else if (event.event === 'reply' && event.purpose === 'slow') this.hop(event.ttl).slow ??= event
    else if (event.event === 'timeout' && event.purpose === 'scout') {
      this.scouts.set(event.ttl, (this.scouts.get(event.ttl) ?? 0) + 1)
    } else if ('purpose' in event && event.purpose === 'round' && event.flow === 0) {
      const hop = this.hop(event.ttl)
      if (event.round > this.options.probes) return
      const before = hop.cells.get(event.round)
      if (event.event === 'sent') hop.cells.set(event.round, 'waiting')
      else if (event.event === 'timeout') hop.cells.set(event.round, 'lost')
      else if (event.event !== 'duplicate' && (before === undefined || typeof before === 'string'))
        hop.cells.set(event.round, event)
    } else return
    this.print()
  }

  /** Prints what is left, and what follows the hops. */
  end(document: TraceDocument): void {
    this.roundsOver = this.options.probes
    if (this.hops.size === 0) this.showScouts()
    for (const hop of this.hops.values()) hop.isVerified = true
    const last = Math.max(0, ...this.hops.keys())
    while (!this.isEnded && this.ttl <= last) this.printHop(this.hop(this.ttl))
    if (!this.isEnded && this.silent.length > 0) this.printSilent()
    for (const [mark, meaning] of this.legend) this.out.line(`${mark}  ${meaning}`)
    for (const line of traceSections(document)) this.out.line(line)
  }

  private showScouts(): void {
    for (const [ttl, count] of this.scouts) {
      for (let round = 1; round <= count; round++) this.hop(ttl).cells.set(round, 'lost')
    }
  }

  private hop(ttl: number): HopCells {
    const known = this.hops.get(ttl)
    if (known !== undefined) return known
    const hop: HopCells = { cells: new Map(), slow: null, isVerified: !this.options.verify }
    this.hops.set(ttl, hop)
    return hop
  }

  private print(): void {
    for (;;) {
      const hop = this.hops.get(this.ttl)
      if (this.isEnded || hop === undefined || !this.isSettled(hop)) return
      if (answersOf(hop).length > 0 && !this.silent.every(ttl => isKnown(this.hop(ttl)))) return
      this.printHop(hop)
    }
  }

  /** A hop that takes no part in a round, since its answers are being tested, waits for the end of that round only. */
  private isSettled({ cells }: HopCells): boolean {
    for (let round = 1; round <= this.options.probes; round++) {
      const cell = cells.get(round)
      if ((cell === undefined || cell === 'waiting') && round > this.roundsOver) return false
    }
    return true
  }

  private printHop(hop: HopCells): void {
    const ttl = this.ttl++
    const answers = answersOf(hop)
    if (answers.length === 0 && !(hop.slow !== null && this.silent.length === 0)) {
      // Where a probe was still under way at the end, nothing is known.
      if (lostOf(hop.cells) > 0) this.silent.push(ttl)
      return
    }
    this.printWaiting(this.silent.splice(0))
    if (this.isEnded) return
    this.out.line(`${ttlColumn(ttl)}${this.line(hop)}`)
    const seen = answers.length > 0 || hop.slow === null ? answers : [hop.slow]
    this.isEnded = seen.length > 0 && (seen.every(isFinal) || seen.some(isFromTarget))
  }

  /** Hops that left all probes of rounds unanswered, as far as the end of the path: a slowed one may tell that it is there. */
  private printWaiting(ttls: readonly number[]): void {
    for (const ttl of ttls) {
      const hop = this.hop(ttl)
      this.out.line(`${ttlColumn(ttl)}${this.line(hop)}`)
      this.isEnded = hop.slow !== null && isFinal(hop.slow)
      if (this.isEnded) return
    }
  }

  private stars(ttl: number): string {
    return ' *'.repeat(lostOf(this.hop(ttl).cells))
  }

  /** Hops behind the last that answered. */
  private printSilent(): void {
    const answered = this.silent.findLastIndex(ttl => this.hop(ttl).slow !== null)
    this.printWaiting(this.silent.splice(0, answered + 1))
    if (this.isEnded || this.silent.length === 0) return
    const [first, last] = [this.silent[0]!, this.silent.at(-1)!]
    const column = first === last ? ttlColumn(first) : `${String(first).padStart(2)}-${last} `
    this.out.line(`${column}${this.stars(first)}`)
  }

  private line({ cells, slow }: HopCells): string {
    let text = ''
    let shown: string | null = null
    for (let round = 1; round <= this.options.probes; round++) {
      const cell = cells.get(round)
      if (cell === undefined || cell === 'waiting') continue
      if (cell === 'lost') text += ' *'
      else if (cell.event === 'error') text += ` !(${printable(cell.reason)})`
      else {
        const who = this.who(cell)
        if (who !== shown) text += who
        shown = who
        text += this.answer(cell)
      }
    }
    return shown === null && slow !== null ? `${text}${this.who(slow)}${this.answer(slow)}` : text
  }

  /** Address, name, place, and what the answer carried: shown again only when it differs from that of the probe before. */
  private who({ from, mpls, interfaces }: TraceReplyEvent): string {
    const { nameOf, numeric, placeOf } = this.options
    const address = printable(from)
    const shown = numeric ? address : `${printable(nameOf(from) ?? from)} (${address})`
    const place = placeOf(from)
    const extensions = [
      ...(mpls === null ? [] : [mplsMark(mpls)]),
      ...(interfaces ?? []).map(each => `<${interfaceWords(each)}>`),
    ]
    return ` ${[shown, ...(place === '' ? [] : [place]), ...extensions].join(' ')}`
  }

  private answer({ rttMs, answer, type, code, mtu, reason }: TraceReplyEvent): string {
    // An echo reply is ICMP too, and no error.
    const mark = answer === 'echo-reply' ? '' : icmpMark(this.options.header.target.family, type, code, mtu)
    if (mark !== '') this.legend.set(mark, printable(reason ?? `ICMP type ${type}, code ${code}`))
    const time = rttMs === null ? '' : `  ${rttMs.toFixed(3)} ms`
    return mark === '' ? time : `${time} ${mark}`
  }
}

/** `traceroute` leaves a blank behind it. */
const ttlColumn = (ttl: number): string => `${String(ttl).padStart(2)} `

const answersOf = ({ cells }: HopCells): (TraceReplyEvent | TraceErrorEvent)[] =>
  [...cells.values()].filter(cell => typeof cell !== 'string')

/** Whether slowed probes are answered is known, or was not asked. */
const isKnown = ({ slow, isVerified }: HopCells): boolean => slow !== null || isVerified

const lostOf = (cells: ReadonlyMap<number, Cell>): number => [...cells.values()].filter(cell => cell === 'lost').length

const isFinal = (cell: TraceReplyEvent | TraceErrorEvent): boolean =>
  cell.event === 'error' || cell.answer === 'unreachable' || isFromTarget(cell)

function isFromTarget(cell: TraceReplyEvent | TraceErrorEvent): boolean {
  return cell.event !== 'error' && cell.answer !== 'time-exceeded' && cell.answer !== 'unreachable'
}
