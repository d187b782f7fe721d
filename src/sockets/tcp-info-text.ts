// The text of `-i` for a TCP socket: ss's words in ss's order, then what ss does not show.

import { Label, type TextSink } from '../bytes/text-sink.js'
import { writeBandwidth, writeF1, writeMillis } from './c-format.js'
import { vegasRttUs, writeCongestionControl, writeCongestionInfo } from './congestion.js'
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
import {
  DELIVERED_WORDS,
  DUPLICATE_WORDS,
  ECN_WORDS,
  LAST_WORDS,
  LOST_WORDS,
  RECEIVE_WORDS,
  SACKED_WORDS,
  SEGMENT_WORDS,
  TRAFFIC_WORDS,
  UNACKED_WORDS,
  WINDOW_WORDS,
  type Word,
} from './tcp-info-words.js'
import { approximateU64, writeU64 } from './u64.js'
import { writeMd5, writeUlp } from './ulp-info.js'

export interface TcpInfoStyle {
  /** `-n`: rates with every digit instead of `11.2G`. */
  numeric?: boolean
  /** `-o` or `-e`: names the agreed options (`ts sack ecn`). */
  options?: boolean
}

/** tcp_rto_init of old kernels, which ss takes for "not measured" and hides. */
const DEFAULT_RTO_US = 3_000_000
const DEFAULT_REORDERING = 3
const SPACE = 0x20
const COMMA = 0x2c
const SLASH = 0x2f

// Fields of which more is known than a label; the table of offsets is too large for V8 to look up quickly in a loop.
const {
  congestionState: CONGESTION_STATE,
  retransmits: RETRANSMITS,
  probes: PROBES,
  backoff: BACKOFF,
  options: OPTIONS,
  windowScales: WINDOW_SCALES,
  limits: LIMITS,
  rtoUs: RTO,
  sendMssBytes: MSS,
  retransSegments: RETRANS,
  rttUs: RTT,
  rttVarianceUs: RTT_VARIANCE,
  sendThresholdSegments: THRESHOLD,
  congestionWindowSegments: WINDOW,
  reorderingSegments: REORDERING,
  totalRetransSegments: TOTAL_RETRANS,
  pacingRateBytesPerSecond: PACING_RATE,
  maxPacingRateBytesPerSecond: MAX_PACING_RATE,
  minRttUs: MIN_RTT,
  deliveryRateBytesPerSecond: DELIVERY_RATE,
  busyUs: BUSY,
  receiveWindowLimitedUs: RECEIVE_LIMITED,
  sendBufferLimitedUs: SEND_LIMITED,
  rtoCount: RTO_COUNT,
  rtoRecoveries: RTO_RECOVERIES,
  rtoRecoveryMs: RTO_RECOVERY_MS,
  accEcnStatusBits: ACC_ECN,
} = TCP_INFO.offset

const APP_LIMITED = new Label('app_limited ')
const BACKOFF_LABEL = new Label('backoff:')
const BPS = new Label('bps ')
const BUSY_LABEL = new Label('busy:')
const DELIVERY_RATE_LABEL = new Label('delivery_rate ')
const MIN_RTT_LABEL = new Label('minrtt:')
const PACING_RATE_LABEL = new Label('pacing_rate ')
const PER_LIMIT = new Label('bps/')
const PER_CENT = new Label('%) ')
const RECEIVE_LIMITED_LABEL = new Label('rwnd_limited:')
const REORDERING_LABEL = new Label('reordering:')
const RETRANS_LABEL = new Label('retrans:')
const RTO_LABEL = new Label('rto:')
const RTT_LABEL = new Label('rtt:')
const SEND = new Label('send ')
const SEND_LIMITED_LABEL = new Label('sndbuf_limited:')
const THRESHOLD_LABEL = new Label('ssthresh:')
const WSCALE = new Label('wscale:')

// The struct being shown: a field beyond its end reads 0 and is thereby left out, as in ss.
let data: DataView = new DataView(new ArrayBuffer(0))
let base = 0
let size = 0

const u8 = (field: number): number => (field < size ? data.getUint8(base + field) : 0)
const u16 = (field: number): number => (field + 2 <= size ? data.getUint16(base + field, true) : 0)
const u32 = (field: number): number => (field + 4 <= size ? data.getUint32(base + field, true) : 0)
const u64 = (field: number): number => (field + 8 <= size ? approximateU64(data, base + field) : 0)

function words(list: readonly Word[], sink: TextSink): void {
  const view = data
  const start = base
  const length = size
  for (let index = 0; index < list.length; index++) {
    const { label, at, kind } = list[index]!
    if (at + 4 > length) continue
    const value = view.getUint32(start + at, true)
    if (kind === 'u32') {
      if (value !== 0) sink.count(label, value)
    } else if (kind === 'millis') {
      if (value !== 0) millis(label, value, sink)
    } else if (at + 8 <= length) {
      const high = view.getUint32(start + at + 4, true)
      if (high !== 0) large(label, view, start + at, sink)
      else if (value !== 0) sink.count(label, value)
    }
  }
}

function large(label: Label, view: DataView, at: number, sink: TextSink): void {
  sink.label(label)
  writeU64(view, at, sink)
  sink.byte(SPACE)
}

function millis(label: Label, us: number, sink: TextSink): void {
  sink.label(label)
  writeMillis(us, sink)
  sink.byte(SPACE)
}

/**
 * What `-i` shows of a TCP socket. Zeros are left out, as in ss; a listener's accept queue, which ss shows as `unacked`, is
 * left to the queue columns. Nothing when the kernel sent no tcp_info.
 */
export function writeTcpInfo(record: SocketRecord, sink: TextSink, style: TcpInfoStyle = {}): void {
  if (record.protocol !== 'tcp') return
  const at = record.attribute(INET_DIAG_INFO)
  if (at >= 0) {
    data = record.data
    base = at
    size = record.attributeLength(INET_DIAG_INFO)
    const numeric = style.numeric ?? false
    const options = u8(OPTIONS)
    if (style.options) optionWords(options, sink)
    writeCongestionControl(record, sink)
    connectionWords(options, sink)
    writeCongestionInfo(record, numeric, sink)
    rateWords(numeric, vegasRttUs(record), sink)
    limitWords(sink)
    lossWords(record.isListener, sink)
    hiddenWords(sink)
  }
  writeMd5(record, sink)
  writeUlp(record, sink)
}

function optionWords(options: number, sink: TextSink): void {
  if (options & TCPI_OPT_TIMESTAMPS) sink.ascii('ts ')
  if (options & TCPI_OPT_USEC_TS) sink.ascii('usec_ts ')
  if (options & TCPI_OPT_SACK) sink.ascii('sack ')
  if (options & TCPI_OPT_ECN) sink.ascii('ecn ')
  if (options & TCPI_OPT_ECN_SEEN) sink.ascii('ecnseen ')
  if (options & TCPI_OPT_SYN_DATA) sink.ascii('fastopen ')
}

function connectionWords(options: number, sink: TextSink): void {
  const rto = u32(RTO)
  const rtt = u32(RTT)
  const backoff = u8(BACKOFF)
  const threshold = u32(THRESHOLD)
  if (options & TCPI_OPT_WSCALE) {
    const scales = u8(WINDOW_SCALES)
    sink.label(WSCALE)
    sink.number(scales & 0xf)
    sink.byte(COMMA)
    sink.number(scales >> 4)
    sink.byte(SPACE)
  }
  if (rto !== 0 && rto !== DEFAULT_RTO_US) millis(RTO_LABEL, rto, sink)
  if (backoff !== 0) sink.count(BACKOFF_LABEL, backoff)
  if (rtt !== 0) {
    sink.label(RTT_LABEL)
    writeMillis(rtt, sink)
    sink.byte(SLASH)
    writeMillis(u32(RTT_VARIANCE), sink)
    sink.byte(SPACE)
  }
  words(SEGMENT_WORDS, sink)
  if (threshold !== 0 && threshold < INFINITE_THRESHOLD) sink.count(THRESHOLD_LABEL, threshold)
  words(TRAFFIC_WORDS, sink)
}

function rateWords(numeric: boolean, vegasRtt: number, sink: TextSink): void {
  const rtt = vegasRtt || u32(RTT)
  const mss = u32(MSS)
  const window = u32(WINDOW)
  if (rtt > 0 && mss > 0 && window > 0) bandwidth(SEND, (window * mss * 8_000_000) / rtt, numeric, sink)
  words(LAST_WORDS, sink)
  const pacing = u64(PACING_RATE)
  if (pacing !== 0 && !isUnlimited(data, base + PACING_RATE)) {
    const limit = u64(MAX_PACING_RATE)
    sink.label(PACING_RATE_LABEL)
    writeBandwidth(pacing * 8, numeric, sink)
    if (limit === 0 || isUnlimited(data, base + MAX_PACING_RATE)) sink.label(BPS)
    else bandwidth(PER_LIMIT, limit * 8, numeric, sink)
  }
  const delivery = u64(DELIVERY_RATE)
  if (delivery !== 0) bandwidth(DELIVERY_RATE_LABEL, delivery * 8, numeric, sink)
  words(DELIVERED_WORDS, sink)
  if (u8(LIMITS) & 1) sink.label(APP_LIMITED)
}

function bandwidth(label: Label, bps: number, numeric: boolean, sink: TextSink): void {
  sink.label(label)
  writeBandwidth(bps, numeric, sink)
  sink.label(BPS)
}

function limitWords(sink: TextSink): void {
  const busy = u64(BUSY)
  if (busy === 0) return
  sink.label(BUSY_LABEL)
  sink.number(Math.trunc(busy / 1000))
  sink.ascii('ms ')
  share(RECEIVE_LIMITED_LABEL, u64(RECEIVE_LIMITED), busy, sink)
  share(SEND_LIMITED_LABEL, u64(SEND_LIMITED), busy, sink)
}

function share(label: Label, us: number, busy: number, sink: TextSink): void {
  if (us === 0) return
  sink.label(label)
  sink.number(Math.trunc(us / 1000))
  sink.ascii('ms(')
  writeF1((100 * us) / busy, sink)
  sink.label(PER_CENT)
}

function lossWords(listener: boolean, sink: TextSink): void {
  const retrans = u32(RETRANS)
  const totalRetrans = u32(TOTAL_RETRANS)
  const reordering = u32(REORDERING)
  const minRtt = u32(MIN_RTT)
  if (!listener) words(UNACKED_WORDS, sink)
  if (retrans !== 0 || totalRetrans !== 0) {
    sink.label(RETRANS_LABEL)
    sink.number(retrans)
    sink.byte(SLASH)
    sink.number(totalRetrans)
    sink.byte(SPACE)
  }
  words(LOST_WORDS, sink)
  if (!listener) words(SACKED_WORDS, sink)
  words(DUPLICATE_WORDS, sink)
  if (reordering !== 0 && reordering !== DEFAULT_REORDERING) sink.count(REORDERING_LABEL, reordering)
  words(RECEIVE_WORDS, sink)
  if (minRtt !== 0 && minRtt !== UNSET_U32) millis(MIN_RTT_LABEL, minRtt, sink)
  words(WINDOW_WORDS, sink)
}

/** What the kernel says and ss does not print in any version. */
function hiddenWords(sink: TextSink): void {
  const state = u8(CONGESTION_STATE)
  const retransmits = u8(RETRANSMITS)
  const probes = u8(PROBES)
  const timeouts = u16(RTO_COUNT)
  const rtoTime = u32(RTO_RECOVERY_MS)
  const fastopen = formatFastopenFailure((u8(LIMITS) >> 1) & 3)
  const accEcn = u32(ACC_ECN)
  if (state !== 0) sink.ascii(`ca_state:${formatCongestionState(state)} `)
  if (retransmits !== 0) sink.ascii(`retransmits:${retransmits} `)
  if (probes !== 0) sink.ascii(`probes:${probes} `)
  if (timeouts !== 0) sink.ascii(`total_rto:${timeouts} rto_recoveries:${u16(RTO_RECOVERIES)} `)
  if (rtoTime !== 0) sink.ascii(`rto_time:${rtoTime}ms `)
  if (fastopen !== null) sink.ascii(`fastopen_fail:${fastopen} `)
  words(ECN_WORDS, sink)
  if (accEcn !== 0) sink.ascii(`accecn_bits:0x${accEcn.toString(16)} `)
  if (size > TCP_INFO.size) sink.ascii(`undecoded:${size - TCP_INFO.size}B `)
}
