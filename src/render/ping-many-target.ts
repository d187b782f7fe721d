// One of many targets: what is known of it, and what is said of it.

import { printable } from '../bytes/printable.js'
import type { ProbeTarget, SummaryEvent } from '../probe/events.js'

/** Different failures of one target that are told apart. */
const MOST_FAILURES = 4

/** What is known of one target. */
export interface TargetState {
  readonly target: ProbeTarget
  /** Failures in words, with how often; null for none, which is what most of very many targets have. */
  failures: Map<string, number> | null
  summary: SummaryEvent | null
}

export function newState(target: ProbeTarget): TargetState {
  return { target, failures: null, summary: null }
}

export function noteFailure(state: TargetState, failure: string): void {
  state.failures ??= new Map()
  const { failures } = state
  if (failures.has(failure) || failures.size < MOST_FAILURES) failures.set(failure, (failures.get(failure) ?? 0) + 1)
}

/** The target as it was given, with its address where that says more. */
export function targetLabel({ target, address }: ProbeTarget): string {
  return target === address ? printable(target) : `${printable(target)} (${printable(address)})`
}

/** Why a target is not alive. */
export function verdict({ summary, failures }: TargetState): string {
  const words = failureWords(failures)
  if (words !== '') return `is unreachable: ${words}`
  const statistics = summary?.statistics
  if (statistics === undefined || statistics.transmitted === 0) return 'was not probed'
  if (statistics.late > 0) return 'is unreachable: its answer came late'
  return statistics.lossPercent === null ? 'has not answered yet' : 'is unreachable: no answer'
}

/** Failures in words, the most frequent first: `Destination Host Unreachable from 10.0.0.1 (3 times)`. */
export function failureWords(failures: ReadonlyMap<string, number> | null): string {
  if (failures === null) return ''
  return [...failures]
    .sort((a, b) => b[1] - a[1])
    .map(([failure, count]) => (count === 1 ? failure : `${failure} (${count} times)`))
    .join('; ')
}
