// Where a walk through the layers of a packet stands, and the steps it can take next.

import type { Encapsulations } from './encapsulations.js'
import type { Fragments } from './fragments.js'
import { Ipv4View } from './ipv4.js'
import { Ipv6View } from './ipv6.js'
import { FLAW_MALFORMED, FLAW_TRUNCATED, type PacketEnds, type WalkedPacket } from './walked-packet.js'

/** What a layer says comes next. */
export const STEP_DONE = 0
/** By the ethertype in `cursor.type`. */
export const STEP_ETHERTYPE = 1
/** IPv4 or IPv6, by the version in the first byte. */
export const STEP_IP = 2
export const STEP_IPV4 = 3
export const STEP_IPV6 = 4
/** By the IP protocol in `cursor.type`. */
export const STEP_PROTOCOL = 5
export const STEP_ETHERNET = 6
export const STEP_LLC = 7
export const STEP_PPP = 8
export const STEP_MPLS = 9
export const STEP_GRE = 10
/** IPv6 extension headers, from the one in `cursor.type`. */
export const STEP_IPV6_EXTENSIONS = 11
/** What UDP carries between ports of a tunnel. */
export const STEP_UDP_TUNNEL = 12

/** Why a walk stopped, by `WalkedPacket.stop`. */
export const STOP_REASONS = [
  '',
  'link type not supported',
  'ethertype not decoded',
  'protocol not decoded',
  'header cut short by the capture',
  'malformed header',
  'too many layers',
  'fragment of a packet that is not complete',
  'encrypted',
  'compressed',
  'no network packet in the frame',
] as const

export const STOP_LINK_TYPE = 1
export const STOP_ETHERTYPE = 2
export const STOP_PROTOCOL = 3
export const STOP_CUT = 4
export const STOP_MALFORMED = 5
export const STOP_DEPTH = 6
export const STOP_FRAGMENT = 7
export const STOP_ENCRYPTED = 8
export const STOP_COMPRESSED = 9
export const STOP_NO_NETWORK = 10

/** A layer reads at `at`, moves `at` behind itself and answers the next step. It reads nothing at `end` and beyond. */
export class WalkCursor {
  readonly walked: WalkedPacket
  readonly chains: Encapsulations
  readonly fragments: Fragments
  /** Of what an ICMP error quotes. */
  readonly quoted4 = new Ipv4View()
  readonly quoted6 = new Ipv6View()
  data: DataView = new DataView(new ArrayBuffer(0))
  at = 0
  /** End of what was captured. */
  end = 0
  /** End of the layer as it was on the wire: at `end` or beyond it. */
  wireEnd = 0
  /** Ethertype or protocol of what comes next. */
  type = 0
  /** Time of the packet. */
  seconds = 0
  private seen: Uint8Array = new Uint8Array(0)
  /** Checksums are to be verified. */
  verify = false
  /**
   * An extension header names the address that transport checksums are made with: the end of a route (RFC 8200 section 8.1), the home
   * of one who is away (RFC 6275 section 6.3).
   */
  otherEnds = false

  constructor(walked: WalkedPacket, chains: Encapsulations, fragments: Fragments) {
    this.walked = walked
    this.chains = chains
    this.fragments = fragments
  }

  /** The bytes that `data` lies over. */
  bytes(): Uint8Array {
    const { data } = this
    if (
      this.seen.buffer !== data.buffer ||
      this.seen.byteOffset !== data.byteOffset ||
      this.seen.length !== data.byteLength
    ) {
      this.seen = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    }
    return this.seen
  }

  stop(reason: number): number {
    this.walked.stop = reason
    return STEP_DONE
  }

  malformed(): number {
    this.walked.flaws |= FLAW_MALFORMED
    return this.stop(STOP_MALFORMED)
  }

  /** A header of `bytes` is not there as a whole: the capture cut it, or the sender. */
  short(bytes: number): number {
    if (this.wireEnd - this.at < bytes) return this.malformed()
    this.walked.flaws |= FLAW_TRUNCATED
    return this.stop(STOP_CUT)
  }

  /** The layer ends after `bytes`, unless what is around it ends before. */
  limit(bytes: number): void {
    const wireEnd = this.at + bytes
    if (wireEnd < this.wireEnd) this.wireEnd = wireEnd
    if (wireEnd < this.end) this.end = wireEnd
  }

  /** One more layer around what comes next. */
  inside(kind: number, value: number, ends: PacketEnds | null): void {
    this.walked.encapsulation = this.chains.push(this.walked.encapsulation, kind, value, ends)
  }
}
