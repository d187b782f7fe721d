// IPv4 and IPv6 headers on a walk: ends, lengths and what they leave of the frame, fragments, extension headers, the protocol inside.

import { internetChecksum } from '../bytes/checksum.js'
import { ETHER_IP, IP_IN_IP, IP4_IN_IP6, IP6_IN_IP4, IP6_IN_IP6, MPLS, NO_NUMBER } from './encapsulations.js'
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4 } from './ipv4.js'
import { IPPROTO_ICMPV6, IPV6 } from './ipv6.js'
import {
  STEP_DONE,
  STEP_ETHERNET,
  STEP_GRE,
  STEP_IPV4,
  STEP_IPV6,
  STEP_IPV6_EXTENSIONS,
  STEP_MPLS,
  STEP_PROTOCOL,
  STOP_COMPRESSED,
  STOP_ENCRYPTED,
  STOP_FRAGMENT,
  STOP_PROTOCOL,
  type WalkCursor,
} from './walk-cursor.js'
import { icmp } from './walk-icmp.js'
import { tcp, udp } from './walk-transport.js'
import {
  FLAW_BAD_CHECKSUM,
  FLAW_FRAGMENT_OVERLAP,
  FLAW_TRUNCATED,
  FLAW_ZERO_LENGTH,
  KIND_FRAGMENT,
} from './walked-packet.js'

/** linux/in.h, linux/in6.h */
const IPPROTO_HOPOPTS = 0
const IPPROTO_IPIP = 4
const IPPROTO_IPV6 = 41
const IPPROTO_ROUTING = 43
const IPPROTO_FRAGMENT = 44
const IPPROTO_GRE = 47
const IPPROTO_ESP = 50
const IPPROTO_AH = 51
const IPPROTO_NONE = 59
const IPPROTO_DSTOPTS = 60
const IPPROTO_ETHERNET = 97
const IPPROTO_COMP = 108
const IPPROTO_MH = 135
const IPPROTO_HIP = 139
const IPPROTO_SHIM6 = 140
const IPPROTO_MPLS = 137

const IP_DF = 0x4000
const IP_MF = 0x2000
const IP_OFFSET = 0x1fff

/** More extension headers than any honest packet has. */
const MOST_HEADERS = 16
/** RFC 2675 section 2 */
const OPTION_JUMBO = 0xc2
/** RFC 6275 section 6.3 */
const OPTION_HOME = 0xc9

const { offset: OFFSET4, size: SIZE4 } = IPV4
const { offset: OFFSET6, size: SIZE6 } = IPV6

export function ip(cursor: WalkCursor): number {
  if (cursor.end - cursor.at < 1) return cursor.short(1)
  return cursor.data.getUint8(cursor.at) >> 4 === 6 ? STEP_IPV6 : STEP_IPV4
}

export function ipv4(cursor: WalkCursor): number {
  const { data, at, walked } = cursor
  if (cursor.end - at < SIZE4) return cursor.short(SIZE4)
  const versionLength = data.getUint8(at)
  const headerBytes = (versionLength & 15) * 4
  if (versionLength >> 4 !== 4 || headerBytes < SIZE4) return cursor.malformed()
  if (cursor.end - at < headerBytes) return cursor.short(headerBytes)
  const totalLength = data.getUint16(at + OFFSET4.totalLength)
  const fragment = data.getUint16(at + OFFSET4.fragment)
  if (totalLength >= headerBytes) {
    endAt(cursor, at + totalLength)
  } else if (totalLength === 0) {
    // Captured before segmentation offload cut it: too long for the field.
    walked.flaws |= FLAW_ZERO_LENGTH
  } else {
    return cursor.malformed()
  }
  walked.family = 4
  walked.data = data
  walked.networkStart = at
  walked.ttl = data.getUint8(at + OFFSET4.ttl)
  walked.identification = data.getUint16(at + OFFSET4.identification)
  walked.dontFragment = (fragment & IP_DF) !== 0
  walked.source0 = 0
  walked.source1 = 0
  walked.source2 = 0xffff
  walked.source3 = data.getInt32(at + OFFSET4.source)
  walked.destination0 = 0
  walked.destination1 = 0
  walked.destination2 = 0xffff
  walked.destination3 = data.getInt32(at + OFFSET4.destination)
  cursor.otherEnds = false
  if (cursor.verify && internetChecksum(cursor.bytes(), at, at + headerBytes) !== 0) walked.flaws |= FLAW_BAD_CHECKSUM
  cursor.type = data.getUint8(at + OFFSET4.protocol)
  cursor.at = at + headerBytes
  if ((fragment & (IP_MF | IP_OFFSET)) === 0) return STEP_PROTOCOL
  return reassemble(cursor, walked.identification, (fragment & IP_OFFSET) * 8, (fragment & IP_MF) !== 0, STEP_PROTOCOL)
}

/** The packet ends where its header says, unless the frame ended before. */
function endAt(cursor: WalkCursor, wireEnd: number): void {
  if (wireEnd > cursor.wireEnd) {
    cursor.walked.flaws |= FLAW_TRUNCATED
    return
  }
  cursor.wireEnd = wireEnd
  if (cursor.end > wireEnd) cursor.end = wireEnd
}

export function ipv6(cursor: WalkCursor): number {
  const { data, at, walked } = cursor
  if (cursor.end - at < SIZE6) return cursor.short(SIZE6)
  if (data.getUint8(at) >> 4 !== 6) return cursor.malformed()
  const next = data.getUint8(at + OFFSET6.nextHeader)
  const payloadLength = data.getUint16(at + OFFSET6.payloadLength) || jumboLength(cursor, next)
  if (payloadLength > 0 || next === IPPROTO_NONE) {
    endAt(cursor, at + SIZE6 + payloadLength)
  } else {
    walked.flaws |= FLAW_ZERO_LENGTH
  }
  walked.family = 6
  walked.data = data
  walked.networkStart = at
  walked.ttl = data.getUint8(at + OFFSET6.hopLimit)
  walked.identification = -1
  walked.dontFragment = false
  walked.source0 = data.getInt32(at + OFFSET6.source)
  walked.source1 = data.getInt32(at + OFFSET6.source + 4)
  walked.source2 = data.getInt32(at + OFFSET6.source + 8)
  walked.source3 = data.getInt32(at + OFFSET6.source + 12)
  walked.destination0 = data.getInt32(at + OFFSET6.destination)
  walked.destination1 = data.getInt32(at + OFFSET6.destination + 4)
  walked.destination2 = data.getInt32(at + OFFSET6.destination + 8)
  walked.destination3 = data.getInt32(at + OFFSET6.destination + 12)
  cursor.otherEnds = false
  cursor.type = next
  cursor.at = at + SIZE6
  return next === IPPROTO_TCP || next === IPPROTO_UDP ? STEP_PROTOCOL : STEP_IPV6_EXTENSIONS
}

/** RFC 2675: the length is in a hop-by-hop option, which comes first where there is one. 0 when it is not. */
function jumboLength(cursor: WalkCursor, next: number): number {
  const { data } = cursor
  const start = cursor.at + SIZE6
  if (next !== IPPROTO_HOPOPTS || cursor.end - start < 8) return 0
  const end = Math.min(start + (data.getUint8(start + 1) + 1) * 8, cursor.end)
  const at = findOption(data, start + 2, end, OPTION_JUMBO)
  return at >= 0 && end - at >= 6 && data.getUint8(at + 1) === 4 ? data.getUint32(at + 2) : 0
}

/** RFC 8200 section 4: passes over extension headers. */
export function ipv6Extensions(cursor: WalkCursor): number {
  const { data } = cursor
  for (let count = 0; count < MOST_HEADERS; count++) {
    const { at } = cursor
    switch (cursor.type) {
      case IPPROTO_FRAGMENT: {
        if (cursor.end - at < 8) return cursor.short(8)
        const place = data.getUint16(at + 2)
        cursor.type = data.getUint8(at)
        cursor.at = at + 8
        // RFC 6946: one that is the whole packet.
        if ((place & 0xfff9) === 0) break
        return reassemble(cursor, data.getInt32(at + 4), place & 0xfff8, (place & 1) !== 0, STEP_IPV6_EXTENSIONS)
      }
      case IPPROTO_ROUTING:
      case IPPROTO_HOPOPTS:
      case IPPROTO_DSTOPTS:
      case IPPROTO_MH:
      case IPPROTO_HIP:
      case IPPROTO_SHIM6: {
        if (cursor.end - at < 8) return cursor.short(8)
        const bytes = (data.getUint8(at + 1) + 1) * 8
        if (cursor.end - at < bytes) return cursor.short(bytes)
        if (cursor.verify) findOtherEnds(cursor, at + bytes)
        cursor.type = data.getUint8(at)
        cursor.at = at + bytes
        break
      }
      default:
        return STEP_PROTOCOL
    }
  }
  return cursor.malformed()
}

/** Looks for them in the extension header at `at`..`end`. */
function findOtherEnds(cursor: WalkCursor, end: number): void {
  const { data, type } = cursor
  if (type === IPPROTO_ROUTING && data.getUint8(cursor.at + 3) > 0) cursor.otherEnds = true
  if (type === IPPROTO_DSTOPTS && findOption(data, cursor.at + 2, end, OPTION_HOME) >= 0) cursor.otherEnds = true
}

/** Where an option of hop-by-hop or destination options begins, of those at `start`..`end`; -1 when it is not there. */
function findOption(data: DataView, start: number, end: number, wanted: number): number {
  for (let at = start; end - at >= 2; ) {
    const option = data.getUint8(at)
    if (option === wanted) return at
    at += option === 0 ? 1 : data.getUint8(at + 1) + 2
  }
  return -1
}

/** A fragment: goes on with `next` in the whole packet when it completes one. */
function reassemble(cursor: WalkCursor, id: number, offset: number, more: boolean, next: number): number {
  const { walked, fragments } = cursor
  if (cursor.end < cursor.wireEnd || (walked.flaws & FLAW_TRUNCATED) !== 0) {
    // Cut by the capture, it can never be made whole; the first one has the headers all the same.
    walked.flaws |= FLAW_TRUNCATED
    if (offset === 0) return next
  } else if (fragments.add(cursor, id, offset, more)) {
    cursor.data = fragments.data
    cursor.at = 0
    cursor.end = fragments.length
    cursor.wireEnd = fragments.length
    cursor.type = fragments.protocol
    walked.data = fragments.data
    walked.networkStart = -1
    if (fragments.overlapped) walked.flaws |= FLAW_FRAGMENT_OVERLAP
    return next
  }
  walked.kind = KIND_FRAGMENT
  walked.protocol = cursor.type
  return cursor.stop(STOP_FRAGMENT)
}

/** What an IP protocol number announces. */
export function protocol(cursor: WalkCursor): number {
  const { walked } = cursor
  walked.protocol = cursor.type
  switch (cursor.type) {
    case IPPROTO_TCP:
      return tcp(cursor)
    case IPPROTO_UDP:
      return udp(cursor)
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return icmp(cursor)
    case IPPROTO_IPIP:
      cursor.inside(walked.family === 4 ? IP_IN_IP : IP4_IN_IP6, NO_NUMBER, walked)
      return STEP_IPV4
    case IPPROTO_IPV6:
      cursor.inside(walked.family === 4 ? IP6_IN_IP4 : IP6_IN_IP6, NO_NUMBER, walked)
      return STEP_IPV6
    case IPPROTO_GRE:
      return STEP_GRE
    case IPPROTO_MPLS:
      cursor.inside(MPLS, NO_NUMBER, walked)
      return STEP_MPLS
    case IPPROTO_ETHERNET:
      // RFC 3378 section 3: two bytes of version.
      if (cursor.end - cursor.at < 2) return cursor.short(2)
      cursor.inside(ETHER_IP, NO_NUMBER, walked)
      cursor.at += 2
      return STEP_ETHERNET
    case IPPROTO_AH:
      return authenticated(cursor)
    case IPPROTO_ESP:
      return cursor.stop(STOP_ENCRYPTED)
    case IPPROTO_COMP:
      return cursor.stop(STOP_COMPRESSED)
    case IPPROTO_NONE:
      return STEP_DONE
    default:
      return cursor.stop(STOP_PROTOCOL)
  }
}

/** RFC 4302 section 2.2 counts words of 32 bits, less two. */
function authenticated(cursor: WalkCursor): number {
  const { at, data } = cursor
  if (cursor.end - at < 12) return cursor.short(12)
  const bytes = (data.getUint8(at + 1) + 2) * 4
  if (cursor.end - at < bytes) return cursor.short(bytes)
  cursor.type = data.getUint8(at)
  cursor.at = at + bytes
  return cursor.walked.family === 6 ? STEP_IPV6_EXTENSIONS : STEP_PROTOCOL
}
