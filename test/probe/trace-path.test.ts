import { describe, expect, test } from 'vitest'
import { PathMemory, type SeenPath } from '../../src/probe/trace-path.js'
import { randomFrom } from './path-mtu-network.js'
import { begin, chain, LINUX_LIMIT, of, router, TARGET, type Traced } from './trace-network.js'

const target = { address: TARGET }
const A = '10.0.1.2'
const B = '10.0.2.2'
const C = '10.0.3.2'
const X = '10.0.8.2'
const ROUNDS = { rounds: null, intervalMs: 1000, patient: true } as const

const changes = ({ events }: Traced) => of(events, 'path-change')

describe('a route that is replaced', () => {
  const shorter = [router(1), router(8), target]

  test.each([
    ['longer', [router(1), router(8), router(9), router(2), router(3), target]],
    ['shorter', shorter],
    ['the same length', [router(1), router(8), router(3), target]],
  ])('by one that is %s is told once, with both lists, before the next round is due', async (_, stages) => {
    const traced = begin({ stages: chain(3), changes: [{ atMs: 5500, stages }] }, ROUNDS)
    await traced.pass(20_000)
    const after = stages.map(({ address }) => address)
    expect(changes(traced)).toMatchObject([{ flow: 0, ttl: 2, before: [A, B, C, TARGET], after }])
    // The first round that can see it begins after 6 s.
    const start = of(traced.events, 'sent')[0]!.atMs
    expect(changes(traced)[0]!.atMs - start).toBeLessThan(7000)
    expect(of(traced.events, 'round').at(-1)).toMatchObject({ path: after, reached: true })
  })

  test.each(Array.from({ length: 12 }, (_, at) => at * 3))(
    'in the middle of a round, %d ms from its start',
    async ms => {
      const traced = begin({ stages: chain(3), changes: [{ atMs: 5000 + ms, stages: shorter }] }, ROUNDS)
      await traced.pass(20_000)
      expect(changes(traced)).toMatchObject([{ ttl: 2, before: [A, B, C, TARGET], after: [A, X, TARGET] }])
      expect(changes(traced)).toHaveLength(1)
    },
  )

  test('when rounds overlap, as they do where the interval is shorter than the round trip', async () => {
    const slow = { linkMs: 60 }
    const stages = [router(1, slow), router(8, slow), { ...target, ...slow }]
    const traced = begin(
      { stages: chain(3, () => slow), changes: [{ atMs: 5020, stages }] },
      { ...ROUNDS, intervalMs: 100 },
    )
    await traced.pass(20_000)
    expect(changes(traced)).toHaveLength(1)
    expect(changes(traced)).toMatchObject([{ ttl: 2, before: [A, B, C, TARGET], after: [A, X, TARGET] }])
  })

  test('and put back is told twice', async () => {
    const routes = [
      { atMs: 5500, stages: shorter },
      { atMs: 12_500, stages: chain(3) },
    ]
    const traced = begin({ stages: chain(3), changes: routes }, ROUNDS)
    await traced.pass(30_000)
    expect(changes(traced).map(({ after }) => after)).toEqual([
      [A, X, TARGET],
      [A, B, C, TARGET],
    ])
  })

  test('only the flow that it concerns tells of it', async () => {
    const fork = { byFlow: [router(2), router(3)] }
    const other = { byFlow: [router(8), router(3)] }
    const traced = begin(
      {
        stages: [router(1), fork, router(4), target],
        changes: [{ atMs: 5500, stages: [router(1), other, router(4), target] }],
      },
      { ...ROUNDS, flows: 8 },
    )
    await traced.pass(20_000)
    const viaB = new Set(
      of(traced.events, 'round')
        .filter(({ path }) => path[1] === B)
        .map(({ flow }) => flow),
    )
    expect(viaB.size).toBeGreaterThan(0)
    expect(
      changes(traced)
        .map(({ flow }) => flow)
        .sort(),
    ).toEqual([...viaB].sort())
    expect(changes(traced).every(({ before, after }) => before[1] === B && after[1] === X)).toBe(true)
  })

  test('routers that limit their answers do not make one', async () => {
    const stages = chain(3, () => ({ limit: LINUX_LIMIT }))
    const traced = begin({ stages }, { ...ROUNDS, intervalMs: 100 })
    await traced.pass(60_000)
    expect(changes(traced)).toEqual([])
  })

  test.each([1, 2, 3, 4, 5])('loss does not make one, whichever probes it hits (seed %d)', async seed => {
    const traced = begin({ stages: chain(4, () => ({ loss: 0.15 })), seed }, { ...ROUNDS, intervalMs: 200 })
    await traced.pass(120_000)
    expect(changes(traced)).toEqual([])
  })

  test('to a target that is silent for a while and then farther away: it is found again', async () => {
    const traced = begin(
      {
        stages: chain(2),
        changes: [{ atMs: 5500, stages: [router(1), router(2), router(8, { isSilent: true }), router(9), target] }],
      },
      ROUNDS,
    )
    await traced.pass(60_000)
    expect(changes(traced)).toMatchObject([{ ttl: 3, before: [A, B, TARGET], after: [A, B, null, '10.0.9.2', TARGET] }])
    expect(of(traced.events, 'round').at(-1)!.reached).toBe(true)
  })
})

describe('balancing packet by packet', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('makes no storm of events (seed %d)', async seed => {
    const stages = [router(1), { perPacket: [router(2), router(3)] }, router(4), target]
    const traced = begin({ stages, seed }, ROUNDS)
    await traced.pass(600_000)
    expect(changes(traced).length).toBeLessThanOrEqual(3)
    // Nor one of rounds: a handful are begun before their time.
    expect(of(traced.events, 'round').length).toBeLessThanOrEqual(601 + 15)
    expect(
      of(traced.events, 'hop')
        .map(({ address }) => address)
        .sort(),
    ).toEqual([A, B, C, '10.0.4.2', TARGET].sort())
  })
})

describe('what is learned of a path', () => {
  const seen = (path: SeenPath['path'], end: SeenPath['end'] = path.at(-1) === 'T' ? 'target' : null): SeenPath => ({
    path,
    end,
  })
  const fold = (...rounds: SeenPath[]) => {
    const memory = new PathMemory()
    return rounds.map(round => memory.add(round))
  }

  test('who did not answer at first is filled in, without an event', () => {
    expect(fold(seen([null, 'B']), seen(['A', null, 'T']), seen(['A', 'B', 'T']), seen(['A', 'B', 'T']))).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  test('a target whose first answer was lost at its own distance was not farther away', () => {
    expect(fold(seen(['A', null, 'T']), seen(['A', 'T']), seen(['A', 'T']))).toEqual([null, null, null])
  })

  test('one round that differs is none', () => {
    const usual = seen(['A', 'B', 'T'])
    expect(fold(usual, seen(['A', 'X', 'T']), usual, usual)).toEqual([null, null, null, null])
  })

  test('a round that says nothing of what differs does not refute it', () => {
    const rounds = fold(seen(['A', 'B', 'T']), seen(['A', 'X', 'T']), seen(['A', null, 'T']), seen(['A', 'X', 'T']))
    expect(rounds.at(-1)).toEqual({ at: 1, before: ['A', 'B', 'T'], after: ['A', 'X', 'T'] })
  })

  test('who did not answer is who was there before only where the path comes there the same way', () => {
    const before = seen(['A', 'B', 'C', 'D', 'E', 'T'])
    const after = seen([null, 'X', null, 'D', null, 'T'])
    expect(fold(before, after, after).at(-1)).toEqual({
      at: 1,
      before: ['A', 'B', 'C', 'D', 'E', 'T'],
      after: ['A', 'X', null, 'D', 'E', 'T'],
    })
  })

  test('a path that ends at a router now is another', () => {
    const blocked = seen(['A', 'B', 'B'], 'blocked')
    expect(fold(seen(['A', 'B', 'C', 'T']), blocked, blocked).at(-1)).toEqual({
      at: 2,
      before: ['A', 'B', 'C', 'T'],
      after: ['A', 'B', 'B'],
    })
  })

  test('a target that does not answer any more is no other path', () => {
    const silent = seen(['A', 'B'])
    expect(fold(seen(['A', 'B', 'T']), ...Array.from({ length: 20 }, () => silent))).toEqual(
      Array.from({ length: 21 }, () => null),
    )
  })

  test('a hop that takes turns is told of again when it has been calm for long and is another', () => {
    const memory = new PathMemory()
    const random = randomFrom(3)
    memory.add(seen(['A', 'B', 'T']))
    for (let round = 0; round < 50; round++) memory.add(seen(['A', random() < 0.5 ? 'B' : 'X', 'T']))
    expect(memory.isBalanced(1)).toBe(true)
    const told = Array.from({ length: 150 }, () => memory.add(seen(['A', 'Y', 'T']))).filter(each => each !== null)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ at: 1, after: ['A', 'Y', 'T'] })
  })
})
