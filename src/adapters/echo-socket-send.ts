// Echo requests on their way out: built in place, sent many at a time, each with the time right before it left.

import { ROW, SEND_STAMPED_ROW, STAMPED } from '../bytes/batch-table.js'
import { ERRNO } from '../errors/errno.js'
import type { SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { rowsOfOneTtl, SOL_SOCKET, setTimeToLive } from './echo-socket-options.js'
import { EchoSlots, type SenderOptions, slotsFor } from './echo-socket-slots.js'
import type { TransmitStamps } from './echo-socket-stamps.js'
import type { TargetTable } from './echo-socket-targets.js'
import { ICMP_ERRNOS } from './probe-reply.js'

const SO_ERROR = 4
/** Most messages in one call. */
const MOST_ROWS = 256

/** Messages, and the table that a stamped send filled in. */
export interface SentRows {
  readonly arena: Uint8Array
  readonly table: Int32Array
}

export class EchoSender {
  private readonly port: SocketPort
  private readonly handle: number
  private readonly clock: ProbeClock
  private readonly stamps: TransmitStamps | null
  private readonly family: 4 | 6
  private readonly slots: EchoSlots
  private readonly again = new Int32Array(SEND_STAMPED_ROW)
  private readonly rows: number
  private readonly discarded = new Uint8Array(4)

  constructor(
    port: SocketPort,
    handle: number,
    targets: TargetTable,
    clock: ProbeClock,
    stamps: TransmitStamps | null,
    options: SenderOptions,
  ) {
    this.port = port
    this.handle = handle
    this.clock = clock
    this.stamps = stamps
    this.family = options.family
    this.rows = slotsFor(options.payloadBytes, MOST_ROWS)
    this.slots = new EchoSlots(targets, this.rows, options)
  }

  /**
   * Sends the rows of a batch and fills in their results and times: how many were handled before there was no more room.
   * @param tooBig called when rows were larger than the path MTU, before the next rows are sent
   */
  send(batch: SendBatch, tooBig: (first: number, end: number) => void): number {
    const { slots, stamps } = this
    let first = 0
    while (first < batch.count) {
      const count = rowsOfOneTtl(batch, first, Math.min(this.rows, batch.count - first))
      if (batch.ttl !== undefined) setTimeToLive(this.port, this.handle, this.family, batch.ttl[first]!)
      for (let row = 0; row < count; row++) {
        slots.fill(row, batch, first + row)
        if (stamps?.perMessage) slots.writeNumber(row, stamps, row)
      }
      const handled = this.port.sendStamped(this.handle, slots.arena, slots.table, count, 0)
      // Only a closed socket: it handles nothing any more.
      if (handled < 0) return first
      if (this.take(batch, slots, first, handled, count)) tooBig(first, first + handled)
      first += handled
      if (handled < count) break
    }
    return first
  }

  /**
   * Takes results and times of the first rows of a table over, as those of a batch from `first` on; true when some row was too big
   * for the path.
   */
  take(batch: SendBatch, sent: SentRows, first: number, handled: number, wanted: number): boolean {
    const { clock, stamps } = this
    const { table } = sent
    let tooBig = false
    // Kernels before 6.13 count the message that found the socket full, or may, and one that was sent again out of its turn.
    let certain = handled === wanted
    for (let row = 0; row < handled; row++) {
      const own = row * SEND_STAMPED_ROW
      const index = first + row
      if (table[own + STAMPED.result] !== 0 && ICMP_ERRNOS.includes(-table[own + STAMPED.result]!)) {
        this.sendAgain(sent, own)
        certain = false
      }
      const result = table[own + STAMPED.result]!
      const sentNs = clock.realtime(table, own + STAMPED.realtimeSeconds)
      batch.result[index] = result
      batch.sentNs[index] = sentNs
      batch.sentMonoNs[index] = clock.monotonic(table, own + STAMPED.monotonicSeconds)
      if (batch.mtu !== undefined) batch.mtu[index] = 0
      tooBig ||= result === -ERRNO.EMSGSIZE
      if (stamps === null) continue
      certain &&= result === 0 && table[own + STAMPED.refusals] === 0
      if (stamps.perMessage || certain) stamps.remember(batch.target[index]!, batch.sequence[index]!, sentNs)
    }
    if (stamps !== null && !stamps.perMessage && !certain) stamps.restart()
    return tooBig
  }

  /** Refused twice: another error may have come between the two. What waits is taken away, and then the row's own is the last word. */
  private sendAgain({ arena, table }: SentRows, own: number): void {
    const { again } = this
    for (let slot = 0; slot < ROW.receivedData; slot++) again[slot] = table[own + slot]!
    this.port.getOption(this.handle, SOL_SOCKET, SO_ERROR, this.discarded)
    if (this.port.sendStamped(this.handle, arena, again, 1, 0) < 1) return
    table.set(again, own)
  }
}
