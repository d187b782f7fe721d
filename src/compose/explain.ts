// What a listing could not see, in sentences.

import { CAP_NET_ADMIN, CAP_SYS_PTRACE, hasCapability } from '../adapters/capabilities.js'
import { printable } from '../bytes/printable.js'
import { ERRNO, hintsFor, type NetkitError, PermissionError, UnsupportedError } from '../errors/index.js'
import { isBroken } from '../sockets/collect-report.js'
import type { Protocol } from '../sockets/constants.js'
import { everyPredicate, type Filter, type FilterContext, requirements } from '../sockets/filter/index.js'
import { INTERRUPTED } from '../sockets/interrupted.js'
import type { ListingReport } from '../sockets/listing.js'
import type { SourceReport } from '../sockets/model.js'

const list = (words: Iterable<string>): string => [...new Set(words)].join(', ')

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** True when nothing that was asked for could be read. */
export function onlyUnsupported(sources: readonly SourceReport[]): boolean {
  return sources.length > 0 && sources.every(source => source.method === 'none')
}

/** Kernel modules that answer for a protocol, where they may be left out of a kernel. */
const MODULES: Partial<Record<Protocol, string>> = {
  tcp: 'tcp_diag',
  udp: 'udp_diag',
  raw: 'raw_diag',
  unix: 'unix_diag',
  packet: 'af_packet_diag',
  netlink: 'netlink_diag',
  mptcp: 'mptcp_diag',
  sctp: 'sctp_diag',
  vsock: 'vsock_diag',
  xdp: 'xsk_diag',
  tipc: 'tipc_diag',
}

/** The error for a listing of which nothing could be read. */
export function listingFailure({ sources }: Pick<ListingReport, 'sources'>): NetkitError {
  const message = lackingNotes(sources, true).join('; ')
  const codes = new Set(sources.map(source => source.error?.code))
  if (!codes.has('EACCES') && !codes.has('EPERM')) {
    const absent = sources.filter(({ error }) => error?.code === 'ENOENT' || error?.code === 'no-process')
    const modules = new Set(absent.flatMap(source => MODULES[source.protocol] ?? []))
    const hints = modules.size === 0 ? [] : [`where it is a module: sudo modprobe -a ${[...modules].join(' ')}`]
    return new UnsupportedError(message, { hints })
  }
  return new PermissionError(message, ERRNO.EACCES, { hints: hintsFor('netns', ERRNO.EACCES) })
}

/** Whether this process may close sockets of others (SOCK_DESTROY). */
export const mayClose = (): boolean => hasCapability(CAP_NET_ADMIN)

/** Whether the filter asks for marks and the kernel hides them from this process. */
export function marksHidden(filter: Filter): boolean {
  return requirements(filter).mark && !hasCapability(CAP_NET_ADMIN)
}

const MARK = 'fwmark'

/** What the filter asks for of sockets that were read from procfs, which does not know it. */
export function lostToProcfs(filter: Filter, sources: readonly SourceReport[]): string[] {
  if (!sources.some(source => source.method === 'procfs')) return []
  const needs = requirements(filter)
  const lost: string[] = []
  if (needs.mark) lost.push(MARK)
  if (needs.info) lost.push('TCP internals')
  if (needs.memory) lost.push('memory')
  if (needs.cgroup) lost.push('cgroups')
  everyPredicate(filter, ({ kind }) => {
    if (kind === 'cookie' || kind === 'device') lost.push(kind === 'cookie' ? 'cookies' : 'interfaces')
  })
  return [...new Set(lost)]
}

/** What flags ask to see of sockets where procfs was chosen, which does not know it; a fallback says so by itself. */
export function explainColumns(asked: Readonly<Record<string, string>>, sources: readonly SourceReport[]): string[] {
  const missing = new Set(sources.flatMap(({ error, missing: columns }) => (error === null ? columns : [])))
  const flags = Object.keys(asked).filter(flag => missing.has(asked[flag]!))
  return flags.length === 0 ? [] : [`procfs does not know all that ${list(flags)} would show: --source netlink does`]
}

/** What the filter asks for and nobody here knows: such a predicate matches nothing, and its negation everything. */
export function explainFilter(filter: Filter, sources: readonly SourceReport[]): string[] {
  // What was fallen back to says by itself which columns it lacks.
  const lost = lostToProcfs(
    filter,
    sources.filter(source => source.error === null),
  )
  const notes = lost.length === 0 ? [] : [`the filter asks for ${lost.join(', ')}, which procfs does not know`]
  if (!lost.includes(MARK) && marksHidden(filter)) {
    notes.push('the filter asks for fwmark, which the kernel shows only to root or with CAP_NET_ADMIN')
  }
  return notes
}

/** Names in the filter that stand for nothing here, so that the predicates with them match nothing. */
export function unknownNames(filter: Filter, context: FilterContext, namespaces: number): string[] {
  const notes = new Set<string>()
  everyPredicate(filter, predicate => {
    if (predicate.kind === 'device' && !/^\d+$/.test(predicate.name)) {
      const { name } = predicate
      const known = Array.from({ length: namespaces }, (_, netns) => context.interfaceIndex(name, netns)).some(
        index => index !== null,
      )
      if (!known) notes.add(`there is no interface ${printable(name)} here, which the filter asks for`)
    }
    if (predicate.kind !== 'text' || predicate.glob) return
    for (const value of predicate.values) {
      if (predicate.field === 'user' && !/^\d+$/.test(value) && context.uidOf(value) === null) {
        notes.add(`there is no user ${printable(value)} here, whom the filter asks for`)
      }
      if (predicate.field === 'cgroup' && context.cgroupId(value) === null) {
        notes.add(`there is no control group ${printable(value)} here, which the filter asks for`)
      }
    }
  })
  return [...notes]
}

/**
 * Notes on what is missing and why.
 * @param named whether the user named the tables; otherwise tables that this kernel lacks are one line
 */
export function explainReport(report: ListingReport, named: boolean): string[] {
  const sources = report.sources.filter(source => source.error?.code !== INTERRUPTED.code)
  const notes = lackingNotes(sources, named)
  notes.push(...brokenNotes(sources), ...fallbackNotes(sources))
  if (report.interrupted) notes.push('interrupted: what was read until then is shown')
  const { consistency, damaged, scan, ownerless } = report
  if (report.boundInactiveSkipped) {
    notes.push('TCP sockets that are bound but idle were not looked for among so many: netkit ss -B lists them')
  }
  if (consistency.differed) notes.push('the socket table changed while it was read: a socket may be missing')
  if (damaged > 0) {
    notes.push(
      `${count(damaged, 'message or line', 'messages or lines')} could not be read and ${damaged === 1 ? 'is' : 'are'} not listed`,
    )
  }
  if (scan !== null && scan.unreadable > 0 && ownerless > 0) {
    notes.push(
      `${count(ownerless, 'socket')} without a known owner: ${count(scan.unreadable, 'process', 'processes')} of other users ` +
        `could not be read${hasCapability(CAP_SYS_PTRACE) ? '' : ' (root, or CAP_SYS_PTRACE, sees them)'}`,
    )
  }
  if (scan?.hidepid) notes.push('/proc is mounted with hidepid: processes of other users are not visible at all')
  return notes
}

function lackingNotes(sources: readonly SourceReport[], named: boolean): string[] {
  const lacking = sources.filter(source => source.method === 'none')
  const reasons = new Map<string, SourceReport[]>()
  for (const source of lacking) {
    const message = source.error?.message ?? 'not supported'
    const reason = !named && source.error?.code === 'ENOENT' ? 'unsupported' : message
    reasons.set(reason, [...(reasons.get(reason) ?? []), source])
  }
  return [...reasons].map(([reason, each]) => {
    const words = reason === 'unsupported' ? list(each.map(source => source.protocol)) : tableWords(each, sources)
    return reason === 'unsupported'
      ? `not supported by this kernel, so not listed: ${words}`
      : `cannot list ${words} sockets${inNamespaces(each)}: ${reason}`
  })
}

const VERSIONS: Partial<Record<string, string>> = { inet: 'IPv4 ', inet6: 'IPv6 ' }

/** Tables in words: by their protocol, and by the version of IP where the other one is another case. */
function tableWords(some: readonly SourceReport[], sources: readonly SourceReport[]): string {
  const alone = ({ protocol, netns }: SourceReport): boolean =>
    sources.some(source => source.protocol === protocol && source.netns === netns && !some.includes(source))
  return list(some.map(source => `${alone(source) ? (VERSIONS[source.family ?? ''] ?? '') : ''}${source.protocol}`))
}

/** Tables that were read in part. */
function brokenNotes(sources: readonly SourceReport[]): string[] {
  const reasons = new Map<string, SourceReport[]>()
  for (const source of sources) {
    if (!isBroken(source)) continue
    const { message } = source.error!
    reasons.set(message, [...(reasons.get(message) ?? []), source])
  }
  return [...reasons].map(([reason, each]) => {
    const words = tableWords(each, sources)
    return `not all ${words} sockets${inNamespaces(each)} are listed, the reading broke off: ${reason}`
  })
}

function fallbackNotes(sources: readonly SourceReport[]): string[] {
  const byReason = new Map<string, SourceReport[]>()
  for (const source of sources) {
    // A recording may hold what was read from procfs: only its source has columns missing.
    if (source.missing.length === 0 || source.error === null) continue
    const key = source.error.message
    byReason.set(key, [...(byReason.get(key) ?? []), source])
  }
  return [...byReason].map(([reason, fallen]) => {
    // `interface` stands for both of its places.
    const missing = list(fallen.flatMap(source => source.missing).filter(name => !name.endsWith('.interface')))
    return `${list(fallen.map(source => source.protocol))} read from procfs (${reason}); it does not know: ${missing}`
  })
}

function inNamespaces(sources: readonly SourceReport[]): string {
  const labels = list(sources.flatMap(source => (source.netns === null ? [] : [printable(source.netns)])))
  return labels === '' ? '' : ` in ${labels}`
}
