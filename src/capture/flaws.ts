// What is wrong with a capture file, as it is met; a hostile file may hold millions of flaws.

import type { CaptureFlaw } from '../ports/capture.js'

/** So many are kept; what is said of the others is how many they are. */
const KEPT = 64

export class FlawList {
  readonly list: CaptureFlaw[] = []
  #more = 0

  /** True while a flaw that is not fatal is kept, so that its sentence is worth making. */
  get open(): boolean {
    return this.list.length < KEPT
  }

  add(message: string, offset: number | null, fatal: boolean): void {
    if (fatal || this.open) this.list.push({ message, offset, fatal })
    else this.skip(offset)
  }

  /** Counts one that is not kept. */
  skip(offset: number | null): void {
    this.#more++
    const message = `${this.#more} more ${this.#more === 1 ? 'flaw' : 'flaws'} of this kind`
    if (this.#more === 1) this.list.push({ message, offset, fatal: false })
    else this.list[KEPT]!.message = message
  }
}
