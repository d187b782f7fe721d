// Upper layer protocols on a TCP socket: kernel TLS and MPTCP subflows; and TCP-MD5, of which only the count is read.

import { Label, type TextSink } from '../bytes/text-sink.js'
import { readName } from './congestion.js'
import { findAttribute, findScalar, payloadLength } from './diag/common.js'
import type { SocketRecord } from './record.js'
import { formatHex64 } from './u64.js'

export const INET_DIAG_MD5SIG = 18
export const INET_DIAG_ULP_INFO = 19

/** linux/inet_diag.h, INET_ULP_INFO_*. */
const ULP_NAME = 1
const ULP_TLS = 2
const ULP_MPTCP = 3

/** linux/tls.h, TLS_INFO_*. */
const TLS_INFO_VERSION = 1
const TLS_INFO_CIPHER = 2
const TLS_INFO_TXCONF = 3
const TLS_INFO_RXCONF = 4
const TLS_INFO_ZC_RO_TX = 5
const TLS_INFO_RX_NO_PAD = 6

const TLS_VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0303, '1.2'],
  [0x0304, '1.3'],
])
/** linux/tls.h, TLS_CIPHER_*; ss names the first two only. */
const TLS_CIPHERS: ReadonlyMap<number, string> = new Map([
  [51, 'aes-gcm-128'],
  [52, 'aes-gcm-256'],
  [53, 'aes-ccm-128'],
  [54, 'chacha20-poly1305'],
  [55, 'sm4-gcm'],
  [56, 'sm4-ccm'],
  [57, 'aria-gcm-128'],
  [58, 'aria-gcm-256'],
])
const TLS_CONFIGURATIONS: ReadonlyMap<number, string> = new Map([
  [1, 'none'],
  [2, 'sw'],
  [3, 'hw'],
  [4, 'hw-record'],
])

/** linux/mptcp.h, MPTCP_SUBFLOW_ATTR_*. */
const SUBFLOW_TOKEN_REM = 1
const SUBFLOW_TOKEN_LOC = 2
const SUBFLOW_RELWRITE_SEQ = 3
const SUBFLOW_MAP_SEQ = 4
const SUBFLOW_MAP_SFSEQ = 5
const SUBFLOW_SSN_OFFSET = 6
const SUBFLOW_MAP_DATALEN = 7
const SUBFLOW_FLAGS = 8
const SUBFLOW_ID_REM = 9
const SUBFLOW_ID_LOC = 10

/** Letters of MPTCP_SUBFLOW_FLAG_* in bit order, as ss prints them. */
const SUBFLOW_LETTERS = 'MmJjBbecv'

/** linux/tcp.h, struct tcp_diag_md5sig: family, prefix, key length, address, and 80 bytes of key material. */
const MD5SIG_SIZE = 100

type Fields = Record<string, number | string | boolean | null>

/** The name of the upper layer protocol: `tls`, `mptcp`; null when there is none. */
export function ulpName(record: SocketRecord): string | null {
  const at = nest(record, ULP_NAME)
  return at < 0 ? null : readName(record.data, at, payloadLength(record.data, at)) || null
}

/** Kernel TLS on this socket; null when there is none. */
export function tlsInfo(record: SocketRecord): Fields | null {
  const at = nest(record, ULP_TLS)
  if (at < 0) return null
  const { data } = record
  const end = at + payloadLength(data, at)
  return {
    version: tlsWord(data, at, end, TLS_INFO_VERSION, TLS_VERSIONS),
    cipher: tlsWord(data, at, end, TLS_INFO_CIPHER, TLS_CIPHERS),
    receive: tlsWord(data, at, end, TLS_INFO_RXCONF, TLS_CONFIGURATIONS),
    send: tlsWord(data, at, end, TLS_INFO_TXCONF, TLS_CONFIGURATIONS),
    zeroCopySend: findAttribute(data, at, end, TLS_INFO_ZC_RO_TX) >= 0,
    noPaddingReceive: findAttribute(data, at, end, TLS_INFO_RX_NO_PAD) >= 0,
  }
}

/** What an MPTCP subflow says about itself; tokens and the 64-bit sequence are hex strings; null on other sockets. */
export function subflowInfo(record: SocketRecord): Fields | null {
  const at = nest(record, ULP_MPTCP)
  if (at < 0) return null
  const { data } = record
  const end = at + payloadLength(data, at)
  const u32 = (type: number): number | null => {
    const found = findScalar(data, at, end, type, 4)
    return found < 0 ? null : data.getUint32(found, true)
  }
  const u8 = (type: number): number | null => {
    const found = findScalar(data, at, end, type, 1)
    return found < 0 ? null : data.getUint8(found)
  }
  const flags = u32(SUBFLOW_FLAGS)
  const mapSequence = findScalar(data, at, end, SUBFLOW_MAP_SEQ, 8)
  const dataLength = findScalar(data, at, end, SUBFLOW_MAP_DATALEN, 2)
  return {
    flags: flags === null ? null : subflowLetters(flags),
    remoteToken: u32(SUBFLOW_TOKEN_REM)?.toString(16) ?? null,
    remoteId: u8(SUBFLOW_ID_REM),
    localToken: u32(SUBFLOW_TOKEN_LOC)?.toString(16) ?? null,
    localId: u8(SUBFLOW_ID_LOC),
    relativeWriteSequence: u32(SUBFLOW_RELWRITE_SEQ),
    mapSequence:
      mapSequence < 0 ? null : formatHex64(data.getUint32(mapSequence, true), data.getUint32(mapSequence + 4, true)),
    mapSubflowSequence: u32(SUBFLOW_MAP_SFSEQ),
    subflowSequenceOffset: u32(SUBFLOW_SSN_OFFSET),
    mapLength: dataLength < 0 ? null : data.getUint16(dataLength, true),
  }
}

/** How many TCP-MD5 keys the socket has, null when none or not told (CAP_NET_ADMIN). The keys themselves are never read. */
export function md5KeyCount(record: SocketRecord): number | null {
  const length = record.attributeLength(INET_DIAG_MD5SIG)
  return length < MD5SIG_SIZE ? null : Math.trunc(length / MD5SIG_SIZE)
}

/** `md5keys:N`: ss prints the keys in clear, netkit says how many there are. */
export function writeMd5(record: SocketRecord, sink: TextSink): void {
  const count = md5KeyCount(record)
  if (count !== null) sink.count(MD5_KEYS, count)
}

const MD5_KEYS = new Label('md5keys:')

/** `tcp-ulp-tls version: 1.3 cipher: ...` or `tcp-ulp-mptcp flags:...` in ss's words; nothing when there is none. */
export function writeUlp(record: SocketRecord, sink: TextSink): void {
  if (record.attribute(INET_DIAG_ULP_INFO) < 0) return
  const name = ulpName(record)
  if (name !== null) sink.ascii(`tcp-ulp-${name} `)
  const tls = tlsInfo(record)
  if (tls !== null) writeTls(tls, sink)
  const subflow = subflowInfo(record)
  if (subflow !== null) writeSubflow(subflow, sink)
}

function writeTls(tls: Fields, sink: TextSink): void {
  const word = (label: string, key: string): void => {
    if (tls[key] !== null) sink.ascii(`${label}: ${tls[key]} `)
  }
  word('version', 'version')
  word('cipher', 'cipher')
  word('rxconf', 'receive')
  word('txconf', 'send')
  if (tls['zeroCopySend']) sink.ascii('zc_ro_tx ')
  if (tls['noPaddingReceive']) sink.ascii('no_pad_rx ')
}

function writeSubflow(subflow: Fields, sink: TextSink): void {
  const { flags, remoteToken, localToken, remoteId, localId } = subflow
  if (flags) sink.ascii(`flags:${flags} `)
  if (remoteToken !== null && localToken !== null && remoteId !== null && localId !== null) {
    sink.ascii(`token:${String(remoteToken).padStart(4, '0')}(id:${remoteId})`)
    sink.ascii(`/${String(localToken).padStart(4, '0')}(id:${localId}) `)
  }
  if (subflow['mapSequence'] !== null) sink.ascii(`seq:${subflow['mapSequence']} `)
  const hex = (label: string, key: string): void => {
    const value = subflow[key]
    if (typeof value === 'number') sink.ascii(`${label}:${value.toString(16)} `)
  }
  hex('sfseq', 'mapSubflowSequence')
  hex('ssnoff', 'subflowSequenceOffset')
  hex('maplen', 'mapLength')
}

function subflowLetters(flags: number): string {
  let letters = ''
  for (let bit = 0; bit < SUBFLOW_LETTERS.length; bit++) if (flags & (1 << bit)) letters += SUBFLOW_LETTERS[bit]
  return letters
}

function tlsWord(
  data: DataView,
  start: number,
  end: number,
  type: number,
  words: ReadonlyMap<number, string>,
): string | null {
  const at = findScalar(data, start, end, type, 2)
  if (at < 0) return null
  const value = data.getUint16(at, true)
  return words.get(value) ?? `unknown(${value})`
}

function nest(record: SocketRecord, type: number): number {
  const at = record.attribute(INET_DIAG_ULP_INFO)
  return at < 0 ? -1 : findAttribute(record.data, at, at + record.attributeLength(INET_DIAG_ULP_INFO), type)
}
