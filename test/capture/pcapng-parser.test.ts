// pcapng files, built block by block: sections, interfaces, clocks, kinds of packets, damage.

import { describe, expect, it } from 'vitest'
import { block, build, enhancedBlock, interfaceBlock, option, sectionBlock } from './bytes.js'
import { parseCapture } from './parse.js'

const DATA = Uint8Array.of(1, 2, 3, 4, 5)
const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

describe.each([true, false])('pcapng, little endian: %s', little => {
  it('has packets of several interfaces, each with its own link type and clock', () => {
    const bytes = join(
      sectionBlock(little),
      interfaceBlock(little, 1, 65_535, [
        option(little, 2, text('eth0')),
        option(little, 3, text('to the lab')),
        option(little, 11, text('\0tcp port 80')),
        option(little, 0, new Uint8Array(0)),
      ]),
      interfaceBlock(little, 113, 0, [
        option(little, 9, Uint8Array.of(9)), // if_tsresol: nanoseconds
        option(little, 14, build(little, [[8, -3600]])), // if_tsoffset
      ]),
      enhancedBlock(little, { ticks: 1_700_000_000_123_456n, data: DATA, wire: 60 }),
      enhancedBlock(little, { interface: 1, ticks: 1_700_000_000_123_456_789n, data: DATA }),
    )
    const { packets, interfaces, flaws } = parseCapture(bytes)
    expect(flaws).toEqual([])
    expect(packets).toMatchObject([
      { frame: 1, time: '1700000000.123456000', bytes: DATA, wireLength: 60, linkType: 1, interfaceId: 0 },
      { frame: 2, time: '1699996400.123456789', bytes: DATA, wireLength: 5, linkType: 113, interfaceId: 1 },
    ])
    expect(interfaces).toMatchObject([
      {
        linkType: 1,
        snapLength: 65_535,
        name: 'eth0',
        description: 'to the lab',
        filter: 'tcp port 80',
        dropped: null,
      },
      { linkType: 113, snapLength: null, name: null, filter: null },
    ])
  })

  it('tells the way of a packet in its flags', () => {
    const flags = (value: number): Uint8Array[] => [
      option(little, 1, text('a comment')),
      option(little, 2, build(little, [[4, value]])),
      option(little, 0, new Uint8Array(0)),
    ]
    const ways = [0, 1, 2, 3, 0xfffffffe]
    const bytes = join(
      sectionBlock(little),
      interfaceBlock(little, 1),
      ...ways.map(way => enhancedBlock(little, { data: DATA, options: flags(way) })),
    )
    expect(parseCapture(bytes).packets.map(packet => packet.way)).toEqual([0, 1, 2, 0, 2])
  })

  it('has simple packets without a time, of the first interface, as long as its snap length', () => {
    const simple = (wire: number, data: Uint8Array): Uint8Array => block(little, 3, [[4, wire], data])
    const bytes = join(
      sectionBlock(little),
      interfaceBlock(little, 101, 8),
      simple(5, DATA),
      simple(100, new Uint8Array(8).fill(7)),
    )
    expect(parseCapture(bytes).packets).toMatchObject([
      { time: null, bytes: DATA, wireLength: 5, linkType: 101 },
      { time: null, bytes: new Uint8Array(8).fill(7), wireLength: 100 },
    ])
  })

  it('has the obsolete packet block', () => {
    const old = block(little, 2, [
      [2, 0], // interface
      [2, 3], // drops
      [4, 0], // time, upper half
      [4, 5_000_007], // lower half
      [4, 5], // captured
      [4, 90], // on the wire
      DATA,
    ])
    expect(parseCapture(join(sectionBlock(little), interfaceBlock(little, 1), old)).packets).toMatchObject([
      { time: '5.000007000', bytes: DATA, wireLength: 90 },
    ])
  })

  it('tells of each interface what was received and dropped, the last time it says so', () => {
    const count = (code: number, value: number): Uint8Array => option(little, code, build(little, [[8, value]]))
    const statistics = (...options: Uint8Array[]): Uint8Array => block(little, 5, [[4, 0], [4, 0], [4, 0], ...options])
    const bytes = join(
      sectionBlock(little),
      interfaceBlock(little, 1),
      statistics(count(4, 10), count(5, 1)),
      // isb_ifrecv, isb_ifdrop, isb_osdrop
      statistics(count(4, 2 ** 33), count(5, 2), count(7, 3)),
    )
    expect(parseCapture(bytes).interfaces).toMatchObject([{ received: 2 ** 33, dropped: 5 }])
  })

  it('ends at descriptions of interfaces that would fill the memory', () => {
    // if_filter of 60,000 characters; 16 MiB hold 279 of them
    const wordy = interfaceBlock(little, 1, 0, [option(little, 11, new Uint8Array(60_001).fill(0x61).fill(0, 0, 1))])
    const bytes = join(sectionBlock(little), ...new Array<Uint8Array>(300).fill(wordy))
    const { interfaces, flaws } = parseCapture(bytes)
    expect(interfaces).toHaveLength(279)
    expect(flaws).toMatchObject([{ fatal: true, offset: 28 + 279 * wordy.length }])
  })

  it('counts interfaces on over a section in the other byte order', () => {
    const bytes = join(
      sectionBlock(little),
      interfaceBlock(little, 1),
      enhancedBlock(little, { data: DATA }),
      sectionBlock(!little),
      interfaceBlock(!little, 276),
      enhancedBlock(!little, { data: DATA }),
    )
    expect(parseCapture(bytes).packets).toMatchObject([
      { interfaceId: 0, linkType: 1 },
      { interfaceId: 1, linkType: 276, frame: 2 },
    ])
  })

  it('gives the same packets however many bytes come at once', () => {
    const packets = Array.from({ length: 30 }, (_, at) =>
      enhancedBlock(little, { ticks: BigInt(at), data: new Uint8Array(at).fill(at) }),
    )
    const unknown = block(little, 0x0bad, [new Uint8Array(333)])
    const bytes = join(sectionBlock(little), interfaceBlock(little, 1), unknown, ...packets)
    const whole = parseCapture(bytes)
    expect(whole.packets).toHaveLength(30)
    for (const size of [1, 3, 12, 28, 100, 1000]) expect(parseCapture(bytes, size)).toEqual(whole)
  })
})

describe('a damaged pcapng', () => {
  const start = join(sectionBlock(true), interfaceBlock(true, 1), enhancedBlock(true, { data: DATA }))
  const good = enhancedBlock(true, { data: DATA })

  it.each([
    ['is of an interface that is not described', enhancedBlock(true, { interface: 7 })],
    ['is longer than its block', enhancedBlock(true, { captured: 5 })],
    ['is longer than any packet of its link type', enhancedBlock(true, { data: new Uint8Array(262_145) })],
    ['is too short', block(true, 6, [new Uint8Array(16)])],
  ])('leaves out a packet that %s, and reads on', (words, bad) => {
    const { packets, flaws } = parseCapture(join(start, bad, good))
    expect(packets).toHaveLength(2)
    expect(flaws).toEqual([
      { fatal: false, offset: start.length, message: `a packet behind packet 1 ${words} and is left out` },
    ])
  })

  it.each([
    ['a length that is too small', build(true, [[4, 6], [4, 8], new Uint8Array(40)]), 'have 8 bytes'],
    ['a length beyond 16 MiB', build(true, [[4, 6], [4, 0x01000004], new Uint8Array(40)]), 'have 16777220 bytes'],
    ['a length that is no multiple of 4', build(true, [[4, 6], [4, 33], new Uint8Array(40)]), 'have 33 bytes'],
    [
      'two lengths',
      build(true, [[4, 6], [4, 16], new Uint8Array(4), [4, 20], new Uint8Array(40)]),
      'is 16 before it and 20 behind it',
    ],
    ['a section without a byte order', block(true, 0x0a0d0d0a, [new Uint8Array(16)]), 'has no byte order'],
    ['a section of another version', sectionBlock(true, 2), 'version 2.0'],
  ])('ends at %s', (_name, bad, words) => {
    const { packets, flaws } = parseCapture(join(start, bad, good))
    expect(packets).toHaveLength(1)
    expect(flaws).toMatchObject([{ fatal: true, offset: start.length, message: expect.stringContaining(words) }])
  })

  it('that is cut anywhere gives the packets before the cut', () => {
    const bytes = join(start, good)
    for (let end = start.length + 1; end < bytes.length; end++) {
      const { packets, flaws } = parseCapture(bytes.subarray(0, end))
      expect(packets).toHaveLength(1)
      expect(flaws).toMatchObject([{ fatal: true, offset: start.length }])
    }
  })

  it.each([
    ['two units of time', [option(true, 9, Uint8Array.of(9)), option(true, 9, Uint8Array.of(6))]],
    ['a unit of 10^-20 s', [option(true, 9, Uint8Array.of(20))]],
    ['a unit of 2^-64 s', [option(true, 9, Uint8Array.of(0xc0))]],
  ])('with an interface that has %s has packets without times', (_name, options) => {
    const bytes = join(sectionBlock(true), interfaceBlock(true, 1, 0, options), good)
    const { packets, flaws } = parseCapture(bytes)
    expect(packets).toMatchObject([{ time: null, bytes: DATA }])
    expect(flaws).toMatchObject([{ fatal: false, message: expect.stringContaining('interface 0 has') }])
  })

  it('with a million flaws keeps few of them, and their number', () => {
    const bad = enhancedBlock(true, { interface: 9 })
    const { flaws } = parseCapture(join(start, ...Array.from({ length: 1000 }, () => bad)))
    expect(flaws).toHaveLength(65)
    expect(flaws[64]).toMatchObject({ fatal: false, message: '936 more flaws of this kind' })
  })
})
