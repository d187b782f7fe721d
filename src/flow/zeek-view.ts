// What Zeek's conn.log would say of a connection: conn_state and history (captures.md 2.1, 2.2).

import {
  ACKED,
  BITS,
  END,
  HISTORY,
  HISTORY_WORDS,
  ORIGINATOR_IS_1,
  ROLES_FLIPPED,
  SENT_FIN,
  SIDE_WORDS,
  SIDES,
  START,
  STARTED,
  STATE,
} from './life-words.js'
import {
  CLOSED,
  ESTABLISHED,
  INACTIVE,
  LETTERS,
  PARTIAL,
  RESET_STATE,
  SYN_ACK_SENT,
  SYN_SENT,
  zeekState,
} from './zeek.js'

export function readZeek(words: Int32Array, at: number): { connState: string; history: string } {
  const originator = (words[at + BITS]! & ORIGINATOR_IS_1) !== 0 ? 1 : 0
  const history = readHistory(words, at, originator)
  return { connState: connState(words, at, originator, history), history }
}

/** `^` where roles were flipped, then the letters: upper case for the originator. */
function readHistory(words: Int32Array, at: number, originator: 0 | 1): string {
  let text = (words[at + BITS]! & ROLES_FLIPPED) !== 0 ? '^' : ''
  for (let word = 0; word < HISTORY_WORDS; word++) {
    for (let letters = words[at + HISTORY + word]!; letters !== 0; letters >>>= 5) {
      const letter = LETTERS[(letters & 0xf) - 1] ?? ''
      text += (letters >> 4) % 2 === originator ? letter.toUpperCase() : letter
    }
  }
  return text
}

/** The function conn_state of scripts/base/protocols/conn/main.zeek, in its order. */
function connState(words: Int32Array, at: number, originator: 0 | 1, history: string): string {
  const originatorAt = at + SIDES + originator * SIDE_WORDS
  const responderAt = at + SIDES + (1 - originator) * SIDE_WORDS
  const o = zeekState(words[originatorAt + STATE]!)
  const r = zeekState(words[responderAt + STATE]!)
  const isOriginatorInactive = o === INACTIVE || o === PARTIAL
  const isResponderInactive = r === INACTIVE || r === PARTIAL
  if (r === RESET_STATE) {
    const isEmpty = o === RESET_STATE && sentNothing(words, originatorAt) && sentNothing(words, responderAt)
    if (o === SYN_SENT || o === SYN_ACK_SENT || isEmpty) return 'REJ'
    return isOriginatorInactive ? 'RSTRH' : 'RSTR'
  }
  if (o === RESET_STATE) {
    if (!isResponderInactive) return 'RSTO'
    return /^\^?S[^HAFGIQ]*R/.test(history) ? 'RSTOS0' : 'OTH'
  }
  if (o === CLOSED && r === CLOSED) return 'SF'
  if (o === CLOSED) return isResponderInactive ? 'SH' : 'S2'
  if (r === CLOSED) return isOriginatorInactive ? 'SHR' : 'S3'
  if (o === SYN_SENT && r === INACTIVE) return 'S0'
  return o === ESTABLISHED && r === ESTABLISHED ? 'S1' : 'OTH'
}

/** Its size in Zeek's count: sequence space but for SYN and FIN. */
function sentNothing(words: Int32Array, side: number): boolean {
  const state = words[side + STATE]!
  if ((state & STARTED) === 0) return true
  const start = words[side + START]!
  const space = Math.max((words[side + END]! - start) | 0, (words[side + ACKED]! - start) | 0)
  return space <= ((state & SENT_FIN) !== 0 ? 2 : 1)
}
