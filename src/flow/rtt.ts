// Round trips of data: samples of a flow, thinned evenly to at most 32. The first of a flow is kept in its record; a row here is
// for those that have more.

export const MAX_SAMPLES = 32
/** How many samples stand for one that is kept, when sample number `number` (from 0) comes. */
function stride(number: number): number {
  return number < MAX_SAMPLES ? 1 : 1 << (27 - Math.clz32(number))
}

const SLAB_BITS = 10
const SLAB_ROWS = 1 << SLAB_BITS

/** Rows by slot, from 1. Nanoseconds, to seven digits. */
export class RttSamples {
  readonly #slabs: Float32Array[] = []
  /** Samples that were added, kept or not. */
  readonly #counts: Int32Array[] = []
  #used = 1
  #free = 0

  take(): number {
    const slot = this.#free
    if (slot !== 0) {
      this.#free = this.#counts[slot >>> SLAB_BITS]![slot & (SLAB_ROWS - 1)]!
      this.#counts[slot >>> SLAB_BITS]![slot & (SLAB_ROWS - 1)] = 0
      return slot
    }
    if (this.#used >>> SLAB_BITS === this.#slabs.length) {
      this.#slabs.push(new Float32Array(SLAB_ROWS * MAX_SAMPLES))
      this.#counts.push(new Int32Array(SLAB_ROWS))
    }
    return this.#used++
  }

  release(slot: number): void {
    this.#counts[slot >>> SLAB_BITS]![slot & (SLAB_ROWS - 1)] = this.#free
    this.#free = slot
  }

  add(slot: number, rttNs: number): void {
    const counts = this.#counts[slot >>> SLAB_BITS]!
    const number = counts[slot & (SLAB_ROWS - 1)]!++
    const slab = this.#slab(slot)
    const at = this.#at(slot)
    const every = stride(number)
    // At 32, 64, 128 ... the row is full: every other one stays.
    if (number >= MAX_SAMPLES && (number & (number - 1)) === 0)
      for (let kept = 1; kept < MAX_SAMPLES / 2; kept++) slab[at + kept] = slab[at + kept * 2]!
    if ((number & (every - 1)) === 0) slab[at + number / every] = rttNs
  }

  count(slot: number): number {
    return this.#counts[slot >>> SLAB_BITS]![slot & (SLAB_ROWS - 1)]!
  }

  /** Samples that are kept, ascending. */
  sorted(slot: number): Float32Array {
    const count = this.count(slot)
    const at = this.#at(slot)
    const kept = Math.ceil(count / stride(count - 1))
    return this.#slab(slot)
      .slice(at, at + kept)
      .sort()
  }

  #slab(slot: number): Float32Array {
    return this.#slabs[slot >>> SLAB_BITS]!
  }

  #at(slot: number): number {
    return (slot & (SLAB_ROWS - 1)) * MAX_SAMPLES
  }
}

/** By nearest rank: the smallest sample that at least that part of all is not above. */
export function quantile(sorted: Float32Array, part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]!
}
