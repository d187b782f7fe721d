// Labels of a TCP packet: Wireshark's rules 1 to 15 (captures.md 2.3) in their order over the columns of a flow. Where a rule of
// ours is another one, the comment says so, and docs/labels.md says it too.

import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import * as Row from './flow-record.js'
import * as Label from './label-bits.js'
import { labelOpening, labelReset } from './tcp-labels-control.js'
import * as Trouble from './trouble.js'

/** Rule 12: no later than this after the last packet of the other end. */
const FAST_NS = 20e6
/** Rule 13 while the handshake's round trip is unknown. */
const OUT_OF_ORDER_NS = 3e6
/** Linux never waits less than this before it sends again for want of an answer (TCP_RTO_MIN, include/net/tcp.h). */
const RTO_MIN_NS = 200e6

const UNKNOWN = 0
const RTO = 1
const FAST = 2
const TAIL = 3
const SPURIOUS = 4

/** What makes a row of trouble necessary. */
const TROUBLE =
  Label.SYN_RETRANSMIT |
  Label.SYN_ACK_RETRANSMIT |
  Label.RETRANSMISSION |
  Label.PARTIAL_RETRANSMISSION |
  Label.OUT_OF_ORDER |
  Label.GAP |
  Label.DUP_ACK |
  Label.ZERO_WINDOW |
  Label.WINDOW_FULL |
  Label.ZERO_WINDOW_PROBE |
  Label.KEEP_ALIVE
const AGAIN = Label.RETRANSMISSION | Label.PARTIAL_RETRANSMISSION
/** Bits of a state that are about the last packet only. */
const LAST = Row.LAST_KEEP_ALIVE | Row.LAST_PROBE | Row.LAST_RST

export class TcpLabeller {
  readonly troubles = new Trouble.TroubleRecords()
  /** Of the packet that `label` was called with last. */
  retransmissionKind = UNKNOWN
  dupAckNumber = 0

  /**
   * Labels the packet and moves the columns of its flow. `labels` are those that are known already.
   * @param at where the words of the flow begin in `words`
   * @param doublesAt where its doubles begin in `doubles`
   */
  label(
    words: Int32Array,
    at: number,
    doubles: Float64Array,
    doublesAt: number,
    sender: 0 | 1,
    walked: WalkedPacket,
    given: number,
  ): number {
    const side = at + Row.SIDES + sender * Row.SIDE_WORDS
    const other = at + Row.SIDES + (1 - sender) * Row.SIDE_WORDS
    const times = doublesAt + Row.SIDE_TIMES + sender * Row.SIDE_DOUBLES
    const sequence = walked.sequence | 0
    const acknowledgment = walked.acknowledgment | 0
    const length = walked.payloadBytes
    const flags = walked.flags
    const window = walked.window
    const control = flags & (TCP_SYN | TCP_FIN | TCP_RST)
    const state = words[side + Row.STATE]!
    const otherState = words[other + Row.STATE]!
    const seen = (state & Row.SEEN) !== 0
    const next = words[side + Row.NEXT]!
    const ahead = (sequence - next) | 0
    const lastAck = words[side + Row.LAST_ACK]!
    const end = (sequence + length + ((flags & (TCP_SYN | TCP_FIN)) !== 0 ? 1 : 0)) | 0
    let labels = given
    /** Rule 1 alone: Wireshark's probe, which does not advance what was sent. */
    let bareProbe = false
    this.retransmissionKind = UNKNOWN
    this.dupAckNumber = 0

    if (window === 0 && control === 0) labels |= Label.ZERO_WINDOW // rule 2
    if (seen) {
      // Ours: a window that was never seen is not 0 (Wireshark's is before the first packet).
      const otherClosed = (otherState & Row.SEEN) !== 0 && (words[other + Row.LAST_WINDOW]! & 0xffff) === 0
      const lastWindow = words[side + Row.LAST_WINDOW]! & 0xffff
      if (length === 1 && ahead === 0 && otherClosed) {
        labels = (labels & ~Label.ZERO_WINDOW) | Label.ZERO_WINDOW_PROBE // rule 1, which skips 2 to 9
        bareProbe = true
      } else {
        if (ahead > 0 && (flags & TCP_RST) === 0) labels |= Label.GAP // rule 3
        if (control === 0) {
          // Rule 4. Ours: while the other's window is 0 it is Linux's zero-window probe (tcp_xmit_probe_skb).
          if (length <= 1 && ahead === -1) labels |= otherClosed ? Label.ZERO_WINDOW_PROBE : Label.KEEP_ALIVE
          else if (length === 0 && ahead === 0 && acknowledgment === lastAck) {
            if (window !== lastWindow) {
              if (window !== 0) labels |= Label.WINDOW_UPDATE // rule 5
            } else if (window === 0) {
              if ((otherState & Row.LAST_PROBE) !== 0) labels |= Label.ZERO_WINDOW_PROBE_ACK // rule 8
            } else if ((otherState & Row.LAST_KEEP_ALIVE) !== 0)
              labels |= Label.KEEP_ALIVE_ACK // rule 7
            else labels |= Label.DUP_ACK // rule 9
          }
        }
      }
    }
    const scale = (otherState & Row.SCALE_MASK) >>> Row.SCALE_SHIFT
    if (length > 0 && control === 0 && scale !== 0 && !bareProbe && (otherState & Row.ACKED) !== 0) {
      // Rule 6: the window of a SYN is not scaled (RFC 7323 2.2).
      const shift = scale > 2 && (otherState & Row.ACKED_BEHIND_SYN) !== 0 ? scale - 2 : 0
      const edge = words[other + Row.LAST_ACK]! + ((words[other + Row.LAST_WINDOW]! & 0xffff) << shift)
      if (end === (edge | 0)) labels |= Label.WINDOW_FULL
    }
    if ((flags & TCP_ACK) !== 0 && (otherState & Row.SEEN) !== 0) {
      const isUnseen = ((acknowledgment - words[other + Row.CONTIGUOUS]!) | 0) > 0
      if (isUnseen && (otherState & Row.UNSEEN_SAID) === 0) {
        labels |= Label.ACKED_UNSEEN // rule 10: of acknowledgments in a row, the first
        const sent = words[other + Row.NEXT]!
        words[other + Row.CONTIGUOUS] = ((acknowledgment - sent) | 0) > 0 ? acknowledgment : sent
        words[other + Row.STATE] = otherState | Row.UNSEEN_SAID
      } else if (!isUnseen) words[other + Row.STATE] = otherState & ~Row.UNSEEN_SAID
    }
    const keeps = (labels & (Label.KEEP_ALIVE | Label.ZERO_WINDOW_PROBE)) !== 0 && !bareProbe
    if ((length > 0 || (flags & (TCP_SYN | TCP_FIN)) !== 0) && !keeps) {
      const behind = seen && ahead < 0 && !(length > 1 && ahead === -1)
      if (
        length > 0 &&
        (otherState & Row.ACKED) !== 0 &&
        ((sequence + length - words[other + Row.LAST_ACK]!) | 0) <= 0
      ) {
        labels |= Label.RETRANSMISSION // rule 11
        this.retransmissionKind = SPURIOUS
      } else if (behind) labels |= this.#behind(words, at, doubles, doublesAt, sender, walked, end)
    }

    let newState = (state & ~LAST) | Row.SEEN
    if ((labels & Label.KEEP_ALIVE) !== 0) newState |= Row.LAST_KEEP_ALIVE
    if ((labels & Label.ZERO_WINDOW_PROBE) !== 0) newState |= Row.LAST_PROBE
    if (control !== 0) {
      if ((flags & TCP_RST) !== 0) {
        labels |= labelReset(words, side, other, walked, state, otherState)
        newState |= Row.LAST_RST | Row.SENT_RST | Row.RST_SINCE_SYN
      }
      if ((flags & TCP_FIN) !== 0) newState |= Row.SENT_FIN
      if ((flags & TCP_SYN) !== 0) {
        newState |= (flags & TCP_ACK) !== 0 ? Row.SENT_SYN_ACK : Row.SENT_SYN
        // A SYN begins anew: what was reset before it does not matter any more.
        newState &= ~Row.SENT_RST
        words[other + Row.STATE]! &= ~(Row.RST_SINCE_SYN | Row.SENT_RST)
      }
    } else if (length > 0) {
      const afterFin = (state & Row.SENT_FIN) !== 0 && ((end - next) | 0) > 0
      if (afterFin || (otherState & Row.SENT_RST) !== 0) labels |= Label.DATA_AFTER_CLOSE
    }
    if ((flags & TCP_ACK) !== 0) {
      if ((flags & TCP_SYN) === 0) {
        newState |= Row.ACKED_BEHIND_SYN
        const opening = labelOpening(words, at, side, other, walked, state, otherState)
        labels |= opening
        if ((opening & Label.CHALLENGE_ACK) !== 0) {
          labels &= ~Label.ACKED_UNSEEN
          if ((otherState & Row.LAST_RST) === 0) {
            // Ours: nothing that an older connection says is of this one, but for what a reset may answer.
            words[side + Row.STATE] = state & ~Row.INITIAL_KNOWN
            words[side + Row.LAST_ACK] = acknowledgment
            words[other + Row.STATE] = otherState
            words[other + Row.CONTIGUOUS] = words[other + Row.NEXT]!
            return labels
          }
        }
      }
      newState |= Row.ACKED
    }

    if (seen) {
      // A probe by rule 1 does not advance what was sent: it is sent again as data when the window opens.
      if (!bareProbe) {
        if ((labels & Label.GAP) !== 0) {
          // What was acknowledged behind the last that was seen is a hole that this packet shows.
          newState &= ~Row.UNSEEN_SAID
          words[side + Row.CONTIGUOUS] =
            ((words[side + Row.CONTIGUOUS]! - next) | 0) > 0 ? next : words[side + Row.CONTIGUOUS]!
        }
        // Ours: the number of a reset says what it answers, not what was sent.
        if (((end - next) | 0) > 0 && (flags & TCP_RST) === 0) {
          words[side + Row.NEXT] = end
          doubles[times + Row.NEXT_TIME] = walked.timeNs
        }
        if (words[side + Row.CONTIGUOUS] === sequence) words[side + Row.CONTIGUOUS] = words[side + Row.NEXT]!
      }
    } else {
      words[side + Row.NEXT] = end
      words[side + Row.CONTIGUOUS] = end
      doubles[times + Row.NEXT_TIME] = walked.timeNs
    }
    if ((labels & TROUBLE) !== 0 || words[at + Row.TROUBLE_SLOT] !== 0)
      this.#count(words, at, sender, labels, walked, end, next, acknowledgment !== lastAck)
    words[side + Row.LAST_WINDOW] = window | (walked.identification << 16)
    if ((flags & TCP_ACK) !== 0) words[side + Row.LAST_ACK] = acknowledgment
    // The other's state may have moved above when both are the same end.
    words[side + Row.STATE] = newState | (words[side + Row.STATE]! & ~(state | LAST))
    return labels
  }

  /** Rules 12 to 14: the packet does not advance what its sender sent. */
  #behind(
    words: Int32Array,
    at: number,
    doubles: Float64Array,
    doublesAt: number,
    sender: 0 | 1,
    walked: WalkedPacket,
    end: number,
  ): number {
    const side = at + Row.SIDES + sender * Row.SIDE_WORDS
    const other = at + Row.SIDES + (1 - sender) * Row.SIDE_WORDS
    const sequence = walked.sequence | 0
    const next = words[side + Row.NEXT]!
    if ((walked.flags & TCP_SYN) !== 0 && sequence === words[side + Row.INITIAL]) {
      // Ours: attempts to open have labels of their own; one behind a reset is new, as is a first SYN-ACK (RFC 9293 3.5).
      if ((walked.flags & TCP_ACK) !== 0)
        return (words[side + Row.STATE]! & Row.SENT_SYN_ACK) !== 0 ? Label.SYN_ACK_RETRANSMIT : 0
      return (words[other + Row.STATE]! & Row.RST_SINCE_SYN) !== 0 ? Label.SYN_RETRY : Label.SYN_RETRANSMIT
    }
    const again =
      ((end - next) | 0) > 0 && walked.payloadBytes > 0 ? Label.PARTIAL_RETRANSMISSION : Label.RETRANSMISSION
    const label =
      (walked.flags & TCP_FIN) !== 0 && (words[side + Row.STATE]! & Row.SENT_FIN) !== 0
        ? again | Label.FIN_RETRANSMIT
        : again
    const trouble = words[at + Row.TROUBLE_SLOT]!
    if (trouble !== 0 && sequence === words[other + Row.LAST_ACK]) {
      const counts = this.troubles.words(trouble)
      const run = counts[this.troubles.at(trouble) + (1 - sender) * Trouble.TROUBLE_SIDE + Trouble.DUP_ACK_RUN]!
      const acked =
        this.troubles.doubles(trouble)[this.troubles.doublesAt(trouble) + (1 - sender) * 2 + Trouble.LAST_TIME]!
      if (run >= 2 && walked.timeNs >= acked && walked.timeNs - acked < FAST_NS) {
        this.retransmissionKind = FAST
        return label // rule 12
      }
    }
    const since = walked.timeNs - doubles[doublesAt + Row.SIDE_TIMES + sender * Row.SIDE_DOUBLES + Row.NEXT_TIME]!
    const known = (words[at + Row.SIDES + Row.STATE]! & Row.HANDSHAKE_KNOWN) !== 0
    const roundTrip = known ? doubles[doublesAt + Row.HANDSHAKE]! : 0
    if (since >= 0 && since < (roundTrip > 0 ? roundTrip : OUT_OF_ORDER_NS) && end !== next) return Label.OUT_OF_ORDER // rule 13
    // Rule 14. The kind is ours: later than the shortest timeout, or the end of what was sent and sooner (RFC 8985 7).
    if (since >= RTO_MIN_NS) this.retransmissionKind = RTO
    else if (end === next) this.retransmissionKind = TAIL
    return label
  }

  /** Counts in the row of trouble, which is made when there is none. */
  #count(
    words: Int32Array,
    at: number,
    sender: 0 | 1,
    labels: number,
    walked: WalkedPacket,
    end: number,
    next: number,
    newAck: boolean,
  ): void {
    const sequence = walked.sequence | 0
    const length = walked.payloadBytes
    const slot = this.slot(words, at)
    const counts = this.troubles.words(slot)
    const side = this.troubles.at(slot) + sender * Trouble.TROUBLE_SIDE
    const times = this.troubles.doubles(slot)
    const timesAt = this.troubles.doublesAt(slot) + sender * 2
    times[timesAt + Trouble.LAST_TIME] = walked.timeNs
    if ((labels & Label.DUP_ACK) !== 0) {
      counts[side + Trouble.DUP_ACKS]!++
      this.dupAckNumber = ++counts[side + Trouble.DUP_ACK_RUN]!
    } else if (newAck) counts[side + Trouble.DUP_ACK_RUN] = 0
    if (counts[side + Trouble.HOLES] !== 0 && length > 0) Trouble.fillHoles(counts, side, sequence, end)
    if ((labels & TROUBLE) === 0) return
    if ((labels & AGAIN) !== 0) {
      counts[side + Trouble.KINDS + this.retransmissionKind]!++
      times[timesAt + Trouble.AGAIN_BYTES]! +=
        (labels & Label.PARTIAL_RETRANSMISSION) !== 0 ? Math.max(0, (next - sequence) | 0) : length
    }
    if ((labels & Label.GAP) !== 0) Trouble.openHole(counts, side, next, sequence)
    if ((labels & Label.OUT_OF_ORDER) !== 0) counts[side + Trouble.OUT_OF_ORDER]!++
    if ((labels & Label.ZERO_WINDOW) !== 0) counts[side + Trouble.ZERO_WINDOWS]!++
    if ((labels & Label.ZERO_WINDOW_PROBE) !== 0) counts[side + Trouble.ZERO_WINDOW_PROBES]!++
    if ((labels & Label.WINDOW_FULL) !== 0) counts[side + Trouble.WINDOW_FULLS]!++
    if ((labels & Label.KEEP_ALIVE) !== 0) counts[side + Trouble.KEEP_ALIVES]!++
    if ((labels & Label.SYN_RETRANSMIT) !== 0) counts[side + Trouble.SYN_RETRANSMITS]!++
    if ((labels & Label.SYN_ACK_RETRANSMIT) !== 0) counts[side + Trouble.SYN_ACK_RETRANSMITS]!++
  }

  /** The row of trouble of a flow, made when there is none. */
  slot(words: Int32Array, at: number): number {
    const slot = words[at + Row.TROUBLE_SLOT]!
    if (slot !== 0) return slot
    const made = this.troubles.take()
    words[at + Row.TROUBLE_SLOT] = made
    return made
  }
}
