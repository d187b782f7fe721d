// The text of `-i` for a TCP socket: ss's tokens in ss's order, then what ss does not show.

import { formatBandwidth, formatF1, formatMillis } from './c-format.js'
import { congestionControl, formatCongestionInfo, vegasRttUs } from './congestion.js'
import { INET_DIAG_INFO } from './diag/inet-diag.js'
import type { SocketRecord } from './record.js'
import {
  formatCongestionState,
  formatFastopenFailure,
  INFINITE_THRESHOLD,
  isUnlimited,
  TCP_INFO,
  TCPI_OPT_ECN,
  TCPI_OPT_ECN_SEEN,
  TCPI_OPT_SACK,
  TCPI_OPT_SYN_DATA,
  TCPI_OPT_TIMESTAMPS,
  TCPI_OPT_USEC_TS,
  TCPI_OPT_WSCALE,
  UNSET_U32,
} from './tcp-info.js'
import { approximateU64, formatU64 } from './u64.js'
import { formatMd5, formatUlp } from './ulp-info.js'

export interface TcpInfoStyle {
  /** `-n`: rates with every digit instead of `11.2G`. */
  numeric?: boolean
  /** `-o` or `-e`: names the agreed options (`ts sack ecn`). */
  options?: boolean
}

const AT = TCP_INFO.offset
/** tcp_rto_init of old kernels, which ss takes for "not measured" and hides. */
const DEFAULT_RTO_US = 3_000_000
const DEFAULT_REORDERING = 3

// The struct being formatted: a field beyond its end reads 0 and is thereby not shown, as in ss.
let data: DataView = new DataView(new ArrayBuffer(0))
let base = 0
let size = 0

const u8 = (field: number): number => (field < size ? data.getUint8(base + field) : 0)
const u16 = (field: number): number => (field + 2 <= size ? data.getUint16(base + field, true) : 0)
const u32 = (field: number): number => (field + 4 <= size ? data.getUint32(base + field, true) : 0)
const u64 = (field: number): number => (field + 8 <= size ? approximateU64(data, base + field) : 0)

const count = (label: string, field: number): string => {
  const value = u32(field)
  return value === 0 ? '' : ` ${label}:${value}`
}
const millis = (label: string, field: number): string => {
  const value = u32(field)
  return value === 0 ? '' : ` ${label}:${formatMillis(value)}`
}
const long = (label: string, field: number): string =>
  u64(field) === 0 ? '' : ` ${label}:${formatU64(data, base + field)}`

/**
 * What `-i` shows of a TCP socket, words joined by blanks. Zeros are left out, as in ss; a listener's accept queue, which ss
 * shows as `unacked`, is left to the queue columns. Empty when the kernel sent no tcp_info.
 */
export function formatTcpInfo(record: SocketRecord, style: TcpInfoStyle = {}): string {
  if (record.protocol !== 'tcp') return ''
  const at = record.attribute(INET_DIAG_INFO)
  const tail = formatMd5(record) + formatUlp(record)
  if (at < 0) return tail.trimStart()
  data = record.data
  base = at
  size = record.attributeLength(INET_DIAG_INFO)
  const numeric = style.numeric ?? false
  const options = u8(AT.options)
  let text = style.options ? optionTokens(options) : ''
  const congestion = congestionControl(record)
  if (congestion !== null) text += ` ${congestion}`
  if (options & TCPI_OPT_WSCALE) text += ` wscale:${u8(AT.windowScales) & 0xf},${u8(AT.windowScales) >> 4}`
  text += connectionTokens()
  text += formatCongestionInfo(record, numeric)
  text += rateTokens(numeric, vegasRttUs(record))
  text += limitTokens()
  text += lossTokens(record.isListener)
  text += hiddenTokens()
  return (text + tail).trimStart()
}

function optionTokens(options: number): string {
  let text = ''
  if (options & TCPI_OPT_TIMESTAMPS) text += ' ts'
  if (options & TCPI_OPT_USEC_TS) text += ' usec_ts'
  if (options & TCPI_OPT_SACK) text += ' sack'
  if (options & TCPI_OPT_ECN) text += ' ecn'
  if (options & TCPI_OPT_ECN_SEEN) text += ' ecnseen'
  if (options & TCPI_OPT_SYN_DATA) text += ' fastopen'
  return text
}

function connectionTokens(): string {
  const rto = u32(AT.rtoUs)
  const rtt = u32(AT.rttUs)
  const backoff = u8(AT.backoff)
  const threshold = u32(AT.sendThresholdSegments)
  let text = ''
  if (rto !== 0 && rto !== DEFAULT_RTO_US) text += ` rto:${formatMillis(rto)}`
  if (backoff !== 0) text += ` backoff:${backoff}`
  if (rtt !== 0) text += ` rtt:${formatMillis(rtt)}/${formatMillis(u32(AT.rttVarianceUs))}`
  text += millis('ato', AT.atoUs)
  text += count('mss', AT.sendMssBytes)
  text += count('pmtu', AT.pathMtuBytes)
  text += count('rcvmss', AT.receiveMssBytes)
  text += count('advmss', AT.advertisedMssBytes)
  text += count('cwnd', AT.congestionWindowSegments)
  if (threshold !== 0 && threshold < INFINITE_THRESHOLD) text += ` ssthresh:${threshold}`
  text += long('bytes_sent', AT.bytesSent)
  text += long('bytes_retrans', AT.bytesRetransmitted)
  text += long('bytes_acked', AT.bytesAcked)
  text += long('bytes_received', AT.bytesReceived)
  text += count('segs_out', AT.segmentsOut)
  text += count('segs_in', AT.segmentsIn)
  text += count('data_segs_out', AT.dataSegmentsOut)
  text += count('data_segs_in', AT.dataSegmentsIn)
  return text
}

function rateTokens(numeric: boolean, vegasRtt: number): string {
  const rtt = vegasRtt || u32(AT.rttUs)
  const mss = u32(AT.sendMssBytes)
  const window = u32(AT.congestionWindowSegments)
  let text = ''
  if (rtt > 0 && mss > 0 && window > 0) text += ` send ${formatBandwidth((window * mss * 8_000_000) / rtt, numeric)}bps`
  text += count('lastsnd', AT.lastDataSentMs)
  text += count('lastrcv', AT.lastDataReceivedMs)
  text += count('lastack', AT.lastAckReceivedMs)
  const pacing = u64(AT.pacingRateBytesPerSecond)
  if (pacing !== 0 && !isUnlimited(data, base + AT.pacingRateBytesPerSecond)) {
    text += ` pacing_rate ${formatBandwidth(pacing * 8, numeric)}bps`
    const limit = u64(AT.maxPacingRateBytesPerSecond)
    if (limit !== 0 && !isUnlimited(data, base + AT.maxPacingRateBytesPerSecond)) {
      text += `/${formatBandwidth(limit * 8, numeric)}bps`
    }
  }
  const delivery = u64(AT.deliveryRateBytesPerSecond)
  if (delivery !== 0) text += ` delivery_rate ${formatBandwidth(delivery * 8, numeric)}bps`
  text += count('delivered', AT.deliveredSegments)
  text += count('delivered_ce', AT.deliveredCeSegments)
  if (u8(AT.limits) & 1) text += ' app_limited'
  return text
}

function limitTokens(): string {
  const busy = u64(AT.busyUs)
  if (busy === 0) return ''
  const share = (label: string, us: number): string =>
    us === 0 ? '' : ` ${label}:${Math.trunc(us / 1000)}ms(${formatF1((100 * us) / busy)}%)`
  return (
    ` busy:${Math.trunc(busy / 1000)}ms` +
    share('rwnd_limited', u64(AT.receiveWindowLimitedUs)) +
    share('sndbuf_limited', u64(AT.sendBufferLimitedUs))
  )
}

function lossTokens(listener: boolean): string {
  const retrans = u32(AT.retransSegments)
  const totalRetrans = u32(AT.totalRetransSegments)
  const reordering = u32(AT.reorderingSegments)
  const minRtt = u32(AT.minRttUs)
  let text = listener ? '' : count('unacked', AT.unackedSegments)
  if (retrans !== 0 || totalRetrans !== 0) text += ` retrans:${retrans}/${totalRetrans}`
  text += count('lost', AT.lostSegments)
  if (!listener) text += count('sacked', AT.sackedSegments)
  text += count('dsack_dups', AT.dsackDuplicates)
  text += count('fackets', AT.fackets)
  if (reordering !== 0 && reordering !== DEFAULT_REORDERING) text += ` reordering:${reordering}`
  text += count('reord_seen', AT.reorderingsSeen)
  text += millis('rcv_rtt', AT.receiveRttUs)
  text += count('rcv_space', AT.receiveSpaceBytes)
  text += count('rcv_ssthresh', AT.receiveThresholdBytes)
  text += count('notsent', AT.notSentBytes)
  if (minRtt !== 0 && minRtt !== UNSET_U32) text += ` minrtt:${formatMillis(minRtt)}`
  text += count('rcv_ooopack', AT.outOfOrderSegments)
  text += count('snd_wnd', AT.sendWindowBytes)
  text += count('rcv_wnd', AT.receiveWindowBytes)
  text += count('rehash', AT.rehashes)
  return text
}

/** What the kernel says and ss does not print in any version. */
function hiddenTokens(): string {
  const state = u8(AT.congestionState)
  const retransmits = u8(AT.retransmits)
  const probes = u8(AT.probes)
  const timeouts = u16(AT.rtoCount)
  const fastopen = formatFastopenFailure((u8(AT.limits) >> 1) & 3)
  const accEcn = u32(AT.accEcnStatusBits)
  let text = ''
  if (state !== 0) text += ` ca_state:${formatCongestionState(state)}`
  if (retransmits !== 0) text += ` retransmits:${retransmits}`
  if (probes !== 0) text += ` probes:${probes}`
  if (timeouts !== 0) text += ` total_rto:${timeouts} rto_recoveries:${u16(AT.rtoRecoveries)}`
  const rtoTime = u32(AT.rtoRecoveryMs)
  if (rtoTime !== 0) text += ` rto_time:${rtoTime}ms`
  if (fastopen !== null) text += ` fastopen_fail:${fastopen}`
  text += count('received_ce', AT.receivedCeSegments)
  text += count('delivered_e1_bytes', AT.deliveredEct1Bytes)
  text += count('delivered_e0_bytes', AT.deliveredEct0Bytes)
  text += count('delivered_ce_bytes', AT.deliveredCeBytes)
  text += count('received_e1_bytes', AT.receivedEct1Bytes)
  text += count('received_e0_bytes', AT.receivedEct0Bytes)
  text += count('received_ce_bytes', AT.receivedCeBytes)
  if (accEcn !== 0) text += ` accecn_bits:0x${accEcn.toString(16)}`
  if (size > TCP_INFO.size) text += ` undecoded:${size - TCP_INFO.size}B`
  return text
}
