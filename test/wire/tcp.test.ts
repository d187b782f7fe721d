import { describe, expect, test } from 'vitest'
import { parseMss } from '../../src/wire/tcp.js'

/** A SYN as Linux sends it: RFC 9293 header, then MSS 1460, SACK permitted, timestamps, NOP, window scale 7. */
const SYN = Uint8Array.from(
  [
    'c350', // source port
    '01bb', // destination port
    '12345678', // sequence
    '00000000', // acknowledgment
    'a0', // 40 bytes of header
    '02', // SYN
    'faf0', // window
    'beef', // checksum
    '0000', // urgent
    '020405b4', // MSS 1460
    '0402', // SACK permitted
    '080a0011223300000000', // timestamps
    '01', // NOP
    '030307', // window scale 7
  ]
    .join('')
    .match(/../g)!
    .map(byte => Number.parseInt(byte, 16)),
)

/** The same with other options, and the header length that goes with them. */
function withOptions(hex: string): Uint8Array {
  const options = (hex.match(/../g) ?? []).map(byte => Number.parseInt(byte, 16))
  const segment = Uint8Array.from([...SYN.subarray(0, 20), ...options])
  segment[12] = ((segment.length >> 2) << 4) & 0xf0
  return segment
}

describe('the MSS option of a segment', () => {
  test('is read from a SYN of Linux', () => {
    expect(parseMss(SYN)).toBe(1460)
  })

  test('is found behind others', () => {
    expect(parseMss(withOptions('0101040202040514'))).toBe(1300)
  })

  test('is not there in a segment without options, nor behind the end of options', () => {
    expect(parseMss(SYN.subarray(0, 20))).toBeNull()
    expect(parseMss(withOptions('00020405b4000000'))).toBeNull()
  })

  test('is not looked for behind the header', () => {
    const segment = Uint8Array.from(SYN)
    segment[12] = 0x50
    expect(parseMss(segment)).toBeNull()
  })

  test.each(Array.from({ length: 24 }, (_, length) => length))(
    'is not read from %i bytes, which is short of it',
    length => {
      expect(parseMss(SYN.subarray(0, length))).toBeNull()
    },
  )

  test.each(['0200', '0201', '02030500', '02050514', '0224', '0400ffff', '02'])('options %s are damaged', hex => {
    expect(parseMss(withOptions(hex.padEnd(8, '0')))).toBeNull()
  })

  test('any bytes are an MSS or none', () => {
    let state = 1
    for (let run = 0; run < 20_000; run++) {
      const bytes = new Uint8Array(run % 64)
      for (let index = 0; index < bytes.length; index++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        bytes[index] = state >>> 16
      }
      const mss = parseMss(bytes)
      expect(mss === null || (mss >= 0 && mss <= 0xffff)).toBe(true)
    }
  })
})
