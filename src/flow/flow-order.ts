// The order in which flows are shown: the newest trouble first.

import type { Flow, Outcome } from './model.js'

/** Trouble first: what was reset, refused, not answered, half open, then what closed, then what is open. */
const RANKS: Readonly<Record<Outcome, number>> = {
  'reset-by-client': 0,
  'reset-by-server': 0,
  'midstream-reset': 0,
  'aborted-in-handshake': 0,
  refused: 1,
  'no-answer': 2,
  unreachable: 2,
  'half-open': 3,
  'half-closed-by-client': 4,
  'half-closed-by-server': 4,
  'closed-normally': 5,
  'midstream-closed': 5,
  established: 6,
  'midstream-open': 6,
  'one-sided': 6,
}
const NOT_TCP = 7
/** Larger than any number of a frame. */
const RANK_STEP = 2 ** 32

/** A number by which flows are sorted, the smallest first: by what became of them, and the newest of those alike. */
export function orderOf(outcome: Outcome | null, lastFrame: number): number {
  return (outcome === null ? NOT_TCP : RANKS[outcome]) * RANK_STEP - lastFrame
}

export const compareFlows = (one: Flow, other: Flow): number =>
  orderOf(one.outcome, one.lastFrame) - orderOf(other.outcome, other.lastFrame)
