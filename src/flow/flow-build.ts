// The record of a flow as plain data.

import { formatAddress } from './flow-address.js'
import { both, buildCounts, buildRtt, buildTroubles, type FlowContext } from './flow-counts.js'
import * as Row from './flow-record.js'
import { readLife } from './life.js'
import type { ClientBy, Endpoint, Flow, FlowBase, FlowEndReason, TcpFacts, UdpFlow } from './model.js'

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
