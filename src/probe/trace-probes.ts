// What is remembered of a trace's probes, in bounded memory: by sequence, what each was for, and which still wait for an answer.

import type { SendBatch } from '../ports/probe.js'
import { batchOfOne } from './probe-batch.js'
import { PROBE_STATE, ProbeRing, type ProbeState } from './probe-ring.js'
import type { ProbePurpose } from './trace-events.js'

/**
 * Most probes from the oldest that waits to the newest. One that no longer waits is remembered until 8,192 newer ones were sent, or
 * more where the ring had to grow: an answer after that is nobody's.
 */
export const PROBES_KEPT = 1 << 16
/** Probes under way at most. */
export const PROBES_UNDER_WAY = 4096

const PURPOSES = ['round', 'slow', 'scout'] as const

/** A probe to be sent, and what it is for. */
export interface ProbeOrder {
  readonly ttl: number
  readonly flow: number
  /** From 1; 0 for slowed probes and scouts. */
  readonly round: number
  readonly purpose: ProbePurpose
}

/** Probes by number, from 0: the sequence less one. */
export class TraceProbes {
  /** When each was sent, and what became of it. */
  readonly ring = new ProbeRing(1)
  private next = 0
  /** In the order in which they were sent. */
  private readonly under = new Set<number>()
  private readonly underInFlow = new Map<number, number>()
  private readonly ttls = new Uint8Array(PROBES_KEPT)
  private readonly flows = new Uint16Array(PROBES_KEPT)
  private readonly rounds = new Uint32Array(PROBES_KEPT)
  private readonly purposes = new Uint8Array(PROBES_KEPT)
  /** Probes of a round that was begun anew: nothing is told of them. */
  private readonly disowned = new Uint8Array(PROBES_KEPT)

  /** Number of the next probe. */
  get nextNumber(): number {
    return this.next
  }

  get waiting(): ReadonlySet<number> {
    return this.under
  }

  /** No more may be sent until one was answered or given up. */
  get isFull(): boolean {
    if (this.under.size >= PROBES_UNDER_WAY) return true
    const [oldest] = this.under
    return oldest !== undefined && this.next - oldest >= PROBES_KEPT
  }

  waitingInFlow(flow: number): number {
    return this.underInFlow.get(flow) ?? 0
  }

  /** The one probe of a flow that waits for its answer; -1 when there is none, or more than one. */
  onlyOneOf(flow: number): number {
    if (this.waitingInFlow(flow) !== 1) return -1
    for (const number of this.under) if (this.flows[number % PROBES_KEPT] === flow) return number
    return -1
  }

  /** Remembers a probe that was handed to the kernel. */
  add(order: ProbeOrder, state: ProbeState, sentNs: number, sentMonoNs: number): number {
    const number = this.next++
    const place = number % PROBES_KEPT
    const [oldest = number] = this.under
    this.ring.makeRoom(number, oldest)
    this.ring.add(number, state, sentNs, sentMonoNs)
    this.ttls[place] = order.ttl
    this.flows[place] = order.flow
    this.rounds[place] = order.round
    this.purposes[place] = PURPOSES.indexOf(order.purpose)
    this.disowned[place] = 0
    if (state !== PROBE_STATE.waiting) return number
    this.under.add(number)
    this.underInFlow.set(order.flow, this.waitingInFlow(order.flow) + 1)
    return number
  }

  /** What a probe was for; null when that is forgotten, or it never was. */
  order(number: number): ProbeOrder | null {
    const place = number % PROBES_KEPT
    const isKnown = number >= 0 && number < this.next && this.ring.state(number) !== PROBE_STATE.free
    if (!isKnown || this.disowned[place] === 1) return null
    return {
      ttl: this.ttls[place]!,
      flow: this.flows[place]!,
      round: this.rounds[place]!,
      purpose: PURPOSES[this.purposes[place]!]!,
    }
  }

  sentMs(number: number): number {
    return this.ring.sentMonoNs(number) / 1e6
  }

  /** What became of a probe; it waits no longer. */
  settle(number: number, state: ProbeState): void {
    this.ring.setState(number, state)
    if (!this.under.delete(number)) return
    const flow = this.flows[number % PROBES_KEPT]!
    const left = this.waitingInFlow(flow) - 1
    if (left > 0) this.underInFlow.set(flow, left)
    else this.underInFlow.delete(flow)
  }

  /** Forgets all that are under way: whatever comes back for them cannot be told apart. */
  disown(): void {
    for (const number of [...this.under]) {
      this.disowned[number % PROBES_KEPT] = 1
      this.settle(number, PROBE_STATE.timedOut)
    }
  }
}

/** A batch of one probe: so answers are read between any two. */
export function oneProbeBatch(): Required<SendBatch> {
  const batch = batchOfOne()
  return { ...batch, mtu: new Int32Array(1), ttl: new Uint8Array(1), flow: new Uint16Array(1) }
}
