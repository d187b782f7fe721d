// Classic captures, built byte by byte: variants, byte orders, damage.

import { describe, expect, it } from 'vitest'
import { NetkitError } from '../../src/errors/index.js'
import { build, type PcapShape, pcapHead, pcapRecord } from './bytes.js'
import { parseCapture } from './parse.js'

const DATA = Uint8Array.of(1, 2, 3, 4, 5)

const file = (shape: PcapShape, ...records: Uint8Array[]): Uint8Array => Buffer.concat([pcapHead(shape), ...records])

describe.each([true, false])('a classic capture, little endian: %s', little => {
  it('has microseconds with magic a1b2c3d4', () => {
    const { packets } = parseCapture(
      file({ little }, pcapRecord(little, { seconds: 1_700_000_000, fraction: 999_999, wire: 60, data: DATA })),
    )
    expect(packets).toEqual([
      { frame: 1, time: '1700000000.999999000', bytes: DATA, wireLength: 60, linkType: 1, interfaceId: 0, way: 0 },
    ])
  })

  it('has nanoseconds with magic a1b23c4d', () => {
    const { packets } = parseCapture(
      file({ little, magic: 0xa1b23c4d }, pcapRecord(little, { seconds: 4_294_967_295, fraction: 123_456_789 })),
    )
    expect(packets[0]?.time).toBe('4294967295.123456789')
  })

  it('has a longer record head that knows the way with magic a1b2cd34', () => {
    const record = (packetType: number): Uint8Array =>
      build(little, [
        [4, 5], // seconds
        [4, 6], // microseconds
        [4, 5], // captured
        [4, 9], // on the wire
        [4, 2], // interface index
        [2, 0x0800], // protocol
        [1, packetType],
        [1, 0], // pad
        DATA,
      ])
    // linux/if_packet.h: PACKET_HOST 0, PACKET_OUTGOING 4, PACKET_LOOPBACK 5.
    const { packets } = parseCapture(file({ little, magic: 0xa1b2cd34 }, record(0), record(4), record(5)))
    expect(packets.map(packet => packet.way)).toEqual([1, 2, 0])
    expect(packets[2]).toMatchObject({ time: '5.000006000', bytes: DATA, wireLength: 9 })
  })

  it.each([
    ['2.2', 2, 2, 9, 5],
    ['2.3 with the lengths exchanged', 2, 3, 9, 5],
    ['2.3 with the lengths in order', 2, 3, 5, 9],
    ['543.0', 543, 0, 9, 5],
    ['2.4', 2, 4, 5, 9],
  ])('has its two lengths where version %s has them', (_name, major, minor, first, second) => {
    const { packets } = parseCapture(
      file({ little, major, minor }, pcapRecord(little, { captured: first, wire: second, data: DATA })),
    )
    expect(packets).toMatchObject([{ bytes: DATA, wireLength: 9 }])
  })
})

describe('a classic capture', () => {
  it('has its link type in the low 16 bits: a frame check sequence is told above', () => {
    // Bit 26 says that the upper four bits count its length, in 16-bit words.
    const { packets, interfaces } = parseCapture(file({ linkType: 0x24000071 }, pcapRecord(true, {})))
    expect(packets[0]?.linkType).toBe(113)
    expect(interfaces).toMatchObject([{ linkType: 113, snapLength: 65_535 }])
  })

  it('may have more microseconds than a second has', () => {
    const { packets } = parseCapture(file({}, pcapRecord(true, { seconds: 10, fraction: 4_294_967_295 })))
    expect(packets[0]?.time).toBe('4304.967295000')
  })

  it('never has a packet that is shorter on the wire than what was captured of it', () => {
    const { packets } = parseCapture(file({}, pcapRecord(true, { wire: 3, data: DATA })))
    expect(packets[0]).toMatchObject({ bytes: DATA, wireLength: 5 })
  })

  it('gives the same packets however many bytes come at once', () => {
    const records = Array.from({ length: 40 }, (_, at) =>
      pcapRecord(true, { seconds: at, data: new Uint8Array(at).fill(at) }),
    )
    const bytes = file({}, ...records)
    const whole = parseCapture(bytes)
    expect(whole.packets).toHaveLength(40)
    for (const size of [1, 2, 15, 16, 17, 100, 1000]) expect(parseCapture(bytes, size)).toEqual(whole)
  })

  it('that is cut anywhere gives the packets before the cut, and says so', () => {
    const records = [pcapRecord(true, { data: DATA }), pcapRecord(true, { data: DATA })]
    const bytes = file({}, ...records)
    // A record has 16 + 5 bytes behind a head of 24.
    for (let end = 24; end <= bytes.length; end++) {
      const { packets, flaws } = parseCapture(bytes.subarray(0, end))
      expect(packets).toHaveLength(Math.floor((end - 24) / 21))
      const isWhole = (end - 24) % 21 === 0
      expect(flaws).toHaveLength(isWhole ? 0 : 1)
      if (!isWhole)
        expect(flaws[0]).toMatchObject({
          fatal: true,
          offset: 24 + packets.length * 21,
          message: `the file ends in the middle of packet ${packets.length + 1}: only ${(end - 24) % 21} bytes of it are there`,
        })
    }
  })

  it('with an impossible length ends there', () => {
    const { packets, flaws } = parseCapture(
      file({}, pcapRecord(true, {}), pcapRecord(true, { captured: 262_145 }), pcapRecord(true, {})),
    )
    expect(packets).toHaveLength(1)
    expect(flaws).toEqual([
      {
        fatal: true,
        offset: 44,
        message: 'packet 2 is said to have 262145 bytes, and the longest of its link type has 262144',
      },
    ])
  })

  it('of D-Bus messages has longer packets', () => {
    const { packets } = parseCapture(file({ linkType: 231 }, pcapRecord(true, { data: new Uint8Array(300_000) })))
    expect(packets[0]?.bytes).toHaveLength(300_000)
  })
})

describe('what is no capture that is read here', () => {
  const text = (words: string): Uint8Array => new TextEncoder().encode(words)
  it.each([
    ['version 2.x is needed', pcapHead({ major: 1 }), 4, 'version 1.4'],
    ['reserved bits', pcapHead({ linkType: 0x00300000 }), 4, '0x300000'],
    ['snoop', text('snoop\0\0\0 and so on, and so on'), 4, 'a snoop capture'],
    ['bzip2', text('BZh9 and so on, and so on'), 4, 'compressed with bzip2'],
    ['text', text('10:00:00.000 IP 10.0.0.1 > 10.0.0.2'), 5, 'it looks like text'],
    ['nothing', new Uint8Array(0), 5, 'x.pcap is empty'],
    ['zeros', new Uint8Array(100), 5, 'it begins with 00 00 00 00'],
    ['half a head', pcapHead().subarray(0, 23), 5, 'ends in its head: 23 of 24 bytes'],
  ])('%s: is refused in a sentence', (_name, bytes, exit, words) => {
    let thrown: unknown
    try {
      parseCapture(bytes)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(NetkitError)
    expect(thrown).toMatchObject({ exit, message: expect.stringContaining(words) })
  })
})
