// The sockets of TCP probes: one a probe, each set up alike.
//
// A handshake that was answered is ended with a reset (SO_LINGER 0), not with a FIN: it leaves no TIME-WAIT here that would use a
// local port up for a minute with every probe, and nothing at the target either, where a FIN keeps a connection in CLOSE-WAIT
// for as long as its program does not look. A program that accepts it reads "connection reset".

import { ERRNO, systemError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { Outcome, SocketHandle, SocketPort } from '../ports/socket.js'
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
import type { ProbeTargets } from './probe-setup.js'
import { AF_INET, AF_INET6 } from './socket-address.js'

const SOCK_STREAM = 1
const SO_LINGER = 13
const SO_SELECT_ERR_QUEUE = 45
const IPV6_UNICAST_HOPS = 16
export const IPPROTO_TCP = 6
/** netinet/tcp.h */
const TCP_USER_TIMEOUT = 18
/** The kernel gives a handshake up after this: later than anybody waits for. */
const LIFE_MS = 30_000

export class TcpSockets {
  private readonly port: SocketPort
  private readonly options: ProbeOptions
  /** What is set on every socket; time to live apart, which would be that of multicast too. */
  private readonly wishes: ProbeOptions
  private readonly targets: ProbeTargets
  private readonly lingerNot = new Uint8Array(new Int32Array([1, 0]).buffer)

  /** @throws NetkitError for what cannot be set: now, and not at every probe */
  constructor(port: SocketPort, options: ProbeOptions, targets: ProbeTargets) {
    this.port = port
    this.options = options
    this.wishes = { ...options, ttl: null, broadcast: false, noLoopback: false }
    this.targets = targets
    const trial = this.open()
    if (trial < 0) throw systemError('socket', trial, 'open a TCP socket')
    try {
      this.setUp(trial)
      targets.mustBind(trial)
    } finally {
      port.close(trial)
    }
  }

  open(): SocketHandle | Outcome {
    return this.port.open(this.options.family === 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, this.options.netnsFd)
  }

  /** Sets everything up, which has worked once: 0 or -errno. */
  prepare(handle: SocketHandle): Outcome {
    try {
      this.setUp(handle)
    } catch {
      // The interface has gone, for one.
      return -ERRNO.ENODEV
    }
    return this.targets.bind(handle)
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
}
