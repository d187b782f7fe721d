// Zeek's view of a connection, packet by packet: its own states of the ends, its originator, and the letters of its history.

import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import { segmentLength } from './life-sequence.js'
import {
  BEGUN_ZEEK,
  BITS,
  COUNTS,
  END,
  HISTORY,
  HISTORY_WORDS,
  LETTER_SHIFT,
  ORIGINATOR_IS_1,
  RESET_SEQUENCE,
  ROLES_FLIPPED,
  START,
  STATE,
  ZEEK_PREVIOUS_SHIFT,
  ZEEK_SHIFT,
} from './life-words.js'
import { isLikelyServerPort } from './zeek-ports.js'

/** By number, as TCP_INACTIVE and so on in Zeek's scripts. */
export const INACTIVE = 0
export const SYN_SENT = 1
export const SYN_ACK_SENT = 2
export const PARTIAL = 3
export const ESTABLISHED = 4
export const CLOSED = 5
export const RESET_STATE = 6

/** By number from 1; the order of the first seven is that of the bits for letters that an end has once. */
export const LETTERS = ['s', 'h', 'a', 'd', 'f', 'r', 'i', 'q', 'c', 'g', 't', 'w'] as const
const S = 1
const H = 2
const A = 3
const D = 4
const F = 5
const R = 6
const I = 7
const Q = 8
const C = 9
const G = 10
const T = 11
const W = 12

export const LETTER_A = 1 << (LETTER_SHIFT + A)
export const LETTER_D = 1 << (LETTER_SHIFT + D)
const LETTER_BITS = 5

/** Where the counts behind c, g, t and w lie in COUNTS, and how many bits they have. */
const COUNT_T = 0
const COUNT_W = 10
const COUNT_C = 20
const COUNT_G = 26
const WIDE = 0x3ff
const NARROW = 0x3f

/** Sequence numbers of SYN and RST that jump farther are not trusted. */
const TOO_LARGE_DELTA = 1_048_576

export function zeekState(state: number): number {
  return (state >> ZEEK_SHIFT) & 7
}

export function zeekPreviousState(state: number): number {
  return (state >> ZEEK_PREVIOUS_SHIFT) & 7
}

function setState(words: Int32Array, side: number, state: number): void {
  const before = words[side + STATE]!
  const previous = zeekState(before)
  if (previous === state) return
  const cleared = before & ~((7 << ZEEK_SHIFT) | (7 << ZEEK_PREVIOUS_SHIFT))
  words[side + STATE] = cleared | (state << ZEEK_SHIFT) | (previous << ZEEK_PREVIOUS_SHIFT)
}

/** Decides the originator with the first packet: its sender, unless that has a known server's port and did not send a plain SYN. */
export function beginZeek(words: Int32Array, at: number, sender: 0 | 1, walked: WalkedPacket): void {
  const bits = words[at + BITS]!
  if ((bits & BEGUN_ZEEK) !== 0) return
  const isPlainSyn = (walked.flags & (TCP_SYN | TCP_ACK)) === TCP_SYN
  let isFlipped = false
  if (!isPlainSyn && isLikelyServerPort(walked.sourcePort)) {
    isFlipped =
      !isLikelyServerPort(walked.destinationPort) ||
      ((walked.flags & TCP_SYN) === 0 && walked.sourcePort < walked.destinationPort)
  }
  const originator = isFlipped ? 1 - sender : sender
  words[at + BITS] = bits | BEGUN_ZEEK | (originator === 1 ? ORIGINATOR_IS_1 : 0) | (isFlipped ? ROLES_FLIPPED : 0)
}

function flipRoles(words: Int32Array, at: number): void {
  words[at + BITS] = (words[at + BITS]! ^ ORIGINATOR_IS_1) | ROLES_FLIPPED
}

/** A letter behind the others; lost when 24 are there. */
function addLetter(words: Int32Array, at: number, sender: 0 | 1, letter: number): void {
  const code = letter | (sender << 4)
  for (let word = 0; word < HISTORY_WORDS; word++) {
    const letters = words[at + HISTORY + word]!
    for (let shift = 0; shift < 6 * LETTER_BITS; shift += LETTER_BITS) {
      if (((letters >> shift) & 0x1f) !== 0) continue
      words[at + HISTORY + word] = letters | (code << shift)
      return
    }
  }
}

/** @returns true when the end had that letter before */
function addOnce(words: Int32Array, at: number, own: number, sender: 0 | 1, letter: number, bit: number): boolean {
  if ((words[own + STATE]! & (1 << (LETTER_SHIFT + bit))) !== 0) return true
  words[own + STATE]! |= 1 << (LETTER_SHIFT + bit)
  addLetter(words, at, sender, letter)
  return false
}

/** A letter with the first, tenth, hundredth ... of its events. Counts stop at 1023 (t, w) and 63 (c, g). */
function addScaled(
  words: Int32Array,
  at: number,
  own: number,
  sender: 0 | 1,
  letter: number,
  shift: number,
  mask: number,
): void {
  const counts = words[own + COUNTS]!
  const count = ((counts >>> shift) & mask) + 1
  if (count > mask) return
  words[own + COUNTS] = (counts & ~(mask << shift)) | (count << shift)
  if (count === 1 || count === 10 || count === 100 || count === 1000) addLetter(words, at, sender, letter)
}

/** A packet with a wrong checksum is counted, and looked at no further. */
export function stepZeekChecksum(words: Int32Array, at: number, own: number, sender: 0 | 1): void {
  addScaled(words, at, own, sender, C, COUNT_C, NARROW)
}

/** The other end of `sender` has a hole that `sender` acknowledged. Noted for connections in good order only. */
export function stepZeekGap(words: Int32Array, at: number, own: number, other: number, sender: 0 | 1): void {
  if (!isClean(words[own + STATE]!) || !isClean(words[other + STATE]!)) return
  addScaled(words, at, other, sender === 0 ? 1 : 0, G, COUNT_G, NARROW)
}

function isClean(state: number): boolean {
  const now = zeekState(state)
  return now === ESTABLISHED || (now === CLOSED && zeekPreviousState(state) === ESTABLISHED)
}

/** Takes a packet, before it is counted into the sequence numbers of its sender. */
export function stepZeek(
  words: Int32Array,
  at: number,
  own: number,
  other: number,
  sender: 0 | 1,
  walked: WalkedPacket,
): void {
  const flags = walked.flags
  const state = zeekState(words[own + STATE]!)
  addFlagLetters(words, at, own, sender, walked)
  if (
    walked.window === 0 &&
    (flags & TCP_RST) === 0 &&
    zeekState(words[other + STATE]!) !== CLOSED &&
    state !== RESET_STATE
  ) {
    addScaled(words, at, own, sender, W, COUNT_W, WIDE)
  }
  if (walked.payloadBytes > 0 && isSentBefore(words, own, walked, state)) {
    addScaled(words, at, own, sender, T, COUNT_T, WIDE)
  }
  if (state === INACTIVE) stepInactive(words, at, own, other, sender, walked)
  else if (state === SYN_SENT || state === SYN_ACK_SENT) stepWaiting(words, own, flags)
  else if (state === ESTABLISHED || state === PARTIAL) stepEstablished(words, own, other, flags, state)
  else if (state === CLOSED && (flags & TCP_RST) !== 0 && zeekState(words[other + STATE]!) !== CLOSED) {
    setState(words, own, RESET_STATE)
  }
}

/** Payload that does not go past what was sent. */
function isSentBefore(words: Int32Array, own: number, walked: WalkedPacket, state: number): boolean {
  if (state === INACTIVE || state === RESET_STATE) return false
  const end = words[own + END]!
  const advance = (walked.sequence + segmentLength(walked) - end) | 0
  const isTrusted = Math.abs(advance) <= TOO_LARGE_DELTA || (walked.flags & (TCP_SYN | TCP_RST)) === 0
  const isFinAlone = (walked.flags & TCP_FIN) !== 0 && end === ((words[own + START]! + 1) | 0)
  return isTrusted && !isFinAlone && advance <= 0
}

function addFlagLetters(words: Int32Array, at: number, own: number, sender: 0 | 1, walked: WalkedPacket): void {
  const flags = walked.flags & (TCP_SYN | TCP_FIN | TCP_RST)
  const sequence = walked.sequence | 0
  if (flags === 0) {
    if (walked.payloadBytes > 0) addOnce(words, at, own, sender, D, D)
    else if ((walked.flags & TCP_ACK) !== 0) addOnce(words, at, own, sender, A, A)
  } else if (flags === TCP_SYN) {
    const letter = (walked.flags & TCP_ACK) !== 0 ? H : S
    // One bit for both letters, as in Zeek.
    if (addOnce(words, at, own, sender, letter, S) && words[own + START] !== sequence)
      addLetter(words, at, sender, letter)
  } else if (flags === TCP_FIN) {
    const end = (sequence + segmentLength(walked)) | 0
    if (addOnce(words, at, own, sender, F, F) && words[own + END] !== end) addLetter(words, at, sender, F)
  } else if (flags === TCP_RST) {
    if (addOnce(words, at, own, sender, R, R) && words[own + RESET_SEQUENCE] !== sequence)
      addLetter(words, at, sender, R)
  } else if ((flags & (TCP_FIN | TCP_RST)) === (TCP_FIN | TCP_RST)) {
    addOnce(words, at, own, sender, I, I)
  } else {
    addOnce(words, at, own, sender, Q, Q)
  }
}

function stepInactive(
  words: Int32Array,
  at: number,
  own: number,
  other: number,
  sender: 0 | 1,
  walked: WalkedPacket,
): void {
  const flags = walked.flags
  const hasAck = (flags & TCP_ACK) !== 0
  const peer = zeekState(words[other + STATE]!)
  const isOriginator = ((words[at + BITS]! & ORIGINATOR_IS_1) !== 0) === (sender === 1)
  if ((flags & TCP_SYN) !== 0) {
    if (isOriginator) {
      setState(words, own, hasAck ? SYN_ACK_SENT : SYN_SENT)
    } else {
      if (!hasAck && peer === SYN_ACK_SENT) {
        // SYN and SYN-ACK were captured in the wrong order.
        flipRoles(words, at)
        setState(words, other, ESTABLISHED)
      }
      if (peer === SYN_SENT) setState(words, other, ESTABLISHED)
      setState(words, own, ESTABLISHED)
    }
  }
  if ((flags & TCP_FIN) !== 0) setState(words, own, CLOSED)
  if ((flags & TCP_RST) !== 0) setState(words, own, RESET_STATE)
  if (zeekState(words[own + STATE]!) !== INACTIVE) return
  const isAckOfSyn = !isOriginator && walked.payloadBytes === 0 && peer === SYN_SENT
  if (isAckOfSyn) return
  if (hasAck && peer === SYN_ACK_SENT) {
    // The SYN was missed: who answers a SYN-ACK is the originator.
    flipRoles(words, at)
    setState(words, other, ESTABLISHED)
    setState(words, own, ESTABLISHED)
  } else {
    setState(words, own, hasAck && peer === ESTABLISHED ? ESTABLISHED : PARTIAL)
  }
}

function stepWaiting(words: Int32Array, own: number, flags: number): void {
  if ((flags & TCP_FIN) !== 0) setState(words, own, CLOSED)
  if ((flags & TCP_RST) !== 0) setState(words, own, RESET_STATE)
}

function stepEstablished(words: Int32Array, own: number, other: number, flags: number, state: number): void {
  const peer = words[other + STATE]!
  if ((flags & (TCP_SYN | TCP_ACK)) === TCP_SYN && state === PARTIAL && zeekState(peer) === INACTIVE) {
    setState(words, own, SYN_SENT)
  }
  if ((flags & (TCP_FIN | TCP_RST)) === TCP_FIN) {
    setState(words, own, CLOSED)
    // The peer's FIN and then RST, answered by a FIN, is a normal end.
    if (zeekState(peer) === RESET_STATE && zeekPreviousState(peer) === CLOSED) setState(words, other, CLOSED)
  }
  if ((flags & TCP_RST) !== 0) setState(words, own, RESET_STATE)
}
