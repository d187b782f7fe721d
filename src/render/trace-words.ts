// Words that the views of a trace have in common: marks of traceroute(8), MPLS labels, interfaces, who is who.

import { printable } from '../bytes/printable.js'
import type { Responder, TraceDocument } from '../probe/trace-document.js'
import type { TraceHeader } from '../probe/trace-events.js'
import { ICMP_TIME_EXCEEDED, ICMP6_TIME_EXCEEDED, isTooBig, isUnreachable } from '../wire/icmp.js'
import type { InterfaceInfo, MplsLabel } from '../wire/icmp-extensions.js'

/** traceroute(8), by code of destination unreachable; the empty one is the port that a UDP probe wants to be closed. */
const MARKS: Readonly<Record<number, string>> = {
  0: '!N',
  1: '!H',
  2: '!P',
  3: '',
  5: '!S',
  6: '!N',
  7: '!H',
  8: '!N',
  9: '!X',
  10: '!X',
  11: '!N',
  12: '!H',
  13: '!X',
  14: '!V',
  15: '!C',
}

const MARKS6: Readonly<Record<number, string>> = { 0: '!N', 1: '!X', 2: '!H', 3: '!H', 4: '' }

/** What traceroute puts behind the time of an answer: `!H`, `!F-1400`, `!<13>`, or nothing. */
export function icmpMark(family: 4 | 6, type: number | null, code: number | null, mtu: number | null): string {
  if (type === null || code === null) return ''
  const [exceeded, marks] = family === 4 ? [ICMP_TIME_EXCEEDED, MARKS] : [ICMP6_TIME_EXCEEDED, MARKS6]
  if (type === exceeded && code === 0) return ''
  if (isTooBig(family, type, code)) return `!F-${mtu ?? 0}`
  if (isUnreachable(family, type)) return marks[code] ?? `!<${code}>`
  return `!<${type}-${code}>`
}

/** `<MPLS:L=16,E=0,S=1,T=1>` as traceroute -e has it; the labels of a stack are apart by slashes. */
export function mplsMark(labels: readonly MplsLabel[]): string {
  const each = labels.map(
    ({ label, trafficClass, bottom, ttl }) => `L=${label},E=${trafficClass},S=${bottom ? 1 : 0},T=${ttl}`,
  )
  return `<MPLS:${each.join('/')}>`
}

/** `[MPLS: Lbl 16 TC 0 S 1 TTL 1]` as mtr has it. */
export function mplsLine({ label, trafficClass, bottom, ttl }: MplsLabel): string {
  return `[MPLS: Lbl ${label} TC ${trafficClass} S ${bottom ? 1 : 0} TTL ${ttl}]`
}

/** `incoming eth0 10.0.0.1 #2 mtu 1500`: what a router said of an interface of its own (RFC 5837). */
export function interfaceWords({ role, name, address, index, mtu }: InterfaceInfo): string {
  const parts = [
    role,
    name === null ? null : printable(name),
    address === null ? null : printable(address),
    index === null ? null : `#${index}`,
    mtu === null ? null : `mtu ${mtu}`,
  ]
  return parts.filter(part => part !== null).join(' ')
}

/** `AS64500 Example, Inc.`, or null where the user's databases say nothing. */
export function asWords({ asn, asName }: Pick<Responder, 'asn' | 'asName'>): string | null {
  if (asn === null) return asName === null ? null : printable(asName)
  return asName === null ? `AS${asn}` : `AS${asn} ${printable(asName)}`
}

/** `udp port 33434`, `icmp`. */
export function protocolWords({ protocol, port }: Pick<TraceHeader, 'protocol' | 'port'>): string {
  return port === null ? protocol : `${protocol} port ${port}`
}

/** `bee (10.0.3.2)`, or the address alone where that was what was asked for. */
export function targetWords({ target, address }: Pick<TraceDocument, 'target' | 'address'>): string {
  return target === address ? printable(address) : `${printable(target)} (${printable(address)})`
}

/** What the probes needed of this user. */
export function privilegeWords({ privilege, transport }: Pick<TraceHeader, 'privilege' | 'transport'>): string {
  if (transport === 'raw-socket') return 'raw-socket package'
  return privilege === 'raw' ? 'raw sockets' : 'unprivileged'
}

/** `1`, `1-3,7`. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && number <= last[1] + 1) last[1] = number
    else ranges.push([number, number])
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',')
}

/** A path in one line; `*` is a hop that nobody answered at. */
export const pathWords = (path: readonly (string | null)[]): string =>
  path.map(address => (address === null ? '*' : printable(address))).join(' ')

/** Padded, and with a mark where something was cut off. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, Math.max(width - 1, 0))}…`
}
