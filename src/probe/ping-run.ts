// One run of probes: sends them when they are due, matches what comes back, and tells what happened as events.

import { errnoName, errnoWords } from '../errors/index.js'
import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import { parseMplsLabels } from '../wire/icmp-extensions.js'
import { icmpReason } from '../wire/icmp-words.js'
import type {
  AnswerKind,
  ErrorEvent,
  ProbeEvent,
  ProbeTarget,
  ReplyEvent,
  SummaryEvent,
  TimestampSource,
} from './events.js'
import { PayloadCheck } from './payload-check.js'
import { PROBE_STATE, ProbeRing } from './probe-ring.js'
import { type Pace, Schedule } from './schedule.js'
import { exactSamplesFor, isAdvice, type PingStatistics, TargetStatistics } from './statistics.js'

/** Probes handed to a transport at once. */
const BATCH_ROWS = 256
/** Batches sent before the event loop has its turn. */
const BATCHES_A_TURN = 16
/** A full socket buffer is tried again after this. */
const RETRY_MS = 1
/** CLOCK_REALTIME may be slewed by 500 ppm against CLOCK_MONOTONIC: more than this in one flight is a step. */
const STEP_NS = 2_000_000
/** Of the quoted packet, without options. */
const IP_HEADER = { 4: 20, 6: 40 } as const
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
  private readonly check: PayloadCheck
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
    this.visitors = this.transports.map(transport => this.visitorOf(transport))
    this.ring = new ProbeRing(plan.targets.length)
    this.highest = new Uint32Array(plan.targets.length)
    const samples = exactSamplesFor(plan.targets.length)
    this.statistics = plan.targets.map(() => new TargetStatistics(samples))
    this.check = new PayloadCheck(plan.payloadBytes, plan.pattern)
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

  /** Unix milliseconds of a stamp. */
  private atMs(index: number, ns: number): number {
    return this.transportOf[index]!.baseSeconds * 1000 + ns / 1e6
  }

  /** Unix milliseconds of a moment of the monotonic clock, by how the clocks stood at the last send. */
  private unixMs(monoMs: number): number {
    return monoMs + this.offsetMs
  }

  private get allSent(): boolean {
    const { count, targets, deadlineMs } = this.plan
    if (count === null) return false
    // ping(8): with a deadline, probing goes on until that many have been answered.
    if (deadlineMs !== null) return this.answeredOrFailed >= count * targets.length
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
    const last = plan.count === null || plan.deadlineMs !== null ? Number.POSITIVE_INFINITY : plan.count * targets
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
    const atMs = this.atMs(index, batch.sentNs[row]!)
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
    this.tellError({
      event: 'error',
      target,
      sequence,
      atMs,
      from: null,
      origin: 'local',
      type: null,
      code: null,
      reason: errnoWords(-result),
      errno: errnoName(-result),
      mtu: batch.mtu![row]! > 0 ? batch.mtu![row]! : null,
      rttMs: null,
      mpls: null,
    })
  }

  private receive(index: number): void {
    this.receiveSome(index)
    if (this.isOver(this.nowMs())) this.finish?.()
    else if (this.plan.pace.mode !== 'steady' && this.schedule.dueMs <= this.nowMs()) this.turn()
  }

  private receiveSome(index: number): void {
    this.transports[index]!.receive(this.visitors[index]!)
  }

  private visitorOf(transport: ProbeTransport): ProbeVisitor {
    return {
      reply: reply => this.reply(reply, transport),
      error: error => this.error(error),
      transmitted: (target, sequence, at, ns) => this.ring.setTransmitted(this.ring.numberOf(target, sequence), at, ns),
    }
  }

  /** The number of the probe that an answer or error is about; -1 when it is none of ours. */
  private match(target: number, sequence: number, wireSequence: number): number {
    const { ring, plan } = this
    if (target < 0 || target >= plan.targets.length) return -1
    let full = sequence
    if (full < 0) {
      if (wireSequence < 0) return -1
      // The latest probe with these low 16 bits.
      const latest = ring.sequenceOf(Math.max(this.next - 1, 0))
      full = latest - ((latest - wireSequence) & 0xffff)
    }
    const number = ring.numberOf(target, full)
    return full >= 1 && number < this.next ? number : -1
  }

  private reply(reply: ProbeReply, transport: ProbeTransport): void {
    const { plan, ring } = this
    const only = plan.targets.length === 1 ? 0 : -1
    const index = reply.target >= 0 ? reply.target : reply.fromTarget >= 0 ? reply.fromTarget : only
    const number = this.match(index, reply.sequence, reply.wireSequence)
    if (number < 0) return
    const state = ring.state(number)
    const sequence = ring.sequenceOf(number)
    const corrupted =
      transport.cookie[0] === 0 && transport.cookie[1] === 0
        ? 0
        : this.check.count(reply, transport.cookie, index, sequence)
    // Without the cookie it takes the length and the address for an answer to be ours.
    if (reply.target < 0 && corrupted > 0 && reply.fromTarget !== index && only < 0) return
    this.tellReply(reply, transport, number, state, corrupted)
  }

  private tellReply(
    reply: ProbeReply,
    transport: ProbeTransport,
    number: number,
    state: number,
    corrupted: number,
  ): void {
    const { plan, ring } = this
    const target = plan.targets[ring.targetOf(number)]!
    const sequence = ring.sequenceOf(number)
    const timing = this.timing(reply, number, state !== PROBE_STATE.free)
    const kind =
      state === PROBE_STATE.waiting || state === PROBE_STATE.failed
        ? 'reply'
        : state === PROBE_STATE.answered
          ? 'duplicate'
          : 'late'
    const reordered = kind !== 'duplicate' && sequence < this.highest[target.index]!
    const event: ReplyEvent = {
      event: kind,
      target,
      sequence,
      atMs: this.atMs(target.index, reply.receivedNs),
      answer: reply.answer,
      ...timing,
      ttl: reply.ttl < 0 ? null : reply.ttl,
      bytes: reply.bytes,
      from: reply.from,
      differentAddress: reply.fromTarget !== target.index && reply.from !== target.address,
      reordered,
      localMs: this.between(ring.sentNs(number), ring.drivenNs(number)),
      queuedMs: this.between(ring.scheduledNs(number), ring.drivenNs(number)),
      corrupted: corrupted > 0 ? this.check.list(reply, transport.cookie, target.index, sequence) : null,
      corruptedBytes: corrupted,
      ...(corrupted > 0 ? { payload: reply.data.slice(reply.payloadStart, reply.payloadEnd) } : {}),
      synRetransmits: reply.synRetransmits < 0 ? null : reply.synRetransmits,
      ipOptions: reply.ipOptions,
    }
    this.answered(event, number, state)
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

  private timing(
    reply: ProbeReply,
    number: number,
    known: boolean,
  ): { rttMs: number | null; timestampSource: TimestampSource; clockStepped: boolean } {
    const { ring } = this
    if (!Number.isNaN(reply.rttNs))
      return { rttMs: reply.rttNs / 1e6, timestampSource: 'tcp-info', clockStepped: false }
    if (!known) return { rttMs: null, timestampSource: reply.kernelStamp ? 'rx' : 'user', clockStepped: false }
    const sentNs = ring.sentNs(number)
    const sentMonoNs = ring.sentMonoNs(number)
    const step = reply.readNs - reply.readMonoNs - (sentNs - sentMonoNs)
    const rttNs = reply.receivedNs - sentNs
    if (Math.abs(step) > STEP_NS || rttNs < 0) {
      return { rttMs: (reply.readMonoNs - sentMonoNs) / 1e6, timestampSource: 'user', clockStepped: true }
    }
    const isStamped = !Number.isNaN(ring.drivenNs(number))
    const timestampSource = !reply.kernelStamp ? 'user' : isStamped ? 'kernel' : 'rx'
    return { rttMs: rttNs / 1e6, timestampSource, clockStepped: false }
  }

  /** Between two stamps of a probe on its way out; null when either is missing. */
  private between(from: number, to: number): number | null {
    const ns = to - from
    return Number.isNaN(ns) ? null : Math.max(ns, 0) / 1e6
  }

  private error(error: ProbeError): void {
    const { plan, ring } = this
    const only = plan.targets.length === 1 ? 0 : -1
    const index = error.target >= 0 ? error.target : only
    if (index < 0) return
    const target = plan.targets[index]!
    const number = this.match(index, error.sequence, error.wireSequence)
    const state = number < 0 ? PROBE_STATE.free : ring.state(number)
    const known = state !== PROBE_STATE.free
    const rttMs = known ? Math.max(error.receivedNs - ring.sentNs(number), 0) / 1e6 : null
    if (this.isAnswer(error, target) && known) {
      this.answeredByError(error, target, number, state, rttMs)
      return
    }
    const event: ErrorEvent = {
      event: 'error',
      target,
      sequence: number < 0 ? null : ring.sequenceOf(number),
      atMs: this.atMs(target.index, error.receivedNs),
      from: error.from,
      origin: error.origin,
      type: error.type < 0 ? null : error.type,
      code: error.code < 0 ? null : error.code,
      reason:
        error.origin === 'icmp'
          ? icmpReason(target.family, error.type, error.code, {
              mtu: error.mtu,
              redirectTo: error.redirectTo ?? null,
              pointer: error.pointer ?? 0,
            })
          : errnoWords(error.errno),
      errno: errnoName(error.errno),
      mtu: error.mtu > 0 ? error.mtu : null,
      rttMs,
      mpls:
        error.origin === 'icmp'
          ? parseMplsLabels(error.quoted, error.quotedBytes ?? 0, IP_HEADER[target.family])
          : null,
    }
    if (state === PROBE_STATE.waiting && !isAdvice(event)) {
      this.waiting--
      this.answeredOrFailed++
      ring.setState(number, PROBE_STATE.failed)
      this.advance()
    }
    this.tellError(event)
  }

  /** A closed UDP port answers with an ICMP error of its own, which is as good as an answer. */
  private isAnswer(error: ProbeError, target: ProbeTarget): boolean {
    if (this.transportOf[target.index]!.kind !== 'udp' || error.from !== target.address) return false
    return target.family === 4 ? error.type === 3 && error.code === 3 : error.type === 1 && error.code === 4
  }

  private answeredByError(
    error: ProbeError,
    target: ProbeTarget,
    number: number,
    state: number,
    rttMs: number | null,
  ): void {
    const answer: AnswerKind = 'port-unreachable'
    const kind = state === PROBE_STATE.waiting ? 'reply' : state === PROBE_STATE.answered ? 'duplicate' : 'late'
    const event: ReplyEvent = {
      event: kind,
      target,
      sequence: this.ring.sequenceOf(number),
      atMs: this.atMs(target.index, error.receivedNs),
      answer,
      rttMs,
      timestampSource: 'rx',
      ttl: null,
      bytes: 0,
      from: error.from ?? target.address,
      differentAddress: false,
      reordered: false,
      clockStepped: false,
      localMs: null,
      queuedMs: null,
      corrupted: null,
      corruptedBytes: 0,
      synRetransmits: null,
      ipOptions: null,
    }
    this.answered(event, number, state)
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
