// ICMP and ICMPv6 errors with the packet they quote, as raw sockets receive them, and the errno that Linux makes of them.

import { formatIpv4 } from '../bytes/address.js'
import { ERRNO } from '../errors/errno.js'
import {
  ICMP_ERROR,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP6_ERROR,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_TIME_EXCEEDED,
  ICMP6_UNREACHABLE,
  isIcmpError,
} from './icmp.js'
import { Ipv4View } from './ipv4.js'
import { Ipv6View } from './ipv6.js'

/** An ICMP error, and the packet that it is about. */
export class IcmpErrorView {
  type = 0
  code = 0
  /** Next-hop MTU of "too big" and "fragmentation needed"; else 0. */
  mtu = 0
  /** Which byte a parameter problem is about; else 0. */
  pointer = 0
  /** Protocol of the quoted packet. */
  protocol = 0
  /** Where its ICMP (UDP, TCP) header lies in what was read, and where the message ends: `quotedStart`..`quotedEnd`. */
  quotedStart = 0
  quotedEnd = 0
  /** Bytes from `quotedStart` that are of the quoted packet, where the message says so (RFC 4884); else 0. */
  quotedBytes = 0
  /** Bytes of the quoted IP header, with options or extension headers. */
  headerBytes = 0
  private gateway = 0
  private family: 4 | 6 = 4
  private readonly ipv4 = new Ipv4View()
  private readonly ipv6 = new Ipv6View()

  /**
   * Reads the message at `start`..`end` of `data`; false when it is no error, too short, or quotes nothing that the header of its
   * protocol is in (another packet's fragment).
   */
  move(family: 4 | 6, data: DataView, start: number, end: number): boolean {
    if (start < 0 || end > data.byteLength || end - start < ICMP_ERROR.size) return false
    const type = data.getUint8(start)
    if (!isIcmpError(family, type)) return false
    const quoted = start + ICMP_ERROR.size
    const ip = family === 4 ? this.ipv4 : this.ipv6
    if (!ip.move(data, quoted, end) || ip.fragmentOffset > 0) return false
    this.family = family
    this.type = type
    this.code = data.getUint8(start + ICMP_ERROR.offset.code)
    this.protocol = ip.protocol
    this.headerBytes = ip.payloadStart - quoted
    this.quotedStart = ip.payloadStart
    this.quotedEnd = end
    const told =
      family === 4
        ? data.getUint8(start + ICMP_ERROR.offset.length) * 4
        : data.getUint8(start + ICMP6_ERROR.offset.value) * 8
    this.quotedBytes = hasLength(family, type) ? Math.max(told - this.headerBytes, 0) : 0
    this.readDetail(data, start)
    return true
  }

  private readDetail(data: DataView, start: number): void {
    const { family, type, code } = this
    const value = data.getUint32(start + ICMP6_ERROR.offset.value)
    this.mtu = 0
    this.pointer = 0
    this.gateway = 0
    if (family === 4) {
      if (type === ICMP_UNREACHABLE && code === ICMP_FRAG_NEEDED) this.mtu = value & 0xffff
      if (type === ICMP_PARAMETER_PROBLEM) this.pointer = value >>> 24
      if (type === ICMP_REDIRECT) this.gateway = value
      return
    }
    if (type === ICMP6_PACKET_TOO_BIG) this.mtu = value
    if (type === ICMP6_PARAMETER_PROBLEM) this.pointer = value
  }

  /** TOS, or traffic class, of the quoted packet. */
  get tos(): number {
    return this.family === 4 ? this.ipv4.tos : this.ipv6.trafficClass
  }

  /** Time to live, or hop limit, that the quoted packet had left. */
  get ttl(): number {
    return this.family === 4 ? this.ipv4.ttl : this.ipv6.hopLimit
  }

  /** Where the quoted packet came from, in text. */
  source(): string {
    return this.family === 4 ? this.ipv4.source() : this.ipv6.source()
  }

  /** Where the quoted packet went to, in text. */
  destination(): string {
    return this.family === 4 ? this.ipv4.destination() : this.ipv6.destination()
  }

  /** The better router that a redirect names; null for everything else. */
  redirectTo(): string | null {
    return this.family === 4 && this.type === ICMP_REDIRECT ? formatIpv4(this.gateway) : null
  }
}

/** RFC 4884 section 4: the messages that tell how much they quote. */
function hasLength(family: 4 | 6, type: number): boolean {
  return family === 4
    ? type === ICMP_UNREACHABLE || type === ICMP_TIME_EXCEEDED || type === ICMP_PARAMETER_PROBLEM
    : type === ICMP6_UNREACHABLE || type === ICMP6_TIME_EXCEEDED
}

/** Linux net/ipv4/icmp.c, icmp_err_convert, by code of ICMP_UNREACHABLE; 13 and above are EHOSTUNREACH. */
const UNREACHABLE_ERRNO = [
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENOPROTOOPT,
  ERRNO.ECONNREFUSED,
  ERRNO.EMSGSIZE,
  ERRNO.EOPNOTSUPP,
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTDOWN,
  ERRNO.ENONET,
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENETUNREACH,
]

/** Linux net/ipv6/icmp.c, tab_unreach, by code of ICMP6_UNREACHABLE. */
const UNREACHABLE6_ERRNO = [
  ERRNO.ENETUNREACH,
  ERRNO.EACCES,
  ERRNO.EHOSTUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ECONNREFUSED,
  ERRNO.EACCES,
  ERRNO.EACCES,
]

/** The positive errno that Linux reports such an error with on an ICMP socket. */
export function icmpErrno(family: 4 | 6, type: number, code: number): number {
  if (family === 6) {
    if (type === ICMP6_UNREACHABLE) return UNREACHABLE6_ERRNO[code] ?? ERRNO.EPROTO
    if (type === ICMP6_PACKET_TOO_BIG) return ERRNO.EMSGSIZE
    return type === ICMP6_TIME_EXCEEDED ? ERRNO.EHOSTUNREACH : ERRNO.EPROTO
  }
  if (type === ICMP_UNREACHABLE) return UNREACHABLE_ERRNO[code] ?? ERRNO.EHOSTUNREACH
  if (type === ICMP_PARAMETER_PROBLEM) return ERRNO.EPROTO
  return type === ICMP_REDIRECT || type === ICMP_SOURCE_QUENCH ? ERRNO.EREMOTEIO : ERRNO.EHOSTUNREACH
}
