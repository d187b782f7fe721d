// The two clocks of a run as numbers of nanoseconds.

import { STAMPED } from '../bytes/batch-table.js'
import type { SocketPort } from '../ports/socket.js'

/** What `clocks` fills in is what a stamped send does, from this number of the row on. */
const FIRST = STAMPED.realtimeSeconds
const MONOTONIC = STAMPED.monotonicSeconds - FIRST
const NUMBERS = STAMPED.refusals - FIRST

/** CLOCK_REALTIME counts from the second in which this was made, so that its nanoseconds are exact in a number. */
export class ProbeClock {
  /** Unix time of that second. */
  readonly baseSeconds: number
  /** The latest reading. */
  realtimeNs = 0
  monotonicNs = 0
  private readonly port: SocketPort
  private readonly reading = new Int32Array(NUMBERS)

  constructor(port: SocketPort) {
    this.port = port
    port.clocks(this.reading)
    this.baseSeconds = this.reading[0]! >>> 0
    this.read()
  }

  /** Reads both clocks. */
  read(): void {
    this.port.clocks(this.reading)
    this.realtimeNs = this.realtime(this.reading, 0)
    this.monotonicNs = this.monotonic(this.reading, MONOTONIC)
  }

  /** A reading of CLOCK_REALTIME in a table: seconds and nanoseconds at `at`. */
  realtime(table: Int32Array, at: number): number {
    return ((table[at]! >>> 0) - this.baseSeconds) * 1e9 + table[at + 1]!
  }

  /** A reading of CLOCK_MONOTONIC in a table. */
  monotonic(table: Int32Array, at: number): number {
    return (table[at]! >>> 0) * 1e9 + table[at + 1]!
  }

  /** A struct timespec of 64 bits, of CLOCK_REALTIME; NaN where it is zero, which is how the kernel says "none". */
  timespec(view: DataView, at: number): number {
    const seconds = view.getUint32(at, true)
    return seconds === 0 ? Number.NaN : (seconds - this.baseSeconds) * 1e9 + view.getUint32(at + 8, true)
  }
}
