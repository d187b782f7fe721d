// Probes that are TCP handshakes: each is a connect from a socket of its own, and the kernel measures how long it took.

import { ERRNO } from '../errors/errno.js'
import type { ProbeOptions, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { Outcome, SocketHandle, SocketPort } from '../ports/socket.js'
import { TCP_INFO } from '../sockets/tcp-info.js'
import { IPPROTO_TCP } from '../wire/ipv4.js'
import { ProbeClock } from './echo-socket-clock.js'
import { SOL_SOCKET } from './echo-socket-options.js'
import { ProbeErrorQueue } from './probe-error-queue.js'
import { ProbeTargets } from './probe-setup.js'
import { type Attempt, synRetransmits, tcpLocalError, tcpReply } from './tcp-probe-outcome.js'
import { TcpSockets } from './tcp-probe-sockets.js'
import { type Quotes, withQuotedHeaders } from './trace-quoted.js'
import { TcpQuotes } from './trace-quoted-tcp.js'

const SO_ERROR = 4
/** netinet/tcp.h */
const TCP_INFO_OPTION = 11
const TCP_SYN_SENT = 2
const WRITABLE_OR_EXCEPTIONAL = 2 | 8

/** Sockets under way at once. A target that does not answer keeps one until it is given up. */
const MOST_OPEN = 4096
/** When there is no room for another, those are given up that have waited for this long. */
const YIELDS_AFTER_NS = 1e9
/** Sockets looked at by `receive`, oldest first, beside those that the event loop reported. */
const LOOKED_AT = 64

/**
 * Opens a transport whose probes are TCP handshakes with `options.port`. Needs no privilege.
 * @throws UsageError without a port or with a source that is not of the family; PermissionError or SystemCallError for an option
 * that this user may not set (mark) or the system does not know
 */
export function openTcpProbe(port: SocketPort, options: ProbeOptions): ProbeTransport {
  const tcp = new TcpProbe(port, options)
  const reader = (quotes: Quotes) => new TcpQuotes(options, quotes, flow => tcp.flowValue(flow))
  return withQuotedHeaders(port, options, tcp, { targets: tcp.targets.table, clock: tcp.clock, reader })
}

class TcpProbe implements ProbeTransport {
  readonly kind = 'tcp'
  readonly timestamps = 'tcp-info'
  readonly cookie = [0, 0] as const
  readonly note = null
  /** Its port is its flow's, and no two sockets can connect from one port to one target. */
  readonly oneProbeAFlow = true
  readonly baseSeconds: number
  private readonly port: SocketPort
  readonly clock: ProbeClock
  readonly targets: ProbeTargets
  private readonly queue: ProbeErrorQueue
  private readonly sockets: TcpSockets
  /** In the order they were sent. */
  private readonly open = new Map<SocketHandle, Attempt>()
  private readonly openByFlow = new Map<number, Attempt>()
  private arrived: ((visitor: ProbeVisitor) => void)[] = []
  private readable: () => void = () => undefined
  private readonly word = new Int32Array(1)
  private readonly info = new DataView(new ArrayBuffer(TCP_INFO.size))
  private readonly infoBytes = new Uint8Array(this.info.buffer)

  constructor(port: SocketPort, options: ProbeOptions) {
    this.port = port
    this.clock = new ProbeClock(port)
    this.baseSeconds = this.clock.baseSeconds
    this.targets = new ProbeTargets(port, options)
    this.queue = new ProbeErrorQueue(port, this.clock, this.targets.table)
    this.sockets = new TcpSockets(port, options, this.targets)
  }

  sourceAddress(target: number): string | null {
    return this.targets.sourceAddress(target)
  }

  send(batch: SendBatch): number {
    for (let row = 0; row < batch.count; row++) if (!this.sendRow(batch, row)) return row
    return batch.count
  }

  receive(visitor: ProbeVisitor): number {
    // A busy event loop has not reported them yet, and the oldest are about to be timed out.
    let left = LOOKED_AT
    for (const attempt of this.open.values()) {
      if (left-- === 0) break
      if (this.state(attempt.handle) !== TCP_SYN_SENT) this.finish(attempt)
    }
    const { arrived } = this
    this.arrived = []
    for (const message of arrived) message(visitor)
    return arrived.length
  }

  onReadable(callback: () => void): void {
    this.readable = callback
  }

  /** The source port of a flow. */
  flowValue(flow: number): number {
    return this.sockets.portOf(flow)
  }

  nowMonoNs(): number {
    this.clock.read()
    return this.clock.monotonicNs
  }

  close(): void {
    this.readable = () => undefined
    for (const handle of this.open.keys()) this.port.close(handle)
    this.open.clear()
    this.sockets.close()
  }

  /** False when there is no room for another socket now. */
  private sendRow(batch: SendBatch, row: number): boolean {
    const { clock, port } = this
    const flow = batch.flow?.[row] ?? -1
    this.yieldFlow(flow)
    if (this.open.size >= MOST_OPEN && !this.yieldOldest()) return false
    let handle = this.sockets.open()
    if (isOutOfSockets(handle) && this.open.size > 0) {
      if (!this.yieldOldest()) return false
      handle = this.sockets.open()
    }
    const target = batch.target[row]!
    const position = this.targets.table.positionOf(target)
    const ready = handle < 0 ? handle : this.prepare(handle, flow, batch, row)
    clock.read()
    const answer = ready < 0 ? ready : port.connect(handle, this.targets.sockaddr(position))
    batch.sentNs[row] = clock.realtimeNs
    batch.sentMonoNs[row] = clock.monotonicNs
    batch.result[row] = 0
    if (batch.mtu !== undefined) batch.mtu[row] = 0
    if (handle < 0) {
      batch.result[row] = handle
      return true
    }
    const attempt: Attempt = {
      handle,
      target,
      address: this.targets.table.address(position),
      sequence: batch.sequence[row]!,
      flow,
      sentNs: clock.realtimeNs,
      sentMonoNs: clock.monotonicNs,
    }
    if (answer === 0 || answer === -ERRNO.EINPROGRESS) this.wait(attempt)
    else {
      // A firewall of this host may have answered the SYN before connect returned; else nothing was sent.
      if (ready < 0 || !this.takeErrors(attempt)) batch.result[row] = answer
      port.close(handle)
    }
    return true
  }

  private prepare(handle: SocketHandle, flow: number, { ttl }: SendBatch, row: number): Outcome {
    if (flow < 0) return this.sockets.prepare(handle)
    return this.sockets.prepareFlow(handle, flow, ttl === undefined ? null : ttl[row]!)
  }

  private wait(attempt: Attempt): void {
    this.open.set(attempt.handle, attempt)
    if (attempt.flow >= 0) this.openByFlow.set(attempt.flow, attempt)
    // A neighbour answers while connect runs, and a reset has no other time than that of being noticed.
    if (this.state(attempt.handle) !== TCP_SYN_SENT && this.finish(attempt)) {
      setImmediate(() => this.arrived.length > 0 && this.readable())
      return
    }
    this.port.watch(attempt.handle, WRITABLE_OR_EXCEPTIONAL, () => {
      // Read at once, while what the clock says is nearest to the event.
      if (this.finish(attempt)) this.readable()
    })
  }

  /** Gives up the oldest probe if it has waited for long enough; false when it has not. */
  private yieldOldest(): boolean {
    const oldest = this.open.values().next().value
    if (oldest === undefined || this.nowMonoNs() - oldest.sentMonoNs < YIELDS_AFTER_NS) return false
    if (!this.finish(oldest)) this.drop(oldest)
    return true
  }

  /** Gives up the probe of a flow that is under way, for another. */
  private yieldFlow(flow: number): void {
    const older = this.openByFlow.get(flow)
    if (older !== undefined && !this.finish(older)) this.drop(older)
  }

  private drop({ handle, flow }: Attempt): void {
    this.open.delete(handle)
    this.openByFlow.delete(flow)
    this.port.close(handle)
  }

  /** The connection's state, 0 when it cannot be told; `info` is the rest of what is known of it. */
  private state(handle: SocketHandle): number {
    const { infoBytes } = this
    if (this.port.getOption(handle, IPPROTO_TCP, TCP_INFO_OPTION, infoBytes) > 0) return infoBytes[0]!
    // What is left there is another socket's.
    infoBytes.fill(0)
    return 0
  }

  /** Takes what became of a probe; false when nothing did yet. */
  private finish(attempt: Attempt): boolean {
    const { handle } = attempt
    if (!this.open.has(handle)) return false
    this.clock.read()
    const state = this.state(handle)
    if (attempt.flow >= 0 && synRetransmits(this.info) > 0) {
      // Sent twice: nobody knows which of the two was answered, and a trace must not take a probe that was lost for one that was not.
      this.drop(attempt)
      return true
    }
    // The kernel puts its word into the queue before it leaves the errno.
    const errno = this.pendingError(handle)
    const isError = this.takeErrors(attempt)
    if (!isError && errno === 0 && state === TCP_SYN_SENT) return false
    if (!isError) this.takeOutcome(attempt, errno)
    this.drop(attempt)
    return true
  }

  /** What the network said of it; false when it said nothing. */
  private takeErrors({ handle, target, sequence }: Attempt): boolean {
    let found = false
    this.queue.drain(handle, record => {
      // One word ends a handshake; more would be about its retransmissions.
      if (found) return
      found = true
      const error = this.queue.toError(record, target, sequence)
      this.arrived.push(visitor => visitor.error(error))
    })
    return found
  }

  private pendingError(handle: SocketHandle): number {
    this.word[0] = 0
    return this.port.getOption(handle, SOL_SOCKET, SO_ERROR, new Uint8Array(this.word.buffer)) < 0 ? 0 : this.word[0]!
  }

  private takeOutcome(attempt: Attempt, errno: number): void {
    const { clock, info } = this
    switch (errno) {
      case 0:
      // net/ipv4/tcp_input.c, tcp_reset: a reset of an established connection, which had been answered then.
      case ERRNO.ECONNRESET:
      case ERRNO.EPIPE:
        this.takeReply(tcpReply(attempt, 'syn-ack', info, clock))
        return
      case ERRNO.ECONNREFUSED:
        this.takeReply(tcpReply(attempt, 'refused', info, clock))
        return
      // TCP_USER_TIMEOUT is over. That is silence, and whoever waits has given up by himself.
      case ERRNO.ETIMEDOUT:
        return
      default: {
        const error = tcpLocalError(attempt, errno, clock)
        this.arrived.push(visitor => visitor.error(error))
      }
    }
  }

  private takeReply(reply: ProbeReply): void {
    this.arrived.push(visitor => visitor.reply(reply))
  }
}

const isOutOfSockets = (answer: number): boolean => answer === -ERRNO.EMFILE || answer === -ERRNO.ENFILE
