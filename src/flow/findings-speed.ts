// Rules about time: who was slow, and who could take no more data.

import { type Note, ROLE_REOPENED } from './evidence.js'
import type { FlowMatch } from './finding-rule.js'
import {
  counted,
  framesOf,
  frameWords,
  hasLabel,
  lasting,
  msBetween,
  otherSide,
  type Subject,
  sideName,
} from './finding-subject.js'
import * as Label from './label-bits.js'
import type { Side } from './model.js'

/** People notice a delay of this length, and no network that works has one. */
export const SLOW_MS = 500
/** Programs and people pause; a client that is silent for less than this after the handshake is not called slow. */
const SLOW_CLIENT_MS = 1000
/** No protocol's request is shorter than this; a person who types sends a byte or a line. */
const LEAST_REQUEST = 16
/** Nobody waits for a SYN-ACK any longer (tcp_syn_retries 6: 127 s): the times of the capture are wrong. */
const GIVEN_UP_MS = 127_000
/** A receiver that catches up within the shortest timeout costs its sender no probe (TCP_RTO_MIN, include/net/tcp.h). */
const STALL_NS = 200e6
const LONG_STALL_NS = 1e9

interface Stall {
  side: Side
  first: Note
  last: Note
  probes: number
  recovered: boolean
}

/** Times in which an end announced a window of 0. */
function stallsOf({ notes, sideOf }: Subject): Stall[] {
  const stalls: Stall[] = []
  const open: Partial<Record<Side, Stall>> = {}
  for (const note of notes) {
    const side = sideOf(note)
    const own = open[side]
    const other = open[otherSide(side)]
    if (hasLabel(note, Label.ZERO_WINDOW)) {
      if (own === undefined) open[side] = { side, first: note, last: note, probes: 0, recovered: false }
      else own.last = note
    } else if (own !== undefined && note.role === ROLE_REOPENED) {
      stalls.push({ ...own, last: note, recovered: true })
      delete open[side]
    }
    if (other !== undefined && hasLabel(note, Label.ZERO_WINDOW_PROBE)) {
      other.probes++
      other.last = note
    }
  }
  return [...stalls, ...Object.values(open)]
}

const stallNs = ({ first, last }: Stall): number => msBetween(first, last) * 1e6

export function zeroWindowStall(subject: Subject): FlowMatch | null {
  const { flow } = subject
  // Behind its own FIN, or a reset, an end needs no window.
  const stalls = stallsOf(subject).filter(stall => stallNs(stall) >= STALL_NS || (stall.probes > 0 && !stall.recovered))
  const longest = stalls.reduce<Stall | null>(
    (best, stall) => (best === null || stallNs(stall) > stallNs(best) ? stall : best),
    null,
  )
  if (longest === null) return null
  const { side, first, last, probes, recovered } = longest
  const ms = msBetween(first, last)
  const more = stalls.length > 1 ? `; the longest of ${stalls.length} such times` : ''
  const end = recovered ? 'then took more' : 'and never took more in this capture'
  return {
    severity: recovered ? (stallNs(longest) >= LONG_STALL_NS ? 'warning' : 'note') : 'error',
    frames: framesOf(first.frame, last.frame),
    numbers: { stallMs: ms, probes, stalls: stalls.length, recovered: recovered ? 'yes' : 'no' },
    sentence: `receiver ${sideName(flow, side)} had no room (window 0) for ${lasting(ms)} (frames ${first.frame} to ${last.frame}), was asked by ${counted(probes, 'probe')}, ${end}${more}: its program does not read`,
    weight: ms,
  }
}

/** From the last packet of the first request, or its ACK, to the first data of the server. */
export function slowServer({ flow, kept }: Subject): FlowMatch | null {
  const { exchange } = kept
  if (exchange === null || exchange.responseFrame === 0) return null
  const isAcked = exchange.ackFrame > 0
  // Without an ACK of its own the answer has gone one way and come the other.
  const { synToSynAckMs } = flow.timings
  const fromNs = isAcked ? exchange.ackNs : exchange.lastNs
  const waitedMs = (exchange.responseNs - fromNs) / 1e6
  if (waitedMs - (isAcked ? 0 : (synToSynAckMs ?? 0)) < SLOW_MS) return null
  const frames = framesOf(exchange.lastFrame, exchange.ackFrame, exchange.responseFrame)
  const since = isAcked ? 'its ACK of the request' : 'the request'
  return {
    severity: 'warning',
    frames,
    numbers: { serverMs: waitedMs, synToSynAckMs },
    sentence: `${sideName(flow, 'server')} took ${lasting(waitedMs)} from ${since} to its answer to ${sideName(flow, 'client')} (${frameWords(frames)}): its program is slow, not the network`,
    weight: waitedMs,
  }
}

export function slowClient({ flow, kept }: Subject): FlowMatch | null {
  const { ackToRequestMs } = flow.timings
  const { handshakeAck, firstRequest } = flow.frames
  const { exchange } = kept
  if (ackToRequestMs === null || handshakeAck === null || exchange === null) return null
  // A server that speaks first is waited for; bytes that come one by one are typed by a person.
  const serverFirst = exchange.responseFrame > 0 && exchange.responseFrame < exchange.requestFrame
  if (firstRequest !== exchange.requestFrame || serverFirst || exchange.requestBytes < LEAST_REQUEST) return null
  if (ackToRequestMs < SLOW_CLIENT_MS) return null
  const frames = framesOf(handshakeAck, firstRequest)
  return {
    severity: 'note',
    frames,
    numbers: { ackToRequestMs },
    sentence: `${sideName(flow, 'client')} waited ${lasting(ackToRequestMs)} from the handshake with ${sideName(flow, 'server')} to its first data (${frameWords(frames)}): its program is slow, or had nothing to ask`,
    weight: ackToRequestMs,
  }
}

export function slowNetwork({ flow }: Subject): FlowMatch | null {
  const { synToSynAckMs, synAckToAckMs } = flow.timings
  if (synToSynAckMs === null || synAckToAckMs === null || flow.synRetransmits + flow.synAckRetransmits > 0) return null
  const handshakeMs = synToSynAckMs + synAckToAckMs
  if (handshakeMs < SLOW_MS || handshakeMs > GIVEN_UP_MS) return null
  const frames = framesOf(flow.frames.syn, flow.frames.synAck, flow.frames.handshakeAck)
  const where = synToSynAckMs >= synAckToAckMs ? 'server' : 'client'
  return {
    severity: 'warning',
    frames,
    numbers: { handshakeMs, synToSynAckMs, synAckToAckMs },
    sentence: `the handshake of ${sideName(flow, 'client')} with ${sideName(flow, 'server')} took ${lasting(handshakeMs)} (${frameWords(frames)}), ${lasting(Math.max(synToSynAckMs, synAckToAckMs))} of it between the capture and the ${where}: the network is slow, or that host`,
    weight: handshakeMs,
  }
}
