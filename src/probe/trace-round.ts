// One round of one flow: a probe to each TTL, which of them may go, and what came of them.

import type { Place } from './trace-answers.js'
import type { ProbePurpose } from './trace-events.js'
import type { SeenPath } from './trace-path.js'

/** TTLs probed beyond the deepest that answered. */
export const WINDOW = 5
/** Where nothing answers, the window grows by one TTL after this. */
const GROWTH_MS = 8

/** TTLs that are probed once more before a path is told to have no answer at all: limits on answers may be used up for the moment. */
const REPEATED = WINDOW

const SLOT = { unsent: 0, waiting: 1, answered: 2, unanswered: 3, void: 4 } as const

export interface RoundShape {
  readonly flow: number
  /** From 1; 0 for scouts. */
  readonly number: number
  readonly purpose: ProbePurpose
  readonly firstTtl: number
  readonly maxTtl: number
  /** Last TTL that is worth a probe; null while the length of the path is unknown: then a window moves along. */
  readonly horizon: number | null
  /** Between two of its probes. */
  readonly gapMs: number
  readonly startMs: number
  /** TTLs that are left out. */
  readonly skips: (ttl: number) => boolean
}

export class Round {
  readonly shape: RoundShape
  /** Last TTL that is worth a probe; moved where others than this round find out. */
  horizon: number | null
  /** How far beyond it, once a router answers there. */
  beyond = WINDOW
  /** TTL of the next probe. */
  private next: number
  private due: number
  private lastNews: number
  private readonly slots: Uint8Array
  private readonly addresses: (string | null)[]
  private readonly rtts: Float64Array
  private target: number | null = null
  private blocked: number | null = null
  private deepestRouter: number
  private waiting = 0
  private answeredCount = 0
  /** TTLs to be probed once more, and those that were or will be. */
  private readonly repeats: number[] = []
  private repeatedUpTo: number

  constructor(shape: RoundShape) {
    this.shape = shape
    this.horizon = shape.horizon
    this.next = shape.firstTtl
    this.deepestRouter = shape.firstTtl - 1
    this.repeatedUpTo = shape.firstTtl - 1
    this.due = shape.startMs
    this.lastNews = shape.startMs
    this.slots = new Uint8Array(shape.maxTtl + 1)
    this.addresses = new Array<string | null>(shape.maxTtl + 1).fill(null)
    this.rtts = new Float64Array(shape.maxTtl + 1).fill(Number.NaN)
  }

  /** Where the path ends as far as this round knows: the target, or who refuses to go on. */
  get end(): number | null {
    return this.target ?? this.blocked
  }

  get targetTtl(): number | null {
    return this.target
  }

  /** Deepest TTL at which a router answered; firstTtl - 1 for none. */
  get deepest(): number {
    return this.deepestRouter
  }

  get answers(): number {
    return this.answeredCount
  }

  /** Last TTL that will have a probe, as things stand. */
  get last(): number {
    const { maxTtl } = this.shape
    const { horizon, deepestRouter, beyond } = this
    if (this.end !== null) return this.end
    if (horizon === null) return maxTtl
    return Math.min(maxTtl, deepestRouter >= horizon ? deepestRouter + beyond : horizon)
  }

  get allSent(): boolean {
    this.pass()
    return this.repeats.length === 0 && this.next > this.last
  }

  /** All that matters was answered or given up; what was sent beyond the end does not matter. */
  get isComplete(): boolean {
    if (!this.allSent) return false
    if (this.waiting === 0) return true
    for (let ttl = this.shape.firstTtl; ttl <= this.last; ttl++) if (this.slots[ttl] === SLOT.waiting) return false
    return true
  }

  /**
   * When the length of the path is known well enough for another round: at once when its end has answered, else a while after all is
   * sent and no more answers come. Infinity while it cannot be said.
   */
  lengthKnownMs(longestRttMs: number): number {
    if (!this.allSent) return Number.POSITIVE_INFINITY
    if (this.end !== null || this.isComplete) return this.lastNews
    if (this.horizon !== null) return this.lastNews
    if (this.answeredCount === 0) return Number.POSITIVE_INFINITY
    return this.lastNews + Math.max(50, 2 * longestRttMs)
  }

  /** When its next probe may go; Infinity when it has to wait for an answer, or has none. */
  dueMs(): number {
    this.pass()
    const { startMs, firstTtl } = this.shape
    if (this.repeats.length > 0) return this.due
    if (this.next > this.last) return Number.POSITIVE_INFINITY
    if (this.horizon !== null || this.end !== null) return this.due
    const ahead = this.next - Math.max(this.deepestRouter, firstTtl - 1) - WINDOW
    return Math.max(this.due, startMs + GROWTH_MS * ahead)
  }

  /** TTL of the next probe. */
  get nextTtl(): number {
    this.pass()
    return this.repeats[0] ?? this.next
  }

  /** Its next probe went out. @param isVoid the kernel refused it */
  sent(nowMs: number, isVoid: boolean): void {
    const ttl = this.repeats.shift() ?? this.next++
    this.slots[ttl] = isVoid ? SLOT.void : SLOT.waiting
    if (!isVoid) this.waiting++
    const { gapMs } = this.shape
    this.due = nowMs - this.due > gapMs ? nowMs + gapMs : this.due + gapMs
    this.lastNews = nowMs
  }

  answered(ttl: number, address: string, place: Place | null, rttMs: number | null, nowMs: number): void {
    if (this.slots[ttl] === SLOT.waiting) this.waiting--
    if (this.slots[ttl] !== SLOT.answered) this.answeredCount++
    this.slots[ttl] = SLOT.answered
    this.lastNews = nowMs
    if (rttMs !== null) this.rtts[ttl] = rttMs
    if (place === null) return
    this.addresses[ttl] = address
    if (place === 'target') this.target = Math.min(this.target ?? ttl, ttl)
    else if (place === 'blocked') this.blocked = Math.min(this.blocked ?? ttl, ttl)
    else this.deepestRouter = Math.max(this.deepestRouter, ttl)
  }

  gaveUp(ttl: number): void {
    if (this.slots[ttl] !== SLOT.waiting) return
    this.waiting--
    this.slots[ttl] = SLOT.unanswered
  }

  /** Where nothing has answered the first TTLs get another probe, which takes the place of the overdue one. False where that is not so. */
  repeat(ttl: number): boolean {
    const { firstTtl } = this.shape
    // Those that were sent again may be answered before the next is overdue.
    const isWanted = this.answeredCount === 0 || this.isRepeated(firstTtl)
    const isNext = ttl > this.repeatedUpTo && ttl < firstTtl + REPEATED && ttl <= this.last
    if (!isWanted || !isNext || this.slots[ttl] !== SLOT.waiting) return false
    this.waiting--
    this.slots[ttl] = SLOT.unsent
    this.repeatedUpTo = ttl
    this.repeats.push(ttl)
    return true
  }

  isRepeated(ttl: number): boolean {
    return ttl <= this.repeatedUpTo
  }

  /** The probe never left. */
  failed(ttl: number): void {
    if (this.slots[ttl] === SLOT.waiting) this.waiting--
    if (this.slots[ttl] !== SLOT.answered) this.slots[ttl] = SLOT.void
  }

  /** Whether a deeper TTL than this was answered. */
  answeredBeyond(ttl: number): boolean {
    return this.deepestRouter > ttl || (this.end !== null && this.end > ttl)
  }

  wasAnswered(ttl: number): boolean {
    return this.slots[ttl] === SLOT.answered
  }

  /** Whether the probe there was answered or given up. */
  isSettled(ttl: number): boolean {
    return this.slots[ttl] === SLOT.answered || this.slots[ttl] === SLOT.unanswered
  }

  /** NaN when unknown. */
  rttMs(ttl: number): number {
    return this.rtts[ttl] ?? Number.NaN
  }

  /**
   * Who answered.
   * @param assumed who is held to be at a TTL that had no probe
   * @param assumedEnd TTL of the target, when it is one of those
   */
  seen(assumed: (ttl: number) => string | null, assumedEnd: number | null): SeenPath {
    const { firstTtl, skips } = this.shape
    const isAssumed = this.target === null && assumedEnd !== null && this.deepestRouter < assumedEnd
    const last = isAssumed ? assumedEnd : this.last
    const path: (string | null)[] = []
    const skipped: number[] = []
    for (let ttl = firstTtl; ttl <= last; ttl++) {
      const isSkipped = this.slots[ttl] === SLOT.unsent && skips(ttl)
      if (isSkipped) skipped.push(ttl - firstTtl)
      path.push(this.addresses[ttl] ?? (isSkipped ? assumed(ttl) : null))
    }
    while (path.length > 0 && path.at(-1) === null) path.pop()
    const end = this.target !== null || isAssumed ? 'target' : this.blocked !== null ? 'blocked' : null
    return { path, end: isAssumed && path.length < assumedEnd - firstTtl + 1 ? null : end, skipped }
  }

  /** Passes over TTLs that are left out. */
  private pass(): void {
    while (this.next <= this.last && this.shape.skips(this.next)) this.next++
  }
}
