// What is known of one responder at one TTL, folded over its answers in memory that does not grow with their number.

import type { InterfaceInfo, MplsLabel } from '../wire/icmp-extensions.js'
import { RttTimes } from './rtt-times.js'
import type { HopRtt, IcmpCount } from './trace-document.js'
import type { TraceAnswer, TraceReplyEvent } from './trace-events.js'

/** Times kept as they are, of each responder: beyond, percentiles are within 0.5 % (quantiles.ts). Sorting so many is no work. */
const EXACT_TIMES = 2000
/** Rounds of a sparkline. */
const RECENT = 60
/** ICMP types and codes that are told apart: nobody honest has as many. */
const MOST_ICMP = 32

/** Settled probes; `lost` is an estimate, and no whole number. */
export interface ProbeCounts {
  sent: number
  received: number
  lost: number
}

/** Round-trip times in order of their arrival. */
export class HopTimes {
  private readonly times = new RttTimes(EXACT_TIMES)
  private last = 0
  private count = 0
  private differences = 0

  add(rttMs: number): void {
    if (this.count++ > 0) this.differences += Math.abs(rttMs - this.last)
    this.last = rttMs
    this.times.add(rttMs)
  }

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    return this.times.quantiles.held
  }

  /** Mean |difference| of consecutive answers. */
  get jitterMs(): number | null {
    return this.count < 2 ? null : this.differences / (this.count - 1)
  }

  statistics(): HopRtt | null {
    const all = this.times.statistics()
    if (all === null) return null
    const { avg, min, max, stddev, p50, p95 } = all
    return { last: this.last, avg, best: min, worst: max, stddev: this.count < 2 ? null : stddev, p50, p95 }
  }
}

/** The latest rounds, each with a time or without an answer. */
class RecentRounds {
  private readonly rounds = new Int32Array(RECENT)
  private readonly rtts = new Float64Array(RECENT)

  /** @param rttMs null when unanswered: then what another flow said of the round stays */
  note(round: number, rttMs: number | null): void {
    const slot = round % RECENT
    if (this.rounds[slot]! > round || (rttMs === null && this.rounds[slot] === round)) return
    this.rounds[slot] = round
    this.rtts[slot] = rttMs ?? Number.NaN
  }

  list(): (number | null)[] {
    const slots = [...this.rounds.keys()].filter(slot => this.rounds[slot]! > 0)
    const newest = Math.max(...slots.map(slot => this.rounds[slot]!))
    return slots
      .filter(slot => this.rounds[slot]! > newest - RECENT)
      .sort((a, b) => this.rounds[a]! - this.rounds[b]!)
      .map(slot => (Number.isNaN(this.rtts[slot]) ? null : this.rtts[slot]!))
  }
}

export class ResponderFold {
  readonly address: string
  readonly flows = new Set<number>()
  readonly times = new HopTimes()
  readonly answers: Partial<Record<TraceAnswer, number>> = {}
  mpls: readonly MplsLabel[] | null = null
  interfaces: readonly InterfaceInfo[] | null = null
  mtu: number | null = null
  tos: number | null = null
  translated: boolean | null = null
  /** Of paths that are no more. */
  readonly closed: ProbeCounts = { sent: 0, received: 0, lost: 0 }
  private readonly recent = new RecentRounds()
  private readonly icmpCounts = new Map<number, number>()

  constructor(address: string) {
    this.address = address
  }

  /** @param round that it is shown under */
  answered(event: TraceReplyEvent, round: number): void {
    this.flows.add(event.flow)
    this.answers[event.answer] = (this.answers[event.answer] ?? 0) + 1
    this.countIcmp(event)
    if (event.mpls !== null) this.mpls = event.mpls
    if (event.interfaces !== null) this.interfaces = event.interfaces
    if (event.mtu !== null) this.mtu = event.mtu
    if (event.quoted !== null) {
      this.tos = event.quoted.tos
      this.translated = event.quoted.translated
    }
    if (event.event !== 'reply' || event.rttMs === null) return
    this.times.add(event.rttMs)
    this.recent.note(round, event.rttMs)
  }

  unanswered(round: number): void {
    this.recent.note(round, null)
  }

  get recentMs(): (number | null)[] {
    return this.recent.list()
  }

  get icmp(): IcmpCount[] {
    return [...this.icmpCounts].map(([key, count]) => ({ type: key >> 8, code: key & 0xff, count }))
  }

  private countIcmp({ type, code }: TraceReplyEvent): void {
    if (type === null || code === null) return
    const key = (type << 8) | code
    const known = this.icmpCounts.get(key)
    if (known === undefined && this.icmpCounts.size >= MOST_ICMP) return
    this.icmpCounts.set(key, (known ?? 0) + 1)
  }
}
