// Writes pcapng: one interface description for each interface that packets came from, times in nanoseconds, drops at the end.

import type { CaptureInterface } from '../ports/capture.js'
import { type CapturedPacket, WAY_UNKNOWN } from '../wire/captured-packet.js'
import type { CaptureBuffer } from './capture-buffer.js'
import type { CaptureWriter } from './capture-writer.js'
import * as NG from './pcapng.js'

const NS = 1_000_000_000
const TWO_16 = 0x10000
/** if_tsresol: nanoseconds. */
const NANOSECONDS = 9
/** A section whose length is not known when it begins. */
const UNKNOWN_LENGTH = 0xffffffff
/** The longest value of an option that can be padded and still counted by 16 bits. */
const MAX_OPTION = 65_532
/** epb_flags and the end of the options. */
const FLAGS_BYTES = 12

export class PcapngWriter implements CaptureWriter {
  readonly #out: CaptureBuffer
  readonly #interfaces: readonly CaptureInterface[]
  readonly #application: string
  /** Numbers in this file by number in the source; -1 for those not met in it yet. */
  #numbers = new Int32Array(0)
  #written = 0
  #seconds = 0
  #nanoseconds = 0

  /** @param interfaces of the source of the packets: it may grow while they are written */
  constructor(out: CaptureBuffer, interfaces: readonly CaptureInterface[], application: string) {
    this.#out = out
    this.#interfaces = interfaces
    this.#application = application
  }

  head(): void {
    this.#numbers.fill(-1)
    this.#written = 0
    const out = this.#out
    const at = out.reserve(NG.SECTION.size)
    const { offset } = NG.SECTION
    out.view.setUint32(at + offset.byteOrder, NG.BYTE_ORDER_MAGIC, true)
    out.view.setUint16(at + offset.major, 1, true)
    out.view.setUint16(at + offset.minor, 0, true)
    out.view.setUint32(at + offset.sectionLength, UNKNOWN_LENGTH, true)
    out.view.setUint32(at + offset.sectionLength + 4, UNKNOWN_LENGTH, true)
    this.#option(NG.SHB_USERAPPL, new TextEncoder().encode(this.#application))
    this.#endOptions()
    this.#endBlock(NG.BLOCK_SECTION, at)
  }

  packet(packet: CapturedPacket): void {
    const id = packet.interfaceId
    const number = id < this.#numbers.length ? this.#numbers[id]! : -1
    const known = number >= 0 ? number : this.#describe(id, packet.linkType)
    const captured = packet.end - packet.start
    if (packet.timeKnown || known !== 0 || captured < packet.wireLength) this.#enhanced(packet, known, captured)
    else this.#simple(packet, captured)
  }

  #enhanced(packet: CapturedPacket, number: number, captured: number): void {
    const out = this.#out
    const at = out.reserve(NG.ENHANCED.size)
    const { offset } = NG.ENHANCED
    out.view.setUint32(at + offset.interface, number, true)
    this.#putTime(at + offset.timeHigh, packet.seconds, packet.nanoseconds)
    out.view.setUint32(at + offset.captured, captured, true)
    out.view.setUint32(at + offset.wire, packet.wireLength, true)
    out.copy(packet.data, packet.start, packet.end, NG.padded(captured))
    if (packet.way !== WAY_UNKNOWN) this.#putWay(packet.way)
    if (packet.timeKnown) {
      this.#seconds = packet.seconds
      this.#nanoseconds = packet.nanoseconds
    }
    this.#endBlock(NG.BLOCK_ENHANCED_PACKET, at)
  }

  /** A block without a time, which there is for whole packets of the first interface. */
  #simple(packet: CapturedPacket, captured: number): void {
    const out = this.#out
    const at = out.reserve(NG.SIMPLE.size)
    out.view.setUint32(at + NG.SIMPLE.offset.wire, packet.wireLength, true)
    out.copy(packet.data, packet.start, packet.end, NG.padded(captured))
    this.#endBlock(NG.BLOCK_SIMPLE_PACKET, at)
  }

  /** WAY_IN and WAY_OUT are the numbers of epb_flags too. */
  #putWay(way: number): void {
    const at = this.#out.reserve(FLAGS_BYTES)
    const { view } = this.#out
    view.setUint16(at, NG.EPB_FLAGS, true)
    view.setUint16(at + 2, 4, true)
    view.setUint32(at + 4, way, true)
    view.setUint32(at + 8, NG.OPTION_END, true)
  }

  /** Seconds times 10^9 in 64 bits, as two halves: 16 bits of the seconds at a time are exact in a double. */
  #putTime(at: number, seconds: number, nanoseconds: number): void {
    const upper = Math.floor(seconds / TWO_16)
    const low = (seconds - upper * TWO_16) * NS + nanoseconds
    const carried = Math.floor(low / TWO_16)
    const rest = upper * NS + carried
    const high = Math.floor(rest / TWO_16)
    this.#out.view.setUint32(at, high, true)
    this.#out.view.setUint32(at + 4, (rest - high * TWO_16) * TWO_16 + (low - carried * TWO_16), true)
  }

  /** Writes the description of an interface of the source, and answers its number in this file. */
  #describe(id: number, linkType: number): number {
    if (id >= this.#numbers.length) {
      const larger = new Int32Array(Math.max(id + 1, 2 * this.#numbers.length)).fill(-1)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    const shown = this.#interfaces[id]
    const out = this.#out
    const at = out.reserve(NG.INTERFACE.size)
    const { offset } = NG.INTERFACE
    out.view.setUint16(at + offset.linkType, shown?.linkType ?? linkType, true)
    out.view.setUint16(at + offset.reserved, 0, true)
    out.view.setUint32(at + offset.snapLength, shown?.snapLength ?? 0, true)
    this.#textOption(NG.IF_NAME, shown?.name)
    this.#textOption(NG.IF_DESCRIPTION, shown?.description)
    // The byte before it says: in libpcap's language.
    this.#textOption(NG.IF_FILTER, shown?.filter ? `\0${shown.filter}` : null)
    this.#option(NG.IF_TSRESOL, Uint8Array.of(NANOSECONDS))
    this.#endOptions()
    this.#endBlock(NG.BLOCK_INTERFACE, at)
    this.#numbers[id] = this.#written
    return this.#written++
  }

  end(): void {
    for (const [id, number] of this.#numbers.entries()) {
      const shown = this.#interfaces[id]
      if (number >= 0 && shown !== undefined && (shown.received !== null || shown.dropped !== null))
        this.#statistics(number, shown)
    }
  }

  #statistics(number: number, shown: CaptureInterface): void {
    const at = this.#out.reserve(NG.STATISTICS.size)
    this.#out.view.setUint32(at + NG.STATISTICS.offset.interface, number, true)
    this.#putTime(at + NG.STATISTICS.offset.timeHigh, this.#seconds, this.#nanoseconds)
    if (shown.received !== null) this.#option(NG.ISB_IFRECV, encodeCount(shown.received))
    if (shown.dropped !== null) this.#option(NG.ISB_IFDROP, encodeCount(shown.dropped))
    this.#endOptions()
    this.#endBlock(NG.BLOCK_STATISTICS, at)
  }

  #textOption(code: number, text: string | null | undefined): void {
    if (text) this.#option(code, new TextEncoder().encode(text))
  }

  #option(code: number, value: Uint8Array): void {
    const length = Math.min(value.length, MAX_OPTION)
    const at = this.#out.reserve(4)
    this.#out.view.setUint16(at, code, true)
    this.#out.view.setUint16(at + 2, length, true)
    const valueView = new DataView(value.buffer, value.byteOffset, length)
    this.#out.copy(valueView, 0, length, NG.padded(length))
  }

  #endOptions(): void {
    const at = this.#out.reserve(4)
    this.#out.view.setUint32(at, NG.OPTION_END, true)
  }

  /** Sets the head of the block that begins at `at`, and puts its length behind it too. */
  #endBlock(type: number, at: number): void {
    const tail = this.#out.reserve(NG.BLOCK_TAIL)
    const length = tail + NG.BLOCK_TAIL - at
    const { view } = this.#out
    view.setUint32(at + NG.BLOCK_HEAD.offset.type, type, true)
    view.setUint32(at + NG.BLOCK_HEAD.offset.length, length, true)
    view.setUint32(tail, length, true)
  }
}

function encodeCount(count: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, count, true)
  view.setUint32(4, Math.floor(count / (TWO_16 * TWO_16)), true)
  return bytes
}
