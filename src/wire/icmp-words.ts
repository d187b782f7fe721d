// What an ICMP or ICMPv6 message says, in the words of iputils' ping, so that eyes and scripts carry over.

import {
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP6_ECHO_REPLY,
  ICMP6_ECHO_REQUEST,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_TIME_EXCEEDED,
  ICMP6_UNREACHABLE,
} from './icmp.js'

/** What a message says beside its type and code. */
export interface IcmpDetail {
  /** Next-hop MTU, or 0. */
  mtu: number
  /** The better router of a redirect. */
  redirectTo?: string | null
  /** Which byte a parameter problem is about. */
  pointer?: number
}

/** RFC 792, RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1, by code. 4 says its MTU too. */
const UNREACHABLE = [
  'Destination Net Unreachable',
  'Destination Host Unreachable',
  'Destination Protocol Unreachable',
  'Destination Port Unreachable',
  'Frag needed and DF set',
  'Source Route Failed',
  'Destination Net Unknown',
  'Destination Host Unknown',
  'Source Host Isolated',
  'Destination Net Prohibited',
  'Destination Host Prohibited',
  'Destination Net Unreachable for Type of Service',
  'Destination Host Unreachable for Type of Service',
  'Packet filtered',
  'Precedence Violation',
  'Precedence Cutoff',
]

const REDIRECT = [
  'Redirect Network',
  'Redirect Host',
  'Redirect Type of Service and Network',
  'Redirect Type of Service and Host',
]

const TIME_EXCEEDED = ['Time to live exceeded', 'Frag reassembly time exceeded']

/** linux/icmp.h: types that have one meaning only. */
const SINGLE: Readonly<Record<number, string>> = {
  [ICMP_ECHO_REPLY]: 'Echo Reply',
  [ICMP_SOURCE_QUENCH]: 'Source Quench',
  [ICMP_ECHO_REQUEST]: 'Echo Request',
  13: 'Timestamp',
  14: 'Timestamp Reply',
  15: 'Information Request',
  16: 'Information Reply',
  17: 'Address Mask Request',
  18: 'Address Mask Reply',
}

function reason4(type: number, code: number, detail: IcmpDetail): string {
  switch (type) {
    case ICMP_UNREACHABLE:
      if (code === ICMP_FRAG_NEEDED) return `Frag needed and DF set (mtu = ${detail.mtu})`
      return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`
    case ICMP_REDIRECT: {
      const words = REDIRECT[code] ?? `Redirect, Bad Code: ${code}`
      return detail.redirectTo ? `${words}(New nexthop: ${detail.redirectTo})` : words
    }
    case ICMP_TIME_EXCEEDED:
      return TIME_EXCEEDED[code] ?? `Time exceeded, Bad Code: ${code}`
    case ICMP_PARAMETER_PROBLEM:
      return `Parameter problem: pointer = ${detail.pointer ?? 0}`
    default:
      return SINGLE[type] ?? `Bad ICMP type: ${type}`
  }
}

/** RFC 4443 section 3.1. iputils has no words for 5 and 6. */
const UNREACHABLE6 = [
  'No route',
  'Administratively prohibited',
  'Beyond scope of source address',
  'Address unreachable',
  'Port unreachable',
  // RFC 4443 section 3.1; iputils has no words for these two.
  'Source address failed ingress/egress policy',
  'Reject route to destination',
]

const TIME_EXCEEDED6 = ['Hop limit', 'Defragmentation failure']

const PARAMETER_PROBLEM6 = ['Wrong header field', 'Unknown header', 'Unknown option']

const SINGLE6: Readonly<Record<number, string>> = {
  [ICMP6_ECHO_REQUEST]: 'Echo request',
  [ICMP6_ECHO_REPLY]: 'Echo reply',
  130: 'MLD Query',
  131: 'MLD Report',
  132: 'MLD Reduction',
}

function reason6(type: number, code: number, detail: IcmpDetail): string {
  switch (type) {
    case ICMP6_UNREACHABLE:
      return `Destination unreachable: ${UNREACHABLE6[code] ?? `Unknown code ${code}`}`
    case ICMP6_PACKET_TOO_BIG:
      return `Packet too big: mtu=${detail.mtu}${code === 0 ? '' : `, code=${code}`}`
    case ICMP6_TIME_EXCEEDED:
      return `Time exceeded: ${TIME_EXCEEDED6[code] ?? `code ${code}`}`
    case ICMP6_PARAMETER_PROBLEM:
      return `Parameter problem: ${PARAMETER_PROBLEM6[code] ?? `code ${code}`} at ${detail.pointer ?? 0}`
    default:
      return SINGLE6[type] ?? `unknown icmp type: ${type}`
  }
}

/** The meaning of a message in ping's words: `Destination Host Unreachable`, `Time exceeded: Hop limit`. Unknown numbers are shown. */
export function icmpReason(family: 4 | 6, type: number, code: number, detail: IcmpDetail): string {
  return family === 4 ? reason4(type, code, detail) : reason6(type, code, detail)
}
