// Options of a TCP segment: what a SYN offers, time stamps, and what was received out of order.

import { TCP } from './tcp.js'

/** IANA "TCP Option Kind Numbers": RFC 9293 section 3.2, RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2. */
const END = 0
const NOP = 1
const MSS = 2
const WINDOW_SCALE = 3
const SACK_PERMITTED = 4
const SACK = 5
const TIMESTAMPS = 8

/** RFC 7323 section 2.3: a greater shift counts as this one. */
const MOST_SHIFT = 14

/** Options of one segment. `move` reads what is there of them: a capture may have cut the rest. */
export class TcpOptionsView {
  /** Largest segment it can take; -1 when it does not say. */
  mss = -1
  /** Shift of its windows, at most 14; -1 when it offers none. */
  windowScale = -1
  sackPermitted = false
  hasTimestamps = false
  /** Unsigned 32 bits; they mean nothing without `hasTimestamps`. */
  timestampValue = 0
  timestampEcho = 0
  /** First block of a selective acknowledgment: the one that the segment before caused (RFC 2018 section 4). Equal when there is none. */
  sackStart = 0
  sackEnd = 0

  /** Reads the segment whose header begins at `start`, as far as it lies before `end`. */
  move(data: DataView, start: number, end: number): void {
    this.mss = -1
    this.windowScale = -1
    this.sackPermitted = false
    this.hasTimestamps = false
    this.sackStart = 0
    this.sackEnd = 0
    if (start < 0 || end > data.byteLength || end - start < TCP.size) return
    const stop = Math.min(start + (data.getUint8(start + TCP.offset.dataOffset) >> 4) * 4, end)
    for (let at = start + TCP.size; at < stop; ) {
      const kind = data.getUint8(at)
      if (kind === END) return
      if (kind === NOP) {
        at++
        continue
      }
      if (stop - at < 2) return
      const length = data.getUint8(at + 1)
      if (length < 2 || length > stop - at) return
      this.read(data, kind, at, length)
      at += length
    }
  }

  /** An option of another length than its own is not that option. */
  private read(data: DataView, kind: number, at: number, length: number): void {
    if (kind === MSS && length === 4) {
      this.mss = data.getUint16(at + 2)
    } else if (kind === WINDOW_SCALE && length === 3) {
      this.windowScale = Math.min(data.getUint8(at + 2), MOST_SHIFT)
    } else if (kind === SACK_PERMITTED && length === 2) {
      this.sackPermitted = true
    } else if (kind === TIMESTAMPS && length === 10) {
      this.hasTimestamps = true
      this.timestampValue = data.getUint32(at + 2)
      this.timestampEcho = data.getUint32(at + 6)
    } else if (kind === SACK && length >= 10 && length % 8 === 2) {
      this.sackStart = data.getUint32(at + 2)
      this.sackEnd = data.getUint32(at + 6)
    }
  }
}
