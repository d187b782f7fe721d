import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatHex64, formatU64, readU64 } from '../../src/sockets/u64.js'
import { formatBandwidth, formatF0, formatF1, formatG, formatHash, formatMillis, formatTimeLeft } from './words.js'

/** What C's printf makes of the values, through Python, whose % operator calls it. */
function printf(format: string, values: number[]): string[] {
  const script = `import json,sys\nprint(json.dumps(['${format}' % float(v) for v in json.load(sys.stdin)]))`
  const run = spawnSync('python3', ['-c', script], { input: JSON.stringify(values), encoding: 'utf8' })
  return JSON.parse(run.stdout)
}

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython) console.warn('skipped: the comparison with printf needs python3')

/** Ties at every kind of digit, powers of ten, and numbers of many sizes, always the same ones. */
const NUMBERS = [
  ...[0, 1, 999999, 999999.5, 1000000, 1234567, 1234.125, 1234.375, 1e-5, 0.0001, 0.000125, 2.5, 0.125, 1e21, 1e22],
  ...[2.125, 2.135, 9.995, 99.95, 999.5, 999.6, 1000.5, 65535.5, 4294967295, 1.8446744073709552e19, 0.25, 0.75, 12.25],
  ...fc.sample(fc.double({ min: 1e-9, max: 1e13, noNaN: true }), { numRuns: 2000, seed: 7 }),
  ...fc.sample(fc.integer({ min: 0, max: 1 << 30 }), { numRuns: 2000, seed: 7 }).map(value => value / 8),
]

describe.skipIf(!hasPython)('numbers are those of C', () => {
  test('%g, %.3g, %.0f and %.1f, ties to even included', () => {
    expect(NUMBERS.map(value => formatG(value))).toEqual(printf('%g', NUMBERS))
    expect(NUMBERS.map(value => formatG(value, 3))).toEqual(printf('%.3g', NUMBERS))
    expect(NUMBERS.map(formatF0)).toEqual(printf('%.0f', NUMBERS))
    const small = NUMBERS.filter(value => value < 1e12)
    expect(small.map(formatF1)).toEqual(printf('%.1f', small))
  })

  test('milliseconds out of microseconds', () => {
    const us = [
      0,
      1,
      10,
      31,
      100,
      999,
      1000,
      1001,
      1010,
      1100,
      204000,
      999999,
      1000500,
      1234565,
      4294967295,
      1234567890,
      ...fc.sample(fc.integer({ min: 0, max: 0xffffffff }), { numRuns: 1000, seed: 7 }),
      ...fc
        .sample(fc.integer({ min: 1_000_000, max: 999_999_999 }), { numRuns: 1000, seed: 7 })
        .map(us => us - (us % 5)),
      ...fc.sample(fc.integer({ min: 0, max: 2_000_000 }), { numRuns: 1000, seed: 7 }),
    ]
    expect(us.map(formatMillis)).toEqual(
      printf(
        '%g',
        us.map(value => value / 1000),
      ),
    )
  })
})

test('bandwidths have three digits and a unit, or every digit', () => {
  expect([0, 999, 1500, 19_251_440, 11_219_178_082, 2.5e12, 9.996e11].map(bps => formatBandwidth(bps, false))).toEqual([
    '0',
    '999',
    '1.5k',
    '19.3M',
    '11.2G',
    '2.5T',
    '1e+03G',
  ])
  expect(formatBandwidth(2 ** 64 * 8, true)).toBe('147573952589676412928')
})

test('times read as ss words them, seconds never called milliseconds', () => {
  expect(
    [0, 7, 204, 999, 1000, 1200, 9373, 10_500, 59_999, 60_000, 61_500, 599_999, 600_000, 7_199_000].map(formatTimeLeft),
  ).toEqual([
    ...['', '007ms', '204ms', '999ms', '1sec', '1.200sec', '9.373sec', '10sec', '59sec', '1min', '1min1sec'],
    ...['9min59sec', '10min', '119min'],
  ])
})

test('zero has no 0x, as with %#x', () => {
  expect([0, 1, 255].map(formatHash)).toEqual(['0', '0x1', '0xff'])
})

test('64-bit integers lose no digit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), value => {
      const data = new DataView(new ArrayBuffer(8))
      data.setBigUint64(0, value, true)
      expect(formatU64(data, 0)).toBe(value.toString())
      expect(typeof readU64(data, 0)).toBe(value < 1n << 53n ? 'number' : 'string')
      expect(formatHex64(data.getInt32(0, true), data.getInt32(4, true))).toBe(value.toString(16))
    }),
  )
})
