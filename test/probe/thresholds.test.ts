import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors/index.js'
import type { PingStatistics } from '../../src/probe/statistics.js'
import { exceeded, parseThresholds, THRESHOLD_NAMES } from '../../src/probe/thresholds.js'

const GOOD: PingStatistics = {
  transmitted: 100,
  received: 90,
  duplicates: 2,
  late: 3,
  corrupted: 1,
  reordered: 4,
  differentAddress: 0,
  errors: 5,
  lossPercent: 10,
  timeMs: 99_000,
  rttMs: { min: 1, avg: 10, max: 100, mdev: 5, stddev: 5.5, p50: 9, p90: 19, p95: 20.0625, p99: 80 },
  jitterMs: 1.5,
  rfc3550JitterMs: 1,
  ewmaMs: 10,
  longestOutageMs: 1500,
}
const SILENT: PingStatistics = {
  ...GOOD,
  received: 0,
  lossPercent: 100,
  rttMs: null,
  jitterMs: null,
  rfc3550JitterMs: null,
  ewmaMs: null,
}

const check = (text: string, statistics = GOOD): string[] => exceeded(parseThresholds(text), statistics)

function refusal(text: string): UsageError {
  try {
    parseThresholds(text)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return error as UsageError
  }
  throw new Error(`${text} was taken`)
}

describe('limits', () => {
  test.each([
    ['loss>5', 'loss>5: loss is 10 %'],
    ['loss>5%', 'loss>5%: loss is 10 %'],
    ['p95>20ms', 'p95>20ms: p95 is 20.0625 ms'],
    ['p95>20', 'p95>20: p95 is 20.0625 ms'],
    ['avg>=0.5ms', 'avg>=0.5ms: avg is 10 ms'],
    ['jitter>1ms', 'jitter>1ms: jitter is 1.5 ms'],
    ['outage>1s', 'outage>1s: outage is 1500 ms'],
    ['received<1k', 'received<1k: received is 90'],
    ['errors = 5', 'errors = 5: errors is 5'],
    ['LATE<=3', 'LATE<=3: late is 3'],
  ])('%s is exceeded, and the value is told', (text, sentence) => expect(check(text)).toEqual([sentence]))

  test.each(['loss>10', 'p95>21ms', 'max<100ms', 'jitter>1.5', 'outage>1.5s', 'received<90', 'transmitted<3', 'min>1'])(
    '%s is not',
    text => expect(check(text)).toEqual([]),
  )

  test('of several each one that is exceeded is told, in their order', () => {
    expect(check('loss>5, p50>1s,p99>=80ms')).toEqual(['loss>5: loss is 10 %', 'p99>=80ms: p99 is 80 ms'])
  })

  test('one reply has no deviation: what is unknown does not pass', () => {
    const one = { ...GOOD, received: 1, rttMs: { ...GOOD.rttMs!, stddev: null } }
    expect(check('stddev>1,stddev<1', one)).toEqual(['stddev>1: too few replies', 'stddev<1: too few replies'])
  })

  test('without a reply a limit on times is exceeded', () => {
    expect(check('p95>20ms,jitter>1,loss>5', SILENT)).toEqual([
      'p95>20ms: no reply',
      'jitter>1: no reply',
      'loss>5: loss is 100 %',
    ])
  })

  test('what is unknown meets no requirement', () => {
    expect(check('jitter>1', { ...GOOD, received: 1, jitterMs: null })).toEqual(['jitter>1: no two replies in a row'])
    expect(check('loss>5', { ...SILENT, transmitted: 1, lossPercent: null })).toEqual([
      'loss>5: no probe was waited for',
    ])
  })

  test('every known quantity can be compared in every way, as numbers are', () => {
    const compare = { '>': 1, '>=': 1, '<': 1, '<=': 1, '=': 1 } as const
    fc.assert(
      fc.property(
        fc.constantFrom(...THRESHOLD_NAMES),
        fc.constantFrom(...(Object.keys(compare) as (keyof typeof compare)[])),
        fc.integer({ min: 0, max: 100 }),
        (name, operator, limit) => {
          const fields: Record<string, number | null | object> = { ...GOOD, ...GOOD.rttMs }
          const aliases: Record<string, string> = {
            loss: 'lossPercent',
            jitter: 'jitterMs',
            outage: 'longestOutageMs',
          }
          const value = fields[aliases[name] ?? name] as number
          const holds = {
            '>': value > limit,
            '>=': value >= limit,
            '<': value < limit,
            '<=': value <= limit,
            '=': value === limit,
          }[operator]
          expect(check(`${name}${operator}${limit}`)).toHaveLength(holds ? 1 : 0)
        },
      ),
    )
  })
})

describe('what is no limit', () => {
  test('an unknown name is pointed out, and the known ones are listed', () => {
    const error = refusal('loss>5,lag>20ms')
    expect(error.message).toBe('lag is no statistic in lag>20ms')
    expect(error.hints[0]).toBe(
      'known: loss, min, avg, max, mdev, stddev, p50, p90, p95, p99, jitter, outage, transmitted, received, duplicates, ' +
        'errors, late, reordered, corrupted',
    )
  })

  test.each([
    ['loss', 'a comparison is missing in loss'],
    ['loss!=5', '!= is no comparison, in loss!=5'],
    ['loss>>5', '>> is no comparison, in loss>>5'],
    ['loss>', 'the limit in loss> is a percentage from 0 to 100, not nothing'],
    ['loss>101', 'the limit in loss>101 is a percentage from 0 to 100, not 101'],
    ['loss>5ms', 'the limit in loss>5ms is a percentage from 0 to 100, not 5ms'],
    ['p95>5%', 'the limit in p95>5% is a time such as 0.2, 200ms or 1m, not 5%'],
    ['received<1.5', 'the limit in received<1.5 is a whole number, not 1.5'],
    ['loss>5,', 'a condition is missing in loss>5,'],
    ['', 'a condition is missing in an empty limit'],
    ['>5', 'a name is missing in >5'],
    ['constructor>5', 'constructor is no statistic in constructor>5'],
  ])('%j: %s', (text, message) => expect(refusal(text).message).toBe(message))

  test('whatever is written is read or refused with a sentence', () => {
    const piece = fc.constantFrom('loss', 'p95', '>', '<=', '5', 'ms', '%', ',', ' ', '__proto__', '\n', '.')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map(parts => parts.join('')),
        ),
        text => {
          try {
            expect(parseThresholds(text).length).toBeGreaterThan(0)
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError)
          }
        },
      ),
    )
  })
})
