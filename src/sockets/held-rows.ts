// Sockets set aside until something about them is known (holders, the other end of a unix socket), as compact bytes.

import type { Decode, Visit } from './dump.js'
import type { SocketRecord } from './record.js'

const CHUNK = 1 << 20

/**
 * Rows in the order in which they were added. A row from netlink is kept as its message (about 124 bytes) and decoded
 * again when it is handed out; a row without a message is kept as a copy of the record.
 */
export class HeldRows {
  private chunks: DataView[] = []
  private bytesOf: Uint8Array[] = []
  private room = 0
  /** Where the last row came from: usually the buffer of the next one too. */
  private from: DataView | null = null
  private fromBytes: Uint8Array = new Uint8Array(0)
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
      this.copies.push(record.copy())
      this.bytes += 512
      return
    }
    const length = record.messageEnd - record.messageStart
    this.reserve(length)
    const chunk = this.bytesOf[this.bytesOf.length - 1]!
    const start = chunk.length - this.room
    copyBytes(this.bytesFrom(record.data), record.messageStart, chunk, start, length)
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
    this.bytesOf = []
    this.from = null
    this.copies = []
    this.room = 0
    this.count = 0
    this.bytes = 0
  }

  /** Makes room for a row in the last chunk. */
  private reserve(length: number): void {
    const padded = (length + 3) & ~3
    if (padded <= this.room) return
    const size = Math.max(CHUNK, padded)
    const bytes = new Uint8Array(size)
    this.bytesOf.push(bytes)
    this.chunks.push(new DataView(bytes.buffer))
    this.room = size
  }

  private bytesFrom(data: DataView): Uint8Array {
    if (data !== this.from) {
      this.from = data
      this.fromBytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    }
    return this.fromBytes
  }

  private decoderIndex(decode: Decode): number {
    const known = this.decoders.indexOf(decode)
    if (known >= 0) return known
    this.decoders.push(decode)
    return this.decoders.length - 1
  }
}

/** For a message of some hundred bytes a loop is quicker than the view that `set` would need. */
function copyBytes(from: Uint8Array, at: number, to: Uint8Array, start: number, length: number): void {
  for (let index = 0; index < length; index++) to[start + index] = from[at + index]!
}
