// The numbers at the end of ping(8), and those of SIGQUIT.

import type { PingStatistics } from '../probe/statistics.js'
import { formatMs, formatPercent } from './ping-words.js'

/** What the summary says that is not in the statistics. */
export interface SummaryExtras {
  /** Errors as iputils counts them. */
  errors: number
  /** Most probes that were under way at once. */
  pipe: number
  /** Whether the mean gap between probes is shown: in adaptive and flood mode. */
  showGap: boolean
}

/** The lines below the empty one; the last of them is empty where there is nothing to say, as in iputils. */
export function summaryLines(name: string, statistics: PingStatistics, extras: SummaryExtras): string[] {
  const { transmitted, received, duplicates, lossPercent, timeMs, rttMs, ewmaMs } = statistics
  const { errors, pipe, showGap } = extras
  const counts = [`${transmitted} packets transmitted`, `${received} received`]
  if (duplicates > 0) counts.push(`+${duplicates} duplicates`)
  if (errors > 0) counts.push(`+${errors} errors`)
  if (lossPercent !== null) counts.push(`${formatPercent(lossPercent)} packet loss`)
  if (transmitted > 0) counts.push(`time ${Math.round(timeMs)}ms`)
  const last: string[] = []
  if (rttMs !== null) last.push(`rtt min/avg/max/mdev = ${slashed(rttMs.min, rttMs.avg, rttMs.max, rttMs.mdev)} ms`)
  if (pipe > 1) last.push(`pipe ${pipe}`)
  if (received > 0 && transmitted > 1 && showGap) {
    last.push(`ipg/ewma ${slashed(timeMs / (transmitted - 1), ewmaMs ?? 0)} ms`)
  }
  return [`--- ${name} ping statistics ---`, counts.join(', '), last.join(', ')]
}

/** `3/3 packets, 0% loss, min/avg/ewma/max = 0.044/0.056/0.048/0.064 ms` */
export function interimLine({ transmitted, received, rttMs, ewmaMs, lossPercent }: PingStatistics): string {
  const counts = `${received}/${transmitted} packets, ${Math.floor(lossPercent ?? 0)}% loss`
  if (rttMs === null) return counts
  return `${counts}, min/avg/ewma/max = ${slashed(rttMs.min, rttMs.avg, ewmaMs ?? rttMs.avg, rttMs.max)} ms`
}

const slashed = (...times: number[]): string => times.map(formatMs).join('/')
