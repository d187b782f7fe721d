// The line of JSON that is put together byte by byte, against one that JSON.stringify makes of what the tracker says.

import { expect, it } from 'vitest'
import { formatAddress } from '../../src/flow/flow-address.js'
import { formatTime } from '../../src/flow/flow-build.js'
import { labelNames, RETRANSMISSION_KINDS } from '../../src/flow/labels.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { writePacketJson } from '../../src/render/decode-packet-json.js'
import { RowWriter } from '../../src/render/row-writer.js'
import type { CapturedPacket } from '../../src/wire/captured-packet.js'
import { icmpReason } from '../../src/wire/icmp-words.js'
import { captured, ethernet, ipv4, ipv6, tcp, udp } from '../wire/packet-build.js'

const KINDS = ['other', 'tcp', 'udp', 'icmp', 'icmp-error', 'arp', 'fragment']
const FLAGS = ['syn', 'fin', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ae']
const BITS = [2, 1, 4, 8, 16, 32, 64, 128, 256]

function reference(packet: CapturedPacket, tracker: FlowTracker): object {
  const { walked, labels, sender } = tracker
  const kind = KINDS[walked.kind]!
  const isTcp = kind === 'tcp'
  const hasPorts = isTcp || kind === 'udp'
  const isIcmp = kind.startsWith('icmp')
  const end = (w: number[], port: number): object | null =>
    walked.protocol === 0
      ? null
      : { address: formatAddress(walked.family, w[0]!, w[1]!, w[2]!, w[3]!), port: hasPorts ? port : null }
  const relative = (number: number, side: 0 | 1): number | null => {
    const initial = tracker.initialSequence(tracker.flow, side)
    return initial < 0 ? null : (number - initial) >>> 0
  }
  const { source0, source1, source2, source3, destination0, destination1, destination2, destination3 } = walked
  return {
    type: 'packet',
    frame: packet.frame,
    time: packet.timeKnown ? formatTime(packet.seconds, packet.nanoseconds) : null,
    flow: tracker.flow < 0 ? null : tracker.flowId,
    protocol: kind,
    source: end([source0, source1, source2, source3], walked.sourcePort),
    destination: end([destination0, destination1, destination2, destination3], walked.destinationPort),
    frameBytes: packet.wireLength,
    payloadBytes: hasPorts ? walked.payloadBytes : null,
    flags: isTcp ? FLAGS.filter((_, index) => (walked.flags & BITS[index]!) !== 0) : null,
    sequence: isTcp ? walked.sequence : null,
    acknowledgment: isTcp ? walked.acknowledgment : null,
    relativeSequence: isTcp ? relative(walked.sequence, sender) : null,
    relativeAcknowledgment:
      isTcp && (walked.flags & 16) !== 0 ? relative(walked.acknowledgment, sender === 0 ? 1 : 0) : null,
    window: isTcp ? walked.window : null,
    labels: labelNames(labels),
    retransmissionKind: labelNames(labels).some(label => label.endsWith('retransmission') && !label.startsWith('fin'))
      ? RETRANSMISSION_KINDS[tracker.retransmissionKind]
      : null,
    dupAckNumber: tracker.dupAckNumber === 0 ? null : tracker.dupAckNumber,
    icmp: isIcmp
      ? {
          type: walked.icmpType,
          code: walked.icmpCode,
          reason:
            kind === 'icmp-error'
              ? icmpReason(walked.family, walked.icmpType, walked.icmpCode, { mtu: walked.icmpMtu })
              : null,
        }
      : null,
    stop: walked.stop === 0 ? null : tracker.walker.stopReason(walked.stop),
  }
}

const payload = new Uint8Array(10)
const IP = ipv4(6, tcp({ flags: 0x18, payload }))
const UNREACHABLE = Uint8Array.from([3, 1, 0, 0, 0, 0, 0, 0, ...IP.subarray(0, 28)])
const ECHO = Uint8Array.from([8, 0, 0, 0, 0, 1, 0, 1])

const FRAMES: [string, Uint8Array][] = [
  ['a SYN', ethernet(0x0800, ipv4(6, tcp({ flags: 2, sequence: 999 })))],
  ['data', ethernet(0x0800, IP)],
  ['the same again', ethernet(0x0800, ipv4(6, tcp({ flags: 0x18, payload }), { id: 7 }))],
  ['all flags', ethernet(0x0800, ipv4(6, tcp({ flags: 0x1ff, sourcePort: 7, sequence: 0xffff_ffff })))],
  ['UDP', ethernet(0x0800, ipv4(17, udp(payload)))],
  ['IPv6', ethernet(0x86dd, ipv6(6, tcp()))],
  ['the same IPv6 address again', ethernet(0x86dd, ipv6(17, udp(payload)))],
  ['an ICMP error', ethernet(0x0800, ipv4(1, UNREACHABLE))],
  ['an echo request', ethernet(0x0800, ipv4(1, ECHO))],
  ['ARP', ethernet(0x0806, new Uint8Array(28))],
  ['an unknown ethertype', ethernet(0x88cc, payload)],
  ['a header that is cut', ethernet(0x0800, IP).subarray(0, 40)],
  ['nothing', new Uint8Array(0)],
]

it('prints each kind of packet as JSON.stringify would', () => {
  const lines: string[] = []
  const out = new RowWriter(bytes => lines.push(...Buffer.from(bytes).toString().trimEnd().split('\n')), [], 0)
  const tracker = new FlowTracker()
  const expected: object[] = []
  FRAMES.forEach(([, bytes], index) => {
    const packet = captured(1, bytes)
    packet.frame = index + 1
    packet.seconds = index === 3 ? -5 : 1_700_000_000 + index
    packet.nanoseconds = index * 7
    packet.timeKnown = index !== 4
    tracker.add(packet)
    expected.push(reference(packet, tracker))
    writePacketJson(out, packet, tracker)
  })
  out.flush()
  expect(lines).toEqual(expected.map(each => JSON.stringify(each)))
})
