// What netkit knows of a target beyond ping's summary, in sentences.

import type { SummaryEvent } from '../probe/events.js'
import { counted, formatMs, formatPercentiles, lossPercentOf, SOURCES, TRANSPORTS } from './ping-words.js'

/** What happened during a run that its statistics do not say. */
export interface RunRemarks {
  /** Probes that this host's kernel refused to send. */
  unsent: number
  /** Probes during which the wall clock was set. */
  clockSteps: number
  /** Time from the send to the device, and how much of it was queueing, where the kernel stamped it. */
  local: Spread
  queued: Spread
}

/** Of so many probes, in all, and the longest. */
export interface Spread {
  count: number
  sumMs: number
  maxMs: number
}

export function spreadBy(spread: Spread, ms: number | null): void {
  if (ms === null) return
  spread.count++
  spread.sumMs += ms
  spread.maxMs = Math.max(spread.maxMs, ms)
}

const nothing = (): Spread => ({ count: 0, sumMs: 0, maxMs: 0 })

export const noRemarks = (): RunRemarks => ({ unsent: 0, clockSteps: 0, local: nothing(), queued: nothing() })

/** The sentences that follow a summary; most important first. */
export function summaryNotes({ statistics, transport, timestampSource }: SummaryEvent, remarks: RunRemarks): string[] {
  const { rttMs, jitterMs, rfc3550JitterMs, longestOutageMs } = statistics
  const notes: string[] = []
  if (rttMs !== null) {
    const jitter = jitterMs === null ? '' : `, jitter ${formatMs(jitterMs)} ms`
    const rfc =
      rfc3550JitterMs === null
        ? ''
        : `${jitterMs === null ? ', jitter' : ''} (RFC 3550: ${formatMs(rfc3550JitterMs)} ms)`
    const stddev = rttMs.stddev === null ? '' : `, stddev ${formatMs(rttMs.stddev)} ms`
    notes.push(`${formatPercentiles(rttMs)}${stddev}${jitter}${rfc}`)
  }
  if (longestOutageMs > 0) notes.push(`longest outage ${formatMs(longestOutageMs)} ms`)
  notes.push(...answerNotes(statistics), ...remarkNotes(remarks))
  if (statistics.lossPercent !== lossPercentOf(statistics.transmitted, statistics.received)) {
    notes.push('probes that were still under way at the end are not counted as lost')
  }
  notes.push(`probed through ${TRANSPORTS[transport]}; ${SOURCES[timestampSource]}`)
  return notes
}

function answerNotes({ late, corrupted, reordered, differentAddress }: SummaryEvent['statistics']): string[] {
  const notes: string[] = []
  const untimed = [late > 0 ? `${late} late` : '', corrupted > 0 ? `${corrupted} corrupted` : ''].filter(
    each => each !== '',
  )
  if (untimed.length > 0) notes.push(`answers left out of the times: ${untimed.join(', ')}`)
  if (reordered > 0) notes.push(`${counted(reordered, 'answer')} came out of order`)
  if (differentAddress > 0) notes.push(`${counted(differentAddress, 'answer')} came from another address`)
  return notes
}

function remarkNotes({ unsent, clockSteps, local, queued }: RunRemarks): string[] {
  const notes: string[] = []
  if (unsent > 0) notes.push(`${counted(unsent, 'probe')} could not be sent`)
  if (clockSteps > 0) {
    notes.push(`the clock was set during ${counted(clockSteps, 'probe')}: timed by the monotonic clock instead`)
  }
  if (local.count > 0) notes.push(`of the times, spent in this host before the device: ${spreadWords(local)}`)
  if (queued.count > 0) notes.push(`queued between packet scheduler and device: ${spreadWords(queued)}`)
  return notes
}

const spreadWords = ({ count, sumMs, maxMs }: Spread): string =>
  `avg ${formatMs(sumMs / count)} ms, max ${formatMs(maxMs)} ms`
