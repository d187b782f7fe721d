// Labels of packets that open and reset: handshake-ack, challenge-ack, rst-*. Ours, by RFC 9293 and RFC 5961.

import { TCP_ACK, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import * as Row from './flow-record.js'
import * as Label from './label-bits.js'

/** Of a packet with ACK and without SYN: does it end the handshake, or refuse what it answers without a reset? */
export function labelOpening(
  words: Int32Array,
  at: number,
  side: number,
  other: number,
  walked: WalkedPacket,
  state: number,
  otherState: number,
): number {
  const acknowledgment = walked.acknowledgment | 0
  if ((otherState & Row.SENT_SYN_ACK) !== 0 && (words[at + Row.SIDES + Row.STATE]! & Row.HANDSHAKE_ACKED) === 0) {
    if (acknowledgment !== ((words[other + Row.INITIAL]! + 1) | 0) || (state & Row.SENT_SYN) === 0) return 0
    words[at + Row.SIDES + Row.STATE]! |= Row.HANDSHAKE_ACKED
    return Label.HANDSHAKE_ACK
  }
  if (walked.payloadBytes !== 0 || (walked.flags & ~TCP_ACK & 0x07) !== 0) return 0
  // RFC 9293 3.10.7.4, RFC 5961 3.2: an ACK of what was expected answers a reset inside of the window.
  if ((otherState & Row.LAST_RST) !== 0 && words[other + Row.LAST_ACK] !== undefined) {
    const exact = ((words[other + Row.NEXT]! - acknowledgment) | 0) === 0
    return exact && (state & Row.ACKED) !== 0 && acknowledgment === words[side + Row.LAST_ACK] ? Label.CHALLENGE_ACK : 0
  }
  // RFC 5961 4.2: the answer of an older connection to a SYN acknowledges something else than that SYN.
  const answersSyn =
    (otherState & (Row.SENT_SYN | Row.SENT_SYN_ACK | Row.ACKED_BEHIND_SYN)) === Row.SENT_SYN &&
    (state & (Row.SENT_SYN | Row.SENT_SYN_ACK)) === 0
  return answersSyn && acknowledgment !== ((words[other + Row.INITIAL]! + 1) | 0) ? Label.CHALLENGE_ACK : 0
}

/** What a reset is by its numbers alone. */
export function labelReset(
  words: Int32Array,
  side: number,
  other: number,
  walked: WalkedPacket,
  state: number,
  otherState: number,
): number {
  const sequence = walked.sequence | 0
  const hasAck = (walked.flags & TCP_ACK) !== 0
  // RFC 9293 3.10.7.3: in SYN-SENT only an acknowledgment of the SYN makes a reset count.
  const answersSyn =
    (otherState & (Row.SENT_SYN | Row.SENT_SYN_ACK | Row.ACKED_BEHIND_SYN)) === Row.SENT_SYN &&
    (state & (Row.SENT_SYN | Row.SENT_SYN_ACK)) === 0
  if (answersSyn && (walked.flags & TCP_SYN) === 0) {
    const acknowledged = hasAck && ((walked.acknowledgment - words[other + Row.NEXT]!) | 0) === 0
    return acknowledged ? Label.RST_REFUSE : Label.RST_IGNORED
  }
  const expected = words[other + Row.LAST_ACK]!
  if ((otherState & Row.ACKED) === 0) {
    // Of the other end only an ACK of an older connection may have come: the reset has its number.
    const answers =
      !hasAck && sequence === expected && (state & Row.SENT_SYN) !== 0 && sequence !== words[side + Row.NEXT]
    return answers ? Label.RST_ANSWER : Label.RST_ABORT
  }
  const scale = (otherState & Row.SCALE_MASK) >>> Row.SCALE_SHIFT
  const shift = scale > 2 && (otherState & Row.ACKED_BEHIND_SYN) !== 0 ? scale - 2 : 0
  // Midstream the scale is not known: the largest there is (RFC 7323 2.3) excludes no reset that might count.
  const window = (words[other + Row.LAST_WINDOW]! & 0xffff) * 2 ** (scale === 0 ? 14 : shift)
  // RFC 9293 3.5.2: what answers a segment that belongs to nothing has its acknowledgment as its number, and no ACK.
  if (!hasAck && sequence === expected) return Label.RST_ANSWER
  const sent = (state & Row.SEEN) !== 0 && sequence === words[side + Row.NEXT]
  if (sent || sequence === expected) return Label.RST_ABORT
  const inside = ((sequence - expected) | 0) >= 0 && ((sequence - expected) | 0) < Math.max(1, window)
  return inside ? Label.RST_ABORT : Label.RST_IGNORED
}
