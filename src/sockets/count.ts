// Counts sockets by any combination of keys, without an object or a string per socket.

import { type CountKey, keyReader } from './count-keys.js'
import { type CountValue, type KeyReader, NONE, TAG_LIMIT, UNTOLD } from './count-reader.js'
import type { SocketLookups } from './lookups.js'
import { PairTable } from './pair-table.js'
import type { SocketRecord } from './record.js'

/** Up to this many largest groups are picked out; more are found by sorting everything. */
const PICK_LIMIT = 1000

export interface CountOptions {
  /** Counts what is not known with what is not there, for output that shows both as null. */
  unknownIsNone?: boolean
}

/** Groups in the order in which they are shown. */
export interface Counts {
  keys: readonly CountKey[]
  /** Sockets counted: the groups shown and the others together. */
  total: number
  /** What is not among the groups shown; null when nothing is left out. */
  others: { groups: number; count: number } | null
  /** Hands out the groups; the array of values is reused. */
  visit(each: (values: readonly CountValue[], count: number) => void): void
}

/**
 * Groups form a tree with one level per key: a socket walks from the root over the codes of its keys to a leaf and adds
 * one there.
 */
export class SocketCounter {
  private readonly keys: readonly CountKey[]
  private readonly readers: readonly KeyReader[]
  private readonly unknownIsNone: boolean
  private readonly nodes = new PairTable()
  /** Sockets by node. */
  private counts = new Uint32Array(1 << 10)
  total = 0

  constructor(keys: readonly CountKey[], lookups: SocketLookups, options: CountOptions = {}) {
    this.keys = keys
    this.readers = keys.map(key => keyReader(key, lookups))
    this.unknownIsNone = options.unknownIsNone ?? false
  }

  add(record: SocketRecord): void {
    const { readers, nodes } = this
    let node = 0
    for (let level = 0; level < readers.length; level++) {
      const reader = readers[level]!
      const code = reader.read(record)
      const tag = reader.tag === UNTOLD && this.unknownIsNone ? NONE : reader.tag
      node = nodes.child(node * TAG_LIMIT + tag, code)
    }
    if (node >= this.counts.length) this.grow()
    this.counts[node]!++
    this.total++
  }

  private grow(): void {
    const larger = new Uint32Array(this.nodes.parents.length)
    larger.set(this.counts)
    this.counts = larger
  }

  /** The groups, largest first, those with the same count in the order of their keys. @param top at most this many */
  result(top: number | null = null): Counts {
    const groups = this.groups()
    const shown = groups.largest(top)
    let rest = this.total
    for (const group of shown) rest -= groups.count(group)
    const left = groups.size - shown.length
    return {
      keys: this.keys,
      total: this.total,
      others: left === 0 ? null : { groups: left, count: rest },
      visit: each => {
        const values: CountValue[] = []
        for (const group of shown) {
          for (let level = 0; level < this.keys.length; level++) values[level] = groups.value(group, level)
          each(values, groups.count(group))
        }
      },
    }
  }

  private groups(): Groups {
    const leaves: number[] = []
    for (let node = 0; node < this.nodes.size; node++) if (this.counts[node]! > 0) leaves.push(node)
    return new Groups(this.readers, this.nodes, leaves, this.counts)
  }
}

/** The leaves of the tree laid out flat, so that comparing two of them walks no path. */
class Groups {
  readonly size: number
  private readonly readers: readonly KeyReader[]
  private readonly counts: Uint32Array
  private readonly codes: Int32Array
  private readonly tags: Uint8Array

  constructor(readers: readonly KeyReader[], nodes: PairTable, leaves: readonly number[], counts: Uint32Array) {
    const levels = readers.length
    this.size = leaves.length
    this.readers = readers
    this.counts = new Uint32Array(leaves.length)
    this.codes = new Int32Array(leaves.length * levels)
    this.tags = new Uint8Array(leaves.length * levels)
    for (const [group, leaf] of leaves.entries()) {
      this.counts[group] = counts[leaf]!
      let node = leaf
      for (let level = levels - 1; level >= 0; level--) {
        const parent = nodes.parents[node]!
        this.codes[group * levels + level] = nodes.codes[node]!
        this.tags[group * levels + level] = parent % TAG_LIMIT
        node = Math.floor(parent / TAG_LIMIT)
      }
    }
  }

  count(group: number): number {
    return this.counts[group]!
  }

  value(group: number, level: number): CountValue {
    const at = group * this.readers.length + level
    return this.readers[level]!.value(this.tags[at]!, this.codes[at]!)
  }

  largest(top: number | null): Int32Array | number[] {
    if (top !== null && top <= PICK_LIMIT && top < this.size) return this.pick(top)
    const order = new Int32Array(this.size)
    for (let group = 0; group < order.length; group++) order[group] = group
    order.sort((a, b) => this.compare(a, b))
    return top === null ? order : order.subarray(0, top)
  }

  private pick(top: number): number[] {
    const best: number[] = []
    for (let group = 0; group < this.size; group++) {
      if (best.length === top && this.compare(group, best[top - 1]!) > 0) continue
      let low = 0
      let high = best.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if (this.compare(group, best[middle]!) > 0) low = middle + 1
        else high = middle
      }
      best.splice(low, 0, group)
      if (best.length > top) best.pop()
    }
    return best
  }

  private compare(a: number, b: number): number {
    const byCount = this.counts[b]! - this.counts[a]!
    if (byCount !== 0) return byCount
    const levels = this.readers.length
    for (let level = 0; level < levels; level++) {
      const left = a * levels + level
      const right = b * levels + level
      const tag = this.tags[left]!
      if (tag !== this.tags[right]) return tag - this.tags[right]!
      const order = this.readers[level]!.compare(tag, this.codes[left]!, this.codes[right]!)
      if (order !== 0) return order
    }
    return 0
  }
}
