// Link layers without addresses: the loopback headers of BSD, PPP.

import { MPLS, NO_NUMBER } from './encapsulations.js'
import {
  STEP_ETHERTYPE,
  STEP_IPV4,
  STEP_IPV6,
  STEP_MPLS,
  STOP_COMPRESSED,
  STOP_ENCRYPTED,
  STOP_NO_NETWORK,
  type WalkCursor,
} from './walk-cursor.js'
import { chdlc } from './walk-link.js'

/** sys/socket.h, of all systems; IPv6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS. */
const AF_INET = 2
const AF_INET6 = [10, 24, 28, 30]

/** IANA "PPP DLL Protocol Numbers" */
const PPP_IP = 0x0021
const PPP_COMPRESSED = 0x00fd
const PPP_ENCRYPTED = 0x0053
const PPP_IPV6 = 0x0057
const PPP_MPLS = 0x0281
const PPP_MPLS_MULTICAST = 0x0283

/** LINKTYPE_NULL and LINKTYPE_LOOP: an address family, in the order of the host that captured, or of the network. */
export function loopback(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < 4) return cursor.short(4)
  const big = data.getUint32(at)
  const family = big > 0xffff ? data.getUint32(at, true) : big
  cursor.at = at + 4
  if (family === AF_INET) return STEP_IPV4
  if (AF_INET6.includes(family)) return STEP_IPV6
  if (family > 1500 && family <= 0xffff) {
    cursor.type = family
    return STEP_ETHERTYPE
  }
  return cursor.stop(STOP_NO_NETWORK)
}

/** LINKTYPE_PPP_SERIAL says which of both it is by its first byte; captures of LINKTYPE_PPP hold either, too. */
export function pppSerial(cursor: WalkCursor): number {
  if (cursor.end - cursor.at < 1) return cursor.short(1)
  const first = cursor.data.getUint8(cursor.at)
  return first === 0x0f || first === 0x8f ? chdlc(cursor) : ppp(cursor)
}

/** RFC 1661 section 2, RFC 1662 section 3.1: address and control may be missing, and the protocol be one byte. */
export function ppp(cursor: WalkCursor): number {
  const { data } = cursor
  let { at } = cursor
  if (cursor.end - at >= 2 && data.getUint16(at) === 0xff03) at += 2
  cursor.at = at
  if (cursor.end - at < 2) return cursor.short(2)
  const first = data.getUint8(at)
  const compressed = (first & 1) === 1
  cursor.at = at + (compressed ? 1 : 2)
  switch (compressed ? first : data.getUint16(at)) {
    case PPP_IP:
      return STEP_IPV4
    case PPP_IPV6:
      return STEP_IPV6
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
      cursor.inside(MPLS, NO_NUMBER, null)
      return STEP_MPLS
    case PPP_ENCRYPTED:
      return cursor.stop(STOP_ENCRYPTED)
    case PPP_COMPRESSED:
      return cursor.stop(STOP_COMPRESSED)
    default:
      return cursor.stop(STOP_NO_NETWORK)
  }
}

/** LINKTYPE_PPP_ETHER: from the PPPoE header on. */
export function pppEther(cursor: WalkCursor): number {
  cursor.type = 0x8864
  return STEP_ETHERTYPE
}
