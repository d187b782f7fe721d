import { describe, expect, test } from 'vitest'
import { begin, chain, of, router, TARGET, type Traced, trace } from './trace-network.js'

const target = { address: TARGET }
const list = (routers: number): string[] => chain(routers).map(({ address }) => address)
const paths = ({ events }: Traced) => of(events, 'round').map(({ path }) => path)
const isScout = ({ flow }: { flow: number }): boolean => flow >= 1000
/** Probes of one flow that were under way at the same time, at most. */
function mostAtOnce({ events }: Traced, flow: number, fromMs = 0): number {
  const under = new Set<number>()
  let most = 0
  for (const event of events) {
    if (!('sequence' in event) || event.flow !== flow || event.atMs < fromMs) continue
    if (event.event === 'sent') under.add(event.sequence)
    else under.delete(event.sequence)
    most = Math.max(most, under.size)
  }
  return most
}

describe('TCP', () => {
  test('scouts sweep, each on a flow of its own, and then the flow is walked one by one', async () => {
    const traced = await trace({ stages: chain(11), protocol: 'tcp' })
    const scouts = traced.transport.sent.filter(isScout)
    expect(scouts.map(({ flow, ttl }) => flow - ttl)).toEqual(scouts.map(() => 1000))
    expect(new Set(scouts.map(({ ttl }) => ttl)).size).toBe(scouts.length)
    const walked = traced.transport.sent.filter(probe => !isScout(probe)).map(({ ttl }) => ttl)
    const walk = list(11).map((_, at) => at + 1)
    expect(walked).toEqual([...walk, ...walk, ...walk])
    expect(mostAtOnce(traced, 0)).toBe(1)
    expect(
      of(traced.events, 'sent')
        .filter(isScout)
        .every(({ purpose, round }) => purpose === 'scout' && round === 0),
    ).toBe(true)
  })

  test('a hop that only answers scouts is no hop of the path', async () => {
    // By flow: scouts and flow 0 go different ways.
    const fork = { byFlow: [router(2), router(3), router(8), router(9)] }
    const traced = await trace({ stages: [router(1), fork, router(4), target], protocol: 'tcp' })
    const [path] = paths(traced)
    expect(of(traced.events, 'hop').map(({ address }) => address)).toEqual(path)
    expect(of(traced.events, 'reply').filter(isScout).length).toBeGreaterThan(0)
  })

  test('a silent hop costs little when its neighbours answer', async () => {
    const stages = chain(5, at => (at === 2 ? { isSilent: true } : {}))
    const traced = await trace({ stages, protocol: 'tcp' }, { verify: false, timeoutMs: 5000 })
    expect(paths(traced)[0]).toEqual(list(5).with(1, null as unknown as string))
    expect(traced.tookMs()).toBeLessThan(3 * 200 + 3 * 60 + 100)
  })

  test('a target that filters is walked to as far as anything answers, and no farther', async () => {
    const traced = await trace({ stages: chain(3), answers: false, protocol: 'tcp' }, { verify: false })
    expect(paths(traced)).toEqual(Array.from({ length: 3 }, () => list(3).slice(0, 3)))
    const walked = traced.transport.sent.filter(probe => !isScout(probe))
    expect(Math.max(...walked.map(({ ttl }) => ttl))).toBe(3)
    expect(traced.tookMs()).toBeLessThanOrEqual(1400)
  })

  test('a flow whose path is longer than that of the scouts is followed to the target', async () => {
    const route = { byFlow: [router(2), router(3)] }
    const traced = begin({
      stages: [router(1), route, target],
      protocol: 'tcp',
      changes: [{ atMs: 12, stages: chain(4) }],
    })
    await traced.pass(10_000)
    expect(paths(traced).at(-1)).toEqual(list(4))
  })

  test('rounds go on while nothing answers, and find the path when something does', async () => {
    const dead = chain(3, () => ({ isSilent: true, loss: 1 }))
    const traced = begin(
      { stages: dead, changes: [{ atMs: 20_000, stages: chain(3) }], protocol: 'tcp' },
      { rounds: null, intervalMs: 2000, patient: true },
    )
    await traced.pass(40_000)
    const rounds = of(traced.events, 'round')
    expect(rounds.map(({ round }) => round)).toEqual(rounds.map((_, at) => at + 1))
    expect(rounds[0]).toMatchObject({ path: [], reached: false })
    expect(rounds.at(-1)).toMatchObject({ path: list(3), reached: true })
    const starts = of(traced.events, 'sent').filter(({ ttl, purpose }) => ttl === 1 && purpose === 'scout')
    for (const [at, { atMs }] of starts.entries())
      if (at > 0) expect(atMs - starts[at - 1]!.atMs).toBeGreaterThanOrEqual(1999)
  })
})

describe('UDP where routers quote eight bytes', () => {
  test.each([1, 3, 11])('the list of %d routers is true, and nothing is guessed', async routers => {
    const traced = await trace({ stages: chain(routers, () => ({ linkMs: 4 })), protocol: 'udp', shortQuotes: true })
    expect(paths(traced)).toEqual([list(routers), list(routers), list(routers)])
    for (const { ttl, from, rttMs } of of(traced.events, 'reply')) {
      // Whatever its TTL, no probe goes farther than the target.
      const hop = Math.min(ttl, routers + 1)
      expect(from).toBe(list(routers)[hop - 1])
      expect(rttMs).toBeCloseTo(8 * hop, 3)
    }
  })

  test('once answers cannot be told apart a flow has one probe under way', async () => {
    const traced = await trace(
      { stages: chain(5, () => ({ linkMs: 4 })), protocol: 'udp', shortQuotes: true },
      { flows: 3 },
    )
    const turn = of(traced.events, 'sent').find(({ purpose }) => purpose === 'scout')!.atMs
    for (const flow of [0, 1, 2]) expect(mostAtOnce(traced, flow, turn)).toBe(1)
    expect(new Set(paths(traced).map(path => path.join()))).toEqual(new Set([list(5).join()]))
  })

  test('a path so short that each answer comes before the next probe stays as it is', async () => {
    const traced = await trace({ stages: chain(3, () => ({ linkMs: 0.05 })), protocol: 'udp', shortQuotes: true })
    expect(paths(traced)[0]).toEqual(list(3))
    expect(traced.transport.sent.some(isScout)).toBe(false)
  })

  test('over rounds as well, with hops that do not answer', async () => {
    const stages = chain(4, at => (at === 2 ? { isSilent: true, linkMs: 5 } : { linkMs: 5 }))
    const traced = begin(
      { stages, protocol: 'udp', shortQuotes: true },
      { rounds: 20, intervalMs: 1000, patient: true, verify: false },
    )
    await traced.pass(60_000)
    expect(traced.tookMs()).not.toBeNull()
    for (const path of paths(traced)) expect(path).toEqual(['10.0.1.2', null, '10.0.3.2', '10.0.4.2', TARGET])
  })
})
