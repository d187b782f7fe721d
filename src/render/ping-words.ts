// Words and numbers that the texts of ping have in common.

import { printable } from '../bytes/printable.js'
import type { ErrorEvent, TimestampSource, TransportKind } from '../probe/events.js'
import type { RttStatistics } from '../probe/statistics.js'

/** Where text goes. */
export interface TextOut {
  /** As it is. */
  write(text: string): void
  /** With the end of a line. */
  line(text: string): void
}

/** The name of an address, for showing; null when it has none or names are not wanted. */
export type NameOf = (address: string) => string | null

/** `name (address)`, or the address alone. */
export function shownAddress(address: string, nameOf: NameOf): string {
  const name = nameOf(address)
  return name === null ? printable(address) : `${printable(name)} (${printable(address)})`
}

/** Whole microseconds, which is what ping's times are made of. */
const micros = (ms: number): number => Math.round(ms * 1000)

/** `0.030`: three digits as in the summary. */
export function formatMs(ms: number): string {
  return thousandths(micros(ms))
}

/** Most answers of a near host take less than a millisecond: without a division, and without toFixed. */
function thousandths(us: number): string {
  if (!(us >= 0 && us < 1000)) return (us / 1000).toFixed(3)
  return us < 10 ? `0.00${us}` : us < 100 ? `0.0${us}` : `0.${us}`
}

/** `0.030`, `1.23`, `12.3`, `123`: three digits that count, as in ping's reply lines; the limits are those of rounding. */
export function formatRtt(ms: number): string {
  const us = micros(ms)
  if (us >= 99_950) return String(Math.floor((us + 500) / 1000))
  if (us >= 9_995) return (Math.floor((us + 50) / 100) / 10).toFixed(1)
  if (us >= 1_000) return (Math.floor((us + 5) / 10) / 100).toFixed(2)
  return thousandths(us)
}

/**
 * Loss in percent to a tenth, null for no probes; 0 and 100 are told only when they are exact, as in the statistics of a target.
 */
export function lossPercentOf(transmitted: number, received: number): number | null {
  if (transmitted <= 0) return null
  if (received >= transmitted) return 0
  if (received <= 0) return 100
  return Math.min(Math.max(Math.round((1000 * (transmitted - received)) / transmitted) / 10, 0.1), 99.9)
}

/** `33.3%`, `0%`. */
export function formatPercent(percent: number): string {
  return `${Number(percent.toFixed(1))}%`
}

/** `[1795275911.463881] `: Unix time with microseconds, as ping -D has it. */
export function formatStamp(atMs: number): string {
  const us = Math.round(atMs * 1000)
  const seconds = Math.floor(us / 1_000_000)
  return `[${seconds}.${String(us - seconds * 1_000_000).padStart(6, '0')}] `
}

/** `1 answer`, `2 answers`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

/** `p50/p90/p95/p99 = 0.1/0.2/0.3/0.4 ms`. */
export function formatPercentiles({ p50, p90, p95, p99 }: RttStatistics): string {
  return `p50/p90/p95/p99 = ${[p50, p90, p95, p99].map(formatMs).join('/')} ms`
}

/** `16001 (TC 0, TTL 1) 24 (TC 0, TTL 1, bottom of the stack)`. */
export function formatMpls(labels: NonNullable<ErrorEvent['mpls']>): string {
  return labels
    .map(({ label, trafficClass, bottom, ttl }) => {
      return `${label} (TC ${trafficClass}, TTL ${ttl}${bottom ? ', bottom of the stack' : ''})`
    })
    .join(' ')
}

export const TRANSPORTS: Readonly<Record<TransportKind, string>> = {
  datagram: 'an unprivileged ICMP socket (datagram)',
  raw: 'a raw ICMP socket',
  'raw-socket': 'the raw-socket package',
  tcp: 'TCP handshakes',
  udp: 'UDP datagrams',
}

export const SOURCES: Readonly<Record<TimestampSource, string>> = {
  kernel: "times from a stamp right before the send to the kernel's receive stamp, with its transmit stamps",
  rx: "times from a stamp right before the send to the kernel's receive stamp",
  user: 'times between two stamps of this process',
  'tcp-info': 'times as the kernel measured the handshake',
}
