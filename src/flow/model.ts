// What is known of a flow: plain data, as `netkit decode --json` prints it and the library yields it. Vocabulary B.

/** Something counted for each direction: what the client sent, what the server sent. */
export interface Both<T> {
  client: T
  server: T
}

export interface Endpoint {
  address: string
  port: number
}

export type Opening = 'full' | 'half' | 'syn-only' | 'syn-ack-only' | 'simultaneous' | 'split' | 'midstream'

export type Closing = 'fin-both' | 'fin-client' | 'fin-server' | 'rst-client' | 'rst-server' | 'icmp' | 'none'

export const OUTCOMES = [
  'no-answer',
  'unreachable',
  'refused',
  'half-open',
  'aborted-in-handshake',
  'established',
  'half-closed-by-client',
  'half-closed-by-server',
  'closed-normally',
  'reset-by-client',
  'reset-by-server',
  'midstream-open',
  'midstream-closed',
  'midstream-reset',
  'one-sided',
] as const

export type Outcome = (typeof OUTCOMES)[number]

/** How it was decided which end is the client. */
export type ClientBy = 'syn' | 'syn-ack' | 'port' | 'first-packet'

export type Side = 'client' | 'server'

/** States of RFC 9293 as `netkit ss` spells them; `unknown` in midstream. */
export const ENDPOINT_STATES = [
  'syn-sent',
  'syn-recv',
  'established',
  'fin-wait-1',
  'fin-wait-2',
  'close-wait',
  'closing',
  'last-ack',
  'time-wait',
  'closed',
  'listening',
  'unknown',
] as const

export type EndpointState = (typeof ENDPOINT_STATES)[number]

/** What the reset means (captures.md 2.6, 2.7, 3). */
export type ResetClass =
  | 'refuse'
  | 'abort'
  | 'answer-to-stray'
  | 'ignored'
  | 'injected-suspect'
  | 'idle-timeout-suspect'

/** A fact behind a classification, with the frames that show it. */
export interface Evidence {
  text: string
  frames: number[]
}

/** What one end offered in its SYN or SYN-ACK; null where it did not, or it is not in the capture. */
export interface TcpOptions {
  mss: number | null
  windowScale: number | null
  sackPermitted: boolean
  timestamps: boolean
}

/** Why the flow's record ended (IPFIX flowEndReason, RFC 5102 5.11.3): `end-of-capture` is its "forced end". */
export type FlowEndReason = 'end-detected' | 'end-of-capture' | 'idle' | 'lack-of-resources'

/** What is known of a flow of any protocol. */
export interface FlowBase {
  /** From 1, in order of first packets. */
  id: number
  client: Endpoint
  server: Endpoint
  clientBy: ClientBy
  /** Layers around the innermost IP packet, outermost first: `vlan 10`, `gre`, `vxlan 42`; empty for none. */
  encapsulation: string[]
  /** Time of the first and the last packet: seconds since 1970 with nine decimals; null where the file has no times. */
  start: string | null
  end: string | null
  firstFrame: number
  lastFrame: number
  packets: Both<number>
  /** Length on the wire. */
  frameBytes: Both<number>
  /** TCP (UDP) payload, retransmitted bytes included. */
  payloadBytes: Both<number>
  /** ICMP errors that quote packets of it. */
  icmpErrors: { frame: number; from: string; type: number; code: number; reason: string; about: Side }[]
  endReason: FlowEndReason
}

export interface FlagCounts {
  syn: number
  synAck: number
  fin: number
  rst: number
  psh: number
  ack: number
}

/** What is known of a TCP connection besides. */
export interface TcpFacts {
  /** Packets by flag: syn is SYN without ACK, ack is ACK with none of SYN, FIN, RST, PSH (as Arkime counts it). */
  flags: Both<FlagCounts>
  opening: Opening
  closing: Closing
  outcome: Outcome
  closedFirst: Side | 'both' | 'unknown' | null
  /** First packet with FIN or an accepted RST. */
  closedFirstFrame: number | null
  timeWaitSide: Side | 'both' | 'none' | null
  clientState: EndpointState
  serverState: EndpointState
  resetBy: Side | null
  resetClass: ResetClass | null
  /** When in the life of the connection the reset came. */
  resetPhase: 'handshake' | 'before-data' | 'after-data' | 'after-fin' | null
  evidence: Evidence[]
  zeek: { connState: string; history: string }
  /** Wireshark's tcp.completeness: bits 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST. */
  completeness: number
  rttMs: {
    /** SYN to the ACK of the SYN-ACK. */
    handshake: number | null
    /** SYN-ACK to ACK: between the capture and the client. */
    clientSide: number | null
    /** SYN to SYN-ACK: between the capture and the server. */
    serverSide: number | null
    /** Of data segments and their acknowledgments, none of them sent twice (Karn), of both directions together. */
    min: number | null
    p50: number | null
    p95: number | null
    samples: number
  }
  /** Segments, not bytes; `kinds` adds up to them. */
  retransmissions: Both<number>
  retransmissionKinds: Both<{ rto: number; fast: number; tail: number; spurious: number; unknown: number }>
  retransmittedBytes: Both<number>
  /** Payload bytes that this end sent and the other never acknowledged, as far as the capture shows. */
  unacknowledgedBytes: Both<number>
  outOfOrder: Both<number>
  dupAcks: Both<number>
  /** Windows of size zero that this end announced. */
  zeroWindows: Both<number>
  zeroWindowProbes: Both<number>
  windowFulls: Both<number>
  keepAlives: Both<number>
  /** Holes in what was captured of this direction that were never filled, and the bytes that the other end acknowledged unseen. */
  gaps: Both<number>
  synRetransmits: number
  synAckRetransmits: number
  captureDuplicates: number
  truncatedPackets: number
  options: Both<TcpOptions>
  timings: {
    synToSynAckMs: number | null
    synAckToAckMs: number | null
    ackToRequestMs: number | null
    requestToResponseMs: number | null
  }
  /** Frames of the packets that made it: null where there is none. */
  frames: {
    syn: number | null
    synAck: number | null
    handshakeAck: number | null
    clientFin: number | null
    serverFin: number | null
    rst: number | null
    firstRequest: number | null
    firstResponse: number | null
  }
  /** A reset that did not end it: traffic of the one it was meant for went on. */
  ignoredResetFrames: number[]
}

export interface TcpFlow extends FlowBase, TcpFacts {
  protocol: 'tcp'
}

/** The same keys, so that a reader of JSON finds every one: all that is TCP's is null. */
export type UdpFlow = FlowBase & { protocol: 'udp' } & { [Fact in keyof TcpFacts]: null }

export type Flow = TcpFlow | UdpFlow
