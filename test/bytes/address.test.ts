import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatIpv4,
  formatIpv6,
  isAddress,
  isMapped,
  parseIpv4,
  parseIpv6,
  prefixMask,
} from '../../src/bytes/address.js'

const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x10000, 0xffff, 0xffffffff))

describe('IPv4', () => {
  test.each([
    [0, '0.0.0.0'],
    [0x7f000001, '127.0.0.1'],
    [-1, '255.255.255.255'],
    [0xffffffff, '255.255.255.255'],
    [0xc0a80a64 | 0, '192.168.10.100'],
  ])('the word %d is %s', (value, text) => {
    expect(formatIpv4(value)).toBe(text)
  })

  test('every word, signed or not, is an address that holds its octets', () => {
    fc.assert(
      fc.property(word, value => {
        const text = formatIpv4(value)
        expect(isIPv4(text)).toBe(true)
        expect(formatIpv4(value | 0)).toBe(text)
        expect(text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)).toBe(value)
      }),
    )
  })
})

describe('IPv6', () => {
  test.each([
    [[0, 0, 0, 0], '::'],
    [[0, 0, 0, 1], '::1'],
    [[0x20010db8, 0, 0, 1], '2001:db8::1'],
    [[0xfe800000, 0, 0x02000000, 0], 'fe80::200:0:0:0'],
    // RFC 5952, 4.2.2: a single zero group is not shortened.
    [[0x20010db8, 0x00000001, 0x00010001, 0x00010001], '2001:db8:0:1:1:1:1:1'],
    // RFC 5952, 4.2.3: the longest run, and of equal ones the first.
    [[0x20010000, 0x00000001, 0x00000000, 0x00000001], '2001:0:0:1::1'],
    [[0x20010db8, 0x00000000, 0x00010000, 0x00000001], '2001:db8::1:0:0:1'],
    [[0x00010000, 0, 0, 0], '1::'],
    [[-1, -1, -1, -1], 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%j is %s', (words, text) => {
    const [w0, w1, w2, w3] = words as [number, number, number, number]
    expect(formatIpv6(w0, w1, w2, w3)).toBe(text)
    expect(formatIpv6(w0 | 0, w1 | 0, w2 | 0, w3 | 0)).toBe(text)
  })

  test('every address is valid, lower case, and reads back as the same words', () => {
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), words => {
        const text = formatIpv6(...words)
        expect(isIPv6(text)).toBe(true)
        expect(text).toBe(text.toLowerCase())
        const [head, tail] = text.split('::')
        const groups = (part: string | undefined): string[] => (part ? part.split(':') : [])
        const missing = 8 - groups(head).length - groups(tail).length
        const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)]
        const numbers = all.map(group => Number.parseInt(group, 16))
        expect(numbers).toHaveLength(8)
        expect(words.map((_, at) => numbers[at * 2]! * 65536 + numbers[at * 2 + 1]!)).toEqual(words)
        // Node's own formatter agrees where it does not write a dotted quad.
        const own = new SocketAddress({ family: 'ipv6', address: text }).address
        if (!own.includes('.')) expect(text).toBe(own)
      }),
    )
  })
})

test('an address is mapped only with ten zero bytes and two of ones in front', () => {
  expect(isMapped(0, 0, 0xffff)).toBe(true)
  expect(isMapped(0, 0, 0)).toBe(false)
  expect(isMapped(0, 0, 0xfffe)).toBe(false)
  expect(isMapped(0, 1, 0xffff)).toBe(false)
  expect(isMapped(1, 0, 0xffff)).toBe(false)
  expect(isMapped(0, 0, -1)).toBe(false)
})

/** Texts that look like addresses, and some that are. */
const nearly = fc
  .array(fc.constantFrom('0', '1', '10', '255', '256', 'ff', 'FFFF', '::', ':', '.', '.', '%', '/', ' ', '00', 'g'), {
    maxLength: 12,
  })
  .map(parts => parts.join(''))

describe('addresses from text', () => {
  test('are those that the system takes, no more and no less', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.ipV4(), fc.ipV6(), fc.string()), text => {
        expect(parseIpv4(text) !== null).toBe(isIPv4(text))
        if (!text.includes('%')) expect(parseIpv6(text) !== null).toBe(isIPv6(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('come out again as they are written by the formatters', () => {
    fc.assert(
      fc.property(word, word, word, word, (w0, w1, w2, w3) => {
        expect(parseIpv4(formatIpv4(w0))).toBe(w0)
        expect(parseIpv6(formatIpv6(w0, w1, w2, w3))).toEqual([w0, w1, w2, w3])
      }),
    )
  })

  test('IPv6 may end in a dotted quad', () => {
    expect(parseIpv6('::ffff:192.0.2.1')).toEqual([0, 0, 0xffff, 0xc0000201])
    expect(parseIpv6('192.0.2.1::')).toBeNull()
  })

  test.each(['127.0.0.1', '::1', 'fe80::1%eth0'])('%s is an address', text => expect(isAddress(text)).toBe(true))
  test.each(['eth0', '127.1', '010.0.0.1', 'fe80::1%', '[::1]', '', '::1/128'])('%j is none', text =>
    expect(isAddress(text)).toBe(false),
  )
})

test('a prefix mask has that many bits set from the top', () => {
  expect([0, 1, 8, 31, 32].map(bits => prefixMask(bits))).toEqual([0, 0x80000000, 0xff000000, 0xfffffffe, 0xffffffff])
})
