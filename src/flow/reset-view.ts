// What is said of a connection's reset: by whom, what kind, when, and the facts that speak for it.

import {
  ACKED,
  BITS,
  END,
  FIELDS,
  FIN_ACKED,
  IGNORED,
  IGNORED_SHIFT,
  PROFILE,
  PROFILE_DF,
  PROFILE_TTL,
  RESET,
  RESET_AFTER_SILENCE,
  RESET_BEFORE,
  RESET_BY_1,
  RESET_CLASS,
  RESET_CLASSES,
  RESET_DF_DIFFERS,
  RESET_FIELDS,
  RESET_FRAME,
  RESET_HAS_ACK,
  RESET_ID_DIFFERS,
  RESET_INEXACT,
  RESET_OUTLIVED,
  RESET_OUTSIDE_WINDOW,
  RESET_PEER_BEFORE,
  RESET_PHASE_SHIFT,
  RESET_PHASES,
  RESET_TTL_DIFFERS,
  RESET_TTL_SHIFT,
  RESET_UNCHECKED,
  RESET_WRONG_ACK,
  SENT_FIN,
  SENT_SYN,
  SIDE_WORDS,
  SIDES,
  SILENCE,
  SILENCE_FRAME,
  START,
  STARTED,
  STATE,
  STRAY_ACK,
} from './life-words.js'
import type { Evidence, ResetClass, TcpFacts } from './model.js'

export interface ResetView {
  /** Side that sent it, by `sender`. */
  by: 0 | 1
  class: ResetClass
  phase: NonNullable<TcpFacts['resetPhase']>
  frame: number
  evidence: Evidence[]
}

/** Null when there was none that counts. */
export function readReset(words: Int32Array, at: number): ResetView | null {
  const reset = words[at + RESET]!
  const name = RESET_CLASSES[reset & RESET_CLASS] ?? null
  if (name === null) return null
  const frame = words[at + RESET_FRAME]! || readIgnoredResets(words, at).at(-1)!
  const by = (reset & RESET_BY_1) !== 0 ? 1 : 0
  return {
    by,
    class: name,
    phase: RESET_PHASES[(reset >> RESET_PHASE_SHIFT) & 3]!,
    frame,
    evidence: evidenceOf(words, at, reset, name, by, frame),
  }
}

/** Frames of the first and the last reset that ended nothing. */
export function readIgnoredResets(words: Int32Array, at: number): number[] {
  const count = words[at + BITS]! >>> IGNORED_SHIFT
  return [words[at + IGNORED]!, words[at + IGNORED + 1]!].slice(0, count)
}

/** Bytes that an end sent and the other never acknowledged. */
export function readUnacknowledged(words: Int32Array, at: number, side: 0 | 1): number {
  const own = at + SIDES + side * SIDE_WORDS
  const state = words[own + STATE]!
  if ((state & STARTED) === 0) return 0
  const acked = words[own + ACKED]!
  const first = (words[own + START]! + 1) | 0
  // The SYN is no byte of payload.
  const bytes = (words[own + END]! - (((acked - first) | 0) > 0 ? acked : first)) | 0
  return Math.max(0, (state & (SENT_FIN | FIN_ACKED)) === SENT_FIN ? bytes - 1 : bytes)
}

/** What is said for a bit of RESET; with the packet of its receiver that it answers, or the one of its sender before it. */
const WORDS: readonly [bit: number, text: string, before: number][] = [
  [RESET_WRONG_ACK, 'the reset does not fit the SYN: its receiver drops it (RFC 9293 3.10.7.3)', RESET_PEER_BEFORE],
  [
    RESET_OUTSIDE_WINDOW,
    'the sequence number of the reset is outside the window: its receiver drops it (RFC 9293 3.10.7.4)',
    RESET_PEER_BEFORE,
  ],
  [
    RESET_INEXACT,
    'the sequence number of the reset is in the window but not the next one: a challenge ACK is due (RFC 5961 3.2)',
    RESET_PEER_BEFORE,
  ],
  [RESET_OUTLIVED, 'the connection went on after the reset', RESET_BEFORE],
  [RESET_UNCHECKED, 'nothing in the capture tells what sequence number the reset should have', RESET_BEFORE],
]

const ANSWERS_OLDER =
  'the reset answers an ACK of an older connection of these ends: it ends nothing of this one (RFC 9293 3.5.1)'

function evidenceOf(
  words: Int32Array,
  at: number,
  reset: number,
  name: ResetClass,
  by: 0 | 1,
  frame: number,
): Evidence[] {
  const evidence: Evidence[] = []
  const say = (text: string, before: number): void => {
    evidence.push({ text, frames: before === 0 || before === frame ? [frame] : [before, frame] })
  }
  // Of the one who sent the SYN; the other's is no answer to that.
  const hasSyn = (words[at + SIDES + by * SIDE_WORDS + STATE]! & SENT_SYN) !== 0
  const answersOlder = hasSyn && (words[at + BITS]! & STRAY_ACK) !== 0
  for (const [bit, text, before] of WORDS) {
    if ((reset & bit) === 0) continue
    say(answersOlder && bit === RESET_WRONG_ACK ? ANSWERS_OLDER : text, words[at + before]!)
  }
  if (name === 'refuse') say('the reset acknowledges the SYN', words[at + RESET_PEER_BEFORE]!)
  if ((reset & UNFIT) === 0 && name !== 'refuse') {
    if ((reset & RESET_HAS_ACK) !== 0) {
      say(
        'the reset has the next sequence number and an ACK: its sender gave the connection up',
        words[at + RESET_BEFORE]!,
      )
    } else if (name === 'answer-to-stray') {
      const text = 'the reset has no ACK, and the number that a segment acknowledged: it answers that segment'
      say(text, words[at + RESET_PEER_BEFORE]!)
    } else {
      say('the reset has the next sequence number', words[at + RESET_BEFORE]!)
    }
  }
  if ((reset & RESET_AFTER_SILENCE) !== 0) {
    say(`it came after ${(words[at + SILENCE]! / 1000).toFixed(1)} s of silence`, words[at + SILENCE_FRAME]!)
  }
  if (name === 'injected-suspect') sayStrange(words, at, reset, by, say)
  if (words[at + RESET_FRAME] !== 0 && name !== 'refuse') sayLost(words, at, by, text => say(text, 0))
  return evidence
}

/** Of a reset for which no more is said of its sequence number. */
const UNFIT = RESET_WRONG_ACK | RESET_OUTSIDE_WINDOW | RESET_INEXACT | RESET_OUTLIVED | RESET_UNCHECKED

/** What of a suspected reset differs from its sender's other packets. */
function sayStrange(
  words: Int32Array,
  at: number,
  reset: number,
  by: 0 | 1,
  say: (text: string, before: number) => void,
): void {
  const own = at + SIDES + by * SIDE_WORDS
  const before = words[at + RESET_BEFORE]!
  const profile = words[own + PROFILE]!
  const fields = words[own + FIELDS]!
  const resetFields = words[at + RESET_FIELDS]!
  if ((reset & RESET_TTL_DIFFERS) !== 0) {
    const ttl = (reset >> RESET_TTL_SHIFT) & 0xff
    say(`time to live ${ttl}, other packets of the sender have ${profile & PROFILE_TTL}`, before)
  }
  if ((reset & RESET_DF_DIFFERS) !== 0) {
    const isSet = (profile & PROFILE_DF) === 0
    say(`"don't fragment" is ${isSet ? 'set' : 'not set'}, unlike in other packets of the sender`, before)
  }
  if ((reset & RESET_ID_DIFFERS) !== 0) {
    say(`IP identification ${resetFields >>> 16}, the sender's packet before has ${fields >>> 16}`, before)
  }
  if ((resetFields & 0xffff) !== (fields & 0xffff)) {
    say(`window ${resetFields & 0xffff}, the sender's packet before has ${fields & 0xffff}`, before)
  }
}

function sayLost(words: Int32Array, at: number, by: 0 | 1, say: (text: string) => void): void {
  for (const side of [0, 1] as const) {
    const bytes = readUnacknowledged(words, at, side)
    const whose = side === by ? 'the sender of the reset' : 'the other end'
    if (bytes > 0)
      say(
        `${bytes} ${bytes === 1 ? 'byte of' : 'bytes of'} ${whose} ${bytes === 1 ? 'was' : 'were'} never acknowledged`,
      )
  }
}
