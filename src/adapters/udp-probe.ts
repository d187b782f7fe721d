// Probes that are UDP datagrams: whatever comes back from the target is an answer, its "port unreachable" too.

import { randomFillSync } from 'node:crypto'
import { systemError } from '../errors/index.js'
import type { ProbeError, ProbeOptions, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import type { TimestampSource } from '../probe/events.js'
import { SO_EE_ORIGIN_LOCAL } from '../wire/error-queue.js'
import { ProbeClock } from './echo-socket-clock.js'
import { ProbeErrorQueue, type QueuedError } from './probe-error-queue.js'
import { ProbeTargets } from './probe-setup.js'
import { type Quotes, withQuotedHeaders } from './trace-quoted.js'
import { UdpQuotes } from './trace-quoted-udp.js'
import { type Lane, UdpLanes } from './udp-probe-lanes.js'
import { readMark, UdpAnswers } from './udp-probe-receive.js'
import { type Cookie, UdpSender } from './udp-probe-send.js'

const READABLE_OR_EXCEPTIONAL = 1 | 8
/** Batches read from one socket before the others and the event loop have their turn. */
const MOST_BATCHES = 16

/**
 * Opens a transport whose probes are datagrams to `options.port`. Needs no privilege.
 * @throws UsageError without a port or with a source that is not of the family; PermissionError or SystemCallError for an option
 * that this user may not set (mark) or the system does not know
 */
export function openUdpProbe(port: SocketPort, options: ProbeOptions): ProbeTransport {
  const udp = new UdpProbe(port, options)
  const { table } = udp.targets
  const reader = (quotes: Quotes) => new UdpQuotes(options, table, udp.mark, quotes, flow => udp.flowValue(flow))
  return withQuotedHeaders(port, options, udp, { targets: table, clock: udp.clock, reader })
}

class UdpProbe implements ProbeTransport {
  readonly kind = 'udp'
  readonly timestamps: TimestampSource
  /** A service need not send back what it was sent, so what it sends is not compared. The mark within is for matching only. */
  readonly cookie = [0, 0] as const
  readonly note = null
  readonly baseSeconds: number
  private readonly port: SocketPort
  readonly clock: ProbeClock
  readonly targets: ProbeTargets
  private readonly queue: ProbeErrorQueue
  private readonly lanes: UdpLanes
  private readonly sender: UdpSender
  private readonly answers: UdpAnswers
  readonly mark: Cookie
  private kept: ProbeError[] = []
  private readonly mtus = new Map<number, number>()

  constructor(port: SocketPort, options: ProbeOptions) {
    const { payloadBytes, pattern } = options
    this.port = port
    this.clock = new ProbeClock(port)
    this.baseSeconds = this.clock.baseSeconds
    this.targets = new ProbeTargets(port, options)
    const { table } = this.targets
    this.queue = new ProbeErrorQueue(port, this.clock, table)
    this.lanes = new UdpLanes(port, options, this.targets)
    this.timestamps = this.lanes.timestamps
    const [low, high] = randomFillSync(new Uint32Array(2))
    this.mark = [low!, high!]
    const payload = { cookie: this.mark, payloadBytes, pattern }
    this.sender = new UdpSender(port, this.lanes, table, this.clock, payload, lane => this.drain(lane))
    this.answers = new UdpAnswers(port, table, this.clock, this.mark, payloadBytes)
  }

  sourceAddress(target: number): string | null {
    return this.targets.sourceAddress(target)
  }

  send(batch: SendBatch): number {
    return this.sender.send(batch)
  }

  receive(visitor: ProbeVisitor): number {
    let messages = 0
    for (const lane of this.lanes.lanes) if (lane.used) messages += this.receiveLane(lane, visitor)
    return messages
  }

  onReadable(callback: () => void): void {
    this.lanes.each(({ handle }) => {
      const watching = this.port.watch(handle, READABLE_OR_EXCEPTIONAL, () => callback())
      if (watching < 0) throw systemError('socket', watching, 'wait for answers')
    })
  }

  /** The source port of a flow. */
  flowValue(flow: number): number {
    return this.lanes.portOf(flow)
  }

  nowMonoNs(): number {
    this.clock.read()
    return this.clock.monotonicNs
  }

  close(): void {
    this.lanes.close()
  }

  private receiveLane(lane: Lane, visitor: ProbeVisitor): number {
    let messages = 0
    for (let batches = 0; batches < MOST_BATCHES; batches++) {
      const got = this.answers.read(lane)
      this.drain(lane)
      messages += got + this.handOutErrors(visitor)
      this.answers.handOut(lane, got, visitor)
      if (!this.answers.isFull(got)) break
    }
    return messages
  }

  private handOutErrors(visitor: ProbeVisitor): number {
    const { kept } = this
    if (kept.length > 0) this.kept = []
    for (const error of kept) visitor.error(error)
    return kept.length
  }

  /** Keeps what the error queue of a socket has, until the next receive; answers MTUs by position of the target. */
  private drain(lane: Lane): ReadonlyMap<number, number> {
    this.mtus.clear()
    this.clock.read()
    this.queue.drain(lane.handle, record => this.keep(lane, record))
    return this.mtus
  }

  private keep(lane: Lane, record: QueuedError): void {
    const { table } = this.targets
    const { error, nameAt, nameEnd, view } = record
    const position = nameEnd - nameAt < table.nameBytes ? -1 : table.find(view, nameAt)
    if (error.origin === SO_EE_ORIGIN_LOCAL) {
      // The result of its row says that it was refused; only how much would have passed is told here.
      if (position >= 0) this.mtus.set(position, error.info)
      return
    }
    if (!error.isIcmp) return
    const mark = readMark(view, record.dataAt, record.dataEnd, this.mark, table)
    if (mark !== null) this.kept.push(this.queue.toError(record, mark.target, mark.sequence))
    else if (position < 0) return
    else if (lane.flow >= 0) {
      this.kept.push({ ...this.queue.toError(record, table.indexOf(position), -1), flow: lane.flow })
    } else {
      const latest = lane.latest[position]!
      this.kept.push(this.queue.toError(record, table.indexOf(position), latest === 0 ? -1 : latest))
    }
  }
}
