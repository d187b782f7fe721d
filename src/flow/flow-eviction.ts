// Which flows end before the capture does: a table that is more than half full gives up those that are silent, a full one some flow.

import type { WalkedPacket } from '../wire/walked-packet.js'
import { isEnded } from './flow-end.js'
import * as Row from './flow-record.js'
import type { FlowEndReason } from './model.js'
import type { QualityCounts } from './quality.js'

/** Silent this long in a table that is more than half full, a flow is over. */
const IDLE_NS = 300e9
/** How many flows a full table looks at for the one to give up, and how many for idle ones at each new flow. */
const CANDIDATES = 16
const IDLE_CANDIDATES = 2

export class FlowEviction {
  readonly #records: Row.FlowRecords
  readonly #counts: QualityCounts
  readonly #maxFlows: number
  readonly #end: (slot: number, reason: FlowEndReason) => void
  /** Now, and the nanoseconds of the second that times count from. */
  #timeNs = -0
  #baseNanoseconds = 0
  #hand = 0

  /** @param end gets the slot of each flow that ends */
  constructor(
    records: Row.FlowRecords,
    counts: QualityCounts,
    maxFlows: number,
    end: (slot: number, reason: FlowEndReason) => void,
  ) {
    this.#records = records
    this.#counts = counts
    this.#maxFlows = maxFlows
    this.#end = end
  }

  /** Before a new flow, which the packet begins: makes room for it where there is little. */
  makeRoom(walked: WalkedPacket, baseNanoseconds: number): void {
    const records = this.#records
    if (records.live * 2 <= this.#maxFlows) return
    this.#timeNs = walked.timeNs
    this.#baseNanoseconds = baseNanoseconds
    for (let looked = 0; looked < IDLE_CANDIDATES; looked++) {
      const slot = this.#turn()
      if (records.slab(slot).words[Row.wordsOf(slot) + Row.ID] !== 0 && this.#silence(slot) > IDLE_NS) {
        this.#counts.idleFlows++
        this.#end(slot, 'idle')
      }
    }
    if (records.live >= this.#maxFlows) this.#giveUp()
  }

  /** Ends the one that ended already and is silent longest, or the one that is silent longest, of some. */
  #giveUp(): void {
    const records = this.#records
    let best = -1
    let bestEnded = false
    let bestSilence = Number.NEGATIVE_INFINITY
    for (let looked = 0; looked < CANDIDATES || best < 0; looked++) {
      const slot = this.#turn()
      if (records.slab(slot).words[Row.wordsOf(slot) + Row.ID] === 0) continue
      const ended = isEnded(records, slot)
      const silence = this.#silence(slot)
      if (bestEnded && !ended) continue
      if (ended === bestEnded && silence <= bestSilence) continue
      best = slot
      bestEnded = ended
      bestSilence = silence
    }
    this.#counts.evictedFlows++
    this.#end(best, 'lack-of-resources')
  }

  #turn(): number {
    this.#hand = this.#hand + 1 < this.#records.used ? this.#hand + 1 : 0
    return this.#hand
  }

  /** Nanoseconds since its last packet. */
  #silence(slot: number): number {
    const { words } = this.#records.slab(slot)
    const at = Row.wordsOf(slot)
    return this.#timeNs - (words[at + Row.LAST_SECONDS]! * 1e9 + words[at + Row.LAST_NS]! - this.#baseNanoseconds)
  }
}
