// One run of probes: sends them when they are due, matches what comes back, and tells what happened as events.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { AnsweredOnce, ErrorEvent, ProbeEvent, ProbeTarget, ReplyEvent, SummaryEvent } from './events.js'
import { Alarm, RETRY_MS } from './ping-alarm.js'
import { EventMaker, isPortAnswer } from './ping-events.js'
import { Matcher } from './ping-match.js'
import { type PingPlan, type PingPorts, transportsOf } from './ping-plan.js'
import { PingProgress } from './ping-progress.js'
import { PingRefusals } from './ping-refusals.js'
import { ProbeSender } from './ping-send.js'
import { PingSummaries } from './ping-summaries.js'
import { PROBE_STATE, ProbeRing } from './probe-ring.js'
import { Schedule } from './schedule.js'
import { isAdvice, type PingStatistics } from './statistics.js'
import { StatisticsTable } from './statistics-table.js'

export type { PingPlan, PingTimers } from './ping-plan.js'

/** Batches sent before the event loop has its turn. */
const BATCHES_A_TURN = 16

/** Runs a plan. */
export class PingRun {
  private readonly plan: PingPlan
  private readonly alarm: Alarm
  private readonly transports: readonly ProbeTransport[]
  private readonly transportOf: readonly ProbeTransport[]
  private readonly tell: (event: ProbeEvent) => void
  private readonly ring: ProbeRing
  private readonly schedule: Schedule
  private readonly progress: PingProgress
  private readonly sender: ProbeSender
  private readonly statistics: StatisticsTable
  private readonly summarizer: PingSummaries
  private readonly matcher: Matcher
  private readonly makers: ReadonlyMap<ProbeTransport, EventMaker>
  private readonly visitors: ProbeVisitor[]
  /** Highest sequence answered, by target. */
  private readonly highest: Uint32Array
  private offsetMs = 0
  private readonly refusals = new PingRefusals()
  /** Errors about probes that are leaving: they are told after the probe itself. */
  private early: { error: ProbeError; maker: EventMaker }[] = []
  private finish: (() => void) | null = null
  private stopped = false
  private failure: unknown = null

  constructor(plan: PingPlan, ports: PingPorts, tell: (event: ProbeEvent) => void) {
    this.plan = plan
    this.alarm = new Alarm(ports.timers, () => this.guard(() => this.turn()))
    this.tell = tell
    this.transports = ports.transports.map(each => each.transport)
    this.transportOf = transportsOf(plan, ports)
    const targets = plan.targets.length
    this.ring = new ProbeRing(targets)
    this.matcher = new Matcher(plan.targets, this.ring)
    this.makers = new Map(
      this.transports.map(each => [each, new EventMaker(each, this.ring, plan.payloadBytes, plan.pattern)]),
    )
    this.visitors = this.transports.map(transport => this.visitorOf(transport))
    this.highest = new Uint32Array(targets)
    this.statistics = new StatisticsTable(targets)
    const originMs = this.nowMs()
    this.schedule = new Schedule(plan.pace, targets, originMs)
    this.progress = new PingProgress(plan, this.ring, originMs)
    this.summarizer = new PingSummaries(plan, this.transportOf, this.statistics, this.progress)
    this.sender = new ProbeSender(plan, this.progress, this.ring, this.schedule, this.transportOf, {
      sent: (batch, rows, transport) => this.afterSend(batch, rows, transport),
      giveUp: number => this.giveUp(number),
      guard: work => this.guard(work),
      landed: (nowMs, full) => this.landed(nowMs, full),
    })
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
    this.alarm.cancel()
    this.finish = null
    if (this.failure !== null) throw this.failure
  }

  /** Ends the run now: what is under way is in flight, not lost. Probes that are leaving have left first. */
  stop(): void {
    this.stopped = true
    this.sender.stopAside()
    if (!this.sender.flying) this.finish?.()
  }

  /** The summary of each target as things stand, see `PingSummaries`. */
  summaries(answered?: (once: AnsweredOnce) => void): Generator<SummaryEvent> {
    const now = this.nowMs()
    return this.summarizer.all(now, this.unixMs(now), answered)
  }

  /** Counts and times of one target as things stand. */
  snapshot({ index }: ProbeTarget): PingStatistics {
    const now = this.nowMs()
    return this.summarizer.snapshot(index, now, this.unixMs(now))
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

  /** Sends what is due, gives up what is overdue, and sleeps until something else is. */
  private turn(): void {
    this.alarm.cancel()
    const { progress, schedule, sender } = this
    let now = this.nowMs()
    let full = false
    for (let batches = 0; batches < BATCHES_A_TURN && !full; batches++) {
      if (progress.allSent || schedule.dueMs > now) break
      if (!sender.launch(now)) full = !sender.sendDue(now)
      // Answers are taken in between, before the socket's buffer overflows.
      this.receiveAll()
      if (sender.flying) break
      now = this.nowMs()
    }
    this.rest(now, full)
  }

  /** Probes have left beside this thread, and others may be leaving now. */
  private landed(nowMs: number, full: boolean): void {
    if (this.stopped) {
      this.finish?.()
      return
    }
    this.tellEarly()
    this.receiveAll()
    this.rest(nowMs, full)
  }

  /** After what was due has been sent. */
  private rest(nowMs: number, full: boolean): void {
    for (let number = this.progress.overdue(nowMs); number >= 0; number = this.progress.overdue(nowMs)) {
      this.giveUp(number)
    }
    if (!this.sender.flying) {
      if (this.isOver(nowMs)) this.finish?.()
      else this.sleep(nowMs, full)
    } else if (nowMs < this.progress.endMs()) this.sender.prepare(this.nowMs())
  }

  private sleep(now: number, full: boolean): void {
    const { progress, schedule } = this
    const wake = Math.min(progress.allSent ? Number.POSITIVE_INFINITY : schedule.dueMs, progress.wakeMs())
    this.alarm.set(full ? RETRY_MS : wake - now)
  }

  private isOver(now: number): boolean {
    const { progress } = this
    if (progress.settled) return true
    if (!progress.waitedOut(now)) return now >= progress.endMs()
    while (progress.waiting > 0) this.giveUp(progress.oldest)
    return true
  }

  /** All rows are known before a refusal is looked into, which reads answers to the others. */
  private afterSend(batch: SendBatch, rows: number, transport: ProbeTransport): void {
    const { plan, progress } = this
    const first = progress.next
    for (let row = 0; row < rows; row++) {
      const index = batch.target[row]!
      const sequence = batch.sequence[row]!
      const sentMonoNs = batch.sentMonoNs[row]!
      const atMs = transport.baseSeconds * 1000 + batch.sentNs[row]! / 1e6
      this.offsetMs = atMs - sentMonoNs / 1e6
      progress.sent(batch.sentNs[row]!, sentMonoNs, batch.result[row] !== 0)
      this.statistics.sent(index, sequence, atMs)
      if (!plan.tellSent) continue
      const target = plan.targets[index]!
      this.tell({ event: 'sent', target, sequence, atMs, payloadBytes: batch.payloadBytes[row]! })
    }
    if (!this.refusals.of(batch, rows, first)) return
    // What somebody said about them, in the error queue, is the better reason.
    this.tellEarly()
    this.receiveSome(this.transports.indexOf(transport))
    const maker = this.makers.get(transport)!
    for (const number of this.refusals.unexplained()) {
      const row = number - first
      this.tellError(maker.refusal(plan.targets[batch.target[row]!]!, number, -batch.result[row]!, batch.mtu![row]!))
    }
  }

  private tellEarly(): void {
    for (const { error, maker } of this.early.splice(0)) this.error(error, maker)
  }

  private receive(index: number): void {
    this.receiveSome(index)
    if (this.sender.flying) return
    const now = this.nowMs()
    if (this.isOver(now)) this.finish?.()
    else if (this.progress.allSent) {
      // An answer may have told how long to wait for the others.
      this.sleep(now, false)
    } else if (this.plan.pace.mode !== 'steady' && this.schedule.dueMs <= now) this.turn()
  }

  private receiveAll(): void {
    for (const index of this.transports.keys()) this.receiveSome(index)
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

  /** False when the probe is leaving and nothing is known of its send yet. */
  private reply(reply: ProbeReply, maker: EventMaker): boolean {
    const { plan, progress, ring } = this
    const number = this.matcher.matchReply(reply, this.sender.end)
    if (number < 0) return true
    if (number >= progress.next) return false
    const target = plan.targets[ring.targetOf(number)]!
    const corrupted = maker.corruptedBytes(reply, target.index, ring.sequenceOf(number))
    this.answered(maker.reply(reply, target, number, corrupted, this.highest[target.index]!), number)
    return true
  }

  private answered(event: ReplyEvent, number: number): void {
    const { progress, schedule } = this
    const { index } = event.target
    const rttMs = event.event === 'reply' ? event.rttMs : null
    if (event.sequence > this.highest[index]!) this.highest[index] = event.sequence
    if (rttMs !== null && rttMs > progress.maxRttMs) progress.maxRttMs = rttMs
    if (schedule.followsAnswers) schedule.answered(rttMs, this.nowMs())
    this.statistics.reply(event)
    progress.settle(number, 'answered')
    this.tell(event)
  }

  private error(error: ProbeError, maker: EventMaker): void {
    const { plan, progress, ring } = this
    const index = error.target < 0 && plan.targets.length === 1 ? 0 : error.target
    const target = plan.targets[index]
    if (target === undefined) return
    const number = this.matcher.match(index, error.sequence, error.wireSequence, this.sender.end)
    if (number >= progress.next) {
      this.early.push({ error: { ...error, quoted: error.quoted.slice() }, maker })
      return
    }
    const state = number < 0 ? PROBE_STATE.free : ring.state(number)
    if (state !== PROBE_STATE.free && isPortAnswer(this.transportOf[index]!, error, target)) {
      this.answered(maker.portAnswer(error, target, number, this.highest[index]!), number)
      return
    }
    if (number >= 0 && !this.refusals.explain(number)) return
    const event = maker.error(error, target, number)
    if (state === PROBE_STATE.waiting && !isAdvice(event)) progress.settle(number, 'failed')
    this.tellError(event)
  }

  private tellError(event: ErrorEvent): void {
    this.statistics.error(event)
    this.tell(event)
  }

  private giveUp(number: number): void {
    const { plan, ring } = this
    const target = plan.targets[ring.targetOf(number)]!
    this.progress.giveUp(number)
    const atMs = this.unixMs(this.nowMs())
    const event = { event: 'timeout', target, sequence: ring.sequenceOf(number), atMs } as const
    this.statistics.timeout(event)
    this.tell(event)
  }
}
