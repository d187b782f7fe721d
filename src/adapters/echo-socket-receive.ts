// Echo replies as they come: read many at a time into memory that is used again, told from strangers', handed out one by one.

import { RECEIVE_ROW, ROW } from '../bytes/batch-table.js'
import { internetChecksum } from '../bytes/checksum.js'
import { ControlCursor } from '../bytes/control-messages.js'
import type { ProbeReply, ProbeVisitor } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { EchoView, ICMP_ECHO, ICMP_ECHO_REPLY, ICMP6_ECHO_REPLY } from '../wire/icmp.js'
import { IPV4, Ipv4View } from '../wire/ipv4.js'
import type { ProbeClock } from './echo-socket-clock.js'
import type { EchoIdentity } from './echo-socket-errors.js'
import {
  IP_RECVOPTS,
  IP_TTL,
  IPV6_HOPLIMIT,
  SO_TIMESTAMPNS,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from './echo-socket-options.js'
import { readRows } from './echo-socket-rows.js'
import type { TargetTable } from './echo-socket-targets.js'
import { emptyReply } from './probe-reply.js'

const ARENA_BYTES = 1 << 21
const MOST_ROWS = 256
/** One probe, one answer: few rows to prepare for. When they are all filled, the next read has more. */
const FEW_ROWS = 8
const NAME_BYTES = 32
const CONTROL_BYTES = 256
/** Longest IPv4 header, which raw sockets deliver. */
const IPV4_HEADER_BYTES = 60
/** An answer may be longer than its probe: so much of what is too much is seen. */
const SPARE_BYTES = 64

export class EchoReplies {
  private readonly port: SocketPort
  private readonly handle: number
  private readonly targets: TargetTable
  private readonly clock: ProbeClock
  private readonly identity: EchoIdentity
  private readonly arena: Uint8Array
  private readonly view: DataView
  private readonly table: Int32Array
  private readonly rows: number
  private readonly dataBytes: number
  private readonly replyType: number
  /** A raw IPv4 socket delivers the IP header. */
  private readonly hasHeader: boolean
  private readonly cursor = new ControlCursor()
  private readonly ip = new Ipv4View()
  private readonly echo = new EchoView()
  private readonly reply: ProbeReply
  private asked = FEW_ROWS
  private got = 0
  /** Of what was read, the next row to be handed out. */
  private row = 0

  constructor(
    port: SocketPort,
    handle: number,
    targets: TargetTable,
    clock: ProbeClock,
    identity: EchoIdentity,
    payloadBytes: number,
  ) {
    this.port = port
    this.handle = handle
    this.targets = targets
    this.clock = clock
    this.identity = identity
    this.replyType = targets.family === 4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY
    this.hasHeader = targets.family === 4 && identity.kind === 'raw'
    this.dataBytes = (IPV4_HEADER_BYTES + ICMP_ECHO.size + payloadBytes + SPARE_BYTES + 7) & ~7
    const slotBytes = this.dataBytes + NAME_BYTES + CONTROL_BYTES
    this.rows = Math.max(FEW_ROWS, Math.min(MOST_ROWS, Math.floor(ARENA_BYTES / slotBytes)))
    this.arena = new Uint8Array(this.rows * slotBytes)
    this.view = new DataView(this.arena.buffer)
    this.table = new Int32Array(this.rows * RECEIVE_ROW)
    for (let row = 0; row < this.rows; row++) {
      const at = row * slotBytes
      const name = at + this.dataBytes
      const control = name + NAME_BYTES
      this.table.set([at, this.dataBytes, name, targets.nameBytes, control, CONTROL_BYTES], row * RECEIVE_ROW)
    }
    this.reply = emptyReply('echo-reply', this.arena)
  }

  /** Reads what is there, up to the room: how many messages. All that was read before has been handed out. */
  read(): number {
    this.row = 0
    this.got = readRows(this.port, this.handle, this.arena, this.table, this.asked, 0)
    if (this.got > 0) {
      this.clock.read()
      this.reply.readNs = this.clock.realtimeNs
      this.reply.readMonoNs = this.clock.monotonicNs
    }
    return this.got
  }

  /** There was no room for more. */
  get full(): boolean {
    return this.got === this.asked
  }

  /** Hands out what `read` read; false when there is more of it, which the visitor does not take yet. */
  handOut(visitor: ProbeVisitor): boolean {
    const { got } = this
    for (; this.row < got; this.row++) {
      if (this.move(this.row * RECEIVE_ROW) && visitor.reply(this.reply) === false) return false
    }
    this.asked = got === this.asked ? this.rows : FEW_ROWS
    return true
  }

  /** Makes the reply that of a row; false when it is not an answer to this run. */
  private move(own: number): boolean {
    const { table, view, reply, echo, ip } = this
    const start = table[own + ROW.dataOffset]!
    const length = table[own + ROW.receivedData]!
    const end = start + Math.min(length, this.dataBytes)
    reply.ttl = -1
    reply.ipOptions = null
    reply.receivedNs = Number.NaN
    let header = 0
    if (this.hasHeader) {
      if (!ip.move(view, start, end)) return false
      header = ip.headerBytes
      reply.ttl = ip.ttl
      if (header > IPV4.size) reply.ipOptions = this.arena.slice(ip.optionsStart, ip.payloadStart)
    }
    if (!echo.move(view, start + header, end)) return false
    if (echo.type !== this.replyType || echo.identifier !== this.identity.identifier) return false
    // A datagram socket never sees these: the kernel drops them.
    if (this.hasHeader && internetChecksum(this.arena, start + header, end) !== 0) return false
    this.readControl(own)
    reply.kernelStamp = !Number.isNaN(reply.receivedNs)
    if (!reply.kernelStamp) reply.receivedNs = reply.readNs
    reply.wireSequence = echo.sequence
    reply.bytes = length - header
    reply.payloadStart = echo.payloadStart
    reply.payloadEnd = echo.payloadEnd
    return this.attribute(table[own + ROW.nameOffset]!)
  }

  private readControl(own: number): void {
    const { cursor, view, table, reply } = this
    cursor.start(view, table[own + ROW.controlOffset]!, table[own + ROW.receivedControl]!)
    while (cursor.next()) {
      const { level, type, at, end } = cursor
      if (level === SOL_SOCKET) {
        if (type === SO_TIMESTAMPNS && end - at >= 16) reply.receivedNs = this.clock.timespec(view, at)
      } else if (level === SOL_IP) {
        if (type === IP_TTL && end - at >= 4) reply.ttl = view.getInt32(at, true)
        else if (type === IP_RECVOPTS && !this.hasHeader && end > at) reply.ipOptions = this.arena.slice(at, end)
      } else if (level === SOL_IPV6 && type === IPV6_HOPLIMIT && end - at >= 4) {
        reply.ttl = view.getInt32(at, true)
      }
    }
  }

  /**
   * Target and sequence by the mark, and who it is from; false for an answer to another program. The kernel gives a datagram socket
   * its own answers only; a raw one hears those of every program that uses the same identifier.
   */
  private attribute(name: number): boolean {
    const { reply, echo, targets, view } = this
    const { cookie } = this.identity
    let position = -1
    reply.target = -1
    reply.sequence = -1
    if (echo.isOurs(cookie[0], cookie[1])) {
      position = targets.positionOf(echo.target)
      // Both carry the sequence; where they differ, one of them is damaged.
      if (position >= 0 && (echo.fullSequence & 0xffff) === echo.sequence) {
        reply.target = echo.target
        reply.sequence = echo.fullSequence
      }
    }
    const from = position >= 0 && targets.matches(position, view, name) ? position : targets.find(view, name)
    if (from >= 0) {
      reply.fromTarget = targets.indexOf(from)
      reply.from = targets.address(from)
    } else {
      reply.fromTarget = -1
      reply.from = targets.text(view, name)
    }
    if (this.identity.kind !== 'raw' || reply.target >= 0) return true
    const isStrange = echo.hasMark && echo.cookieLow !== cookie[0] && echo.cookieHigh !== cookie[1]
    return from >= 0 && !isStrange
  }
}
