// Probes of one flow by TTL and responder, for as long as its path is the same. Rounds are held back until it is certain which path
// they went: a change is known a few rounds after it happened, and an unanswered probe belongs to whoever was there then.

import type { Place } from './trace-answers.js'
import type { TraceReplyEvent } from './trace-events.js'
import type { HopSample, SlowVerdict } from './trace-loss.js'
import { HopTimes } from './trace-responder.js'

/** Rounds of a flow after which no change of its path is told for one. */
const UNSURE_ROUNDS = 8
/** Rounds held back at most: the oldest is believed then. */
const MOST_HELD = 256
/** Addresses told apart at one TTL of a flow. */
const MOST_ADDRESSES = 32

/** Settled probes to one TTL. */
export interface Cell {
  sent: number
  received: number
  slowSent: number
  slowReceived: number
  /** Answers by address, slowed probes among them. */
  readonly by: Map<string, number>
}

export interface SettledProbe {
  readonly ttl: number
  /** 0 for slowed ones. */
  readonly round: number
  /** null: nobody answered. */
  readonly from: string | null
}

export function newCell(): Cell {
  return { sent: 0, received: 0, slowSent: 0, slowReceived: 0, by: new Map() }
}

/** Who answers at each TTL of a flow, and where its path ends (see FlowFold). */
export interface PathState {
  readonly flow: number
  readonly end: number
  readonly distance: number | null
  readonly current: ReadonlyMap<number, string>
}

/** A path with what was counted on it. */
export interface CountedPath {
  readonly flow: PathState
  readonly cells: ReadonlyMap<number, Cell>
}

export class FlowFold implements PathState {
  readonly flow: number
  /** Who answers at each TTL, as far as is known. */
  readonly current = new Map<number, string>()
  /** Where the target answers; null as long as it does not. */
  distance: number | null = null
  /** Times of the deepest hop that answers. */
  endTimes = new HopTimes()
  private timedTtl = 0
  /** Smallest TTL at which somebody refused to let a probe go on. */
  private blockedAt: number | null = null
  /** Largest TTL at which a router answered. */
  private deepestRouter = 0
  private cells = new Map<number, Cell>()
  /** By round and TTL: who answered. */
  private readonly rounds = new Map<number, Map<number, string | null>>()
  private readonly ended = new Set<number>()
  private lastEnded = 0
  /** First round on the path of now. */
  private since = 0

  constructor(flow: number) {
    this.flow = flow
  }

  /** Last TTL of the path: of the target, or of who refuses to go on; Infinity when neither is known. */
  get end(): number {
    if (this.distance !== null) return this.distance
    const { blockedAt } = this
    return blockedAt !== null && blockedAt > this.deepestRouter ? blockedAt : Number.POSITIVE_INFINITY
  }

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    let held = this.cells.size + this.ended.size
    for (const row of this.rounds.values()) held += row.size
    return held
  }

  /** Where the path ends, and who is on it, as it is now. */
  snapshot(): PathState {
    const { flow, end, distance, current } = this
    return { flow, end, distance, current: new Map(current) }
  }

  /** Somebody answered: on the way, at the end, or where it does not go on. */
  place({ event, ttl, round, rttMs }: TraceReplyEvent, place: Place): void {
    if (this.isOfOldPath(round)) return
    // A late answer may be of a path that is no more.
    if (place === 'target' && (event === 'reply' || this.distance === null)) {
      this.distance = Math.min(this.distance ?? ttl, ttl)
    } else if (place === 'router') this.deepestRouter = Math.max(this.deepestRouter, ttl)
    else if (place === 'blocked') this.blockedAt = Math.min(this.blockedAt ?? ttl, ttl)
    if (event === 'reply' && rttMs !== null) this.noteTime(ttl, rttMs)
  }

  /** Keeps the times of the last hop that answers, wherever it turns out to be. */
  private noteTime(ttl: number, rttMs: number): void {
    const isEnd = this.distance === null ? ttl > this.timedTtl : ttl === this.distance && ttl !== this.timedTtl
    if (isEnd) {
      this.timedTtl = ttl
      this.endTimes = new HopTimes()
    }
    if (ttl === this.timedTtl) this.endTimes.add(rttMs)
  }

  settled(probe: SettledProbe): void {
    const { ttl, round, from } = probe
    if (from !== null && !this.current.has(ttl)) this.current.set(ttl, from)
    if (round === 0) {
      add(cellOf(this.cells, ttl), from, 'slow')
      return
    }
    const row = this.rounds.get(round) ?? new Map<number, string | null>()
    this.rounds.set(round, row.set(ttl, from))
    if (this.rounds.size > MOST_HELD) this.believe(Math.min(...this.rounds.keys()))
  }

  /** An answer to a probe that was counted as unanswered. */
  late({ ttl, round, from }: SettledProbe): void {
    if (from === null || this.isOfOldPath(round)) return
    if (!this.current.has(ttl)) this.current.set(ttl, from)
    const row = this.rounds.get(round)
    if (row !== undefined) {
      row.set(ttl, from)
      return
    }
    const cell = this.cells.get(ttl)
    if (cell === undefined) return
    if (round === 0 && cell.slowReceived < cell.slowSent) cell.slowReceived++
    else if (round !== 0 && cell.received < cell.sent) cell.received++
    else return
    countAnswer(cell, from)
  }

  roundEnded(round: number): void {
    this.ended.add(round)
    this.lastEnded = Math.max(this.lastEnded, round)
    for (const oldest of [...this.rounds.keys()].sort((a, b) => a - b)) {
      if (oldest > this.lastEnded - UNSURE_ROUNDS || !this.ended.has(oldest)) break
      this.believe(oldest)
    }
    for (const each of this.ended) if (each < this.lastEnded - MOST_HELD) this.ended.delete(each)
  }

  /**
   * The path became another in a round, or a little before: from there on probes belong to the new one.
   * @returns what was counted on the old one
   */
  changed(
    round: number,
    before: readonly (string | null)[],
    after: readonly (string | null)[],
    firstTtl: number,
    target: string,
  ): ReadonlyMap<number, Cell> {
    let from = round
    while (differs(this.rounds.get(from - 1), before, firstTtl)) from--
    for (const each of [...this.rounds.keys()]) if (each < from) this.believe(each)
    this.since = from
    const closed = this.cells
    this.cells = new Map()
    this.current.clear()
    for (const [at, address] of after.entries()) if (address !== null) this.current.set(firstTtl + at, address)
    this.distance = after.at(-1) === target ? firstTtl + after.length - 1 : null
    this.blockedAt = null
    this.deepestRouter = 0
    this.timedTtl = 0
    this.endTimes = new HopTimes()
    return closed
  }

  /** Everything counted on this path, with the rounds that are held back. */
  open(): ReadonlyMap<number, Cell> {
    const all = new Map([...this.cells].map(([ttl, cell]) => [ttl, { ...cell, by: new Map(cell.by) }]))
    for (const row of this.rounds.values()) for (const [ttl, from] of row) add(cellOf(all, ttl), from, 'fast')
    return all
  }

  private isOfOldPath(round: number): boolean {
    return round !== 0 && round < this.since
  }

  private believe(round: number): void {
    const row = this.rounds.get(round)
    this.rounds.delete(round)
    this.ended.delete(round)
    for (const [ttl, from] of row ?? []) add(cellOf(this.cells, ttl), from, 'fast')
  }
}

/** Whether somebody answered in a round who is not on that path, or behind its end. */
function differs(
  row: ReadonlyMap<number, string | null> | undefined,
  path: readonly (string | null)[],
  firstTtl: number,
): boolean {
  for (const [ttl, from] of row ?? []) {
    const at = ttl - firstTtl
    const known = path[at] ?? null
    if (from !== null && (at >= path.length || (known !== null && from !== known))) return true
  }
  return false
}

function cellOf(cells: Map<number, Cell>, ttl: number): Cell {
  const cell = cells.get(ttl) ?? newCell()
  cells.set(ttl, cell)
  return cell
}

function add(cell: Cell, from: string | null, kind: 'fast' | 'slow'): void {
  if (kind === 'slow') cell.slowSent++
  else cell.sent++
  if (from === null) return
  if (kind === 'slow') cell.slowReceived++
  else cell.received++
  countAnswer(cell, from)
}

function countAnswer(cell: Cell, from: string): void {
  const known = cell.by.get(from)
  if (known !== undefined || cell.by.size < MOST_ADDRESSES) cell.by.set(from, (known ?? 0) + 1)
}

/** Probes to one TTL of several flows together. */
export function sumOf(cells: Iterable<Cell>): Cell {
  const sum = newCell()
  for (const cell of cells) {
    sum.sent += cell.sent
    sum.received += cell.received
    sum.slowSent += cell.slowSent
    sum.slowReceived += cell.slowReceived
    for (const [address, count] of cell.by) sum.by.set(address, (sum.by.get(address) ?? 0) + count)
  }
  return sum
}

/** What is known of the TTL itself, whoever answers there. */
export interface HopNature {
  readonly limitsItsAnswers: boolean
  readonly verdict: SlowVerdict | null
}

export function sampleOf(ttl: number, { sent, received, slowSent, slowReceived }: Cell, nature: HopNature): HopSample {
  return { ttl, sent, received, slowSent, slowReceived, ...nature }
}
