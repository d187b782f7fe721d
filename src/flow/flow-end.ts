// Whether a flow is over by what was seen of it, before anything else is known.

import * as Row from './flow-record.js'
import type { FlowEndReason } from './model.js'

/** Both ends sent a FIN, or one a reset. */
export function isEnded(records: Row.FlowRecords, slot: number): boolean {
  const { words } = records.slab(slot)
  const first = Row.wordsOf(slot) + Row.SIDES
  const other = first + Row.SIDE_WORDS
  if ((words[first + Row.RSTS]! | words[other + Row.RSTS]!) !== 0) return true
  return words[first + Row.FINS] !== 0 && words[other + Row.FINS] !== 0
}

/** Why it is given up is not of interest when it had ended. */
export function endReasonOf(records: Row.FlowRecords, slot: number, reason: FlowEndReason): FlowEndReason {
  return isEnded(records, slot) ? 'end-detected' : reason
}
