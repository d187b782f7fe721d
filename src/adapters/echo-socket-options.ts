// Opening an ICMP socket, datagram or raw, and everything that is set on it before the first probe.

import { ERRNO, errnoName, errnoWords, hintsFor, PermissionError, systemError, UsageError } from '../errors/index.js'
import type { ProbeOptions, SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import type { TimestampSource } from '../probe/events.js'
import { ICMP_ECHO_REPLY, ICMP6_ECHO_REPLY } from '../wire/icmp.js'
import { IPPROTO_ICMP } from '../wire/ipv4.js'
import { IPPROTO_ICMPV6 } from '../wire/ipv6.js'
import { echoReplyFilter } from './echo-socket-filter.js'
import { AF_INET, AF_INET6, socketAddress } from './socket-address.js'

const SOCK_DGRAM = 2
export const SOCK_RAW = 3

/** sys/socket.h, asm-generic/socket.h */
export const SOL_SOCKET = 1
const SO_BROADCAST = 6
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_BINDTODEVICE = 25
const SO_ATTACH_FILTER = 26
const SO_RCVBUFFORCE = 33
export const SO_TIMESTAMPNS = 35
const SO_MARK = 36
export const SO_TIMESTAMPING = 37
const SO_SELECT_ERR_QUEUE = 45

/** linux/in.h */
export const SOL_IP = 0
const IP_TOS = 1
export const IP_TTL = 2
const IP_OPTIONS = 4
export const IP_RECVOPTS = 6
const IP_MTU_DISCOVER = 10
export const IP_RECVERR = 11
const IP_RECVTTL = 12
export const IP_RECVERR_RFC4884 = 26
const IP_MULTICAST_TTL = 33
const IP_MULTICAST_LOOP = 34

/** linux/in6.h */
export const SOL_IPV6 = 41
const IPV6_UNICAST_HOPS = 16
const IPV6_MULTICAST_HOPS = 18
const IPV6_MULTICAST_LOOP = 19
const IPV6_MTU_DISCOVER = 23
export const IPV6_RECVERR = 25
export const IPV6_RECVERR_RFC4884 = 31
const IPV6_FLOWLABEL_MGR = 32
const IPV6_FLOWINFO_SEND = 33
const IPV6_RECVHOPLIMIT = 51
export const IPV6_HOPLIMIT = 52
const IPV6_TCLASS = 67

/** linux/icmp.h: ICMP_FILTER of level SOL_RAW; netinet/icmp6.h: ICMP6_FILTER of level IPPROTO_ICMPV6. */
const SOL_RAW = 255
const ICMP_FILTER = 1
const ICMP6_FILTER = 1

/** linux/net_tstamp.h: stamps of the scheduler and of the driver, with a number and without the packet. */
const SOF_TIMESTAMPING_TX_SOFTWARE = 1 << 1
const SOF_TIMESTAMPING_SOFTWARE = 1 << 4
export const SOF_TIMESTAMPING_OPT_ID = 1 << 7
const SOF_TIMESTAMPING_TX_SCHED = 1 << 8
const SOF_TIMESTAMPING_OPT_TSONLY = 1 << 11
export const TRANSMIT_STAMPS =
  SOF_TIMESTAMPING_TX_SOFTWARE |
  SOF_TIMESTAMPING_SOFTWARE |
  SOF_TIMESTAMPING_OPT_ID |
  SOF_TIMESTAMPING_TX_SCHED |
  SOF_TIMESTAMPING_OPT_TSONLY

/** IP_MTU_DISCOVER, and the same numbers for IPV6_MTU_DISCOVER. */
const PATH_MTU = { dont: 0, want: 1, do: 2, probe: 3 } as const

/** What an answer costs the kernel beyond its bytes (sk_buff and its head), doubled for a margin. */
const BYTES_A_MESSAGE = 2048
/** What the kernel counts for a short one: 768 with its struct sk_buff, where the device was given no larger buffer. */
const BYTES_AN_ANSWER = 1024
const LEAST_RECEIVE_BUFFER = 1 << 20
const MOST_RECEIVE_BUFFER = 1 << 27

export interface OpenedSocket {
  handle: number
  kind: 'datagram' | 'raw'
  /** Why it is a raw one; null when that was wanted, or it is not. */
  note: string | null
}

export const int32Bytes = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer)

/** The time to live, or hop limit, of what a socket sends from now on: 0 or -errno. */
export function setTimeToLive(port: SocketPort, handle: number, family: 4 | 6, ttl: number): number {
  const [level, name] = family === 4 ? [SOL_IP, IP_TTL] : [SOL_IPV6, IPV6_UNICAST_HOPS]
  return port.setOption(handle, level, name, int32Bytes(ttl))
}

/** Lets a raw ICMP socket hear messages of these types and of no other: 0 or -errno. A set bit blocks. */
export function passIcmpTypes(port: SocketPort, handle: number, family: 4 | 6, types: readonly number[]): number {
  const blocked = new Uint32Array(family === 4 ? 1 : 8).fill(0xffffffff)
  for (const type of types) blocked[type >> 5]! &= ~(1 << (type & 31))
  const bytes = new Uint8Array(blocked.buffer)
  if (family === 4) return port.setOption(handle, SOL_RAW, ICMP_FILTER, bytes)
  return port.setOption(handle, IPPROTO_ICMPV6, ICMP6_FILTER, bytes)
}

/** How many of the `most` rows of a batch from `first` on have the same time to live: all, where the batch has none. */
export function rowsOfOneTtl({ ttl }: SendBatch, first: number, most: number): number {
  if (ttl === undefined) return most
  let count = 1
  while (count < most && ttl[first + count] === ttl[first]) count++
  return count
}

/** Errnos of socket(2) after which a raw socket may still work: ping(8) tries then. */
const TRY_RAW: readonly number[] = [ERRNO.EACCES, ERRNO.EPERM, ERRNO.EPROTONOSUPPORT, ERRNO.EAFNOSUPPORT]
const DENIED: readonly number[] = [ERRNO.EACCES, ERRNO.EPERM]

/**
 * Opens an ICMP socket as the options want it.
 * @throws PermissionError with what to type when neither kind is allowed
 */
export function openIcmpSocket(port: SocketPort, options: ProbeOptions): OpenedSocket {
  const { family, transport, netnsFd } = options
  const open = (type: number): number =>
    port.open(family === 4 ? AF_INET : AF_INET6, type, family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, netnsFd)
  const named = family === 4 ? 'ICMP' : 'ICMPv6'
  if (transport === 'raw') {
    const handle = open(SOCK_RAW)
    if (handle < 0) throw systemError('raw-socket', handle, `open a raw ${named} socket`)
    return { handle, kind: 'raw', note: null }
  }
  const datagram = open(SOCK_DGRAM)
  if (datagram >= 0) return { handle: datagram, kind: 'datagram', note: null }
  if (transport === 'datagram' || !TRY_RAW.includes(-datagram)) {
    throw systemError('icmp-socket', datagram, `open a datagram ${named} socket`)
  }
  const raw = open(SOCK_RAW)
  if (raw < 0) throw neither(named, datagram, raw)
  const why = DENIED.includes(-datagram)
    ? 'net.ipv4.ping_group_range does not allow this group a datagram one'
    : `a datagram one cannot be had: ${errnoWords(datagram)}`
  return { handle: raw, kind: 'raw', note: `probing through a raw ${named} socket: ${why}` }
}

function neither(named: string, datagram: number, raw: number): Error {
  if (!DENIED.includes(-raw)) return systemError('raw-socket', raw, `open an ${named} socket`)
  const hints = [...new Set([...hintsFor('icmp-socket', ERRNO.EACCES), ...hintsFor('raw-socket', ERRNO.EPERM)])]
  const words = `${errnoWords(datagram)} (${errnoName(datagram)}), nor a raw one: ${errnoWords(raw)} (${errnoName(raw)})`
  return new PermissionError(`cannot open a datagram ${named} socket: ${words}`, -raw, { hints })
}

/** Sets what was asked for, and what the answers need. Answers which stamps there will be. */
export class SocketSetup {
  private readonly port: SocketPort
  private readonly handle: number
  private readonly options: ProbeOptions

  constructor(port: SocketPort, { handle }: OpenedSocket, options: ProbeOptions) {
    this.port = port
    this.handle = handle
    this.options = options
  }

  /** What the user asked for: each failure is thrown. */
  setWishes(): void {
    const { options } = this
    const { family } = options
    if (options.interface !== null) this.bindToInterface(options.interface)
    if (options.mark !== null) this.must(SOL_SOCKET, SO_MARK, options.mark, 'set the mark')
    if (options.broadcast) this.must(SOL_SOCKET, SO_BROADCAST, 1, 'allow broadcast')
    if (options.sendBufferBytes !== null) {
      this.must(SOL_SOCKET, SO_SNDBUF, options.sendBufferBytes, 'set the size of the send buffer')
    }
    if (family === 4) this.setIpv4()
    else this.setIpv6()
  }

  /** What answers and errors need. A kernel that lacks one of these gives less, and that is no reason to stop. */
  setReceiving(targets: number): TimestampSource {
    const { options } = this
    if (options.family === 4) {
      for (const name of [IP_RECVERR, IP_RECVERR_RFC4884, IP_RECVTTL, IP_RECVOPTS]) this.may(SOL_IP, name, 1)
    } else {
      for (const name of [IPV6_RECVERR, IPV6_RECVERR_RFC4884, IPV6_RECVHOPLIMIT]) this.may(SOL_IPV6, name, 1)
    }
    this.may(SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1)
    const room = targets * (options.payloadBytes + BYTES_A_MESSAGE)
    const bytes = Math.min(Math.max(room, LEAST_RECEIVE_BUFFER), MOST_RECEIVE_BUFFER)
    if (!this.may(SOL_SOCKET, SO_RCVBUFFORCE, bytes)) this.may(SOL_SOCKET, SO_RCVBUF, bytes)
    if (options.timestamps === 'user' || !this.may(SOL_SOCKET, SO_TIMESTAMPNS, 1)) return 'user'
    return options.timestamps === 'kernel' && this.may(SOL_SOCKET, SO_TIMESTAMPING, TRANSMIT_STAMPS) ? 'kernel' : 'rx'
  }

  /** How many answers may come before the next read, and none is lost; users may not set the buffer as large as they need it. */
  get room(): { usual: number; sure: number } {
    const value = new Uint8Array(4)
    const known = this.port.getOption(this.handle, SOL_SOCKET, SO_RCVBUF, value) >= 0
    const bytes = known ? new DataView(value.buffer).getInt32(0, true) : 0
    const { payloadBytes } = this.options
    return {
      usual: Math.floor(bytes / (payloadBytes + BYTES_AN_ANSWER)),
      sure: Math.floor(bytes / (payloadBytes + BYTES_A_MESSAGE)),
    }
  }

  /** Binds to the source and the identifier. Answers the identifier that a datagram socket has then. */
  bind(kind: 'datagram' | 'raw', scopeOf: (address: string) => number): number {
    const { family, source, identifier } = this.options
    const own = identifier ?? 0
    const text = source ?? (family === 4 ? '0.0.0.0' : '::')
    const address = socketAddress(family, text, kind === 'datagram' ? own : 0, family === 6 ? scopeOf(text) : 0)
    if (address === null) throw new UsageError(`the source ${text} is not an IPv${family} address`)
    if (kind === 'datagram' || source !== null) {
      const bound = this.port.bind(this.handle, address)
      if (bound === -ERRNO.EADDRNOTAVAIL) {
        const hints = hintsFor('bind', bound)
        throw new UsageError(`cannot probe from ${text}: it is not an address of this host`, { hints })
      }
      if (bound < 0) {
        const what = source === null ? `the identifier ${own}` : text
        throw systemError('bind', bound, `bind to ${what}`)
      }
    }
    if (kind === 'raw') return identifier ?? 1 + Math.floor(Math.random() * 0xffff)
    const name = new Uint8Array(address.length)
    const got = this.port.getName(this.handle, name)
    if (got < 0) throw systemError('socket', got, 'read the identifier of the socket')
    return (name[2]! << 8) | name[3]!
  }

  /** A raw socket sees every ICMP message of the host: the kernel passes on only echo replies with our identifier. */
  filterRaw(identifier: number): void {
    const { family } = this.options
    this.port.setOption(this.handle, SOL_SOCKET, SO_ATTACH_FILTER, echoReplyFilter(family, identifier))
    passIcmpTypes(this.port, this.handle, family, [family === 4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY])
  }

  /**
   * linux/in6.h, struct in6_flowlabel_req: ours is made, or another's that may be shared is used. The kernel wants a destination;
   * it only looks at it for options that netkit does not send.
   */
  leaseFlowLabel(label: number, firstTarget: Uint8Array): void {
    const request = new Uint8Array(32)
    const view = new DataView(request.buffer)
    request.set(firstTarget.subarray(8, 24), 0)
    view.setUint32(16, label)
    view.setUint8(20, 0) // IPV6_FL_A_GET
    view.setUint8(21, 255) // IPV6_FL_S_ANY
    view.setUint16(22, 1, true) // IPV6_FL_F_CREATE
    const got = this.port.setOption(this.handle, SOL_IPV6, IPV6_FLOWLABEL_MGR, request)
    if (got < 0) throw systemError('socket-option', got, `use the flow label ${label}`)
    this.must(SOL_IPV6, IPV6_FLOWINFO_SEND, 1, 'send the flow label')
  }

  private bindToInterface(name: string): void {
    const bound = this.port.setOption(this.handle, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(name))
    if (bound === -ERRNO.ENODEV) {
      throw new UsageError(`there is no interface ${name}`, { hints: ['list the interfaces: ip link'] })
    }
    if (bound < 0) throw systemError('socket-option', bound, `bind to the interface ${name}`)
  }

  private setIpv4(): void {
    const { ttl, tos, pathMtu, noLoopback, ipOptions } = this.options
    if (ttl !== null) {
      this.must(SOL_IP, IP_TTL, ttl, 'set the time to live')
      this.must(SOL_IP, IP_MULTICAST_TTL, ttl, 'set the time to live')
    }
    if (tos !== null) this.must(SOL_IP, IP_TOS, tos, 'set the type of service')
    if (pathMtu !== null) this.must(SOL_IP, IP_MTU_DISCOVER, PATH_MTU[pathMtu], 'set path MTU discovery')
    if (noLoopback) this.must(SOL_IP, IP_MULTICAST_LOOP, 0, 'keep multicast from this host')
    if (ipOptions === null) return
    const set = this.port.setOption(this.handle, SOL_IP, IP_OPTIONS, ipOptions)
    if (set < 0) throw systemError('socket-option', set, 'set the IP options')
  }

  private setIpv6(): void {
    const { ttl, tos, pathMtu, noLoopback } = this.options
    if (ttl !== null) {
      this.must(SOL_IPV6, IPV6_UNICAST_HOPS, ttl, 'set the hop limit')
      this.must(SOL_IPV6, IPV6_MULTICAST_HOPS, ttl, 'set the hop limit')
    }
    if (tos !== null) this.must(SOL_IPV6, IPV6_TCLASS, tos, 'set the traffic class')
    if (pathMtu !== null) this.must(SOL_IPV6, IPV6_MTU_DISCOVER, PATH_MTU[pathMtu], 'set path MTU discovery')
    if (noLoopback) this.must(SOL_IPV6, IPV6_MULTICAST_LOOP, 0, 'keep multicast from this host')
  }

  private must(level: number, name: number, value: number, doing: string): void {
    const answer = this.port.setOption(this.handle, level, name, int32Bytes(value))
    if (answer < 0) throw systemError('socket-option', answer, doing)
  }

  private may(level: number, name: number, value: number): boolean {
    return this.port.setOption(this.handle, level, name, int32Bytes(value)) >= 0
  }
}
