// Echo requests that leave on a worker thread: one half of the slots is on its way while the other is filled.

import { SEND_STAMPED_ROW } from '../bytes/batch-table.js'
import type { AsideSender, SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import type { EchoSender, SentRows } from './echo-socket-send.js'
import type { EchoSlots } from './echo-socket-slots.js'

/** What the socket does meanwhile. */
export interface AsideHost {
  /** Answers are not told of while a batch is on its way. */
  quiet(): void
  listen(): void
  /** Rows were larger than the path MTU. */
  tooBig(batch: SendBatch): void
}

export class EchoAside implements AsideSender {
  readonly rows: number
  private readonly port: SocketPort
  private readonly handle: number
  private readonly sender: EchoSender
  private readonly slots: EchoSlots
  private readonly halves: readonly [SentRows, SentRows]
  private readonly host: AsideHost
  private half: 0 | 1 = 0
  private batch: SendBatch | null = null
  private isQuiet = false
  private flying = false

  /** @param slots twice `rows` of them */
  constructor(port: SocketPort, handle: number, rows: number, sender: EchoSender, slots: EchoSlots, host: AsideHost) {
    this.port = port
    this.handle = handle
    this.rows = rows
    this.sender = sender
    this.slots = slots
    this.host = host
    const { arena, table } = slots
    const middle = rows * SEND_STAMPED_ROW
    this.halves = [
      { arena, table: table.subarray(0, middle) },
      { arena, table: table.subarray(middle) },
    ]
  }

  prepare(batch: SendBatch): void {
    this.half = this.half === 0 ? 1 : 0
    const first = this.half * this.rows
    for (let row = 0; row < batch.count; row++) this.slots.fill(first + row, batch, row)
    this.batch = batch
  }

  send(done: (handled: number) => void): boolean {
    const { batch } = this
    if (batch === null) return false
    const rows = this.halves[this.half]
    const landed = (result: number): void => {
      this.flying = false
      // Only a socket that was closed: it handles nothing any more.
      const handled = Math.max(result, 0)
      if (this.sender.take(batch, rows, 0, handled, batch.count)) this.host.tooBig(batch)
      done(handled)
      if (this.flying || !this.isQuiet) return
      this.isQuiet = false
      this.host.listen()
    }
    const started = this.port.sendStampedAsync(this.handle, rows.arena, rows.table, batch.count, 0, landed)
    if (started < 0) return false
    this.flying = true
    this.batch = null
    if (!this.isQuiet) this.host.quiet()
    this.isQuiet = true
    return true
  }
}
