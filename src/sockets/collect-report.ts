// What is said about a listing beside its sockets: where each table came from, how the dumps went, what went wrong.

import { ERRNO, errnoName, errnoWords, type NetkitError } from '../errors/index.js'
import type { DumpOutcome } from './dump.js'
import type { Consistency, SourceReport } from './model.js'
import type { Table } from './tables.js'

export interface CollectReport {
  sources: SourceReport[]
  consistency: Consistency
  /** Messages, lines or bytes that could not be read. */
  damaged: number
  /** Set when there were more TCP sockets than `boundInactiveLimit`. */
  boundInactiveSkipped?: boolean
  /** Set when the reading was ended early. */
  interrupted?: boolean
}

/** Why a source could not answer, or not to the end. */
export type Failure = NonNullable<SourceReport['error']>

/** A report without sources, that goes on from how a recorded listing went. */
export function startReport(recorded: Pick<CollectReport, 'consistency' | 'damaged'> | undefined): CollectReport {
  if (recorded === undefined) {
    return { sources: [], consistency: { passes: 0, duplicatesRemoved: 0, differed: false }, damaged: 0 }
  }
  return { sources: [], consistency: { ...recorded.consistency }, damaged: recorded.damaged }
}

/** Where one table came from. */
export function sourceReport(
  table: Table,
  netns: string | null,
  method: SourceReport['method'],
  error: Failure | null,
  missing: readonly string[],
): SourceReport {
  return { protocol: table.protocol, family: table.familyWord, netns, method, error, missing: [...missing] }
}

/** Adds how a dump went. */
export function accountDump(report: CollectReport, outcome: DumpOutcome): void {
  const { consistency } = report
  consistency.passes = Math.max(consistency.passes, outcome.passes)
  consistency.duplicatesRemoved += outcome.duplicatesRemoved
  consistency.differed ||= outcome.differed
  report.damaged += outcome.damaged
}

/** Adds a dump that failed after some of its sockets had been handed out: why, and that the rest is missing, is in its source. */
export function accountBrokenDump(report: CollectReport): void {
  report.consistency.passes ||= 1
}

/** Whether only a part of a table could be read. */
export const isBroken = ({ method, error }: SourceReport): boolean =>
  error !== null && (method === 'netlink' || method === 'replay')

export function failureOf(error: NetkitError): Failure {
  const errno = 'errno' in error ? Number(error.errno) : 0
  return { code: errno ? errnoName(errno) : error.code, message: error.message }
}

/** Why neither way worked, by the code of the first; a kernel without one way may still have the other. */
export function bothFailures(netlink: Failure | null, procfs: Failure): Failure {
  // A recording says the same of both.
  if (netlink === null || netlink.message === procfs.message) return procfs
  const code = netlink.code === 'ENOENT' ? procfs.code : netlink.code
  return { code, message: `${netlink.message}; ${procfs.message}` }
}

/** What the kernel meant by refusing a table with `errno`. */
export function refusal(errno: number, table: Table): Failure {
  const code = errnoName(errno)
  if (errno === ERRNO.ENOENT) return { code, message: `this kernel has no sock_diag for ${table.protocol} sockets` }
  return { code, message: `the kernel refused to list ${table.protocol} sockets: ${errnoWords(errno)}` }
}
