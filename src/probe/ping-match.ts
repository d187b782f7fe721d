// Which probe an answer or an error is about.

import type { ProbeReply } from '../ports/probe.js'
import type { ProbeTarget } from './events.js'
import { PROBE_STATE, type ProbeRing } from './probe-ring.js'

/** Finds probes by target and sequence, or by what little a short payload or quote leaves of them. */
export class Matcher {
  private readonly targets: readonly ProbeTarget[]
  private readonly ring: ProbeRing
  /** Targets with the same address as another, by address; null until it matters. */
  private siblings: ReadonlyMap<string, readonly number[]> | null = null

  constructor(targets: readonly ProbeTarget[], ring: ProbeRing) {
    this.targets = targets
    this.ring = ring
  }

  /**
   * The number of a probe; -1 when it is none of ours.
   * @param sequence in full, or -1 when only the 16 bits of the header are known
   * @param next number of the next probe
   */
  match(target: number, sequence: number, wireSequence: number, next: number): number {
    const { ring, targets } = this
    if (target < 0 || target >= targets.length) return -1
    let full = sequence
    if (full < 0) {
      if (wireSequence < 0) return -1
      // The latest probe with these low 16 bits.
      const latest = ring.sequenceOf(Math.max(next - 1, 0))
      full = latest - ((latest - wireSequence) & 0xffff)
    }
    const number = ring.numberOf(target, full)
    return full >= 1 && number < next ? number : -1
  }

  /** The number of the probe that an answer is to; -1 when it is none of ours. */
  matchReply(reply: ProbeReply, next: number): number {
    const { target, fromTarget, sequence, wireSequence } = reply
    if (target >= 0) return this.match(target, sequence, wireSequence, next)
    const index = this.targets.length === 1 ? 0 : fromTarget
    return this.match(this.sibling(index, wireSequence, next), sequence, wireSequence, next)
  }

  /** Of several targets with one address the first whose probe with that number still waits. */
  private sibling(index: number, wireSequence: number, next: number): number {
    this.siblings ??= siblingsOf(this.targets)
    const siblings = this.siblings.get(this.targets[index]?.address ?? '')
    const isWaiting = (each: number): boolean => {
      const number = this.match(each, -1, wireSequence, next)
      return number >= 0 && this.ring.state(number) === PROBE_STATE.waiting
    }
    return siblings?.find(isWaiting) ?? index
  }
}

function siblingsOf(targets: readonly ProbeTarget[]): Map<string, number[]> {
  const siblings = new Map<string, number[]>()
  const firsts = new Map<string, number>()
  for (const { address, index } of targets) {
    const first = firsts.get(address)
    if (first === undefined) firsts.set(address, index)
    else siblings.set(address, [...(siblings.get(address) ?? [first]), index])
  }
  return siblings
}
