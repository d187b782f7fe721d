// Writes classic captures with nanoseconds, in the byte order of most machines.

import { UsageError } from '../errors/index.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import type { CaptureBuffer } from './capture-buffer.js'
import type { CaptureWriter } from './capture-writer.js'
import { MAX_PACKET } from './limits.js'
import { MAGIC_NANOSECONDS, PCAP_HEAD, PCAP_RECORD } from './pcap.js'

const HEAD = PCAP_HEAD.offset
const RECORD = PCAP_RECORD.offset

export class PcapWriter implements CaptureWriter {
  readonly #out: CaptureBuffer
  readonly #linkType: number

  constructor(out: CaptureBuffer, linkType: number) {
    this.#out = out
    this.#linkType = linkType
  }

  head(): void {
    const at = this.#out.reserve(PCAP_HEAD.size)
    const { view } = this.#out
    view.setUint32(at + HEAD.magic, MAGIC_NANOSECONDS, true)
    view.setUint16(at + HEAD.major, 2, true)
    view.setUint16(at + HEAD.minor, 4, true)
    view.setUint32(at + HEAD.zone, 0, true)
    view.setUint32(at + HEAD.accuracy, 0, true)
    view.setUint32(at + HEAD.snapLength, MAX_PACKET, true)
    view.setUint32(at + HEAD.linkType, this.#linkType, true)
  }

  packet(packet: CapturedPacket): void {
    if (packet.linkType !== this.#linkType) throw mixed(this.#linkType, packet.linkType)
    const captured = Math.min(packet.end - packet.start, MAX_PACKET)
    const at = this.#out.reserve(PCAP_RECORD.size)
    const { view } = this.#out
    view.setUint32(at + RECORD.seconds, packet.seconds, true)
    view.setUint32(at + RECORD.fraction, packet.nanoseconds, true)
    view.setUint32(at + RECORD.captured, captured, true)
    view.setUint32(at + RECORD.wire, packet.wireLength, true)
    this.#out.copy(packet.data, packet.start, packet.start + captured, captured)
  }

  end(): void {
    // A classic capture just ends.
  }
}

function mixed(first: number, second: number): UsageError {
  return new UsageError(`packets of link types ${first} and ${second} do not fit into one pcap file`, {
    hints: ['write pcapng, which has room for both: name the file OUT.pcapng'],
  })
}
