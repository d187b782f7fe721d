// The life of a connection as plain data, read from the words of its flow.

import { readEndpointState } from './endpoint-state.js'
import {
  ACK_FRAME,
  ACK_TIME,
  BITS,
  CLIENT_BY_PORT,
  CLIENT_BY_SYN,
  CLIENT_BY_SYN_ACK,
  CLIENT_IS_1,
  COMPLETE_ALL,
  COMPLETE_SYN,
  CONTINUED,
  FIN_ACKED,
  FIN_FRAME,
  FIRST_FIN_IS_1,
  ICMP_FRAME,
  REQUEST_FRAME,
  REQUEST_TIME,
  RESET,
  RESET_BY_1,
  RESET_FRAME,
  RESPONSE_FRAME,
  RESPONSE_TIME,
  SIDE_WORDS,
  SIDES,
  SIMULTANEOUS_CLOSE,
  STATE,
  STRAY_ACK,
  SYN_ACK_FRAME,
  SYN_ACK_TIME,
  SYN_FRAME,
  SYN_TIME,
} from './life-words.js'
import type { ClientBy, Evidence, Side, TcpFacts } from './model.js'
import { readOutcome } from './outcome.js'
import { readIgnoredResets, readReset, readUnacknowledged } from './reset-view.js'
import { readZeek } from './zeek-view.js'

/** What of a flow's facts comes of its life, and which sender is the client. */
export interface Life
  extends Pick<
    TcpFacts,
    | 'opening'
    | 'closing'
    | 'outcome'
    | 'closedFirst'
    | 'closedFirstFrame'
    | 'timeWaitSide'
    | 'clientState'
    | 'serverState'
    | 'resetBy'
    | 'resetClass'
    | 'resetPhase'
    | 'evidence'
    | 'zeek'
    | 'completeness'
    | 'timings'
    | 'frames'
    | 'ignoredResetFrames'
    | 'unacknowledgedBytes'
  > {
  clientSide: 0 | 1
  clientBy: ClientBy
}

export function readLife(words: Int32Array, at: number, doubles: Float64Array, doublesAt: number): Life {
  const bits = words[at + BITS]!
  const clientSide = (bits & CLIENT_IS_1) !== 0 ? 1 : 0
  const serverSide = clientSide === 0 ? 1 : 0
  const sideName = (side: 0 | 1): Side => (side === clientSide ? 'client' : 'server')
  const reset = readReset(words, at)
  const isReset = words[at + RESET_FRAME] !== 0
  return {
    clientSide,
    clientBy: readClientBy(bits),
    ...readOutcome(words, at),
    ...readClosing(words, at, sideName),
    clientState: readEndpointState(words, at, clientSide),
    serverState: readEndpointState(words, at, serverSide),
    resetBy: reset === null ? null : sideName(reset.by),
    resetClass: reset === null ? null : reset.class,
    resetPhase: reset === null || !isReset ? null : reset.phase,
    evidence: [...(reset?.evidence ?? []), ...readOtherEvidence(words, at)],
    zeek: readZeek(words, at),
    // Of a single packet that is no SYN, Wireshark says 0.
    completeness: (bits & (COMPLETE_SYN | CONTINUED)) === 0 ? 0 : bits & COMPLETE_ALL,
    timings: readTimings(words, at, doubles, doublesAt),
    frames: {
      syn: frameOf(words, at + SYN_FRAME),
      synAck: frameOf(words, at + SYN_ACK_FRAME),
      handshakeAck: frameOf(words, at + ACK_FRAME),
      clientFin: frameOf(words, at + SIDES + clientSide * SIDE_WORDS + FIN_FRAME),
      serverFin: frameOf(words, at + SIDES + serverSide * SIDE_WORDS + FIN_FRAME),
      rst: frameOf(words, at + RESET_FRAME),
      firstRequest: frameOf(words, at + REQUEST_FRAME),
      firstResponse: frameOf(words, at + RESPONSE_FRAME),
    },
    ignoredResetFrames: readIgnoredResets(words, at),
    unacknowledgedBytes: {
      client: readUnacknowledged(words, at, clientSide),
      server: readUnacknowledged(words, at, serverSide),
    },
  }
}

const frameOf = (words: Int32Array, at: number): number | null => words[at] || null

function readClientBy(bits: number): ClientBy {
  if ((bits & CLIENT_BY_SYN) !== 0) return 'syn'
  if ((bits & CLIENT_BY_SYN_ACK) !== 0) return 'syn-ack'
  return (bits & CLIENT_BY_PORT) !== 0 ? 'port' : 'first-packet'
}

function readClosing(
  words: Int32Array,
  at: number,
  sideName: (side: 0 | 1) => Side,
): Pick<Life, 'closedFirst' | 'closedFirstFrame' | 'timeWaitSide'> {
  const bits = words[at + BITS]!
  const side0 = at + SIDES
  const side1 = side0 + SIDE_WORDS
  const state0 = words[side0 + STATE]!
  const state1 = words[side1 + STATE]!
  const isSimultaneous = (bits & SIMULTANEOUS_CLOSE) !== 0
  const first = (bits & FIRST_FIN_IS_1) !== 0 ? 1 : 0
  const frame = words[(first === 1 ? side1 : side0) + FIN_FRAME]!
  const resetFrame = words[at + RESET_FRAME]!
  if (resetFrame !== 0 && (frame === 0 || resetFrame < frame)) {
    const by = (words[at + RESET]! & RESET_BY_1) !== 0 ? 1 : 0
    return { closedFirst: sideName(by), closedFirstFrame: resetFrame, timeWaitSide: 'none' }
  }
  if (frame === 0) return { closedFirst: null, closedFirstFrame: null, timeWaitSide: null }
  const areAcked = (state0 & state1 & FIN_ACKED) !== 0
  const waiting = areAcked ? (isSimultaneous ? 'both' : sideName(first)) : null
  return {
    closedFirst: isSimultaneous ? 'both' : sideName(first),
    closedFirstFrame: frame,
    timeWaitSide: resetFrame !== 0 ? 'none' : waiting,
  }
}

function readOtherEvidence(words: Int32Array, at: number): Evidence[] {
  const evidence: Evidence[] = []
  const icmp = words[at + ICMP_FRAME]!
  if (icmp !== 0) evidence.push({ text: 'an ICMP error quotes a packet of the connection', frames: [icmp] })
  if ((words[at + BITS]! & STRAY_ACK) !== 0) {
    const frames = [words[at + SYN_FRAME]!].filter(frame => frame !== 0)
    evidence.push({
      text: 'the SYN was answered by an ACK that does not fit it: of an older connection of these ends',
      frames,
    })
  }
  return evidence
}

function readTimings(words: Int32Array, at: number, doubles: Float64Array, doublesAt: number): Life['timings'] {
  const between = (fromFrame: number, from: number, toFrame: number, to: number): number | null => {
    if (words[at + fromFrame] === 0 || words[at + toFrame] === 0) return null
    // A clock that was set back makes no negative duration.
    return Math.max(0, doubles[doublesAt + to]! - doubles[doublesAt + from]!) / 1e6
  }
  return {
    synToSynAckMs: between(SYN_FRAME, SYN_TIME, SYN_ACK_FRAME, SYN_ACK_TIME),
    synAckToAckMs: between(SYN_ACK_FRAME, SYN_ACK_TIME, ACK_FRAME, ACK_TIME),
    ackToRequestMs: between(ACK_FRAME, ACK_TIME, REQUEST_FRAME, REQUEST_TIME),
    requestToResponseMs: between(REQUEST_FRAME, REQUEST_TIME, RESPONSE_FRAME, RESPONSE_TIME),
  }
}
