// Probes that are TCP handshakes: each is a connect from a socket of its own, and the kernel measures how long it took.

import { ERRNO } from '../errors/errno.js'
import type { ProbeError, ProbeOptions, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { SocketHandle, SocketPort } from '../ports/socket.js'
import { TCP_INFO } from '../sockets/tcp-info.js'
import { ProbeClock } from './echo-socket-clock.js'
import { SOL_SOCKET } from './echo-socket-options.js'
import { ProbeErrorQueue } from './probe-error-queue.js'
import { ProbeTargets } from './probe-setup.js'
import { IPPROTO_TCP, TcpSockets } from './tcp-probe-sockets.js'

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

const NO_BYTES = new Uint8Array(0)

interface Attempt {
  readonly handle: SocketHandle
  readonly target: number
  readonly position: number
  readonly sequence: number
  readonly sentNs: number
  readonly sentMonoNs: number
}

/**
 * Opens a transport whose probes are TCP handshakes with `options.port`. Needs no privilege.
 * @throws UsageError without a port or with a source that is not of the family; PermissionError or SystemCallError for an option
 * that this user may not set (mark) or the system does not know
 */
export function openTcpProbe(port: SocketPort, options: ProbeOptions): ProbeTransport {
  return new TcpProbe(port, options)
}

class TcpProbe implements ProbeTransport {
  readonly kind = 'tcp'
  readonly timestamps = 'tcp-info'
  readonly cookie = [0, 0] as const
  readonly note = null
  readonly baseSeconds: number
  private readonly port: SocketPort
  private readonly clock: ProbeClock
  private readonly targets: ProbeTargets
  private readonly queue: ProbeErrorQueue
  private readonly sockets: TcpSockets
  /** In the order they were sent. */
  private readonly open = new Map<SocketHandle, Attempt>()
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

  nowMonoNs(): number {
    this.clock.read()
    return this.clock.monotonicNs
  }

  close(): void {
    this.readable = () => undefined
    for (const handle of this.open.keys()) this.port.close(handle)
    this.open.clear()
  }

  /** False when there is no room for another socket now. */
  private sendRow(batch: SendBatch, row: number): boolean {
    const { clock, port } = this
    if (this.open.size >= MOST_OPEN && !this.yieldOldest()) return false
    let handle = this.sockets.open()
    if (isOutOfSockets(handle) && this.open.size > 0) {
      if (!this.yieldOldest()) return false
      handle = this.sockets.open()
    }
    const target = batch.target[row]!
    const position = this.targets.table.positionOf(target)
    const ready = handle < 0 ? handle : this.sockets.prepare(handle)
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
      position,
      sequence: batch.sequence[row]!,
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

  private wait(attempt: Attempt): void {
    this.open.set(attempt.handle, attempt)
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

  private drop({ handle }: Attempt): void {
    this.open.delete(handle)
    this.port.close(handle)
  }

  /** The connection's state, 0 when it cannot be told. */
  private state(handle: SocketHandle): number {
    const { infoBytes } = this
    return this.port.getOption(handle, IPPROTO_TCP, TCP_INFO_OPTION, infoBytes) > 0 ? infoBytes[0]! : 0
  }

  /** Takes what became of a probe; false when nothing did yet. */
  private finish(attempt: Attempt): boolean {
    const { handle } = attempt
    if (!this.open.has(handle)) return false
    this.clock.read()
    const isError = this.takeErrors(attempt)
    const state = this.state(handle)
    const errno = this.pendingError(handle)
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
    switch (errno) {
      case 0:
      // net/ipv4/tcp_input.c, tcp_reset: a reset of an established connection, which had been answered then.
      case ERRNO.ECONNRESET:
      case ERRNO.EPIPE:
        this.takeReply(attempt, 'syn-ack')
        return
      case ERRNO.ECONNREFUSED:
        this.takeReply(attempt, 'refused')
        return
      // TCP_USER_TIMEOUT is over. That is silence, and whoever waits has given up by himself.
      case ERRNO.ETIMEDOUT:
        return
      default:
        this.takeLocalError(attempt, errno)
    }
  }

  private takeReply(attempt: Attempt, answer: 'syn-ack' | 'refused'): void {
    const { clock, info } = this
    const { offset } = TCP_INFO
    const retransmits = info.getUint32(offset.totalRetransSegments, true)
    const rttUs = info.getUint32(offset.rttUs, true)
    // After a retransmission the kernel does not know which SYN was answered (Karn), and shows a number that is none.
    const isMeasured = answer === 'syn-ack' && retransmits === 0
    const rttNs = isMeasured ? rttUs * 1000 : Number.NaN
    const address = this.targets.table.address(attempt.position)
    const reply: ProbeReply = {
      answer,
      target: attempt.target,
      sequence: attempt.sequence,
      wireSequence: -1,
      from: address,
      fromTarget: attempt.target,
      receivedNs: isMeasured ? attempt.sentNs + rttNs : clock.realtimeNs,
      kernelStamp: isMeasured,
      readNs: clock.realtimeNs,
      readMonoNs: clock.monotonicNs,
      rttNs,
      ttl: -1,
      bytes: 0,
      data: NO_BYTES,
      payloadStart: 0,
      payloadEnd: 0,
      synRetransmits: retransmits,
      ipOptions: null,
    }
    this.arrived.push(visitor => visitor.reply(reply))
  }

  /** An error without a word from the network: kernels before 5.8 have none for TCP, and some are this host's own. */
  private takeLocalError({ target, sequence }: Attempt, errno: number): void {
    const error: ProbeError = {
      origin: 'local',
      type: -1,
      code: -1,
      errno,
      mtu: 0,
      from: null,
      target,
      sequence,
      wireSequence: -1,
      receivedNs: this.clock.realtimeNs,
      quoted: NO_BYTES,
    }
    this.arrived.push(visitor => visitor.error(error))
  }
}

const isOutOfSockets = (answer: number): boolean => answer === -ERRNO.EMFILE || answer === -ERRNO.ENFILE
