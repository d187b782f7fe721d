// Packets out of a pcapng file: blocks of several sections, byte orders and interfaces.

import { WAY_IN, WAY_OUT, WAY_UNKNOWN, type Way } from '../wire/captured-packet.js'
import { CaptureParser } from './capture-parser.js'
import { MAX_BLOCK, MAX_INTERFACE_TEXT, MAX_INTERFACES, maxPacketBytes } from './limits.js'
import * as NG from './pcapng.js'
import { findOption, parseInterface, readStatistics } from './pcapng-options.js'
import type { TickClock } from './tick-clock.js'

const LENGTH = NG.BLOCK_HEAD.offset.length
const TIME_HIGH = NG.ENHANCED.offset.timeHigh
const TIME_LOW = NG.ENHANCED.offset.timeLow
const CAPTURED = NG.ENHANCED.offset.captured
const WIRE = NG.ENHANCED.offset.wire
const SMALLEST_BLOCK = NG.BLOCK_HEAD.size + NG.BLOCK_TAIL

/** Low two bits of epb_flags. */
const INBOUND = 1
const OUTBOUND = 2

/** An interface as the loop over packets needs it. */
interface Source {
  clock: TickClock | null
  linkType: number
  longest: number
}

export class PcapngParser extends CaptureParser {
  readonly format = 'pcapng'
  #little = true
  /** Interfaces of this section are counted from here. */
  #first = 0
  readonly #sources: Source[] = []
  /** Characters that the descriptions of interfaces hold. */
  #text = 0

  next(): boolean {
    while (this.at + SMALLEST_BLOCK <= this.limit) {
      const at = this.at
      const view = this.view
      const type = view.getUint32(at, this.#little)
      // The next byte order is known by what follows the length.
      if (type === NG.BLOCK_SECTION && !this.#readByteOrder(at)) return false
      const little = this.#little
      const length = view.getUint32(at + LENGTH, little)
      if (length < SMALLEST_BLOCK || length > MAX_BLOCK || (length & 3) !== 0) return this.#badLength(type, length)
      const end = at + length
      if (end > this.limit) return false
      if (view.getUint32(end - NG.BLOCK_TAIL, little) !== length)
        return this.fail(
          `the length of a block of type ${type} is ${length} before it and ${view.getUint32(end - NG.BLOCK_TAIL, little)} behind it`,
        )
      if (type === NG.BLOCK_ENHANCED_PACKET) {
        if (this.#readPacket(at, end, false)) return true
      } else if (this.#readRare(type, at, end)) return true
      if (this.ended) return false
      this.at = end
    }
    return false
  }

  /** Every block but the one that most packets are in. True when it holds a packet. */
  #readRare(type: number, at: number, end: number): boolean {
    switch (type) {
      case NG.BLOCK_SECTION:
        this.#readSection(at, end)
        return false
      case NG.BLOCK_INTERFACE:
        this.#readInterface(at, end)
        return false
      case NG.BLOCK_STATISTICS:
        this.#readStatistics(at, end)
        return false
      case NG.BLOCK_PACKET:
        return this.#readPacket(at, end, true)
      case NG.BLOCK_SIMPLE_PACKET:
        return this.#readSimple(at, end)
      default:
        return false
    }
  }

  /** False when it is not at hand yet, or is none. */
  #readByteOrder(at: number): boolean {
    const magic = at + NG.SECTION.offset.byteOrder
    if (magic + 4 > this.limit) return false
    if (this.view.getUint32(magic, true) === NG.BYTE_ORDER_MAGIC) this.#little = true
    else if (this.view.getUint32(magic, false) === NG.BYTE_ORDER_MAGIC) this.#little = false
    else return this.fail('a section header has no byte order')
    return true
  }

  #readSection(at: number, end: number): void {
    if (end - at < NG.SECTION.size + NG.BLOCK_TAIL) {
      this.fail(`a section header has only ${end - at} bytes`)
      return
    }
    const major = this.view.getUint16(at + NG.SECTION.offset.major, this.#little)
    const minor = this.view.getUint16(at + NG.SECTION.offset.minor, this.#little)
    // 1.2 was written by mistake, and is 1.0 (draft-ietf-opsawg-pcapng 4.1).
    if (major !== 1 || (minor !== 0 && minor !== 2)) {
      this.fail(`a section has version ${major}.${minor} of pcapng, and netkit reads 1.0`)
      return
    }
    this.#first = this.interfaces.length
  }

  #readInterface(at: number, end: number): void {
    const id = this.interfaces.length
    if (end - at < NG.INTERFACE.size + NG.BLOCK_TAIL) {
      this.fail(`the description of interface ${id} has only ${end - at} bytes`)
      return
    }
    if (id >= MAX_INTERFACES) {
      this.fail(`the file has more than ${MAX_INTERFACES} interfaces`)
      return
    }
    const { shown, clock, flaw } = parseInterface(this.view, at, end, this.#little)
    for (const text of [shown.name, shown.description, shown.filter]) this.#text += text?.length ?? 0
    if (this.#text > MAX_INTERFACE_TEXT) {
      this.fail(`the names and filters of the interfaces are longer than ${MAX_INTERFACE_TEXT} characters`)
      return
    }
    if (flaw !== null) this.complain(`interface ${id} ${flaw}`, at)
    this.interfaces.push(shown)
    this.#sources.push({ clock, linkType: shown.linkType, longest: maxPacketBytes(shown.linkType) })
  }

  #readStatistics(at: number, end: number): void {
    if (end - at < NG.STATISTICS.size + NG.BLOCK_TAIL) return
    const id = this.#first + this.view.getUint32(at + NG.STATISTICS.offset.interface, this.#little)
    const shown = this.interfaces[id]
    if (shown !== undefined) readStatistics(this.view, at, end, this.#little, shown)
  }

  /** An enhanced packet block, or the obsolete packet block. */
  #readPacket(at: number, end: number, old: boolean): boolean {
    const start = at + NG.ENHANCED.size
    const room = end - NG.BLOCK_TAIL - start
    if (room < 0) return this.#badPacket(at, 'is too short')
    const view = this.view
    const little = this.#little
    const id = old
      ? view.getUint16(at + NG.OLD_PACKET.offset.interface, little)
      : view.getUint32(at + NG.ENHANCED.offset.interface, little)
    const index = this.#first + id
    if (index >= this.#sources.length) return this.#badPacket(at, 'is of an interface that is not described')
    const source = this.#sources[index]!
    const captured = view.getUint32(at + CAPTURED, little)
    if (captured > room) return this.#badPacket(at, 'is longer than its block')
    if (captured > source.longest) return this.#badPacket(at, 'is longer than any packet of its link type')
    const wire = view.getUint32(at + WIRE, little)
    const packet = this.packet
    packet.start = start
    packet.end = start + captured
    packet.wireLength = wire < captured ? captured : wire
    packet.linkType = source.linkType
    packet.interfaceId = index
    packet.frame++
    packet.timeKnown = source.clock !== null
    if (source.clock === null) {
      packet.seconds = 0
      packet.nanoseconds = 0
    } else source.clock.read(view.getUint32(at + TIME_HIGH, little), view.getUint32(at + TIME_LOW, little), packet)
    const options = start + NG.padded(captured)
    packet.way = options < end - NG.BLOCK_TAIL ? this.#readWay(options, end - NG.BLOCK_TAIL) : WAY_UNKNOWN
    this.at = end
    return true
  }

  #readWay(at: number, end: number): Way {
    const found = findOption(this.view, at, end, this.#little, NG.EPB_FLAGS, 4)
    if (found < 0) return WAY_UNKNOWN
    const way = this.view.getUint32(found, this.#little) & 3
    if (way === INBOUND) return WAY_IN
    return way === OUTBOUND ? WAY_OUT : WAY_UNKNOWN
  }

  /** Of the first interface of the section, without a time; its length is what the block and the snap length leave. */
  #readSimple(at: number, end: number): boolean {
    const start = at + NG.SIMPLE.size
    const room = end - NG.BLOCK_TAIL - start
    if (room < 0) return this.#badPacket(at, 'is too short')
    const source = this.#sources[this.#first]
    if (source === undefined) return this.#badPacket(at, 'is of an interface that is not described')
    const wire = this.view.getUint32(at + NG.SIMPLE.offset.wire, this.#little)
    const captured = Math.min(wire, room, this.interfaces[this.#first]!.snapLength ?? room)
    if (captured > source.longest) return this.#badPacket(at, 'is longer than any packet of its link type')
    const packet = this.packet
    packet.start = start
    packet.end = start + captured
    packet.wireLength = wire
    packet.linkType = source.linkType
    packet.interfaceId = this.#first
    packet.frame++
    packet.timeKnown = false
    packet.seconds = 0
    packet.nanoseconds = 0
    packet.way = WAY_UNKNOWN
    this.at = end
    return true
  }

  /** The packet is left out, the block behind it is where its length says. */
  #badPacket(at: number, what: string): false {
    if (this.flaws.open) this.complain(`a packet behind packet ${this.packet.frame} ${what} and is left out`, at)
    else this.flaws.skip(null)
    return false
  }

  #badLength(type: number, length: number): false {
    return this.fail(`a block of type ${type} is said to have ${length} bytes, which none can have`)
  }

  protected halfRecord(): string {
    if (this.rest < SMALLEST_BLOCK) return 'a block'
    const type = this.view.getUint32(this.at, this.#little)
    const isPacket = type === NG.BLOCK_ENHANCED_PACKET || type === NG.BLOCK_PACKET || type === NG.BLOCK_SIMPLE_PACKET
    return isPacket ? `packet ${this.packet.frame + 1}` : `a block of type ${type}`
  }
}
