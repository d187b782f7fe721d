// Sockets set aside until something about them is known (holders, the other end of a unix socket), as compact bytes.

import type { Decode, Visit } from './dump.js'
import { SocketRecord } from './record.js'

const CHUNK = 1 << 20

/**
 * Rows in the order in which they were added. A row from netlink is kept as its message (about 124 bytes) and decoded
 * again when it is handed out; a row without a message is kept as a copy of the record.
 */
export class HeldRows {
  private chunks: DataView[] = []
  private room = 0
  /** Per row: decoder index, netns, chunk, start, end; a copied record has decoder -1 and its index in `copies`. */
  private table = new Int32Array(5 * 1024)
  private decoders: Decode[] = []
  private copies: SocketRecord[] = []
  count = 0
  /** Bytes held. */
  bytes = 0

  add(record: SocketRecord, decode: Decode): void {
    if ((this.count + 1) * 5 > this.table.length) {
      const larger = new Int32Array(this.table.length * 2)
      larger.set(this.table)
      this.table = larger
    }
    const row = this.count++ * 5
    this.table[row + 1] = record.netns
    if (record.messageEnd === 0) {
      this.table[row] = -1
      this.table[row + 2] = this.copies.length
      this.copies.push(Object.assign(new SocketRecord(), record))
      this.bytes += 512
      return
    }
    const length = record.messageEnd - record.messageStart
    const chunk = this.reserve(length)
    const start = chunk.byteLength - this.room
    new Uint8Array(chunk.buffer).set(
      new Uint8Array(record.data.buffer, record.data.byteOffset + record.messageStart, length),
      start,
    )
    this.room -= (length + 3) & ~3
    this.table[row] = this.decoderIndex(decode)
    this.table[row + 2] = this.chunks.length - 1
    this.table[row + 3] = start
    this.table[row + 4] = start + length
    this.bytes += length
  }

  /** Hands out every row again, through `record`. */
  visit(record: SocketRecord, visit: Visit): void {
    for (let index = 0; index < this.count; index++) {
      const row = index * 5
      const decoder = this.table[row]!
      if (decoder < 0) {
        visit(this.copies[this.table[row + 2]!]!)
        continue
      }
      const chunk = this.chunks[this.table[row + 2]!]!
      const start = this.table[row + 3]!
      const end = this.table[row + 4]!
      record.clearParts()
      if (!this.decoders[decoder]!(chunk, start, end, record)) continue
      record.netns = this.table[row + 1]!
      record.messageStart = start
      record.messageEnd = end
      visit(record)
    }
  }

  clear(): void {
    this.chunks = []
    this.copies = []
    this.room = 0
    this.count = 0
    this.bytes = 0
  }

  private reserve(length: number): DataView {
    const padded = (length + 3) & ~3
    if (padded > this.room) {
      const size = Math.max(CHUNK, padded)
      this.chunks.push(new DataView(new ArrayBuffer(size)))
      this.room = size
    }
    return this.chunks[this.chunks.length - 1]!
  }

  private decoderIndex(decode: Decode): number {
    const known = this.decoders.indexOf(decode)
    if (known >= 0) return known
    this.decoders.push(decode)
    return this.decoders.length - 1
  }
}
