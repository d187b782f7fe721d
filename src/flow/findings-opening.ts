// Rules about connections that do not open, or open with trouble.

import { TCP_RST } from '../wire/walked-packet.js'
import type { Note } from './evidence.js'
import type { Match } from './finding.js'
import type { FlowMatch } from './finding-rule.js'
import { counted, endName, framesOf, frameWords, hasLabel, lasting, type Subject } from './finding-subject.js'
import * as Label from './label-bits.js'

/** Nobody repeats a SYN or SYN-ACK sooner (RFC 6298 2.1): what came later than this before the end may have been answered. */
const FIRST_RETRY_NS = 1e9

/** A match that holds only if the capture goes on for long enough behind it. */
function unlessTooSoon(match: Match, lastNs: number): FlowMatch {
  return { ...match, complete: end => (end.ns - lastNs >= FIRST_RETRY_NS ? match : null) }
}

/** What a finding of a SYN that nobody answered says. */
interface Unanswered {
  /** Address and port. */
  client: string
  server: string
  syns: number
  firstFrame: number
  /** Null where the packets have no times. */
  startNs: number | null
  retries: readonly Note[]
}

export function noAnswer({ flow, notes, startNs, sideOf }: Subject): FlowMatch | null {
  if (flow.outcome !== 'no-answer') return null
  return noAnswerMatch({
    client: endName(flow.client),
    server: endName(flow.server),
    syns: flow.flags.client.syn,
    firstFrame: flow.firstFrame,
    startNs,
    retries: notes.filter(note => sideOf(note) === 'client' && hasLabel(note, Label.SYN_RETRANSMIT)),
  })
}

export function noAnswerMatch({ client, server, syns, firstFrame, startNs, retries }: Unanswered): FlowMatch {
  const frames = framesOf(firstFrame, ...retries.map(({ frame }) => frame))
  const begun = startNs ?? 0
  const times = [0, ...retries.map(({ timeNs }) => (timeNs - begun) / 1e9)]
  const ladder = times.map(time => Number(time.toFixed(2))).join(', ')
  const when = retries.length === 0 || startNs === null ? '' : `, at ${ladder} s`
  const lastNs = retries.at(-1)?.timeNs ?? begun
  const match: Match = {
    severity: 'error',
    frames,
    numbers: { syns, lastSynMs: startNs === null ? null : (lastNs - begun) / 1e6 },
    sentence: `${server} did not answer ${client}: ${counted(syns, 'SYN')}${when} (${frameWords(frames)}); a filter drops them, the host is down, or its accept queue is full`,
    weight: syns,
  }
  return retries.length > 0 ? match : unlessTooSoon(match, lastNs)
}

/** What a finding of a refused connection says. */
interface Refusal {
  client: string
  server: string
  refusals: number
  frames: number[]
  startNs: number | null
  /** When the last one came. */
  lastNs: number
}

export function refused({ flow, notes, startNs, sideOf }: Subject): FlowMatch | null {
  if (flow.outcome !== 'refused') return null
  const resets = notes.filter(note => sideOf(note) === 'server' && hasLabel(note, Label.RST_REFUSE))
  const tries = notes.filter(note => sideOf(note) === 'client' && hasLabel(note, Label.SYN_RETRY))
  return refusedMatch({
    client: endName(flow.client),
    server: endName(flow.server),
    refusals: Math.max(1, resets.length),
    frames: framesOf(flow.firstFrame, flow.frames.rst, ...[...resets, ...tries].map(({ frame }) => frame)),
    startNs,
    lastNs: resets.at(-1)?.timeNs ?? startNs ?? 0,
  })
}

export function refusedMatch({ client, server, refusals, frames, startNs, lastNs }: Refusal): FlowMatch {
  const ms = startNs === null ? null : Math.max(0, lastNs - startNs) / 1e6
  const howOften = refusals === 1 ? '' : ` ${refusals} times within ${lasting(ms ?? 0)}`
  return {
    severity: 'error',
    frames,
    numbers: { refusals, lastRefusalMs: ms },
    sentence: `${server} refused ${client}${howOften} (${frameWords(frames)}): nobody listens on the port, or a filter rejects it`,
    weight: refusals,
  }
}

export function unreachable({ flow }: Subject): FlowMatch | null {
  const [error] = flow.icmpErrors
  if (flow.outcome !== 'unreachable' || error === undefined) return null
  const syns = flow.flags.client.syn
  const frames = framesOf(flow.frames.syn, ...flow.icmpErrors.map(({ frame }) => frame))
  return {
    severity: 'error',
    frames,
    numbers: { syns, icmpErrors: flow.icmpErrors.length, icmpType: error.type, icmpCode: error.code },
    sentence: `${endName(flow.server)} cannot be reached from ${endName(flow.client)}: ${error.from} says "${error.reason}" (frame ${error.frame})`,
    weight: syns,
  }
}

export function abortedInHandshake({ flow }: Subject): FlowMatch | null {
  if (flow.outcome !== 'aborted-in-handshake') return null
  const frames = framesOf(flow.frames.syn, flow.frames.synAck, flow.frames.rst)
  const answered = flow.frames.synAck === null ? 'before an answer' : 'instead of completing the handshake'
  return {
    severity: 'note',
    frames,
    numbers: { synToSynAckMs: flow.timings.synToSynAckMs },
    sentence: `client ${endName(flow.client)} reset its connection to ${endName(flow.server)} ${answered} (${frameWords(frames)}): it gave up, or scans for open ports`,
    weight: 1,
  }
}

export function halfOpen({ flow, notes, endNs, sideOf }: Subject): FlowMatch | null {
  if (flow.outcome !== 'half-open' || endNs === null) return null
  const again = notes.filter(note => sideOf(note) === 'server' && hasLabel(note, Label.SYN_ACK_RETRANSMIT))
  const frames = framesOf(flow.frames.syn, flow.frames.synAck, ...again.map(({ frame }) => frame))
  const synAcks = flow.flags.server.synAck
  const match: Match = {
    severity: 'warning',
    frames,
    numbers: { synAcks },
    sentence: `client ${endName(flow.client)} never acknowledged the SYN-ACK of ${endName(flow.server)}, sent ${counted(synAcks, 'time')} (${frameWords(frames)}): the way back is broken, or the SYN came from a false address`,
    weight: synAcks,
  }
  return again.length > 0 ? match : unlessTooSoon(match, endNs)
}

/** The client is connected and has sent data, its server repeats the SYN-ACK: it has dropped the ACK (tcp_v4_syn_recv_sock). */
export function acceptQueueOverflow({ flow, notes, sideOf }: Subject): FlowMatch | null {
  const { handshakeAck, firstRequest, firstResponse } = flow.frames
  if (handshakeAck === null) return null
  const syns = notes.filter(note => sideOf(note) === 'client' && hasLabel(note, Label.SYN_RETRANSMIT))
  // One that comes soon behind a repeated SYN answers that.
  const answersSyn = (note: Note): boolean =>
    syns.some(syn => syn.frame < note.frame && note.timeNs - syn.timeNs < FIRST_RETRY_NS / 2)
  const repeats = notes.filter(
    note =>
      sideOf(note) === 'server' &&
      hasLabel(note, Label.SYN_ACK_RETRANSMIT) &&
      note.frame > handshakeAck &&
      !answersSyn(note),
  )
  const [first] = repeats
  if (first === undefined || (firstResponse !== null && firstResponse < first.frame)) return null
  // An ACK that is lost is made good by the data behind it: the SYN-ACK is not repeated after both.
  const ignoredData = firstRequest !== null && firstRequest < first.frame
  if (!ignoredData && repeats.length < 2) return null
  const data = notes.filter(
    note => sideOf(note) === 'client' && hasLabel(note, Label.RETRANSMISSION) && note.frame > handshakeAck,
  )
  const frames = framesOf(
    flow.frames.synAck,
    handshakeAck,
    ignoredData ? firstRequest : null,
    ...repeats.map(n => n.frame),
  )
  const died = flow.unacknowledgedBytes.client > 0
  const client = ignoredData ? 'the ACK and data' : 'the ACK'
  const recovered = died ? 'the data were never acknowledged' : 'it was accepted later'
  const deferred = ignoredData ? '' : ' (TCP_DEFER_ACCEPT looks the same while the client sends nothing)'
  return {
    severity: 'error',
    frames,
    numbers: {
      synAckRetransmits: repeats.length,
      dataRetransmissions: data.length,
      unacknowledgedBytes: flow.unacknowledgedBytes.client,
    },
    sentence: `${endName(flow.server)} repeated its SYN-ACK ${counted(repeats.length, 'time')} although ${endName(flow.client)} had sent ${client} (${frameWords(frames)}): its accept queue is full, or the client's packets are lost${deferred}${ignoredData ? `; ${recovered}` : ''}`,
    weight: repeats.length,
  }
}

/** SYN, an ACK of an older connection, RST of the client, SYN again (RFC 9293 3.5.1, RFC 6191). */
export function timeWaitRefusal({ flow, notes, startNs, sideOf }: Subject): FlowMatch | null {
  if (flow.frames.syn === null) return null
  const stray = notes.find(note => sideOf(note) === 'server' && hasLabel(note, Label.CHALLENGE_ACK))
  if (stray === undefined || (flow.frames.synAck !== null && flow.frames.synAck < stray.frame)) return null
  const reset = notes.find(
    note => sideOf(note) === 'client' && (note.flags & TCP_RST) !== 0 && note.frame > stray.frame,
  )
  if (reset === undefined) return null
  const again = notes.filter(
    note =>
      sideOf(note) === 'client' && hasLabel(note, Label.SYN_RETRANSMIT | Label.SYN_RETRY) && note.frame > stray.frame,
  )
  const frames = framesOf(flow.firstFrame, stray.frame, reset.frame, again[0]?.frame, flow.frames.synAck)
  const opened = flow.frames.synAck !== null
  const lastNs = again.at(-1)?.timeNs ?? reset.timeNs
  const delay = startNs === null ? null : Math.max(0, lastNs - startNs) / 1e6
  return {
    severity: opened ? 'warning' : 'error',
    frames,
    numbers: { tries: again.length + 1, delayMs: delay },
    sentence: `${endName(flow.server)} answered the SYN of ${endName(flow.client)} with an ACK of an older connection between the same ports, which the client reset (${frameWords(frames)}): the old one is still in TIME-WAIT or not closed; ${opened ? 'a later SYN was accepted' : 'no later SYN was accepted'}`,
    weight: again.length + 1,
  }
}
