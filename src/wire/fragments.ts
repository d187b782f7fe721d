// Puts the fragments of IPv4 and IPv6 packets together again: a bounded number of bytes, packets and seconds.

import type { WalkCursor } from './walk-cursor.js'
import { FLAW_MALFORMED } from './walked-packet.js'

/** What all unfinished packets may take, and how many there may be (Linux net.ipv4.ipfrag_high_thresh: 4 MiB). */
const MOST_BYTES = 4 * 1024 * 1024
const MOST_PACKETS = 512
/** Of capture time, between the first fragment and any other (Linux net.ipv4.ipfrag_time). */
const MOST_SECONDS = 30
const MOST_PAYLOAD = 65_535
const LEAST_CAPACITY = 4096
/** RFC 791 section 3.2: fragments begin at multiples of it. */
const UNIT = 8

/** Family, identification, protocol, chain of layers around it, and both addresses. */
const KEY_WORDS = 12

class Unfinished {
  readonly key = new Int32Array(KEY_WORDS)
  /** Units that are there, a bit each. */
  readonly units = new Int32Array(Math.ceil((MOST_PAYLOAD + 1) / UNIT / 32))
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  unitsThere = 0
  /** Bytes of the whole; -1 until its last fragment came. */
  total = -1
  /** End of the furthest fragment that came. */
  furthest = 0
  /** Number of the first fragment's protocol. */
  protocol = 0
  seconds = 0
  order = 0
  overlapped = false
}

/** Unfinished packets. Whatever was completed last is lent until the next one is. */
export class Fragments {
  /** The completed packet's payload, of `length` bytes, and what is known of it. */
  data: DataView = new DataView(new ArrayBuffer(0))
  length = 0
  protocol = 0
  overlapped = false
  private readonly packets: Unfinished[] = []
  private count = 0
  private readonly key = new Int32Array(KEY_WORDS)
  /** Buffers not in use, by doublings of the least capacity. */
  private readonly spare: Uint8Array<ArrayBuffer>[][] = [[], [], [], [], []]
  private lent: Uint8Array<ArrayBuffer> | null = null
  private capacity = 0
  private orders = 0

  /** Takes the fragment that the cursor is at. True when it completes its packet, which `data` is then. */
  add(cursor: WalkCursor, id: number, offset: number, more: boolean): boolean {
    const length = cursor.end - cursor.at
    const end = offset + length
    if (length === 0 || end > MOST_PAYLOAD || (more && length % UNIT !== 0)) {
      cursor.walked.flaws |= FLAW_MALFORMED
      return false
    }
    const packet = this.find(cursor, id)
    if (packet.total >= 0 ? end > packet.total || (!more && end !== packet.total) : !more && end < packet.furthest) {
      cursor.walked.flaws |= FLAW_MALFORMED
      return false
    }
    if (offset === 0) packet.protocol = cursor.type
    this.reserve(packet, end)
    this.copy(cursor, packet, offset, end)
    if (!more) packet.total = end
    if (end > packet.furthest) packet.furthest = end
    if (packet.total < 0 || packet.unitsThere < Math.ceil(packet.total / UNIT)) return false
    this.lend(packet)
    this.remove(this.packets.indexOf(packet))
    return true
  }

  /** The unfinished packet that the fragment belongs to, a new one where there is none. */
  private find(cursor: WalkCursor, id: number): Unfinished {
    const { key, packets } = this
    const { walked, seconds } = cursor
    key[0] = walked.family
    key[1] = id
    // RFC 8200 section 4.5: the fragments of one packet may name different headers.
    key[2] = walked.family === 4 ? cursor.type : 0
    key[3] = walked.encapsulation
    key[4] = walked.source0
    key[5] = walked.source1
    key[6] = walked.source2
    key[7] = walked.source3
    key[8] = walked.destination0
    key[9] = walked.destination1
    key[10] = walked.destination2
    key[11] = walked.destination3
    for (let at = 0; at < this.count; at++) {
      const packet = packets[at]!
      if (packet.key[1] !== id || !same(packet.key, key)) continue
      if (Math.abs(seconds - packet.seconds) <= MOST_SECONDS) return packet
      this.remove(at)
      break
    }
    if (this.count === MOST_PACKETS) this.remove(this.oldest(null))
    const at = this.count++
    if (at === packets.length) packets.push(new Unfinished())
    const packet = packets[at]!
    packet.key.set(key)
    packet.units.fill(0)
    packet.unitsThere = 0
    packet.total = -1
    packet.furthest = 0
    packet.protocol = 0
    packet.seconds = seconds
    packet.order = this.orders++
    packet.overlapped = false
    return packet
  }

  /** Room for `bytes`, taken from the oldest packets when there is too little. */
  private reserve(packet: Unfinished, bytes: number): void {
    if (bytes <= packet.bytes.length) return
    let doublings = 0
    while (LEAST_CAPACITY << doublings < bytes) doublings++
    const wanted = LEAST_CAPACITY << doublings
    let room = this.spare[doublings]!.pop()
    while (room === undefined && this.capacity + wanted > MOST_BYTES) {
      this.makeRoom(packet)
      room = this.spare[doublings]!.pop()
    }
    if (room === undefined) {
      room = new Uint8Array(wanted)
      this.capacity += wanted
    }
    room.set(packet.bytes)
    this.giveBack(packet.bytes)
    packet.bytes = room
  }

  private makeRoom(forPacket: Unfinished): void {
    for (const buffers of this.spare) {
      const buffer = buffers.pop()
      if (buffer === undefined) continue
      this.capacity -= buffer.length
      return
    }
    this.remove(this.oldest(forPacket))
  }

  private oldest(butNot: Unfinished | null): number {
    let oldest = -1
    for (let at = 0; at < this.count; at++) {
      const packet = this.packets[at]!
      if (packet === butNot || packet.bytes.length === 0) continue
      if (oldest < 0 || packet.order < this.packets[oldest]!.order) oldest = at
    }
    return oldest
  }

  private copy(cursor: WalkCursor, packet: Unfinished, offset: number, end: number): void {
    const { data } = cursor
    const { bytes, units } = packet
    for (let to = offset; to < end; to += UNIT) {
      const unit = to / UNIT
      const from = cursor.at + to - offset
      const length = Math.min(UNIT, end - to)
      const bit = 1 << (unit & 31)
      const isThere = (units[unit >> 5]! & bit) !== 0
      if (!isThere) {
        units[unit >> 5]! |= bit
        packet.unitsThere++
      }
      for (let index = 0; index < length; index++) {
        const byte = data.getUint8(from + index)
        if (!isThere) bytes[to + index] = byte
        // The same bytes again are a copy (of the capture, of the network), not another story.
        else if (bytes[to + index] !== byte) packet.overlapped = true
      }
    }
  }

  private lend(packet: Unfinished): void {
    const { bytes } = packet
    if (this.lent !== null) this.giveBack(this.lent)
    this.lent = bytes
    packet.bytes = EMPTY
    this.data = new DataView(bytes.buffer)
    this.length = packet.total
    this.protocol = packet.protocol
    this.overlapped = packet.overlapped
  }

  private giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length > 0) this.spare[Math.log2(bytes.length / LEAST_CAPACITY)]!.push(bytes)
  }

  private remove(at: number): void {
    const packet = this.packets[at]!
    this.giveBack(packet.bytes)
    packet.bytes = EMPTY
    this.count--
    this.packets[at] = this.packets[this.count]!
    this.packets[this.count] = packet
  }
}

const EMPTY = new Uint8Array(0)

function same(left: Int32Array, right: Int32Array): boolean {
  for (let at = 0; at < KEY_WORDS; at++) if (left[at] !== right[at]) return false
  return true
}
