// TCP and UDP on a walk.

import { internetChecksum } from '../bytes/checksum.js'
import { layout } from '../bytes/layout.js'
import { TCP } from './tcp.js'
import { STEP_DONE, STEP_UDP_TUNNEL, type WalkCursor } from './walk-cursor.js'
import { isTunnelPort } from './walk-udp-tunnel.js'
import {
  FLAW_BAD_CHECKSUM,
  FLAW_MALFORMED,
  FLAW_TRUNCATED,
  KIND_TCP,
  KIND_UDP,
  type WalkedPacket,
} from './walked-packet.js'

/** RFC 768 */
export const UDP = layout('udp', 8, [
  ['sourcePort', 'be16'],
  ['destinationPort', 'be16'],
  ['length', 'be16'],
  ['checksum', 'be16'],
])

const { offset, size } = TCP

export function tcp(cursor: WalkCursor): number {
  const { data, at, end, wireEnd, walked } = cursor
  // All but the urgent pointer is enough to tell what it was.
  if (end - at < offset.urgent) return cursor.short(size)
  const headerBytes = (data.getUint8(at + offset.dataOffset) >> 4) * 4
  walked.kind = KIND_TCP
  walked.sourcePort = data.getUint16(at + offset.sourcePort)
  walked.destinationPort = data.getUint16(at + offset.destinationPort)
  walked.sequence = data.getUint32(at + offset.sequence)
  walked.acknowledgment = data.getUint32(at + offset.acknowledgment)
  walked.flags = data.getUint16(at + offset.dataOffset) & 0x1ff
  walked.window = data.getUint16(at + offset.window)
  walked.checksum = data.getUint16(at + offset.checksum)
  walked.tcpHeaderBytes = headerBytes
  walked.transportStart = at
  walked.transportEnd = end
  walked.payloadStart = Math.min(at + headerBytes, end)
  walked.payloadBytes = wireEnd - at - headerBytes
  if (headerBytes < size || walked.payloadBytes < 0) malformed(walked)
  if (end < wireEnd) walked.flaws |= FLAW_TRUNCATED
  else if (cursor.verify) verify(cursor, end)
  return STEP_DONE
}

/** A header that is too short for itself or too long for its packet: every receiver drops it. */
function malformed(walked: WalkedPacket): void {
  walked.flaws |= FLAW_MALFORMED
  if (walked.tcpHeaderBytes < size) walked.flags = 0
  if (walked.payloadBytes < 0) walked.payloadBytes = 0
}

export function udp(cursor: WalkCursor): number {
  const { data, at, walked } = cursor
  if (cursor.end - at < UDP.size) return cursor.short(UDP.size)
  const length = data.getUint16(at + UDP.offset.length)
  // 0 is a jumbogram's (RFC 2675 section 4), or of segmentation offload.
  if (length >= UDP.size) cursor.limit(length)
  else if (length !== 0) walked.flaws |= FLAW_MALFORMED
  const { end, wireEnd } = cursor
  walked.kind = KIND_UDP
  walked.sourcePort = data.getUint16(at + UDP.offset.sourcePort)
  walked.destinationPort = data.getUint16(at + UDP.offset.destinationPort)
  walked.checksum = data.getUint16(at + UDP.offset.checksum)
  walked.transportStart = at
  walked.transportEnd = end
  walked.payloadStart = at + UDP.size
  walked.payloadBytes = wireEnd - at - UDP.size
  if (end < wireEnd) walked.flaws |= FLAW_TRUNCATED
  // RFC 768: 0 is none.
  else if (cursor.verify && walked.checksum !== 0) verify(cursor, end)
  if (!isTunnelPort(walked.sourcePort, walked.destinationPort)) return STEP_DONE
  cursor.at = at + UDP.size
  return STEP_UDP_TUNNEL
}

/** RFC 9293 section 3.1, RFC 8200 section 8.1: over addresses, protocol, length and all bytes. */
function verify(cursor: WalkCursor, end: number): void {
  const { walked } = cursor
  if (cursor.otherEnds || (walked.flaws & FLAW_TRUNCATED) !== 0) return
  const start = walked.transportStart
  let sum = walked.protocol + (end - start)
  sum += words(walked.source3) + words(walked.destination3)
  if (walked.family === 6) {
    sum += words(walked.source0) + words(walked.source1) + words(walked.source2)
    sum += words(walked.destination0) + words(walked.destination1) + words(walked.destination2)
  }
  if (internetChecksum(cursor.bytes(), start, end, sum) !== 0) walked.flaws |= FLAW_BAD_CHECKSUM
}

function words(word: number): number {
  return (word >>> 16) + (word & 0xffff)
}
