// What a capture can and cannot say: counted while its packets pass, read when it is shown.

import type { CapturedPacket } from '../wire/captured-packet.js'
import type { Stopped } from '../wire/packet-walker.js'

/** Packets by what they were. */
export interface PacketKinds {
  tcp: number
  udp: number
  icmp: number
  icmpErrors: number
  arp: number
  fragments: number
  other: number
}

export interface CaptureQuality {
  packets: number
  /** Length on the wire. */
  bytes: number
  capturedBytes: number
  kinds: PacketKinds
  /** Packets of which only a part was captured. */
  cutPackets: number
  /** TCP packets that the capture holds twice. */
  duplicates: number
  /** How often the clock went back from one packet to the next, and the largest step. */
  clockSteps: number
  largestClockStepNs: number
  packetsWithoutTime: number
  /** TCP segments larger than the receiver takes, or than a jumbo frame: made by offload, they were never on the wire. */
  giants: number
  badChecksums: number
  malformed: number
  /** TCP flows of which one direction was captured, though there is more than an attempt to open. */
  oneSidedFlows: number
  tcpFlows: number
  udpFlows: number
  /** Holes that were never filled, in all TCP flows. */
  gaps: number
  /** ICMP errors about flows that are not in the capture, or are forgotten. */
  strayIcmpErrors: number
  /** Flows that ended because the table was full, or because they were silent. */
  evictedFlows: number
  idleFlows: number
  stops: Stopped[]
  unsupportedLinkTypes: { linkType: number; packets: number }[]
}

const KINDS = 7

/** Counts that the tracker moves with each packet. */
export class QualityCounts {
  /** By KIND_ number of a walked packet. */
  readonly kinds = new Float64Array(KINDS)
  packets = 0
  bytes = -0
  capturedBytes = -0
  cutPackets = 0
  duplicates = 0
  clockSteps = 0
  largestClockStepNs = -0
  packetsWithoutTime = 0
  giants = 0
  badChecksums = 0
  malformed = 0
  oneSidedFlows = 0
  tcpFlows = 0
  udpFlows = 0
  gaps = 0
  strayIcmpErrors = 0
  evictedFlows = 0
  idleFlows = 0

  count(packet: CapturedPacket): void {
    const captured = packet.end - packet.start
    this.packets++
    this.bytes += packet.wireLength
    this.capturedBytes += captured
    if (captured < packet.wireLength) this.cutPackets++
  }

  /** The clock went back by so much. */
  stepBack(stepNs: number): void {
    this.clockSteps++
    if (stepNs > this.largestClockStepNs) this.largestClockStepNs = stepNs
  }

  read(stops: Stopped[], unsupported: ReadonlyMap<number, number>): CaptureQuality {
    const { kinds, ...counts } = this
    return {
      ...counts,
      kinds: {
        tcp: kinds[1]!,
        udp: kinds[2]!,
        icmp: kinds[3]!,
        icmpErrors: kinds[4]!,
        arp: kinds[5]!,
        fragments: kinds[6]!,
        other: kinds[0]!,
      },
      stops,
      unsupportedLinkTypes: [...unsupported].map(([linkType, packets]) => ({ linkType, packets })),
    }
  }
}
