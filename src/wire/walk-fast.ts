// The walk that most packets of a capture take: Ethernet, at most one VLAN tag, IPv4 without options or fragments, a whole TCP header.

import { IPPROTO_TCP, IPV4 } from './ipv4.js'
import { TCP } from './tcp.js'
import { ETH_P_8021Q, ETH_P_IP, ETHERNET, VLAN_TAG } from './walk-link.js'
import { FLAW_TRUNCATED, KIND_TCP, type WalkedPacket } from './walked-packet.js'

const VERSION_4_NO_OPTIONS = 0x45
const DONT_FRAGMENT = 0x4000
const MORE_OR_OFFSET = 0x3fff
const NO_VLAN = 0
const { size: IP_BYTES, offset: IP } = IPV4
const { size: TCP_BYTES, offset: SEGMENT } = TCP

/**
 * Reads the Ethernet frame at `start`..`end`, all of it at `start`..`wireEnd` on the wire. `vlans` are chains of one VLAN by its
 * identifier, 0 where it was not met yet. False, and nothing changed, when anything
 * in it is not as usual: the walk from layer to layer answers the same for every packet, and takes longer.
 */
export function walkFast(
  walked: WalkedPacket,
  data: DataView,
  start: number,
  end: number,
  wireEnd: number,
  vlans: Int32Array,
): boolean {
  let at = start + ETHERNET.size
  if (end - at < IP_BYTES + TCP_BYTES) return false
  let type = data.getUint16(start + ETHERNET.offset.type)
  let chain = NO_VLAN
  if (type === ETH_P_8021Q) {
    chain = vlans[data.getUint16(at + VLAN_TAG.offset.control) & 0xfff]!
    if (chain === NO_VLAN) return false
    type = data.getUint16(at + VLAN_TAG.offset.type)
    at += VLAN_TAG.size
    if (end - at < IP_BYTES + TCP_BYTES) return false
  }
  // Neighbours are read together: 32 bits cost as much as 8.
  const versionToLength = data.getInt32(at)
  if (type !== ETH_P_IP || versionToLength >>> 24 !== VERSION_4_NO_OPTIONS) return false
  const identificationAndFragment = data.getInt32(at + IP.identification)
  const ttlAndProtocol = data.getUint16(at + IP.ttl)
  if ((identificationAndFragment & MORE_OR_OFFSET) !== 0 || (ttlAndProtocol & 0xff) !== IPPROTO_TCP) return false
  const segment = at + IP_BYTES
  const offsetToWindow = data.getInt32(segment + SEGMENT.dataOffset)
  const headerBytes = (offsetToWindow >>> 28) * 4
  const packetEnd = at + (versionToLength & 0xffff)
  const payloadBytes = packetEnd - segment - headerBytes
  if (packetEnd > wireEnd || headerBytes < TCP_BYTES || payloadBytes < 0) return false
  const capturedEnd = packetEnd < end ? packetEnd : end
  const payloadStart = segment + headerBytes
  walked.kind = KIND_TCP
  walked.flaws = capturedEnd < packetEnd ? FLAW_TRUNCATED : 0
  walked.stop = 0
  walked.encapsulation = chain
  if (walked.data !== data) walked.data = data
  walked.family = 4
  walked.source0 = 0
  walked.source1 = 0
  walked.source2 = 0xffff
  walked.source3 = data.getInt32(at + IP.source)
  walked.destination0 = 0
  walked.destination1 = 0
  walked.destination2 = 0xffff
  walked.destination3 = data.getInt32(at + IP.destination)
  walked.protocol = IPPROTO_TCP
  walked.networkStart = at
  walked.ttl = ttlAndProtocol >> 8
  walked.identification = identificationAndFragment >>> 16
  walked.dontFragment = (identificationAndFragment & DONT_FRAGMENT) !== 0
  const ports = data.getInt32(segment + SEGMENT.sourcePort)
  walked.sourcePort = ports >>> 16
  walked.destinationPort = ports & 0xffff
  walked.sequenceWord = data.getInt32(segment + SEGMENT.sequence)
  walked.acknowledgmentWord = data.getInt32(segment + SEGMENT.acknowledgment)
  walked.flags = (offsetToWindow >>> 16) & 0x1ff
  walked.window = offsetToWindow & 0xffff
  walked.checksum = data.getUint16(segment + SEGMENT.checksum)
  walked.tcpHeaderBytes = headerBytes
  walked.transportStart = segment
  walked.transportEnd = capturedEnd
  walked.payloadStart = payloadStart < capturedEnd ? payloadStart : capturedEnd
  walked.payloadBytes = payloadBytes
  return true
}
