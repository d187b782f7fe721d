// Walks through the layers of a captured packet to the innermost one that matters: TCP or UDP, an ICMP error, ARP.

import type { CapturedPacket } from './captured-packet.js'
import { Encapsulations } from './encapsulations.js'
import { Fragments } from './fragments.js'
import { LINK_TYPES, LINKTYPE_ETHERNET } from './link-types.js'
import {
  STEP_DONE,
  STEP_ETHERNET,
  STEP_ETHERTYPE,
  STEP_GRE,
  STEP_IP,
  STEP_IPV4,
  STEP_IPV6,
  STEP_IPV6_EXTENSIONS,
  STEP_LLC,
  STEP_MPLS,
  STEP_PPP,
  STEP_PROTOCOL,
  STEP_UDP_TUNNEL,
  STOP_DEPTH,
  STOP_LINK_TYPE,
  STOP_REASONS,
  WalkCursor,
} from './walk-cursor.js'
import { walkFast } from './walk-fast.js'
import { ip, ipv4, ipv6, ipv6Extensions, protocol } from './walk-ip.js'
import { ethernet, ethertype, llc } from './walk-link.js'
import { ppp } from './walk-point-to-point.js'
import { gre, mpls } from './walk-tunnel.js'
import { udpTunnel } from './walk-udp-tunnel.js'
import { KIND_OTHER, WalkedPacket } from './walked-packet.js'

/** More than any honest packet needs: an IP packet in a tunnel takes about six. */
const MOST_STEPS = 64

/** Longest packet that anything can be; a damaged file may say more. */
const MOST_WIRE_BYTES = 0x3fffffff

/** What stopped walks, and how many. */
export interface Stopped {
  reason: string
  packets: number
}

/** Walks packet after packet, and allocates nothing for it but where fragments are put together. */
export class PacketWalker {
  /** The packet of the last `walk`. Its bytes are the captured packet's, or those of a reassembled one, until the next. */
  readonly walked = new WalkedPacket()
  /** Verify the checksums of IPv4, TCP and UDP: those of a sending host are often not made yet when it captures. */
  verifyChecksums = false
  private readonly chains = new Encapsulations()
  private readonly cursor = new WalkCursor(this.walked, this.chains, new Fragments())
  private readonly vlans = new Int32Array(4096)
  private readonly stops = new Float64Array(STOP_REASONS.length)
  private readonly unsupported = new Map<number, number>()

  walk(packet: CapturedPacket): WalkedPacket {
    const { walked } = this
    const { data, start } = packet
    const end = Math.min(packet.end, data.byteLength)
    const wireEnd = Math.max(start + Math.min(packet.wireLength, MOST_WIRE_BYTES), end)
    const isEthernet = packet.linkType === LINKTYPE_ETHERNET
    if (isEthernet && !this.verifyChecksums && walkFast(walked, data, start, end, wireEnd, this.vlans)) return walked
    const { cursor } = this
    forget(walked, data, start)
    cursor.data = data
    cursor.at = start
    cursor.end = end
    cursor.wireEnd = wireEnd
    cursor.seconds = packet.seconds
    cursor.verify = this.verifyChecksums
    this.steps(isEthernet ? ethernet(cursor) : this.first(packet.linkType))
    if (isEthernet && walked.encapsulation !== 0) this.learnVlan()
    if (walked.stop !== 0) this.stops[walked.stop]! += 1
    return walked
  }

  /** Layers around the innermost IP packet, outermost first, by `walked.encapsulation`: `vlan 10`, `gre`, `vxlan 42`. */
  encapsulationNames(chain: number): string[] {
    return this.chains.names(chain)
  }

  /** Why a walk stopped, by `walked.stop`; empty where it did not. */
  stopReason(stop: number): string {
    return STOP_REASONS[stop] ?? ''
  }

  /** Why walks stopped, of those that did. */
  stopped(): Stopped[] {
    return STOP_REASONS.map((reason, stop) => ({ reason, packets: this.stops[stop]! })).filter(row => row.packets > 0)
  }

  /** Packets by number of the link types that are not decoded. */
  unsupportedLinkTypes(): ReadonlyMap<number, number> {
    return this.unsupported
  }

  /** So that the next packet of that VLAN is walked fast. */
  private learnVlan(): void {
    const { encapsulation } = this.walked
    const vlan = this.chains.onlyVlan(encapsulation)
    if (vlan > 0) this.vlans[vlan] = encapsulation
  }

  private first(linkType: number): number {
    const walk = LINK_TYPES.get(linkType)?.walk ?? null
    if (walk !== null) return walk(this.cursor)
    this.unsupported.set(linkType, (this.unsupported.get(linkType) ?? 0) + 1)
    return this.cursor.stop(STOP_LINK_TYPE)
  }

  private steps(first: number): void {
    let step = first
    for (let count = 0; step !== STEP_DONE; count++) {
      if (count === MOST_STEPS) {
        this.walked.kind = KIND_OTHER
        this.cursor.stop(STOP_DEPTH)
        return
      }
      step = take(this.cursor, step)
    }
  }
}

function take(cursor: WalkCursor, step: number): number {
  switch (step) {
    case STEP_ETHERTYPE:
      return ethertype(cursor)
    case STEP_IPV4:
      return ipv4(cursor)
    case STEP_PROTOCOL:
      return protocol(cursor)
    case STEP_IPV6:
      return ipv6(cursor)
    case STEP_IPV6_EXTENSIONS:
      return ipv6Extensions(cursor)
    case STEP_IP:
      return ip(cursor)
    case STEP_ETHERNET:
      return ethernet(cursor)
    case STEP_LLC:
      return llc(cursor)
    case STEP_PPP:
      return ppp(cursor)
    case STEP_MPLS:
      return mpls(cursor)
    case STEP_GRE:
      return gre(cursor)
    case STEP_UDP_TUNNEL:
      return udpTunnel(cursor)
    default:
      return STEP_DONE
  }
}

/** What a layer that is not there leaves behind. */
function forget(walked: WalkedPacket, data: DataView, start: number): void {
  walked.kind = KIND_OTHER
  walked.flaws = 0
  walked.stop = 0
  walked.encapsulation = 0
  walked.data = data
  walked.networkStart = start
  walked.protocol = 0
  walked.sourcePort = 0
  walked.destinationPort = 0
  walked.payloadBytes = 0
}
