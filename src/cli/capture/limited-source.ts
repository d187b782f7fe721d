// A source that ends after so many packets.

import type { CaptureFlaw, CaptureInterface, PacketSource } from '../../ports/capture.js'
import type { CapturedPacket } from '../../wire/captured-packet.js'

export class LimitedSource implements PacketSource {
  readonly packet: CapturedPacket
  readonly #source: PacketSource
  #left: number

  constructor(source: PacketSource, count: number) {
    this.packet = source.packet
    this.#source = source
    this.#left = count
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#source.interfaces
  }

  get flaws(): readonly CaptureFlaw[] {
    return this.#source.flaws
  }

  get format(): string | null {
    return this.#source.format
  }

  get timestampSource(): PacketSource['timestampSource'] {
    return this.#source.timestampSource
  }

  get bytesRead(): number {
    return this.#source.bytesRead
  }

  get bytesTotal(): number | null {
    return this.#source.bytesTotal
  }

  next(): boolean {
    if (this.#left === 0 || !this.#source.next()) return false
    this.#left--
    return true
  }

  more(): Promise<boolean> {
    return this.#left === 0 ? Promise.resolve(false) : this.#source.more()
  }

  stop(): void {
    this.#source.stop()
  }

  close(): void {
    this.#source.close()
  }
}
