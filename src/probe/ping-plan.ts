// What a run of probes is to do, and what it is given to do it with.

import type { ProbeTransport } from '../ports/probe.js'
import type { ProbeTarget } from './events.js'
import type { Pace } from './schedule.js'

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

/** The transport of each target. */
export function transportsOf({ targets }: PingPlan, { transports }: PingPorts): ProbeTransport[] {
  const four = transports.find(each => each.family === 4)?.transport
  const six = transports.find(each => each.family === 6)?.transport
  return targets.map(target => (target.family === 4 ? four : six)!)
}
