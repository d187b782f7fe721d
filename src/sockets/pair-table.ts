// Numbers pairs of 32-bit integers in the order in which they are first seen: the nodes of a tree of groups, without objects.

const FIRST_CAPACITY = 1 << 10

/**
 * A hash table (parent, code) -> node. Node 0 is the root, which no pair leads to. Open addressing over typed arrays: a Map
 * would need one number object per composed key. The seed keeps remote peers, who choose their addresses and ports, from
 * choosing collisions too.
 */
export class PairTable {
  /** Pairs by node. */
  parents = new Int32Array(FIRST_CAPACITY)
  codes = new Int32Array(FIRST_CAPACITY)
  /** Nodes, the root among them. */
  size = 1
  private slots = new Int32Array(FIRST_CAPACITY * 2)
  private readonly seed: number

  constructor(seed: number = Math.floor(Math.random() * 0x1_0000_0000)) {
    this.seed = seed | 0
  }

  /** The node of a pair, made when it is new. */
  child(parent: number, code: number): number {
    const { slots, parents, codes } = this
    const mask = slots.length - 1
    let slot = this.hash(parent, code) & mask
    for (let node = slots[slot]!; node !== 0; node = slots[slot]!) {
      if (codes[node] === code && parents[node] === parent) return node
      slot = (slot + 1) & mask
    }
    return this.add(parent, code, slot)
  }

  private add(parent: number, code: number, slot: number): number {
    const node = this.size++
    this.slots[slot] = node
    this.parents[node] = parent
    this.codes[node] = code
    if (this.size === this.parents.length) this.grow()
    return node
  }

  private grow(): void {
    const capacity = this.parents.length * 2
    const { parents, codes } = this
    this.parents = new Int32Array(capacity)
    this.parents.set(parents)
    this.codes = new Int32Array(capacity)
    this.codes.set(codes)
    const slots = new Int32Array(capacity * 2)
    const mask = slots.length - 1
    for (const node of this.slots) {
      if (node === 0) continue
      let slot = this.hash(parents[node]!, codes[node]!) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = node
    }
    this.slots = slots
  }

  /** MurmurHash3's finalizer over both words. */
  private hash(parent: number, code: number): number {
    let hash = Math.imul(code ^ this.seed, 0xcc9e2d51)
    hash = Math.imul((hash << 15) | (hash >>> 17), 0x1b873593) ^ parent
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return hash ^ (hash >>> 16)
  }
}
