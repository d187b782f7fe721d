// Link layers with ethertypes: Ethernet, VLAN tags, LLC, the cooked headers of Linux, Cisco HDLC, FDDI.

import { layout } from '../bytes/layout.js'
import { MPLS, NO_NUMBER, PBB, PPPOE, VLAN } from './encapsulations.js'
import {
  STEP_DONE,
  STEP_ETHERNET,
  STEP_ETHERTYPE,
  STEP_GRE,
  STEP_IP,
  STEP_IPV4,
  STEP_IPV6,
  STEP_LLC,
  STEP_MPLS,
  STEP_PPP,
  STOP_ENCRYPTED,
  STOP_ETHERTYPE,
  STOP_NO_NETWORK,
  type WalkCursor,
} from './walk-cursor.js'
import { KIND_ARP } from './walked-packet.js'

/** IEEE 802.3 section 3.1 */
export const ETHERNET = layout('ethernet', 14, [
  ['destination', 6],
  ['source', 6],
  ['type', 'be16'],
])

/** IEEE 802.1Q section 9.6, from behind the ethertype of the tag. */
export const VLAN_TAG = layout('802.1Q', 4, [
  ['control', 'be16'],
  ['type', 'be16'],
])

/** LINKTYPE_LINUX_SLL; pcap/sll.h. */
export const SLL = layout('sll', 16, [
  ['packetType', 'be16'],
  ['hardwareType', 'be16'],
  ['addressLength', 'be16'],
  ['address', 8],
  ['protocol', 'be16'],
])

/** LINKTYPE_LINUX_SLL2; pcap/sll.h. */
export const SLL2 = layout('sll2', 20, [
  ['protocol', 'be16'],
  ['reserved', 2],
  ['interfaceIndex', 'be32'],
  ['hardwareType', 'be16'],
  ['packetType', 'u8'],
  ['addressLength', 'u8'],
  ['address', 8],
])

/** RFC 2516 section 4 */
const PPPOE_HEADER = layout('pppoe', 6, [
  ['versionType', 'u8'],
  ['code', 'u8'],
  ['session', 'be16'],
  ['length', 'be16'],
])

/** RFC 1042 */
const SNAP = layout('llc snap', 8, [
  ['destination', 'u8'],
  ['source', 'u8'],
  ['control', 'u8'],
  ['organization', 3],
  ['type', 'be16'],
])

/** RFC 1547 section 4.3.1, as Cisco's HDLC. */
const CHDLC = layout('chdlc', 4, [
  ['address', 'u8'],
  ['control', 'u8'],
  ['type', 'be16'],
])

/** Values up to it are lengths (IEEE 802.3 section 3.2.6). */
const MOST_LENGTH = 1500

/** linux/if_ether.h */
export const ETH_P_IP = 0x0800
export const ETH_P_ARP = 0x0806
export const ETH_P_8021Q = 0x8100
export const ETH_P_IPV6 = 0x86dd
export const ETH_P_TEB = 0x6558
const ETH_P_802_2 = 0x0004
const ETH_P_PPP = 0x880b
const ETH_P_MPLS = 0x8847
const ETH_P_MPLS_MULTICAST = 0x8848
const ETH_P_PPPOE_SESSION = 0x8864
const ETH_P_8021AD = 0x88a8
const ETH_P_8021AH = 0x88e7
const ETH_P_MACSEC = 0x88e5
const ETH_P_QINQ1 = 0x9100
const ETH_P_QINQ2 = 0x9200
/** IEEE registration authority: VNTag, 802.1BR, Cisco FabricPath. */
const ETH_P_VNTAG = 0x8926
const ETH_P_ETAG = 0x893f
const ETH_P_FABRICPATH = 0x8903

/** linux/if_arp.h: hardware whose protocol field holds no ethertype. */
const ARPHRD_IPGRE = 778
const ARPHRD_NETLINK = 824

export function ethernet(cursor: WalkCursor): number {
  const { at } = cursor
  if (cursor.end - at < ETHERNET.size) return cursor.short(ETHERNET.size)
  cursor.type = cursor.data.getUint16(at + ETHERNET.offset.type)
  cursor.at = at + ETHERNET.size
  return cursor.type > MOST_LENGTH ? STEP_ETHERTYPE : lengthAndLlc(cursor)
}

function lengthAndLlc(cursor: WalkCursor): number {
  cursor.limit(cursor.type)
  return STEP_LLC
}

/** What an ethertype announces. */
export function ethertype(cursor: WalkCursor): number {
  switch (cursor.type) {
    case ETH_P_IP:
      return STEP_IPV4
    case ETH_P_IPV6:
      return STEP_IPV6
    case ETH_P_8021Q:
    case ETH_P_8021AD:
    case ETH_P_QINQ1:
    case ETH_P_QINQ2:
      return vlan(cursor)
    case ETH_P_ARP:
      cursor.walked.kind = KIND_ARP
      return STEP_DONE
    case ETH_P_PPPOE_SESSION:
      return pppoe(cursor)
    case ETH_P_MPLS:
    case ETH_P_MPLS_MULTICAST:
      cursor.inside(MPLS, NO_NUMBER, null)
      return STEP_MPLS
    case ETH_P_TEB:
      return STEP_ETHERNET
    case ETH_P_PPP:
      return STEP_PPP
    case ETH_P_802_2:
      return STEP_LLC
    case ETH_P_VNTAG:
      return tag(cursor, 4)
    case ETH_P_ETAG:
      return tag(cursor, 6)
    case ETH_P_8021AH:
      return backbone(cursor)
    case ETH_P_FABRICPATH:
      return pass(cursor, 2)
    case ETH_P_MACSEC:
      return cursor.stop(STOP_ENCRYPTED)
    default:
      return cursor.stop(STOP_ETHERTYPE)
  }
}

function vlan(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < VLAN_TAG.size) return cursor.short(VLAN_TAG.size)
  const id = data.getUint16(at + VLAN_TAG.offset.control) & 0xfff
  cursor.type = data.getUint16(at + VLAN_TAG.offset.type)
  cursor.at = at + VLAN_TAG.size
  // IEEE 802.1Q table 9-2: identifier 0 gives a priority and names no VLAN.
  if (id !== 0) cursor.inside(VLAN, id, null)
  return cursor.type > MOST_LENGTH ? STEP_ETHERTYPE : lengthAndLlc(cursor)
}

/** A tag of `bytes` and the ethertype behind it. */
function tag(cursor: WalkCursor, bytes: number): number {
  const { at } = cursor
  if (cursor.end - at < bytes + 2) return cursor.short(bytes + 2)
  cursor.type = cursor.data.getUint16(at + bytes)
  cursor.at = at + bytes + 2
  return STEP_ETHERTYPE
}

/** IEEE 802.1Q section 9.7: flags, a service identifier of 24 bits, and the customer's frame. */
function backbone(cursor: WalkCursor): number {
  if (cursor.end - cursor.at < 4) return cursor.short(4)
  cursor.inside(PBB, cursor.data.getUint32(cursor.at) & 0xffffff, null)
  cursor.at += 4
  return STEP_ETHERNET
}

function pass(cursor: WalkCursor, bytes: number): number {
  if (cursor.end - cursor.at < bytes) return cursor.short(bytes)
  cursor.at += bytes
  return STEP_ETHERNET
}

function pppoe(cursor: WalkCursor): number {
  const { data, at } = cursor
  const { offset, size } = PPPOE_HEADER
  if (cursor.end - at < size) return cursor.short(size)
  if (data.getUint8(at + offset.versionType) !== 0x11 || data.getUint8(at + offset.code) !== 0)
    return cursor.malformed()
  cursor.inside(PPPOE, data.getUint16(at + offset.session), null)
  cursor.at = at + size
  cursor.limit(data.getUint16(at + offset.length))
  return STEP_PPP
}

/** IEEE 802.2: a SNAP header with an ethertype, or IP by its own service access point (RFC 948). */
export function llc(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < 3) return cursor.short(3)
  const access = data.getUint16(at)
  if (access === 0x0606) {
    cursor.at = at + 3
    return STEP_IPV4
  }
  if (access !== 0xaaaa) return cursor.stop(STOP_NO_NETWORK)
  if (cursor.end - at < SNAP.size) return cursor.short(SNAP.size)
  const organization = data.getUint32(at + SNAP.offset.control) & 0xffffff
  // RFC 1042 and IEEE 802.1H: everything else has numbers of its own.
  if (organization !== 0 && organization !== 0x0000f8) return cursor.stop(STOP_NO_NETWORK)
  cursor.type = data.getUint16(at + SNAP.offset.type)
  cursor.at = at + SNAP.size
  return cursor.type > MOST_LENGTH ? STEP_ETHERTYPE : cursor.stop(STOP_ETHERTYPE)
}

export function sll(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < SLL.size) return cursor.short(SLL.size)
  cursor.at = at + SLL.size
  return cooked(cursor, data.getUint16(at + SLL.offset.hardwareType), data.getUint16(at + SLL.offset.protocol))
}

export function sll2(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < SLL2.size) return cursor.short(SLL2.size)
  cursor.at = at + SLL2.size
  return cooked(cursor, data.getUint16(at + SLL2.offset.hardwareType), data.getUint16(at + SLL2.offset.protocol))
}

function cooked(cursor: WalkCursor, hardware: number, protocol: number): number {
  if (hardware === ARPHRD_NETLINK) return cursor.stop(STOP_NO_NETWORK)
  if (hardware === ARPHRD_IPGRE && protocol !== ETH_P_IP && protocol !== ETH_P_IPV6) return STEP_GRE
  // Lower numbers are Linux's own (linux/if_ether.h "Non DIX types"), not lengths.
  if (protocol <= MOST_LENGTH && protocol !== ETH_P_802_2) return cursor.stop(STOP_NO_NETWORK)
  cursor.type = protocol
  return STEP_ETHERTYPE
}

export function chdlc(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < CHDLC.size) return cursor.short(CHDLC.size)
  cursor.type = data.getUint16(at + CHDLC.offset.type)
  cursor.at = at + CHDLC.size
  return STEP_ETHERTYPE
}

/** Frame control, two addresses and LLC; frames that are not LLC's carry no network packet (ANSI X3.139). */
export function fddi(cursor: WalkCursor): number {
  if (cursor.end - cursor.at < 13) return cursor.short(13)
  if ((cursor.data.getUint8(cursor.at) & 0x70) !== 0x50) return cursor.stop(STOP_NO_NETWORK)
  cursor.at += 13
  return STEP_LLC
}

/** RFC 4391 section 6, behind the global route header of 40 bytes: ethertype and two bytes of nothing. */
export function ipoib(cursor: WalkCursor): number {
  if (cursor.end - cursor.at < 44) return cursor.short(44)
  cursor.type = cursor.data.getUint16(cursor.at + 40)
  cursor.at += 44
  return STEP_ETHERTYPE
}

export function rawIp(): number {
  return STEP_IP
}
