// The error queue of TCP and UDP sockets: what routers, the target and this host's kernel say of packets that were sent.

import { RECEIVE_ROW, ROW } from '../bytes/batch-table.js'
import { ControlCursor } from '../bytes/control-messages.js'
import { ERRNO } from '../errors/errno.js'
import type { ProbeError } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { ExtendedError, SO_EE_ORIGIN_LOCAL, SOCK_EXTENDED_ERR } from '../wire/error-queue.js'
import {
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETER_PROBLEM,
  ICMP_UNREACHABLE,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAMETER_PROBLEM,
} from '../wire/icmp.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { IP_RECVERR, IPV6_RECVERR, SO_TIMESTAMPNS, SOL_IP, SOL_IPV6, SOL_SOCKET } from './echo-socket-options.js'
import { readRows } from './echo-socket-rows.js'
import type { TargetTable } from './echo-socket-targets.js'

const MSG_ERRQUEUE = 0x2000
const SLOTS = 32
/** Records taken in one call, so that a flood of them does not keep the event loop. */
const MOST_RECORDS = 1 << 15
/** A router quotes 576 bytes of IPv4, 1280 of IPv6 (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4). */
const DATA_BYTES = 1536
const NAME_BYTES = 32
const CONTROL_BYTES = 256
const SLOT_BYTES = DATA_BYTES + NAME_BYTES + CONTROL_BYTES

/** One record; one object reused, valid during the call only. */
export interface QueuedError {
  readonly error: ExtendedError
  /** Where it was going: a sockaddr in `view`, or none when `nameEnd` is `nameAt`. */
  readonly view: DataView
  nameAt: number
  nameEnd: number
  /** What was quoted of the packet, from behind the IP (and for UDP the UDP) header on. */
  readonly bytes: Uint8Array
  dataAt: number
  dataEnd: number
  /** Where the offender's sockaddr begins in `view`. */
  offenderAt: number
  /** When it came, by the kernel's stamp; NaN without one. */
  receivedNs: number
}

/** Reads error queues into one arena that all sockets of a transport share. */
export class ProbeErrorQueue {
  private readonly port: SocketPort
  private readonly clock: ProbeClock
  private readonly targets: TargetTable
  private readonly table = new Int32Array(SLOTS * RECEIVE_ROW)
  private readonly cursor = new ControlCursor()
  private readonly record: QueuedError

  constructor(port: SocketPort, clock: ProbeClock, targets: TargetTable) {
    this.port = port
    this.clock = clock
    this.targets = targets
    const bytes = new Uint8Array(SLOTS * SLOT_BYTES)
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = slot * SLOT_BYTES
      this.table.set(
        [at, DATA_BYTES, at + DATA_BYTES, NAME_BYTES, at + DATA_BYTES + NAME_BYTES, CONTROL_BYTES],
        slot * RECEIVE_ROW,
      )
    }
    this.record = {
      error: new ExtendedError(),
      view: new DataView(bytes.buffer),
      nameAt: 0,
      nameEnd: 0,
      bytes,
      dataAt: 0,
      dataEnd: 0,
      offenderAt: 0,
      receivedNs: Number.NaN,
    }
  }

  /** Takes everything out of a socket's error queue, which clears its pending error too. Answers how many there were. */
  drain(handle: number, take: (record: QueuedError) => void): number {
    const { record, table } = this
    let total = 0
    for (let count = SLOTS; count === SLOTS && total < MOST_RECORDS; total += count) {
      count = readRows(this.port, handle, record.bytes, table, SLOTS, MSG_ERRQUEUE)
      for (let slot = 0; slot < count; slot++) if (this.read(slot)) take(record)
    }
    return total
  }

  /** A record as the error of a probe: its fields copied, because what it lies in is borrowed. */
  toError(record: QueuedError, target: number, sequence: number): ProbeError {
    const { error } = record
    const isLocal = error.origin === SO_EE_ORIGIN_LOCAL
    return {
      origin: isLocal ? 'local' : 'icmp',
      type: isLocal ? -1 : error.type,
      code: isLocal ? -1 : error.code,
      errno: error.errno,
      mtu: tellsMtu(record, this.targets.family) ? error.info : 0,
      from: this.offender(record),
      target,
      sequence,
      wireSequence: -1,
      receivedNs: Number.isNaN(record.receivedNs) ? this.clock.realtimeNs : record.receivedNs,
      quoted: record.bytes.slice(record.dataAt, record.dataEnd),
      quotedBytes: error.quotedBytes,
      pointer: tellsPointer(record, this.targets.family) ? error.info : 0,
    }
  }

  /** As text of the target it is, so that they compare equal. */
  private offender({ error, view, offenderAt }: QueuedError): string | null {
    const { targets } = this
    const plain = error.offenderAddress()
    if (plain === null) return null
    const position = targets.find(view, offenderAt)
    return position >= 0 ? targets.address(position) : targets.withScope(plain, error.offenderScope())
  }

  private read(slot: number): boolean {
    const { cursor, record, table } = this
    const own = slot * RECEIVE_ROW
    const at = slot * SLOT_BYTES
    record.dataAt = at
    record.dataEnd = at + Math.min(table[own + ROW.receivedData]!, DATA_BYTES)
    record.nameAt = at + DATA_BYTES
    record.nameEnd = record.nameAt + Math.min(table[own + ROW.receivedName]!, NAME_BYTES)
    record.receivedNs = Number.NaN
    let found = false
    const control = record.nameAt + NAME_BYTES
    cursor.start(record.view, control, Math.min(table[own + ROW.receivedControl]!, CONTROL_BYTES))
    while (cursor.next()) {
      const { level, type } = cursor
      if (level === SOL_SOCKET && type === SO_TIMESTAMPNS && cursor.end - cursor.at >= 16) {
        record.receivedNs = this.clock.timespec(record.view, cursor.at)
      } else if ((level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)) {
        found = record.error.move(record.view, cursor.at, cursor.end)
        record.offenderAt = cursor.at + SOCK_EXTENDED_ERR.size
      }
    }
    return found
  }
}

/** linux/errqueue.h: `info` is an MTU for "fragmentation needed", for "packet too big", and where this host knows it to be too big. */
function tellsMtu({ error }: QueuedError, family: 4 | 6): boolean {
  if (error.origin === SO_EE_ORIGIN_LOCAL) return error.errno === ERRNO.EMSGSIZE
  if (family === 4) return error.type === ICMP_UNREACHABLE && error.code === ICMP_FRAG_NEEDED
  return error.type === ICMP6_PACKET_TOO_BIG
}

/** RFC 792, RFC 4443 section 3.4: `info` is where in the packet the problem is. */
function tellsPointer({ error }: QueuedError, family: 4 | 6): boolean {
  return error.isIcmp && error.type === (family === 4 ? ICMP_PARAMETER_PROBLEM : ICMP6_PARAMETER_PROBLEM)
}
