// What a trace has sent lately, for quotes that do not tell it all.

import type { SendBatch } from '../ports/probe.js'

/** A power of two: probes are found by the low bits of their sequence, which is all that an ICMP header has of it. */
const REMEMBERED = 1 << 16
/** How far back a checksum is looked for: no more probes are under way. */
const MOST_UNDER_WAY = 4096

export class SentProbes {
  private readonly sequences = new Uint32Array(REMEMBERED)
  private readonly flows = new Uint16Array(REMEMBERED)
  private readonly checksums = new Uint16Array(REMEMBERED)
  private readonly latest = new Map<number, number>()
  private last = 0

  /** Remembers the rows of a batch that were sent. @param checksum that of the transport header, where it can be told */
  note(batch: SendBatch, handled: number, checksum: (row: number) => number = () => 0): void {
    for (let row = 0; row < handled; row++) {
      if (batch.result[row] !== 0) continue
      const sequence = batch.sequence[row]!
      const flow = batch.flow?.[row] ?? 0
      const place = sequence % REMEMBERED
      this.sequences[place] = sequence
      this.flows[place] = flow
      this.checksums[place] = checksum(row)
      this.latest.set(flow, sequence)
      this.last = sequence
    }
  }

  /** The flow of a probe, by its sequence or the low 16 bits of that; -1 where none was sent. */
  flowOf(sequence: number): number {
    const place = sequence % REMEMBERED
    const isThere = this.sequences[place] !== 0 && (sequence < REMEMBERED || this.sequences[place] === sequence)
    return isThere ? this.flows[place]! : -1
  }

  /** The checksum that was noted with a probe. */
  checksumOf(sequence: number): number {
    return this.checksums[sequence % REMEMBERED]!
  }

  /** The latest probe of a flow; -1 for none. */
  latestOf(flow: number): number {
    return this.latest.get(flow) ?? -1
  }

  /** The probe of a flow that left with that checksum; -1 where there is none, or more than one. */
  withChecksum(flow: number, checksum: number): number {
    let found = -1
    for (let sequence = this.last; sequence > Math.max(this.last - MOST_UNDER_WAY, 0); sequence--) {
      const place = sequence % REMEMBERED
      if (this.sequences[place] !== sequence || this.flows[place] !== flow) continue
      if (this.checksums[place] !== checksum) continue
      if (found >= 0) return -1
      found = sequence
    }
    return found
  }
}
