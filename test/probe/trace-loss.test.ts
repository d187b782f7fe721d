import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logFactorial, losesMoreByChance } from '../../src/probe/exact-test.js'
import { type LossStep, pathLoss } from '../../src/probe/trace-location.js'
import { type HopSample, SLOW_PROBES, slowVerdict, suspects } from '../../src/probe/trace-loss.js'
import { chain, everyFifth, random, randomly, type Simulation, samplesOf, simulate } from './trace-simulation.js'

/** A hop of which the rounds left so many unanswered. */
function hop(ttl: number, sent: number, unanswered: number, fields: Partial<HopSample> = {}): HopSample {
  return { ttl, sent, received: sent - unanswered, slowSent: 0, slowReceived: 0, limitsItsAnswers: true, ...fields }
}

const target = (ttl: number, sent: number, unanswered: number): HopSample =>
  hop(ttl, sent, unanswered, { limitsItsAnswers: false })

const places = (steps: readonly LossStep[]): string[] =>
  steps.map(({ afterTtl, beforeTtl }) => `${afterTtl}-${beforeTtl}`)

describe("Fisher's exact test", () => {
  // Fisher's tea: of eight cups four had milk first, and three of them were told: (16 + 1) / 70.
  test('gives the lady tasting tea 17 of 70', () => {
    expect(losesMoreByChance({ lost: 3, sent: 4 }, { lost: 1, sent: 4 })).toBeCloseTo(17 / 70, 12)
  })

  test('is what counting all ways to lose gives', () => {
    const choose = (n: number, k: number): number => {
      let ways = 1
      for (let i = 0; i < k; i++) ways = (ways * (n - i)) / (i + 1)
      return ways
    }
    const counts = fc.record({ a: fc.nat(20), b: fc.nat(20), c: fc.nat(20), d: fc.nat(20) })
    fc.assert(
      fc.property(counts, ({ a, b, c, d }) => {
        const [sent, other, lost] = [a + b, c + d, a + c]
        let sum = 0
        for (let k = a; k <= Math.min(sent, lost); k++) sum += choose(sent, k) * choose(other, lost - k)
        const found = losesMoreByChance({ lost: a, sent }, { lost: c, sent: other })
        // Where the first does not lose more, nothing is to be shown and 1 is the answer.
        expect(found).toBeCloseTo(a * other > c * sent ? sum / choose(sent + other, lost) : 1, 9)
      }),
    )
  })

  test('works with the counts of hours', () => {
    expect(losesMoreByChance({ lost: 500, sent: 100_000 }, { lost: 400, sent: 100_000 })).toBeLessThan(0.001)
    expect(losesMoreByChance({ lost: 403, sent: 100_000 }, { lost: 400, sent: 100_000 })).toBeGreaterThan(0.4)
  })

  // 20! is exact in a double: 2432902008176640000. 1000! has the logarithm 5912.128178488163.
  test('has logarithms of factorials, small and large', () => {
    expect(logFactorial(20)).toBeCloseTo(Math.log(2432902008176640000), 10)
    expect(logFactorial(1000)).toBeCloseTo(5912.128178488163, 8)
  })
})

describe('suspects', () => {
  test('are hops that leave more unanswered than a deeper one does', () => {
    expect(suspects([hop(1, 30, 22), hop(2, 30, 22), hop(3, 30, 22), target(4, 30, 0)])).toEqual([1, 2, 3])
  })

  test('are none where everything behind a place loses alike', () => {
    expect(suspects([hop(1, 30, 0), hop(2, 30, 0), hop(3, 30, 6), target(4, 30, 6)])).toEqual([])
  })

  test('are hops that answer nothing while deeper ones do, after three probes', () => {
    expect(suspects([hop(1, 3, 0), hop(2, 3, 3), target(3, 3, 0)])).toEqual([2])
    expect(suspects([hop(1, 2, 0), hop(2, 2, 2), target(3, 2, 0)])).toEqual([])
  })

  test('are not hops behind the last that answers: nothing deeper contradicts', () => {
    expect(suspects([hop(1, 30, 0), hop(2, 30, 30), hop(3, 30, 30)])).toEqual([])
  })

  test('is a target whose answers are ICMP errors, and what is before it, when nothing deeper can tell', () => {
    expect(suspects([hop(1, 30, 0), hop(2, 30, 20), hop(3, 30, 20)])).toEqual([2, 3])
  })

  test('is not a target that answers with echo replies, which nobody limits', () => {
    expect(suspects([hop(1, 30, 0), target(2, 30, 20)])).toEqual([])
  })

  test('come in order, whatever the order of the samples', () => {
    const samples = [hop(1, 30, 22), hop(2, 30, 0), hop(3, 30, 22), target(4, 30, 0)]
    fc.assert(
      fc.property(fc.shuffledSubarray(samples, { minLength: 4 }), shuffled => {
        expect(suspects(shuffled)).toEqual([1, 3])
      }),
    )
  })

  test('there are none without probes', () => {
    expect(suspects([])).toEqual([])
    expect(suspects([hop(1, 0, 0)])).toEqual([])
  })
})

describe('the verdict on slowed probes', () => {
  const slow = (sample: HopSample, sent: number, received: number): HopSample => ({
    ...sample,
    slowSent: sent,
    slowReceived: received,
  })

  test('is a limit when slowed probes are answered and others were not', () => {
    const others = [target(4, 30, 0)]
    expect(slowVerdict(slow(hop(1, 30, 22), 3, 3), others)).toBeNull()
    expect(slowVerdict(slow(hop(1, 30, 22), 5, 5), others)).toBe('rate-limited')
  })

  test('is silence after two of a hop that never answered', () => {
    expect(slowVerdict(slow(hop(2, 30, 30), 1, 0))).toBeNull()
    expect(slowVerdict(slow(hop(2, 30, 30), 2, 0))).toBe('silent')
  })

  test('is loss when as many slowed ones are lost', () => {
    expect(slowVerdict(slow(hop(3, 60, 12), SLOW_PROBES, SLOW_PROBES - 3))).toBe('lossy')
  })

  test('is a limit where slowed probes lose only what the path loses', () => {
    expect(slowVerdict(slow(hop(3, 30, 24), SLOW_PROBES, 9), [target(4, 60, 12)])).toBe('rate-limited')
  })

  test('is there for certain after so many probes', () => {
    const sample = fc.record({
      sent: fc.nat(200),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      slow: fc.nat(SLOW_PROBES),
    })
    fc.assert(
      fc.property(sample, fc.nat(50), ({ sent, part, slow: received }, lost) => {
        const tested = slow(hop(2, sent, Math.floor(sent * part)), SLOW_PROBES, received)
        expect(slowVerdict(tested, [tested, target(3, 50, lost)])).not.toBeNull()
      }),
    )
  })
})

describe('loss on the way', () => {
  const anyHops = fc.array(fc.record({ sent: fc.nat(60), lost: fc.nat(60) }), { minLength: 1, maxLength: 12 })

  test('is never more than a hop or any behind it left unanswered, but where loss has a place', () => {
    fc.assert(
      fc.property(anyHops, rows => {
        const samples = rows.map(({ sent, lost }, at) => hop(at + 1, sent, Math.min(sent, lost)))
        const { lostShare, steps } = pathLoss(samples)
        for (const [at, sample] of samples.entries()) {
          const share = lostShare.get(sample.ttl)
          if (share === undefined || steps.length > 0) continue
          const behind = samples.slice(at).filter(({ sent, received }) => sent > 0 && received > 0)
          for (const { sent, received } of behind) expect(share).toBeLessThanOrEqual((sent - received) / sent + 1e-12)
        }
      }),
    )
  })

  test('is none where the target answered everything, whatever hops did', () => {
    fc.assert(
      fc.property(anyHops, rows => {
        const samples = rows.map(({ sent, lost }, at) => hop(at + 1, sent, Math.min(sent, lost)))
        const { lostShare, steps } = pathLoss([...samples, target(20, 40, 0)])
        expect(steps).toEqual([])
        for (const [, share] of lostShare) expect(share).toBe(0)
      }),
    )
  })

  test('is everything behind the last hop that answers', () => {
    const { lostShare, steps } = pathLoss([hop(1, 9, 0), hop(2, 9, 9), hop(3, 9, 9)])
    expect(steps).toEqual([])
    expect([...lostShare].sort()).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
    ])
  })

  test('in two places is told apart: 10 % of what comes to the first, 20 % of what is left at the second', () => {
    // 0.9 x 0.8 = 0.72: 28 % are missing behind both.
    const { steps } = pathLoss([
      hop(1, 500, 0),
      hop(2, 500, 50),
      hop(3, 500, 50),
      hop(4, 500, 140),
      target(5, 500, 140),
    ])
    expect(places(steps)).toEqual(['1-2', '3-4'])
    expect(steps[0]!.percent).toBeCloseTo(10, 10)
    expect(steps[1]!.percent).toBeCloseTo(20, 10)
  })

  test('on the first link is between this host and hop 1', () => {
    const { steps } = pathLoss([hop(1, 50, 10), hop(2, 50, 10), target(3, 50, 10)])
    expect(steps).toEqual([{ afterTtl: 0, beforeTtl: 1, percent: 20, verified: true }])
  })

  test('on the last link is before the target', () => {
    const { steps } = pathLoss([hop(1, 50, 0), hop(2, 50, 0), target(3, 50, 10)])
    expect(steps).toEqual([{ afterTtl: 2, beforeTtl: 3, percent: 20, verified: true }])
  })

  test('spans a hop that answers nothing', () => {
    const { steps } = pathLoss([hop(1, 50, 0), hop(2, 50, 50), target(3, 50, 10)])
    expect(places(steps)).toEqual(['1-3'])
  })

  test('of a few probes has no place', () => {
    expect(pathLoss([hop(1, 10, 0), hop(2, 10, 0), target(3, 10, 2)]).steps).toEqual([])
  })
})

/** Smallest and largest count that a binomial distribution leaves with this probability on each side. */
function binomialBounds(sent: number, share: number, tail: number): [least: number, most: number] {
  const chances = Array.from({ length: sent + 1 }, (_, k) =>
    Math.exp(
      logFactorial(sent) -
        logFactorial(k) -
        logFactorial(sent - k) +
        k * Math.log(share) +
        (sent - k) * Math.log1p(-share),
    ),
  )
  let least = 0
  for (let sum = chances[0]!; sum < tail; sum += chances[++least]!);
  let most = sent
  for (let sum = chances[sent]!; sum < tail; sum += chances[--most]!);
  return [least, most]
}

interface Outcome {
  readonly steps: readonly LossStep[]
  readonly verdicts: readonly string[]
}

function outcomes(seeds: number, make: (next: () => number) => Simulation): Outcome[] {
  return Array.from({ length: seeds }, (_, seed) => {
    const events = simulate(make(random(seed + 1)))
    const verdicts = events.flatMap(event => (event.event === 'verified' ? [`${event.ttl} ${event.verdict}`] : []))
    return { steps: pathLoss(samplesOf(events)).steps, verdicts: verdicts.sort() }
  })
}

/** Whether all that is claimed is one place that has the link from hop 2 to hop 3 in it. */
const isRight = ({ steps }: Outcome): boolean =>
  steps.length <= 1 && steps.every(({ afterTtl, beforeTtl }) => afterTtl <= 2 && beforeTtl >= 3)
const isExact = ({ steps }: Outcome): boolean => places(steps).join() === '2-3'
const isLimited = ({ verdicts }: Outcome): boolean => verdicts.some(verdict => verdict.endsWith('rate-limited'))

describe('simulated paths', () => {
  const ROUNDS = 100
  const SEEDS = 300
  const limited = (next: () => number, share: number): Simulation => {
    const hops = chain(4).map((each, at) => ({ ...each, limited: at < 3 }))
    if (share > 0) hops[2] = { ...hops[2]!, drops: randomly(share, next) } as (typeof hops)[number]
    return { hops, rounds: 30, verify: true }
  }

  test("Linux's limits at 100 ms are limits, verified, and no loss", () => {
    const events = simulate(limited(random(1), 0))
    const { steps, suspected, lostShare } = pathLoss(samplesOf(events))
    expect(steps).toEqual([])
    expect([...suspected]).toEqual([1, 2, 3])
    expect([...lostShare.values()]).toEqual([0, 0, 0, 0])
    const verified = events.flatMap(event => (event.event === 'verified' ? [`${event.ttl} ${event.verdict}`] : []))
    expect(verified.sort()).toEqual(['1 rate-limited', '2 rate-limited', '3 rate-limited'])
  })

  test('without slowed probes no limit becomes loss either, at any moment', () => {
    const events = simulate({ ...limited(random(1), 0), verify: false })
    for (let at = 0; at < events.length; at += 7) expect(pathLoss(samplesOf(events.slice(0, at))).steps).toEqual([])
  })

  test('each fifth packet dropped between hop 2 and 3 is 20 % there, and no limit', () => {
    const hops = chain(4)
    hops[2]!.drops = everyFifth()
    const events = simulate({ hops, rounds: 100, verify: true })
    const { steps } = pathLoss(samplesOf(events))
    // Two probes of a round come to the link: of 200, each fifth.
    expect(steps).toEqual([{ afterTtl: 2, beforeTtl: 3, percent: 20, verified: true }])
    expect(events.filter(({ event }) => event === 'verified')).toEqual([])
  })

  test('a fifth dropped at random is there as well, in 99 of 100 runs and never elsewhere alone', () => {
    const found = outcomes(SEEDS, next => {
      const hops = chain(4)
      hops[2]!.drops = randomly(0.2, next)
      return { hops, rounds: ROUNDS, verify: true }
    })
    expect(found.filter(outcome => !isRight(outcome)).length).toBeLessThanOrEqual(SEEDS / 100)
    expect(found.filter(isLimited).length).toBeLessThanOrEqual(SEEDS / 100)
    expect(found.filter(isExact).length).toBeGreaterThanOrEqual(SEEDS * 0.95)
    // Of 200 packets, with one in a million on each side for each of 300 runs.
    const [least, most] = binomialBounds(2 * ROUNDS, 0.2, 1e-6)
    for (const { steps } of found.filter(isExact)) {
      expect(steps[0]!.percent).toBeGreaterThanOrEqual((100 * least) / (2 * ROUNDS))
      expect(steps[0]!.percent).toBeLessThanOrEqual((100 * most) / (2 * ROUNDS))
    }
  })

  test('a limit and a drop together are both found, after verification', () => {
    const found = outcomes(100, next => ({ ...limited(next, 0.2), rounds: 300 }))
    expect(found.filter(outcome => !isRight(outcome)).length).toBeLessThanOrEqual(1)
    expect(found.filter(({ steps }) => steps.length === 1).length).toBeGreaterThanOrEqual(99)
    expect(
      found.filter(({ verdicts }) => verdicts[0] === '1 rate-limited' && verdicts[1] === '2 rate-limited').length,
    ).toBe(100)
    // Five of twelve slowed probes lost at 20 % look like neither: 7 of 100 are called lossy at hop 3.
    expect(found.filter(({ verdicts }) => verdicts[2] === '3 rate-limited').length).toBeGreaterThanOrEqual(85)
  })

  test('nothing is claimed at the wrong place while verification is under way', () => {
    let wrong = 0
    for (let seed = 1; seed <= 40; seed++) {
      const events = simulate(limited(random(seed), 0.2))
      const moments = Array.from({ length: 40 }, (_, at) => events.slice(0, Math.ceil((events.length * at) / 40)))
      if (moments.some(seen => !isRight({ steps: pathLoss(samplesOf(seen)).steps, verdicts: [] }))) wrong++
    }
    expect(wrong).toBeLessThanOrEqual(1)
  })

  test('a UDP target whose port unreachables are limited has no loss', () => {
    const hops = chain(4, 'port-unreachable').map(each => ({ ...each, limited: true }))
    const events = simulate({ hops, rounds: 30, verify: true })
    const { steps, lostShare } = pathLoss(samplesOf(events))
    expect(steps).toEqual([])
    expect([...lostShare.values()]).toEqual([0, 0, 0, 0])
    const verified = events.flatMap(event => (event.event === 'verified' ? [`${event.ttl} ${event.verdict}`] : []))
    expect(verified.sort()).toEqual(['1 rate-limited', '2 rate-limited', '3 rate-limited', '4 rate-limited'])
  })

  test('a UDP target behind a lossy link has loss there, and its hops no limits', () => {
    const found = outcomes(100, next => {
      const hops = chain(4, 'port-unreachable')
      hops[2]!.drops = randomly(0.2, next)
      return { hops, rounds: 300, verify: true }
    })
    expect(
      found.filter(({ steps }) => steps.length > 0 && places(steps)[0] !== '2-3' && places(steps)[0] !== '2-4').length,
    ).toBeLessThanOrEqual(1)
    expect(found.filter(({ steps }) => steps.length > 0).length).toBeGreaterThanOrEqual(95)
    // A test at 5 % calls a twentieth of them limited at most.
    expect(found.filter(isLimited).length).toBeLessThanOrEqual(10)
  })

  test('two lossy links are two places', () => {
    const found = outcomes(100, next => {
      const hops = chain(5)
      hops[1]!.drops = randomly(0.1, next)
      hops[3]!.drops = randomly(0.3, next)
      return { hops, rounds: 200, verify: true }
    })
    const holds = (step: LossStep | undefined, link: number): boolean =>
      step !== undefined && step.afterTtl < link && step.beforeTtl >= link
    const right = found.filter(({ steps }) => steps.length === 2 && holds(steps[0], 2) && holds(steps[1], 4))
    expect(right.length).toBeGreaterThanOrEqual(99)
    expect(found.filter(({ steps }) => places(steps).join(' ') === '1-2 3-4').length).toBeGreaterThanOrEqual(80)
  })
})
