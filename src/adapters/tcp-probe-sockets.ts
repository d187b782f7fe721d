// The sockets of TCP probes: one a probe, each set up alike.
//
// A handshake that was answered is ended with a reset (SO_LINGER 0), not with a FIN: it leaves no TIME-WAIT here that would use a
// local port up for a minute with every probe, and nothing at the target either, where a FIN keeps a connection in CLOSE-WAIT
// for as long as its program does not look. A program that accepts it reads "connection reset".

import { ERRNO, systemError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { Outcome, SocketHandle, SocketPort } from '../ports/socket.js'
import { IPPROTO_TCP } from '../wire/ipv4.js'
import {
  IP_RECVERR,
  IP_RECVERR_RFC4884,
  IPV6_RECVERR,
  IPV6_RECVERR_RFC4884,
  int32Bytes,
  SO_TIMESTAMPNS,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SocketSetup,
  setTimeToLive,
} from './echo-socket-options.js'
import type { ProbeTargets } from './probe-setup.js'
import { AF_INET, AF_INET6 } from './socket-address.js'
import { TcpFlows } from './tcp-probe-flows.js'

const SOCK_STREAM = 1
const SO_LINGER = 13
const SO_SELECT_ERR_QUEUE = 45
/** linux/in6.h: whether the kernel makes flow labels up, which it does anew for each connection. */
const IPV6_AUTOFLOWLABEL = 70
/** netinet/tcp.h */
const TCP_USER_TIMEOUT = 18
/** The kernel gives a handshake up after this: later than anybody waits for. */
const LIFE_MS = 30_000
/** In a trace: one SYN is one probe, and the first of those that the kernel repeats goes out after a second. */
const TRACE_LIFE_MS = 1100

export class TcpSockets {
  private readonly port: SocketPort
  private readonly options: ProbeOptions
  /** What is set on every socket; time to live apart, which would be that of multicast too. */
  private readonly wishes: ProbeOptions
  private readonly targets: ProbeTargets
  private readonly flows: TcpFlows
  private readonly lingerNot = new Uint8Array(new Int32Array([1, 0]).buffer)

  /** @throws NetkitError for what cannot be set: now, and not at every probe */
  constructor(port: SocketPort, options: ProbeOptions, targets: ProbeTargets) {
    this.port = port
    this.options = options
    this.wishes = { ...options, ttl: null, broadcast: false, noLoopback: false }
    this.targets = targets
    this.flows = new TcpFlows(port, targets, options.sourcePort ?? null, () => this.open())
    const trial = this.open()
    if (trial < 0) throw systemError('socket', trial, 'open a TCP socket')
    try {
      this.setUp(trial)
      targets.mustBind(trial, options.sourcePort ?? null)
    } finally {
      port.close(trial)
    }
    try {
      this.flows.reserve(options.flows ?? 1)
    } catch (error) {
      this.flows.close()
      throw error
    }
  }

  open(): SocketHandle | Outcome {
    return this.port.open(this.options.family === 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, this.options.netnsFd)
  }

  /** Sets everything up, which has worked once: 0 or -errno. */
  prepare(handle: SocketHandle): Outcome {
    return this.trySetUp(handle) ? this.targets.bind(handle) : -ERRNO.ENODEV
  }

  /** The same for a probe of a trace, which leaves from the port of its flow. */
  prepareFlow(handle: SocketHandle, flow: number, ttl: number | null): Outcome {
    if (!this.trySetUp(handle)) return -ERRNO.ENODEV
    const { port, options } = this
    if (options.family === 6) port.setOption(handle, SOL_IPV6, IPV6_AUTOFLOWLABEL, int32Bytes(0))
    port.setOption(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, int32Bytes(TRACE_LIFE_MS))
    const set = ttl === null ? 0 : setTimeToLive(port, handle, options.family, ttl)
    return set < 0 ? set : this.flows.bind(handle, flow)
  }

  /** The source port of a flow; 0 before it has one. */
  portOf(flow: number): number {
    return this.flows.portOf(flow)
  }

  close(): void {
    this.flows.close()
  }

  /** False where it cannot be done any more: the interface has gone, for one. */
  private trySetUp(handle: SocketHandle): boolean {
    try {
      this.setUp(handle)
      return true
    } catch {
      return false
    }
  }

  private setUp(handle: SocketHandle): void {
    const { port, options } = this
    const setup = new SocketSetup(port, { handle, kind: 'datagram', note: null }, this.wishes)
    setup.setWishes()
    this.targets.leaseFlowLabel(setup)
    const v4 = options.family === 4
    const level = v4 ? SOL_IP : SOL_IPV6
    port.setOption(handle, level, v4 ? IP_RECVERR : IPV6_RECVERR, int32Bytes(1))
    port.setOption(handle, level, v4 ? IP_RECVERR_RFC4884 : IPV6_RECVERR_RFC4884, int32Bytes(1))
    if (options.ttl !== null) setTimeToLive(port, handle, options.family, options.ttl)
    // Errors in the queue get a stamp too.
    port.setOption(handle, SOL_SOCKET, SO_TIMESTAMPNS, int32Bytes(1))
    port.setOption(handle, SOL_SOCKET, SO_SELECT_ERR_QUEUE, int32Bytes(1))
    port.setOption(handle, SOL_SOCKET, SO_LINGER, this.lingerNot)
    port.setOption(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, int32Bytes(LIFE_MS))
  }
}
