import { describe, expect, test } from 'vitest'
import { formatIpv4, formatIpv6 } from '../../src/bytes/address.js'
import { LINK_TYPES, linkTypeName } from '../../src/wire/link-types.js'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import { KIND_ARP, KIND_OTHER, KIND_TCP, KIND_UDP } from '../../src/wire/walked-packet.js'
import { concat } from '../sockets/diag/build.js'
import { hex } from '../sockets/diag/samples.js'
import { captured, ethernet, ipv4, tcp, udp, vlanTag } from './packet-build.js'
import { FRAME, IP4, OTHERS, PACKETS } from './packet-samples.js'

describe('the layers around a TCP segment', () => {
  test.each(PACKETS)('$what', ({ linkType, bytes, layers }) => {
    const walker = new PacketWalker()
    const walked = walker.walk(captured(linkType, bytes))
    expect(walker.stopReason(walked.stop)).toBe('')
    expect(walked).toMatchObject({
      kind: KIND_TCP,
      flaws: 0,
      sourcePort: 40_000,
      destinationPort: 80,
      payloadBytes: 18,
    })
    const { source0, source1, source2, source3 } = walked
    const source = walked.family === 4 ? formatIpv4(source3) : formatIpv6(source0, source1, source2, source3)
    expect(['192.0.2.1', '2001:db8::1']).toContain(source)
    expect(walker.encapsulationNames(walked.encapsulation)).toEqual(layers)
    // The same again, where the short way may know more.
    expect(walker.walk(captured(linkType, bytes)).payloadBytes).toBe(18)
  })

  test.each(PACKETS)('$what, cut anywhere, is never more than was captured, and says so', ({ linkType, bytes }) => {
    const walker = new PacketWalker()
    for (let length = 0; length < bytes.length; length++) {
      const walked = walker.walk(captured(linkType, bytes.slice(0, length), bytes.length))
      expect(walked.transportEnd).toBeLessThanOrEqual(Math.max(length, walked.transportStart))
      if (walked.kind === KIND_TCP) expect(walked).toMatchObject({ flaws: 1, payloadBytes: 18 })
      else if (walked.kind === KIND_OTHER) expect(walked.stop).not.toBe(0)
    }
  })

  test('both directions of a tunnel are one chain, other ends of it another', () => {
    const walker = new PacketWalker()
    const [here, there, away] = ['203.0.113.1', '203.0.113.9', '203.0.113.10']
    const chain = (source: string, destination: string): number =>
      walker.walk(captured(101, ipv4(4, IP4, { source, destination }))).encapsulation
    const first = chain(here!, there!)
    expect(chain(there!, here!)).toBe(first)
    expect(chain(here!, away!)).not.toBe(first)
    expect(walker.encapsulationNames(chain(here!, away!))).toEqual(['ip-in-ip'])
  })

  test('chains are bounded: the last of too many are all one', () => {
    const walker = new PacketWalker()
    const seen = new Set<number>()
    const bytes = ethernet(0x88a8, vlanTag(1, 0x8100, vlanTag(1, 0x0800, IP4)))
    const packet = captured(1, bytes)
    for (let outer = 1; outer <= 20; outer++) {
      for (let inner = 1; inner < 4096; inner++) {
        packet.data.setUint16(14, outer)
        packet.data.setUint16(18, inner)
        seen.add(walker.walk(packet).encapsulation)
      }
    }
    expect(seen.size).toBeLessThanOrEqual(65_536)
    expect(Math.max(...seen)).toBeLessThan(65_536)
    expect(walker.encapsulationNames(walker.walk(packet).encapsulation)).toEqual(['other'])
    packet.data.setUint16(14, 1)
    packet.data.setUint16(18, 2)
    expect(walker.encapsulationNames(walker.walk(packet).encapsulation)).toEqual(['vlan 1', 'vlan 2'])
  })
})

describe('what is no TCP', () => {
  test('UDP has ports and the length of its payload', () => {
    const walked = new PacketWalker().walk(captured(1, OTHERS.find(sample => sample.what === 'UDP')!.bytes))
    expect(walked).toMatchObject({ kind: KIND_UDP, sourcePort: 40_000, destinationPort: 53, payloadBytes: 3, stop: 0 })
  })

  test('UDP at the port of a tunnel that it is not stays UDP', () => {
    for (const port of [1701, 2152, 3544, 4789, 4790, 6081]) {
      const bytes = ethernet(0x0800, ipv4(17, udp(hex('10 10 10 10 10 10 10 10 10 10'), 50_000, port)))
      expect(new PacketWalker().walk(captured(1, bytes)).kind).toBe(KIND_UDP)
    }
  })

  test('ARP is known, an ethertype that is not decoded is counted', () => {
    const walker = new PacketWalker()
    expect(walker.walk(captured(1, ethernet(0x0806, new Uint8Array(28)))).kind).toBe(KIND_ARP)
    expect(walker.walk(captured(1, ethernet(0x88cc, new Uint8Array(28)))).kind).toBe(KIND_OTHER)
    expect(walker.stopped()).toEqual([{ reason: 'ethertype not decoded', packets: 1 }])
  })

  test('layers without end are given up', () => {
    let bytes = IP4
    for (let depth = 0; depth < 40; depth++) bytes = ipv4(4, bytes)
    const walker = new PacketWalker()
    expect(walker.stopReason(walker.walk(captured(101, bytes)).stop)).toBe('too many layers')
  })
})

describe('link types', () => {
  test('every one that is decoded has a packet here', () => {
    const decoded = [...LINK_TYPES.values()].filter(row => row.walk !== null).map(row => row.number)
    expect(decoded.filter(number => !PACKETS.some(sample => sample.linkType === number))).toEqual([])
  })

  test('one that is not is named and counted', () => {
    const walker = new PacketWalker()
    for (const linkType of [189, 189, 999]) walker.walk(captured(linkType, FRAME))
    expect([...walker.unsupportedLinkTypes()]).toEqual([
      [189, 2],
      [999, 1],
    ])
    expect([linkTypeName(189), linkTypeName(999), linkTypeName(1)]).toEqual(['USB_LINUX', 'linktype-999', 'ETHERNET'])
    expect(walker.stopped()).toEqual([{ reason: 'link type not supported', packets: 3 }])
  })
})

describe('lengths', () => {
  test('an IPv4 length of 0 is that of a packet not segmented yet: the frame tells', () => {
    const walked = new PacketWalker().walk(
      captured(1, ethernet(0x0800, ipv4(6, tcp({ payload: new Uint8Array(3000) }), { length: 0 }))),
    )
    expect(walked).toMatchObject({ kind: KIND_TCP, flaws: 8, payloadBytes: 3000 })
  })

  test('a jumbogram has its length in an option', () => {
    const { bytes } = OTHERS.find(sample => sample.what === 'jumbogram')!
    const walked = new PacketWalker().walk(captured(1, concat(bytes, new Uint8Array(4))))
    expect(walked).toMatchObject({ kind: KIND_TCP, flaws: 0, payloadBytes: 18 })
  })

  test('an IPv4 length that cannot be, and a TCP header that does not fit, are malformed', () => {
    const walker = new PacketWalker()
    expect(walker.walk(captured(101, ipv4(6, tcp(), { length: 19 })))).toMatchObject({ kind: KIND_OTHER, flaws: 2 })
    const segment = tcp()
    segment[12] = 0xf0
    expect(walker.walk(captured(101, ipv4(6, segment)))).toMatchObject({ kind: KIND_TCP, flaws: 2, payloadBytes: 0 })
    segment[12] = 0x40
    expect(walker.walk(captured(101, ipv4(6, segment)))).toMatchObject({ kind: KIND_TCP, flaws: 2, flags: 0 })
  })
})
