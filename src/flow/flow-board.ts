// Counts flows by outcome, and keeps those that are to be shown: few models are built however many flows there are.

import { compareFlows, orderOf } from './flow-order.js'
import type { Flow, Outcome } from './model.js'
import type { FlowTracker } from './tracker.js'

export interface FlowCounts {
  tcp: number
  udp: number
  /** Those that there are any of, in the order in which flows are shown. */
  outcomes: Partial<Record<Outcome, number>>
}

/** Flows kept that ended already; sorted and cut when there are twice as many as are shown. */
const LEAST_KEPT = 64

export class FlowBoard {
  readonly #limit: number
  readonly #outcomes = new Map<Outcome | null, number>()
  #ended: Flow[] = []
  /** Nothing behind it would be shown. */
  #bound = Number.POSITIVE_INFINITY

  /** @param limit most flows that are shown */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** A flow ends: whether it may be shown. */
  isWanted(tracker: FlowTracker, slot: number): boolean {
    const outcome = tracker.outcome(slot)
    this.#count(outcome)
    return orderOf(outcome, tracker.lastFrame(slot)) < this.#bound
  }

  /** A flow that is built already: counted, and kept when it may be shown. */
  offer(flow: Flow): void {
    this.#count(flow.outcome)
    if (orderOf(flow.outcome, flow.lastFrame) < this.#bound) this.add(flow)
  }

  /** One that is wanted. */
  add(flow: Flow): void {
    this.#ended.push(flow)
    if (this.#ended.length >= Math.max(LEAST_KEPT, this.#limit * 2)) this.#cut()
  }

  #cut(): void {
    this.#ended = this.best()
    const last = this.#ended.at(-1)
    if (last !== undefined && this.#ended.length === this.#limit) this.#bound = orderOf(last.outcome, last.lastFrame)
  }

  #count(outcome: Outcome | null): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
  }

  /** The flows to be shown, first to last, those that the tracker still remembers among them. */
  finish(tracker: FlowTracker): Flow[] {
    const slots = tracker.slots()
    const keys = new Float64Array(slots.length)
    slots.forEach((slot, index) => {
      const outcome = tracker.outcome(slot)
      this.#count(outcome)
      keys[index] = orderOf(outcome, tracker.lastFrame(slot))
    })
    const bound = keys.length > this.#limit ? keys.slice().sort()[this.#limit]! : Number.POSITIVE_INFINITY
    const live = slots.filter((_, index) => keys[index]! < bound).map(slot => tracker.read(slot))
    this.#ended.push(...live)
    return this.best()
  }

  /** The flows to be shown, first to last. */
  best(): Flow[] {
    return this.#ended.sort(compareFlows).slice(0, this.#limit)
  }

  counts(): FlowCounts {
    const found = [...this.#outcomes].filter((row): row is [Outcome, number] => row[0] !== null)
    const outcomes = Object.fromEntries(found.sort(([one], [other]) => orderOf(one, 0) - orderOf(other, 0)))
    const udp = this.#outcomes.get(null) ?? 0
    return { tcp: found.reduce((sum, [, count]) => sum + count, 0), udp, outcomes }
  }
}
