// What the record of a flow says by itself, without a model of the flow being built.

import { IPPROTO_TCP } from '../wire/ipv4.js'
import { udpClient } from './flow-build.js'
import { countGaps, type FlowContext } from './flow-counts.js'
import * as Row from './flow-record.js'
import { BITS, CLIENT_IS_1 } from './life-words.js'
import type { Outcome } from './model.js'
import { readOutcome } from './outcome.js'

function isTcp(words: Int32Array, at: number): boolean {
  return (words[at + Row.TYPE]! & 0xff) === IPPROTO_TCP
}

/** What became of the flow of a slot so far: null for UDP. */
export function outcomeOf(records: Row.FlowRecords, slot: number): Outcome | null {
  const { words } = records.slab(slot)
  const at = Row.wordsOf(slot)
  return isTcp(words, at) ? readOutcome(words, at + Row.LIFE_WORDS_AT).outcome : null
}

/** Number of its last packet. */
export function lastFrameOf(records: Row.FlowRecords, slot: number): number {
  return records.slab(slot).words[Row.wordsOf(slot) + Row.LAST_FRAME]!
}

/** Which sender is its client, by what was seen of it so far. */
export function clientSenderOf(records: Row.FlowRecords, slot: number): 0 | 1 {
  const { words } = records.slab(slot)
  const at = Row.wordsOf(slot)
  if (!isTcp(words, at)) return udpClient(words[at + Row.PORTS]!).clientSide
  return (words[at + Row.LIFE_WORDS_AT + BITS]! & CLIENT_IS_1) === 0 ? 0 : 1
}

/** The number of the SYN of an end, or one before the first that was seen or acknowledged of it; -1 when nothing was. */
export function initialSequenceOf(records: Row.FlowRecords, slot: number, sender: 0 | 1): number {
  const { words } = records.slab(slot)
  const side = Row.wordsOf(slot) + Row.SIDES + sender * Row.SIDE_WORDS
  return (words[side + Row.STATE]! & Row.INITIAL_KNOWN) === 0 ? -1 : words[side + Row.INITIAL]! >>> 0
}

/** Holes that were never filled, of both ends. */
export function gapsOf({ records, troubles }: FlowContext, slot: number): number {
  const { words } = records.slab(slot)
  const at = Row.wordsOf(slot)
  return isTcp(words, at) ? countGaps(troubles, words, at, 0) + countGaps(troubles, words, at, 1) : 0
}

/** Slots that hold a flow, in the order of the first packets. */
export function slotsById(records: Row.FlowRecords): Int32Array {
  const { live, used } = records
  // The number before the slot in one double: sorted as numbers, without an object for each of a hundred thousand.
  const keys = new Float64Array(live)
  let count = 0
  for (let slot = 0; slot < used; slot++) {
    const id = records.slab(slot).words[Row.wordsOf(slot) + Row.ID]!
    if (id !== 0) keys[count++] = id * used + slot
  }
  keys.sort()
  // Integers again, or all that takes a slot would be compiled once more for doubles.
  const slots = new Int32Array(count)
  for (let at = 0; at < count; at++) slots[at] = keys[at]! % used
  return slots
}
