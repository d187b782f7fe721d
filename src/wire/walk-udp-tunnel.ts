// Tunnels over UDP, known by their ports: VXLAN, GENEVE, GTP, Teredo, GRE and MPLS in UDP, L2TP. What does not look like one stays UDP.

import { GENEVE, GTP, L2TP, MPLS, NO_NUMBER, TEREDO, VXLAN } from './encapsulations.js'
import {
  STEP_DONE,
  STEP_ETHERNET,
  STEP_ETHERTYPE,
  STEP_GRE,
  STEP_IP,
  STEP_IPV4,
  STEP_IPV6,
  STEP_MPLS,
  STEP_PPP,
  type WalkCursor,
} from './walk-cursor.js'
import { KIND_OTHER } from './walked-packet.js'

const PORT_L2TP = 1701
const PORT_GTP_U = 2152
const PORT_TEREDO = 3544
const PORT_GRE = 4754
const PORT_VXLAN = 4789
const PORT_VXLAN_GPE = 4790
const PORT_GENEVE = 6081
const PORT_MPLS = 6635
/** Linux used it before 4789 was given out (linux/drivers/net/vxlan, vxlan_port). */
const PORT_VXLAN_LINUX = 8472

export function isTunnelPort(source: number, destination: number): boolean {
  switch (destination) {
    case PORT_L2TP:
    case PORT_GTP_U:
    case PORT_TEREDO:
    case PORT_GRE:
    case PORT_VXLAN:
    case PORT_VXLAN_GPE:
    case PORT_GENEVE:
    case PORT_MPLS:
    case PORT_VXLAN_LINUX:
      return true
    default:
      return source === PORT_TEREDO || source === PORT_GTP_U || source === PORT_L2TP
  }
}

export function udpTunnel(cursor: WalkCursor): number {
  const { sourcePort, destinationPort } = cursor.walked
  switch (destinationPort) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
      return vxlan(cursor, false)
    case PORT_VXLAN_GPE:
      return vxlan(cursor, true)
    case PORT_GENEVE:
      return geneve(cursor)
    case PORT_GRE:
      return enter(cursor, 0, STEP_GRE)
    case PORT_MPLS:
      cursor.inside(MPLS, NO_NUMBER, cursor.walked)
      return enter(cursor, 0, STEP_MPLS)
    case PORT_GTP_U:
      return gtp(cursor)
    case PORT_TEREDO:
      return teredo(cursor)
    case PORT_L2TP:
      return l2tp(cursor)
    default:
      if (sourcePort === PORT_GTP_U) return gtp(cursor)
      return sourcePort === PORT_TEREDO ? teredo(cursor) : l2tp(cursor)
  }
}

/** It is a tunnel: what is inside counts, not the UDP around it. */
function enter(cursor: WalkCursor, headerBytes: number, step: number): number {
  cursor.walked.kind = KIND_OTHER
  cursor.at += headerBytes
  return step
}

/** RFC 7348 section 5, draft-ietf-nvo3-vxlan-gpe section 3: flags, for GPE the next protocol, a network identifier of 24 bits. */
function vxlan(cursor: WalkCursor, generic: boolean): number {
  const { data, at } = cursor
  if (cursor.end - at < 8) return STEP_DONE
  const flags = data.getUint8(at)
  if ((flags & 0x08) === 0) return STEP_DONE
  let step = STEP_ETHERNET
  if (generic && (flags & 0x04) !== 0) {
    const next = data.getUint8(at + 3)
    step = next === 1 ? STEP_IPV4 : next === 2 ? STEP_IPV6 : next === 3 ? STEP_ETHERNET : STEP_DONE
  }
  if (step === STEP_DONE) return STEP_DONE
  cursor.inside(VXLAN, data.getUint32(at + 4) >>> 8, null)
  return enter(cursor, 8, step)
}

/** RFC 8926 section 3.4: version and length of options, flags, ethertype, a network identifier of 24 bits. */
function geneve(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < 8) return STEP_DONE
  const first = data.getUint8(at)
  const headerBytes = 8 + (first & 0x3f) * 4
  if (first >> 6 !== 0 || cursor.end - at < headerBytes) return STEP_DONE
  cursor.inside(GENEVE, data.getUint32(at + 4) >>> 8, null)
  cursor.type = data.getUint16(at + 2)
  return enter(cursor, headerBytes, STEP_ETHERTYPE)
}

/** 3GPP TS 29.281 section 5: version 1 with a user's packet (255); extension headers count words of 32 bits. */
function gtp(cursor: WalkCursor): number {
  const { data, at, end } = cursor
  if (end - at < 8) return STEP_DONE
  const flags = data.getUint8(at)
  if (flags >> 4 !== 3 || data.getUint8(at + 1) !== 255) return STEP_DONE
  let headerBytes = 8
  if ((flags & 7) !== 0) {
    if (end - at < 12) return STEP_DONE
    headerBytes = 12
    let next = (flags & 4) === 0 ? 0 : data.getUint8(at + 11)
    while (next !== 0) {
      const length = end - at - headerBytes < 4 ? 0 : data.getUint8(at + headerBytes) * 4
      if (length === 0 || length > end - at - headerBytes) return STEP_DONE
      headerBytes += length
      next = data.getUint8(at + headerBytes - 1)
    }
  }
  const version = end - at > headerBytes ? data.getUint8(at + headerBytes) >> 4 : 0
  if (version !== 4 && version !== 6) return STEP_DONE
  cursor.inside(GTP, NO_NUMBER, cursor.walked)
  return enter(cursor, headerBytes, STEP_IP)
}

/** RFC 4380 section 5.1.1: authentication, origin indication, then IPv6. The relays of the two directions differ. */
function teredo(cursor: WalkCursor): number {
  const { data, at, end } = cursor
  let headerBytes = 0
  if (end - at >= 4 && data.getUint16(at) === 1) headerBytes += 13 + data.getUint8(at + 2) + data.getUint8(at + 3)
  if (end - at >= headerBytes + 2 && data.getUint16(at + headerBytes) === 0) headerBytes += 8
  if (end - at < headerBytes + 40 || data.getUint8(at + headerBytes) >> 4 !== 6) return STEP_DONE
  cursor.inside(TEREDO, NO_NUMBER, null)
  return enter(cursor, headerBytes, STEP_IPV6)
}

/** RFC 2661 section 3.1: data messages of version 2. The identifiers are of one direction each. */
function l2tp(cursor: WalkCursor): number {
  const { data, at, end } = cursor
  if (end - at < 6) return STEP_DONE
  const flags = data.getUint16(at)
  if ((flags & 0x800f) !== 2) return STEP_DONE
  let headerBytes = 6 + ((flags & 0x4000) === 0 ? 0 : 2) + ((flags & 0x0800) === 0 ? 0 : 4)
  if ((flags & 0x0200) !== 0) {
    if (end - at < headerBytes + 2) return STEP_DONE
    headerBytes += 2 + data.getUint16(at + headerBytes)
  }
  if (end - at < headerBytes + 2) return STEP_DONE
  cursor.inside(L2TP, NO_NUMBER, cursor.walked)
  return enter(cursor, headerBytes, STEP_PPP)
}
