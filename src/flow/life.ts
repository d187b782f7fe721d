// The life of a TCP connection, stepped by each of its packets: who opened it, who closed or reset it, and what Zeek would write of it.

import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import { decideClient } from './life-begin.js'
import { packetIdentity, stepProfile } from './life-profile.js'
import { startSequence, stepAcknowledgment, stepSequence } from './life-sequence.js'
import { isStray, stepCompleteness, stepFin, stepHandshake, stepPayload } from './life-steps.js'
import {
  ACK_FRAME,
  ACKED,
  BEGUN,
  BITS,
  CLIENT_IS_1,
  EDGE,
  END,
  FIELDS,
  ICMP_ABOUT_0,
  ICMP_ABOUT_1,
  ICMP_FRAME,
  LAST_FRAME,
  LAST_TIME,
  OPEN,
  PROFILE,
  PROFILE_IDENTITY,
  REQUEST_FRAME,
  RESET_FRAME,
  RESPONSE_FRAME,
  SENT_ACK,
  SENT_DATA,
  SENT_FIN,
  SENT_RST,
  SENT_SYN,
  SENT_SYN_ACK,
  SIDE_WORDS,
  SIDES,
  SILENCE,
  SILENCE_FRAME,
  STARTED,
  STATE,
} from './life-words.js'
import { stepReset, stepTrafficAfterReset } from './reset.js'
import {
  beginZeek,
  ESTABLISHED,
  LETTER_A,
  LETTER_D,
  PARTIAL,
  stepZeek,
  stepZeekChecksum,
  stepZeekGap,
  zeekState,
} from './zeek.js'

export { type Life, readLife } from './life-view.js'
export { LIFE_DOUBLES, LIFE_WORDS } from './life-words.js'

/** Bit of `flags`: the checksum was verified, and is wrong. */
export const STEP_BAD_CHECKSUM = 1

/** A silence this long is remembered: middleboxes forget connections after it (captures.md 3). */
const LONG_SILENCE_NS = 60e9
const NS_PER_MS = 1e6
const INT32_MAX = 0x7fff_ffff

/**
 * Takes the next packet of a connection; duplicates of the capture never come here. Allocates nothing.
 * @param at where the flow's LIFE_WORDS start in `words`, all 0 before its first packet; `doublesAt` likewise
 * @param sender 0 for the sender of the flow's first packet
 * @param walked with its time, in nanoseconds since any one moment
 */
export function stepLife(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  walked: WalkedPacket,
  frame: number,
  flags: number,
): void {
  const own = at + SIDES + sender * SIDE_WORDS
  const other = at + SIDES + (1 - sender) * SIDE_WORDS
  const isTaken =
    (words[at + BITS]! & OPEN) !== 0 &&
    flags === 0 &&
    walked.timeNs - doubles[doublesAt + LAST_TIME]! < LONG_SILENCE_NS &&
    stepOpen(words, at, own, other, sender, walked, frame)
  if (!isTaken) stepAny(words, at, doubles, doublesAt, sender, walked, frame, flags)
  doubles[doublesAt + LAST_TIME] = walked.timeNs
}

/** The long way. The time is no argument of anything: as one it would be an object on the heap for each packet. */
function stepAny(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  walked: WalkedPacket,
  frame: number,
  flags: number,
): void {
  const own = at + SIDES + sender * SIDE_WORDS
  const other = at + SIDES + (1 - sender) * SIDE_WORDS
  const silenceNs = walked.timeNs - doubles[doublesAt + LAST_TIME]!
  const isFirst = (words[at + BITS]! & BEGUN) === 0
  decideClient(words, at, sender, walked)
  beginZeek(words, at, sender, walked)
  if (!isFirst && silenceNs >= LONG_SILENCE_NS) {
    words[at + SILENCE] = Math.min(Math.round(silenceNs / NS_PER_MS), INT32_MAX)
    words[at + SILENCE_FRAME] = frame
  }
  const isBad = (flags & STEP_BAD_CHECKSUM) !== 0
  if (isBad) stepZeekChecksum(words, at, own, sender)
  startSequence(words, own, walked)
  // Zeek takes no packet whose TCP header is cut.
  const isForZeek = !isBad && walked.transportStart + walked.tcpHeaderBytes <= walked.transportEnd
  if (isForZeek) stepZeek(words, at, own, other, sender, walked)
  if ((walked.flags & TCP_RST) !== 0) {
    stepReset(words, at, doubles, doublesAt, sender, walked, frame)
  } else {
    if (words[at + RESET_FRAME] !== 0) stepTrafficAfterReset(words, at, doubles, doublesAt, sender, walked)
    stepHandshake(words, at, doubles, doublesAt, sender, walked, frame)
    if ((walked.flags & TCP_FIN) !== 0) stepFin(words, at, sender, walked, frame)
    stepSequence(words, own, walked)
    if (!isStray(words, at, own, other, walked)) {
      const isGap = stepAcknowledgment(words, other, walked)
      if (isGap && isForZeek) stepZeekGap(words, at, own, other, sender)
    }
    stepPayload(words, at, doubles, doublesAt, sender, walked, frame)
    stepProfile(words, own, walked)
  }
  stepCompleteness(words, at, walked, isFirst)
  words[own + LAST_FRAME] = frame
  words[at + BITS] = isOpen(words, at, own, other) ? words[at + BITS]! | OPEN : words[at + BITS]! & ~OPEN
}

/** Notes an ICMP error that quotes a packet of `aboutSender`. */
export function stepIcmp(words: Int32Array, at: number, aboutSender: 0 | 1, frame: number): void {
  words[at + BITS]! |= aboutSender === 0 ? ICMP_ABOUT_0 : ICMP_ABOUT_1
  if (words[at + ICMP_FRAME] === 0) words[at + ICMP_FRAME] = frame
}

/** The next bytes in order, or an acknowledgment, of an open connection; false when it is anything else, and nothing was changed. */
function stepOpen(
  words: Int32Array,
  at: number,
  own: number,
  other: number,
  sender: 0 | 1,
  walked: WalkedPacket,
  frame: number,
): boolean {
  const flags = walked.flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)
  if (flags !== TCP_ACK || walked.window === 0) return false
  if (((packetIdentity(walked) ^ words[own + PROFILE]!) & PROFILE_IDENTITY) !== 0) return false
  const acknowledgment = walked.acknowledgment | 0
  if (((acknowledgment - words[other + EDGE]!) | 0) > 0) return false
  const state = words[own + STATE]!
  const length = walked.payloadBytes
  if (length === 0) {
    if ((state & LETTER_A) === 0) return false
  } else {
    const edge = words[own + EDGE]!
    if ((state & (LETTER_D | SENT_DATA | SENT_ACK)) !== (LETTER_D | SENT_DATA | SENT_ACK)) return false
    if (edge !== (walked.sequence | 0) || edge !== words[own + END]) return false
    const isClient = ((words[at + BITS]! & CLIENT_IS_1) !== 0) === (sender === 1)
    // The first payload of the client, and of the server after it, are noted.
    if (
      isClient ? words[at + REQUEST_FRAME] === 0 : words[at + REQUEST_FRAME] !== 0 && words[at + RESPONSE_FRAME] === 0
    ) {
      return false
    }
    const end = (edge + length) | 0
    words[own + EDGE] = end
    words[own + END] = end
  }
  if (((acknowledgment - words[other + ACKED]!) | 0) > 0) words[other + ACKED] = acknowledgment
  words[own + FIELDS] = (walked.identification << 16) | (walked.window & 0xffff)
  words[own + LAST_FRAME] = frame
  return true
}

/** Whether the fast path may take what follows: nothing of the handshake is missing, and nothing of an end was seen. */
function isOpen(words: Int32Array, at: number, own: number, other: number): boolean {
  const ownState = words[own + STATE]!
  const otherState = words[other + STATE]!
  if (((ownState | otherState) & (SENT_FIN | SENT_RST)) !== 0 || (ownState & otherState & STARTED) === 0) return false
  if (((ownState | otherState) & (SENT_SYN | SENT_SYN_ACK)) !== 0 && words[at + ACK_FRAME] === 0) return false
  return isZeekOpen(ownState) && isZeekOpen(otherState)
}

function isZeekOpen(state: number): boolean {
  const zeek = zeekState(state)
  return zeek === ESTABLISHED || zeek === PARTIAL
}
