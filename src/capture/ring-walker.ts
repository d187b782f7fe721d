// Walks a TPACKET_V3 ring: blocks in their order, and the packets in them, without a copy.
//
// The kernel writes a block and hands it over by its status word; it is given back, by the same word, after its last packet was
// used. Offsets in a block are checked: nothing outside of the block is ever taken for a packet.

import { CapturedPacket, WAY_IN, WAY_OUT } from '../wire/captured-packet.js'
import {
  PACKET_OUTGOING,
  SOCKADDR_LL,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  TPACKET_BLOCK_DESC,
  TPACKET3_ADDRESS,
  TPACKET3_HDR,
} from '../wire/packet-ring.js'

const LINKTYPE_ETHERNET = 1
/** LINKTYPE_LINUX_SLL2: its head of 20 bytes is made here, in front of packets that come without a link layer. */
const LINKTYPE_SLL2 = 276
const SLL2_BYTES = 20
/** The two MAC addresses that a tag stands behind. */
const MAC_ADDRESSES = 12
const TAG_BYTES = 4
const ETHERTYPE_VLAN = 0x8100

/** The memory of every packet is preceded by this much that is free (PACKET_RESERVE): for a head and a tag. */
export const RING_RESERVE = 32

const NOTHING = new DataView(new ArrayBuffer(0))

const PACKET = TPACKET3_HDR.offset
const BLOCK = TPACKET_BLOCK_DESC.offset
const HEAD_BYTES = TPACKET3_ADDRESS + SOCKADDR_LL.size
const PROTOCOL_AT = TPACKET3_ADDRESS + SOCKADDR_LL.offset.protocol
const IFINDEX_AT = TPACKET3_ADDRESS + SOCKADDR_LL.offset.ifindex
const HATYPE_AT = TPACKET3_ADDRESS + SOCKADDR_LL.offset.hatype
const PKTTYPE_AT = TPACKET3_ADDRESS + SOCKADDR_LL.offset.pkttype
const HALEN_AT = TPACKET3_ADDRESS + SOCKADDR_LL.offset.halen
const ADDRESS_AT = TPACKET3_ADDRESS + SOCKADDR_LL.offset.address

export interface RingShape {
  /** A multiple of the page size. */
  blockBytes: number
  blockCount: number
  /** LINKTYPE_ number of what is delivered: 276 when the socket is one of cooked packets (SOCK_DGRAM). */
  linkType: number
  /** Longest part of a packet that is delivered, in bytes. */
  snapLength: number
}

export class RingWalker {
  readonly packet = new CapturedPacket()
  /** Blocks whose offsets made no sense; what was left of them was not read. */
  damagedBlocks = 0
  private readonly data: DataView
  private readonly words: Int32Array
  private readonly shape: RingShape
  private readonly cooked: boolean
  private block = 0
  /** Whether the current block is ours. */
  private held = false
  private blockEnd = 0
  private at = 0
  private left = 0

  constructor(memory: ArrayBuffer, shape: RingShape) {
    this.data = new DataView(memory, 0, shape.blockBytes * shape.blockCount)
    this.words = new Int32Array(memory, 0, (shape.blockBytes * shape.blockCount) >> 2)
    this.shape = shape
    this.cooked = shape.linkType === LINKTYPE_SLL2
    this.packet.data = this.data
    this.packet.linkType = shape.linkType
  }

  /** Takes the next block over; false when the kernel has not finished it. The one before must have been released. */
  take(): boolean {
    if (this.held) return true
    const start = this.block * this.shape.blockBytes
    if ((Atomics.load(this.words, (start + BLOCK.status) >> 2) & TP_STATUS_USER) === 0) return false
    const { data } = this
    this.held = true
    this.blockEnd = start + this.shape.blockBytes
    this.left = data.getUint32(start + BLOCK.packets, true)
    this.at = start + data.getUint32(start + BLOCK.firstPacket, true)
    return true
  }

  /** Gives the block back when all of its packets were used. The bytes of the last packet are the kernel's then. */
  release(): void {
    if (!this.held || this.left > 0) return
    const start = this.block * this.shape.blockBytes
    this.held = false
    this.block = this.block + 1 === this.shape.blockCount ? 0 : this.block + 1
    // A sequentially consistent store: nothing that was read before it can be read after it.
    Atomics.store(this.words, (start + BLOCK.status) >> 2, TP_STATUS_KERNEL)
  }

  /** Nothing is taken or given back any more: the memory may be gone. */
  abandon(): void {
    this.left = 0
    this.held = true
    this.packet.data = NOTHING
    this.packet.start = 0
    this.packet.end = 0
  }

  /** Moves `packet` to the next one of the block; false at its end. */
  next(): boolean {
    const { data, packet } = this
    if (this.left > 0) {
      const { at, blockEnd } = this
      if (at + HEAD_BYTES > blockEnd) return this.damaged()
      const start = at + data.getUint16(at + PACKET.linkOffset, true)
      const captured = data.getUint32(at + PACKET.capturedLength, true)
      if (start < at + HEAD_BYTES || start + captured > blockEnd) return this.damaged()
      const next = data.getUint32(at + PACKET.nextOffset, true)
      this.left--
      if (this.left > 0) {
        if (next < HEAD_BYTES) return this.damaged()
        this.at = at + next
      }
      const outgoing = data.getUint8(at + PKTTYPE_AT) === PACKET_OUTGOING
      packet.start = start
      packet.end = start + captured
      packet.wireLength = Math.max(data.getUint32(at + PACKET.wireLength, true), captured)
      packet.seconds = data.getUint32(at + PACKET.seconds, true)
      packet.nanoseconds = data.getUint32(at + PACKET.nanoseconds, true)
      packet.way = outgoing ? WAY_OUT : WAY_IN
      if (this.cooked) this.cook(at)
      else if ((data.getUint32(at + PACKET.status, true) & TP_STATUS_VLAN_VALID) !== 0) this.tagEthernet(at)
      const longest = packet.start + this.shape.snapLength
      if (packet.end > longest) packet.end = longest
      return true
    }
    return false
  }

  /** Leaves the rest of the block alone. */
  private damaged(): boolean {
    this.damagedBlocks++
    this.left = 0
    return false
  }

  private tagProtocol(at: number): number {
    const known = (this.data.getUint32(at + PACKET.status, true) & TP_STATUS_VLAN_TPID_VALID) !== 0
    return known ? this.data.getUint16(at + PACKET.vlanTpid, true) : ETHERTYPE_VLAN
  }

  /** Puts the tag that the interface took out back behind the addresses (IEEE 802.1Q 9.3). */
  private tagEthernet(at: number): void {
    const { data, packet } = this
    if (this.shape.linkType !== LINKTYPE_ETHERNET) return
    if (packet.end - packet.start < MAC_ADDRESSES || packet.start - TAG_BYTES < at + HEAD_BYTES) return
    const start = packet.start - TAG_BYTES
    for (let offset = 0; offset < MAC_ADDRESSES; offset += 4)
      data.setUint32(start + offset, data.getUint32(packet.start + offset))
    data.setUint16(start + MAC_ADDRESSES, this.tagProtocol(at))
    data.setUint16(start + MAC_ADDRESSES + 2, data.getUint32(at + PACKET.vlanTci, true))
    packet.start = start
    packet.wireLength += TAG_BYTES
  }

  /** Writes the LINUX_SLL2 head in front of the packet, and a tag between the two. */
  private cook(at: number): void {
    const { data, packet } = this
    const tagged = (data.getUint32(at + PACKET.status, true) & TP_STATUS_VLAN_VALID) !== 0
    const head = packet.start - SLL2_BYTES - (tagged ? TAG_BYTES : 0)
    // Without its head a packet of this link type means nothing.
    if (head < at + HEAD_BYTES) {
      packet.end = packet.start
      return
    }
    const protocol = data.getUint16(at + PROTOCOL_AT)
    if (tagged) {
      data.setUint16(packet.start - 4, data.getUint32(at + PACKET.vlanTci, true))
      data.setUint16(packet.start - 2, protocol)
    }
    data.setUint16(head, tagged ? this.tagProtocol(at) : protocol)
    data.setUint16(head + 2, 0)
    data.setUint32(head + 4, data.getUint32(at + IFINDEX_AT, true))
    data.setUint16(head + 8, data.getUint16(at + HATYPE_AT, true))
    data.setUint8(head + 10, data.getUint8(at + PKTTYPE_AT))
    data.setUint8(head + 11, data.getUint8(at + HALEN_AT))
    data.setUint32(head + 12, data.getUint32(at + ADDRESS_AT))
    data.setUint32(head + 16, data.getUint32(at + ADDRESS_AT + 4))
    packet.wireLength += packet.start - head
    packet.start = head
  }
}
