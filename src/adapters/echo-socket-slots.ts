// Echo requests built in place, one a slot of an arena, with the table that describes them to the native socket.

import { ROW, SEND_STAMPED_ROW } from '../bytes/batch-table.js'
import { internetChecksum } from '../bytes/checksum.js'
import type { SendBatch } from '../ports/probe.js'
import { ECHO_COOKIE_BYTES, type EchoRequest, encodeEcho, fillPattern, ICMP_ECHO } from '../wire/icmp.js'
import type { EchoFlows } from './echo-flows.js'
import { STAMP_CONTROL_BYTES, type TransmitStamps } from './echo-socket-stamps.js'
import type { TargetTable } from './echo-socket-targets.js'

/** Memory for messages. */
const ARENA_BYTES = 1 << 20
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

/** How many messages of that size there is memory for, `most` at most. */
export function slotsFor(payloadBytes: number, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(ARENA_BYTES / slotBytesOf(payloadBytes))))
}

const slotBytesOf = (payloadBytes: number): number => (STAMP_CONTROL_BYTES + ICMP_ECHO.size + payloadBytes + 7) & ~7

export class EchoSlots {
  /** Socket addresses of all targets, then the slots. */
  readonly arena: Uint8Array
  readonly table: Int32Array
  private readonly targets: TargetTable
  private readonly view: DataView
  private readonly withChecksum: boolean
  private readonly flows: () => EchoFlows
  private readonly request: EchoRequest
  private readonly slotsAt: number
  private readonly slotBytes: number
  /** Sum of the pattern beyond the mark, of this many payload bytes. */
  private patternSum = 0
  private patternSumOf = -1

  constructor(targets: TargetTable, rows: number, options: SenderOptions) {
    const { family, identifier, cookie, payloadBytes } = options
    this.targets = targets
    this.withChecksum = options.withChecksum
    this.flows = options.flows
    this.request = {
      family,
      identifier,
      sequence: 0,
      payloadBytes,
      target: 0,
      cookieLow: cookie[0],
      cookieHigh: cookie[1],
    }
    this.slotBytes = slotBytesOf(payloadBytes)
    this.slotsAt = (targets.names.length + 7) & ~7
    this.arena = new Uint8Array(this.slotsAt + rows * this.slotBytes)
    this.arena.set(targets.names)
    this.view = new DataView(this.arena.buffer)
    this.table = new Int32Array(rows * SEND_STAMPED_ROW)
    const first = this.dataAt(0)
    fillPattern(this.arena, first + ICMP_ECHO.size, payloadBytes, options.pattern)
    for (let row = 1; row < rows; row++) {
      this.arena.copyWithin(this.dataAt(row), first, first + ICMP_ECHO.size + payloadBytes)
    }
    if (options.flowLabel !== null && family === 6) {
      for (let position = 0; position < targets.count; position++) {
        this.view.setUint32(position * targets.nameBytes + 4, options.flowLabel)
      }
    }
  }

  /** Makes the message of probe `index` of a batch in slot `row`. */
  fill(row: number, batch: SendBatch, index: number): void {
    const { request, table, targets } = this
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
  }

  /** Gives the message in slot `row` the number of its transmit stamp, `later` rows further on. */
  writeNumber(row: number, stamps: TransmitStamps, later: number): void {
    const at = this.dataAt(row) - STAMP_CONTROL_BYTES
    const own = row * SEND_STAMPED_ROW
    stamps.writeNumber(this.view, at, later)
    this.table[own + ROW.controlOffset] = at
    this.table[own + ROW.controlLength] = STAMP_CONTROL_BYTES
  }

  private dataAt(row: number): number {
    return this.slotsAt + row * this.slotBytes + STAMP_CONTROL_BYTES
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
}
