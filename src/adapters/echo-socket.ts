// Echo requests and replies over the native socket: the unprivileged datagram ICMP socket, or the raw one.
//
// Reading goes answers first, error queue second, and what was in the queue is handed out first: a transmit stamp is in the queue
// before its answer comes, so an answer in hand means that its stamps are too.

import { randomFillSync } from 'node:crypto'
import { ERRNO, systemError, UsageError } from '../errors/index.js'
import type { AsideSender, ProbeError, ProbeOptions, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import type { TimestampSource } from '../probe/events.js'
import { ECHO_COOKIE_BYTES } from '../wire/icmp.js'
import { EchoFlows } from './echo-flows.js'
import { EchoAside } from './echo-socket-aside.js'
import { ProbeClock } from './echo-socket-clock.js'
import { EchoErrors, type EchoIdentity } from './echo-socket-errors.js'
import { type OpenedSocket, openIcmpSocket, SocketSetup } from './echo-socket-options.js'
import { EchoReplies } from './echo-socket-receive.js'
import { EchoSender } from './echo-socket-send.js'
import { EchoSlots, type SenderOptions, slotsFor } from './echo-socket-slots.js'
import { chosenSource } from './echo-socket-source.js'
import { TransmitStamps } from './echo-socket-stamps.js'
import { TargetTable } from './echo-socket-targets.js'
import { InterfaceIndexes } from './socket-address.js'
import { type Quotes, withQuotedHeaders } from './trace-quoted.js'
import { EchoQuotes } from './trace-quoted-echo.js'

/** Readable, exceptional. */
const WATCHED = 1 | 8
/** Most messages that another thread sends at once. */
const ASIDE_ROWS = 1024
/** Batches read before the event loop has its turn. */
const MOST_BATCHES = 64

/**
 * Opens an ICMP socket for the targets of one family.
 * @throws PermissionError when this process may open neither kind; UsageError for a source or interface that is not there
 */
export function openEchoSocket(port: SocketPort, options: ProbeOptions): ProbeTransport {
  const opened = openIcmpSocket(port, options)
  try {
    const echo = new EchoSocket(port, opened, options)
    const { clock, identity, targets } = echo
    const reader = (quotes: Quotes) => new EchoQuotes(options.family, identity, quotes, flow => echo.flowValue(flow))
    return withQuotedHeaders(port, options, echo, { targets, clock, reader })
  } catch (error) {
    port.close(opened.handle)
    throw error
  }
}

class EchoSocket implements ProbeTransport {
  readonly kind: 'datagram' | 'raw'
  readonly timestamps: TimestampSource
  readonly cookie: readonly [low: number, high: number]
  readonly baseSeconds: number
  readonly note: string | null
  readonly rows: number
  private readonly port: SocketPort
  private readonly handle: number
  private readonly options: ProbeOptions
  readonly clock: ProbeClock
  readonly identity: EchoIdentity
  private readonly interfaces: InterfaceIndexes
  readonly targets: TargetTable
  private readonly sender: EchoSender
  private readonly replies: EchoReplies
  private readonly errors: EchoErrors
  private readonly kept = new KeptMessages()
  private readonly sending: SenderOptions
  private readonly mayAside: boolean
  private asideSender: AsideSender | null = null
  private ready: () => void = () => undefined
  private receiving = false
  private flows: EchoFlows | null = null

  constructor(port: SocketPort, opened: OpenedSocket, options: ProbeOptions) {
    const { handle, kind, note } = opened
    const { family, targets, payloadBytes } = options
    this.port = port
    this.handle = handle
    this.kind = kind
    this.note = note
    this.options = options
    this.clock = new ProbeClock(port)
    this.baseSeconds = this.clock.baseSeconds
    this.cookie = newCookie(payloadBytes)
    this.interfaces = new InterfaceIndexes(port, options.netnsFd)
    const scopeOf = scopes(options, this.interfaces)
    this.targets = new TargetTable(targets, family, scopeOf, this.interfaces)

    const setup = new SocketSetup(port, opened, options)
    setup.setWishes()
    if (family === 6 && options.flowLabel !== null) {
      setup.leaseFlowLabel(options.flowLabel, this.targets.names.subarray(0, this.targets.nameBytes))
    }
    const identifier = setup.bind(kind, scopeOf)
    if (kind === 'raw') setup.filterRaw(identifier)
    this.timestamps = setup.setReceiving(targets.length)
    const room = setup.room
    this.mayAside = this.timestamps === 'rx' && room.usual >= 1.5 * ASIDE_ROWS
    this.rows = Math.max(room.sure, 1)

    const stamps = this.timestamps === 'kernel' ? new TransmitStamps(port, handle, options.netnsFd) : null
    const identity = { kind, identifier, cookie: this.cookie }
    this.identity = identity
    const withChecksum = kind === 'raw' && family === 4
    const { pattern, flowLabel } = options
    const flows = (): EchoFlows => this.flowsOf()
    this.sending = { ...identity, family, payloadBytes, pattern, withChecksum, flowLabel, flows }
    this.sender = new EchoSender(port, handle, this.targets, this.clock, stamps, this.sending)
    this.errors = new EchoErrors(port, handle, this.targets, this.clock, stamps, identity)
    this.replies = new EchoReplies(port, handle, this.targets, this.clock, identity, payloadBytes)
  }

  sourceAddress(target: number): string | null {
    const { port, options, targets, interfaces } = this
    return chosenSource(port, options, targets, targets.positionOf(target), interfaces)
  }

  send(batch: SendBatch): number {
    return this.sender.send(batch, (first, end) => this.readPathMtu(batch, first, end))
  }

  /** Stamps of this process would be late while nobody reads, answers might be lost, and transmit stamps are read between two batches. */
  get aside(): AsideSender | null {
    if (!this.mayAside) return null
    this.asideSender ??= this.newAside()
    return this.asideSender
  }

  receive(visitor: ProbeVisitor): number {
    if (this.receiving) return 0
    this.receiving = true
    let messages = 0
    try {
      messages = this.kept.handOut(visitor)
      let goesOn = this.replies.handOut(visitor)
      for (let batches = 0; goesOn && batches < MOST_BATCHES; batches++) {
        const answers = this.replies.read()
        const errors = this.errors.drain(visitor)
        goesOn = this.replies.full
        goesOn = this.replies.handOut(visitor) && goesOn
        messages += answers + errors
      }
    } finally {
      this.receiving = false
    }
    return messages
  }

  onReadable(callback: () => void): void {
    this.ready = callback
    this.listen()
  }

  private listen(): void {
    const watching = this.port.watch(this.handle, WATCHED, () => this.ready())
    if (watching === -ERRNO.EBADF) return
    if (watching < 0) throw systemError('socket', watching, 'wait for answers')
  }

  flowValue(flow: number): number {
    return this.flowsOf().value(flow)
  }

  nowMonoNs(): number {
    this.clock.read()
    return this.clock.monotonicNs
  }

  close(): void {
    this.port.close(this.handle)
  }

  /** A run of flows, which is a trace, has one target. */
  private flowsOf(): EchoFlows {
    const { options, targets } = this
    this.flows ??= new EchoFlows(options.family, this.sourceAddress(targets.indexOf(0)), targets.address(0))
    return this.flows
  }

  private newAside(): AsideSender {
    const { port, handle, sender, sending, targets } = this
    const rows = slotsFor(sending.payloadBytes, ASIDE_ROWS)
    return new EchoAside(port, handle, rows, sender, new EchoSlots(targets, 2 * rows, sending), {
      quiet: () => this.port.unwatch(this.handle),
      listen: () => this.listen(),
      tooBig: batch => this.readPathMtu(batch, 0, batch.count),
    })
  }

  /** The kernel says why a row was too big in the error queue, and only there how big it may be (ip(7), IP_RECVERR). */
  private readPathMtu(batch: SendBatch, first: number, end: number): void {
    const { kept } = this
    kept.startLocal()
    this.errors.drain(kept)
    const { mtu } = batch
    if (mtu === undefined) return
    for (let row = first; row < end; row++) {
      if (batch.result[row] === -ERRNO.EMSGSIZE) mtu[row] = kept.localMtu(batch.target[row]!)
    }
  }
}

/** What the error queue held when it was read during a send, until the next receive. */
class KeptMessages implements ProbeVisitor {
  private errors: ProbeError[] = []
  private stamps: { target: number; sequence: number; at: 'scheduler' | 'driver'; ns: number }[] = []
  private readonly mtus = new Map<number, number>()

  startLocal(): void {
    this.mtus.clear()
  }

  /** The MTU that this host's refusals named for a target; 0 for none. */
  localMtu(target: number): number {
    return this.mtus.get(target) ?? 0
  }

  reply(): void {
    // The error queue has none.
  }

  error(error: ProbeError): void {
    // A refusal of this host is the result of its row, which the sender has already.
    if (error.origin === 'local') this.mtus.set(error.target, error.mtu)
    else this.errors.push({ ...error, quoted: error.quoted.slice() })
  }

  transmitted(target: number, sequence: number, at: 'scheduler' | 'driver', ns: number): void {
    this.stamps.push({ target, sequence, at, ns })
  }

  handOut(visitor: ProbeVisitor): number {
    const { errors, stamps } = this
    if (errors.length + stamps.length === 0) return 0
    this.errors = []
    this.stamps = []
    for (const { target, sequence, at, ns } of stamps) visitor.transmitted(target, sequence, at, ns)
    for (const error of errors) visitor.error(error)
    return errors.length + stamps.length
  }
}

function newCookie(payloadBytes: number): readonly [low: number, high: number] {
  if (payloadBytes < ECHO_COOKIE_BYTES) return [0, 0]
  const words = randomFillSync(new Uint32Array(2))
  // Zeros mean that there is none.
  return [(words[0]! | 1) >>> 0, words[1]!]
}

/** The interface of an address, as `InterfaceIndexes` finds it. */
function scopes(options: ProbeOptions, interfaces: InterfaceIndexes): (address: string) => number {
  return address => {
    const scope = interfaces.scopeOf(address, options.interface)
    if (scope >= 0) return scope
    const name = address.split('%')[1] ?? options.interface
    throw new UsageError(`there is no interface ${name}`, { hints: ['list the interfaces: ip link'] })
  }
}
