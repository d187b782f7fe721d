// Sequence numbers of a connection's ends: how far each has sent, what of that the capture has, and what was acknowledged.

import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import { ACKED, EDGE, END, FIN_ACKED, HOLE, SENT_DATA, SENT_FIN, START, STARTED, STATE } from './life-words.js'

/** Takes a first packet of an end, or a SYN that begins anew before there was data. */
export function startSequence(words: Int32Array, own: number, walked: WalkedPacket): void {
  const sequence = walked.sequence | 0
  const isSyn = (walked.flags & TCP_SYN) !== 0
  const state = words[own + STATE]!
  if ((state & STARTED) !== 0 && (!isSyn || words[own + START]! === sequence || (state & SENT_DATA) !== 0)) return
  // A reset that precedes everything says nothing of the numbers of its sender (RFC 9293 3.10.7.1: it may be 0).
  if ((walked.flags & TCP_RST) !== 0 && (state & STARTED) === 0) return
  const start = isSyn ? sequence : (sequence - 1) | 0
  words[own + STATE] = state | STARTED
  words[own + START] = start
  words[own + ACKED] = sequence
  words[own + END] = isSyn ? (sequence + 1) | 0 : sequence
  words[own + EDGE] = words[own + END]!
}

/** Sequence space that a segment takes: its payload, SYN and FIN; a reset takes none. */
export function segmentLength(walked: WalkedPacket): number {
  const flags = walked.flags
  if ((flags & TCP_RST) !== 0) return 0
  return walked.payloadBytes + ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0)
}

/** Counts a segment that is no reset into what its sender has sent. */
export function stepSequence(words: Int32Array, own: number, walked: WalkedPacket): void {
  const length = segmentLength(walked)
  if (length === 0) return
  const sequence = walked.sequence | 0
  const end = (sequence + length) | 0
  const edge = words[own + EDGE]!
  const farthest = words[own + END]!
  const hasHole = ((farthest - edge) | 0) > 0
  if (((sequence - edge) | 0) <= 0) {
    if (((end - edge) | 0) > 0) {
      // Past the start of what lies behind the hole, everything up to the farthest is taken as there.
      const isFilled = hasHole && ((end - words[own + HOLE]!) | 0) >= 0 && ((farthest - end) | 0) > 0
      words[own + EDGE] = isFilled ? farthest : end
    }
  } else if (!hasHole || ((sequence - words[own + HOLE]!) | 0) < 0) {
    words[own + HOLE] = sequence
  }
  if (((end - farthest) | 0) > 0) words[own + END] = end
}

/**
 * Counts an acknowledgment of what the other end has sent.
 * @returns true when it acknowledges what the capture does not have
 */
export function stepAcknowledgment(words: Int32Array, other: number, walked: WalkedPacket): boolean {
  if ((walked.flags & (TCP_ACK | TCP_RST)) !== TCP_ACK) return false
  const acknowledgment = walked.acknowledgment | 0
  const state = words[other + STATE]!
  if ((state & STARTED) === 0) {
    words[other + ACKED] = acknowledgment
    return false
  }
  if (((acknowledgment - words[other + ACKED]!) | 0) <= 0) return false
  words[other + ACKED] = acknowledgment
  if ((state & SENT_FIN) !== 0 && ((acknowledgment - words[other + END]!) | 0) >= 0) {
    words[other + STATE] = state | FIN_ACKED
  }
  if (((acknowledgment - words[other + EDGE]!) | 0) <= 0) return false
  const farthest = words[other + END]!
  const isPastHole = ((farthest - acknowledgment) | 0) > 0 && ((acknowledgment - words[other + HOLE]!) | 0) >= 0
  words[other + EDGE] = isPastHole ? farthest : acknowledgment
  return true
}
