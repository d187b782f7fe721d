// ICMP and ICMPv6 on a walk: what an error quotes.

import { ICMP_ERROR, ICMP6_ERROR, isIcmpError, isTooBig } from './icmp.js'
import { IPPROTO_TCP, IPPROTO_UDP, IPV4 } from './ipv4.js'
import { IPPROTO_ICMPV6, IPV6 } from './ipv6.js'
import { STEP_DONE, type WalkCursor } from './walk-cursor.js'
import { FLAW_TRUNCATED, KIND_ICMP, KIND_ICMP_ERROR, type WalkedPacket } from './walked-packet.js'

export function icmp(cursor: WalkCursor): number {
  const { data, at, end, walked } = cursor
  const family = cursor.type === IPPROTO_ICMPV6 ? 6 : 4
  if (end - at < 4) return cursor.short(4)
  walked.kind = KIND_ICMP
  walked.icmpType = data.getUint8(at + ICMP_ERROR.offset.type)
  walked.icmpCode = data.getUint8(at + ICMP_ERROR.offset.code)
  walked.icmpMtu = 0
  walked.transportStart = at
  walked.transportEnd = end
  walked.payloadStart = Math.min(at + ICMP_ERROR.size, end)
  walked.payloadBytes = Math.max(cursor.wireEnd - at - ICMP_ERROR.size, 0)
  if (end < cursor.wireEnd) walked.flaws |= FLAW_TRUNCATED
  if (!isIcmpError(family, walked.icmpType)) return STEP_DONE
  walked.kind = KIND_ICMP_ERROR
  forgetQuote(walked)
  if (end - at < ICMP_ERROR.size) return STEP_DONE
  if (isTooBig(family, walked.icmpType, walked.icmpCode)) {
    walked.icmpMtu =
      family === 4 ? data.getUint16(at + ICMP_ERROR.offset.mtu) : data.getUint32(at + ICMP6_ERROR.offset.value)
  }
  const quote = at + ICMP_ERROR.size
  if (family === 4 ? cursor.quoted4.move(data, quote, end) : cursor.quoted6.move(data, quote, end))
    readQuote(cursor, family, quote)
  return STEP_DONE
}

function forgetQuote(walked: WalkedPacket): void {
  const { quoted } = walked
  quoted.family = walked.family
  quoted.source0 = 0
  quoted.source1 = 0
  quoted.source2 = 0
  quoted.source3 = 0
  quoted.destination0 = 0
  quoted.destination1 = 0
  quoted.destination2 = 0
  quoted.destination3 = 0
  quoted.sourcePort = 0
  quoted.destinationPort = 0
  quoted.protocol = 0
  walked.quotedSequence = 0
}

function readQuote(cursor: WalkCursor, family: 4 | 6, at: number): void {
  const { data, end, walked } = cursor
  const { quoted } = walked
  const ip = family === 4 ? cursor.quoted4 : cursor.quoted6
  quoted.family = family
  quoted.protocol = ip.protocol
  if (family === 4) {
    quoted.source2 = 0xffff
    quoted.source3 = data.getInt32(at + IPV4.offset.source)
    quoted.destination2 = 0xffff
    quoted.destination3 = data.getInt32(at + IPV4.offset.destination)
  } else {
    quoted.source0 = data.getInt32(at + IPV6.offset.source)
    quoted.source1 = data.getInt32(at + IPV6.offset.source + 4)
    quoted.source2 = data.getInt32(at + IPV6.offset.source + 8)
    quoted.source3 = data.getInt32(at + IPV6.offset.source + 12)
    quoted.destination0 = data.getInt32(at + IPV6.offset.destination)
    quoted.destination1 = data.getInt32(at + IPV6.offset.destination + 4)
    quoted.destination2 = data.getInt32(at + IPV6.offset.destination + 8)
    quoted.destination3 = data.getInt32(at + IPV6.offset.destination + 12)
  }
  const start = ip.payloadStart
  if (ip.fragmentOffset > 0 || (ip.protocol !== IPPROTO_TCP && ip.protocol !== IPPROTO_UDP)) return
  if (end - start < 4) return
  quoted.sourcePort = data.getUint16(start)
  quoted.destinationPort = data.getUint16(start + 2)
  if (ip.protocol === IPPROTO_TCP && end - start >= 8) walked.quotedSequence = data.getUint32(start + 4)
}
