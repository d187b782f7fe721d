// How probes leave and how answers come back, whoever carries them: ICMP sockets, the raw-socket package, TCP or UDP.
//
// Times are nanoseconds since a base that the transport states (`baseSeconds` of Unix time), so that they are exact in a number:
// `Ns` of CLOCK_REALTIME, which is the clock of the kernel's own stamps. `MonoNs` are those of CLOCK_MONOTONIC itself (process.hrtime).

import type { ProbeTarget, TimestampSource, TransportKind } from '../probe/events.js'
import type { QuotedProbe } from '../probe/trace-events.js'

/** Probes to send: arrays by row, of which the first `count` rows count. The transport fills in the last three. */
export interface SendBatch {
  count: number
  /** `index` of the target (not its position in `ProbeOptions.targets`, which holds one family's only). */
  readonly target: Int32Array
  /** Sequence of the probe for that target, from 1. */
  readonly sequence: Uint32Array
  /** Payload bytes. */
  readonly payloadBytes: Int32Array
  /** 0 when it was sent, -errno when the kernel refused it. */
  readonly result: Int32Array
  /** Taken right before the send, never after it. */
  readonly sentNs: Float64Array
  readonly sentMonoNs: Float64Array
  /** Filled in where it is there, and `result` is -EMSGSIZE: the MTU that the kernel named, else 0. */
  readonly mtu?: Int32Array
  /**
   * Of a trace: the time to live of each probe, and the flow that it belongs to (see `ProbeTransport.flowValue`). A transport gets
   * flows in all of its batches or in none.
   */
  readonly ttl?: Uint8Array
  readonly flow?: Uint16Array
}

/** An answer; one object reused for every answer, valid during the call only. */
export interface ProbeReply {
  answer: 'echo-reply' | 'syn-ack' | 'refused' | 'datagram'
  /** `index` of the target and sequence that the payload names when it carries this run's cookie; -1 when it does not. */
  target: number
  sequence: number
  /** The 16 bits of the ICMP header, or -1: all there is to go by when the payload is too short for a cookie. */
  wireSequence: number
  from: string
  /** `index` of the target that has the answer's source address, -1 when none has. */
  fromTarget: number
  /** When it arrived. */
  receivedNs: number
  /** The stamp is the kernel's. */
  kernelStamp: boolean
  /** When it was read, on both clocks: a difference to the pair taken at the send is a step of the wall clock. */
  readNs: number
  readMonoNs: number
  /** The round-trip time where the kernel measured it itself (TCP), else NaN. */
  rttNs: number
  ttl: number
  /** ICMP header and payload. */
  bytes: number
  /** Where the payload lies; empty for TCP. */
  data: Uint8Array
  payloadStart: number
  payloadEnd: number
  synRetransmits: number
  ipOptions: Uint8Array | null
  /** Of a trace, when `sequence` cannot be told: the flow of the probe, so that the only one under way in it is known. */
  flow?: number
}

/** An error about a probe; one object reused, valid during the call only. */
export interface ProbeError {
  /** `local`: this host's kernel refused by itself (no route, larger than the path MTU). */
  origin: 'icmp' | 'local'
  /** ICMP type and code, -1 for local errors. */
  type: number
  code: number
  /** The positive errno. */
  errno: number
  /** Next-hop MTU, or 0. */
  mtu: number
  /** Who said it; null for local errors. */
  from: string | null
  /** Target that the probe was for, by cookie or else by destination address; -1 when it cannot be told. */
  target: number
  /** Full sequence by cookie, else -1. */
  sequence: number
  /** 16 bits quoted, or -1. */
  wireSequence: number
  receivedNs: number
  /** What the router quoted, from the ICMP (or UDP payload, or TCP) header on, extensions included; borrowed. */
  quoted: Uint8Array
  /** How many bytes of `quoted` are the probe, where the message tells (RFC 4884), extensions after them; 0 or missing: unknown. */
  quotedBytes?: number
  /** Which byte a parameter problem is about. */
  pointer?: number
  /** The better router of a redirect; null or missing when it is none. */
  redirectTo?: string | null
  /** Of a trace, when `sequence` cannot be told: the flow of the probe, so that the only one under way in it is known. */
  flow?: number
  /** What the quoted IP header says; only with `ProbeOptions.quotedHeaders`. */
  quote?: QuotedProbe | null
}

/** Takes what came. */
export interface ProbeVisitor {
  /** Where a batch may be on its way beside this thread: false for an answer that comes too early, to be handed out once more later. */
  reply(reply: ProbeReply): unknown
  error(error: ProbeError): void
  /** A transmit stamp of the kernel: `scheduler` when it took the packet, `driver` when the device did. */
  transmitted(target: number, sequence: number, at: 'scheduler' | 'driver', ns: number): void
}

/** Sends batches beside the thread that asks for it, one at a time. */
export interface AsideSender {
  /** Most rows of a batch. */
  readonly rows: number
  /** Makes the messages of a batch; another one may be on its way. */
  prepare(batch: SendBatch): void
  /**
   * Starts to send the batch that was prepared last, as `send` would; false when it cannot. `done` is told how many rows were
   * handled, when they have been filled in. Until then, and while `done` starts the next, `onReadable` keeps quiet.
   */
  send(done: (handled: number) => void): boolean
}

export interface ProbeTransport {
  readonly kind: TransportKind
  /** The best that its answers will have. */
  readonly timestamps: TimestampSource
  /** The run's random cookie, low and high 32 bits, that payloads of 16 bytes and more begin with; zeros where there is none. */
  readonly cookie: readonly [low: number, high: number]
  /** Unix time of the base of all `Ns`, in whole seconds. */
  readonly baseSeconds: number
  /** Why it is this transport and not a better one, for a note; null when it is the one that was wanted. */
  readonly note: string | null
  /** The address that probes leave from for a target, as the kernel chose it; null when unknown. */
  sourceAddress(target: number): string | null
  /**
   * Sends the rows of the batch in order. A full socket buffer (EAGAIN, ENOBUFS) ends it early: the answer is the number of rows
   * that were handled, refused ones among them. An error that waits from an earlier probe never costs a probe: it is drained,
   * kept for `receive`, and the row is sent again.
   */
  send(batch: SendBatch): number
  /** Rows to send at most before the next `receive`, all of whose answers there is room for; missing where it does not matter. */
  readonly rows?: number
  /** For many rows at once, where that is possible. */
  readonly aside?: AsideSender | null
  /** Hands out what has come: errors and transmit stamps before the answers read together with them. Answers how many messages there were. */
  receive(visitor: ProbeVisitor): number
  /** Calls back whenever there is something to receive, until close. */
  onReadable(callback: () => void): void
  /**
   * What keeps the probes of a flow on one path: the source port (UDP, TCP), or the checksum (ICMP), whose probes are padded to
   * have the same. Known when the first probe of the flow was sent; 0 before that, and where flows are not kept.
   */
  flowValue?(flow: number): number
  /** A flow can have one probe under way only: the next gives it up (TCP, whose sockets are told apart by their ports). */
  readonly oneProbeAFlow?: boolean
  /** A raw socket is open beside it, for the IP headers that routers quote. */
  readonly quotedHeaders?: boolean
  /** Monotonic nanoseconds now, of the clock of `sentMonoNs`. */
  nowMonoNs(): number
  close(): void
}

/** What every transport is opened with. */
export interface ProbeOptions {
  readonly targets: readonly ProbeTarget[]
  readonly family: 4 | 6
  /** `auto` takes datagram, else raw, else raw-socket. */
  readonly transport: 'auto' | 'datagram' | 'raw' | 'raw-socket'
  readonly timestamps: 'kernel' | 'rx' | 'user'
  /** Largest payload that will be sent. */
  readonly payloadBytes: number
  /** What the payload is filled with beyond the cookie, repeated; null for 0, 1, 2 ... as iputils does. */
  readonly pattern: Uint8Array | null
  /** Local address to bind to; null for the kernel's choice. */
  readonly source: string | null
  /** Interface to be bound to (SO_BINDTODEVICE). */
  readonly interface: string | null
  readonly ttl: number | null
  /** TOS byte, or IPv6 traffic class. */
  readonly tos: number | null
  readonly mark: number | null
  /** IP_MTU_DISCOVER: `do` sets DF, `want` fragments locally, `dont` never sets DF, `probe` sets DF and ignores what is known. */
  readonly pathMtu: 'do' | 'want' | 'dont' | 'probe' | null
  readonly flowLabel: number | null
  readonly broadcast: boolean
  /** Keep multicast probes from this host's own sockets. */
  readonly noLoopback: boolean
  /** IPv4 options to send, as bytes: record route, timestamp. */
  readonly ipOptions: Uint8Array | null
  /** Identifier of the echo requests (-e); null for one of the kernel's choice. */
  readonly identifier: number | null
  readonly sendBufferBytes: number | null
  /** Destination port of TCP and UDP probes. */
  readonly port: number | null
  /** Source port of flow 0 of a trace over UDP or TCP, those of others follow; null for ports of the kernel's choice. */
  readonly sourcePort?: number | null
  /** Flows whose source ports, where they were chosen, are taken when the transport is opened; 1 where it is missing. */
  readonly flows?: number
  /** Hear ICMP errors through a raw socket too, for the IP headers that they quote. @throws PermissionError on open without it */
  readonly quotedHeaders?: boolean
  /** Network namespace to probe from, -1 for the caller's. */
  readonly netnsFd: number
}
