// Who lowers the maximum segment size of TCP on the way: each router quotes the SYN as it came to it.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import { parseMss } from '../wire/tcp.js'
import { HopSequences, HopTransport } from './hop-transport.js'
import { type PathMtuTimers, ProbeWait } from './path-mtu-wait.js'
import { batchOfOne } from './probe-batch.js'
import type { MssClamp } from './trace-document.js'
import type { AnsweringHop } from './trace-mtu.js'

/** SYNs to a TTL at most. */
const TRIES = 3
const TIMEOUT_MS = 1000

export interface MssPlan {
  readonly target: number
  readonly family: 4 | 6
  readonly hops: readonly AnsweringHop[]
  readonly deadlineMs: number
}

/**
 * The MSS that each hop saw, by hop of the plan: null where it was not quoted. One SYN after the other on one source port, so that
 * all go the same way.
 * @param transport opened for TCP
 */
export async function readMss(
  transport: ProbeTransport,
  plan: MssPlan,
  timers: PathMtuTimers,
  signal?: AbortSignal,
): Promise<(number | null)[]> {
  const listener = new QuoteListener()
  const sequences = new HopSequences()
  const seen: (number | null)[] = []
  const wait = new ProbeWait(transport, listener, timers, plan.deadlineMs, signal)
  try {
    for (const { ttl } of plan.hops) {
      listener.start(sequences.last)
      for (let tries = 0; tries < TRIES && !listener.answered && !wait.isOver; tries++) {
        const view = new HopTransport(transport, plan.family, ttl, sequences)
        view.send(oneSyn(plan.target))
        await wait.until(() => listener.answered, TIMEOUT_MS)
      }
      seen.push(listener.mss)
    }
  } finally {
    wait.close()
  }
  return seen
}

/**
 * Where the MSS becomes smaller, from one hop that quoted it to the next. What the first of them saw is taken for what was sent: this
 * host's kernel chooses by interface, route and what it knows of the path.
 */
export function mssClamps(hops: readonly AnsweringHop[], seen: readonly (number | null)[]): MssClamp[] {
  const clamps: MssClamp[] = []
  let before: { ttl: number; mss: number } | null = null
  for (const [index, mss] of seen.entries()) {
    if (mss === null) continue
    const { ttl } = hops[index]!
    if (before !== null && mss < before.mss) {
      clamps.push({ afterTtl: before.ttl, beforeTtl: ttl, from: before.mss, to: mss })
    }
    before = { ttl, mss }
  }
  return clamps
}

/** What the SYNs to a hop were quoted with. */
class QuoteListener implements ProbeVisitor {
  answered = false
  mss: number | null = null
  private earlier = 0

  /** @param earlier the last sequence that went to a hop before */
  start(earlier: number): void {
    this.answered = false
    this.mss = null
    this.earlier = earlier
  }

  reply({ sequence }: ProbeReply): void {
    // The target itself quotes nothing.
    if (sequence > this.earlier) this.answered = true
  }

  error({ origin, sequence, quoted, quotedBytes }: ProbeError): void {
    if (origin !== 'icmp' || sequence <= this.earlier) return
    this.answered = true
    const probe = quotedBytes ? quoted.subarray(0, quotedBytes) : quoted
    this.mss ??= parseMss(probe)
  }

  transmitted(): void {
    // Times are of no use here.
  }
}

function oneSyn(target: number): SendBatch {
  const batch = batchOfOne()
  batch.target[0] = target
  batch.sequence[0] = 1
  return batch
}
