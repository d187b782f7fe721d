// Which probe of which flow's round goes next, and what its answer means for all of them.

import { isIcmpErrorAnswer, placeOf } from './trace-answers.js'
import type { TraceReplyEvent } from './trace-events.js'
import { Flow, type FlowPorts } from './trace-flow.js'
import { FlowFinder } from './trace-flows.js'
import type { TracePlan } from './trace-plan.js'
import type { ProbeOrder, TraceProbes } from './trace-probes.js'
import type { Round } from './trace-round.js'
import { SerialWalk } from './trace-serial.js'

/** Hops told of: nobody makes the list grow without end. */
const HOPS_TOLD = 4096
/** Where others have answered, a probe is waited for ten times as long as the slowest of them took, and this at least. */
const SHORT_MS = 300
/** Probes sent once more where nothing at all has answered are waited for no longer than this: the run is to be over soon. */
const REPEAT_MS = 280

export interface RoundsPorts extends FlowPorts {
  readonly probes: TraceProbes
}

export class TraceRounds {
  private readonly plan: TracePlan
  private readonly ports: RoundsPorts
  private readonly flows: Flow[]
  private readonly finder: FlowFinder
  private readonly told = new Set<string>()
  /** One probe under way in each flow; null while there may be many. */
  private serial: SerialWalk | null
  private longestRttMs = 0
  /** Nothing at all answered, and nothing more is sent. */
  private isDead = false

  constructor(plan: TracePlan, ports: RoundsPorts, isSerial: boolean, nowMs: number) {
    this.plan = plan
    this.ports = ports
    this.flows = [new Flow(0, plan, ports, nowMs)]
    this.finder = new FlowFinder(plan.flows)
    this.serial = isSerial ? new SerialWalk(plan, nowMs) : null
  }

  get flowCount(): number {
    return this.flows.length
  }

  /** All probes of rounds are waited for as long. */
  get isUniform(): boolean {
    return this.serial === null && this.plan.patient
  }

  /** All rounds are over, and no others will be. */
  get isOver(): boolean {
    const { rounds } = this.plan
    return this.isDead || (rounds !== null && this.flows.every(flow => flow.finished >= rounds))
  }

  /** Whether another probe of a flow may be under way. */
  isFree(flow: number): boolean {
    return this.serial === null || this.ports.probes.waitingInFlow(flow) === 0
  }

  /** Ends rounds that are over, and begins those that are due. */
  advance(nowMs: number, mayStart: boolean): void {
    if (this.serial?.foundNothing === true) this.scoutAgain(this.serial, nowMs, mayStart)
    // Flows may be added on the way.
    for (const flow of this.flows) {
      while (flow.rounds.length > 0 && this.isDone(flow.rounds[0]!)) this.finish(flow, flow.rounds.shift()!, nowMs)
      if (!mayStart || this.isDead || flow.startMs(this.serial, this.longestRttMs) > nowMs) continue
      flow.start(this.serial, this.flows[0]!, nowMs)
    }
  }

  /** When the next probe may go. */
  dueMs(): number {
    return this.dueRound()?.dueMs() ?? Number.POSITIVE_INFINITY
  }

  /** When the next round begins by itself. */
  wakeMs(): number {
    if (this.serial?.foundNothing === true) return this.flows[0]!.nextRoundMs
    return Math.min(...this.flows.map(flow => flow.startMs(this.serial, this.longestRttMs)))
  }

  /** The probe that is due first; null when there is none. `sent` has to follow. */
  take(): { order: ProbeOrder; sent: (nowMs: number, isVoid: boolean) => void } | null {
    const round = this.dueRound()
    if (round === null) return null
    const { number, purpose, flow } = round.shape
    const ttl = round.nextTtl
    const order = { ttl, flow: purpose === 'scout' ? flow + ttl : flow, round: number, purpose }
    return { order, sent: (nowMs, isVoid) => round.sent(nowMs, isVoid) }
  }

  /** An answer to a probe. */
  answered(order: ProbeOrder, event: TraceReplyEvent, nowMs: number): void {
    if (event.event === 'duplicate') return
    if (event.event === 'reply') this.longestRttMs = Math.max(this.longestRttMs, event.rttMs ?? 0)
    if (order.purpose === 'scout') this.scoutAnswered(order, event, nowMs)
    else {
      const refuses = placeOf(event, this.plan.target) === 'blocked'
      this.ports.verifier.noteAnswer(order.ttl, event.from, isIcmpErrorAnswer(event.answer), refuses)
      if (order.purpose === 'slow') this.slowAnswered(order, event)
      else this.roundAnswered(order, event, nowMs)
    }
  }

  /** No answer came in time, and another probe goes in its place: in a round that is the last when nothing answers. */
  repeats(order: ProbeOrder): boolean {
    return this.mayBeLast(order) && this.roundOf(order)?.repeat(order.ttl) === true
  }

  /** No answer came in time. */
  gaveUp(order: ProbeOrder, nowMs: number): void {
    const { verifier } = this.ports
    if (order.purpose === 'scout') this.serial?.scouts.gaveUp(order.ttl)
    else if (order.purpose === 'slow') verifier.settled(order, null, this.ports.unixMs(nowMs), this.last)
    else this.roundOf(order)?.gaveUp(order.ttl)
  }

  /** The kernel had taken it, and then refused it. */
  failed(order: ProbeOrder, nowMs: number): void {
    const { verifier } = this.ports
    if (order.purpose === 'scout') this.serial?.scouts.failed(order.ttl)
    else if (order.purpose === 'slow') verifier.failed(order, this.ports.unixMs(nowMs), this.last)
    else this.roundOf(order)?.failed(order.ttl)
  }

  /** How long a probe is waited for, as things stand. */
  patienceMs(order: ProbeOrder): number {
    const { timeoutMs, patient } = this.plan
    const longest = this.longestRttMs
    if (this.roundOf(order)?.isRepeated(order.ttl) === true) return Math.min(timeoutMs, REPEAT_MS)
    const short = longest > 0 ? Math.min(timeoutMs, Math.max(SHORT_MS, 10 * longest)) : timeoutMs
    if (this.serial !== null) return this.serial.patienceMs(order, short, longest)
    if (patient) return timeoutMs
    const isBehind = order.purpose === 'slow' || this.roundOf(order)?.answeredBeyond(order.ttl) === true
    return isBehind ? short : timeoutMs
  }

  /** From now on each flow has one probe under way, since answers do not say to which of several they are. Rounds begin anew. */
  goSerial(nowMs: number): void {
    if (this.serial !== null) return
    this.ports.probes.disown()
    this.ports.verifier.disown()
    this.serial = new SerialWalk(this.plan, nowMs)
    for (const flow of this.flows) flow.restart(nowMs)
  }

  /** Nothing is made up for. */
  resume(nowMs: number): void {
    for (const flow of this.flows) flow.resume(nowMs)
  }

  /** TTL beyond which nothing is known to be. */
  private get last(): number {
    return Math.max(...this.flows.map(({ distance, deepest }) => distance ?? deepest))
  }

  private isDone(round: Round): boolean {
    return round.isComplete && (this.serial === null || this.serial.isFinal(round))
  }

  /** No scout was answered: that was a round, and the next begins with others. */
  private scoutAgain(serial: SerialWalk, nowMs: number, mayStart: boolean): void {
    if (!serial.wasTold) for (const flow of this.flows) flow.skipRound(nowMs)
    serial.wasTold = true
    if (this.plan.intervalMs === 0) this.isDead = true
    const isDue = mayStart && !this.isOver && this.flows[0]!.nextRoundMs <= nowMs
    if (isDue) this.serial = new SerialWalk(this.plan, nowMs)
  }

  private dueRound(): Round | null {
    const { serial } = this
    let first: Round | null = null
    let due = Number.POSITIVE_INFINITY
    const consider = (round: Round): void => {
      const its = round.dueMs()
      if (its >= due) return
      due = its
      first = round
    }
    if (serial !== null) consider(serial.scouts)
    for (const { rounds, index } of this.flows) {
      if (!this.isFree(index)) continue
      for (const round of rounds) consider(round)
    }
    return first
  }

  private scoutAnswered({ ttl }: ProbeOrder, event: TraceReplyEvent, nowMs: number): void {
    const { serial, plan } = this
    if (serial === null) return
    serial.scouts.answered(ttl, event.from, placeOf(event, plan.target), event.rttMs, nowMs)
    for (const flow of this.flows) for (const round of flow.rounds) serial.guide(round)
  }

  private slowAnswered(order: ProbeOrder, event: TraceReplyEvent): void {
    const { verifier } = this.ports
    this.noteHop(order.ttl, order.flow, event.from, event.atMs)
    const place = placeOf(event, this.plan.target)
    if (place === 'router' || place === 'target') this.flows[order.flow]?.passedAt(order.ttl)
    if (event.event === 'reply') verifier.settled(order, event.from, event.atMs, this.last)
    else verifier.settledLate(order, event.from)
  }

  private roundAnswered(order: ProbeOrder, event: TraceReplyEvent, nowMs: number): void {
    const { ttl } = order
    const flow = this.flows[order.flow]
    if (flow === undefined) return
    const round = this.roundOf(order)
    const place = placeOf(event, this.plan.target)
    if (round !== undefined) round.answered(ttl, event.from, place, event.rttMs, nowMs)
    else if (event.event === 'late') this.ports.verifier.countLate(ttl)
    if (place !== 'router') return
    flow.deepest = Math.max(flow.deepest, ttl)
    const end = round?.end ?? flow.distance
    if (end === null || ttl < end) this.noteHop(ttl, order.flow, event.from, event.atMs)
  }

  private roundOf({ flow, round, purpose }: ProbeOrder): Round | undefined {
    return purpose === 'scout' ? this.serial?.scouts : this.flows[flow]?.roundNumbered(round)
  }

  /** Whether nothing more is sent if no probe of this one's round is answered. */
  private mayBeLast({ flow, round, purpose }: ProbeOrder): boolean {
    const { intervalMs, rounds } = this.plan
    const isFirst = purpose === 'scout' ? this.flows[0]!.finished === 0 : flow === 0 && round === 1
    return isFirst && (intervalMs === 0 || rounds === 1)
  }

  private finish(flow: Flow, round: Round, nowMs: number): void {
    const { firstTtl, intervalMs } = this.plan
    const { path } = round.seen(() => null, null)
    for (const [at, address] of path.entries()) {
      if (address === null) continue
      this.finder.saw(firstTtl + at, flow.index, address)
      // The end of the path is told now that nothing before it can turn out to be it.
      this.noteHop(firstTtl + at, flow.index, address, this.ports.unixMs(nowMs))
    }
    flow.finish(round, nowMs)
    if (intervalMs === 0 && flow.index === 0 && flow.finished === 1 && round.answers === 0) this.isDead = true
    this.ports.verifier.ask(this.last)
    this.addFlows(nowMs)
  }

  /** Adds the flows that it takes to see every branch, once those that there are have seen theirs. */
  private addFlows(nowMs: number): void {
    const { flows, plan, ports } = this
    if (plan.flows <= flows.length || flows.some(({ finished }) => finished === 0)) return
    const wanted = this.finder.wanted(flows.length)
    while (flows.length < wanted) flows.push(new Flow(flows.length, plan, ports, nowMs))
  }

  private noteHop(ttl: number, flow: number, address: string, atMs: number): void {
    const key = `${ttl} ${address}`
    if (this.told.has(key) || this.told.size >= HOPS_TOLD) return
    this.told.add(key)
    this.ports.tell({ event: 'hop', ttl, flow, address, atMs })
  }
}
