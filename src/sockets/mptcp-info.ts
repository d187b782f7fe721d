// mptcp_info: the fields of the kernel's struct, their values for the model, and the text of `-i` for an MPTCP socket.

import { layout } from '../bytes/layout.js'
import type { TextSink } from '../bytes/text-sink.js'
import { INET_DIAG_INFO } from './diag/inet-diag.js'
import type { TcpDetails } from './model.js'
import type { SocketRecord } from './record.js'
import { readU64, writeHex, writeU64 } from './u64.js'

/** linux/mptcp.h, struct mptcp_info, as Linux 6.18 sends it; older kernels send less. The pads are the compiler's. */
export const MPTCP_INFO = layout('mptcp_info', 96, [
  ['subflows', 'u8'],
  ['addressesSignalled', 'u8'],
  ['addressesAccepted', 'u8'],
  ['subflowsLimit', 'u8'],
  ['addressesSignalledLimit', 'u8'],
  ['addressesAcceptedLimit', 'u8'],
  ['pad0', 'u16'],
  ['flags', 'u32'],
  ['token', 'u32'],
  ['writeSequence', 'u64'],
  ['sendUnacknowledged', 'u64'],
  ['receiveNext', 'u64'],
  ['localAddressesUsed', 'u8'],
  ['localAddressesLimit', 'u8'],
  ['checksumEnabled', 'u8'],
  ['pad1', 'u8'],
  ['retransmits', 'u32'],
  ['bytesRetransmitted', 'u64'],
  ['bytesSent', 'u64'],
  ['bytesReceived', 'u64'],
  ['bytesAcked', 'u64'],
  ['subflowsTotal', 'u8'],
  ['endpointsLocal', 'u8'],
  ['endpointsFullmesh', 'u8'],
  ['endpointsSubflow', 'u8'],
  ['lastDataSentMs', 'u32'],
  ['lastDataReceivedMs', 'u32'],
  ['lastAckReceivedMs', 'u32'],
])

type Field = keyof typeof MPTCP_INFO.offset

const COLON = 0x3a
const SPACE = 0x20

/** MPTCP_INFO_FLAG_FALLBACK and MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED. */
const FLAG_FALLBACK = 1
const FLAG_REMOTE_KEY = 2

const ENTRIES = Object.entries(MPTCP_INFO.offset) as [Field, number][]
const ROWS = ENTRIES.map(([name, offset], index) => ({
  name,
  offset,
  width: (ENTRIES[index + 1]?.[1] ?? MPTCP_INFO.size) - offset,
})).filter(({ name }) => !name.startsWith('pad'))

/**
 * Every field of the mptcp_info that the kernel sent with this socket; null when it sent none. Fields that an older kernel
 * lacks are null; a u64 above 2^53 is a decimal string; the token is hex, as `ip mptcp` shows it.
 */
export function mptcpDetails(record: SocketRecord): TcpDetails | null {
  const base = record.protocol === 'mptcp' ? record.attribute(INET_DIAG_INFO) : -1
  if (base < 0) return null
  const { data } = record
  const size = record.attributeLength(INET_DIAG_INFO)
  const info: TcpDetails = {}
  for (const { name, offset, width } of ROWS) {
    const at = offset + width <= size ? base + offset : -1
    if (name === 'flags') {
      const flags = at < 0 ? null : data.getUint32(at, true)
      info['fallback'] = flags === null ? null : (flags & FLAG_FALLBACK) !== 0
      info['remoteKeyReceived'] = flags === null ? null : (flags & FLAG_REMOTE_KEY) !== 0
    } else if (at < 0) info[name] = null
    else if (name === 'token') info[name] = data.getUint32(at, true).toString(16)
    else if (name === 'checksumEnabled') info[name] = data.getUint8(at) !== 0
    else if (width === 8) info[name] = readU64(data, at)
    else info[name] = width === 4 ? data.getUint32(at, true) : data.getUint8(at)
  }
  info['undecodedBytes'] = Math.max(0, size - MPTCP_INFO.size)
  return info
}

/** ss's tokens in ss's order: label, field, and how it is written. Zeros are not shown. */
const TOKENS: readonly (readonly [string, Field, 'decimal' | 'hex' | 'flags'])[] = [
  ['subflows', 'subflows', 'decimal'],
  ['add_addr_signal', 'addressesSignalled', 'decimal'],
  ['add_addr_accepted', 'addressesAccepted', 'decimal'],
  ['subflows_max', 'subflowsLimit', 'decimal'],
  ['add_addr_signal_max', 'addressesSignalledLimit', 'decimal'],
  ['add_addr_accepted_max', 'addressesAcceptedLimit', 'decimal'],
  ['', 'flags', 'flags'],
  ['token', 'token', 'hex'],
  ['write_seq', 'writeSequence', 'hex'],
  ['snd_una', 'sendUnacknowledged', 'hex'],
  ['rcv_nxt', 'receiveNext', 'hex'],
  ['local_addr_used', 'localAddressesUsed', 'decimal'],
  ['local_addr_max', 'localAddressesLimit', 'decimal'],
  ['csum_enabled', 'checksumEnabled', 'decimal'],
  ['retransmits', 'retransmits', 'decimal'],
  ['bytes_retrans', 'bytesRetransmitted', 'decimal'],
  ['bytes_sent', 'bytesSent', 'decimal'],
  ['bytes_received', 'bytesReceived', 'decimal'],
  ['bytes_acked', 'bytesAcked', 'decimal'],
  ['subflows_total', 'subflowsTotal', 'decimal'],
  ['last_data_sent', 'lastDataSentMs', 'decimal'],
  ['last_data_recv', 'lastDataReceivedMs', 'decimal'],
  ['last_ack_recv', 'lastAckReceivedMs', 'decimal'],
]
const WIDTH_OF = new Map(ROWS.map(({ name, width }) => [name, width]))

/** What `-i` shows of an MPTCP socket, in ss's words; nothing when the kernel sent no mptcp_info. */
export function writeMptcpInfo(record: SocketRecord, sink: TextSink): void {
  const base = record.protocol === 'mptcp' ? record.attribute(INET_DIAG_INFO) : -1
  if (base < 0) return
  const { data } = record
  const size = record.attributeLength(INET_DIAG_INFO)
  for (const [label, field, style] of TOKENS) {
    const at = base + MPTCP_INFO.offset[field]
    const width = WIDTH_OF.get(field)!
    if (at + width > base + size) continue
    const high = width === 8 ? data.getUint32(at + 4, true) : 0
    const low = width === 1 ? data.getUint8(at) : data.getUint32(at, true)
    if (low === 0 && high === 0) continue
    if (style === 'flags') {
      if (low & FLAG_FALLBACK) sink.ascii('fallback ')
      if (low & FLAG_REMOTE_KEY) sink.ascii('remote_key ')
      continue
    }
    sink.ascii(label)
    sink.byte(COLON)
    if (style === 'hex') writeHex(low, high, sink)
    else if (width === 8) writeU64(data, at, sink)
    else sink.number(low)
    sink.byte(SPACE)
  }
  if (size > MPTCP_INFO.size) sink.ascii(`undecoded:${size - MPTCP_INFO.size}B `)
}
