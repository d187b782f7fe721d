import fc from 'fast-check'
import { expect, test } from 'vitest'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { hex } from '../sockets/diag/samples.js'

test("the example of RFC 1071 section 3 adds up to the RFC's sum", () => {
  // ddf2 is the sum, of which a checksum is the complement.
  expect(internetChecksum(hex('00 01 f2 03 f4 f5 f6 f7'), 0, 8)).toBe(0xffff - 0xddf2)
})

test('an odd byte counts as the first of two', () => {
  expect(internetChecksum(hex('00 01 f2'), 0, 3)).toBe(internetChecksum(hex('00 01 f2 00'), 0, 4))
})

test('no bytes add up to nothing', () => {
  expect(internetChecksum(hex(''), 0, 0)).toBe(0xffff)
})

test('a header with its checksum gives 0, and one without it the checksum', () => {
  const header = hex('45 00 00 2c 1d 24 00 00 40 01 5f ab 7f 00 00 01 7f 00 00 01')
  expect(internetChecksum(header, 0, 20)).toBe(0)
  header.fill(0, 10, 12)
  expect(internetChecksum(header, 0, 20)).toBe(0x5fab)
})

test('an initial sum is what the words before would have given, folded or not', () => {
  const bytes = hex('12 34 ff ff ab cd ef 01')
  const whole = internetChecksum(bytes, 0, 8)
  expect(internetChecksum(bytes, 4, 8, 0x1234 + 0xffff)).toBe(whole)
  expect(internetChecksum(bytes, 4, 8, 0x1234)).toBe(whole)
})

test('the largest packet of the largest bytes does not overflow', () => {
  expect(internetChecksum(new Uint8Array(65_534).fill(0xff), 0, 65_534, 0xffff_ffff)).toBe(0)
})

test('it is what adding bigger numbers modulo 65535 gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      let sum = 0n
      for (const [at, byte] of bytes.entries()) sum += BigInt(byte) << (at % 2 === 0 ? 8n : 0n)
      // One's complement: 0 and 65535 are the same, and only no bytes or zeros sum to 0.
      const folded = sum === 0n ? 0n : ((sum - 1n) % 65_535n) + 1n
      expect(internetChecksum(bytes, 0, bytes.length)).toBe(Number(65_535n - folded))
    }),
  )
})
