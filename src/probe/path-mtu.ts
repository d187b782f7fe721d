// Path MTU discovery: the largest IP packet that arrives with DF set, and who or what limits it.
//
// For a transport opened with pathMtu 'probe' (DF set, cached path MTUs ignored). What is measured is the way there; where answers
// are as large as probes (echo), a limit on the way back shows too, as silence, because routers report it to the target.

import { ERRNO } from '../errors/index.js'
import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor } from '../ports/probe.js'
import { ECHO_COOKIE_BYTES, isPortUnreachable, isTooBig } from '../wire/icmp.js'
import type { ProbeTarget } from './events.js'
import type { PathMtuError, PathMtuLimit, PathMtuProbe, PathMtuResult } from './path-mtu-result.js'
import { PathMtuSearch } from './path-mtu-search.js'
import { type PathMtuTimers, ProbeWait } from './path-mtu-wait.js'
import { batchOfOne } from './probe-batch.js'
import { HEADER_BYTES } from './probe-size.js'

/** RFC 791: what every link must carry. Small probes have this size, or as much as the cookie needs. */
const LEAST_IPV4 = 68
/** Small probes before the search: whether the target answers, how fast, and how often not. */
const FIRST_SMALL = 3
/** Small probes in vain before the target is said not to answer: a third of all lost both ways still leaves one in thousands. */
const SMALL_TRIES = 10
/** Between two of them, while nothing has been answered. */
const SMALL_GAP_MS = 500
/** Pairs of a large and a small probe in one round. */
const PAIRS = 3
/** How long an answer may take once some have come: this often the longest round-trip time, and so much more. */
const PATIENCE_RTTS = 3
const PATIENCE_MS = 200
/** Pairs are so far apart at most: Linux answers each host once a second (icmp(7), icmp_ratelimit). */
const LIMITED_MS = 1100
/** A full socket buffer is tried again after this. */
const RETRY_MS = 2

export interface PathMtuPlan {
  readonly target: ProbeTarget
  /** MTU of the interface that probes leave through; null when unknown: the kernel's refusals tell then. */
  readonly localMtu: number | null
  /** Longest payload that the transport was opened for. */
  readonly largestPayload: number
  /** Longest wait for the answer to a small probe. */
  readonly timeoutMs: number
  /** Between two pairs of probes. */
  readonly intervalMs: number
  /** The search ends then, found or not. */
  readonly deadlineMs: number
  /**
   * Who answers may limit that to one a second, as routers do: the large probe of each pair goes first, so that the answer is about
   * it if there is but one, and pairs move apart while both stay unanswered.
   */
  readonly limitsAnswers?: boolean
  /** Sizes to try first, where there is a reason to. */
  readonly likely?: readonly number[]
}

/** Finds the path MTU. Takes `deadlineMs` at most; `signal` ends it earlier, with what is known then. Rejects only with what the transport throws. */
export async function findPathMtu(
  transport: ProbeTransport,
  plan: PathMtuPlan,
  timers: PathMtuTimers,
  signal?: AbortSignal,
): Promise<PathMtuResult> {
  const discovery = new Discovery(transport, plan, timers, signal)
  return discovery.run()
}

interface Sent extends PathMtuProbe {
  sentNs: number
  sentMonoNs: number
}

class Discovery implements ProbeVisitor {
  private readonly transport: ProbeTransport
  private readonly plan: PathMtuPlan
  private readonly wait: ProbeWait
  private readonly headerBytes: number
  private readonly smallBytes: number
  private readonly search: PathMtuSearch
  private readonly batch = batchOfOne()
  private readonly sent: Sent[] = []
  /** Small probes that may still be answered. */
  private unjudged: Sent[] = []
  private pairs = 0
  private pairGapMs: number
  private said: PathMtuError | null = null
  private maxRttMs = 0

  constructor(transport: ProbeTransport, plan: PathMtuPlan, timers: PathMtuTimers, signal: AbortSignal | undefined) {
    const { family } = plan.target
    this.transport = transport
    this.plan = plan
    this.headerBytes = HEADER_BYTES[family]
    const withCookie = this.headerBytes + ECHO_COOKIE_BYTES
    this.smallBytes = family === 4 ? Math.max(LEAST_IPV4, withCookie) : withCookie
    const largest = this.headerBytes + plan.largestPayload
    this.search = new PathMtuSearch(Math.min(plan.localMtu ?? largest, largest), plan.likely)
    this.pairGapMs = plan.intervalMs
    this.wait = new ProbeWait(transport, this, timers, plan.deadlineMs, signal)
  }

  async run(): Promise<PathMtuResult> {
    const { search } = this
    try {
      await this.greet()
      while (search.passed > 0 && !this.wait.isOver) {
        const size = search.next()
        if (size === null) break
        await this.round(size)
      }
      return this.result()
    } finally {
      this.wait.close()
    }
  }

  /** Small probes: whether the target answers at all. */
  private async greet(): Promise<void> {
    const { search, plan } = this
    const answered = (): number => this.unjudged.filter(({ outcome }) => outcome === 'answered').length
    const gapMs = Math.min(SMALL_GAP_MS, plan.timeoutMs)
    for (let tries = 0; tries < SMALL_TRIES && answered() < FIRST_SMALL && !this.wait.isOver; tries++) {
      const probe = await this.send(this.smallBytes)
      // No route, or forbidden: it will not be better a moment later.
      if (probe === null || (probe.outcome !== 'lost' && probe.from === null)) return
      this.unjudged.push(probe)
      await this.wait.until(() => probe.outcome !== 'lost', Math.min(this.patienceMs(), gapMs))
    }
    if (search.passed === 0) await this.wait.until(() => search.passed > 0, plan.timeoutMs - gapMs)
    this.judgeSmall()
  }

  /** Probes of one size, each beside a small one, until something is known of that size or the answers are overdue. */
  private async round(size: number): Promise<void> {
    const { search, plan } = this
    const settled = (): boolean => search.next() !== size
    const tries: { large: Sent; small: Sent }[] = []
    const wanted = Math.min(Math.max(search.triesWanted(size), 1), PAIRS)
    while (tries.length < wanted && !settled() && !this.wait.isOver) {
      // Where only so many packets a second pass, it would always be the second of a pair that is lost.
      const smallFirst = !plan.limitsAnswers && this.pairs++ % 2 === 0
      const first = await this.send(smallFirst ? this.smallBytes : size)
      const second = first === null || settled() ? null : await this.send(smallFirst ? size : this.smallBytes)
      if (first === null || second === null) break
      const pair = smallFirst ? { small: first, large: second } : { small: second, large: first }
      this.unjudged.push(pair.small)
      tries.push(pair)
      await this.wait.until(settled, this.pairGapMs)
      const isSilent = pair.large.outcome === 'lost' && pair.small.outcome === 'lost'
      if (plan.limitsAnswers && isSilent) this.pairGapMs = Math.min(this.pairGapMs * 2, LIMITED_MS)
    }
    await this.wait.until(settled, this.patienceMs())
    if (plan.limitsAnswers) this.excuse(tries)
    this.judgeSmall()
    if (this.wait.isOver) return
    for (const { large, small } of tries) {
      if (large.outcome !== 'answered' && small.outcome === 'answered') search.silent(size)
    }
  }

  /** A small probe whose large one had the only answer is no sign of loss. */
  private excuse(tries: readonly { large: Sent; small: Sent }[]): void {
    const excused = new Set(tries.filter(({ large }) => large.outcome === 'answered').map(({ small }) => small))
    this.unjudged = this.unjudged.filter(probe => probe.outcome === 'answered' || !excused.has(probe))
  }

  /** Counts the small probes that were answered, or are overdue. */
  private judgeSmall(): void {
    const overdue = this.transport.nowMonoNs() - this.patienceMs() * 1e6
    const young: Sent[] = []
    for (const probe of this.unjudged) {
      const answered = probe.outcome === 'answered'
      if (answered || probe.sentMonoNs <= overdue) this.search.small(answered)
      else young.push(probe)
    }
    this.unjudged = young
  }

  /** Sends one probe; null when there was no room for it until the time was over. */
  private async send(sizeBytes: number): Promise<Sent | null> {
    const { batch, transport } = this
    const sequence = this.sent.length + 1
    batch.count = 1
    batch.target[0] = this.plan.target.index
    batch.sequence[0] = sequence
    batch.payloadBytes[0] = sizeBytes - this.headerBytes
    while (transport.send(batch) === 0) {
      await this.wait.until(() => false, RETRY_MS)
      if (this.wait.isOver) return null
    }
    const probe: Sent = {
      sequence,
      sizeBytes,
      outcome: 'lost',
      from: null,
      mtu: null,
      rttMs: null,
      sentNs: batch.sentNs[0]!,
      sentMonoNs: batch.sentMonoNs[0]!,
    }
    this.sent.push(probe)
    const errno = -batch.result[0]!
    if (errno === ERRNO.EMSGSIZE) this.refused(probe, batch.mtu?.[0] ?? 0)
    else if (errno !== 0) this.unreachable(probe, { from: null, type: null, code: null, errno })
    return probe
  }

  reply(reply: ProbeReply): void {
    const probe = this.sent[reply.sequence - 1]
    if (probe === undefined || probe.outcome === 'answered') return
    const rttNs = reply.receivedNs - probe.sentNs
    this.answered(probe, reply.from, rttNs >= 0 ? rttNs : reply.readMonoNs - probe.sentMonoNs)
  }

  error(error: ProbeError): void {
    const { family, address } = this.plan.target
    const { type, code, from, errno, mtu } = error
    const isLocal = error.origin === 'local'
    const wasTooBig = !isLocal && isTooBig(family, type, code)
    // The target itself has no such port, so the probe arrived.
    const isClosedPort = isPortUnreachable(family, type, code)
    const probe = this.probeOf(error, wasTooBig)
    if (probe === undefined || probe.outcome === 'answered') return
    if (isLocal && errno === ERRNO.EMSGSIZE) this.refused(probe, mtu)
    else if (wasTooBig) {
      Object.assign(probe, { outcome: 'too-big', from, mtu: mtu > 0 ? mtu : null })
      this.search.tooBig(probe.sizeBytes, from, mtu)
    } else if (isClosedPort && !isLocal && this.transport.kind === 'udp' && from === address) {
      this.answered(probe, from, error.receivedNs - probe.sentNs)
    } else this.unreachable(probe, { from, type: isLocal ? null : type, code: isLocal ? null : code, errno })
  }

  transmitted(): void {
    // Round-trip times only pace the search: the stamp before the send is good enough.
  }

  /** The probe that an error is about: as it says, or the latest that the MTU it tells would have stopped. */
  private probeOf({ sequence, wireSequence, mtu }: ProbeError, wasTooBig: boolean): Sent | undefined {
    const number = sequence >= 1 ? sequence : wireSequence
    if (number >= 1) return this.sent[number - 1]
    return wasTooBig
      ? this.sent.findLast(probe => probe.sizeBytes > mtu && probe.sizeBytes > this.search.passed)
      : undefined
  }

  private answered(probe: Sent, from: string, rttNs: number): void {
    const rttMs = Math.max(rttNs, 0) / 1e6
    Object.assign(probe, { outcome: 'answered', from, rttMs, mtu: null })
    this.maxRttMs = Math.max(this.maxRttMs, rttMs)
    this.search.answered(probe.sizeBytes)
  }

  private refused(probe: Sent, mtu: number): void {
    probe.outcome = 'refused'
    if (mtu > 0) probe.mtu = mtu
    this.search.refused(probe.sizeBytes, mtu)
  }

  private unreachable(probe: Sent, said: PathMtuError): void {
    if (probe.outcome === 'lost') Object.assign(probe, { outcome: 'unreachable', from: said.from })
    this.said = said
  }

  private patienceMs(): number {
    const { timeoutMs } = this.plan
    return this.maxRttMs === 0 ? timeoutMs : Math.min(timeoutMs, PATIENCE_RTTS * this.maxRttMs + PATIENCE_MS)
  }

  private result(): PathMtuResult {
    const { passed } = this.search
    const answered = passed > 0
    return {
      target: this.plan.target,
      transport: this.transport.kind,
      pathMtu: answered ? passed : null,
      largestPayload: answered ? passed - this.headerBytes : null,
      limit: answered ? this.limit() : null,
      error: answered ? null : this.said,
      timeMs: this.wait.elapsedMs,
      probes: this.sent.map(({ sentNs, sentMonoNs, ...probe }) => probe),
    }
  }

  private limit(): PathMtuLimit {
    const { search, plan } = this
    const { passed, failed, failure, reporter, ceiling } = search
    if (search.next() !== null) return { by: 'unknown', largestPossible: search.largestPossible }
    if (passed >= ceiling) return ceiling === plan.localMtu ? { by: 'local', mtu: ceiling } : { by: 'none' }
    if (reporter !== undefined) return { by: 'icmp', from: reporter, mtu: passed }
    if (failure?.by === 'too-big') return { by: 'icmp', from: failure.from, mtu: failure.mtu }
    return failure?.by === 'refused' ? { by: 'local', mtu: passed } : { by: 'black-hole', smallestLost: failed }
  }
}
