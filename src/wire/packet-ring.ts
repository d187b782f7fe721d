// linux/if_packet.h: packet sockets and the TPACKET_V3 ring that the kernel writes received packets to.

import { layout } from '../bytes/layout.js'

/** struct sockaddr_ll. */
export const SOCKADDR_LL = layout('sockaddr_ll', 20, [
  ['family', 'u16'],
  ['protocol', 'be16'],
  ['ifindex', 'u32'],
  ['hatype', 'u16'],
  ['pkttype', 'u8'],
  ['halen', 'u8'],
  ['address', 8],
])

/** struct packet_mreq. */
export const PACKET_MREQ = layout('packet_mreq', 16, [
  ['ifindex', 'u32'],
  ['type', 'u16'],
  ['addressLength', 'u16'],
  ['address', 8],
])

/** struct tpacket_req3: what a ring shall be. */
export const TPACKET_REQ3 = layout('tpacket_req3', 28, [
  ['blockSize', 'u32'],
  ['blockCount', 'u32'],
  ['frameSize', 'u32'],
  ['frameCount', 'u32'],
  ['retireMs', 'u32'],
  ['privateBytes', 'u32'],
  ['features', 'u32'],
])

/** struct tpacket_stats_v3. Counts since they were last read; `packets` includes `drops`. */
export const TPACKET_STATS_V3 = layout('tpacket_stats_v3', 12, [
  ['packets', 'u32'],
  ['drops', 'u32'],
  ['freezes', 'u32'],
])

/** struct tpacket_block_desc with its struct tpacket_hdr_v1. */
export const TPACKET_BLOCK_DESC = layout('tpacket_block_desc', 48, [
  ['version', 'u32'],
  ['privateOffset', 'u32'],
  ['status', 'u32'],
  ['packets', 'u32'],
  ['firstPacket', 'u32'],
  ['length', 'u32'],
  ['sequence', 'u64'],
  ['firstTime', 8],
  ['lastTime', 8],
])

/** struct tpacket3_hdr with its struct tpacket_hdr_variant1. */
export const TPACKET3_HDR = layout('tpacket3_hdr', 48, [
  ['nextOffset', 'u32'],
  ['seconds', 'u32'],
  ['nanoseconds', 'u32'],
  ['capturedLength', 'u32'],
  ['wireLength', 'u32'],
  ['status', 'u32'],
  ['linkOffset', 'u16'],
  ['networkOffset', 'u16'],
  ['rxhash', 'u32'],
  ['vlanTci', 'u32'],
  ['vlanTpid', 'u16'],
  ['padding', 10],
])

/** Where the struct sockaddr_ll of a packet is, from its struct tpacket3_hdr (TPACKET_ALIGN). */
export const TPACKET3_ADDRESS = 48

export const AF_PACKET = 17
export const ETH_P_ALL = 0x0003
export const SOL_PACKET = 263
export const PACKET_ADD_MEMBERSHIP = 1
export const PACKET_RX_RING = 5
export const PACKET_STATISTICS = 6
export const PACKET_VERSION = 10
export const PACKET_RESERVE = 12
export const PACKET_MR_PROMISC = 1
export const TPACKET_V3 = 2

/** Block status: whose it is. */
export const TP_STATUS_KERNEL = 0
export const TP_STATUS_USER = 1
/** Packet status: a tag that the interface took out of the packet. */
export const TP_STATUS_VLAN_VALID = 1 << 4
export const TP_STATUS_VLAN_TPID_VALID = 1 << 6

/** Packet types of struct sockaddr_ll. */
export const PACKET_OUTGOING = 4

/** linux/if_arp.h: kinds of interface. */
export const ARPHRD_ETHER = 1
export const ARPHRD_RAWIP = 519
export const ARPHRD_TUNNEL = 768
export const ARPHRD_TUNNEL6 = 769
export const ARPHRD_LOOPBACK = 772
export const ARPHRD_SIT = 776
export const ARPHRD_NONE = 0xfffe
