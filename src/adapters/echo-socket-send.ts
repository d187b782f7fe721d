// Echo requests on their way out: built in place, sent many at a time, each with the time right before it left.

import { ROW, SEND_STAMPED_ROW, STAMPED } from '../bytes/batch-table.js'
import { internetChecksum } from '../bytes/checksum.js'
import { ERRNO } from '../errors/errno.js'
import type { SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { ECHO_COOKIE_BYTES, type EchoRequest, encodeEcho, fillPattern, ICMP_ECHO } from '../wire/icmp.js'
import type { EchoFlows } from './echo-flows.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { rowsOfOneTtl, SOL_SOCKET, setTimeToLive } from './echo-socket-options.js'
import { STAMP_CONTROL_BYTES, type TransmitStamps } from './echo-socket-stamps.js'
import type { TargetTable } from './echo-socket-targets.js'
import { ICMP_ERRNOS } from './probe-reply.js'

const SO_ERROR = 4
/** Memory for messages, and the most of them in one call. */
const ARENA_BYTES = 1 << 20
const MOST_ROWS = 256
/** Where the part of the message begins that is the same in all: header and mark are written for each. */
const CONSTANT_AT = ICMP_ECHO.size + ECHO_COOKIE_BYTES

export interface SenderOptions {
  family: 4 | 6
  identifier: number
  cookie: readonly [low: number, high: number]
  payloadBytes: number
  pattern: Uint8Array | null
  /** A raw IPv4 socket sends the checksum that it is given. */
  withChecksum: boolean
  flowLabel: number | null
  /** For batches with flows. */
  flows: () => EchoFlows
}

export class EchoSender {
  private readonly port: SocketPort
  private readonly handle: number
  private readonly targets: TargetTable
  private readonly clock: ProbeClock
  private readonly stamps: TransmitStamps | null
  private readonly withChecksum: boolean
  private readonly flows: () => EchoFlows
  private readonly request: EchoRequest
  private readonly arena: Uint8Array
  private readonly view: DataView
  private readonly table: Int32Array
  private readonly again = new Int32Array(SEND_STAMPED_ROW)
  private readonly rows: number
  private readonly slotsAt: number
  private readonly slotBytes: number
  private readonly discarded = new Uint8Array(4)
  /** Sum of the pattern beyond the mark, of this many payload bytes. */
  private patternSum = 0
  private patternSumOf = -1

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
    this.targets = targets
    this.clock = clock
    this.stamps = stamps
    this.withChecksum = options.withChecksum
    this.flows = options.flows
    const { family, identifier, cookie, payloadBytes } = options
    this.request = {
      family,
      identifier,
      sequence: 0,
      payloadBytes,
      target: 0,
      cookieLow: cookie[0],
      cookieHigh: cookie[1],
    }
    this.slotBytes = (STAMP_CONTROL_BYTES + ICMP_ECHO.size + payloadBytes + 7) & ~7
    this.rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(ARENA_BYTES / this.slotBytes)))
    this.slotsAt = (targets.names.length + 7) & ~7
    this.arena = new Uint8Array(this.slotsAt + this.rows * this.slotBytes)
    this.arena.set(targets.names)
    this.view = new DataView(this.arena.buffer)
    this.table = new Int32Array(this.rows * SEND_STAMPED_ROW)
    for (let row = 0; row < this.rows; row++) {
      fillPattern(this.arena, this.dataAt(row) + ICMP_ECHO.size, payloadBytes, options.pattern)
    }
    if (options.flowLabel !== null && family === 6) {
      for (let position = 0; position < targets.count; position++) {
        this.view.setUint32(position * targets.nameBytes + 4, options.flowLabel)
      }
    }
  }

  /**
   * Sends the rows of a batch and fills in their results and times: how many were handled before there was no more room.
   * @param tooBig called when rows were larger than the path MTU, before the next rows are sent
   */
  send(batch: SendBatch, tooBig: (first: number, end: number) => void): number {
    let first = 0
    while (first < batch.count) {
      const count = rowsOfOneTtl(batch, first, Math.min(this.rows, batch.count - first))
      if (batch.ttl !== undefined) setTimeToLive(this.port, this.handle, this.request.family, batch.ttl[first]!)
      for (let row = 0; row < count; row++) this.fill(row, batch, first + row)
      const handled = this.port.sendStamped(this.handle, this.arena, this.table, count, 0)
      // Only a closed socket: it handles nothing any more.
      if (handled < 0) return first
      if (this.take(batch, first, handled, count)) tooBig(first, first + handled)
      first += handled
      if (handled < count) break
    }
    return first
  }

  private dataAt(row: number): number {
    return this.slotsAt + row * this.slotBytes + STAMP_CONTROL_BYTES
  }

  private fill(row: number, batch: SendBatch, index: number): void {
    const { request, table, stamps, targets } = this
    const at = this.dataAt(row)
    const target = batch.target[index]!
    request.target = target
    request.sequence = batch.sequence[index]!
    request.payloadBytes = batch.payloadBytes[index]!
    const length = encodeEcho(this.view, at, request)
    const sum = batch.flow === undefined ? 0 : this.flows().pad(this.arena, at, length, batch.flow[index]!)
    if (this.withChecksum && sum > 0) this.view.setUint16(at + ICMP_ECHO.offset.checksum, sum)
    else if (this.withChecksum) this.writeChecksum(at, length)
    const own = row * SEND_STAMPED_ROW
    table[own + ROW.dataOffset] = at
    table[own + ROW.dataLength] = length
    table[own + ROW.nameOffset] = targets.positionOf(target) * targets.nameBytes
    table[own + ROW.nameLength] = targets.nameBytes
    if (stamps?.perMessage) {
      stamps.writeNumber(this.view, at - STAMP_CONTROL_BYTES, row)
      table[own + ROW.controlOffset] = at - STAMP_CONTROL_BYTES
      table[own + ROW.controlLength] = STAMP_CONTROL_BYTES
    }
  }

  private writeChecksum(at: number, length: number): void {
    const constant = Math.min(CONSTANT_AT, length)
    if (this.patternSumOf !== length) {
      // The complement of a checksum is the sum again.
      this.patternSum = 0xffff - internetChecksum(this.arena, at + constant, at + length)
      this.patternSumOf = length
    }
    this.view.setUint16(at + 2, internetChecksum(this.arena, at, at + constant, this.patternSum))
  }

  /** Takes results and times over; true when some row was too big for the path. */
  private take(batch: SendBatch, first: number, handled: number, wanted: number): boolean {
    const { table, clock, stamps } = this
    let tooBig = false
    // Kernels before 6.13 count the message that found the socket full, or may, and one that was sent again out of its turn.
    let certain = handled === wanted
    for (let row = 0; row < handled; row++) {
      const own = row * SEND_STAMPED_ROW
      const index = first + row
      if (ICMP_ERRNOS.includes(-table[own + STAMPED.result]!)) {
        this.sendAgain(own)
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
  private sendAgain(own: number): void {
    const { again, table } = this
    for (let slot = 0; slot < ROW.receivedData; slot++) again[slot] = table[own + slot]!
    this.port.getOption(this.handle, SOL_SOCKET, SO_ERROR, this.discarded)
    if (this.port.sendStamped(this.handle, this.arena, again, 1, 0) < 1) return
    table.set(again, own)
  }
}
