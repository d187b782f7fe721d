// ICMP errors as they are, through a raw socket: the error queue of a socket has what they quote of the probe, but not its IP header.

import { RECEIVE_ROW, ROW } from '../bytes/batch-table.js'
import { internetChecksum } from '../bytes/checksum.js'
import { ControlCursor } from '../bytes/control-messages.js'
import { systemError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { SocketHandle, SocketPort } from '../ports/socket.js'
import {
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_TIME_EXCEEDED,
  ICMP6_UNREACHABLE,
} from '../wire/icmp.js'
import { IcmpErrorView } from '../wire/icmp-error.js'
import { IPPROTO_ICMP, Ipv4View } from '../wire/ipv4.js'
import { IPPROTO_ICMPV6 } from '../wire/ipv6.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { int32Bytes, passIcmpTypes, SO_TIMESTAMPNS, SOCK_RAW, SOL_SOCKET } from './echo-socket-options.js'
import { readRows } from './echo-socket-rows.js'
import type { TargetTable } from './echo-socket-targets.js'
import { AF_INET, AF_INET6 } from './socket-address.js'

const SO_RCVBUF = 8
const READABLE_OR_EXCEPTIONAL = 1 | 8
const ROWS = 32
/** RFC 4443 section 2.4 lets a message have 1,280 bytes, RFC 4884 puts extensions into ICMPv4; with the IP header. Others are cut. */
const DATA_BYTES = 1536
const NAME_BYTES = 32
const CONTROL_BYTES = 64
const SLOT_BYTES = DATA_BYTES + NAME_BYTES + CONTROL_BYTES
/** Batches read in one call, so that a flood does not keep the event loop. */
const MOST_BATCHES = 64
const RECEIVE_BUFFER = 1 << 20

const HEARD = {
  4: [ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM],
  6: [ICMP6_UNREACHABLE, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAMETER_PROBLEM],
} as const

/** One error; one object reused, valid during the call only. */
export interface HeardError {
  readonly said: IcmpErrorView
  /** What `said` lies in. */
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Where the quoted packet ends, as far as that is told: extensions may follow. */
  probeEnd: number
  /** Where all of it ends. */
  end: number
  from: string
  receivedNs: number
}

export class RawErrorListener {
  private readonly port: SocketPort
  private readonly handle: SocketHandle
  private readonly clock: ProbeClock
  private readonly targets: TargetTable
  private readonly table = new Int32Array(ROWS * RECEIVE_ROW)
  private readonly cursor = new ControlCursor()
  private readonly ip = new Ipv4View()
  private readonly heard: HeardError

  /** @throws PermissionError where this user may not listen to all of the host's ICMP */
  constructor(port: SocketPort, options: ProbeOptions, targets: TargetTable, clock: ProbeClock) {
    const { family, netnsFd } = options
    this.port = port
    this.clock = clock
    this.targets = targets
    const [domain, protocol] = family === 4 ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6]
    this.handle = port.open(domain, SOCK_RAW, protocol, netnsFd)
    if (this.handle < 0) {
      const named = family === 4 ? 'ICMP' : 'ICMPv6'
      throw systemError('raw-socket', this.handle, `open a raw ${named} socket to see the headers that routers quote`)
    }
    passIcmpTypes(port, this.handle, family, HEARD[family])
    port.setOption(this.handle, SOL_SOCKET, SO_RCVBUF, int32Bytes(RECEIVE_BUFFER))
    if (options.timestamps !== 'user') port.setOption(this.handle, SOL_SOCKET, SO_TIMESTAMPNS, int32Bytes(1))
    const bytes = new Uint8Array(ROWS * SLOT_BYTES)
    for (let row = 0; row < ROWS; row++) {
      const at = row * SLOT_BYTES
      const name = at + DATA_BYTES
      this.table.set([at, DATA_BYTES, name, NAME_BYTES, name + NAME_BYTES, CONTROL_BYTES], row * RECEIVE_ROW)
    }
    const view = new DataView(bytes.buffer)
    this.heard = { said: new IcmpErrorView(), bytes, view, probeEnd: 0, end: 0, from: '', receivedNs: 0 }
  }

  onReadable(callback: () => void): void {
    const watching = this.port.watch(this.handle, READABLE_OR_EXCEPTIONAL, () => callback())
    if (watching < 0) throw systemError('socket', watching, 'wait for ICMP errors')
  }

  /** Hands out the errors that have come, whoever they are for: how many messages there were. */
  read(take: (heard: HeardError) => void): number {
    let total = 0
    for (let batches = 0; batches < MOST_BATCHES; batches++) {
      const got = readRows(this.port, this.handle, this.heard.bytes, this.table, ROWS, 0)
      if (got > 0) this.clock.read()
      for (let row = 0; row < got; row++) if (this.move(row * RECEIVE_ROW)) take(this.heard)
      total += got
      if (got < ROWS) break
    }
    return total
  }

  close(): void {
    this.port.close(this.handle)
  }

  /** Makes `heard` the message of a row; false when it is none that can be read. */
  private move(own: number): boolean {
    const { heard, ip, table, targets } = this
    const { bytes, said, view } = heard
    const { family } = targets
    let start = table[own + ROW.dataOffset]!
    const name = start + DATA_BYTES
    const received = table[own + ROW.receivedData]!
    let end = start + Math.min(received, DATA_BYTES)
    if (family === 4) {
      if (!ip.move(view, start, end) || ip.protocol !== IPPROTO_ICMP || ip.fragmentOffset > 0) return false
      start = ip.payloadStart
      end = ip.payloadEnd
      // A raw socket gets its copy before the kernel has looked at the sum; of ICMPv6 it has (RFC 3542 section 3.1). What was cut
      // off is in the sum, and nothing of it is read here.
      if (received <= DATA_BYTES && internetChecksum(bytes, start, end) !== 0) return false
    }
    if (!said.move(family, view, start, end)) return false
    heard.end = end
    heard.probeEnd = said.quotedBytes > 0 ? Math.min(said.quotedStart + said.quotedBytes, end) : end
    const position = targets.find(view, name)
    heard.from = position < 0 ? targets.text(view, name) : targets.address(position)
    heard.receivedNs = this.stampOf(own)
    return true
  }

  private stampOf(own: number): number {
    const { cursor, table, heard, clock } = this
    cursor.start(heard.view, table[own + ROW.controlOffset]!, table[own + ROW.receivedControl]!)
    while (cursor.next()) {
      if (cursor.level !== SOL_SOCKET || cursor.type !== SO_TIMESTAMPNS || cursor.end - cursor.at < 16) continue
      const stamp = clock.timespec(heard.view, cursor.at)
      if (!Number.isNaN(stamp)) return stamp
    }
    return clock.realtimeNs
  }
}
