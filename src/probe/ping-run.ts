// One run of probes: sends them when they are due, matches what comes back, and tells what happened as events.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { ErrorEvent, ProbeEvent, ProbeTarget, ReplyEvent, SummaryEvent } from './events.js'
import { EventMaker, isPortAnswer } from './ping-events.js'
import { Matcher } from './ping-match.js'
import { PROBE_STATE, ProbeRing } from './probe-ring.js'
import { type Pace, Schedule } from './schedule.js'
import { exactSamplesFor, isAdvice, type PingStatistics, TargetStatistics } from './statistics.js'

/** Probes handed to a transport at once. */
const BATCH_ROWS = 256
/** Batches sent before the event loop has its turn. */
const BATCHES_A_TURN = 16
/** A full socket buffer is tried again after this. */
const RETRY_MS = 1
/** Below this a timer of the event loop is no better than another turn of it. */
const TURN_MS = 0.5

export interface PingPlan {
  targets: readonly ProbeTarget[]
  pace: Pace
  /** Probes per target, null for no end. */
  count: number | null
  payloadBytes: number
  /** What the payload is filled with; null for 0, 1, 2 ... */
  pattern: Uint8Array | null
  /** A probe not answered after this is reported as timed out. */
  timeoutMs: number
  /** ping(8) -w: the run ends then, however many were sent or answered; null for none. */
  deadlineMs: number | null
  /**
   * With one target: the wait after the last probe is twice the longest round-trip time once anything was received (ping(8) -W),
   * not the timeout.
   */
  shortWait: boolean
  /** Whether `sent` events are wanted. */
  tellSent: boolean
}

/** Timers of the event loop, injected. */
export interface PingTimers {
  after(ms: number, callback: () => void): () => void
  soon(callback: () => void): () => void
}

export interface PingPorts {
  /** The transport of each family that has a target. */
  transports: readonly { family: 4 | 6; transport: ProbeTransport }[]
  timers: PingTimers
}

/** Runs a plan. */
export class PingRun {
  private readonly plan: PingPlan
  private readonly timers: PingTimers
  private readonly transports: readonly ProbeTransport[]
  private readonly transportOf: readonly ProbeTransport[]
  private readonly tell: (event: ProbeEvent) => void
  private readonly ring: ProbeRing
  private readonly schedule: Schedule
  private readonly statistics: TargetStatistics[]
  private readonly matcher: Matcher
  private readonly makers: ReadonlyMap<ProbeTransport, EventMaker>
  private readonly batch = emptyBatch()
  private readonly originMs: number
  private readonly visitors: ProbeVisitor[]
  /** Highest sequence answered, by target. */
  private readonly highest: Uint32Array
  /** Number of the next probe, and of the oldest that may still be waiting. */
  private next = 0
  private oldest = 0
  private waiting = 0
  private answeredOrFailed = 0
  /** Longest so far, -1 before the first answer. */
  private maxRttMs = -1
  private lastSentMs = 0
  private offsetMs = 0
  /** A probe that the kernel refused, while its error queue is asked why; and the last for which it had an answer. */
  private unexplained = -1
  private explained = -1
  private cancelTimer: () => void = () => undefined
  private finish: (() => void) | null = null
  private failure: unknown = null

  constructor(plan: PingPlan, ports: PingPorts, tell: (event: ProbeEvent) => void) {
    this.plan = plan
    this.timers = ports.timers
    this.tell = tell
    this.transports = ports.transports.map(each => each.transport)
    this.transportOf = plan.targets.map(
      target => ports.transports.find(each => each.family === target.family)!.transport,
    )
    this.ring = new ProbeRing(plan.targets.length)
    this.matcher = new Matcher(plan.targets, this.ring)
    this.makers = new Map(
      this.transports.map(each => [each, new EventMaker(each, this.ring, plan.payloadBytes, plan.pattern)]),
    )
    this.visitors = this.transports.map(transport => this.visitorOf(transport))
    this.highest = new Uint32Array(plan.targets.length)
    const samples = exactSamplesFor(plan.targets.length)
    this.statistics = plan.targets.map(() => new TargetStatistics(samples))
    this.originMs = this.nowMs()
    this.schedule = new Schedule(plan.pace, plan.targets.length, this.originMs)
  }

  /** Probes until the plan is done or `stop` is called; rejects with what the network code threw. */
  async run(): Promise<void> {
    const over = new Promise<void>(resolve => {
      this.finish = resolve
    })
    for (const [index, transport] of this.transports.entries()) {
      transport.onReadable(() => this.guard(() => this.receive(index)))
    }
    this.guard(() => this.turn())
    await over
    this.cancelTimer()
    this.finish = null
    if (this.failure !== null) throw this.failure
  }

  /** Ends the run now: what is under way is in flight, not lost. */
  stop(): void {
    this.finish?.()
  }

  /** The summary of each target as things stand. */
  *summaries(): Generator<SummaryEvent> {
    for (const target of this.plan.targets) yield this.summary(target)
  }

  /** Counts and times of one target as things stand. */
  snapshot(target: ProbeTarget): PingStatistics {
    return this.statistics[target.index]!.snapshot(this.unixMs(this.nowMs()), this.inFlight(target.index))
  }

  private summary(target: ProbeTarget): SummaryEvent {
    const transport = this.transportOf[target.index]!
    return {
      event: 'summary',
      target,
      transport: transport.kind,
      timestampSource: transport.timestamps,
      payloadBytes: this.plan.payloadBytes,
      statistics: this.snapshot(target),
    }
  }

  /** Probes of a target that were sent so lately that an answer may still come. */
  private inFlight(target: number): number {
    const { plan, ring } = this
    // One target's next answer can be told by those before; until there is one, only its latest probe is given the benefit.
    const patience = this.maxRttMs >= 0 ? Math.max(2 * this.maxRttMs, 1) : plan.pace.intervalMs
    const since = this.nowMs() - (plan.shortWait ? Math.min(plan.timeoutMs, patience) : plan.timeoutMs)
    let count = 0
    const targets = plan.targets.length
    let number = this.next - 1 - ((((this.next - 1 - target) % targets) + targets) % targets)
    for (; number >= this.oldest && ring.sentMonoNs(number) / 1e6 > since; number -= targets) {
      if (ring.state(number) === PROBE_STATE.waiting) count++
    }
    return count
  }

  private guard(work: () => void): void {
    if (this.finish === null) return
    try {
      work()
    } catch (error) {
      this.failure = error
      this.finish()
    }
  }

  private nowMs(): number {
    return this.transports[0]!.nowMonoNs() / 1e6
  }

  /** Unix milliseconds of a moment of the monotonic clock, by how the clocks stood at the last send. */
  private unixMs(monoMs: number): number {
    return monoMs + this.offsetMs
  }

  private get allSent(): boolean {
    const { count, targets, deadlineMs } = this.plan
    if (count === null) return false
    // ping(8): with a deadline, probing goes on until that many have been answered. Many targets do not wait for one another.
    if (deadlineMs !== null && targets.length === 1) return this.answeredOrFailed >= count
    return this.next >= count * targets.length
  }

  /** Sends what is due, gives up what is overdue, and sleeps until something else is. */
  private turn(): void {
    this.cancelTimer()
    let now = this.nowMs()
    let full = false
    for (let batches = 0; batches < BATCHES_A_TURN && !full; batches++) {
      if (this.allSent || this.schedule.dueMs > now) break
      full = !this.sendDue(now)
      // Answers are taken in between, before the socket's buffer overflows.
      for (const index of this.transports.keys()) this.receiveSome(index)
      now = this.nowMs()
    }
    this.expire(now)
    if (this.isOver(now)) {
      this.finish?.()
      return
    }
    this.sleep(now, full)
  }

  private sleep(now: number, full: boolean): void {
    const wake = Math.min(
      this.allSent ? Number.POSITIVE_INFINITY : this.schedule.dueMs,
      this.waiting > 0 ? this.oldestDueMs() : Number.POSITIVE_INFINITY,
      this.endMs(),
    )
    const wait = full ? RETRY_MS : wake - now
    const again = (): void => this.guard(() => this.turn())
    if (wait === Number.POSITIVE_INFINITY) return
    this.cancelTimer = wait < TURN_MS ? this.timers.soon(again) : this.timers.after(wait, again)
  }

  private oldestDueMs(): number {
    return this.ring.sentMonoNs(this.oldest) / 1e6 + this.plan.timeoutMs
  }

  /** When the run ends whatever happens. */
  private endMs(): number {
    const { deadlineMs } = this.plan
    const deadline = deadlineMs === null ? Number.POSITIVE_INFINITY : this.originMs + deadlineMs
    if (!this.allSent) return deadline
    return Math.min(deadline, this.lastSentMs + this.lingerMs())
  }

  private lingerMs(): number {
    const { shortWait, timeoutMs, pace } = this.plan
    return shortWait && this.maxRttMs >= 0 ? Math.max(2 * this.maxRttMs, pace.intervalMs) : timeoutMs
  }

  private isOver(now: number): boolean {
    const { count, targets } = this.plan
    if (count !== null && this.answeredOrFailed >= count * targets.length) return true
    if (this.allSent && this.waiting === 0) return true
    // What was waited for long enough is lost; what the deadline cuts off is not.
    if (this.allSent && now >= this.lastSentMs + this.lingerMs()) {
      while (this.waiting > 0) this.giveUp(this.oldest)
      return true
    }
    return now >= this.endMs()
  }

  /** Sends up to a batch; false when the socket is full. */
  private sendDue(now: number): boolean {
    const { batch, plan, ring } = this
    const targets = plan.targets.length
    const untilAnswered = plan.deadlineMs !== null && targets === 1
    const last = plan.count === null || untilAnswered ? Number.POSITIVE_INFINITY : plan.count * targets
    let number = this.next
    const transport = this.transportOf[ring.targetOf(number)]!
    batch.count = 0
    const before = this.schedule.state
    while (batch.count < BATCH_ROWS && number < last && this.schedule.dueMs <= now) {
      const target = ring.targetOf(number)
      if (this.transportOf[target] !== transport) break
      this.advance()
      if (!ring.makeRoom(number, this.oldest)) this.giveUp(this.oldest)
      batch.target[batch.count] = target
      batch.sequence[batch.count] = ring.sequenceOf(number)
      batch.payloadBytes[batch.count] = plan.payloadBytes
      batch.count++
      this.schedule.sent(number++, now)
    }
    const first = this.next
    const handled = transport.send(batch)
    if (first === 0 && handled > 0) this.schedule.started(batch.sentMonoNs[0]! / 1e6, before[0])
    for (let row = 0; row < handled; row++) this.afterSend(row)
    if (handled < batch.count) this.schedule.takeBack(before, first + handled, first, now + RETRY_MS)
    return handled === batch.count
  }

  private afterSend(row: number): void {
    const { batch, plan, ring } = this
    const number = this.next++
    const index = batch.target[row]!
    const sequence = batch.sequence[row]!
    const result = batch.result[row]!
    const sentMonoNs = batch.sentMonoNs[row]!
    const maker = this.makers.get(this.transportOf[index]!)!
    const atMs = maker.atMs(batch.sentNs[row]!)
    this.offsetMs = atMs - sentMonoNs / 1e6
    this.lastSentMs = sentMonoNs / 1e6
    ring.add(number, result === 0 ? PROBE_STATE.waiting : PROBE_STATE.failed, batch.sentNs[row]!, sentMonoNs)
    this.statistics[index]!.sent(sequence, atMs)
    const target = plan.targets[index]!
    if (plan.tellSent) this.tell({ event: 'sent', target, sequence, atMs, payloadBytes: batch.payloadBytes[row]! })
    if (result === 0) {
      this.waiting++
      return
    }
    this.answeredOrFailed++
    // What somebody said about it, in the error queue, is the better reason.
    this.unexplained = number
    this.receiveSome(this.transports.indexOf(this.transportOf[index]!))
    if (this.unexplained === number) this.tellError(maker.refusal(target, number, -result, batch.mtu![row]!))
  }

  private receive(index: number): void {
    this.receiveSome(index)
    const now = this.nowMs()
    if (this.isOver(now)) this.finish?.()
    else if (this.allSent) {
      // An answer may have told how long to wait for the others.
      this.cancelTimer()
      this.sleep(now, false)
    } else if (this.plan.pace.mode !== 'steady' && this.schedule.dueMs <= now) this.turn()
  }

  private receiveSome(index: number): void {
    this.transports[index]!.receive(this.visitors[index]!)
  }

  private visitorOf(transport: ProbeTransport): ProbeVisitor {
    const maker = this.makers.get(transport)!
    return {
      reply: reply => this.reply(reply, maker),
      error: error => this.error(error, maker),
      transmitted: (target, sequence, at, ns) => this.ring.setTransmitted(this.ring.numberOf(target, sequence), at, ns),
    }
  }

  private reply(reply: ProbeReply, maker: EventMaker): void {
    const { plan, ring } = this
    const number = this.matcher.matchReply(reply, this.next)
    if (number < 0) return
    const target = plan.targets[ring.targetOf(number)]!
    const state = ring.state(number)
    const corrupted = maker.corruptedBytes(reply, target.index, ring.sequenceOf(number))
    this.answered(maker.reply(reply, target, number, corrupted, this.highest[target.index]!), number, state)
  }

  private answered(event: ReplyEvent, number: number, state: number): void {
    const { ring } = this
    const { index } = event.target
    if (state === PROBE_STATE.waiting) this.waiting--
    if (state === PROBE_STATE.waiting) this.answeredOrFailed++
    if (state !== PROBE_STATE.free) ring.setState(number, PROBE_STATE.answered)
    if (event.sequence > this.highest[index]!) this.highest[index] = event.sequence
    if (event.event === 'reply' && event.rttMs !== null && event.rttMs > this.maxRttMs) this.maxRttMs = event.rttMs
    this.schedule.answered(event.event === 'reply' ? event.rttMs : null, this.nowMs())
    this.statistics[index]!.reply(event)
    this.advance()
    this.tell(event)
  }

  private error(error: ProbeError, maker: EventMaker): void {
    const { plan, ring } = this
    const index = error.target < 0 && plan.targets.length === 1 ? 0 : error.target
    const target = plan.targets[index]
    if (target === undefined) return
    const number = this.matcher.match(index, error.sequence, error.wireSequence, this.next)
    const state = number < 0 ? PROBE_STATE.free : ring.state(number)
    if (state !== PROBE_STATE.free && isPortAnswer(this.transportOf[index]!, error, target)) {
      this.answered(maker.portAnswer(error, target, number, this.highest[index]!), number, state)
      return
    }
    // A probe that was sent again, and refused again, has one error.
    if (number >= 0 && number === this.explained) return
    if (number >= 0 && number === this.unexplained) {
      this.explained = number
      this.unexplained = -1
    }
    const event = maker.error(error, target, number)
    if (state === PROBE_STATE.waiting && !isAdvice(event)) {
      this.waiting--
      this.answeredOrFailed++
      ring.setState(number, PROBE_STATE.failed)
      this.advance()
    }
    this.tellError(event)
  }

  private tellError(event: ErrorEvent): void {
    this.statistics[event.target.index]!.error(event)
    this.tell(event)
  }

  /** Reports what has waited for longer than the timeout. */
  private expire(now: number): void {
    const { plan, ring } = this
    this.advance()
    while (this.oldest < this.next && ring.sentMonoNs(this.oldest) / 1e6 + plan.timeoutMs <= now) {
      if (ring.state(this.oldest) === PROBE_STATE.waiting) this.giveUp(this.oldest)
      else this.oldest++
    }
    this.advance()
  }

  /** Passes over probes that are no longer waited for. */
  private advance(): void {
    while (this.oldest < this.next && this.ring.state(this.oldest) !== PROBE_STATE.waiting) this.oldest++
  }

  private giveUp(number: number): void {
    const { plan, ring } = this
    const target = plan.targets[ring.targetOf(number)]!
    const sequence = ring.sequenceOf(number)
    ring.setState(number, PROBE_STATE.timedOut)
    this.waiting--
    this.oldest = number + 1
    this.advance()
    const event = { event: 'timeout', target, sequence, atMs: this.unixMs(this.nowMs()) } as const
    this.statistics[target.index]!.timeout(event)
    this.tell(event)
  }
}

function emptyBatch(): SendBatch {
  return {
    count: 0,
    target: new Int32Array(BATCH_ROWS),
    sequence: new Uint32Array(BATCH_ROWS),
    payloadBytes: new Int32Array(BATCH_ROWS),
    result: new Int32Array(BATCH_ROWS),
    sentNs: new Float64Array(BATCH_ROWS),
    sentMonoNs: new Float64Array(BATCH_ROWS),
    mtu: new Int32Array(BATCH_ROWS),
  }
}
