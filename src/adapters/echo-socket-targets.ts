// The targets of a run as socket addresses, and the way back from an address to its target.

import type { ProbeTarget } from '../probe/events.js'
import { addressText, encodeSocketAddress, type InterfaceIndexes, SOCKADDR_BYTES, scopeId } from './socket-address.js'

/** Texts kept of senders that are no target: routers that report errors, members of a group. */
const MOST_TEXTS = 4096

/**
 * Targets by position in the list they came in, which is not their index: a run may have targets of the other family too. An
 * address is found by a hash over its words, without text, because tens of thousands of answers may come at once.
 */
export class TargetTable {
  readonly family: 4 | 6
  readonly count: number
  /** The socket addresses, one after the other. */
  readonly names: Uint8Array
  readonly nameBytes: number
  private readonly targets: readonly ProbeTarget[]
  private readonly interfaces: InterfaceIndexes
  private readonly view: DataView
  private readonly positions: Int32Array
  /** Open addressing: position + 1, or 0. null until somebody asks: most answers name their target. */
  private slots: Int32Array | null = null
  private readonly texts = new Map<string, string>()

  /**
   * @param scopeOf index of the interface that an address belongs to, 0 for none
   */
  constructor(
    targets: readonly ProbeTarget[],
    family: 4 | 6,
    scopeOf: (address: string) => number,
    interfaces: InterfaceIndexes,
  ) {
    this.targets = targets
    this.family = family
    this.interfaces = interfaces
    this.count = targets.length
    this.nameBytes = SOCKADDR_BYTES[family]
    this.names = new Uint8Array(this.count * this.nameBytes)
    this.view = new DataView(this.names.buffer)
    let indexes = 0
    // Plain loops: with tens of thousands of targets this is a part of the start.
    for (let position = 0; position < targets.length; position++) {
      indexes = Math.max(indexes, targets[position]!.index + 1)
    }
    this.positions = new Int32Array(indexes).fill(-1)
    for (let position = 0; position < targets.length; position++) {
      const { index, address } = targets[position]!
      this.positions[index] = position
      const scope = family === 6 ? scopeOf(address) : 0
      if (!encodeSocketAddress(this.view, position * this.nameBytes, family, address, 0, scope)) {
        throw new TypeError(`not an IPv${family} address: ${address}`)
      }
    }
  }

  /** Position of the target with that index; -1 when it is none of these. */
  positionOf(index: number): number {
    return this.positions[index] ?? -1
  }

  indexOf(position: number): number {
    return this.targets[position]!.index
  }

  address(position: number): string {
    return this.targets[position]!.address
  }

  /** Whether the sockaddr at `at` has the address of that target. */
  matches(position: number, data: DataView, at: number): boolean {
    const { view } = this
    const own = position * this.nameBytes
    if (this.family === 4) return view.getUint32(own + 4) === data.getUint32(at + 4)
    for (let offset = 8; offset < 24; offset += 4) {
      if (view.getUint32(own + offset) !== data.getUint32(at + offset)) return false
    }
    const scope = view.getUint32(own + 24, true)
    const other = data.getUint32(at + 24, true)
    return scope === 0 || other === 0 || scope === other
  }

  /** Position of the first target with the address in the sockaddr at `at`; -1 when none has it. */
  find(data: DataView, at: number): number {
    this.slots ??= this.newSlots()
    const { slots } = this
    const mask = slots.length - 1
    for (let slot = this.hash(data, at) & mask; ; slot = (slot + 1) & mask) {
      const position = slots[slot]! - 1
      if (position < 0 || this.matches(position, data, at)) return position
    }
  }

  /** Text of the address in the sockaddr at `at`, with the interface where it belongs to one. */
  text(data: DataView, at: number): string {
    const scope = scopeId(data, at, this.family)
    const plain = addressText(data, at, this.family)
    if (scope === 0) return plain
    const key = `${plain}%${scope}`
    let text = this.texts.get(key)
    if (text === undefined) {
      text = this.withScope(plain, scope)
      if (this.texts.size >= MOST_TEXTS) this.texts.clear()
      this.texts.set(key, text)
    }
    return text
  }

  withScope(address: string, scope: number): string {
    return scope === 0 ? address : `${address}%${this.interfaces.nameOf(scope)}`
  }

  private newSlots(): Int32Array {
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(this.count * 2, 2))))
    for (let position = 0; position < this.count; position++) this.enter(position, slots)
    return slots
  }

  private enter(position: number, slots: Int32Array): void {
    const { view } = this
    const mask = slots.length - 1
    const at = position * this.nameBytes
    let slot = this.hash(view, at) & mask
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      // The same address again would only lengthen the search.
      if (this.matches(slots[slot]! - 1, view, at)) return
    }
    slots[slot] = position + 1
  }

  private hash(data: DataView, at: number): number {
    let word = data.getUint32(at + 4)
    if (this.family === 6) {
      word = 0
      for (let offset = 8; offset < 24; offset += 4) word = Math.imul(word, 31) + data.getUint32(at + offset)
    }
    // Fibonacci hashing: neighbours spread over the table, and the high bits are the good ones.
    const mixed = Math.imul(word, 0x9e3779b1)
    return mixed ^ (mixed >>> 15)
  }
}
