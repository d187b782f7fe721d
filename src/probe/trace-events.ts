// What happens during a trace, as plain data: what a library caller iterates over, and what every view is folded from.

import type { InterfaceInfo, MplsLabel } from '../wire/icmp-extensions.js'
import type { ProbeTarget, TimestampSource, TransportKind } from './events.js'

export type TraceProtocol = 'icmp' | 'udp' | 'tcp'

/** What this host had to allow: nothing, or `raw` sockets, whether they carry the probes or hear what routers quote of IP headers. */
export type TracePrivilege = 'none' | 'raw'

/** Fields of every event about one probe. */
export interface TraceContext {
  readonly ttl: number
  /** Which of the run's flows: 0 is the one that is there without --flows. */
  readonly flow: number
  /** From 1. Probes of round 0 are extra ones: slowed ones, which test whether a hop limits its answers, and scouts of TCP. */
  readonly round: number
  /** 1, 2, 3 ... over the whole run: it names the probe. */
  readonly sequence: number
  /** When it happened: milliseconds of Unix time, with a fraction. */
  readonly atMs: number
}

/** Why a probe was sent: one of a round, a slowed one that tests a hop, or one whose flow is no flow of the run (TCP, see ports/probe). */
export type ProbePurpose = 'round' | 'slow' | 'scout'

export interface TraceSentEvent extends TraceContext {
  readonly event: 'sent'
  readonly purpose: ProbePurpose
}

/**
 * What an answer is. `time-exceeded` is a router's; `echo-reply`, `port-unreachable` (from the target), `syn-ack`, `refused` and
 * `datagram` are the target's; `unreachable` is anybody's word that the probe could not go on, with type and code.
 */
export type TraceAnswer =
  | 'time-exceeded'
  | 'echo-reply'
  | 'port-unreachable'
  | 'syn-ack'
  | 'refused'
  | 'datagram'
  | 'unreachable'

/** What the quoted IP header says of the probe as it came to the router; only raw sockets see it. */
export interface QuotedProbe {
  /** TOS or traffic class as it arrived. */
  readonly tos: number
  /** Time to live as it arrived: 1 where nobody hides hops (RFC 3443). */
  readonly ttl: number
  /** Source address and port were others than those it left with, or its checksum does not fit them: a NAT was before this hop. */
  readonly translated: boolean
  /** Source and destination as quoted, when they differ from what was sent; else null. */
  readonly source: string | null
  readonly destination: string | null
}

/** An answer. `late` came after its timeout had been told, `duplicate` after another answer to the same probe. */
export interface TraceReplyEvent extends TraceContext {
  readonly event: 'reply' | 'late' | 'duplicate'
  readonly purpose: ProbePurpose
  readonly answer: TraceAnswer
  readonly from: string
  /** null when it cannot be told. Never negative. */
  readonly rttMs: number | null
  readonly timestampSource: TimestampSource
  /** ICMP type and code; null for TCP segments and datagrams. An echo reply has its own. */
  readonly type: number | null
  readonly code: number | null
  /** `Time to live exceeded`, in ping's words; null where there is no ICMP. */
  readonly reason: string | null
  /** Next-hop MTU of "packet too big"; else null. */
  readonly mtu: number | null
  /** Time to live the answer came with, where the transport tells. */
  readonly replyTtl: number | null
  readonly mpls: readonly MplsLabel[] | null
  /** RFC 5837: interfaces that the router names, with their role. */
  readonly interfaces: readonly InterfaceInfo[] | null
  readonly quoted: QuotedProbe | null
}

/** This host's kernel refused to send: the probe never left. */
export interface TraceErrorEvent extends TraceContext {
  readonly event: 'error'
  readonly purpose: ProbePurpose
  readonly origin: 'local'
  /** `No route to host`. */
  readonly reason: string
  /** `EHOSTUNREACH`. */
  readonly errno: string
  readonly mtu: number | null
}

export interface TraceTimeoutEvent extends TraceContext {
  readonly event: 'timeout'
  readonly purpose: ProbePurpose
}

/** A round of one flow is over: every probe of it was answered or given up. */
export interface RoundEvent {
  readonly event: 'round'
  readonly flow: number
  readonly round: number
  readonly atMs: number
  /** Who answered at TTL firstTtl, firstTtl + 1, ...; null where nobody did. Ends with the target when it was reached. */
  readonly path: readonly (string | null)[]
  readonly reached: boolean
}

/** Somebody answered at a TTL for the first time. */
export interface HopEvent {
  readonly event: 'hop'
  readonly ttl: number
  readonly flow: number
  readonly address: string
  readonly atMs: number
}

/** The path of a flow became another. */
export interface PathChangeEvent {
  readonly event: 'path-change'
  readonly flow: number
  readonly round: number
  readonly atMs: number
  /** First TTL that differs. */
  readonly ttl: number
  readonly before: readonly (string | null)[]
  readonly after: readonly (string | null)[]
}

/** How the test of a hop that leaves probes unanswered ended. */
export interface VerifiedEvent {
  readonly event: 'verified'
  readonly ttl: number
  readonly atMs: number
  /** `rate-limited`: slowed probes are answered. `silent`: it answers nothing. `lossy`: slowed probes are lost as well. */
  readonly verdict: 'rate-limited' | 'silent' | 'lossy'
  readonly sent: number
  readonly received: number
}

export type TraceEvent =
  | TraceSentEvent
  | TraceReplyEvent
  | TraceErrorEvent
  | TraceTimeoutEvent
  | RoundEvent
  | HopEvent
  | PathChangeEvent
  | VerifiedEvent

/** What a run is, told once, before its events. */
export interface TraceHeader {
  readonly target: ProbeTarget
  readonly protocol: TraceProtocol
  readonly transport: TransportKind
  readonly timestampSource: TimestampSource
  readonly privilege: TracePrivilege
  /** Destination port of UDP and TCP probes. */
  readonly port: number | null
  /** Bytes of a probe's IP packet. */
  readonly packetBytes: number
  readonly firstTtl: number
  readonly maxTtl: number
  /** What keeps a flow's probes on one path: source port by flow (UDP, TCP), or checksum by flow (ICMP). */
  readonly flowKey: 'source-port' | 'checksum'
  /** By flow: source port, or checksum; grows as flows are added. */
  readonly flowValues: readonly number[]
}
