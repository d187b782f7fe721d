// Decoded packets, one a line: when, between whom, what, and what is to be said of it.

import type { FlowTracker } from '../flow/tracker.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { icmpReason } from '../wire/icmp-words.js'
import { KIND_ICMP_ERROR, KIND_TCP, KIND_UDP, TCP_ACK, type WalkedPacket } from '../wire/walked-packet.js'
import { FLAG_TEXTS, KIND_NAMES, labelDetails, writeAddress } from './decode-packet-words.js'
import { RowWriter } from './row-writer.js'

const TITLES = ['frame', 'time', 'flow', 'source > destination', 'flags', 'seq', 'ack', 'win', 'len', 'labels'] as const
const COLON = 0x3a
const DASH = 0x2d
const DOT = 0x2e

/** A row writer with the columns of packets, and their titles. */
export function packetTable(write: (bytes: Uint8Array) => void): RowWriter {
  const out = new RowWriter(
    write,
    TITLES.slice(0, -1).map(() => 1),
    1,
  )
  TITLES.forEach((title, index) => {
    out.ascii(title)
    if (index < TITLES.length - 1) out.endCell()
  })
  out.endRow()
  return out
}

/** One row for the packet that the tracker looked at last. */
export function writePacketRow(out: RowWriter, packet: CapturedPacket, tracker: FlowTracker): void {
  const { walked, flow, sender } = tracker
  const { kind } = walked
  out.number(packet.frame)
  out.endCell()
  writeSince(out, packet, tracker.timeNs)
  out.endCell()
  if (flow < 0) out.byte(DASH)
  else out.number(tracker.flowId)
  out.endCell()
  writeEnds(out, walked)
  out.endCell()
  out.ascii(kind === KIND_TCP ? FLAG_TEXTS[walked.flags]! : KIND_NAMES[kind]!)
  out.endCell()
  if (kind === KIND_TCP) {
    writeRelative(out, walked.sequence, tracker.initialSequence(flow, sender))
    out.endCell()
    if ((walked.flags & TCP_ACK) === 0) out.byte(DASH)
    else writeRelative(out, walked.acknowledgment, tracker.initialSequence(flow, sender === 0 ? 1 : 0))
    out.endCell()
    out.number(walked.window)
    out.endCell()
  } else
    for (let column = 0; column < 3; column++) {
      out.byte(DASH)
      out.endCell()
    }
  out.number(kind === KIND_TCP || kind === KIND_UDP ? walked.payloadBytes : packet.wireLength)
  out.endCell()
  if (tracker.labels !== 0) out.ascii(labelDetails(tracker))
  if (tracker.labels !== 0 && (kind === KIND_ICMP_ERROR || walked.stop !== 0)) out.ascii(' ')
  if (kind === KIND_ICMP_ERROR)
    out.text(icmpReason(walked.family, walked.icmpType, walked.icmpCode, { mtu: walked.icmpMtu }))
  else if (walked.stop !== 0) out.text(tracker.walker.stopReason(walked.stop))
  out.endRow()
}

/** Seconds since the first packet. */
function writeSince(out: RowWriter, { timeKnown }: CapturedPacket, timeNs: number): void {
  if (!timeKnown) {
    out.byte(DASH)
    return
  }
  const us = Math.floor(Math.abs(timeNs) / 1000)
  const seconds = Math.floor(us / 1e6)
  if (timeNs < 0) out.byte(DASH)
  out.number(seconds)
  out.byte(DOT)
  out.digits(us - seconds * 1e6, 6)
}

function writeEnds(out: RowWriter, walked: WalkedPacket): void {
  if (walked.protocol === 0) {
    out.byte(DASH)
    return
  }
  const hasPorts = walked.kind === KIND_TCP || walked.kind === KIND_UDP
  const { family } = walked
  writeEnd(
    out,
    family,
    walked.source0,
    walked.source1,
    walked.source2,
    walked.source3,
    hasPorts ? walked.sourcePort : -1,
  )
  out.ascii(' > ')
  const port = hasPorts ? walked.destinationPort : -1
  writeEnd(out, family, walked.destination0, walked.destination1, walked.destination2, walked.destination3, port)
}

function writeEnd(out: RowWriter, family: number, w0: number, w1: number, w2: number, w3: number, port: number): void {
  const isBracketed = family === 6 && port >= 0
  if (isBracketed) out.ascii('[')
  writeAddress(out, family, w0, w1, w2, w3)
  if (isBracketed) out.ascii(']')
  if (port < 0) return
  out.byte(COLON)
  out.number(port)
}

function writeRelative(out: RowWriter, number: number, initial: number): void {
  if (initial < 0) out.number(number)
  else out.number((number - initial) >>> 0)
}
