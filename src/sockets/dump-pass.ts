// One complete answer to a dump, kept: what two passes are compared by.

import { walkMessages } from '../netlink/message.js'
import type { DatagramBatch } from '../ports/netlink.js'
import type { Decode, DumpOutcome, DumpRequest, Visit } from './dump.js'
import { type SocketRecord, UNKNOWN } from './record.js'

/** TIPC sockets may come without one; nothing tells two of them apart. */
export function hasCookie(record: SocketRecord): boolean {
  return record.cookieLow !== UNKNOWN || record.cookieHigh !== UNKNOWN
}

/** One complete answer, copied, with the identity of each socket in it. */
export class Pass {
  readonly data: DataView
  readonly starts: number[] = []
  readonly ends: number[] = []
  readonly keys = new Map<string, number>()
  duplicates = 0

  constructor(batch: DatagramBatch, decode: Decode, record: SocketRecord) {
    let size = 0
    for (let index = 0; index < batch.count; index++) size += batch.length(index)
    const bytes = new Uint8Array(size)
    this.data = new DataView(bytes.buffer)
    let at = 0
    for (let index = 0; index < batch.count; index++) {
      const start = batch.start(index)
      const length = batch.length(index)
      bytes.set(batch.bytes.subarray(start, start + length), at)
      walkMessages(this.data, at, at + length, (_type, from, to) => this.add(decode, record, from, to))
      at += length
    }
  }

  private add(decode: Decode, record: SocketRecord, start: number, end: number): void {
    const readable = decode(this.data, start, end, record)
    const key =
      readable && hasCookie(record) ? `${record.cookieHigh}:${record.cookieLow}` : `message ${this.starts.length}`
    if (this.keys.has(key)) {
      this.duplicates++
      return
    }
    this.keys.set(key, this.starts.length)
    this.starts.push(start)
    this.ends.push(end)
  }

  /** Hands out every socket, family by family where the request says so. */
  emitAll({ decode, families }: DumpRequest, record: SocketRecord, outcome: DumpOutcome, visit: Visit): void {
    const known = families ?? []
    // What is of none of them comes last.
    for (let turn = 0; turn <= known.length; turn++) {
      for (let row = 0; row < this.starts.length; row++) {
        const found = known.indexOf(this.familyOf(row))
        if ((found < 0 ? known.length : found) === turn) this.emit(row, decode, record, outcome, visit)
      }
    }
  }

  /** Every sock_diag message begins with its family; a damaged one may have nothing at all. */
  private familyOf(row: number): number {
    const start = this.starts[row]!
    return start < this.ends[row]! ? this.data.getUint8(start) : -1
  }

  /** Hands out the socket with index `row`. */
  emit(row: number, decode: Decode, record: SocketRecord, outcome: DumpOutcome, visit: Visit): void {
    const start = this.starts[row]!
    const end = this.ends[row]!
    if (!decode(this.data, start, end, record)) {
      outcome.damaged++
      return
    }
    record.messageStart = start
    record.messageEnd = end
    visit(record)
  }

  sameAs(other: Pass): boolean {
    if (this.keys.size !== other.keys.size) return false
    for (const key of this.keys.keys()) if (!other.keys.has(key)) return false
    return true
  }
}
