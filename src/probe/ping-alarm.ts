// What wakes a run when something is due.

import type { PingTimers } from './ping-plan.js'

/** A full socket buffer is tried again after this. */
export const RETRY_MS = 1
/** Below this a timer of the event loop is no better than another turn of it. */
const TURN_MS = 0.5

/** One alarm at a time: the next one takes the place of the last. */
export class Alarm {
  private readonly timers: PingTimers
  private readonly ring: () => void
  private cancelLast: () => void = () => undefined

  constructor(timers: PingTimers, ring: () => void) {
    this.timers = timers
    this.ring = ring
  }

  /** Rings after a while; never for an infinite one. */
  set(waitMs: number): void {
    this.cancel()
    if (waitMs === Number.POSITIVE_INFINITY) return
    this.cancelLast = waitMs < TURN_MS ? this.timers.soon(this.ring) : this.timers.after(waitMs, this.ring)
  }

  cancel(): void {
    this.cancelLast()
    this.cancelLast = () => undefined
  }
}
