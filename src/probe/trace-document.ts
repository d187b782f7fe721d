// The result of a trace as one document: what `--json` prints, `--baseline` and `trace diff` read, and reports are rendered from.

import type { InterfaceInfo, MplsLabel } from '../wire/icmp-extensions.js'
import type { TraceAnswer, TraceHeader, TracePrivilege, TraceProtocol } from './trace-events.js'

/** Round-trip times of one responder. `stddev` is the sample's (n - 1), quantiles by nearest rank; null below two samples. */
export interface HopRtt {
  readonly last: number
  readonly avg: number
  readonly best: number
  readonly worst: number
  readonly stddev: number | null
  readonly p50: number
  readonly p95: number
}

export interface IcmpCount {
  readonly type: number
  readonly code: number
  readonly count: number
}

/** Somebody who answered at a TTL. */
export interface Responder {
  readonly address: string
  /** By reverse look-up, or null. */
  readonly name: string | null
  /** Probes sent to this TTL while this was who answered there; in flight not counted. */
  readonly sent: number
  readonly received: number
  /** Unanswered, and not lost on the way: more than deeper hops lost. */
  readonly notAnswering: number
  /** Share of `sent` lost on the path up to here, to a tenth; null when nothing was sent. */
  readonly lossPercent: number | null
  readonly rttMs: HopRtt | null
  /** Mean |difference| of consecutive answers; null below two. */
  readonly jitterMs: number | null
  /** Round-trip times of the latest rounds, oldest first, null for one unanswered: for a sparkline; 60 at most. */
  readonly recentMs: readonly (number | null)[]
  readonly answers: Partial<Readonly<Record<TraceAnswer, number>>>
  readonly icmp: readonly IcmpCount[]
  /** The latest seen. */
  readonly mpls: readonly MplsLabel[] | null
  readonly interfaces: readonly InterfaceInfo[] | null
  /** MTU of the link behind it, as it told; else the largest packet that passes to it, as --mtu found; else null. */
  readonly mtu: number | null
  /** TOS as it arrived here, where a raw socket sees it; else null. */
  readonly tos: number | null
  /** A NAT stands before this hop: true, false, or null where that cannot be seen. */
  readonly translated: boolean | null
  /** AS number and place from the user's database; null without. */
  readonly asn: number | null
  readonly asName: string | null
  readonly place: string | null
  /** Flows that saw it. */
  readonly flows: readonly number[]
}

export interface Hop {
  readonly ttl: number
  /** Whoever answered, the one of now first. Empty: nobody did. */
  readonly responders: readonly Responder[]
  /** Probes to this TTL in rounds and slowed ones, in flight not counted, and how many nobody answered. */
  readonly sent: number
  readonly received: number
  readonly notAnswering: number
  readonly lossPercent: number | null
}

/** Loss that has a place. */
export interface LocatedLoss {
  /** Last hop before it that answered well enough to tell (0: this host), and first behind it. */
  readonly afterTtl: number
  readonly beforeTtl: number
  /** Of the packets that come there. */
  readonly percent: number
  /** Neither neighbour was suspected of limiting its answers, or slowed probes have told. */
  readonly verified: boolean
  /** Flows that have it; null: all. */
  readonly flows: readonly number[] | null
}

export interface RateLimitedHop {
  readonly ttl: number
  readonly verified: boolean
}

export interface PathChange {
  readonly flow: number
  readonly round: number
  /** RFC 3339, UTC. */
  readonly at: string
  readonly ttl: number
  readonly before: readonly (string | null)[]
  readonly after: readonly (string | null)[]
}

/** One flow of the run, with --flows. */
export interface FlowPath {
  readonly flow: number
  /** Source port, or checksum (see TraceHeader.flowKey). */
  readonly value: number
  readonly path: readonly (string | null)[]
  readonly reached: boolean
  readonly sent: number
  readonly received: number
  /** To the deepest TTL that answers; null where probes are unanswered and may not be lost, or where only other flows reach the target. */
  readonly lossPercent: number | null
  readonly rttMs: HopRtt | null
}

/** Whether all branches were found, by the stopping rule of the multipath detection algorithm (Veitch et al., INFOCOM 2009). */
export interface Branches {
  readonly flowsTried: number
  /** Responders that the flows saw at each TTL. */
  readonly byTtl: readonly { readonly ttl: number; readonly addresses: readonly string[] }[]
  /** 95 % sure that there are no others. */
  readonly complete: boolean
}

/** A limit on the size of packets that --mtu found. */
export interface MtuLimit {
  readonly afterTtl: number
  readonly beforeTtl: number
  readonly mtu: number
  /** Who said so; null: nobody, larger packets vanish (a black hole). */
  readonly saidBy: string | null
}

/** Somebody lowers the TCP maximum segment size on the way. */
export interface MssClamp {
  /** Last hop that still saw `from`, first that saw `to`. */
  readonly afterTtl: number
  readonly beforeTtl: number
  readonly from: number
  readonly to: number
}

export interface TraceMtu {
  /** Largest packet that passes to the deepest hop that answers. */
  readonly pathMtu: number | null
  /** Largest packet that passes to each hop that answers; null where that was not found out. */
  readonly byTtl: readonly { readonly ttl: number; readonly address: string; readonly mtu: number | null }[]
  readonly limits: readonly MtuLimit[]
  readonly clamps: readonly MssClamp[]
  /** MSS of a SYN as the first hop that quoted it saw it, and as each hop did; null where it was not quoted. */
  readonly mss: { readonly first: number; readonly byTtl: readonly { ttl: number; mss: number | null }[] } | null
  readonly notes: readonly string[]
}

export interface TraceDocument {
  readonly target: string
  readonly address: string
  readonly protocol: TraceProtocol
  readonly port: number | null
  readonly transport: TraceHeader['transport']
  readonly timestampSource: TraceHeader['timestampSource']
  readonly privilege: TracePrivilege
  readonly flow: { readonly key: TraceHeader['flowKey']; readonly values: readonly number[] }
  readonly packetBytes: number
  readonly startedAt: string
  readonly reached: boolean
  /** How the target answered in the end; null when it did not. `open`, `refused`, `filtered` are for TCP. */
  readonly targetState: 'answered' | 'open' | 'refused' | 'unreachable' | 'filtered' | null
  readonly rounds: number
  /** Probes that this host refused to send: they are none of `sent`. */
  readonly unsent: number
  readonly hops: readonly Hop[]
  readonly loss: readonly LocatedLoss[]
  readonly rateLimited: readonly RateLimitedHop[]
  readonly pathChanges: readonly PathChange[]
  /** null without --flows. */
  readonly flows: readonly FlowPath[] | null
  readonly branches: Branches | null
  /** null without --mtu. */
  readonly mtu: TraceMtu | null
  /** One or more sentences: what is to be said of this path. */
  readonly verdict: readonly string[]
}
