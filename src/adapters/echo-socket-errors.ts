// The error queue of an ICMP socket: what routers and this host said of probes, and when the kernel sent them.

import { formatIpv4 } from '../bytes/address.js'
import { RECEIVE_ROW, ROW } from '../bytes/batch-table.js'
import { ControlCursor } from '../bytes/control-messages.js'
import { ERRNO } from '../errors/errno.js'
import type { ProbeError, ProbeVisitor } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import {
  ExtendedError,
  SCM_TSTAMP_SCHED,
  SCM_TSTAMP_SND,
  SO_EE_ORIGIN_LOCAL,
  SO_EE_ORIGIN_TIMESTAMPING,
} from '../wire/error-queue.js'
import { EchoView, ICMP_PARAMETER_PROBLEM, ICMP_REDIRECT, ICMP6_PARAMETER_PROBLEM } from '../wire/icmp.js'
import type { ProbeClock } from './echo-socket-clock.js'
import {
  IP_RECVERR,
  IPV6_RECVERR,
  SO_TIMESTAMPING,
  SO_TIMESTAMPNS,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from './echo-socket-options.js'
import { readRows } from './echo-socket-rows.js'
import type { TransmitStamps } from './echo-socket-stamps.js'
import type { TargetTable } from './echo-socket-targets.js'

const MSG_ERRQUEUE = 0x2000
const ROWS = 64
/** RFC 4443 lets a router quote 1,232 bytes; ICMPv4 less than what fits in 1,500. */
const DATA_BYTES = 1536
const NAME_BYTES = 32
const CONTROL_BYTES = 384
const SLOT_BYTES = DATA_BYTES + NAME_BYTES + CONTROL_BYTES
/** Records taken in one call, so that a flood of them does not keep the event loop: the rest is reported as readable again. */
const MOST_RECORDS = 1 << 15

const NONE = new Uint8Array(0)

export interface EchoIdentity {
  kind: 'datagram' | 'raw'
  identifier: number
  cookie: readonly [low: number, high: number]
}

export class EchoErrors {
  private readonly port: SocketPort
  private readonly handle: number
  private readonly targets: TargetTable
  private readonly clock: ProbeClock
  private readonly stamps: TransmitStamps | null
  private readonly identity: EchoIdentity
  private readonly arena = new Uint8Array(ROWS * SLOT_BYTES)
  private readonly view = new DataView(this.arena.buffer)
  private readonly table = new Int32Array(ROWS * RECEIVE_ROW)
  private readonly cursor = new ControlCursor()
  private readonly extended = new ExtendedError()
  private readonly echo = new EchoView()
  private readonly error: ProbeError = {
    origin: 'icmp',
    type: -1,
    code: -1,
    errno: 0,
    mtu: 0,
    from: null,
    target: -1,
    sequence: -1,
    wireSequence: -1,
    receivedNs: 0,
    quoted: NONE,
    quotedBytes: 0,
    pointer: 0,
    redirectTo: null,
  }
  private draining = false

  constructor(
    port: SocketPort,
    handle: number,
    targets: TargetTable,
    clock: ProbeClock,
    stamps: TransmitStamps | null,
    identity: EchoIdentity,
  ) {
    this.port = port
    this.handle = handle
    this.targets = targets
    this.clock = clock
    this.stamps = stamps
    this.identity = identity
    for (let row = 0; row < ROWS; row++) {
      const at = row * SLOT_BYTES
      const name = at + DATA_BYTES
      const control = name + NAME_BYTES
      this.table.set([at, DATA_BYTES, name, targets.nameBytes, control, CONTROL_BYTES], row * RECEIVE_ROW)
    }
  }

  /** Hands out everything in the queue: how many records there were. Does nothing when called out of the visitor. */
  drain(visitor: ProbeVisitor): number {
    if (this.draining) return 0
    this.draining = true
    let records = 0
    try {
      for (let got = ROWS; got === ROWS && records < MOST_RECORDS; records += got) {
        got = readRows(this.port, this.handle, this.arena, this.table, ROWS, MSG_ERRQUEUE)
        if (got > 0) this.clock.read()
        for (let row = 0; row < got; row++) this.handOut(row, visitor)
      }
    } finally {
      this.draining = false
    }
    return records
  }

  private handOut(row: number, visitor: ProbeVisitor): void {
    const { cursor, view, extended, table } = this
    const own = row * RECEIVE_ROW
    let receivedNs = Number.NaN
    let stampNs = Number.NaN
    let found = false
    cursor.start(view, table[own + ROW.controlOffset]!, table[own + ROW.receivedControl]!)
    while (cursor.next()) {
      const { level, type, at, end } = cursor
      if ((level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)) {
        found = extended.move(view, at, end)
      } else if (level === SOL_SOCKET && type === SO_TIMESTAMPNS && end - at >= 16) {
        receivedNs = this.clock.timespec(view, at)
      } else if (level === SOL_SOCKET && type === SO_TIMESTAMPING && end - at >= 16) {
        // The first of three: the software's.
        stampNs = this.clock.timespec(view, at)
      }
    }
    if (!found) return
    if (extended.origin === SO_EE_ORIGIN_TIMESTAMPING) {
      this.handOutStamp(stampNs, visitor)
      return
    }
    this.error.receivedNs = Number.isNaN(receivedNs) ? this.clock.realtimeNs : receivedNs
    if (extended.isIcmp) this.handOutError(row, visitor)
    else if (extended.origin === SO_EE_ORIGIN_LOCAL) this.handOutLocal(row, visitor)
  }

  private handOutStamp(stampNs: number, visitor: ProbeVisitor): void {
    const { stamps, extended, clock } = this
    if (!stamps?.find(extended.data, stampNs, clock.realtimeNs)) return
    if (extended.info === SCM_TSTAMP_SCHED) visitor.transmitted(stamps.target, stamps.sequence, 'scheduler', stampNs)
    if (extended.info === SCM_TSTAMP_SND) visitor.transmitted(stamps.target, stamps.sequence, 'driver', stampNs)
  }

  private handOutError(row: number, visitor: ProbeVisitor): void {
    const { error, extended, table, targets } = this
    const { family } = targets
    const own = row * RECEIVE_ROW
    const start = table[own + ROW.dataOffset]!
    const end = start + Math.min(table[own + ROW.receivedData]!, DATA_BYTES)
    if (!this.identify(start, end, table[own + ROW.nameOffset]!)) return
    error.origin = 'icmp'
    error.type = extended.type
    error.code = extended.code
    error.errno = extended.errno
    error.mtu = extended.errno === ERRNO.EMSGSIZE ? extended.info : 0
    error.pointer =
      extended.type === (family === 4 ? ICMP_PARAMETER_PROBLEM : ICMP6_PARAMETER_PROBLEM) ? extended.info : 0
    // net/ipv4/icmp.c, icmp_redirect: the better router, as a number.
    error.redirectTo = family === 4 && extended.type === ICMP_REDIRECT ? formatIpv4(extended.info) : null
    const from = extended.offenderAddress()
    error.from = from === null ? null : targets.withScope(from, extended.offenderScope())
    error.quoted = this.arena.subarray(start, end)
    error.quotedBytes = extended.quotedBytes
    visitor.error(error)
  }

  /**
   * Which probe it is about: by the mark in what was quoted, or else by destination and sequence. False when it is another
   * program's, as raw sockets get the errors about every ICMP message of the host.
   */
  private identify(start: number, end: number, name: number): boolean {
    const { error, echo, view, targets } = this
    const { kind, identifier, cookie } = this.identity
    error.sequence = -1
    error.wireSequence = -1
    // msg_name is where the packet went to.
    const position = targets.find(view, name)
    error.target = position < 0 ? -1 : targets.indexOf(position)
    if (!echo.move(view, start, end)) return kind === 'datagram'
    if (echo.identifier !== identifier) return false
    error.wireSequence = echo.sequence
    if (echo.isOurs(cookie[0], cookie[1]) && targets.positionOf(echo.target) >= 0) {
      error.target = echo.target
      error.sequence = echo.fullSequence
      return true
    }
    // What routers pad a short quote with is zeros; anything else in the place of our mark is a neighbour with our identifier.
    const marked = cookie[0] !== 0 || cookie[1] !== 0
    const strange = marked && echo.hasMark && (echo.cookieLow !== 0 || echo.cookieHigh !== 0)
    return kind === 'datagram' || (!strange && position >= 0)
  }

  private handOutLocal(row: number, visitor: ProbeVisitor): void {
    const { error, extended, table, targets } = this
    const position = targets.find(this.view, table[row * RECEIVE_ROW + ROW.nameOffset]!)
    error.origin = 'local'
    error.type = -1
    error.code = -1
    error.errno = extended.errno
    error.mtu = extended.errno === ERRNO.EMSGSIZE ? extended.info : 0
    error.pointer = 0
    error.redirectTo = null
    error.from = null
    error.target = position < 0 ? -1 : targets.indexOf(position)
    error.sequence = -1
    error.wireSequence = -1
    error.quoted = NONE
    error.quotedBytes = 0
    visitor.error(error)
  }
}
