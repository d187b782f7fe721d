// What single packets mean for a connection's life: handshake, first payloads, FIN, and what Wireshark calls completeness.

import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import {
  ACK_FRAME,
  ACK_TIME,
  BITS,
  CLIENT_IS_1,
  COMPLETE_ACK,
  COMPLETE_DATA,
  COMPLETE_FIN,
  COMPLETE_RST,
  COMPLETE_SYN,
  COMPLETE_SYN_ACK,
  CONTINUED,
  END,
  FIN_FRAME,
  FIRST_FIN_IS_1,
  FIRST_SYN_IS_1,
  REQUEST_FRAME,
  REQUEST_TIME,
  RESPONSE_FRAME,
  RESPONSE_TIME,
  SENT_ACK,
  SENT_DATA,
  SENT_FIN,
  SENT_SYN,
  SENT_SYN_ACK,
  SIDE_WORDS,
  SIDES,
  SIMULTANEOUS_CLOSE,
  START,
  STATE,
  STRAY_ACK,
  SYN_ACK_FRAME,
  SYN_ACK_TIME,
  SYN_FRAME,
  SYN_TIME,
} from './life-words.js'

export function stepHandshake(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  walked: WalkedPacket,
  frame: number,
): void {
  const own = at + SIDES + sender * SIDE_WORDS
  const handshake = walked.flags & (TCP_SYN | TCP_ACK)
  if (handshake === TCP_SYN) {
    words[own + STATE]! |= SENT_SYN
    // The last SYN before its answer is the one that is timed, so that a lost one is no slow server.
    if (words[at + SYN_ACK_FRAME] === 0 && isFirstSynSender(words, at, sender)) {
      words[at + SYN_FRAME] = frame
      doubles[doublesAt + SYN_TIME] = walked.timeNs
    }
  } else if (handshake === (TCP_SYN | TCP_ACK)) {
    words[own + STATE]! |= SENT_SYN_ACK
    if (words[at + SYN_ACK_FRAME] === 0) {
      words[at + SYN_ACK_FRAME] = frame
      doubles[doublesAt + SYN_ACK_TIME] = walked.timeNs
    } else if (words[at + ACK_FRAME] === 0 && isOpenedByBoth(words, at)) {
      words[at + ACK_FRAME] = frame
      doubles[doublesAt + ACK_TIME] = walked.timeNs
    }
  } else if (handshake === TCP_ACK && words[at + ACK_FRAME] === 0) {
    const other = at + SIDES + (1 - sender) * SIDE_WORDS
    const isAnswer =
      (words[other + STATE]! & SENT_SYN_ACK) !== 0 ||
      ((words[own + STATE]! & SENT_SYN_ACK) !== 0 && (words[other + STATE]! & SENT_SYN) !== 0)
    if (isAnswer && ((walked.acknowledgment - words[other + START]!) | 0) > 0) {
      words[at + ACK_FRAME] = frame
      doubles[doublesAt + ACK_TIME] = walked.timeNs
    }
  }
}

/** Each end has acknowledged the other's SYN with its own (RFC 9293 3.5, figure 8). */
function isOpenedByBoth(words: Int32Array, at: number): boolean {
  const both = words[at + SIDES + STATE]! & words[at + SIDES + SIDE_WORDS + STATE]!
  return (both & (SENT_SYN | SENT_SYN_ACK)) === (SENT_SYN | SENT_SYN_ACK)
}

function isFirstSynSender(words: Int32Array, at: number, sender: 0 | 1): boolean {
  return ((words[at + BITS]! & FIRST_SYN_IS_1) !== 0) === (sender === 1)
}

/** An ACK that does not fit the SYN it answers, of an older connection of the same ends (RFC 9293 3.5.1, 3.10.7.3). */
export function isStray(words: Int32Array, at: number, own: number, other: number, walked: WalkedPacket): boolean {
  const flags = walked.flags & (TCP_SYN | TCP_ACK)
  const isWaiting =
    (words[other + STATE]! & (SENT_SYN | SENT_SYN_ACK)) === SENT_SYN &&
    (words[own + STATE]! & (SENT_SYN | SENT_SYN_ACK)) === 0
  if (!isWaiting || flags !== TCP_ACK) return false
  const past = (walked.acknowledgment - words[other + START]!) | 0
  if (past > 0 && ((words[other + END]! - walked.acknowledgment) | 0) >= 0) return false
  // A SYN-ACK that the capture missed leaves data and acknowledgments that go on; so does this one when the client has sent more.
  if ((words[other + STATE]! & (SENT_DATA | SENT_ACK)) !== 0) return false
  words[at + BITS]! |= STRAY_ACK
  return true
}

export function stepFin(words: Int32Array, at: number, sender: 0 | 1, walked: WalkedPacket, frame: number): void {
  const own = at + SIDES + sender * SIDE_WORDS
  const other = at + SIDES + (1 - sender) * SIDE_WORDS
  const state = words[own + STATE]!
  if ((state & SENT_FIN) !== 0) return
  words[own + STATE] = state | SENT_FIN
  words[own + FIN_FRAME] = frame
  if ((words[other + STATE]! & SENT_FIN) === 0) {
    if (sender === 1) words[at + BITS]! |= FIRST_FIN_IS_1
  } else if (((walked.acknowledgment - words[other + END]!) | 0) < 0) {
    words[at + BITS]! |= SIMULTANEOUS_CLOSE
  }
}

/** Notes what an end has sent, and the first payload of the client and of the server after it. */
export function stepPayload(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  walked: WalkedPacket,
  frame: number,
): void {
  const own = at + SIDES + sender * SIDE_WORDS
  if ((walked.flags & (TCP_SYN | TCP_ACK)) === TCP_ACK) words[own + STATE]! |= SENT_ACK
  if (walked.payloadBytes === 0) return
  words[own + STATE]! |= SENT_DATA
  const isClient = ((words[at + BITS]! & CLIENT_IS_1) !== 0) === (sender === 1)
  if (isClient) {
    if (words[at + REQUEST_FRAME] !== 0) return
    words[at + REQUEST_FRAME] = frame
    doubles[doublesAt + REQUEST_TIME] = walked.timeNs
  } else if (words[at + REQUEST_FRAME] !== 0 && words[at + RESPONSE_FRAME] === 0) {
    words[at + RESPONSE_FRAME] = frame
    doubles[doublesAt + RESPONSE_TIME] = walked.timeNs
  }
}

/** Wireshark's tcp.completeness: a SYN counts as the first packet only, an ACK without payload only, payload not in a SYN-ACK. */
export function stepCompleteness(words: Int32Array, at: number, walked: WalkedPacket, isFirst: boolean): void {
  const flags = walked.flags
  const handshake = flags & (TCP_SYN | TCP_ACK)
  const hasPayload = walked.payloadBytes > 0
  let bits = 0
  if (handshake === TCP_SYN) bits = isFirst ? COMPLETE_SYN : 0
  else if (handshake === (TCP_SYN | TCP_ACK)) bits = COMPLETE_SYN_ACK
  else if (handshake === TCP_ACK && !hasPayload) bits = COMPLETE_ACK
  if (hasPayload && (handshake === TCP_SYN || handshake === TCP_ACK)) bits |= COMPLETE_DATA
  if ((flags & (TCP_FIN | TCP_ACK)) === (TCP_FIN | TCP_ACK)) bits |= COMPLETE_FIN
  if ((flags & TCP_RST) !== 0) bits |= COMPLETE_RST
  words[at + BITS]! |= isFirst ? bits : bits | CONTINUED
}
