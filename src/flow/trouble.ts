// What is counted of a flow that has trouble: a second row that a healthy flow does not have.

/** Columns of a direction, behind sender * TROUBLE_SIDE. The first five are retransmitted segments by number of kind. */
export const KINDS = 0
export const OUT_OF_ORDER = 5
/** Duplicate ACKs in all, and in the run that lasts. */
export const DUP_ACKS = 6
export const DUP_ACK_RUN = 7
export const ZERO_WINDOWS = 8
export const ZERO_WINDOW_PROBES = 9
export const WINDOW_FULLS = 10
export const KEEP_ALIVES = 11
export const SYN_RETRANSMITS = 12
export const SYN_ACK_RETRANSMITS = 13
/** Holes that are open (start and end of each), and those that could not be remembered. */
export const HOLES = 14
export const HOLES_FORGOTTEN = 15
export const HOLE_LIST = 16
export const MAX_HOLES = 4
export const TROUBLE_SIDE = HOLE_LIST + 2 * MAX_HOLES
/** Of the flow. */
export const CAPTURE_DUPLICATES = 2 * TROUBLE_SIDE
const ROW_WORDS = CAPTURE_DUPLICATES + 1
/** Doubles of a direction: bytes sent again, time of its last packet. */
export const AGAIN_BYTES = 0
export const LAST_TIME = 1
const ROW_DOUBLES = 4

const SLAB_BITS = 10
const SLAB_ROWS = 1 << SLAB_BITS

/** Rows by slot, from 1. */
export class TroubleRecords {
  readonly #words: Int32Array[] = []
  readonly #doubles: Float64Array[] = []
  #used = 1
  #free = 0

  take(): number {
    const slot = this.#free
    if (slot === 0) {
      if (this.#used >>> SLAB_BITS === this.#words.length) {
        this.#words.push(new Int32Array(SLAB_ROWS * ROW_WORDS))
        this.#doubles.push(new Float64Array(SLAB_ROWS * ROW_DOUBLES))
      }
      return this.#used++
    }
    const words = this.words(slot)
    const at = this.at(slot)
    this.#free = words[at]!
    words.fill(0, at, at + ROW_WORDS)
    this.doubles(slot).fill(0, this.doublesAt(slot), this.doublesAt(slot) + ROW_DOUBLES)
    return slot
  }

  release(slot: number): void {
    this.words(slot)[this.at(slot)] = this.#free
    this.#free = slot
  }

  words(slot: number): Int32Array {
    return this.#words[slot >>> SLAB_BITS]!
  }

  at(slot: number): number {
    return (slot & (SLAB_ROWS - 1)) * ROW_WORDS
  }

  doubles(slot: number): Float64Array {
    return this.#doubles[slot >>> SLAB_BITS]!
  }

  doublesAt(slot: number): number {
    return (slot & (SLAB_ROWS - 1)) * ROW_DOUBLES
  }
}

/** Remembers that start..end of a direction were not captured. */
export function openHole(words: Int32Array, side: number, start: number, end: number): void {
  const count = words[side + HOLES]!
  if (count === MAX_HOLES) {
    words[side + HOLES_FORGOTTEN]!++
    return
  }
  words[side + HOLE_LIST + count * 2] = start
  words[side + HOLE_LIST + count * 2 + 1] = end
  words[side + HOLES] = count + 1
}

/** Takes start..end, seen late, out of the holes. What is left of one that is filled in its middle counts as one hole. */
export function fillHoles(words: Int32Array, side: number, start: number, end: number): void {
  for (let hole = words[side + HOLES]! - 1; hole >= 0; hole--) {
    const at = side + HOLE_LIST + hole * 2
    const coversStart = ((start - words[at]!) | 0) <= 0 && ((end - words[at]!) | 0) > 0
    const coversEnd = ((end - words[at + 1]!) | 0) >= 0 && ((start - words[at + 1]!) | 0) < 0
    if (coversStart && coversEnd) {
      const last = words[side + HOLES]! - 1
      words[at] = words[side + HOLE_LIST + last * 2]!
      words[at + 1] = words[side + HOLE_LIST + last * 2 + 1]!
      words[side + HOLES] = last
    } else if (coversStart) words[at] = end
    else if (coversEnd) words[at + 1] = start
  }
}
