// Findings beside what is printed: every packet and every flow that ends is shown to the rules.

import type { Decoding, PacketVisitor } from '../../compose/decode.js'
import type { Finding } from '../../flow/finding.js'
import { Findings } from '../../flow/findings.js'
import type { Flow } from '../../flow/model.js'
import type { FlowTracker } from '../../flow/tracker.js'
import type { CapturedPacket } from '../../wire/captured-packet.js'

export class FindingsView implements PacketVisitor {
  readonly #findings = new Findings()
  #found: Finding[] | null = null

  packet(packet: CapturedPacket, tracker: FlowTracker): void {
    this.#findings.note(packet, tracker)
  }

  /** Whether the rules have to see a flow that ends: of those that are healthy only the first ones, of a scan none. */
  needs(tracker: FlowTracker, slot: number): boolean {
    return this.#findings.needs(slot, tracker.outcome(slot), tracker.records)
  }

  /** A flow that ended, or is remembered at the end of the capture. Of those that are not wanted nothing is said. */
  flow(flow: Flow, slot: number, isWanted: boolean): void {
    if (isWanted) this.#findings.addFlow(flow, slot)
    else this.#findings.evidence.take(slot)
  }

  /** When all flows were seen. */
  finish(decoding: Decoding): Finding[] {
    this.#found ??= this.#findings.finish(decoding.head().captureQuality)
    return this.#found
  }
}
