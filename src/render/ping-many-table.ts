// The summary of many targets, one line each, in columns.

import type { PingStatistics } from '../probe/statistics.js'
import { failureWords, type TargetState, targetLabel } from './ping-many-target.js'
import { formatMs, formatPercent } from './ping-words.js'

const HEAD = ['Target', 'Sent', 'Recv', 'Loss', 'Min', 'Avg', 'Max', 'p95 ms', 'Remarks']
/** The first and the last column are words, the others numbers. */
const isText = (column: number): boolean => column === 0 || column === HEAD.length - 1

/** Lines of the table, its head first, targets in the order given. Unknown is a minus sign. */
export function targetTable(states: readonly TargetState[]): string[] {
  const rows = [HEAD, ...states.map(cellsOf)]
  const widths = HEAD.map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0))
  return rows.map(row =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

function cellsOf(state: TargetState): string[] {
  const label = targetLabel(state.target)
  const statistics = state.summary?.statistics
  if (statistics === undefined) return [label, ...HEAD.slice(2).map(() => '-'), failureWords(state.failures)]
  const { transmitted, received, lossPercent, rttMs } = statistics
  const times = rttMs === null ? ['-', '-', '-', '-'] : [rttMs.min, rttMs.avg, rttMs.max, rttMs.p95].map(formatMs)
  const loss = lossPercent === null ? '-' : formatPercent(lossPercent)
  return [label, String(transmitted), String(received), loss, ...times, remarks(statistics, state)]
}

function remarks(
  { duplicates, late, corrupted, reordered, differentAddress }: PingStatistics,
  state: TargetState,
): string {
  const counts = [
    [duplicates, 'duplicate'],
    [late, 'late'],
    [corrupted, 'corrupted'],
    [reordered, 'out of order'],
    [differentAddress, 'from another address'],
  ] as const
  const words = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`)
  return [failureWords(state.failures), ...words].filter(each => each !== '').join(', ')
}
