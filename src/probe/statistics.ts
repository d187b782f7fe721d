// Counts and times of one target, folded over its events in memory that does not grow with their number.

import { ICMP_REDIRECT, ICMP_SOURCE_QUENCH } from '../wire/icmp.js'
import type { ErrorEvent, ReplyEvent, TimeoutEvent } from './events.js'
import { EXACT_SAMPLES } from './quantiles.js'
import { type RttStatistics, RttTimes, statisticsOfOne } from './rtt-times.js'
import { FATE, SequenceWindow } from './sequence-window.js'

export type { RttStatistics } from './rtt-times.js'

/** Everything a summary says of one target. */
export interface PingStatistics {
  transmitted: number
  /** Probes answered in time, each counted once. */
  received: number
  duplicates: number
  late: number
  corrupted: number
  reordered: number
  /** Answers from another address than the one that was probed. */
  differentAddress: number
  /** Errors that routers, the target or this host reported. A redirect is advice, and none. */
  errors: number
  /**
   * Of the probes that are not under way any more, to a tenth: 0 only when none was lost, 100 only when all were. null when there is
   * none.
   */
  lossPercent: number | null
  /** From the first send to the last, as iputils has it: the wait for the last answer is not in it. */
  timeMs: number
  /** null when nothing was received. */
  rttMs: RttStatistics | null
  /** Mean of |difference| of the times of probes n and n + 1 where both were answered; null when there is no such pair. */
  jitterMs: number | null
  /** RFC 3550 section 6.4.1 over answers in order of their arrival: J += (|D| - J) / 16; null below two. */
  rfc3550JitterMs: number | null
  /** Exponentially weighted average (1/8) as iputils shows it in flood and adaptive mode; null when nothing was received. */
  ewmaMs: number | null
  /** Longest time from the send of a probe that was lost to that of the next one that was answered, or to the end; 0 for none. */
  longestOutageMs: number
}

/** RFC 4861 section 4.5. */
const ND_REDIRECT = 137
/** Of all targets together. */
const MOST_SAMPLES = 1 << 17
const LEAST_SAMPLES = 32

/** How many samples each of so many targets may keep as they are: all together take 1 MB, or 256 bytes each. */
export function exactSamplesFor(targets: number): number {
  return Math.min(Math.max(Math.floor(MOST_SAMPLES / Math.max(targets, 1)), LEAST_SAMPLES), EXACT_SAMPLES)
}

/**
 * Folds the events of one target. Probes leave with sequence numbers 1, 2, 3 ..., each is answered (`reply`) once at most, and
 * answers and errors may come in any order; who calls tells `late` and `duplicate` answers from others. An answer that follows an
 * error counts as received, but the outage that the error began stays.
 */
export class TargetStatistics {
  private readonly exactSamples: number
  private transmitted = 0
  private received = 0
  private duplicates = 0
  private late = 0
  private corrupted = 0
  private reordered = 0
  private differentAddress = 0
  private errors = 0
  private firstSentMs = Number.NaN
  private lastSentMs = Number.NaN
  /** What became of the first probe. It is all that most of very many targets get, so the rest waits for a second one. */
  private first: number = FATE.open
  private window: SequenceWindow | null = null
  private times: RttTimes | null = null

  /**
   * @param exactSamples round-trip times that are kept as they are, see `exactSamplesFor`
   * @param firstSentMs of a target whose first probe was sent before: when
   * @param first and what became of it: a round-trip time or one of FATE
   */
  constructor(exactSamples = EXACT_SAMPLES, firstSentMs = Number.NaN, first: number = FATE.open) {
    this.exactSamples = exactSamples
    if (Number.isNaN(firstSentMs)) return
    this.sent(1, firstSentMs)
    this.first = first
    if (isAnswered(first)) this.received = 1
  }

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    return (this.window?.held ?? 0) + (this.times?.quantiles.held ?? 0)
  }

  /** @param atMs milliseconds of Unix time */
  sent(sequence: number, atMs: number): void {
    this.lastSentMs = atMs
    if (this.transmitted++ === 0) this.firstSentMs = atMs
    else this.openWindow().sent(sequence, atMs)
  }

  reply(event: ReplyEvent): void {
    if (event.corruptedBytes > 0) this.corrupted++
    if (event.reordered) this.reordered++
    if (event.differentAddress) this.differentAddress++
    if (event.event === 'duplicate') this.duplicates++
    else if (event.event === 'late') this.late++
    else {
      this.received++
      this.decide(event.sequence, (event.corruptedBytes > 0 ? null : event.rttMs) ?? FATE.untimed)
    }
  }

  error(event: ErrorEvent): void {
    if (isAdvice(event)) return
    this.errors++
    if (event.sequence !== null) this.decide(event.sequence, FATE.lost)
  }

  timeout(event: TimeoutEvent): void {
    this.decide(event.sequence, FATE.lost)
  }

  /**
   * Everything as it stands.
   * @param nowMs milliseconds of Unix time: where an outage that still lasts ends
   * @param inFlight probes that may still be answered in time
   */
  snapshot(nowMs: number, inFlight: number): PingStatistics {
    const { transmitted, received, times, first } = this
    return {
      transmitted,
      received,
      duplicates: this.duplicates,
      late: this.late,
      corrupted: this.corrupted,
      reordered: this.reordered,
      differentAddress: this.differentAddress,
      errors: this.errors,
      lossPercent: lossPercent(transmitted - inFlight, transmitted - inFlight - received),
      timeMs: transmitted === 0 ? 0 : Math.max(this.lastSentMs - this.firstSentMs, 0),
      rttMs: times === null ? statisticsOfOne(first) : times.statistics(),
      jitterMs: this.window?.jitterMs ?? null,
      rfc3550JitterMs: times?.rfc3550JitterMs ?? null,
      ewmaMs: times === null ? (first < 0 ? null : first) : times.ewmaMs,
      longestOutageMs: this.longestOutageMs(nowMs, inFlight),
    }
  }

  private decide(sequence: number, fate: number): void {
    if (this.transmitted === 0) return
    if (this.transmitted > 1) {
      this.openWindow().decide(sequence, fate)
      if (fate >= 0) this.times!.add(fate)
    } else if (sequence === 1 && (this.first === FATE.open || (this.first === FATE.lost && fate !== FATE.lost))) {
      this.first = fate
    }
  }

  private openWindow(): SequenceWindow {
    if (this.window !== null) return this.window
    this.times = new RttTimes(this.exactSamples)
    if (this.first >= 0) this.times.add(this.first)
    this.window = new SequenceWindow()
    this.window.sent(1, this.firstSentMs)
    this.window.decide(1, this.first)
    return this.window
  }

  private longestOutageMs(nowMs: number, inFlight: number): number {
    if (this.window !== null) return this.window.longestOutageMs(nowMs, inFlight)
    const lost = this.first === FATE.lost || (this.first === FATE.open && this.transmitted > inFlight)
    return lost ? Math.max(nowMs - this.firstSentMs, 0) : 0
  }
}

/**
 * What there is to say of a target that got one probe at most, and no answer but one in time.
 * @param sentMs when it left; NaN for no probe
 * @param fate what became of it: a round-trip time or one of FATE
 */
export function statisticsOfFirst(sentMs: number, fate: number, nowMs: number, inFlight: number): PingStatistics {
  const transmitted = Number.isNaN(sentMs) ? 0 : 1
  const received = isAnswered(fate) ? 1 : 0
  const isLost = fate === FATE.lost || (fate === FATE.open && transmitted > inFlight)
  return {
    transmitted,
    received,
    duplicates: 0,
    late: 0,
    corrupted: 0,
    reordered: 0,
    differentAddress: 0,
    errors: 0,
    lossPercent: lossPercent(transmitted - inFlight, transmitted - inFlight - received),
    timeMs: 0,
    rttMs: statisticsOfOne(fate),
    jitterMs: null,
    rfc3550JitterMs: null,
    ewmaMs: fate < 0 ? null : fate,
    longestOutageMs: isLost ? Math.max(nowMs - sentMs, 0) : 0,
  }
}

/** An answer came in time, whether its time is known or not. */
function isAnswered(fate: number): boolean {
  return fate >= 0 || fate === FATE.untimed
}

/** Whether the message tells of something better to do, and the probe goes on: a redirect, and RFC 6633's source quench. */
export function isAdvice({ origin, type, target }: ErrorEvent): boolean {
  if (origin !== 'icmp') return false
  return target.family === 4 ? type === ICMP_REDIRECT || type === ICMP_SOURCE_QUENCH : type === ND_REDIRECT
}

/** To a tenth: 0 only when none was lost, 100 only when all were. null when nothing was sent. */
export function lossPercent(sent: number, lost: number): number | null {
  if (sent <= 0) return null
  const rounded = Math.round((1000 * lost) / sent) / 10
  if (lost <= 0) return 0
  return lost >= sent ? 100 : Math.min(Math.max(rounded, 0.1), 99.9)
}
