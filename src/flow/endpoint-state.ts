// The RFC 9293 state of each end at the last packet, by what the capture shows (captures.md 2.7), in the words of `ss`.

import {
  ACK_FRAME,
  BITS,
  FIN_ACKED,
  FIRST_FIN_IS_1,
  RESET_FRAME,
  SENT_ACK,
  SENT_DATA,
  SENT_FIN,
  SENT_SYN,
  SENT_SYN_ACK,
  SIDE_WORDS,
  SIDES,
  SIMULTANEOUS_CLOSE,
  STARTED,
  STATE,
} from './life-words.js'
import type { EndpointState } from './model.js'

export function readEndpointState(words: Int32Array, at: number, side: 0 | 1): EndpointState {
  const bits = words[at + BITS]!
  const own = words[at + SIDES + side * SIDE_WORDS + STATE]!
  const peer = words[at + SIDES + (1 - side) * SIDE_WORDS + STATE]!
  if (words[at + RESET_FRAME] !== 0) return 'closed'
  // Of an end that sent nothing, the capture says nothing.
  if ((own & STARTED) === 0) return 'unknown'
  const isFirst =
    (own & SENT_FIN) !== 0 &&
    ((peer & SENT_FIN) === 0 || (bits & SIMULTANEOUS_CLOSE) !== 0 || ((bits & FIRST_FIN_IS_1) !== 0) === (side === 1))
  const isAcked = (own & FIN_ACKED) !== 0
  if ((own & SENT_FIN) !== 0) {
    if ((peer & SENT_FIN) === 0) return isAcked ? 'fin-wait-2' : 'fin-wait-1'
    if (!isFirst) return isAcked ? 'closed' : 'last-ack'
    if (!isAcked) return 'closing'
    return (peer & FIN_ACKED) !== 0 ? 'time-wait' : 'fin-wait-2'
  }
  if ((peer & SENT_FIN) !== 0) return 'close-wait'
  return openState(words[at + ACK_FRAME] !== 0, own, peer)
}

/** Without FIN and reset: how far the handshake has come, as far as it is in the capture. */
function openState(isAcknowledged: boolean, own: number, peer: number): EndpointState {
  const handshake = SENT_SYN | SENT_SYN_ACK
  if (((own | peer) & handshake) === 0) return 'unknown'
  if (isAcknowledged) return 'established'
  const hasTalked = (SENT_ACK | SENT_DATA) & own & peer
  if (hasTalked !== 0) return 'established'
  // In a capture of one direction, what goes on behind the handshake shows that it was done.
  if ((peer & STARTED) === 0 && (own & SENT_ACK) !== 0) return 'established'
  if ((own & SENT_SYN_ACK) !== 0) return 'syn-recv'
  if ((own & SENT_SYN) !== 0) return (peer & SENT_SYN) !== 0 ? 'syn-recv' : 'syn-sent'
  return 'unknown'
}
