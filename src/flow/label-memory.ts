// Which labels the packets of each flow had: kept only where flows are selected by them.

import type { CapturedPacket } from '../wire/captured-packet.js'
import type { FlowTracker } from './tracker.js'

const FIRST_FLOWS = 4096

export class LabelMemory {
  #masks = new Int32Array(FIRST_FLOWS)

  /** Notes the labels of the packet that the tracker looked at last. */
  packet(_packet: CapturedPacket, { flowId, labels }: FlowTracker): void {
    if (flowId >= this.#masks.length) {
      const larger = new Int32Array(Math.max(flowId + 1, this.#masks.length * 2))
      larger.set(this.#masks)
      this.#masks = larger
    }
    this.#masks[flowId]! |= labels
  }

  of(flowId: number): number {
    return this.#masks[flowId] ?? 0
  }
}
