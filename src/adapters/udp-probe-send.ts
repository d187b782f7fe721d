// UDP probes on their way out: one datagram each, with the run's mark in its payload and the time right before it left.

import { ROW, SEND_STAMPED_ROW, STAMPED } from '../bytes/batch-table.js'
import { ERRNO } from '../errors/errno.js'
import type { SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { ECHO_COOKIE_BYTES, fillPattern } from '../wire/icmp.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { rowsOfOneTtl, setTimeToLive } from './echo-socket-options.js'
import type { TargetTable } from './echo-socket-targets.js'
import { ICMP_ERRNOS } from './probe-reply.js'
import type { Lane, UdpLanes } from './udp-probe-lanes.js'

const ARENA_BYTES = 1 << 20
const MOST_ROWS = 256
export type Cookie = readonly [low: number, high: number]

/** Writes the run's mark at the start of a payload; false, and nothing written, where it has no room. */
export function encodeMark(
  view: DataView,
  at: number,
  payloadBytes: number,
  cookie: Cookie,
  target: number,
  sequence: number,
): boolean {
  if (payloadBytes < ECHO_COOKIE_BYTES) return false
  view.setUint32(at, cookie[0], true)
  view.setUint32(at + 4, cookie[1], true)
  view.setUint32(at + 8, target, true)
  view.setUint32(at + 12, sequence, true)
  return true
}

/** Takes what waits in the error queue of a socket. Answers the MTU that a refusal of this host named for a target's position. */
type DrainLane = (lane: Lane) => ReadonlyMap<number, number>

export class UdpSender {
  private readonly port: SocketPort
  private readonly lanes: UdpLanes
  private readonly targets: TargetTable
  private readonly clock: ProbeClock
  private readonly cookie: Cookie
  private readonly pattern: Uint8Array | null
  private readonly drain: DrainLane
  private readonly arena: Uint8Array
  private readonly view: DataView
  private readonly table: Int32Array
  private readonly again = new Int32Array(SEND_STAMPED_ROW)
  private readonly rows: number
  private readonly slotsAt: number
  private readonly slotBytes: number

  constructor(
    port: SocketPort,
    lanes: UdpLanes,
    targets: TargetTable,
    clock: ProbeClock,
    payload: { cookie: Cookie; payloadBytes: number; pattern: Uint8Array | null },
    drain: DrainLane,
  ) {
    this.port = port
    this.lanes = lanes
    this.targets = targets
    this.clock = clock
    this.cookie = payload.cookie
    this.pattern = payload.pattern
    this.drain = drain
    this.slotBytes = (Math.max(payload.payloadBytes, ECHO_COOKIE_BYTES) + 7) & ~7
    this.rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(ARENA_BYTES / this.slotBytes)))
    this.slotsAt = (targets.names.length + 7) & ~7
    this.arena = new Uint8Array(this.slotsAt + this.rows * this.slotBytes)
    this.arena.set(targets.names)
    this.view = new DataView(this.arena.buffer)
    this.table = new Int32Array(this.rows * SEND_STAMPED_ROW)
    for (let row = 0; row < this.rows; row++) {
      fillPattern(this.arena, this.slotsAt + row * this.slotBytes, this.slotBytes, this.pattern)
    }
  }

  /** Sends the rows of a batch and fills in their results and times: how many were handled before there was no more room. */
  send(batch: SendBatch): number {
    let first = 0
    while (first < batch.count) {
      const lane = this.lanes.of(batch, first)
      if (typeof lane === 'number') {
        this.refuse(batch, first++, lane)
        continue
      }
      const most = rowsOfOneTtl(batch, first, Math.min(this.rows, batch.count - first))
      let count = 0
      while (count < most && this.lanes.of(batch, first + count) === lane) {
        this.fill(count, batch, first + count)
        count++
      }
      if (batch.ttl !== undefined) setTimeToLive(this.port, lane.handle, this.targets.family, batch.ttl[first]!)
      // An error that waits from an earlier probe would refuse this one.
      if (lane.used) this.drain(lane)
      lane.used = true
      const handled = this.port.sendStamped(lane.handle, this.arena, this.table, count, 0)
      if (handled < 0) return first
      this.take(batch, lane, first, handled)
      first += handled
      if (handled < count) break
    }
    return first
  }

  private fill(row: number, batch: SendBatch, index: number): void {
    const { cookie, table, targets, view } = this
    const at = this.slotsAt + row * this.slotBytes
    const length = batch.payloadBytes[index]!
    const isMarked = encodeMark(view, at, length, cookie, batch.target[index]!, batch.sequence[index]!)
    if (!isMarked) fillPattern(this.arena, at, length, this.pattern)
    const own = row * SEND_STAMPED_ROW
    table[own + ROW.dataOffset] = at
    table[own + ROW.dataLength] = length
    table[own + ROW.nameOffset] = targets.positionOf(batch.target[index]!) * targets.nameBytes
    table[own + ROW.nameLength] = targets.nameBytes
  }

  private take(batch: SendBatch, lane: Lane, first: number, handled: number): void {
    const { clock, table, targets } = this
    let tooBig = false
    for (let row = 0; row < handled; row++) {
      const own = row * SEND_STAMPED_ROW
      const index = first + row
      if (ICMP_ERRNOS.includes(-table[own + STAMPED.result]!)) this.sendAgain(lane, own)
      const result = table[own + STAMPED.result]!
      batch.result[index] = result
      batch.sentNs[index] = clock.realtime(table, own + STAMPED.realtimeSeconds)
      batch.sentMonoNs[index] = clock.monotonic(table, own + STAMPED.monotonicSeconds)
      if (batch.mtu !== undefined) batch.mtu[index] = 0
      tooBig ||= result === -ERRNO.EMSGSIZE
      if (result === 0) lane.latest[targets.positionOf(batch.target[index]!)] = batch.sequence[index]!
    }
    if (tooBig) this.readPathMtu(batch, lane, first, handled)
  }

  /** There is no socket to send from. */
  private refuse(batch: SendBatch, index: number, errno: number): void {
    this.clock.read()
    batch.result[index] = errno
    batch.sentNs[index] = this.clock.realtimeNs
    batch.sentMonoNs[index] = this.clock.monotonicNs
    if (batch.mtu !== undefined) batch.mtu[index] = 0
  }

  /** Refused: what waits is taken away, and then the row's own is the last word. */
  private sendAgain(lane: Lane, own: number): void {
    const { again, table } = this
    for (let slot = 0; slot < ROW.receivedData; slot++) again[slot] = table[own + slot]!
    this.drain(lane)
    if (this.port.sendStamped(lane.handle, this.arena, again, 1, 0) === 1) table.set(again, own)
  }

  /** How much would have passed is said in the error queue only (ip(7), IP_RECVERR). */
  private readPathMtu(batch: SendBatch, lane: Lane, first: number, handled: number): void {
    const mtus = this.drain(lane)
    if (batch.mtu === undefined) return
    for (let index = first; index < first + handled; index++) {
      if (batch.result[index] !== -ERRNO.EMSGSIZE) continue
      batch.mtu[index] = mtus.get(this.targets.positionOf(batch.target[index]!)) ?? 0
    }
  }
}
