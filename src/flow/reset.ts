// Resets: whether the one a reset is meant for accepts it, what kind it is, and whether what follows shows that it ended nothing.

import { TCP_ACK, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import { packetIdentity } from './life-profile.js'
import {
  ACK_FRAME,
  ACK_TIME,
  ACKED,
  BITS,
  EDGE,
  END,
  FIELDS,
  IGNORED,
  IGNORED_MAX,
  IGNORED_SHIFT,
  LAST_FRAME,
  PROFILE,
  PROFILE_AGAIN,
  PROFILE_DF,
  PROFILE_DF_VARIES,
  PROFILE_SCALE_SHIFT,
  PROFILE_SCALED,
  PROFILE_TTL,
  PROFILE_TTL_VARIES,
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
  RESET_SEQUENCE,
  RESET_TIME,
  RESET_TTL_DIFFERS,
  RESET_TTL_SHIFT,
  RESET_UNCHECKED,
  RESET_WRONG_ACK,
  SENT_ACK,
  SENT_DATA,
  SENT_FIN,
  SENT_RST,
  SENT_SYN,
  SENT_SYN_ACK,
  SIDE_WORDS,
  SIDES,
  SILENCE_FRAME,
  START,
  STARTED,
  STATE,
  SYN_FRAME,
  SYN_TIME,
} from './life-words.js'

const REFUSE = RESET_CLASSES.indexOf('refuse')
const ABORT = RESET_CLASSES.indexOf('abort')
const ANSWER = RESET_CLASSES.indexOf('answer-to-stray')
const IGNORED_CLASS = RESET_CLASSES.indexOf('ignored')
const INJECTED = RESET_CLASSES.indexOf('injected-suspect')
const IDLE = RESET_CLASSES.indexOf('idle-timeout-suspect')

/** Where the window scale is not known, no reset ahead by less than this is said to lie outside the window (RFC 7323 2.3: 65,535 << 14). */
const WIDEST_WINDOW = 65_535 * 2 ** 14
/** Identifications of one sender that are this close come from one counter. */
const IDENTIFICATION_STRIDE = 4096
/** What was under way when the reset came has arrived after this. */
const GRACE_NS = 1e9
const GRACE_LEAST_NS = 50e6

/** Takes a reset: judges it, and notes it as the one that ended the connection or as one that did not. */
export function stepReset(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  walked: WalkedPacket,
  frame: number,
): void {
  const own = at + SIDES + sender * SIDE_WORDS
  const other = at + SIDES + (1 - sender) * SIDE_WORDS
  const isFirst = words[at + RESET_FRAME] === 0
  // After both FINs it ends nothing that was not ended: an answer to the last segments.
  const isClosed = (words[own + STATE]! & words[other + STATE]! & SENT_FIN) !== 0
  if (isFirst && !isClosed) {
    const verdict = judge(words, own, other, walked)
    const phase = (verdict & RESET_CLASS) === REFUSE ? 0 : phaseOf(words, at, own, other)
    const about = describe(words, at, own, walked) | (phase << RESET_PHASE_SHIFT) | (sender === 1 ? RESET_BY_1 : 0)
    if ((verdict & (RESET_OUTSIDE_WINDOW | RESET_WRONG_ACK)) !== 0) {
      words[at + RESET] = about | (verdict & ~RESET_CLASS) | IGNORED_CLASS
      noteIgnored(words, at, frame)
    } else {
      words[at + RESET_FRAME] = frame
      doubles[doublesAt + RESET_TIME] = walked.timeNs
      words[at + RESET] = (verdict & ~RESET_CLASS) | about | suspect(about, verdict & RESET_CLASS)
      stepLastAcknowledgment(words, other, walked)
    }
    words[at + RESET_FIELDS] = (walked.identification << 16) | (walked.window & 0xffff)
    words[at + RESET_BEFORE] = words[own + LAST_FRAME]!
    words[at + RESET_PEER_BEFORE] = words[other + LAST_FRAME]!
  }
  words[own + STATE]! |= SENT_RST
  words[own + RESET_SEQUENCE] = walked.sequence | 0
}

/** What an accepted reset acknowledges counts: the bytes behind it are those that were lost. */
function stepLastAcknowledgment(words: Int32Array, other: number, walked: WalkedPacket): void {
  if ((walked.flags & TCP_ACK) === 0 || (words[other + STATE]! & STARTED) === 0) return
  const isMore = ((walked.acknowledgment - words[other + ACKED]!) | 0) > 0
  const isSent = ((walked.acknowledgment - words[other + END]!) | 0) <= 0
  if (isMore && isSent) words[other + ACKED] = walked.acknowledgment | 0
}

/** The class of a reset with RESET_INEXACT, or why the one it is meant for drops it. */
function judge(words: Int32Array, own: number, other: number, walked: WalkedPacket): number {
  const ownState = words[own + STATE]!
  const otherState = words[other + STATE]!
  const sequence = walked.sequence | 0
  const hasAck = (walked.flags & TCP_ACK) !== 0
  const ownHandshake = ownState & (SENT_SYN | SENT_SYN_ACK)
  if (
    (otherState & (SENT_SYN | SENT_SYN_ACK | SENT_ACK)) === SENT_SYN &&
    ownHandshake === 0 &&
    (ownState & SENT_DATA) === 0
  ) {
    // RFC 9293 3.10.7.3: in SYN-SENT only the acknowledgment of the SYN makes a reset acceptable.
    const past = (walked.acknowledgment - words[other + START]!) | 0
    const beyond = (walked.acknowledgment - words[other + END]!) | 0
    return hasAck && past > 0 && beyond <= 0 ? REFUSE : RESET_WRONG_ACK
  }
  if ((otherState & (STARTED | SENT_ACK)) === 0 && ownHandshake === SENT_SYN) {
    return ((sequence - words[own + START]!) | 0) >= 0 && ((sequence - words[own + END]!) | 0) <= 0
      ? ABORT
      : RESET_WRONG_ACK
  }
  if (
    ownHandshake === SENT_SYN &&
    (otherState & (SENT_SYN | SENT_SYN_ACK | SENT_DATA)) === 0 &&
    (ownState & SENT_ACK) === 0
  ) {
    // The other end answered a SYN with an ACK of an older connection; the reset is for that one (RFC 9293 3.5.1).
    return ((sequence - words[own + START]!) | 0) >= 0 && ((sequence - words[own + END]!) | 0) <= 0
      ? ABORT
      : ANSWER | RESET_WRONG_ACK
  }
  // RFC 9293 3.5.2: a reset without ACK answers a segment, at the number that the segment acknowledges.
  const kind = !hasAck && sequence === words[own + ACKED] ? ANSWER : ABORT
  const isUnknown = (ownState & STARTED) === 0 && (otherState & SENT_ACK) === 0
  if (isUnknown) return (hasAck ? ABORT : ANSWER) | RESET_UNCHECKED
  if (sequence === words[own + ACKED]) return kind
  if ((ownState & STARTED) !== 0 && (sequence === words[own + EDGE] || sequence === words[own + END])) return ABORT
  const ahead = (sequence - words[own + ACKED]!) | 0
  return ahead > 0 && ahead < windowOf(words, own, other) ? ABORT | RESET_INEXACT : RESET_OUTSIDE_WINDOW
}

/** Bytes that an end takes beyond what it has acknowledged, as far as the capture tells. */
function windowOf(words: Int32Array, own: number, other: number): number {
  const profile = words[other + PROFILE]!
  const bothScaled = profile & words[own + PROFILE]! & PROFILE_SCALED
  const shift = bothScaled !== 0 ? (profile >> PROFILE_SCALE_SHIFT) & 0xf : 0
  const sawBothSyns = (words[own + STATE]! & words[other + STATE]! & (SENT_SYN | SENT_SYN_ACK)) !== 0
  const sawSyns =
    sawBothSyns ||
    ((words[own + STATE]! | words[other + STATE]!) & (SENT_SYN | SENT_SYN_ACK)) === (SENT_SYN | SENT_SYN_ACK)
  return sawSyns ? (words[other + FIELDS]! & 0xffff) * 2 ** shift : WIDEST_WINDOW
}

function phaseOf(words: Int32Array, at: number, own: number, other: number): number {
  const either = words[own + STATE]! | words[other + STATE]!
  if ((either & SENT_FIN) !== 0) return 3
  if ((either & SENT_DATA) !== 0) return 2
  const isHandshake = (either & (SENT_SYN | SENT_SYN_ACK)) !== 0 && words[at + ACK_FRAME] === 0
  return isHandshake ? 0 : 1
}

/** How the reset compares with its sender's other packets, and whether it came into a silence. */
function describe(words: Int32Array, at: number, own: number, walked: WalkedPacket): number {
  const profile = words[own + PROFILE]!
  const identity = packetIdentity(walked)
  let bits = (walked.ttl & PROFILE_TTL) << RESET_TTL_SHIFT
  if ((walked.flags & TCP_ACK) !== 0) bits |= RESET_HAS_ACK
  if ((profile & PROFILE_AGAIN) !== 0) {
    if ((profile & PROFILE_TTL_VARIES) === 0 && ((profile ^ identity) & PROFILE_TTL) !== 0) bits |= RESET_TTL_DIFFERS
    if ((profile & PROFILE_DF_VARIES) === 0 && ((profile ^ identity) & PROFILE_DF) !== 0) bits |= RESET_DF_DIFFERS
    const step = (walked.identification - (words[own + FIELDS]! >>> 16)) & 0xffff
    if (walked.identification > 0 && step > IDENTIFICATION_STRIDE) bits |= RESET_ID_DIFFERS
  }
  const silence = words[at + SILENCE_FRAME]!
  // The reset itself ended the silence, or answers what did.
  if (silence !== 0 && words[own + LAST_FRAME]! < silence) {
    bits |= RESET_AFTER_SILENCE
  }
  return bits
}

/**
 * The class in the light of that. A time to live of its own is enough for suspicion; a Linux host that has no socket any more
 * sends resets with identification 0, so that differing identifications count only beside a differing "don't fragment".
 */
function suspect(about: number, kind: number): number {
  if ((about & RESET_TTL_DIFFERS) !== 0) return INJECTED
  if ((about & RESET_DF_DIFFERS) !== 0 && (about & RESET_ID_DIFFERS) !== 0) return INJECTED
  return (about & RESET_AFTER_SILENCE) !== 0 ? IDLE : kind
}

/** Keeps the first one, and the last one, of which RESET tells. */
function noteIgnored(words: Int32Array, at: number, frame: number): void {
  const count = words[at + BITS]! >>> IGNORED_SHIFT
  words[at + IGNORED + Math.min(count, 1)] = frame
  if (count < IGNORED_MAX) words[at + BITS]! += 1 << IGNORED_SHIFT
}

/** Takes a packet that follows an accepted reset: when it shows that the connection lives on, the reset is an ignored one. */
export function stepTrafficAfterReset(
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  sender: 0 | 1,
  walked: WalkedPacket,
): void {
  const reset = words[at + RESET]!
  const isSender = ((reset & RESET_BY_1) !== 0) === (sender === 1)
  const own = at + SIDES + sender * SIDE_WORDS
  const other = at + SIDES + (1 - sender) * SIDE_WORDS
  const handshake = walked.flags & (TCP_SYN | TCP_ACK)
  // A SYN after a refusal is another try; its answer shows that it was not refused.
  if (handshake === TCP_SYN) return
  const isNewData = walked.payloadBytes > 0 && ((walked.sequence + walked.payloadBytes - words[own + END]!) | 0) > 0
  let goesOn: boolean
  if (isSender) {
    const acknowledgesMore =
      (walked.flags & TCP_ACK) !== 0 &&
      (words[other + STATE]! & STARTED) !== 0 &&
      ((walked.acknowledgment - words[other + ACKED]!) | 0) > 0
    goesOn = isNewData || acknowledgesMore || handshake === (TCP_SYN | TCP_ACK)
  } else {
    const isLate = walked.timeNs - doubles[doublesAt + RESET_TIME]! > graceNs(words, at, doubles, doublesAt)
    goesOn = (reset & RESET_INEXACT) !== 0 || (isNewData && isLate)
  }
  if (!goesOn) return
  noteIgnored(words, at, words[at + RESET_FRAME]!)
  words[at + RESET] = (reset & ~RESET_CLASS) | IGNORED_CLASS | RESET_OUTLIVED
  words[at + RESET_FRAME] = 0
}

function graceNs(words: Int32Array, at: number, doubles: Float64Array, doublesAt: number): number {
  if (words[at + SYN_FRAME] === 0 || words[at + ACK_FRAME] === 0) return GRACE_NS
  return Math.max(GRACE_LEAST_NS, 2 * (doubles[doublesAt + ACK_TIME]! - doubles[doublesAt + SYN_TIME]!))
}
