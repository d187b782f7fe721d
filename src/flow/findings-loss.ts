// Rules about what had to be sent again: loss, data that nobody acknowledges, and packets too large for the way.

import { TCP_RST, TCP_SYN } from '../wire/walked-packet.js'
import { type Note, ROLE_ANSWER, ROLE_ICMP } from './evidence.js'
import type { FlowMatch } from './finding-rule.js'
import {
  counted,
  framesOf,
  frameWords,
  hasLabel,
  lasting,
  msBetween,
  otherSide,
  percent,
  type Subject,
  sideName,
} from './finding-subject.js'
import * as Label from './label-bits.js'
import { RETRANSMISSION_KINDS } from './labels.js'
import type { Side } from './model.js'

const AGAIN = Label.RETRANSMISSION | Label.PARTIAL_RETRANSMISSION
const FAST = RETRANSMISSION_KINDS.indexOf('fast')
const SIDES: readonly Side[] = ['client', 'server']
/** Smaller IPv4 packets pass everywhere in practice (RFC 791: every host takes 576). */
const SMALL_PAYLOAD = 500
/** Further apart than this, sequence numbers do not tell which was first. */
const HALF_OF_SEQUENCES = 2 ** 31
const BURST_NS = 1e9
const SEVERE_SHARE = 0.01
const SEVERE_COUNT = 3

/** The same bytes, repeated until the end and never acknowledged. */
interface Stuck {
  side: Side
  repeats: Note[]
  payload: number
  /** What the other end sent meanwhile. */
  answers: Note[]
  /** How often, as far as that is known. */
  times: string
}

function stuckOf({ flow, notes, kept, sideOf }: Subject, side: Side): Stuck | null {
  const again = notes.filter(note => sideOf(note) === side && hasLabel(note, AGAIN) && note.payload > 0)
  const last = again.at(-1)
  if (last === undefined || flow.unacknowledgedBytes[side] < last.payload) return null
  const repeats = again.filter(({ sequence }) => sequence === last.sequence)
  if (repeats.length < 2) return null
  const [first] = repeats
  const answers = notes.filter(
    note =>
      sideOf(note) !== side && note.role !== ROLE_ICMP && note.frame > first!.frame && (note.flags & TCP_RST) === 0,
  )
  if (answers.some(({ acknowledgment }) => ((acknowledgment - last.sequence) | 0) > 0)) return null
  return {
    side,
    repeats,
    payload: Math.max(...repeats.map(({ payload }) => payload)),
    answers,
    times: `${kept.forgotten > 0 ? 'at least ' : ''}${counted(repeats.length, 'time')}`,
  }
}

/** Nothing at all comes back while data are repeated. */
export function unanswered(subject: Subject): FlowMatch | null {
  const { flow } = subject
  for (const side of SIDES) {
    const stuck = stuckOf(subject, side)
    if (stuck === null || stuck.answers.length > 0 || mtuBlackHole(subject) !== null) continue
    const { repeats, payload, times } = stuck
    const first = repeats[0]!
    const last = repeats.at(-1)!
    const ms = msBetween(first, last)
    const frames = framesOf(...repeats.map(({ frame }) => frame))
    return {
      severity: 'error',
      frames,
      numbers: { retransmissions: repeats.length, bytes: payload, spanMs: ms },
      sentence: `${sideName(flow, side)} repeated the same ${counted(payload, 'byte')} ${times} within ${lasting(ms)} (${frameWords(frames)}) and got nothing back from ${sideName(flow, otherSide(side))}: the way or the other end is dead`,
      weight: repeats.length,
    }
  }
  return null
}

/** Small packets pass, large ones with "don't fragment" vanish without a word of a router. */
export function mtuBlackHole(subject: Subject): FlowMatch | null {
  const { flow, kept, notes, sideOf } = subject
  if (notes.some(note => note.role === ROLE_ICMP && note.payload > 0)) return null
  for (const side of SIDES) {
    const stuck = stuckOf(subject, side)
    if (stuck === null || stuck.payload < SMALL_PAYLOAD) continue
    const { repeats, payload, answers, times } = stuck
    const isFixed = flow.client.address.includes(':') || repeats.every(({ dontFragment }) => dontFragment)
    const acknowledged = flow.payloadBytes[side] - flow.retransmittedBytes[side] - flow.unacknowledgedBytes[side]
    // Nothing as large was ever acknowledged: the first one that was is of what is stuck, or sent behind it.
    const largest = kept.largest[repeats[0]!.sender]!
    const isBefore = ((largest.sequence - repeats[0]!.sequence) | 0) < 0 || acknowledged >= HALF_OF_SEQUENCES
    const hasPassed = acknowledged >= payload && isBefore
    // A small segment behind them came through, and was answered before they were repeated.
    const early = notes.filter(
      note => sideOf(note) !== side && hasLabel(note, Label.DUP_ACK) && note.acknowledgment === repeats[0]!.sequence,
    )
    const answer = answers.find(note => note.role === ROLE_ANSWER && (note.flags & TCP_SYN) === 0) ?? early[0]
    const isOpen = flow.frames.handshakeAck !== null || acknowledged > 0 || answers.length > 0
    if (!isFixed || hasPassed || answer === undefined || !isOpen) continue
    if (notes.some(note => sideOf(note) === otherSide(side) && hasLabel(note, Label.SYN_ACK_RETRANSMIT))) continue
    if (flow.zeroWindows[otherSide(side)] > 0) continue
    const frames = framesOf(...repeats.map(({ frame }) => frame), answer.frame)
    const lastMs = msBetween(repeats[0]!, repeats.at(-1)!)
    return {
      severity: 'error',
      frames,
      numbers: { bytes: payload, retransmissions: repeats.length, acknowledgedBytes: acknowledged, spanMs: lastMs },
      sentence: `segments of ${payload} bytes with "don't fragment" of ${sideName(flow, side)} never arrive: repeated ${times} within ${lasting(lastMs)}, while ${sideName(flow, otherSide(side))} still answers (${frameWords(frames)}), and no ICMP error says why: an MTU black hole`,
      weight: repeats.length,
    }
  }
  return null
}

export function pathMtuFound({ flow, notes, sideOf }: Subject): FlowMatch | null {
  const told = notes.filter(note => note.role === ROLE_ICMP && note.payload > 0)
  const [first] = told
  if (first === undefined) return null
  const side = sideOf(first)
  const from = flow.icmpErrors.find(({ frame }) => frame === first.frame)?.from ?? 'a router'
  const mtu = Math.min(...told.map(({ payload }) => payload))
  const isLost = flow.unacknowledgedBytes[side] > 0
  const outcome = isLost
    ? `${counted(flow.unacknowledgedBytes[side], 'byte')} of it were not acknowledged in the capture`
    : 'all of it arrived'
  const frames = framesOf(...told.map(({ frame }) => frame))
  return {
    severity: isLost ? 'warning' : 'note',
    frames,
    numbers: { mtu, icmpErrors: told.length, unacknowledgedBytes: flow.unacknowledgedBytes[side] },
    sentence: `${from} told ${sideName(flow, side)} that the way takes ${mtu} bytes at the most (${frameWords(frames)}); ${outcome}`,
    weight: told.length,
  }
}

export function fastRetransmission({ flow, notes, sideOf }: Subject): FlowMatch | null {
  const fast = notes.filter(note => hasLabel(note, AGAIN) && note.kind === FAST)
  const [first] = fast
  if (first === undefined) return null
  const side = sideOf(first)
  const total = flow.retransmissionKinds.client.fast + flow.retransmissionKinds.server.fast
  const run = notes.filter(
    note =>
      sideOf(note) !== side &&
      hasLabel(note, Label.DUP_ACK) &&
      note.frame < first.frame &&
      note.acknowledgment === first.sequence,
  )
  const duplicates = run.at(-1)?.dupAckNumber ?? 0
  const frames = framesOf(
    ...run.slice(-duplicates || run.length).map(({ frame }) => frame),
    ...fast.map(({ frame }) => frame),
  )
  const more = total > 1 ? `, ${total} times in all` : ''
  return {
    severity: 'note',
    frames,
    numbers: { fastRetransmissions: total, dupAcks: duplicates, bytes: first.payload },
    sentence: `${sideName(flow, side)} repeated ${counted(first.payload, 'byte')} after ${counted(duplicates, 'duplicate ACK')} of ${sideName(flow, otherSide(side))} (frame ${first.frame})${more}: a fast retransmission of what was lost on the way`,
    weight: total,
  }
}

/** What else was repeated, by direction; it is told once, and not where a rule above says more. */
export function retransmissions(subject: Subject): FlowMatch | null {
  const { flow, notes } = subject
  if (SIDES.some(side => stuckOf(subject, side) !== null)) return null
  const counts = SIDES.map(side => flow.retransmissions[side] - flow.retransmissionKinds[side].fast)
  const total = counts[0]! + counts[1]!
  if (total === 0) return null
  const found = notes.filter(note => hasLabel(note, AGAIN) && note.kind !== FAST)
  const frames = framesOf(...found.map(({ frame }) => frame))
  const burst = longestBurst(found)
  const spurious = flow.retransmissionKinds.client.spurious + flow.retransmissionKinds.server.spurious
  const words = SIDES.flatMap((side, at) =>
    counts[at] === 0
      ? []
      : [
          `${sideName(flow, side)} repeated ${counted(counts[at]!, 'segment')}, ${percent(counts[at]!, flow.packets[side])} of its ${counted(flow.packets[side], 'packet')}`,
        ],
  )
  const share = Math.max(...SIDES.map((side, at) => counts[at]! / Math.max(1, flow.packets[side])))
  const inBurst = burst >= SEVERE_COUNT ? `; ${burst} of them within 1 s` : ''
  const needless = spurious > 0 ? `; ${spurious} for nothing, the other end had acknowledged the bytes` : ''
  if (found.length === 0) return null
  return {
    severity: total >= SEVERE_COUNT && share >= SEVERE_SHARE && spurious < total ? 'warning' : 'note',
    frames,
    numbers: {
      client: counts[0]!,
      server: counts[1]!,
      clientPackets: flow.packets.client,
      serverPackets: flow.packets.server,
      spurious,
      mostWithinOneSecond: burst,
    },
    sentence: `${words.join('; ')} (${frameWords(frames)})${inBurst}${needless}`,
    weight: total,
  }
}

function longestBurst(found: readonly Note[]): number {
  let most = 0
  let from = 0
  for (const [at, note] of found.entries()) {
    while (note.timeNs - found[from]!.timeNs > BURST_NS) from++
    most = Math.max(most, at - from + 1)
  }
  return most
}
