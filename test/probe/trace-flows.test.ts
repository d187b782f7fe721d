import { describe, expect, test } from 'vitest'
import { FlowFinder, flowsToExclude } from '../../src/probe/trace-flows.js'
import { chain, LINUX_LIMIT, of, router, TARGET, type Traced, trace } from './trace-network.js'

const target = { address: TARGET }
const diamond = (branches: number) => [
  router(1),
  { byFlow: Array.from({ length: branches }, (_, at) => router(10 + at)) },
  router(4),
  target,
]
const flowsOf = ({ transport }: Traced): number[] => [...new Set(transport.sent.map(({ flow }) => flow))]

describe('how many flows it takes', () => {
  // Veitch et al., INFOCOM 2009, and Augustin et al., 2007, table 1: 95 %.
  test('the published numbers', () => {
    const published = [6, 11, 16, 21, 27, 33, 38, 44, 51, 57, 63, 70, 76, 83, 90, 96]
    expect(published.map((_, at) => flowsToExclude(at + 1))).toEqual(published)
  })

  test('more branches never take fewer', () => {
    for (let seen = 1; seen < 128; seen++) expect(flowsToExclude(seen + 1)).toBeGreaterThan(flowsToExclude(seen))
  })

  test('addresses that somebody makes up do not raise the number beyond what there may be', () => {
    const finder = new FlowFinder(8)
    for (let made = 0; made < 100_000; made++) finder.saw(1, 0, `10.${made}`)
    expect(finder.wanted(1)).toBe(8)
  })
})

describe('flows of a run', () => {
  test('without a fork six are enough', async () => {
    const traced = await trace({ stages: chain(3) }, { flows: 64, rounds: 1 })
    expect(flowsOf(traced)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('one is one', async () => {
    const traced = await trace({ stages: diamond(2) }, { flows: 1, rounds: 50, intervalMs: 100 })
    expect(flowsOf(traced)).toEqual([0])
    expect(new Set(of(traced.events, 'round').map(({ path }) => path[1])).size).toBe(1)
  })

  test.each([
    [2, 11],
    [3, 16],
    [4, 21],
  ])('a fork of %d takes %d, and all branches are seen', async (branches, flows) => {
    const traced = await trace({ stages: diamond(branches) }, { flows: 64, rounds: 1 })
    expect(flowsOf(traced)).toHaveLength(flows)
    const seen = new Set(of(traced.events, 'round').map(({ path }) => path[1]))
    expect(seen.size).toBe(branches)
  })

  test('there are no more than are allowed', async () => {
    const traced = await trace({ stages: diamond(4) }, { flows: 8, rounds: 1 })
    expect(flowsOf(traced)).toHaveLength(8)
  })

  test.each(['icmp', 'udp', 'tcp'] as const)(
    'each flow over %s has its own rounds, and keeps its branch',
    async protocol => {
      const traced = await trace({ stages: diamond(2), protocol }, { flows: 16, rounds: 4 })
      const rounds = of(traced.events, 'round')
      for (let flow = 0; flow < 11; flow++) {
        const its = rounds.filter(round => round.flow === flow)
        expect(its.map(({ round }) => round)).toEqual([1, 2, 3, 4])
        expect(new Set(its.map(({ path }) => path.join())).size).toBe(1)
        expect(its[0]!.path).toHaveLength(4)
      }
      expect(of(traced.events, 'path-change')).toEqual([])
    },
  )

  test('no flow after the first overshoots the target', async () => {
    const traced = await trace({ stages: diamond(2) }, { flows: 16, rounds: 2 })
    for (const { flow, ttl } of traced.transport.sent) if (flow > 0) expect(ttl).toBeLessThanOrEqual(4)
  })

  test('hops that do not answer ask for no flows', async () => {
    const traced = await trace(
      { stages: chain(5, at => (at === 3 ? { isSilent: true } : {})) },
      { flows: 64, rounds: 1, verify: false },
    )
    expect(flowsOf(traced)).toHaveLength(6)
  })

  test('branches behind routers that limit their answers are found in later rounds', async () => {
    const stages = [router(1, { limit: LINUX_LIMIT }), { byFlow: [router(10), router(11)] }, router(4), target]
    const traced = await trace({ stages }, { flows: 16, rounds: 10, intervalMs: 1000, patient: true, verify: false })
    expect(flowsOf(traced).length).toBeGreaterThanOrEqual(11)
    expect(
      new Set(
        of(traced.events, 'hop')
          .filter(({ ttl }) => ttl === 2)
          .map(({ address }) => address),
      ).size,
    ).toBe(2)
  })
})
