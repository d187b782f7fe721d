import { describe, expect, test } from 'vitest'
import { formatIpv4, formatIpv6 } from '../../src/bytes/address.js'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import { FLAW_BAD_CHECKSUM, KIND_ICMP, KIND_ICMP_ERROR, KIND_TCP, KIND_UDP } from '../../src/wire/walked-packet.js'
import { concat } from '../sockets/diag/build.js'
import { hex } from '../sockets/diag/samples.js'
import { captured, ethernet, ipv4, ipv6, tcp, udp } from './packet-build.js'
import { IP4, IP6, PACKETS } from './packet-samples.js'

const ROUTER = { source: '203.0.113.7', destination: '192.0.2.1' }

describe('an ICMP error', () => {
  test('tells the ends and the sequence number of the segment that it quotes', () => {
    const error = ipv4(1, concat(hex('03 04 00 00 00 00 05 78'), IP4.slice(0, 28)), ROUTER)
    const walked = new PacketWalker().walk(captured(101, error))
    expect(walked).toMatchObject({
      kind: KIND_ICMP_ERROR,
      icmpType: 3,
      icmpCode: 4,
      icmpMtu: 1400,
      quotedSequence: 1000,
    })
    expect(walked.quoted).toMatchObject({
      family: 4,
      protocol: 6,
      sourcePort: 40_000,
      destinationPort: 80,
      source2: 0xffff,
    })
    expect(formatIpv4(walked.quoted.source3)).toBe('192.0.2.1')
    expect(formatIpv4(walked.quoted.destination3)).toBe('198.51.100.2')
    expect(formatIpv4(walked.source3)).toBe('203.0.113.7')
  })

  test('of IPv6 likewise, inside a tunnel', () => {
    const error = ipv6(58, concat(hex('02 00 00 00 00 00 05 00'), IP6))
    const walker = new PacketWalker()
    const walked = walker.walk(captured(101, ipv4(41, error)))
    expect(walked).toMatchObject({ kind: KIND_ICMP_ERROR, icmpType: 2, icmpMtu: 1280, quotedSequence: 1000 })
    const { source0, source1, source2, source3, sourcePort } = walked.quoted
    expect([formatIpv6(source0, source1, source2, source3), sourcePort]).toEqual(['2001:db8::1', 40_000])
    expect(walker.encapsulationNames(walked.encapsulation)).toEqual(['6in4'])
  })

  test('cut anywhere says nothing that it does not have', () => {
    const whole = ipv4(1, concat(hex('03 03 00 00 00 00 00 00'), IP4), ROUTER)
    const walker = new PacketWalker()
    walker.walk(captured(101, whole))
    for (let length = 24; length < whole.length; length++) {
      const walked = walker.walk(captured(101, whole.slice(0, length), whole.length))
      expect(walked.kind).toBe(KIND_ICMP_ERROR)
      expect(walked.quoted.protocol).toBe(length < 48 ? 0 : 6)
      expect(walked.quoted.sourcePort).toBe(length < 52 ? 0 : 40_000)
      expect(walked.quotedSequence).toBe(length < 56 ? 0 : 1000)
    }
  })

  test('about a later fragment has no ports', () => {
    const quoted = ipv4(6, tcp(), { fragment: 10 })
    const walked = new PacketWalker().walk(
      captured(101, ipv4(1, concat(hex('0b 01 00 00 00 00 00 00'), quoted), ROUTER)),
    )
    expect(walked.quoted).toMatchObject({ protocol: 6, sourcePort: 0, destinationPort: 0 })
  })

  test('is not what an echo request is', () => {
    const walked = new PacketWalker().walk(captured(101, ipv4(1, hex('08 00 00 00 00 01 00 01 01 02'))))
    expect(walked).toMatchObject({ kind: KIND_ICMP, icmpType: 8, payloadBytes: 2, stop: 0 })
  })
})

describe('checksums', () => {
  const verifying = (): PacketWalker => {
    const walker = new PacketWalker()
    walker.verifyChecksums = true
    return walker
  }

  test.each(PACKETS)('of $what are right', ({ linkType, bytes }) => {
    expect(verifying().walk(captured(linkType, bytes))).toMatchObject({ kind: KIND_TCP, flaws: 0 })
  })

  test('that are wrong are told only when asked for', () => {
    const header = ipv4(6, tcp())
    header[8]! ^= 1
    const segment = ipv4(6, tcp({ payload: hex('01 02 03') }))
    segment[42]! ^= 1
    const segment6 = ipv6(6, tcp({ payload: hex('01 02 03') }))
    segment6[62]! ^= 1
    for (const bytes of [header, segment, segment6]) {
      expect(verifying().walk(captured(101, bytes))).toMatchObject({ kind: KIND_TCP, flaws: FLAW_BAD_CHECKSUM })
      expect(new PacketWalker().walk(captured(101, bytes)).flaws).toBe(0)
    }
  })

  test('of what the capture cut are not judged, nor those that UDP leaves out', () => {
    const cut = ethernet(0x0800, ipv4(6, tcp({ payload: new Uint8Array(50) }))).slice(0, 80)
    expect(verifying().walk(captured(1, cut, 104)).flaws & FLAW_BAD_CHECKSUM).toBe(0)
    const datagram = ipv4(17, udp(hex('01 02')))
    datagram.set([0, 0], 26)
    expect(verifying().walk(captured(101, datagram))).toMatchObject({ kind: KIND_UDP, flaws: 0 })
  })
})
