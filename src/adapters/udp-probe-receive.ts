// Datagrams that come back to UDP probes, and which probe they answer.

import { RECEIVE_ROW, ROW } from '../bytes/batch-table.js'
import { ControlCursor } from '../bytes/control-messages.js'
import type { ProbeReply, ProbeVisitor } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { ECHO_COOKIE_BYTES } from '../wire/icmp.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { IP_TTL, IPV6_HOPLIMIT, SO_TIMESTAMPNS, SOL_IP, SOL_IPV6, SOL_SOCKET } from './echo-socket-options.js'
import { readRows } from './echo-socket-rows.js'
import type { TargetTable } from './echo-socket-targets.js'
import { emptyReply } from './probe-reply.js'
import type { Lane } from './udp-probe-lanes.js'
import type { Cookie } from './udp-probe-send.js'

const ARENA_BYTES = 1 << 20
const MOST_ROWS = 256
/** Answers need not be as long as what was asked. */
const LEAST_DATA_BYTES = 2048
const NAME_BYTES = 32
const CONTROL_BYTES = 128
const UDP_HEADER_BYTES = 8

/** The run's mark at `start`..`end`, if it is there and names a target of the run: index and sequence, else null. */
export function readMark(
  view: DataView,
  start: number,
  end: number,
  cookie: Cookie,
  targets: TargetTable,
): { target: number; sequence: number } | null {
  if (end - start < ECHO_COOKIE_BYTES) return null
  if (view.getUint32(start, true) !== cookie[0] || view.getUint32(start + 4, true) !== cookie[1]) return null
  const target = view.getUint32(start + 8, true)
  return targets.positionOf(target) < 0 ? null : { target, sequence: view.getUint32(start + 12, true) }
}

export class UdpAnswers {
  private readonly port: SocketPort
  private readonly targets: TargetTable
  private readonly clock: ProbeClock
  private readonly cookie: Cookie
  private readonly arena: Uint8Array
  private readonly view: DataView
  private readonly table: Int32Array
  private readonly rows: number
  private readonly dataBytes: number
  private readonly cursor = new ControlCursor()
  private readonly reply: ProbeReply

  constructor(port: SocketPort, targets: TargetTable, clock: ProbeClock, cookie: Cookie, payloadBytes: number) {
    this.port = port
    this.targets = targets
    this.clock = clock
    this.cookie = cookie
    this.dataBytes = (Math.max(payloadBytes, LEAST_DATA_BYTES) + 7) & ~7
    const slotBytes = this.dataBytes + NAME_BYTES + CONTROL_BYTES
    this.rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(ARENA_BYTES / slotBytes)))
    this.arena = new Uint8Array(this.rows * slotBytes)
    this.view = new DataView(this.arena.buffer)
    this.table = new Int32Array(this.rows * RECEIVE_ROW)
    for (let row = 0; row < this.rows; row++) {
      const at = row * slotBytes
      const name = at + this.dataBytes
      this.table.set([at, this.dataBytes, name, NAME_BYTES, name + NAME_BYTES, CONTROL_BYTES], row * RECEIVE_ROW)
    }
    this.reply = emptyReply('datagram', this.arena)
  }

  /** Reads what a socket has, up to the room: how many. They are to be handed out before the next read. */
  read({ handle }: Lane): number {
    const got = readRows(this.port, handle, this.arena, this.table, this.rows, 0)
    if (got > 0) {
      this.clock.read()
      this.reply.readNs = this.clock.realtimeNs
      this.reply.readMonoNs = this.clock.monotonicNs
    }
    return got
  }

  /** There may be more. */
  isFull(got: number): boolean {
    return got === this.rows
  }

  handOut(lane: Lane, got: number, visitor: ProbeVisitor): void {
    for (let row = 0; row < got; row++) if (this.move(lane, row * RECEIVE_ROW)) visitor.reply(this.reply)
  }

  /** Makes the reply that of a row; false when it is from a stranger, or was not asked for. */
  private move(lane: Lane, own: number): boolean {
    const { reply, table, targets, view } = this
    const start = table[own + ROW.dataOffset]!
    const length = table[own + ROW.receivedData]!
    const end = start + Math.min(length, this.dataBytes)
    const name = table[own + ROW.nameOffset]!
    if (table[own + ROW.receivedName]! < targets.nameBytes) return false
    const sender = targets.find(view, name)
    reply.fromTarget = sender < 0 ? -1 : targets.indexOf(sender)
    const mark = readMark(view, start, end, this.cookie, targets)
    if (mark === null && sender < 0) return false
    // Without our mark it is an answer to the latest probe that the sender got from this port.
    reply.target = mark === null ? -1 : mark.target
    reply.sequence = mark === null ? lane.latest[sender]! : mark.sequence
    if (reply.sequence === 0) return false
    if (lane.flow >= 0) {
      // In a trace many leave from one port.
      if (mark === null) reply.sequence = -1
      reply.flow = lane.flow
    }
    reply.from = sender < 0 ? targets.text(view, name) : targets.address(sender)
    reply.bytes = UDP_HEADER_BYTES + length
    reply.payloadStart = start
    reply.payloadEnd = end
    reply.ttl = -1
    reply.receivedNs = Number.NaN
    this.readControl(own)
    reply.kernelStamp = !Number.isNaN(reply.receivedNs)
    if (!reply.kernelStamp) reply.receivedNs = reply.readNs
    return true
  }

  private readControl(own: number): void {
    const { cursor, reply, table, view } = this
    cursor.start(view, table[own + ROW.controlOffset]!, table[own + ROW.receivedControl]!)
    while (cursor.next()) {
      const { level, type, at, end } = cursor
      if (level === SOL_SOCKET && type === SO_TIMESTAMPNS && end - at >= 16) {
        reply.receivedNs = this.clock.timespec(view, at)
      } else if (end - at >= 4 && isHopLimit(level, type)) reply.ttl = view.getInt32(at, true)
    }
  }
}

const isHopLimit = (level: number, type: number): boolean =>
  (level === SOL_IP && type === IP_TTL) || (level === SOL_IPV6 && type === IPV6_HOPLIMIT)
