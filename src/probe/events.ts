// What happens during a run of probes, as plain data: what a library caller iterates over and every renderer reads.

import type { MplsLabel } from '../wire/icmp-extensions.js'
import type { PingStatistics } from './statistics.js'

/** How probes travel. `datagram` is the unprivileged ICMP socket, `raw-socket` the package of that name. */
export type TransportKind = 'datagram' | 'raw' | 'raw-socket' | 'tcp' | 'udp'

/**
 * Which clock readings a round-trip time is made of. `kernel` and `rx`: from a stamp right before the send to the kernel's receive
 * stamp, as ping(8) has it; with `kernel` the kernel's transmit stamps tell how much of it passed in this host. `user`: between two
 * stamps of this process. `tcp-info`: the kernel's own estimate of a TCP handshake.
 */
export type TimestampSource = 'kernel' | 'rx' | 'user' | 'tcp-info'

/** One address to probe. */
export interface ProbeTarget {
  /** Position among the targets of the run. */
  readonly index: number
  /** As it was given: a name or an address. */
  readonly target: string
  /** The address in text, IPv6 with `%interface` where it needs one. */
  readonly address: string
  readonly family: 4 | 6
}

/** Fields of every event about one probe. */
export interface ProbeContext {
  readonly target: ProbeTarget
  /** 1, 2, 3 ... of this target; the ICMP sequence number is its low 16 bits. */
  readonly sequence: number
  /** When it happened: milliseconds of Unix time, with a fraction. */
  readonly atMs: number
}

export interface SentEvent extends ProbeContext {
  readonly event: 'sent'
  /** Payload bytes: without the ICMP, UDP or TCP header. */
  readonly payloadBytes: number
}

/** One payload byte that came back different. */
export interface CorruptByte {
  /** Position in the payload. */
  readonly offset: number
  readonly expected: number
  readonly received: number
}

/** What kind of answer it was. `refused` is a TCP reset, `port-unreachable` an ICMP error from the target itself. */
export type AnswerKind = 'echo-reply' | 'syn-ack' | 'refused' | 'datagram' | 'port-unreachable'

/**
 * An answer. `late` came after its timeout had been reported, `duplicate` after another answer to the same probe; neither counts
 * in the round-trip statistics, nor does one that is corrupted.
 */
export interface ReplyEvent extends ProbeContext {
  readonly event: 'reply' | 'late' | 'duplicate'
  readonly answer: AnswerKind
  /** null when it cannot be told. Never negative. */
  readonly rttMs: number | null
  readonly timestampSource: TimestampSource
  /** Time to live, or hop limit, of the answer; null where the transport does not tell. */
  readonly ttl: number | null
  /** Bytes of the answer as ping counts them: ICMP header and payload. */
  readonly bytes: number
  /** Who answered. */
  readonly from: string
  /** It is not from the address that was probed. */
  readonly differentAddress: boolean
  /** An answer to a later probe came before. */
  readonly reordered: boolean
  /** The wall clock was set while the probe was under way; the time is from the monotonic clock then. */
  readonly clockStepped: boolean
  /** How much of the round-trip time passed in this host before the device took the packet; null where it was not stamped. */
  readonly localMs: number | null
  /** How much of that lay between the packet scheduler and the device: queueing. */
  readonly queuedMs: number | null
  /** The first of the bytes that came back different, at most 32, or null. */
  readonly corrupted: readonly CorruptByte[] | null
  /** How many bytes came back different, or are missing. */
  readonly corruptedBytes: number
  /** A copy of the payload as it came, for a dump of one that is corrupted; else null or left out. */
  readonly payload?: Uint8Array | null
  /** SYNs that had to be sent again; null but for TCP. */
  readonly synRetransmits: number | null
  /** IP options of the answer (record route, timestamps) as bytes; null when there were none. */
  readonly ipOptions: Uint8Array | null
}

/** A router, the target or this host said that a probe did not arrive. */
export interface ErrorEvent extends Omit<ProbeContext, 'sequence'> {
  readonly event: 'error'
  /** null when the error does not tell which probe it is about. */
  readonly sequence: number | null
  /** Who said it; null for this host's own refusal. */
  readonly from: string | null
  /** `icmp` from the network, `local` from this host's kernel. */
  readonly origin: 'icmp' | 'local'
  /** ICMP or ICMPv6 type and code; null for a local refusal. */
  readonly type: number | null
  readonly code: number | null
  /** In ping's words: `Destination Host Unreachable`, `Time to live exceeded`. */
  readonly reason: string
  /** errno name that the kernel gave it: `EHOSTUNREACH`. */
  readonly errno: string | null
  /** Next-hop MTU of "packet too big" and "fragmentation needed"; else null. */
  readonly mtu: number | null
  readonly rttMs: number | null
  /** The MPLS label stack that the packet had at the router, outermost first, which RFC 4950 lets it tell; null when it did not. */
  readonly mpls: readonly MplsLabel[] | null
}

/** No answer within the timeout. */
export interface TimeoutEvent extends ProbeContext {
  readonly event: 'timeout'
}

/** The end, or an interim state, of one target. */
export interface SummaryEvent {
  readonly event: 'summary'
  readonly target: ProbeTarget
  readonly transport: TransportKind
  readonly timestampSource: TimestampSource
  readonly payloadBytes: number
  readonly statistics: PingStatistics
}

/** Targets of one transport whose only probe was answered in time, all together. */
export interface AnsweredOnce {
  readonly transport: TransportKind
  readonly timestampSource: TimestampSource
  readonly targets: number
  readonly sumMs: number
  readonly minMs: number
  readonly maxMs: number
}

export type ProbeEvent = SentEvent | ReplyEvent | ErrorEvent | TimeoutEvent | SummaryEvent
