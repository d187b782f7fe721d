// The record of a flow as plain data.

import { formatAddress } from './flow-address.js'
import type { FlowRecords } from './flow-record.js'
import * as Row from './flow-record.js'
import type { IcmpErrors } from './icmp-errors.js'
import { type Life, readLife } from './life.js'
import type { Both, ClientBy, Endpoint, Flow, FlowBase, FlowEndReason, TcpFacts, UdpFlow } from './model.js'
import { quantile, type RttSamples } from './rtt.js'
import { readOptions } from './syn-options.js'
import * as Trouble from './trouble.js'

/** Where the parts of a flow are. */
export interface FlowContext {
  records: FlowRecords
  troubles: Trouble.TroubleRecords
  rtt: RttSamples
  icmp: IcmpErrors
  /** Second of the first timed packet. */
  baseSeconds: () => number
  encapsulationNames: (chain: number) => string[]
}

const IPPROTO_TCP = 6
/** Ports below it belong to services (RFC 6335 section 6). */
const SYSTEM_PORTS = 1024

const NO_TCP_FACTS: { [Fact in keyof TcpFacts]: null } = {
  flags: null,
  opening: null,
  closing: null,
  outcome: null,
  closedFirst: null,
  closedFirstFrame: null,
  timeWaitSide: null,
  clientState: null,
  serverState: null,
  resetBy: null,
  resetClass: null,
  resetPhase: null,
  evidence: null,
  zeek: null,
  completeness: null,
  rttMs: null,
  retransmissions: null,
  retransmissionKinds: null,
  retransmittedBytes: null,
  unacknowledgedBytes: null,
  outOfOrder: null,
  dupAcks: null,
  zeroWindows: null,
  zeroWindowProbes: null,
  windowFulls: null,
  keepAlives: null,
  gaps: null,
  synRetransmits: null,
  synAckRetransmits: null,
  captureDuplicates: null,
  truncatedPackets: null,
  options: null,
  timings: null,
  frames: null,
  ignoredResetFrames: null,
}

export function buildFlow(context: FlowContext, slot: number, endReason: FlowEndReason): Flow {
  const { words, doubles } = context.records.slab(slot)
  const at = Row.wordsOf(slot)
  const doublesAt = Row.doublesOf(slot)
  if ((words[at + Row.TYPE]! & 0xff) !== IPPROTO_TCP) {
    const { clientSide, clientBy } = udpClient(words[at + Row.PORTS]!)
    const base = buildBase(context, slot, clientSide, clientBy, endReason)
    return { ...base, protocol: 'udp', ...NO_TCP_FACTS } satisfies UdpFlow
  }
  const life = readLife(words, at + Row.LIFE_WORDS_AT, doubles, doublesAt + Row.LIFE_DOUBLES_AT)
  const base = buildBase(context, slot, life.clientSide, life.clientBy, endReason)
  const counts = buildCounts(context, words, at, life.clientSide)
  const troubles = buildTroubles(context, words, at, life.clientSide)
  // Key by key: spreading objects of so many keys into one makes V8 build a dictionary, 80 times as slow (measured).
  return {
    id: base.id,
    protocol: 'tcp',
    client: base.client,
    server: base.server,
    clientBy: base.clientBy,
    encapsulation: base.encapsulation,
    start: base.start,
    end: base.end,
    firstFrame: base.firstFrame,
    lastFrame: base.lastFrame,
    packets: base.packets,
    frameBytes: base.frameBytes,
    payloadBytes: base.payloadBytes,
    flags: counts.flags,
    opening: life.opening,
    closing: life.closing,
    outcome: life.outcome,
    closedFirst: life.closedFirst,
    closedFirstFrame: life.closedFirstFrame,
    timeWaitSide: life.timeWaitSide,
    clientState: life.clientState,
    serverState: life.serverState,
    resetBy: life.resetBy,
    resetClass: life.resetClass,
    resetPhase: life.resetPhase,
    evidence: life.evidence,
    zeek: life.zeek,
    completeness: life.completeness,
    rttMs: buildRtt(context, words, at, doubles, doublesAt, life),
    retransmissions: troubles.retransmissions,
    retransmissionKinds: troubles.retransmissionKinds,
    retransmittedBytes: troubles.retransmittedBytes,
    unacknowledgedBytes: life.unacknowledgedBytes,
    outOfOrder: troubles.outOfOrder,
    dupAcks: troubles.dupAcks,
    zeroWindows: troubles.zeroWindows,
    zeroWindowProbes: troubles.zeroWindowProbes,
    windowFulls: troubles.windowFulls,
    keepAlives: troubles.keepAlives,
    gaps: counts.gaps,
    synRetransmits: troubles.synRetransmits,
    synAckRetransmits: troubles.synAckRetransmits,
    captureDuplicates: troubles.captureDuplicates,
    truncatedPackets: troubles.truncatedPackets,
    options: counts.options,
    timings: life.timings,
    frames: life.frames,
    ignoredResetFrames: life.ignoredResetFrames,
    icmpErrors: base.icmpErrors,
    endReason: base.endReason,
  }
}

/** The one whose port is not a service's; when that does not tell, the one that spoke first. */
export function udpClient(ports: number): { clientSide: 0 | 1; clientBy: ClientBy } {
  const isFirstService = ports >>> 16 < SYSTEM_PORTS
  const isOtherService = (ports & 0xffff) < SYSTEM_PORTS
  return isFirstService === isOtherService
    ? { clientSide: 0, clientBy: 'first-packet' }
    : { clientSide: isFirstService ? 1 : 0, clientBy: 'port' }
}

function both<T>(clientSide: 0 | 1, of: (sender: 0 | 1) => T): Both<T> {
  return { client: of(clientSide), server: of(clientSide === 0 ? 1 : 0) }
}

function buildBase(
  context: FlowContext,
  slot: number,
  clientSide: 0 | 1,
  clientBy: ClientBy,
  endReason: FlowEndReason,
): FlowBase {
  const { words, doubles } = context.records.slab(slot)
  const at = Row.wordsOf(slot)
  const times = Row.doublesOf(slot) + Row.SIDE_TIMES
  const ends = both(clientSide, sender => endpoint(words, at, sender))
  const isTimed = (words[at + Row.SIDES + Row.STATE]! & Row.TIMED) !== 0
  const time = (seconds: number, ns: number): string | null =>
    isTimed ? formatTime(context.baseSeconds() + words[at + seconds]!, words[at + ns]!) : null
  return {
    id: words[at + Row.ID]!,
    client: ends.client,
    server: ends.server,
    clientBy,
    encapsulation: context.encapsulationNames(words[at + Row.ENCAPSULATIONS]! >>> 16),
    start: time(Row.FIRST_SECONDS, Row.FIRST_NS),
    end: time(Row.LAST_SECONDS, Row.LAST_NS),
    firstFrame: words[at + Row.FIRST_FRAME]!,
    lastFrame: words[at + Row.LAST_FRAME]!,
    packets: both(clientSide, sender => words[at + Row.SIDES + sender * Row.SIDE_WORDS + Row.PACKETS]!),
    frameBytes: both(clientSide, sender => doubles[times + sender * Row.SIDE_DOUBLES + Row.FRAME_BYTES]!),
    payloadBytes: both(clientSide, sender => doubles[times + sender * Row.SIDE_DOUBLES + Row.PAYLOAD_BYTES]!),
    icmpErrors: context.icmp.of(slot).map(({ aboutSender, ...error }) => ({
      ...error,
      about: aboutSender === clientSide ? 'client' : 'server',
    })),
    endReason,
  }
}

function endpoint(words: Int32Array, at: number, sender: 0 | 1): Endpoint {
  const ends = at + (sender === 0 ? Row.FIRST_ENDS : Row.OTHER_ENDS)
  const family = (words[at + Row.TYPE]! >>> 8) & 0xff
  return {
    address: formatAddress(family, words[ends]!, words[ends + 1]!, words[ends + 2]!, words[ends + 3]!),
    port: sender === 0 ? words[at + Row.PORTS]! >>> 16 : words[at + Row.PORTS]! & 0xffff,
  }
}

/** Seconds since 1970 with nine decimals. A time before that has a minus sign, and its nanoseconds count towards 1970. */
export function formatTime(seconds: number, nanoseconds: number): string {
  const isBefore = seconds < 0
  const whole = isBefore && nanoseconds > 0 ? seconds + 1 : seconds
  const rest = isBefore && nanoseconds > 0 ? 1e9 - nanoseconds : nanoseconds
  return `${isBefore ? '-' : ''}${Math.abs(whole)}.${String(rest).padStart(9, '0')}`
}

function buildCounts(
  context: FlowContext,
  words: Int32Array,
  at: number,
  clientSide: 0 | 1,
): Pick<TcpFacts, 'flags' | 'options' | 'gaps'> {
  const side = (sender: 0 | 1): number => at + Row.SIDES + sender * Row.SIDE_WORDS
  return {
    flags: both(clientSide, sender => ({
      syn: words[side(sender) + Row.SYNS]! & 0xffff,
      synAck: words[side(sender) + Row.SYNS]! >>> 16,
      fin: words[side(sender) + Row.FINS]!,
      rst: words[side(sender) + Row.RSTS]!,
      psh: words[side(sender) + Row.PUSHES]!,
      ack: words[side(sender) + Row.ACKS]!,
    })),
    options: both(clientSide, sender => readOptions(words, side(sender))),
    gaps: both(clientSide, sender => countGaps(context.troubles, words, at, sender)),
  }
}

/** Holes that were never filled in what this sender sent, and one more for bytes that the other acknowledged unseen. */
export function countGaps(troubles: Trouble.TroubleRecords, words: Int32Array, at: number, sender: 0 | 1): number {
  const own = at + Row.SIDES + sender * Row.SIDE_WORDS
  const other = at + Row.SIDES + (1 - sender) * Row.SIDE_WORDS
  // What the other acknowledged behind the last that was seen is one more hole, without an end.
  const state = words[own + Row.STATE]!
  // One that sent nothing but SYNs has no bytes to miss: an older connection was acknowledged.
  const isSeen = (state & Row.SEEN) !== 0 && (state & (Row.SENT_SYN | Row.ACKED_BEHIND_SYN)) !== Row.SENT_SYN
  const isAcked = (words[other + Row.STATE]! & Row.ACKED) !== 0
  const beyond = isSeen && isAcked && ((words[other + Row.LAST_ACK]! - words[own + Row.NEXT]!) | 0) > 0
  const slot = words[at + Row.TROUBLE_SLOT]!
  if (slot === 0) return beyond ? 1 : 0
  const counts = troubles.words(slot)
  const row = troubles.at(slot) + sender * Trouble.TROUBLE_SIDE
  return counts[row + Trouble.HOLES]! + counts[row + Trouble.HOLES_FORGOTTEN]! + (beyond ? 1 : 0)
}

type Troubles = Pick<
  TcpFacts,
  | 'retransmissions'
  | 'retransmissionKinds'
  | 'retransmittedBytes'
  | 'outOfOrder'
  | 'dupAcks'
  | 'zeroWindows'
  | 'zeroWindowProbes'
  | 'windowFulls'
  | 'keepAlives'
  | 'synRetransmits'
  | 'synAckRetransmits'
  | 'captureDuplicates'
  | 'truncatedPackets'
>

function buildTroubles(context: FlowContext, words: Int32Array, at: number, clientSide: 0 | 1): Troubles {
  const slot = words[at + Row.TROUBLE_SLOT]!
  const counts = slot === 0 ? null : context.troubles.words(slot)
  const times = slot === 0 ? null : context.troubles.doubles(slot)
  const row = context.troubles.at(slot)
  const count = (sender: 0 | 1, column: number): number =>
    counts === null ? 0 : counts[row + sender * Trouble.TROUBLE_SIDE + column]!
  const ofBoth = (column: number): Both<number> => both(clientSide, sender => count(sender, column))
  const kinds = both(clientSide, sender => ({
    rto: count(sender, Trouble.KINDS + 1),
    fast: count(sender, Trouble.KINDS + 2),
    tail: count(sender, Trouble.KINDS + 3),
    spurious: count(sender, Trouble.KINDS + 4),
    unknown: count(sender, Trouble.KINDS),
  }))
  const total = (of: (typeof kinds)['client']): number => of.rto + of.fast + of.tail + of.spurious + of.unknown
  return {
    retransmissions: { client: total(kinds.client), server: total(kinds.server) },
    retransmissionKinds: kinds,
    retransmittedBytes: both(clientSide, sender =>
      times === null ? 0 : times[context.troubles.doublesAt(slot) + sender * 2 + Trouble.AGAIN_BYTES]!,
    ),
    outOfOrder: ofBoth(Trouble.OUT_OF_ORDER),
    dupAcks: ofBoth(Trouble.DUP_ACKS),
    zeroWindows: ofBoth(Trouble.ZERO_WINDOWS),
    zeroWindowProbes: ofBoth(Trouble.ZERO_WINDOW_PROBES),
    windowFulls: ofBoth(Trouble.WINDOW_FULLS),
    keepAlives: ofBoth(Trouble.KEEP_ALIVES),
    synRetransmits: count(0, Trouble.SYN_RETRANSMITS) + count(1, Trouble.SYN_RETRANSMITS),
    synAckRetransmits: count(0, Trouble.SYN_ACK_RETRANSMITS) + count(1, Trouble.SYN_ACK_RETRANSMITS),
    captureDuplicates: counts === null ? 0 : counts[row + Trouble.CAPTURE_DUPLICATES]!,
    truncatedPackets: words[at + Row.CUT_PACKETS]!,
  }
}

function buildRtt(
  context: FlowContext,
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  life: Life,
): TcpFacts['rttMs'] {
  const { synToSynAckMs, synAckToAckMs } = life.timings
  const slot = words[at + Row.RTT_SLOT]!
  const isSingle = (words[at + Row.SIDES + Row.STATE]! & Row.RTT_SINGLE) !== 0
  const least = isSingle || slot !== 0 ? doubles[doublesAt + Row.RTT_MIN]! / 1e6 : null
  const sorted = slot === 0 ? null : context.rtt.sorted(slot)
  return {
    handshake: synToSynAckMs === null || synAckToAckMs === null ? null : synToSynAckMs + synAckToAckMs,
    clientSide: synAckToAckMs,
    serverSide: synToSynAckMs,
    min: least,
    p50: sorted === null ? least : quantile(sorted, 0.5) / 1e6,
    p95: sorted === null ? least : quantile(sorted, 0.95) / 1e6,
    samples: slot !== 0 ? context.rtt.count(slot) : isSingle ? 1 : 0,
  }
}
