// Everything a trace has found so far, folded over its events in memory that does not grow with their number, as one document.

import { isIcmpErrorAnswer, placeOf } from './trace-answers.js'
import type { Hop, PathChange, RateLimitedHop, TraceDocument } from './trace-document.js'
import type {
  PathChangeEvent,
  RoundEvent,
  TraceErrorEvent,
  TraceEvent,
  TraceHeader,
  TraceReplyEvent,
  TraceTimeoutEvent,
} from './trace-events.js'
import { FlowFold, type HopNature } from './trace-flow-fold.js'
import { lossOfFlows } from './trace-flow-loss.js'
import { branchesOf, flowPathsOf } from './trace-flow-paths.js'
import { type DocumentExtras, HopFold, hopsOf, silentHops } from './trace-hops.js'
import type { SlowVerdict } from './trace-loss.js'
import { type TargetState, targetStateOf } from './trace-target.js'
import { verdictOf } from './trace-verdict.js'

export type { DocumentExtras } from './trace-hops.js'

/** Changes of the path that are kept: the latest. */
const MOST_CHANGES = 500
export interface TraceStatisticsOptions {
  /** Flows were asked for: they are listed, were it one. */
  readonly flows?: boolean
}

export class TraceStatistics {
  private readonly header: TraceHeader
  private readonly listsFlows: boolean
  private readonly flows = new Map<number, FlowFold>()
  private readonly hops = new Map<number, HopFold>()
  private readonly changes: PathChange[] = []
  private startedMs: number | null = null
  /** Rounds that are over, of those that were seen from their first probe on. */
  private rounds = 0
  private firstRound: number | null = null
  private sawProbe = false
  private latestRound = 0
  private targetState: TargetState | null = null
  private localError: string | null = null
  private probes = 0
  private unsent = 0
  private late = 0
  /** Scouts that nobody answered, by TTL: of use only while nobody answers any. */
  private readonly lostScouts = new Map<number, number>()
  private heardScout = false

  constructor(header: TraceHeader, { flows = false }: TraceStatisticsOptions = {}) {
    this.header = header
    this.listsFlows = flows
  }

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    let held = this.changes.length
    for (const flow of this.flows.values()) held += flow.held
    for (const { responders } of this.hops.values()) for (const { times } of responders.values()) held += times.held
    return held
  }

  add(event: TraceEvent): void {
    // A verdict from before a reset is told again to whoever begins anew.
    if (event.event !== 'verified') this.startedMs ??= event.atMs
    if ('purpose' in event) this.sawProbe = true
    if ('purpose' in event && event.flow === 0 && event.round > 0) this.firstRound ??= event.round
    if (event.event === 'sent') this.probes++
    else if (event.event === 'reply' || event.event === 'late') this.answered(event)
    else if (event.event === 'timeout') this.unanswered(event)
    else if (event.event === 'error') this.refused(event)
    else if (event.event === 'round') this.roundEnded(event)
    else if (event.event === 'path-change') this.changed(event)
    else if (event.event === 'verified') this.hop(event.ttl).verdict = event.verdict
  }

  /** Everything as it stands. @param nowMs milliseconds of Unix time: when the run began, if nothing has happened yet */
  document(nowMs: number, extras: DocumentExtras = {}): TraceDocument {
    const header = extras.header ?? this.header
    const flows = [...this.flows.values()].map(flow => ({ flow, cells: flow.open() }))
    const loss = lossOfFlows(flows, ttl => this.natureOf(ttl))
    const isSilent = !this.heardScout && flows.every(({ cells }) => cells.size === 0)
    const hops = isSilent
      ? silentHops(header.firstTtl, this.lostScouts)
      : hopsOf(header, flows, this.hops, loss, extras)
    const listed = this.listsFlows || flows.length > 1
    const verdicts = new Map([...this.hops].flatMap(([ttl, { verdict }]) => (verdict === null ? [] : [[ttl, verdict]])))
    const document = {
      target: header.target.target,
      address: header.target.address,
      protocol: header.protocol,
      port: header.port,
      transport: header.transport,
      timestampSource: header.timestampSource,
      privilege: header.privilege,
      flow: { key: header.flowKey, values: [...header.flowValues] },
      packetBytes: header.packetBytes,
      startedAt: new Date(this.startedMs ?? nowMs).toISOString(),
      reached: flows.some(({ flow }) => flow.distance !== null),
      targetState: this.targetState,
      rounds: this.rounds,
      unsent: this.unsent,
      hops,
      loss: loss.located,
      rateLimited: rateLimitedOf(hops, verdicts, loss.suspected),
      pathChanges: [...this.changes],
      flows: listed ? flowPathsOf(header, flows, loss, verdicts) : null,
      branches: listed ? branchesOf(header, flows) : null,
      mtu: extras.mtu ?? null,
    }
    const { localError, probes, late } = this
    const facts = { verdicts, localError, probes, late, maxTtl: header.maxTtl }
    return { ...document, verdict: verdictOf(document, facts) }
  }

  private answered(event: TraceReplyEvent): void {
    const place = placeOf(event, this.header.target)
    // Scouts of TCP go their own ways, and who says "too big" does not stand at the probe's TTL.
    if (event.purpose === 'scout') {
      this.heardScout = true
      return
    }
    if (event.event === 'late') this.late++
    if (place === null) {
      this.noteTooBig(event)
      return
    }
    this.latestRound = Math.max(this.latestRound, event.round)
    const { ttl, round, from } = event
    const flow = this.flow(event.flow)
    if (event.event === 'late') flow.late({ ttl, round, from })
    else flow.settled({ ttl, round, from })
    flow.place(event, place)
    const hop = this.hop(ttl)
    hop.limitsItsAnswers = isIcmpErrorAnswer(event.answer)
    hop.responder(from)?.answered(event, round === 0 ? this.latestRound : round)
    if (place !== 'router') this.targetState = targetStateOf(event, this.header)
  }

  private unanswered({ purpose, ttl, round, flow }: TraceTimeoutEvent): void {
    if (purpose === 'scout') {
      this.lostScouts.set(ttl, (this.lostScouts.get(ttl) ?? 0) + 1)
      return
    }
    const fold = this.flow(flow)
    fold.settled({ ttl, round, from: null })
    this.latestRound = Math.max(this.latestRound, round)
    const address = fold.current.get(ttl)
    if (address === undefined) return
    this.hop(ttl)
      .responder(address)
      ?.unanswered(round === 0 ? this.latestRound : round)
  }

  private refused({ reason }: TraceErrorEvent): void {
    this.localError = reason
    this.unsent++
  }

  private noteTooBig({ from, mtu }: TraceReplyEvent): void {
    for (const { responders } of this.hops.values()) {
      const responder = responders.get(from)
      if (responder !== undefined && mtu !== null) responder.mtu = mtu
    }
  }

  private changed(event: PathChangeEvent): void {
    const { flow, round, atMs, ttl, before, after } = event
    const { firstTtl, target } = this.header
    const at = new Date(atMs).toISOString()
    this.changes.push({ flow, round, at, ttl, before: [...before], after: [...after] })
    if (this.changes.length > MOST_CHANGES) this.changes.shift()
    const fold = this.flow(flow)
    const old = { flow: fold.snapshot(), cells: fold.changed(round, before, after, firstTtl, target.address) }
    const loss = lossOfFlows([old], hopTtl => this.natureOf(hopTtl))
    for (const [hopTtl, cell] of old.cells) {
      if (hopTtl <= old.flow.end) this.hop(hopTtl).close(hopTtl, cell, old.flow, loss)
    }
    for (const [hopTtl, hop] of this.hops) if (hopTtl >= ttl) hop.verdict = null
  }

  private roundEnded({ flow, round }: RoundEvent): void {
    // Of an older round nothing was seen but its end. Other flows may have begun later.
    if (this.sawProbe && flow === 0 && round >= (this.firstRound ?? 1)) this.rounds++
    this.flow(flow).roundEnded(round)
  }

  private natureOf(ttl: number): HopNature {
    const hop = this.hops.get(ttl)
    return { limitsItsAnswers: hop?.limitsItsAnswers ?? true, verdict: hop?.verdict ?? null }
  }

  private flow(flow: number): FlowFold {
    const fold = this.flows.get(flow) ?? new FlowFold(flow)
    this.flows.set(flow, fold)
    return fold
  }

  private hop(ttl: number): HopFold {
    const fold = this.hops.get(ttl) ?? new HopFold()
    this.hops.set(ttl, fold)
    return fold
  }
}

/** The document of a whole run. */
export function summarizeTrace(events: Iterable<TraceEvent>, header: TraceHeader): TraceDocument {
  const statistics = new TraceStatistics(header)
  let lastMs = 0
  for (const event of events) {
    statistics.add(event)
    lastMs = event.atMs
  }
  return statistics.document(lastMs)
}

/** Hops that limit their answers as slowed probes have told, and those of which it is only likely. */
function rateLimitedOf(
  hops: readonly Hop[],
  verdicts: ReadonlyMap<number, SlowVerdict>,
  suspected: ReadonlySet<number>,
): RateLimitedHop[] {
  return hops.flatMap<RateLimitedHop>(({ ttl, received }) => {
    const verdict = verdicts.get(ttl)
    if (verdict === 'rate-limited') return [{ ttl, verified: true }]
    return verdict === undefined && received > 0 && suspected.has(ttl) ? [{ ttl, verified: false }] : []
  })
}
