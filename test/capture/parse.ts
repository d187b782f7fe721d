// Reads a capture out of bytes, without a file: in windows of a chosen size, as a source gives them.

import { HEAD_BYTES, parserFor } from '../../src/capture/detect.js'
import type { CaptureFlaw, CaptureInterface } from '../../src/ports/capture.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'

export interface ReadPacket {
  frame: number
  time: string | null
  bytes: Uint8Array
  wireLength: number
  linkType: number
  interfaceId: number
  way: number
}

export interface ReadCapture {
  packets: ReadPacket[]
  flaws: readonly CaptureFlaw[]
  interfaces: readonly CaptureInterface[]
}

/** @param windowBytes so many bytes come at once; all of them when it is left out */
export function parseCapture(file: Uint8Array, windowBytes = file.length): ReadCapture {
  const packet = new CapturedPacket()
  const parser = parserFor(file.subarray(0, HEAD_BYTES), 'x.pcap', packet)
  const packets: ReadPacket[] = []
  let known = parser.at
  let kept = parser.at
  for (;;) {
    // The window begins with what the last one left, and lies somewhere in its buffer.
    const room = kept % 7
    const end = Math.min(known + windowBytes, file.length)
    const buffer = new Uint8Array(room + end - kept)
    buffer.set(file.subarray(kept, end), room)
    parser.window(new DataView(buffer.buffer), room, buffer.length)
    while (parser.next()) packets.push(copyOf(packet))
    kept = end - parser.rest
    if (parser.ended || end === file.length) break
    known = end
  }
  if (!parser.ended) parser.finish()
  return { packets, flaws: parser.flaws.list, interfaces: parser.interfaces }
}

export function copyOf(packet: CapturedPacket): ReadPacket {
  const { data, start, end } = packet
  return {
    frame: packet.frame,
    time: packet.timeKnown ? `${packet.seconds}.${String(packet.nanoseconds).padStart(9, '0')}` : null,
    bytes: new Uint8Array(data.buffer, data.byteOffset + start, end - start).slice(),
    wireLength: packet.wireLength,
    linkType: packet.linkType,
    interfaceId: packet.interfaceId,
    way: packet.way,
  }
}
