// tcp_info: the fields of the kernel's struct, and reading them into the `tcp` block of the model.

import { layout } from '../bytes/layout.js'
import { INET_DIAG_INFO } from './diag/inet-diag.js'
import type { TcpDetails } from './model.js'
import type { SocketRecord } from './record.js'
import { readU64 } from './u64.js'

/**
 * linux/tcp.h, struct tcp_info, as Linux 6.18 sends it. It grew over time (104 bytes in 2.6, 232 in 6.1, 248 in 6.7, 280 in
 * 6.18), always at its end: fields are read by the length that came. Units are in the names, the kernel's own.
 */
export const TCP_INFO = layout('tcp_info', 280, [
  ['state', 'u8'],
  ['congestionState', 'u8'],
  ['retransmits', 'u8'],
  ['probes', 'u8'],
  ['backoff', 'u8'],
  ['options', 'u8'],
  ['windowScales', 'u8'],
  ['limits', 'u8'],
  ['rtoUs', 'u32'],
  ['atoUs', 'u32'],
  ['sendMssBytes', 'u32'],
  ['receiveMssBytes', 'u32'],
  ['unackedSegments', 'u32'],
  ['sackedSegments', 'u32'],
  ['lostSegments', 'u32'],
  ['retransSegments', 'u32'],
  ['fackets', 'u32'],
  ['lastDataSentMs', 'u32'],
  ['lastAckSentMs', 'u32'],
  ['lastDataReceivedMs', 'u32'],
  ['lastAckReceivedMs', 'u32'],
  ['pathMtuBytes', 'u32'],
  ['receiveThresholdBytes', 'u32'],
  ['rttUs', 'u32'],
  ['rttVarianceUs', 'u32'],
  ['sendThresholdSegments', 'u32'],
  ['congestionWindowSegments', 'u32'],
  ['advertisedMssBytes', 'u32'],
  ['reorderingSegments', 'u32'],
  ['receiveRttUs', 'u32'],
  ['receiveSpaceBytes', 'u32'],
  ['totalRetransSegments', 'u32'],
  ['pacingRateBytesPerSecond', 'u64'],
  ['maxPacingRateBytesPerSecond', 'u64'],
  ['bytesAcked', 'u64'],
  ['bytesReceived', 'u64'],
  ['segmentsOut', 'u32'],
  ['segmentsIn', 'u32'],
  ['notSentBytes', 'u32'],
  ['minRttUs', 'u32'],
  ['dataSegmentsIn', 'u32'],
  ['dataSegmentsOut', 'u32'],
  ['deliveryRateBytesPerSecond', 'u64'],
  ['busyUs', 'u64'],
  ['receiveWindowLimitedUs', 'u64'],
  ['sendBufferLimitedUs', 'u64'],
  ['deliveredSegments', 'u32'],
  ['deliveredCeSegments', 'u32'],
  ['bytesSent', 'u64'],
  ['bytesRetransmitted', 'u64'],
  ['dsackDuplicates', 'u32'],
  ['reorderingsSeen', 'u32'],
  ['outOfOrderSegments', 'u32'],
  ['sendWindowBytes', 'u32'],
  ['receiveWindowBytes', 'u32'],
  ['rehashes', 'u32'],
  ['rtoCount', 'u16'],
  ['rtoRecoveries', 'u16'],
  ['rtoRecoveryMs', 'u32'],
  ['receivedCeSegments', 'u32'],
  ['deliveredEct1Bytes', 'u32'],
  ['deliveredEct0Bytes', 'u32'],
  ['deliveredCeBytes', 'u32'],
  ['receivedEct1Bytes', 'u32'],
  ['receivedEct0Bytes', 'u32'],
  ['receivedCeBytes', 'u32'],
  ['accEcnStatusBits', 'u32'],
])

export type TcpInfoField = keyof typeof TCP_INFO.offset

/** tcpi_options, linux/tcp.h TCPI_OPT_*, in bit order. */
export const TCPI_OPT_TIMESTAMPS = 0x01
export const TCPI_OPT_SACK = 0x02
export const TCPI_OPT_WSCALE = 0x04
export const TCPI_OPT_ECN = 0x08
export const TCPI_OPT_ECN_SEEN = 0x10
export const TCPI_OPT_SYN_DATA = 0x20
export const TCPI_OPT_USEC_TS = 0x40
const OPTION_WORDS = ['timestamps', 'sack', 'window-scaling', 'ecn', 'ecn-seen', 'syn-data', 'microsecond-timestamps']

/** enum tcp_ca_state. */
const CONGESTION_STATES = ['open', 'disorder', 'cwr', 'recovery', 'loss']
/** enum tcp_fastopen_client_fail. */
const FASTOPEN_FAILURES = ['unspecified', 'cookie-unavailable', 'data-not-acked', 'syn-retransmitted']

/** The word for a congestion state number (tcpi_ca_state); an unknown one keeps its number. */
export function formatCongestionState(state: number): string {
  return CONGESTION_STATES[state] ?? `ca-state-${state}`
}

/** The word for tcpi_fastopen_client_fail: why a Fast Open connect fell back; null when it did not, or was not tried. */
export function formatFastopenFailure(value: number): string | null {
  return value === 0 ? null : (FASTOPEN_FAILURES[value] ?? `fastopen-fail-${value}`)
}

/** Values that stand for "none" in the kernel: TCP_INFINITE_SSTHRESH, and an all-ones u32. */
export const INFINITE_THRESHOLD = 0x7fffffff
export const UNSET_U32 = 0xffffffff

/** How a field becomes a value of the model, where it is not the plain number. */
type Kind =
  | 'plain'
  | 'hidden'
  | 'congestion'
  | 'options'
  | 'scales'
  | 'limits'
  | 'never'
  | 'queue'
  | 'threshold'
  | 'unset'
  | 'rate'

const KINDS: Partial<Record<TcpInfoField, Kind>> = {
  // The record has it already.
  state: 'hidden',
  congestionState: 'congestion',
  options: 'options',
  windowScales: 'scales',
  limits: 'limits',
  // "Not remembered, sorry": the kernel never fills it, so its 0 would be made up.
  lastAckSentMs: 'never',
  // A listener's accept queue and its limit live here, which acceptQueue shows.
  unackedSegments: 'queue',
  sackedSegments: 'queue',
  sendThresholdSegments: 'threshold',
  minRttUs: 'unset',
  pacingRateBytesPerSecond: 'rate',
  maxPacingRateBytesPerSecond: 'rate',
}

const WIDTHS = [1, 2, 4, 8]
const FIELDS = Object.entries(TCP_INFO.offset) as [TcpInfoField, number][]
/** One row per field: its name, offset, width in bytes, and kind. */
const ROWS = FIELDS.map(([name, offset], index) => {
  const width = (FIELDS[index + 1]?.[1] ?? TCP_INFO.size) - offset
  if (!WIDTHS.includes(width)) throw new Error(`tcp_info ${name}: a width of ${width} bytes`)
  const kind: Kind = KINDS[name] ?? 'plain'
  return { name, offset, width, kind }
})

/** Keys that `tcpInfo` fills, in order. */
export const TCP_INFO_KEYS: readonly string[] = [
  ...ROWS.filter(({ kind }) => kind !== 'hidden').flatMap(({ name, kind }) => {
    if (kind === 'scales') return ['sendWindowScale', 'receiveWindowScale']
    return kind === 'limits' ? ['deliveryRateAppLimited', 'fastopenClientFail'] : [name]
  }),
  'undecodedBytes',
]

/**
 * Puts every field of the tcp_info that the kernel sent with this socket into `info`, zeros included. A field that an older
 * kernel lacks is null, and so is "no limit" (pacing rates, slow start threshold). A u64 above 2^53 is a decimal string.
 * `accEcnStatusBits` stays raw: 6.18 keeps two u16 there and 7.0 four bit fields, and nothing in the answer tells which.
 * `undecodedBytes` counts what a newer kernel added after the fields known here. Only for a record that has INET_DIAG_INFO.
 */
export function tcpInfo(record: SocketRecord, info: TcpDetails): void {
  const base = record.attribute(INET_DIAG_INFO)
  const { data } = record
  const size = record.attributeLength(INET_DIAG_INFO)
  for (const { name, offset, width, kind } of ROWS) {
    const at = offset + width <= size ? base + offset : -1
    switch (kind) {
      case 'hidden':
        break
      case 'congestion':
        info[name] = at < 0 ? null : formatCongestionState(data.getUint8(at))
        break
      case 'options':
        info[name] = at < 0 ? null : optionWords(data.getUint8(at))
        break
      case 'scales': {
        // Without the option the nibbles mean nothing: no scaling was agreed.
        const scaled = at >= 0 && (data.getUint8(base + TCP_INFO.offset.options) & TCPI_OPT_WSCALE) !== 0
        info['sendWindowScale'] = scaled ? data.getUint8(at) & 0xf : null
        info['receiveWindowScale'] = scaled ? data.getUint8(at) >> 4 : null
        break
      }
      case 'limits':
        info['deliveryRateAppLimited'] = at < 0 ? null : (data.getUint8(at) & 1) === 1
        info['fastopenClientFail'] = at < 0 ? null : formatFastopenFailure((data.getUint8(at) >> 1) & 3)
        break
      case 'never':
        info[name] = null
        break
      case 'queue':
        info[name] = at < 0 || record.isListener ? null : data.getUint32(at, true)
        break
      default:
        info[name] = at < 0 ? null : readScalar(data, at, width, kind)
    }
  }
  info['undecodedBytes'] = Math.max(0, size - TCP_INFO.size)
}

function readScalar(data: DataView, at: number, width: number, kind: Kind): number | string | null {
  if (width === 1) return data.getUint8(at)
  if (width === 2) return data.getUint16(at, true)
  if (width === 4) {
    const value = data.getUint32(at, true)
    if (kind === 'threshold' && value >= INFINITE_THRESHOLD) return null
    return kind === 'unset' && value === UNSET_U32 ? null : value
  }
  if (kind === 'rate' && isUnlimited(data, at)) return null
  return readU64(data, at)
}

/** Whether the u64 at `at` is all ones: no limit. */
export function isUnlimited(data: DataView, at: number): boolean {
  return data.getUint32(at, true) === UNSET_U32 && data.getUint32(at + 4, true) === UNSET_U32
}

function optionWords(bits: number): string[] {
  const words: string[] = []
  for (let bit = 0; bit < 8; bit++) if (bits & (1 << bit)) words.push(OPTION_WORDS[bit] ?? `option-${bit}`)
  return words
}
