// Probes that are TCP handshakes: each is a connect from a socket of its own, and the kernel measures how long it took.
//
// A handshake that was answered is ended with a reset (SO_LINGER 0), not with a FIN: it leaves no TIME-WAIT here that would use a
// local port up for a minute with every probe, and nothing at the target either, where a FIN keeps a connection in CLOSE-WAIT
// for as long as its program does not look. A program that accepts it reads "connection reset".

import { ERRNO, systemError } from '../errors/index.js'
import type { ProbeError, ProbeOptions, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { SocketHandle, SocketPort } from '../ports/socket.js'
import { TCP_INFO } from '../sockets/tcp-info.js'
import { ProbeClock } from './echo-socket-clock.js'
import {
  IP_RECVERR,
  IP_TTL,
  IPV6_RECVERR,
  int32Bytes,
  SO_TIMESTAMPNS,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SocketSetup,
} from './echo-socket-options.js'
import { ProbeErrorQueue } from './probe-error-queue.js'
import { ProbeTargets } from './probe-setup.js'
import { AF_INET, AF_INET6 } from './socket-address.js'

const SOCK_STREAM = 1
const SO_ERROR = 4
const SO_LINGER = 13
const SO_SELECT_ERR_QUEUE = 45
const IPV6_UNICAST_HOPS = 16
const IPPROTO_TCP = 6
/** netinet/tcp.h */
const TCP_INFO_OPTION = 11
const TCP_USER_TIMEOUT = 18
const TCP_SYN_SENT = 2
const WRITABLE_OR_EXCEPTIONAL = 2 | 8

/** Sockets under way at once. A target that does not answer keeps one until it is given up. */
const MOST_OPEN = 4096
/** When there is no room for another, those are given up that have waited for this long. */
const YIELDS_AFTER_NS = 1e9
/** The kernel gives a handshake up after this: later than anybody waits for. */
const LIFE_MS = 30_000
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
  private readonly options: ProbeOptions
  /** What is set on every socket; time to live apart, which would be that of multicast too. */
  private readonly wishes: ProbeOptions
  private readonly clock: ProbeClock
  private readonly targets: ProbeTargets
  private readonly queue: ProbeErrorQueue
  private readonly source: Uint8Array | null
  /** In the order they were sent. */
  private readonly open = new Map<SocketHandle, Attempt>()
  private arrived: ((visitor: ProbeVisitor) => void)[] = []
  private readable: () => void = () => undefined
  private readonly word = new Int32Array(1)
  private readonly info = new DataView(new ArrayBuffer(TCP_INFO.size))
  private readonly lingerNot = new Uint8Array(new Int32Array([1, 0]).buffer)

  constructor(port: SocketPort, options: ProbeOptions) {
    this.port = port
    this.options = options
    this.wishes = { ...options, ttl: null, broadcast: false, noLoopback: false }
    this.clock = new ProbeClock(port)
    this.baseSeconds = this.clock.baseSeconds
    this.targets = new ProbeTargets(port, options)
    this.queue = new ProbeErrorQueue(port, this.clock, this.targets.table)
    this.source = this.targets.source()
    // What cannot be set is said now, and not by every probe.
    const trial = this.openSocket()
    if (trial < 0) throw systemError('socket', trial, 'open a TCP socket')
    try {
      this.setUp(trial)
      const bound = this.bind(trial)
      if (bound < 0) throw systemError('bind', bound, `probe from ${options.source}`)
    } finally {
      port.close(trial)
    }
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
    let handle = this.openSocket()
    if (isOutOfSockets(handle) && this.open.size > 0) {
      if (!this.yieldOldest()) return false
      handle = this.openSocket()
    }
    const target = batch.target[row]!
    const position = this.targets.table.positionOf(target)
    const ready = handle < 0 ? handle : this.prepare(handle)
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

  private openSocket(): number {
    return this.port.open(this.options.family === 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, this.options.netnsFd)
  }

  /** Options of a socket, all of which have worked once; 0 or -errno. */
  private prepare(handle: SocketHandle): number {
    try {
      this.setUp(handle)
    } catch {
      // The interface has gone, for one.
      return -ERRNO.ENODEV
    }
    return this.bind(handle)
  }

  private setUp(handle: SocketHandle): void {
    const { port, options } = this
    const setup = new SocketSetup(port, { handle, kind: 'datagram', note: null }, this.wishes)
    setup.setWishes()
    this.targets.leaseFlowLabel(setup)
    const v4 = options.family === 4
    const level = v4 ? SOL_IP : SOL_IPV6
    port.setOption(handle, level, v4 ? IP_RECVERR : IPV6_RECVERR, int32Bytes(1))
    if (options.ttl !== null) port.setOption(handle, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, int32Bytes(options.ttl))
    // Errors in the queue get a stamp too.
    port.setOption(handle, SOL_SOCKET, SO_TIMESTAMPNS, int32Bytes(1))
    port.setOption(handle, SOL_SOCKET, SO_SELECT_ERR_QUEUE, int32Bytes(1))
    port.setOption(handle, SOL_SOCKET, SO_LINGER, this.lingerNot)
    port.setOption(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, int32Bytes(LIFE_MS))
  }

  private bind(handle: SocketHandle): number {
    return this.source === null ? 0 : this.port.bind(handle, this.source)
  }

  private wait(attempt: Attempt): void {
    this.open.set(attempt.handle, attempt)
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
    const bytes = new Uint8Array(this.info.buffer)
    return this.port.getOption(handle, IPPROTO_TCP, TCP_INFO_OPTION, bytes) > 0 ? bytes[0]! : 0
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
