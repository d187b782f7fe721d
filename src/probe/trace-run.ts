// One trace: sends the probes that are due, matches what comes back, and tells what happened as events.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor } from '../ports/probe.js'
import { NO_ROUTE_ERRNOS } from './no-route.js'
import { Alarm, RETRY_MS } from './ping-alarm.js'
import { Matcher } from './ping-match.js'
import type { PingTimers } from './ping-run.js'
import { PROBE_STATE } from './probe-ring.js'
import { TraceEventMaker, traceHeader } from './trace-answers.js'
import type { TraceEvent, TraceHeader, TraceReplyEvent } from './trace-events.js'
import { slowVerdict, suspects } from './trace-loss.js'
import type { TracePlan } from './trace-plan.js'
import { oneProbeBatch, type ProbeOrder, TraceProbes } from './trace-probes.js'
import { TraceRounds } from './trace-rounds.js'
import { HopVerifier, type LossJudge } from './trace-verify.js'

/** Probes sent before the event loop has its turn. */
const PROBES_A_TURN = 64

export interface TracePorts {
  readonly transport: ProbeTransport
  readonly timers: PingTimers
  /** How unanswered probes are judged. */
  readonly judge?: LossJudge
}

/** Runs a plan. */
export class TraceRun {
  /** Its flow values grow as flows are added. */
  readonly header: TraceHeader
  private readonly plan: TracePlan
  private readonly transport: ProbeTransport
  private readonly alarm: Alarm
  private readonly tell: (event: TraceEvent) => void
  private readonly probes = new TraceProbes()
  private readonly matcher: Matcher
  private readonly maker: TraceEventMaker
  private readonly verifier: HopVerifier
  private readonly rounds: TraceRounds
  private readonly visitor: ProbeVisitor
  private readonly flowValues: number[] = []
  private readonly batch = oneProbeBatch()
  /** Unix time less monotonic time, as the clocks stood at the last send. */
  private offsetMs = 0
  private nextSendMs = 0
  /** When a probe under way may be overdue. */
  private overdueMs = Number.POSITIVE_INFINITY
  /** A probe that the kernel refused, while its error queue is asked why. */
  private unexplained = -1
  private isPaused = false
  private isStopped = false
  private isTurning = false
  private finish: (() => void) | null = null
  private failure: unknown = null

  constructor(plan: TracePlan, { transport, timers, judge }: TracePorts, tell: (event: TraceEvent) => void) {
    this.plan = plan
    this.transport = transport
    this.alarm = new Alarm(timers, () => this.guard(() => this.turn()))
    this.tell = tell
    this.matcher = new Matcher([plan.target], this.probes.ring)
    this.maker = new TraceEventMaker(plan.target, transport, this.probes.ring, plan.payloadBytes)
    this.verifier = new HopVerifier(plan, judge ?? { suspects, slowVerdict }, tell)
    const unixMs = (monoMs: number): number => monoMs + this.offsetMs
    const ports = { probes: this.probes, verifier: this.verifier, tell, unixMs }
    this.rounds = new TraceRounds(plan, ports, transport.oneProbeAFlow === true, this.nowMs())
    this.visitor = {
      reply: reply => this.reply(reply),
      error: error => this.error(error),
      transmitted: (_, sequence, at, ns) => this.probes.ring.setTransmitted(sequence - 1, at, ns),
    }
    this.header = traceHeader(plan, transport, this.flowValues)
  }

  /** Probes until the plan is done or `stop` is called; rejects with what the network code threw. */
  async run(): Promise<void> {
    if (this.isStopped) return
    const over = new Promise<void>(resolve => {
      this.finish = resolve
    })
    this.transport.onReadable(() => this.guard(() => this.turn()))
    this.guard(() => this.turn())
    await over
    if (this.failure !== null) throw this.failure
  }

  /** Ends the run now: what is under way is in flight, not lost. */
  stop(): void {
    this.isStopped = true
    this.finish?.()
    this.finish = null
    this.alarm.cancel()
  }

  /** Sends nothing until `resume`; what is under way is still waited for. */
  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.rounds.resume(this.nowMs())
    this.guard(() => this.turn())
  }

  private guard(work: () => void): void {
    // What is told of may make somebody call back here.
    if (this.finish === null || this.isTurning) return
    this.isTurning = true
    try {
      work()
    } catch (error) {
      this.failure = error
      this.stop()
    } finally {
      this.isTurning = false
    }
  }

  private nowMs(): number {
    return this.transport.nowMonoNs() / 1e6
  }

  /** Reads what came, gives up what is overdue, sends what is due, and sleeps until something else is. */
  private turn(): void {
    this.alarm.cancel()
    let isFull = false
    for (let count = 0; count < PROBES_A_TURN; count++) {
      // What has come is read before the clock says that it is too late.
      this.transport.receive(this.visitor)
      const now = this.nowMs()
      this.expire(now)
      this.rounds.advance(now, !this.isPaused)
      if (this.finish === null) return
      if (this.rounds.isOver && !this.verifier.isTesting) {
        this.stop()
        return
      }
      if (this.isPaused || this.dueMs() > now) break
      isFull = !this.sendNext(now)
      if (isFull) break
    }
    if (this.finish !== null) this.sleep(isFull)
  }

  private dueMs(): number {
    if (this.probes.isFull) return Number.POSITIVE_INFINITY
    return Math.max(this.nextSendMs, Math.min(this.slowDueMs(), this.rounds.isOver ? Infinity : this.rounds.dueMs()))
  }

  private slowDueMs(): number {
    const { rounds } = this
    return this.verifier.dueMs(rounds.isOver, flow => rounds.isFree(flow), rounds.flowCount)
  }

  private sleep(isFull: boolean): void {
    const now = this.nowMs()
    const sends = this.isPaused ? Number.POSITIVE_INFINITY : Math.min(this.dueMs(), this.rounds.wakeMs())
    const wait = isFull ? RETRY_MS : Math.min(sends, this.overdueMs) - now
    this.alarm.set(wait)
  }

  /** Sends the probe that is due; false when the socket is full. */
  private sendNext(now: number): boolean {
    const { rounds, verifier } = this
    // Slowed probes are few, and a flow that has one probe under way at a time would never be free for them.
    if (this.slowDueMs() <= now) {
      const order = verifier.take(rounds.isOver, flow => rounds.isFree(flow), rounds.flowCount)
      return order === null || this.send(order, () => undefined)
    }
    const next = rounds.take()
    return next === null || this.send(next.order, next.sent)
  }

  private send(order: ProbeOrder, sent: (nowMs: number, isVoid: boolean) => void): boolean {
    const { batch, plan, probes, transport } = this
    const number = probes.nextNumber
    batch.target[0] = plan.target.index
    batch.sequence[0] = number + 1
    batch.payloadBytes[0] = plan.payloadBytes
    batch.ttl[0] = order.ttl
    batch.flow[0] = order.flow
    if (transport.send(batch) === 0) return false
    const result = batch.result[0]!
    const sentNs = batch.sentNs[0]!
    const sentMs = batch.sentMonoNs[0]! / 1e6
    const atMs = this.maker.atMs(sentNs)
    this.offsetMs = atMs - sentMs
    this.nextSendMs = sentMs + plan.gapMs
    probes.add(order, result === 0 ? PROBE_STATE.waiting : PROBE_STATE.failed, sentNs, batch.sentMonoNs[0]!)
    this.noteFlow(order.flow)
    this.verifier.sentTo(order, sentMs)
    sent(sentMs, result !== 0)
    this.tell({ event: 'sent', ...order, sequence: number + 1, atMs })
    if (result === 0) this.overdueMs = Math.min(this.overdueMs, sentMs + this.rounds.patienceMs(order))
    else this.refused(order, number, -result)
    return true
  }

  private noteFlow(flow: number): void {
    // Scouts are on flows that are none of the run's.
    if (flow < this.rounds.flowCount) this.flowValues[flow] ??= this.transport.flowValue?.(flow) ?? 0
  }

  /** The kernel refused a probe. What it says of it in the error queue is the better reason. */
  private refused(order: ProbeOrder, number: number, errno: number): void {
    this.unexplained = number
    this.transport.receive(this.visitor)
    if (this.unexplained === number) this.tell(this.maker.refusal(order, number, errno, this.batch.mtu[0]!))
    this.unexplained = -1
    if (order.purpose === 'slow') this.rounds.failed(order, this.nowMs())
    // No other will fare better.
    if (number === 0 && NO_ROUTE_ERRNOS.includes(errno)) this.stop()
  }

  private reply(reply: ProbeReply): void {
    const matched = this.matcher.matchReply(reply, this.probes.nextNumber)
    const number = matched >= 0 ? matched : this.onlyOne(reply.flow)
    const order = this.probes.order(number)
    if (order !== null) this.answered(this.maker.reply(reply, order, number), order, number)
  }

  private error(error: ProbeError): void {
    const { sequence, wireSequence } = error
    const index = this.plan.target.index
    const matched = this.matcher.match(0, sequence, wireSequence, this.probes.nextNumber)
    if (error.target >= 0 && error.target !== index) return
    const number = matched >= 0 ? matched : this.onlyOne(error.flow)
    const order = this.probes.order(number)
    if (order === null) return
    if (error.origin === 'local') this.failed(error, order, number)
    else {
      const event = this.maker.icmpError(error, order, number)
      if (event !== null) this.answered(event, order, number)
    }
  }

  /** Answers that name no probe are for the one that is under way in their flow. With several, nobody can tell. */
  private onlyOne(flow = -1): number {
    if (flow < 0) return -1
    if (this.probes.waitingInFlow(flow) > 1) this.rounds.goSerial(this.nowMs())
    return this.probes.onlyOneOf(flow)
  }

  private answered(event: TraceReplyEvent, order: ProbeOrder, number: number): void {
    this.probes.settle(number, PROBE_STATE.answered)
    // An answer may tell how long to wait for others.
    if (!this.rounds.isUniform) this.overdueMs = Number.NEGATIVE_INFINITY
    this.tell(event)
    this.rounds.answered(order, event, this.nowMs())
  }

  /** This host's kernel gave up a probe that it had taken, or says why it had refused it. */
  private failed(error: ProbeError, order: ProbeOrder, number: number): void {
    const isWaiting = this.probes.waiting.has(number)
    if (!isWaiting && number !== this.unexplained) return
    this.unexplained = -1
    this.tell(this.maker.refusal(order, number, error.errno, error.mtu))
    if (!isWaiting) return
    this.probes.settle(number, PROBE_STATE.failed)
    this.rounds.failed(order, this.nowMs())
  }

  /** Gives up what has waited for too long. */
  private expire(now: number): void {
    if (this.overdueMs > now) return
    const { probes, rounds } = this
    const { isUniform } = rounds
    this.overdueMs = Number.POSITIVE_INFINITY
    for (const number of probes.waiting) {
      const order = probes.order(number)!
      const until = probes.sentMs(number) + rounds.patienceMs(order)
      if (until <= now) this.giveUp(order, number, now)
      else this.overdueMs = Math.min(this.overdueMs, until)
      if (until > now && isUniform) break
    }
  }

  private giveUp(order: ProbeOrder, number: number, now: number): void {
    this.probes.settle(number, PROBE_STATE.timedOut)
    if (this.rounds.repeats(order)) return
    this.tell({ event: 'timeout', ...order, sequence: number + 1, atMs: now + this.offsetMs })
    this.rounds.gaveUp(order, now)
  }
}
