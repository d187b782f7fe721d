// Congestion control of a TCP socket: the algorithm's name, and what Vegas, DCTCP and BBR say about themselves.

import { Label, type TextSink } from '../bytes/text-sink.js'
import { writeBandwidth, writeG, writeMillis } from './c-format.js'
import { INET_DIAG_CONG, INET_DIAG_VEGASINFO } from './diag/inet-diag.js'
import type { SocketRecord } from './record.js'
import { approximateU64, readU64 } from './u64.js'

/** Both come with a request for VEGASINFO. */
export const INET_DIAG_DCTCPINFO = 9
export const INET_DIAG_BBRINFO = 16

type Fields = Record<string, number | string | boolean | null>

const SPACE = 0x20
const QUESTION = 0x3f

/** Longest kernel name taken: TCP_CA_NAME_MAX and TCP_ULP_NAME_MAX are 16 with the NUL. */
const NAME_LIMIT = 16

/**
 * A kernel name (congestion control, upper layer protocol) at `at`, at most `length` bytes. Bytes that no such name has
 * become `?`, for a recording may hold anything.
 */
export function readName(data: DataView, at: number, length: number): string {
  const end = at + Math.min(length, NAME_LIMIT)
  let name = ''
  for (let index = at; index < end; index++) {
    const byte = data.getUint8(index)
    if (byte === 0) break
    name += String.fromCharCode(nameByte(byte))
  }
  return name
}

const nameByte = (byte: number): number => (byte > 0x20 && byte < 0x7f ? byte : QUESTION)

/** `cubic`, `bbr` ...; null when the kernel was not asked. */
export function congestionControl(record: SocketRecord): string | null {
  const at = record.attribute(INET_DIAG_CONG)
  return at < 0 ? null : readName(record.data, at, record.attributeLength(INET_DIAG_CONG)) || null
}

/** `cubic`; nothing when the kernel was not asked. */
export function writeCongestionControl(record: SocketRecord, sink: TextSink): void {
  const start = record.attribute(INET_DIAG_CONG)
  if (start < 0) return
  const { data } = record
  const end = start + Math.min(record.attributeLength(INET_DIAG_CONG), NAME_LIMIT)
  let at = start
  for (; at < end; at++) {
    const byte = data.getUint8(at)
    if (byte === 0) break
    sink.byte(nameByte(byte))
  }
  if (at > start) sink.byte(SPACE)
}

/** linux/inet_diag.h, struct tcpvegas_info; 0x7fffffff is "no sample yet". */
export function vegasInfo(record: SocketRecord): Fields | null {
  const at = present(record, INET_DIAG_VEGASINFO, 16)
  if (at < 0) return null
  const { data } = record
  const rtt = data.getUint32(at + 8, true)
  const minRtt = data.getUint32(at + 12, true)
  return {
    enabled: data.getUint32(at, true) !== 0,
    rttCount: data.getUint32(at + 4, true),
    rttUs: rtt === 0x7fffffff ? null : rtt,
    minRttUs: minRtt === 0x7fffffff ? null : minRtt,
  }
}

/** linux/inet_diag.h, struct tcp_dctcp_info. */
export function dctcpInfo(record: SocketRecord): Fields | null {
  const at = present(record, INET_DIAG_DCTCPINFO, 16)
  if (at < 0) return null
  const { data } = record
  return {
    enabled: data.getUint16(at, true) !== 0,
    ceState: data.getUint16(at + 2, true),
    alpha: data.getUint32(at + 4, true),
    ackedEcnBytes: data.getUint32(at + 8, true),
    ackedTotalBytes: data.getUint32(at + 12, true),
  }
}

/** linux/inet_diag.h, struct tcp_bbr_info; gains are fixed-point with eight fraction bits. */
export function bbrInfo(record: SocketRecord): Fields | null {
  const at = present(record, INET_DIAG_BBRINFO, 20)
  if (at < 0) return null
  const { data } = record
  return {
    bandwidthBytesPerSecond: readU64(data, at),
    minRttUs: data.getUint32(at + 8, true),
    pacingGain: data.getUint32(at + 12, true) / 256,
    cwndGain: data.getUint32(at + 16, true) / 256,
  }
}

/** `dctcp:(...)` and `bbr:(...)` in ss's words; nothing without them. */
export function writeCongestionInfo(record: SocketRecord, numeric: boolean, sink: TextSink): void {
  const { data } = record
  const dctcp = present(record, INET_DIAG_DCTCPINFO, 16)
  if (dctcp >= 0) {
    if (data.getUint16(dctcp, true) === 0) sink.ascii('dctcp:fallback_mode ')
    else {
      sink.ascii(`dctcp:(ce_state:${data.getUint16(dctcp + 2, true)},alpha:${data.getUint32(dctcp + 4, true)}`)
      sink.ascii(`,ab_ecn:${data.getUint32(dctcp + 8, true)},ab_tot:${data.getUint32(dctcp + 12, true)}) `)
    }
  }
  const bbr = present(record, INET_DIAG_BBRINFO, 20)
  if (bbr >= 0) {
    const pacingGain = data.getUint32(bbr + 12, true)
    const cwndGain = data.getUint32(bbr + 16, true)
    sink.label(BBR)
    writeBandwidth(approximateU64(data, bbr) * 8, numeric, sink)
    sink.label(BBR_MIN_RTT)
    writeMillis(data.getUint32(bbr + 8, true), sink)
    gain(BBR_PACING_GAIN, pacingGain, sink)
    gain(BBR_CWND_GAIN, cwndGain, sink)
    sink.label(END)
  }
}

const BBR = new Label('bbr:(bw:')
const BBR_MIN_RTT = new Label('bps,mrtt:')
const BBR_PACING_GAIN = new Label(',pacing_gain:')
const BBR_CWND_GAIN = new Label(',cwnd_gain:')
const END = new Label(') ')

function gain(label: Label, value: number, sink: TextSink): void {
  if (value === 0) return
  sink.label(label)
  writeG(value / 256, 6, sink)
}

/** Vegas's own round-trip time in microseconds, by which ss computes the send rate; 0 when it has none. */
export function vegasRttUs(record: SocketRecord): number {
  const at = present(record, INET_DIAG_VEGASINFO, 16)
  if (at < 0 || record.data.getUint32(at, true) === 0) return 0
  const rtt = record.data.getUint32(at + 8, true)
  return rtt === 0x7fffffff ? 0 : rtt
}

function present(record: SocketRecord, type: number, size: number): number {
  return record.attributeLength(type) >= size ? record.attribute(type) : -1
}
