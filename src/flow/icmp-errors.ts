// ICMP errors by the flow that they quote: few flows have any, so they are kept beside the records.

import { icmpReason } from '../wire/icmp-words.js'
import type { WalkedPacket } from '../wire/walked-packet.js'
import { formatAddress } from './flow-address.js'

const MOST_PER_FLOW = 8
/** In all flows: whoever sends many of them fills no memory. */
const MOST = 65_536

export interface QuotingError {
  frame: number
  from: string
  type: number
  code: number
  reason: string
  aboutSender: 0 | 1
}

export class IcmpErrors {
  readonly #bySlot = new Map<number, QuotingError[]>()
  #count = 0

  /** @param aboutSender whose packet it quotes */
  add(slot: number, walked: WalkedPacket, frame: number, aboutSender: 0 | 1): void {
    const errors = this.#bySlot.get(slot)
    if (this.#count >= MOST || (errors !== undefined && errors.length >= MOST_PER_FLOW)) return
    const { family, icmpType: type, icmpCode: code } = walked
    const error: QuotingError = {
      frame,
      from: formatAddress(family, walked.source0, walked.source1, walked.source2, walked.source3),
      type,
      code,
      reason: icmpReason(family, type, code, { mtu: walked.icmpMtu }),
      aboutSender,
    }
    this.#count++
    if (errors === undefined) this.#bySlot.set(slot, [error])
    else errors.push(error)
  }

  of(slot: number): readonly QuotingError[] {
    return this.#bySlot.get(slot) ?? []
  }

  release(slot: number): void {
    const errors = this.#bySlot.get(slot)
    if (errors === undefined) return
    this.#count -= errors.length
    this.#bySlot.delete(slot)
  }
}
