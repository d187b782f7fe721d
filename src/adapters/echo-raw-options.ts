// What is set on a socket of the `raw-socket` package before the first probe.

import { ERRNO, errnoOfWords, SystemCallError, systemError, UnsupportedError, UsageError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import {
  ICMP_ECHO_REPLY,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP6_ECHO_REPLY,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_TIME_EXCEEDED,
  ICMP6_UNREACHABLE,
} from '../wire/icmp.js'

/** setsockopt(2) as the package has it: an unsigned number, or bytes with their length. Throws an Error of strerror(3)'s words. */
export interface OptionSetter {
  setOption(level: number, option: number, value: number): void
  setOption(level: number, option: number, value: Buffer, length: number): void
}

/** asm-generic/socket.h */
const SOL_SOCKET = 1
const SO_BROADCAST = 6
const SO_SNDBUF = 7
const SO_BINDTODEVICE = 25
const SO_RCVBUFFORCE = 33
const SO_MARK = 36

/** linux/in.h */
const SOL_IP = 0
const IP_TOS = 1
const IP_TTL = 2
const IP_OPTIONS = 4
const IP_MTU_DISCOVER = 10
const IP_MULTICAST_TTL = 33
const IP_MULTICAST_LOOP = 34

/** linux/in6.h */
const SOL_IPV6 = 41
const IPV6_UNICAST_HOPS = 16
const IPV6_MULTICAST_HOPS = 18
const IPV6_MULTICAST_LOOP = 19
const IPV6_MTU_DISCOVER = 23
const IPV6_TCLASS = 67

/** linux/icmp.h and netinet/icmp6.h: masks of the types that are kept away; a set bit blocks. */
const SOL_RAW = 255
const SOL_ICMPV6 = 58
const ICMP_FILTER = 1
const ICMP6_FILTER = 1

const WANTED = [
  ICMP_ECHO_REPLY,
  ICMP_UNREACHABLE,
  ICMP_SOURCE_QUENCH,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_PARAMETER_PROBLEM,
]
const WANTED6 = [
  ICMP6_UNREACHABLE,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_TIME_EXCEEDED,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_ECHO_REPLY,
]

/** Numbers of IP_MTU_DISCOVER, and of IPV6_MTU_DISCOVER. */
const PATH_MTU = { dont: 0, want: 1, do: 2, probe: 3 } as const

/** Answers to tens of thousands of probes come at once; each costs the kernel about 1 KiB. */
const RECEIVE_BUFFER_BYTES = 1 << 25

/** errno of an Error that the package threw. */
export function thrownErrno(error: unknown): number {
  const known = error instanceof Error ? errnoOfWords(error.message) : 0
  return known === 0 ? ERRNO.EIO : known
}

/** @throws UnsupportedError for what the package cannot do: it has no bind(2), and addresses without flow labels. */
export function refuseUnsupported(options: ProbeOptions): void {
  const missing =
    options.source !== null
      ? 'send from a chosen address'
      : options.flowLabel !== null
        ? 'send a flow label'
        : options.netnsFd >= 0
          ? 'enter another network namespace'
          : null
  if (missing === null) return
  throw new UnsupportedError(`the raw-socket package cannot ${missing}`, { hints: ['use --transport raw'] })
}

/** The time to live, or hop limit, of what is sent from now on. Throws as `setOption` does. */
export function setPackageTtl(socket: OptionSetter, family: 4 | 6, ttl: number): void {
  if (family === 4) socket.setOption(SOL_IP, IP_TTL, ttl)
  else socket.setOption(SOL_IPV6, IPV6_UNICAST_HOPS, ttl)
}

/** Sets what was asked for, and the filter that keeps the host's other ICMP away. */
export function setOptions(socket: OptionSetter, options: ProbeOptions): void {
  const set = (level: number, option: number, value: number | Uint8Array, doing: string): void => {
    try {
      if (typeof value === 'number') socket.setOption(level, option, value >>> 0)
      else socket.setOption(level, option, Buffer.from(value), value.length)
    } catch (error) {
      throw systemError('socket', thrownErrno(error), doing, { cause: error })
    }
  }
  const { family, ttl, tos, pathMtu } = options
  const four = family === 4
  const level = four ? SOL_IP : SOL_IPV6
  if (options.interface !== null) bindToInterface(set, options.interface)
  if (options.mark !== null) set(SOL_SOCKET, SO_MARK, options.mark, 'set the mark')
  if (options.broadcast) set(SOL_SOCKET, SO_BROADCAST, 1, 'allow broadcast')
  if (options.sendBufferBytes !== null) {
    set(SOL_SOCKET, SO_SNDBUF, options.sendBufferBytes, 'set the size of the send buffer')
  }
  if (ttl !== null) {
    set(level, four ? IP_TTL : IPV6_UNICAST_HOPS, ttl, 'set the time to live')
    set(level, four ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS, ttl, 'set the time to live')
  }
  if (tos !== null) set(level, four ? IP_TOS : IPV6_TCLASS, tos, 'set the type of service')
  if (pathMtu !== null) {
    set(level, four ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, PATH_MTU[pathMtu], 'set path MTU discovery')
  }
  if (options.noLoopback) {
    set(level, four ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, 0, 'keep multicast from this host')
  }
  if (four && options.ipOptions !== null) set(SOL_IP, IP_OPTIONS, options.ipOptions, 'set the IP options')
  if (four) set(SOL_RAW, ICMP_FILTER, ~mask(WANTED), 'filter ICMP')
  else set(SOL_ICMPV6, ICMP6_FILTER, blockedTypes6(), 'filter ICMPv6')
  try {
    socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
  } catch {
    // CAP_NET_RAW without CAP_NET_ADMIN: the default size serves all but the largest runs.
  }
}

function mask(types: readonly number[]): number {
  return types.reduce((sum, type) => sum | (1 << type), 0)
}

/** struct icmp6_filter: 256 bits in words of the host's order. */
function blockedTypes6(): Uint8Array {
  const words = new Uint32Array(8).fill(0xffffffff)
  for (const type of WANTED6) words[type >> 5]! &= ~(1 << (type & 31))
  return new Uint8Array(words.buffer)
}

type Setter = (level: number, option: number, value: Uint8Array, doing: string) => void

function bindToInterface(set: Setter, name: string): void {
  try {
    set(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${name}\0`), `bind to the interface ${name}`)
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.errno !== ERRNO.ENODEV) throw error
    throw new UsageError(`there is no interface ${name}`, { hints: ['list the interfaces: ip link'], cause: error })
  }
}
