// Tunnels below UDP: MPLS label stacks, GRE with what it carries (ERSPAN, PPTP).

import { ERSPAN, GRE, NO_NUMBER, PPTP } from './encapsulations.js'
import {
  STEP_DONE,
  STEP_ETHERNET,
  STEP_ETHERTYPE,
  STEP_IP,
  STEP_IPV4,
  STEP_IPV6,
  STEP_PPP,
  STOP_NO_NETWORK,
  type WalkCursor,
} from './walk-cursor.js'
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETHERNET } from './walk-link.js'

/** More labels than any honest packet has. */
const MOST_LABELS = 16

/** RFC 2784, RFC 2890, RFC 1701: flags of the first two bytes. */
const GRE_CHECKSUM = 0x8000
const GRE_ROUTING = 0x4000
const GRE_KEY = 0x2000
const GRE_SEQUENCE = 0x1000
const GRE_VERSION = 0x0007
/** RFC 2637 section 4.1 */
const GRE_ACKNOWLEDGMENT = 0x0080

/** What GRE carries beside ethertypes. */
const GRE_ERSPAN = 0x88be
const GRE_ERSPAN3 = 0x22eb
const GRE_WCCP = 0x883e

/** RFC 3032 section 2.1; what follows is told by its first four bits (RFC 4928 section 3). */
export function mpls(cursor: WalkCursor): number {
  const { data } = cursor
  for (let count = 0; count < MOST_LABELS; count++) {
    if (cursor.end - cursor.at < 4) return cursor.short(4)
    const last = (data.getUint8(cursor.at + 2) & 1) === 1
    cursor.at += 4
    if (last) return behindLabels(cursor)
  }
  return cursor.malformed()
}

function behindLabels(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < 1) return cursor.short(1)
  const version = data.getUint8(at) >> 4
  if (version === 4) return STEP_IPV4
  if (version === 6) return STEP_IPV6
  // A pseudowire of Ethernet, with control word (RFC 4448 section 4.6) or without.
  if (version === 0 && isEthernet(cursor, at + 4)) {
    cursor.at = at + 4
    return STEP_ETHERNET
  }
  return isEthernet(cursor, at) ? STEP_ETHERNET : cursor.stop(STOP_NO_NETWORK)
}

function isEthernet(cursor: WalkCursor, at: number): boolean {
  if (cursor.end - at < ETHERNET.size) return false
  const type = cursor.data.getUint16(at + ETHERNET.offset.type)
  return type === ETH_P_IP || type === ETH_P_IPV6 || type === ETH_P_ARP || type === ETH_P_8021Q
}

export function gre(cursor: WalkCursor): number {
  const { data, at, end } = cursor
  if (end - at < 4) return cursor.short(4)
  const flags = data.getUint16(at)
  const type = data.getUint16(at + 2)
  const version = flags & GRE_VERSION
  if (version === 1) return pptp(cursor, flags)
  // RFC 2784 section 2.3: source routes are of an older time, and what they point to is long gone.
  if (version !== 0 || (flags & GRE_ROUTING) !== 0) return cursor.malformed()
  const keyAt = at + 4 + ((flags & GRE_CHECKSUM) === 0 ? 0 : 4)
  const sequenceAt = keyAt + ((flags & GRE_KEY) === 0 ? 0 : 4)
  const behind = sequenceAt + ((flags & GRE_SEQUENCE) === 0 ? 0 : 4)
  if (end < behind) return cursor.short(behind - at)
  cursor.at = behind
  cursor.type = type
  if (type === GRE_ERSPAN) return erspan(cursor, (flags & GRE_SEQUENCE) === 0 ? 1 : 2)
  if (type === GRE_ERSPAN3) return erspan(cursor, 3)
  cursor.inside(GRE, (flags & GRE_KEY) === 0 ? NO_NUMBER : data.getInt32(keyAt), cursor.walked)
  return type === GRE_WCCP ? wccp(cursor) : STEP_ETHERTYPE
}

/** RFC 2637 section 4.1: PPP with lengths; the call's number is of one direction. */
function pptp(cursor: WalkCursor, flags: number): number {
  const { data, at, end } = cursor
  const behind = at + 8 + ((flags & GRE_SEQUENCE) === 0 ? 0 : 4) + ((flags & GRE_ACKNOWLEDGMENT) === 0 ? 0 : 4)
  if (end < behind) return cursor.short(behind - at)
  const payload = data.getUint16(at + 4)
  cursor.inside(PPTP, NO_NUMBER, cursor.walked)
  cursor.at = behind
  cursor.limit(payload)
  // Only acknowledges.
  return payload === 0 ? STEP_DONE : STEP_PPP
}

/** draft-foschiano-erspan section 4: type I has no header; II has 8 bytes, III 12 and 8 more where its last bit says so. */
function erspan(cursor: WalkCursor, type: 1 | 2 | 3): number {
  const { data, at } = cursor
  const size = type === 1 ? 0 : type === 2 ? 8 : 12
  if (cursor.end - at < size) return cursor.short(size)
  cursor.inside(ERSPAN, type === 1 ? NO_NUMBER : data.getUint16(at + 2) & 0x3ff, cursor.walked)
  cursor.at = at + size
  if (type !== 3) return STEP_ETHERNET
  const flags = data.getUint16(at + 10)
  if ((flags & 1) !== 0) {
    if (cursor.end - cursor.at < 8) return cursor.short(8)
    cursor.at += 8
  }
  // Frame type: 0 is Ethernet, 2 IP.
  return ((flags >> 10) & 0x1f) === 2 ? STEP_IP : STEP_ETHERNET
}

/** draft-wilson-wrec-wccp-v2 section 4.12: IPv4, in version 2 behind four bytes, none of which begins like it. */
function wccp(cursor: WalkCursor): number {
  if (cursor.end - cursor.at < 4) return cursor.short(4)
  if (cursor.data.getUint8(cursor.at) >> 4 !== 4) cursor.at += 4
  return STEP_IPV4
}
