// What a trace is to do, as numbers.

import type { ProbeTarget } from './events.js'
import type { TraceProtocol } from './trace-events.js'

/** Flows from here on belong to scouts, one for each TTL; those below are the run's own. */
export const SCOUT_FLOWS = 1000

export interface TracePlan {
  readonly target: ProbeTarget
  readonly protocol: TraceProtocol
  readonly port: number | null
  /** 1 and more. */
  readonly firstTtl: number
  readonly maxTtl: number
  /** Bytes of a probe's IP packet, and of its payload within. */
  readonly packetBytes: number
  readonly payloadBytes: number
  /** Rounds: each sends one probe to every TTL of every flow. null for no end. */
  readonly rounds: number | null
  /** From the start of a round to that of the next; 0: the next begins as soon as the length of the path is known. */
  readonly intervalMs: number
  /** Least time between two sends. */
  readonly gapMs: number
  /** A probe not answered after this is given up. Where others have answered, and `patient` is false, much less is waited. */
  readonly timeoutMs: number
  /** Wait the whole timeout for every probe: loss is measured. False for a look at the path. */
  readonly patient: boolean
  /** Flows at most. More than one: they are added until the stopping rule is met, or there are so many. */
  readonly flows: number
  /** Slow the probes to hops that leave some unanswered, to tell a limit on answers from loss. */
  readonly verify: boolean
}
