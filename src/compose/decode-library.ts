// Captures for programs: packets out of a file, what is to be said of them and of their flows, and packets into a file.

import { openCaptureFile } from '../adapters/capture-file.js'
import { openCaptureOutput } from '../adapters/capture-output.js'
import { type CaptureFormat, captureFormatOf } from '../capture/capture-writer.js'
import { DecodeError } from '../errors/index.js'
import { PARTIAL_RETRANSMISSION, RETRANSMISSION } from '../flow/label-bits.js'
import { type Label, labelNames, RETRANSMISSION_KINDS, type RetransmissionKind } from '../flow/labels.js'
import type { Flow } from '../flow/model.js'
import { FlowTracker, type TrackerOptions } from '../flow/tracker.js'
import type { CaptureFlaw, CaptureInterface } from '../ports/capture.js'
import { CapturedPacket } from '../wire/captured-packet.js'

const RETRANSMITTED = RETRANSMISSION | PARTIAL_RETRANSMISSION

/** A packet of a capture, with bytes of its own. */
export interface CapturePacket {
  /** Number in its capture, from 1. */
  frame: number
  /** Seconds since 1970 and nanoseconds of the second; null where the file holds no time for it. */
  time: { seconds: number; nanoseconds: number } | null
  /** LINKTYPE_ number. */
  linkType: number
  /** Length on the wire; `data` is shorter when the packet was cut. */
  wireLength: number
  data: Uint8Array
}

export interface ReadCaptureOptions {
  /** Wait for a file to grow. */
  follow?: boolean
  /** Unpack compressed files however large they become. */
  noLimit?: boolean
}

/**
 * The packets of a capture file (pcap or pcapng, plain, gzip or zstd; `-` is standard input), one by one.
 * @throws NetkitError when it cannot be opened or is no capture, and behind the last packet when what follows is damaged
 */
export async function* readCapture(
  path: string,
  options: ReadCaptureOptions = {},
): AsyncGenerator<CapturePacket, void> {
  const source = await openCaptureFile(path, options)
  try {
    do while (source.next()) yield copyOf(source.packet)
    while (await source.more())
  } finally {
    source.close()
  }
  const damage = source.flaws.find(({ fatal }) => fatal)
  if (damage !== undefined) throw damaged(path, damage)
}

function damaged(path: string, { message, offset }: CaptureFlaw): DecodeError {
  return new DecodeError(`${path}: ${message}`, { layer: 'capture file', offset: offset ?? 0, need: 0, have: 0 })
}

function copyOf(packet: CapturedPacket): CapturePacket {
  const { data, start, end, timeKnown, seconds, nanoseconds, frame, linkType, wireLength } = packet
  return {
    frame,
    time: timeKnown ? { seconds, nanoseconds } : null,
    linkType,
    wireLength,
    data: new Uint8Array(data.buffer, data.byteOffset + start, end - start).slice(),
  }
}

/** What is to be said of one packet. */
export interface LabelledPacket {
  frame: number
  /** Number of its flow; null when it belongs to none. */
  flow: number | null
  labels: Label[]
  retransmissionKind: RetransmissionKind | null
}

export type LabelledItem = { type: 'packet'; packet: LabelledPacket } | { type: 'flow'; flow: Flow }

/** Labels packets as they come, and yields each flow when it ends, at the latest behind the last packet. */
export async function* labelFlows(
  packets: Iterable<CapturePacket> | AsyncIterable<CapturePacket>,
  options: Pick<TrackerOptions, 'maxFlows' | 'verifyChecksums'> = {},
): AsyncGenerator<LabelledItem, void> {
  const ended: Flow[] = []
  const tracker = new FlowTracker({ ...options, onFlow: flow => ended.push(flow) })
  const borrowed = new CapturedPacket()
  for await (const packet of packets) {
    moveTo(borrowed, packet)
    tracker.add(borrowed)
    yield { type: 'packet', packet: labelled(packet.frame, tracker) }
    for (const flow of ended.splice(0)) yield { type: 'flow', flow }
  }
  tracker.finish()
  for (const flow of ended) yield { type: 'flow', flow }
}

function labelled(frame: number, tracker: FlowTracker): LabelledPacket {
  const { flow, flowId, labels, retransmissionKind } = tracker
  return {
    frame,
    flow: flow < 0 ? null : flowId,
    labels: labelNames(labels),
    retransmissionKind: (labels & RETRANSMITTED) === 0 ? null : RETRANSMISSION_KINDS[retransmissionKind]!,
  }
}

function moveTo(borrowed: CapturedPacket, { frame, time, linkType, wireLength, data }: CapturePacket): void {
  borrowed.data = new DataView(data.buffer, data.byteOffset, data.byteLength)
  borrowed.start = 0
  borrowed.end = data.length
  borrowed.wireLength = Math.max(wireLength, data.length)
  borrowed.frame = frame
  borrowed.linkType = linkType
  borrowed.timeKnown = time !== null
  if (time === null) return
  borrowed.seconds = time.seconds
  borrowed.nanoseconds = time.nanoseconds
}

/** Writes packets to a capture file: as pcapng where its name ends so, else as pcap. @throws NetkitError */
export async function writeCapture(
  path: string,
  packets: Iterable<CapturePacket> | AsyncIterable<CapturePacket>,
  format: CaptureFormat = captureFormatOf(path),
): Promise<number> {
  const interfaces: CaptureInterface[] = []
  const output = openCaptureOutput(path, { format, interfaces, application: 'netkit', whole: true })
  const borrowed = new CapturedPacket()
  try {
    for await (const packet of packets) {
      moveTo(borrowed, packet)
      borrowed.interfaceId = interfaceOf(interfaces, packet.linkType)
      output.packet(borrowed)
      if (output.full) await output.flush()
    }
    await output.close()
  } catch (error) {
    await output.discard()
    throw error
  }
  return output.packets
}

/** One interface for each link type. */
function interfaceOf(interfaces: CaptureInterface[], linkType: number): number {
  const known = interfaces.findIndex(each => each.linkType === linkType)
  if (known >= 0) return known
  return (
    interfaces.push({ linkType, snapLength: null, name: null, description: null, received: null, dropped: null }) - 1
  )
}
