// sock_diag for XDP sockets (AF_XDP): request, message into the reused record, and the details that -e shows.

import { layout } from '../../bytes/layout.js'
import { AF_XDP } from '../constants.js'
import type { OtherPart, SocketRecord } from '../record.js'
import { CLOSED } from '../states.js'
import { formatU64 } from '../u64.js'
import { attributeU32, memoryWord, SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_WMEM_ALLOC, startRecord } from './common.js'

/** linux/xdp_diag.h, struct xdp_diag_req. */
export const XDP_REQUEST = layout('xdp_diag_req', 20, [
  ['family', 'u8'],
  ['protocol', 'u8'],
  ['pad', 'u16'],
  ['inode', 'u32'],
  ['show', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/xdp_diag.h, struct xdp_diag_msg. */
export const XDP_MESSAGE = layout('xdp_diag_msg', 16, [
  ['family', 'u8'],
  ['type', 'u8'],
  ['pad', 'u16'],
  ['inode', 'u32'],
  ['cookieLow', 'u32'],
  ['cookieHigh', 'u32'],
])

/** linux/xdp_diag.h, struct xdp_diag_umem. */
const XDP_UMEM = layout('xdp_diag_umem', 40, [
  ['size', 'u64'],
  ['id', 'u32'],
  ['pages', 'u32'],
  ['chunkSize', 'u32'],
  ['headroom', 'u32'],
  ['ifindex', 'u32'],
  ['queueId', 'u32'],
  ['flags', 'u32'],
  ['references', 'u32'],
])

export const XDP_SHOW_INFO = 0x01
export const XDP_SHOW_RING_CFG = 0x02
export const XDP_SHOW_UMEM = 0x04
export const XDP_SHOW_MEMINFO = 0x08
export const XDP_SHOW_STATS = 0x10
export const XDP_SHOW_DEFAULT = XDP_SHOW_INFO | XDP_SHOW_RING_CFG | XDP_SHOW_UMEM | XDP_SHOW_MEMINFO | XDP_SHOW_STATS

/** Attribute numbers; this family starts at 1. */
export const XDP_DIAG_INFO = 1
export const XDP_DIAG_UID = 2
export const XDP_DIAG_RX_RING = 3
export const XDP_DIAG_TX_RING = 4
export const XDP_DIAG_UMEM = 5
export const XDP_DIAG_UMEM_FILL_RING = 6
export const XDP_DIAG_UMEM_COMPLETION_RING = 7
export const XDP_DIAG_MEMINFO = 8
export const XDP_DIAG_STATS = 9

const XDP_DU_F_ZEROCOPY = 1

/** The request payload: 20 bytes. */
export function encodeXdpRequest(request: { show?: number } = {}): Uint8Array {
  const bytes = new Uint8Array(XDP_REQUEST.size)
  bytes[XDP_REQUEST.offset.family] = AF_XDP
  const show = (request.show ?? XDP_SHOW_DEFAULT) >>> 0
  new DataView(bytes.buffer).setUint32(XDP_REQUEST.offset.show, show, true)
  return bytes
}

const AT = XDP_MESSAGE.offset
const SIZE = XDP_MESSAGE.size

/**
 * Fills `record` from the xdp_diag_msg at `start`..`end`; false when the message is too short to be one. The interface is
 * `record.ifindex`, the queue of the interface `record.localPort` and `other.localPort`; `other.localAddress` is `*` for an
 * unbound socket and `ifN` else, for the renderer to replace by the interface's name.
 */
export function decodeXdp(data: DataView, start: number, end: number, record: SocketRecord): boolean {
  if (end - start < SIZE) return false
  startRecord(record, 'xdp', AF_XDP, data.getUint8(start + AT.type))
  record.state = CLOSED
  record.inode = data.getUint32(start + AT.inode, true)
  record.cookieLow = data.getInt32(start + AT.cookieLow, true)
  record.cookieHigh = data.getInt32(start + AT.cookieHigh, true)
  record.unix = record.packet = record.netlink = null
  record.setAttributes(data, start + SIZE, end)
  record.uid = attributeU32(record, XDP_DIAG_UID, record.uid)
  record.recvQueue = memoryWord(record, XDP_DIAG_MEMINFO, SK_MEMINFO_RMEM_ALLOC)
  record.sendQueue = memoryWord(record, XDP_DIAG_MEMINFO, SK_MEMINFO_WMEM_ALLOC)
  const info = record.attributeLength(XDP_DIAG_INFO) >= 8 ? record.attribute(XDP_DIAG_INFO) : -1
  if (info >= 0) {
    record.ifindex = data.getUint32(info, true)
    record.localPort = data.getUint32(info + 4, true)
  }
  const part: OtherPart = { localAddress: '*', localPort: null, peerAddress: '*', peerPort: null }
  record.other = part
  if (record.ifindex !== 0) {
    part.localAddress = `if${record.ifindex}`
    part.localPort = record.localPort
  }
  return true
}

/** Rings, memory area and counters, in ss's words; empty when the kernel sent none. */
export function formatXdpDetails(record: SocketRecord): string {
  const { data } = record
  const words: string[] = []
  ring(record, XDP_DIAG_RX_RING, 'rx', words)
  ring(record, XDP_DIAG_TX_RING, 'tx', words)
  if (record.attributeLength(XDP_DIAG_UMEM) >= XDP_UMEM.size) {
    const at = record.attribute(XDP_DIAG_UMEM)
    const { offset } = XDP_UMEM
    const u32 = (field: keyof typeof offset): number => data.getUint32(at + offset[field], true)
    words.push(
      `umem(id:${u32('id')},size:${formatU64(data, at)},num_pages:${u32('pages')},chunk_size:${u32('chunkSize')},` +
        `headroom:${u32('headroom')},ifindex:${u32('ifindex')},qid:${u32('queueId')},` +
        `zc:${u32('flags') & XDP_DU_F_ZEROCOPY},refs:${u32('references')})`,
    )
    ring(record, XDP_DIAG_UMEM_FILL_RING, 'fr', words)
    ring(record, XDP_DIAG_UMEM_COMPLETION_RING, 'cr', words)
  }
  if (record.attributeLength(XDP_DIAG_STATS) >= STATS.length * 8) {
    const at = record.attribute(XDP_DIAG_STATS)
    words.push(`stats(${STATS.map((name, index) => `${name}:${formatU64(data, at + index * 8)}`).join(',')})`)
  }
  return words.join(' ')
}

/** linux/xdp_diag.h, struct xdp_diag_stats: six u64 in this order. */
const STATS = ['rx dropped', 'rx invalid', 'rx queue full', 'rx fill ring empty', 'tx invalid', 'tx ring empty']

function ring(record: SocketRecord, type: number, name: string, words: string[]): void {
  const entries = attributeU32(record, type, -1)
  if (entries >= 0) words.push(`${name}(entries:${entries})`)
}
