// A summary in the spirit of `ss -s`: what is the namespace's, and apart from it what is the whole machine's.

import { printable } from '../bytes/printable.js'
import type { Protocol } from '../sockets/constants.js'
import type { MachineCounts, SocketCounts } from '../sockets/sockstat.js'
import type { ProtocolCount, Summary } from '../sockets/summary.js'

const WIDTH = 80
const COLUMN = 10
const IP_PROTOCOLS: readonly Protocol[] = ['raw', 'udp', 'tcp', 'mptcp', 'sctp']
/** Shown with zeros too: the others only where there are any, or where they were asked for. */
const ALWAYS: readonly Protocol[] = ['raw', 'udp', 'tcp', 'unix']

export interface SummaryBlock extends Summary {
  fragments: SocketCounts['fragments']
}

/** Lines of one namespace. @param named whether the user chose the protocols */
export function formatSummary(summary: SummaryBlock, named: boolean): string[] {
  const { protocols, tcpStates } = summary
  const shown = protocols.filter(each => named || each.total > 0 || ALWAYS.includes(each.protocol))
  const lines = summary.netns === null ? [] : [`Netns: ${printable(summary.netns)}`]
  lines.push(`Total: ${summary.total}`)
  const tcp = protocols.find(each => each.protocol === 'tcp')
  if (tcp !== undefined && tcpStates !== null) lines.push(...tcpLines(tcp.total, tcpStates))
  lines.push('', row('Transport', 'Total', 'IP', 'IPv6'))
  const ip = IP_PROTOCOLS.flatMap(protocol => shown.filter(each => each.protocol === protocol))
  for (const each of ip) lines.push(protocolRow(each))
  if (ip.length > 1) lines.push(row('INET', sum(ip, 'total'), sum(ip, 'inet'), sum(ip, 'inet6')))
  if (!named) lines.push(fragmentRow(summary.fragments))
  for (const each of shown) if (!ip.includes(each)) lines.push(protocolRow(each))
  const mapped = sum(protocols, 'mapped') ?? 0
  if (mapped > 0) lines.push('', `of IPv6: ${mapped} carry IPv4 (v4-mapped addresses)`)
  return lines
}

/** The line of numbers that no namespace owns. */
export function formatMachine(machine: MachineCounts): string {
  const { tcpOrphans, tcpAllocated, tcpMemoryPages, udpMemoryPages } = machine
  return (
    `whole machine: TCP orphaned ${known(tcpOrphans)}, allocated ${known(tcpAllocated)}, ` +
    `memory ${known(tcpMemoryPages)} pages; UDP memory ${known(udpMemoryPages)} pages`
  )
}

function tcpLines(total: number, states: Record<string, number | null>): string[] {
  const words = Object.entries(states).filter(([, count]) => count !== null && count > 0)
  const head = `TCP:   ${total}`
  if (words.length === 0) return [head]
  const lines: string[] = []
  let line = `${head} (`
  const indent = ' '.repeat(line.length)
  for (const [index, [state, count]] of words.entries()) {
    const word = `${state} ${count}${index === words.length - 1 ? ')' : ','}`
    if (line.length + word.length > WIDTH) {
      lines.push(line.trimEnd())
      line = indent
    }
    line += `${word} `
  }
  return [...lines, line.trimEnd()]
}

const known = (value: number | null): string => (value === null ? '?' : String(value))
const cell = (value: number | null): string => (value === null ? '-' : String(value))

function sum(counts: readonly ProtocolCount[], key: 'total' | 'inet' | 'inet6' | 'mapped'): number | null {
  const numbers = counts.map(each => each[key]).filter(value => value !== null)
  return numbers.length === 0 ? null : numbers.reduce((total, value) => total + value, 0)
}

const protocolRow = ({ protocol, total, inet, inet6 }: ProtocolCount): string =>
  row(protocol.toUpperCase(), total, inet, inet6)

function fragmentRow({ inet, inet6 }: SummaryBlock['fragments']): string {
  const total = inet === null && inet6 === null ? null : (inet ?? 0) + (inet6 ?? 0)
  return row('FRAG', known(total), known(inet), known(inet6))
}

function row(name: string, ...cells: (string | number | null)[]): string {
  return [name, ...cells.map(value => (typeof value === 'string' ? value : cell(value)))]
    .map(text => text.padEnd(COLUMN))
    .join('')
    .trimEnd()
}
