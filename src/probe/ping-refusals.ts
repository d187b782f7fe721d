// Probes of the last batch that the kernel refused, and whether its error queue has said why: each has one error.

import type { SendBatch } from '../ports/probe.js'

export class PingRefusals {
  /** By number: whether an error was told. */
  private readonly explained = new Map<number, boolean>()

  /** Whether some of the first `rows` of a batch were refused, `first` the number of its first probe. Those before are forgotten then. */
  of({ result }: SendBatch, rows: number, first: number): boolean {
    let some = false
    for (let row = 0; row < rows; row++) {
      if (result[row] === 0) continue
      if (!some) this.explained.clear()
      some = true
      this.explained.set(first + row, false)
    }
    return some
  }

  /** Tells of a probe: false when it was refused and that was told already. */
  explain(number: number): boolean {
    const before = this.explained.get(number)
    if (before === false) this.explained.set(number, true)
    return before !== true
  }

  /** Those of which nothing has been told; now it has. */
  *unexplained(): Generator<number> {
    for (const number of this.explained.keys()) {
      if (this.explained.get(number) === true) continue
      this.explained.set(number, true)
      yield number
    }
  }
}
