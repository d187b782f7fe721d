import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors/index.js'
import { parseBytes, parseCount, parseDuration, parseField } from '../../src/probe/quantity.js'

function refusal(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  throw new Error('was taken')
}

describe('a duration', () => {
  test.each([
    ['0.2', 's', 200],
    ['0,2', 's', 200],
    ['.5', 's', 500],
    ['5.', 's', 5000],
    ['4.35', 's', 4350],
    ['20', 'ms', 20],
    ['200ms', 's', 200],
    ['200 ms', 's', 200],
    ['1.5ms', 's', 1.5],
    ['250us', 's', 0.25],
    ['250µs', 's', 0.25],
    ['250\u03bcs', 's', 0.25],
    ['100ns', 's', 0.0001],
    ['2s', 'ms', 2000],
    ['2S', 'ms', 2000],
    ['1m', 'ms', 60_000],
    ['1min', 'ms', 60_000],
    ['1.5h', 'ms', 5_400_000],
    ['0', 's', 0],
  ] as const)('%s (in %s) is %d ms', (text, unit, ms) => expect(parseDuration(text, unit)).toBe(ms))

  test.each([
    '',
    '-1',
    'abc',
    '1x',
    '1.2.3',
    '1e3',
    '0x10',
    'Infinity',
    'NaN',
    '.',
    '1 2',
    'ms',
    'constructor',
    '1constructor',
  ])('%j is none, and the sentence names the quantity and what was given', text => {
    expect(refusal(() => parseDuration(text, 's', 'the interval'))).toBe(
      `the interval is a time such as 0.2, 200ms or 1m, not ${text || 'nothing'}`,
    )
  })

  test('longer than a timer waits is refused, because it would ring at once', () => {
    expect(parseDuration('596h', 's')).toBe(596 * 3_600_000)
    expect(refusal(() => parseDuration('597h', 's', 'the deadline'))).toBe('the deadline is at most 596h, not 597h')
    expect(refusal(() => parseDuration('9'.repeat(400), 's', 'the deadline'))).toContain('at most 596h')
  })

  test('milliseconds written with any number of decimals are that number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 0, max: 999 }), (whole, part) => {
        const text = `${whole}.${String(part).padStart(3, '0')}`
        expect(parseDuration(text, 'ms')).toBe(Number(text))
        expect(parseDuration(text, 's')).toBe(whole * 1000 + part)
      }),
    )
  })
})

describe('a size', () => {
  test.each([
    ['0', 0],
    ['1472', 1472],
    ['1472B', 1472],
    ['1k', 1024],
    ['1KiB', 1024],
    ['1kB', 1000],
    ['2M', 2_097_152],
    ['2MB', 2_000_000],
  ])('%s is %d bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes))

  test.each(['', '-1', '1.5k', '70000', '64k', '0x10', 'k', '1T', '1constructor'])('%j is none up to 65507', text => {
    expect(refusal(() => parseBytes(text, 'the size', 0, 65_507))).toBe(
      `the size is a number of bytes from 0 to 65507, not ${text || 'nothing'}`,
    )
  })
})

describe('a count', () => {
  test.each([
    ['3', 3],
    ['10k', 10_000],
    ['1M', 1_000_000],
  ])('%s is %d', (text, count) => expect(parseCount(text)).toBe(count))

  test('one below the least is refused', () => {
    expect(refusal(() => parseCount('0', 'the count', 1))).toBe('the count is a whole number, 1 or more, not 0')
    expect(refusal(() => parseCount('99999999999999999999', 'the count'))).toContain('the count is a whole number')
  })
})

test('a field of a header is a number in decimal or hexadecimal, within its range', () => {
  expect(parseField('16', 'the type of service', 0, 255)).toBe(16)
  expect(parseField('0x10', 'the type of service', 0, 255)).toBe(16)
  for (const text of ['', '-1', '256', '0x100', '1.5', '1e2', ' 1', 'x']) {
    expect(() => parseField(text, 'the type of service', 0, 255)).toThrow(
      /the type of service is a number from 0 to 255, not /,
    )
  }
})
