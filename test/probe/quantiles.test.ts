import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EXACT_SAMPLES, Quantiles, RELATIVE_ERROR } from '../../src/probe/quantiles.js'

/** Nearest rank by its definition: the smallest sample that at least `percent` percent of all do not exceed. */
function nearestRank(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted.find(value => sorted.filter(each => each <= value).length * 100 >= percent * sorted.length)!
}

function fill(samples: readonly number[], limit?: number): Quantiles {
  const quantiles = new Quantiles(limit)
  for (const sample of samples) quantiles.add(sample)
  return quantiles
}

const PERCENTS = [0, 1, 50, 90, 95, 99, 100]
const rtt = fc.double({ min: 0, max: 1e7, noNaN: true })

describe('percentiles of few samples', () => {
  test('there is none without samples', () => {
    expect(new Quantiles().at(50)).toBeNull()
  })

  // The worked example of nearest rank for 15, 20, 35, 40, 50: the 5th, 30th, 40th, 50th and 100th percentile.
  test.each([
    [5, 15],
    [30, 20],
    [40, 20],
    [50, 35],
    [100, 50],
  ])('the %dth of 15, 20, 35, 40 and 50 is %d', (percent, value) => {
    expect(fill([35, 20, 15, 50, 40]).at(percent)).toBe(value)
  })

  test('of 1 to 100 each percentile is its number, without any rounding', () => {
    const quantiles = fill(Array.from({ length: 100 }, (_, at) => 100 - at))
    for (let percent = 1; percent <= 100; percent++) expect(quantiles.at(percent)).toBe(percent)
  })

  test('are what the definition says, also when asked for in between', () => {
    fc.assert(
      fc.property(fc.array(rtt, { minLength: 1, maxLength: 60 }), fc.constantFrom(...PERCENTS), (samples, percent) => {
        const quantiles = new Quantiles()
        for (const [at, sample] of samples.entries()) {
          quantiles.add(sample)
          expect(quantiles.at(percent)).toBe(nearestRank(samples.slice(0, at + 1), percent))
        }
      }),
    )
  })
})

describe('percentiles of many samples', () => {
  test('are off by no more than the stated relative error', () => {
    fc.assert(
      fc.property(
        fc.array(rtt, { minLength: 10, maxLength: 200 }),
        fc.constantFrom(...PERCENTS),
        (samples, percent) => {
          const quantiles = fill(samples, 5)
          expect(quantiles.exact).toBe(false)
          const exact = nearestRank(samples, percent)
          // All up to a tenth of a nanosecond is one bucket.
          const tolerance = Math.max(exact * RELATIVE_ERROR * (1 + 1e-9), 1.01e-7)
          expect(Math.abs(quantiles.at(percent)! - exact)).toBeLessThanOrEqual(tolerance)
        },
      ),
    )
  })

  test('stay within the extremes, which are exact', () => {
    const quantiles = fill([1, 1, 1, 7.77], 1)
    expect([quantiles.at(0), quantiles.at(100)]).toEqual([1, 7.77])
    expect(fill([5, 5, 5], 1).at(50)).toBe(5)
    expect(fill([0, 0, 0], 1).at(50)).toBe(0)
  })

  test('are exact up to twenty thousand samples, and sketched from the next one on', () => {
    const quantiles = new Quantiles()
    for (let at = 1; at <= EXACT_SAMPLES; at++) quantiles.add(at)
    expect([EXACT_SAMPLES, quantiles.exact, quantiles.at(99)]).toEqual([20_000, true, 19_800])
    quantiles.add(1)
    expect(quantiles.exact).toBe(false)
    expect(Math.abs(quantiles.at(99)! / 19_800 - 1)).toBeLessThan(RELATIVE_ERROR + 1e-4)
  })

  test('a million samples of any size hold fewer numbers than the exact ones did', () => {
    const quantiles = new Quantiles()
    let most = 0
    for (let at = 0; at < 1_000_000; at++) {
      // Everything from a picosecond to ten thousand years.
      quantiles.add(10 ** ((at % 2300) / 100 - 9))
      if (at % 1000 === 0) most = Math.max(most, quantiles.held)
    }
    expect(most).toBeLessThanOrEqual(EXACT_SAMPLES)
    expect(quantiles.held).toBeLessThan(5000)
  })

  test('a million samples of one path hold a few hundred numbers', () => {
    const quantiles = new Quantiles()
    for (let at = 0; at < 1_000_000; at++) quantiles.add(0.03 + 0.5 * ((at % 997) / 997) ** 4)
    expect(quantiles.held).toBeLessThan(1000)
  })
})
