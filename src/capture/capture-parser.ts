// What the parsers of capture files have in common: a window of bytes that moves over the file, and the record they move over it.

import type { CaptureInterface } from '../ports/capture.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { FlawList } from './flaws.js'

const EMPTY_VIEW: DataView = new DataView(new ArrayBuffer(0))

/** Pushed bytes in, packets out; it allocates nothing while a window lasts. */
export abstract class CaptureParser {
  readonly packet: CapturedPacket
  readonly interfaces: CaptureInterface[] = []
  readonly flaws = new FlawList()
  /** A fatal flaw was met: nothing behind it can be read. */
  ended = false
  /** Up to here the window was read; what follows belongs into the next window too. */
  at = 0
  protected view = EMPTY_VIEW
  protected limit = 0
  /** Offset in the file of byte 0 of the window; less than 0 when the window begins with room. */
  private base = 0

  constructor(packet: CapturedPacket) {
    this.packet = packet
  }

  abstract readonly format: 'pcap' | 'pcapng'

  /** Moves `packet` to the next packet that is wholly in the window. */
  abstract next(): boolean

  /** What a half record at the end is called: `packet 12`, `a block of type 6`. */
  protected abstract halfRecord(): string

  /** The next bytes: `start`..`end` of `view`. They begin with what the last window left, from its `at` on. */
  window(view: DataView, start: number, end: number): void {
    this.base += this.at - start
    this.view = view
    this.packet.data = view
    this.at = start
    this.limit = this.ended ? start : end
  }

  /** Bytes at hand that were not read: the beginning of a record whose rest is behind the window. */
  get rest(): number {
    return this.limit - this.at
  }

  /** The file ended: a record that is not whole is a flaw. */
  finish(): void {
    if (this.rest > 0)
      this.fail(`the file ends in the middle of ${this.halfRecord()}: only ${this.rest} bytes of it are there`)
  }

  /** Nothing behind this can be read. */
  protected fail(message: string): false {
    this.flaws.add(message, this.base + this.at, true)
    this.ended = true
    this.limit = this.at
    return false
  }

  /** Something at `at` of the window is wrong; what follows can be read. */
  protected complain(message: string, at: number): void {
    this.flaws.add(message, this.base + at, false)
  }
}
