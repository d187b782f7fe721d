// sock_diag for packet sockets: request, message into the reused record, ring and filter details, ethertype names.

import { layout } from '../../bytes/layout.js'
import { AF_PACKET } from '../constants.js'
import type { PacketPart, SocketRecord } from '../record.js'
import { CLOSED } from '../states.js'
import { attributeU32, memoryWord, SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_WMEM_ALLOC, startRecord } from './common.js'

/** linux/packet_diag.h, struct packet_diag_req. The protocol must be 0. */
export const PACKET_REQUEST = layout('packet_diag_req', 20, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['pad', 'u16'],
  ['inode', 'u32'],
  ['show', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/packet_diag.h, struct packet_diag_msg. The ethertype is in host order. */
export const PACKET_MESSAGE = layout('packet_diag_msg', 16, [
  ['family', 'u8'],
  ['type', 'u8'],
  ['ethertype', 'u16'],
  ['inode', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/packet_diag.h, struct packet_diag_info. */
const PACKET_INFO = layout('packet_diag_info', 24, [
  ['ifindex', 'u32'],
  ['version', 'u32'],
  ['reserve', 'u32'],
  ['copyThreshold', 'u32'],
  ['timestamp', 'u32'],
  ['flags', 'u32'],
])

/** linux/packet_diag.h, struct packet_diag_ring. */
const PACKET_RING = layout('packet_diag_ring', 28, [
  ['blockSize', 'u32'],
  ['blocks', 'u32'],
  ['frameSize', 'u32'],
  ['frames', 'u32'],
  ['retireTimeoutMs', 'u32'],
  ['privateSize', 'u32'],
  ['features', 'u32'],
])

/** INFO also brings the uid. */
export const PACKET_SHOW_INFO = 0x01
export const PACKET_SHOW_RING_CFG = 0x04
export const PACKET_SHOW_FANOUT = 0x08
export const PACKET_SHOW_MEMINFO = 0x10
export const PACKET_SHOW_FILTER = 0x20
export const PACKET_SHOW_DEFAULT =
  PACKET_SHOW_INFO | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT | PACKET_SHOW_MEMINFO | PACKET_SHOW_FILTER

/** Attribute numbers; this family starts at 0. */
export const PACKET_DIAG_INFO = 0
export const PACKET_DIAG_RX_RING = 2
export const PACKET_DIAG_TX_RING = 3
export const PACKET_DIAG_FANOUT = 4
export const PACKET_DIAG_UID = 5
export const PACKET_DIAG_MEMINFO = 6
export const PACKET_DIAG_FILTER = 7

/** linux/if_ether.h: every ethertype. */
const ETH_P_ALL = 3

/** The request payload: 20 bytes. */
export function encodePacketRequest(request: { show?: number } = {}): Uint8Array {
  const bytes = new Uint8Array(PACKET_REQUEST.size)
  bytes[PACKET_REQUEST.offset.family] = AF_PACKET
  const show = (request.show ?? PACKET_SHOW_DEFAULT) >>> 0
  new DataView(bytes.buffer).setUint32(PACKET_REQUEST.offset.show, show, true)
  return bytes
}

const AT = PACKET_MESSAGE.offset
const SIZE = PACKET_MESSAGE.size

const emptyPart = (): PacketPart => ({
  ethertype: 0,
  version: null,
  flags: null,
  copyThreshold: null,
  timestamp: null,
  fanoutId: null,
  fanoutType: null,
  receiveRing: false,
  transmitRing: false,
  filter: 'none',
})

/**
 * Fills `record` from the packet_diag_msg at `start`..`end`; false when the message is too short to be one. `filter` is the
 * number of BPF instructions, `hidden` where the kernel refuses them to this user, and `none` when it sent no attribute. The
 * `packet` object is reused.
 */
export function decodePacket(data: DataView, start: number, end: number, record: SocketRecord): boolean {
  if (end - start < SIZE) return false
  startRecord(record, 'packet', AF_PACKET, data.getUint8(start + AT.type))
  record.state = CLOSED
  record.inode = data.getUint32(start + AT.inode, true)
  record.cookieLow = data.getInt32(start + AT.cookieLow, true)
  record.cookieHigh = data.getInt32(start + AT.cookieHigh, true)
  record.unix = record.netlink = record.other = null
  record.setAttributes(data, start + SIZE, end)
  record.uid = attributeU32(record, PACKET_DIAG_UID, record.uid)
  record.recvQueue = memoryWord(record, PACKET_DIAG_MEMINFO, SK_MEMINFO_RMEM_ALLOC)
  record.sendQueue = memoryWord(record, PACKET_DIAG_MEMINFO, SK_MEMINFO_WMEM_ALLOC)

  record.packet ??= emptyPart()
  const part = record.packet
  part.ethertype = data.getUint16(start + AT.ethertype, true)
  const info = record.attributeLength(PACKET_DIAG_INFO) >= PACKET_INFO.size ? record.attribute(PACKET_DIAG_INFO) : -1
  record.ifindex = info < 0 ? 0 : data.getUint32(info + PACKET_INFO.offset.ifindex, true)
  part.version = info < 0 ? null : data.getUint32(info + PACKET_INFO.offset.version, true)
  part.copyThreshold = info < 0 ? null : data.getUint32(info + PACKET_INFO.offset.copyThreshold, true)
  part.timestamp = info < 0 ? null : data.getUint32(info + PACKET_INFO.offset.timestamp, true)
  part.flags = info < 0 ? null : data.getUint32(info + PACKET_INFO.offset.flags, true)
  const fanout = attributeU32(record, PACKET_DIAG_FANOUT, -1)
  part.fanoutId = fanout < 0 ? null : fanout & 0xffff
  part.fanoutType = fanout < 0 ? null : fanout >>> 16
  part.receiveRing = record.attribute(PACKET_DIAG_RX_RING) >= 0
  part.transmitRing = record.attribute(PACKET_DIAG_TX_RING) >= 0
  // An empty attribute is the kernel's "you may not see it" (net/core/sock_diag.c, sock_diag_put_filterinfo).
  const filterBytes = record.attributeLength(PACKET_DIAG_FILTER)
  if (record.attribute(PACKET_DIAG_FILTER) < 0) part.filter = 'none'
  else part.filter = filterBytes === 0 ? 'hidden' : filterBytes >> 3
  return true
}

const FLAGS: readonly (readonly [number, string])[] = [
  [0x01, 'running'],
  [0x02, 'auxdata'],
  [0x04, 'origdev'],
  [0x08, 'vnethdr'],
  [0x10, 'loss'],
]

/** linux/if_packet.h, PACKET_FANOUT_*, in ss's words; it has none for the last two. */
const FANOUT_TYPES = ['hash', 'lb', 'cpu', 'roll', 'random', 'qm', 'cbpf', 'ebpf']

/** Version, flags, rings and fanout in ss's words, for `-e`; empty when the kernel sent none of them. */
export function formatPacketDetails(record: SocketRecord): string {
  const part = record.packet
  if (part === null) return ''
  const words: string[] = []
  if (part.version !== null && part.flags !== null) {
    const { flags } = part
    const names = FLAGS.filter(([bit]) => flags & bit).map(([, name]) => name)
    const rest = flags & ~0x1f
    if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`)
    words.push(`ver:${part.version} cpy_thresh:${part.copyThreshold} flags( ${names.join(' ') || '0'} )`)
  }
  ring(record, PACKET_DIAG_RX_RING, 'ring_rx', words)
  ring(record, PACKET_DIAG_TX_RING, 'ring_tx', words)
  if (part.fanoutId !== null && part.fanoutType !== null) {
    const type = FANOUT_TYPES[part.fanoutType] ?? `0x${part.fanoutType.toString(16)}`
    words.push(`fanout(id:${part.fanoutId},type:${type})`)
  }
  return words.join(' ')
}

function ring(record: SocketRecord, type: number, name: string, words: string[]): void {
  if (record.attributeLength(type) < PACKET_RING.size) return
  const at = record.attribute(type)
  const u32 = (field: keyof typeof PACKET_RING.offset): number =>
    record.data.getUint32(at + PACKET_RING.offset[field], true)
  words.push(
    `${name}(blk_size:${u32('blockSize')},blk_nr:${u32('blocks')},frm_size:${u32('frameSize')},frm_nr:${u32('frames')},` +
      `tmo:${u32('retireTimeoutMs')},features:0x${u32('features').toString(16)})`,
  )
}

/** The socket's classic BPF program as `ss -b` prints it; empty when there is none or it is hidden. */
export function formatPacketFilter(record: SocketRecord): string {
  const count = record.attributeLength(PACKET_DIAG_FILTER) >> 3
  if (count === 0) return ''
  const { data } = record
  let at = record.attribute(PACKET_DIAG_FILTER)
  let text = `bpf filter (${count}): `
  // linux/filter.h, struct sock_filter: u16 code, u8 jt, u8 jf, u32 k.
  for (let index = 0; index < count; index++, at += 8) {
    const code = data.getUint16(at, true).toString(16).padStart(2, '0')
    text += ` 0x${code} ${data.getUint8(at + 2)} ${data.getUint8(at + 3)} ${data.getUint32(at + 4, true)},`
  }
  return text
}

/** Ethertype names as ss prints them (iproute2 lib/ll_proto.c); checked against ss for every number of linux/if_ether.h. */
const ETHERTYPES: readonly (readonly [number, string])[] = [
  [0x0001, '802_3'],
  [0x0002, 'ax25'],
  [0x0004, '802_2'],
  [0x0005, 'snap'],
  [0x0006, 'ddcmp'],
  [0x0007, 'wan_ppp'],
  [0x0008, 'ppp_mp'],
  [0x0009, 'localtalk'],
  [0x000c, 'can'],
  [0x0010, 'ppptalk'],
  [0x0011, 'tr_802_2'],
  [0x0015, 'mobitex'],
  [0x0016, 'control'],
  [0x0017, 'irda'],
  [0x0018, 'econet'],
  [0x0060, 'loop'],
  [0x0200, 'pup'],
  [0x0201, 'pupat'],
  [0x0800, 'ip'],
  [0x0805, 'x25'],
  [0x0806, 'arp'],
  [0x08ff, 'bpq'],
  [0x0a00, 'ieeepup'],
  [0x0a01, 'ieeepupat'],
  [0x6000, 'dec'],
  [0x6001, 'dna_dl'],
  [0x6002, 'dna_rc'],
  [0x6003, 'dna_rt'],
  [0x6004, 'lat'],
  [0x6005, 'diag'],
  [0x6006, 'cust'],
  [0x6007, 'sca'],
  [0x6558, 'teb'],
  [0x8035, 'rarp'],
  [0x809b, 'atalk'],
  [0x80f3, 'aarp'],
  [0x8100, '802.1Q'],
  [0x8137, 'ipx'],
  [0x86dd, 'ipv6'],
  [0x8847, 'mpls_uc'],
  [0x8848, 'mpls_mc'],
  [0x884c, 'atmmpoa'],
  [0x8863, 'ppp_disc'],
  [0x8864, 'ppp_ses'],
  [0x8884, 'atmfate'],
  [0x8892, 'profinet'],
  [0x88a2, 'aoe'],
  [0x88a4, 'ethercat'],
  [0x88a8, '802.1ad'],
  [0x88ca, 'tipc'],
  [0x88cc, 'LLDP'],
]
const NAME_OF = new Map(ETHERTYPES)
const NUMBER_OF = new Map(ETHERTYPES.map(([number, name]) => [name.toLowerCase(), number]))

/** An ethertype as ss prints it: its name, `*` for all, `[N]` in decimal where it has no name or numbers are wanted. */
export function formatEthertype(ethertype: number, numeric = false): string {
  if (ethertype === ETH_P_ALL) return '*'
  return (numeric ? undefined : NAME_OF.get(ethertype)) ?? `[${ethertype}]`
}

/** The number of an ethertype given by name or number (`ip`, `0x800`, `2048`, `*`); null when it is none of them. */
export function parseEthertype(text: string): number | null {
  const word = text.toLowerCase()
  if (word === '*' || word === 'all') return ETH_P_ALL
  const named = NUMBER_OF.get(word === 'ipv4' ? 'ip' : word)
  if (named !== undefined) return named
  if (!/^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text)) return null
  return Number(text) <= 0xffff ? Number(text) : null
}
