// Probes on their way out: those that are due, as many at a time as pays, on this thread or beside it.

import type { ProbeTransport, SendBatch } from '../ports/probe.js'
import { RETRY_MS } from './ping-alarm.js'
import type { PingPlan } from './ping-plan.js'
import type { PingProgress } from './ping-progress.js'
import type { ProbeRing } from './probe-ring.js'
import type { Schedule } from './schedule.js'

/** Probes handed to a transport at once. */
const BATCH_ROWS = 256
/** From so many on, a batch is worth being sent on another thread; and the most of one. */
const LEAST_ASIDE = 256
const MOST_ASIDE = 1024
/** The first batch of a run: it tells when the run began, and the rest can follow beside this thread. */
const FIRST_ROWS = 16

/** What the run does with what has left. */
export interface SendTold {
  /** So many rows of a batch left, or were refused. */
  sent(batch: SendBatch, rows: number, transport: ProbeTransport): void
  /** There is no room to remember this one any longer. */
  giveUp(number: number): void
  /** Does what an event of the network asks for, unless the run is over. */
  guard(work: () => void): void
  /** The rows of a flight have been told; another one may be under way. */
  landed(nowMs: number, full: boolean): void
}

/** A batch on its way beside this thread, or ready to follow. */
interface Flight {
  readonly batch: SendBatch
  /** Number of its first probe, and the schedule before it. */
  first: number
  before: [due: number, roundDue: number]
  transport: ProbeTransport
}

export class ProbeSender {
  private readonly plan: PingPlan
  private readonly progress: PingProgress
  private readonly ring: ProbeRing
  private readonly schedule: Schedule
  private readonly transportOf: readonly ProbeTransport[]
  private readonly told: SendTold
  private readonly batch = emptyBatch(BATCH_ROWS)
  private current: Flight | null = null
  private following: Flight | null = null
  private readonly landedBatches: SendBatch[] = []
  /** A refusal, and what the error queue says of it, is looked into row by row. */
  private keepsAside = true
  /** The first ones are smaller, so that the other thread has work early. */
  private asideRows = LEAST_ASIDE

  constructor(
    plan: PingPlan,
    progress: PingProgress,
    ring: ProbeRing,
    schedule: Schedule,
    transportOf: readonly ProbeTransport[],
    told: SendTold,
  ) {
    this.plan = plan
    this.progress = progress
    this.ring = ring
    this.schedule = schedule
    this.transportOf = transportOf
    this.told = told
  }

  /** A batch is on its way beside this thread: what is due next goes with one that follows it. */
  get flying(): boolean {
    return this.current !== null
  }

  /** The number after the last probe that has left or is leaving: answers to all before it may come. */
  get end(): number {
    const { current } = this
    return current === null ? this.progress.next : current.first + current.batch.count
  }

  /** Sends up to a batch on this thread; false when the socket is full. */
  sendDue(nowMs: number): boolean {
    const { batch, progress, schedule } = this
    const first = progress.next
    const before = schedule.state
    const { rows = BATCH_ROWS } = this.transportOf[this.ring.targetOf(first)]!
    const transport = this.fill(batch, Math.min(rows, first === 0 ? FIRST_ROWS : BATCH_ROWS), first, nowMs)
    const handled = transport.send(batch)
    if (first === 0 && handled > 0) schedule.started(batch.sentMonoNs[0]! / 1e6, before[0])
    this.told.sent(batch, handled, transport)
    if (handled < batch.count) schedule.takeBack(before, first + handled, first, nowMs + RETRY_MS)
    return handled === batch.count
  }

  /** Starts to send what is due beside this thread, if there is enough of it; the first batch of a run never goes so. */
  launch(nowMs: number): boolean {
    if (this.progress.next === 0) return false
    const flight = this.prepared(nowMs)
    return flight !== null && this.start(flight)
  }

  /** Makes a batch ready that follows the one on its way. */
  prepare(nowMs: number): void {
    this.following ??= this.prepared(nowMs)
  }

  /** Nothing leaves beside this thread any more but what is on its way. */
  stopAside(): void {
    this.keepsAside = false
  }

  private prepared(nowMs: number): Flight | null {
    const { plan, schedule } = this
    const first = this.end
    if (!this.keepsAside || plan.pace.mode !== 'steady' || this.last - first < LEAST_ASIDE) return null
    if (schedule.dueMs + (LEAST_ASIDE - 1) * plan.pace.gapMs > nowMs) return null
    const { aside } = this.transportOf[this.ring.targetOf(first)]!
    if (!aside || aside.rows < LEAST_ASIDE) return null
    const batch = this.landedBatches.pop() ?? emptyBatch(MOST_ASIDE)
    const before = schedule.state
    const transport = this.fill(batch, Math.min(aside.rows, this.asideRows), first, nowMs)
    this.asideRows = Math.min(2 * this.asideRows, MOST_ASIDE)
    const flight = { batch, first, before, transport }
    if (batch.count < LEAST_ASIDE) {
      this.takeBack(flight)
      return null
    }
    aside.prepare(batch)
    return flight
  }

  private start(flight: Flight): boolean {
    this.current = flight
    if (flight.transport.aside!.send(handled => this.told.guard(() => this.land(flight, handled)))) return true
    this.current = null
    this.keepsAside = false
    this.takeBack(flight)
    return false
  }

  /** The next batch leaves first, so that the other thread has work while this one goes over what has left. */
  private land(flight: Flight, handled: number): void {
    const { batch, first, before, transport } = flight
    const { following, schedule } = this
    const full = handled < batch.count
    this.current = null
    this.following = null
    if (batch.result.subarray(0, handled).some(result => result !== 0)) this.keepsAside = false
    if (following !== null) {
      if (full || !this.keepsAside) this.takeBack(following)
      else this.start(following)
    }
    this.told.sent(batch, handled, transport)
    this.landedBatches.push(batch)
    const nowMs = transport.nowMonoNs() / 1e6
    if (full) schedule.takeBack(before, first + handled, first, nowMs + RETRY_MS)
    this.told.landed(nowMs, full)
  }

  /** What was made ready is not sent: it is due again. */
  private takeBack({ batch, first, before }: Flight): void {
    this.schedule.takeBack(before, first, first, before[0])
    this.landedBatches.push(batch)
  }

  /** The number after the last probe of the run. */
  private get last(): number {
    const { count, targets } = this.plan
    return count === null || this.progress.untilAnswered ? Number.POSITIVE_INFINITY : count * targets.length
  }

  /** Fills a batch with what is due, from probe `number` on, for one transport, which it answers. */
  private fill(batch: SendBatch, rows: number, first: number, nowMs: number): ProbeTransport {
    const { plan, ring, progress, schedule, last } = this
    const transport = this.transportOf[ring.targetOf(first)]!
    let number = first
    batch.count = 0
    while (batch.count < rows && number < last && schedule.dueMs <= nowMs) {
      const target = ring.targetOf(number)
      if (this.transportOf[target] !== transport) break
      progress.advance()
      if (!ring.makeRoom(number, progress.oldest)) this.told.giveUp(progress.oldest)
      batch.target[batch.count] = target
      batch.sequence[batch.count] = ring.sequenceOf(number)
      batch.payloadBytes[batch.count] = plan.payloadBytes
      batch.count++
      schedule.sent(number++, nowMs)
    }
    return transport
  }
}

function emptyBatch(rows: number): SendBatch {
  return {
    count: 0,
    target: new Int32Array(rows),
    sequence: new Uint32Array(rows),
    payloadBytes: new Int32Array(rows),
    result: new Int32Array(rows),
    sentNs: new Float64Array(rows),
    sentMonoNs: new Float64Array(rows),
    mtu: new Int32Array(rows),
  }
}
