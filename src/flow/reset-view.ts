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
  RESET_WRONG_ACK,
  SENT_FIN,
  SIDE_WORDS,
  SIDES,
  SILENCE,
  SILENCE_FRAME,
  STARTED,
  STATE,
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

/** Frames of the first resets that ended nothing. */
export function readIgnoredResets(words: Int32Array, at: number): number[] {
  const count = words[at + BITS]! >>> IGNORED_SHIFT
  return [words[at + IGNORED]!, words[at + IGNORED + 1]!].slice(0, count)
}

/** Bytes that an end sent and the other never acknowledged. */
export function readUnacknowledged(words: Int32Array, at: number, side: 0 | 1): number {
  const own = at + SIDES + side * SIDE_WORDS
  const state = words[own + STATE]!
  if ((state & STARTED) === 0) return 0
  const bytes = (words[own + END]! - words[own + ACKED]!) | 0
  return Math.max(0, (state & (SENT_FIN | FIN_ACKED)) === SENT_FIN ? bytes - 1 : bytes)
}

function evidenceOf(
  words: Int32Array,
  at: number,
  reset: number,
  name: ResetClass,
  by: 0 | 1,
  frame: number,
): Evidence[] {
  const before = words[at + RESET_BEFORE]!
  const peerBefore = words[at + RESET_PEER_BEFORE]!
  const own = at + SIDES + by * SIDE_WORDS
  const evidence: Evidence[] = []
  const say = (text: string, ...frames: number[]): void => {
    evidence.push({ text, frames: [...frames, frame].filter(each => each !== 0) })
  }
  if ((reset & RESET_WRONG_ACK) !== 0)
    say('the reset does not fit the SYN: its receiver drops it (RFC 9293 3.10.7.3)', peerBefore)
  if ((reset & RESET_OUTSIDE_WINDOW) !== 0)
    say('the sequence number of the reset is outside the window: its receiver drops it', peerBefore)
  if ((reset & RESET_INEXACT) !== 0) {
    say(
      'the sequence number of the reset is in the window, but not the next one: RFC 5961 asks for a challenge ACK',
      peerBefore,
    )
  }
  if ((reset & RESET_OUTLIVED) !== 0) say('the connection went on after the reset')
  if (name === 'refuse') say('the reset acknowledges the SYN', peerBefore)
  if (name === 'answer-to-stray')
    say(
      'the reset has no ACK, and the sequence number that its receiver had acknowledged: it answers a segment',
      peerBefore,
    )
  if (name === 'abort' && (reset & RESET_INEXACT) === 0) {
    say(
      (reset & RESET_HAS_ACK) !== 0
        ? 'the reset has the next sequence number and an ACK: it was sent by the connection itself'
        : 'the reset has the next sequence number',
      before,
    )
  }
  if ((reset & RESET_AFTER_SILENCE) !== 0) {
    const silence = words[at + SILENCE_FRAME]!
    say(`it came after ${(words[at + SILENCE]! / 1000).toFixed(1)} s of silence`, silence === frame ? 0 : silence)
  }
  const profile = words[own + PROFILE]!
  if ((reset & RESET_TTL_DIFFERS) !== 0) {
    say(
      `time to live ${(reset >> RESET_TTL_SHIFT) & 0xff}, other packets of the sender have ${profile & PROFILE_TTL}`,
      before,
    )
  }
  if ((reset & RESET_DF_DIFFERS) !== 0) {
    say(
      `"don't fragment" ${(profile & PROFILE_DF) !== 0 ? 'not set' : 'set'}, unlike in other packets of the sender`,
      before,
    )
  }
  if ((reset & RESET_ID_DIFFERS) !== 0) {
    say(
      `IP identification ${words[at + RESET_FIELDS]! >>> 16}, the sender's packet before had ${words[own + FIELDS]! >>> 16}`,
      before,
    )
  }
  for (const side of [0, 1] as const) {
    const bytes = readUnacknowledged(words, at, side)
    if (bytes > 0 && name !== 'refuse' && name !== 'ignored') {
      say(
        `${bytes} ${bytes === 1 ? 'byte' : 'bytes'} that the ${side === by ? 'sender of the reset' : 'other end'} had sent were not acknowledged`,
      )
    }
  }
  return evidence
}
