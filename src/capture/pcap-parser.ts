// Packets out of a classic capture file: the hot loop of decoding.

import { type CapturedPacket, WAY_IN, WAY_OUT, WAY_UNKNOWN } from '../wire/captured-packet.js'
import { CaptureParser } from './capture-parser.js'
import { maxPacketBytes } from './limits.js'
import { PCAP_HEAD, PCAP_PATCHED_RECORD, PCAP_RECORD, type PcapHead } from './pcap.js'

const FRACTION = PCAP_RECORD.offset.fraction
const CAPTURED = PCAP_RECORD.offset.captured
const WIRE = PCAP_RECORD.offset.wire
const PACKET_TYPE = PCAP_PATCHED_RECORD.offset.packetType
/** linux/if_packet.h: what the patched record says of the way. */
const PACKET_OUTGOING = 4

const NS = 1_000_000_000

export class PcapParser extends CaptureParser {
  readonly format = 'pcap'
  readonly #little: boolean
  readonly #scale: number
  readonly #head: number
  readonly #patched: boolean
  readonly #mayBeSwapped: boolean
  readonly #swapped: boolean
  readonly #longest: number

  constructor(head: PcapHead, packet: CapturedPacket) {
    super(packet)
    this.#little = head.littleEndian
    this.#scale = head.nanosecondsPerTick
    this.#patched = head.patched
    this.#head = head.patched ? PCAP_PATCHED_RECORD.size : PCAP_RECORD.size
    this.#swapped = head.lengths === 'wire-first'
    this.#mayBeSwapped = head.lengths === 'smaller-is-captured'
    this.#longest = maxPacketBytes(head.linkType)
    this.packet.linkType = head.linkType
    this.at = PCAP_HEAD.size
    this.interfaces.push({
      linkType: head.linkType,
      snapLength: head.snapLength,
      name: null,
      description: null,
      received: null,
      dropped: null,
    })
  }

  next(): boolean {
    const at = this.at
    const start = at + this.#head
    if (start > this.limit) return false
    const view = this.view
    const little = this.#little
    let captured = view.getUint32(at + CAPTURED, little)
    let wire = view.getUint32(at + WIRE, little)
    if (this.#swapped || (this.#mayBeSwapped && captured > wire)) {
      const first = captured
      captured = wire
      wire = first
    }
    if (captured > this.#longest) return this.#tooLong(captured)
    const end = start + captured
    if (end > this.limit) return false
    const packet = this.packet
    packet.start = start
    packet.end = end
    packet.wireLength = wire < captured ? captured : wire
    packet.frame++
    let seconds = view.getUint32(at, little)
    let nanoseconds = view.getUint32(at + FRACTION, little) * this.#scale
    if (nanoseconds >= NS) {
      const over = Math.floor(nanoseconds / NS)
      seconds += over
      nanoseconds -= over * NS
    }
    packet.seconds = seconds
    packet.nanoseconds = nanoseconds
    if (this.#patched) packet.way = wayOf(view.getUint8(at + PACKET_TYPE))
    this.at = end
    return true
  }

  #tooLong(captured: number): false {
    const frame = this.packet.frame + 1
    return this.fail(
      `packet ${frame} is said to have ${captured} bytes, and the longest of its link type has ${this.#longest}`,
    )
  }

  protected halfRecord(): string {
    return `packet ${this.packet.frame + 1}`
  }
}

function wayOf(packetType: number): 0 | 1 | 2 {
  if (packetType === PACKET_OUTGOING) return WAY_OUT
  return packetType < PACKET_OUTGOING ? WAY_IN : WAY_UNKNOWN
}
