// The words that netkit writes into tables, as strings.

import { type TextSink, textOf } from '../../src/bytes/text-sink.js'
import * as numbers from '../../src/sockets/c-format.js'
import * as details from '../../src/sockets/details-text.js'
import type { SocketRecord } from '../../src/sockets/record.js'
import type { TcpInfoStyle } from '../../src/sockets/tcp-info-text.js'

type Write = (record: SocketRecord, sink: TextSink) => void

const words =
  (write: Write) =>
  (record: SocketRecord): string =>
    textOf(sink => write(record, sink))

export const formatMemory = words(details.writeMemory)
export const formatShutdown = words(details.writeShutdown)
export const formatSockopt = words(details.writeSockopt)
export const formatTimer = words(details.writeTimer)
export const formatTos = words(details.writeTos)
export const formatInfo = (record: SocketRecord, style?: TcpInfoStyle): string =>
  textOf(sink => details.writeInfo(record, sink, style))
export const formatExtended = (record: SocketRecord, cgroup?: string): string =>
  textOf(sink => details.writeExtended(record, sink, cgroup === undefined ? null : () => cgroup))

export const formatG = (value: number, precision: 3 | 6 = 6): string =>
  textOf(sink => numbers.writeG(value, precision, sink))
export const formatF0 = (value: number): string => textOf(sink => numbers.writeF0(value, sink))
export const formatF1 = (value: number): string => textOf(sink => numbers.writeF1(value, sink))
export const formatMillis = (us: number): string => textOf(sink => numbers.writeMillis(us, sink))
export const formatBandwidth = (bps: number, numeric: boolean): string =>
  textOf(sink => numbers.writeBandwidth(bps, numeric, sink))
export const formatTimeLeft = (ms: number): string => textOf(sink => numbers.writeTimeLeft(ms, sink))
export const formatHash = (value: number): string => textOf(sink => numbers.writeHash(value, sink))
