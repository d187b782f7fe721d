// What a listing could not see, in sentences.

import type { ListingReport } from '../sockets/listing.js'
import type { SourceReport } from '../sockets/model.js'

const list = (words: Iterable<string>): string => [...new Set(words)].join(', ')

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** True when nothing that was asked for could be read. */
export function onlyUnsupported(sources: readonly SourceReport[]): boolean {
  return sources.length > 0 && sources.every(source => source.method === 'none')
}

/**
 * Notes on what is missing and why.
 * @param named whether the user named the tables; otherwise tables that this kernel lacks are one line
 */
export function explainReport(report: ListingReport, named: boolean): string[] {
  const notes: string[] = []
  const lacking = report.sources.filter(source => source.method === 'none')
  const reasons = new Map<string, SourceReport[]>()
  for (const source of lacking) {
    const reason = named
      ? (source.error?.message ?? 'not supported')
      : source.error?.code === 'ENOENT'
        ? 'unsupported'
        : (source.error?.message ?? 'unsupported')
    reasons.set(reason, [...(reasons.get(reason) ?? []), source])
  }
  for (const [reason, sources] of reasons) {
    const words = list(sources.map(source => source.protocol))
    notes.push(
      reason === 'unsupported'
        ? `not supported by this kernel, so not listed: ${words}`
        : `cannot list ${words} sockets${inNamespaces(sources)}: ${reason}`,
    )
  }
  notes.push(...fallbackNotes(report.sources))
  const { consistency, damaged, scan, ownerless } = report
  if (consistency.differed) notes.push('the socket table changed while it was read: a socket may be missing')
  if (damaged > 0) notes.push(`${damaged} messages or lines could not be read and are not listed`)
  if (scan !== null && scan.unreadable > 0 && ownerless > 0) {
    notes.push(
      `${count(ownerless, 'socket')} without an owner shown: ${count(scan.unreadable, 'process', 'processes')} of other users ` +
        'could not be read (root, or CAP_SYS_PTRACE, sees them)',
    )
  }
  if (scan?.hidepid) notes.push('/proc is mounted with hidepid: processes of other users are not visible at all')
  return notes
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
  const labels = list(sources.flatMap(source => (source.netns === null ? [] : [source.netns])))
  return labels === '' ? '' : ` in ${labels}`
}
