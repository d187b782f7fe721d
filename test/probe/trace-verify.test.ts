import { describe, expect, test } from 'vitest'
import { summarizeTrace } from '../../src/probe/trace-statistics.js'
import { begin, chain, LINUX_LIMIT, of, router, TARGET, type Traced, trace } from './trace-network.js'

const verdicts = ({ events }: Traced) => of(events, 'verified').map(({ ttl, verdict }) => [ttl, verdict])
/** Probes to a TTL and how many were answered, of one purpose. */
const count = ({ events }: Traced, ttl: number, purpose: 'round' | 'slow') => {
  const at = { ttl, purpose }
  const its = <E extends { ttl: number; purpose: string }>(all: E[]): number =>
    all.filter(each => each.ttl === at.ttl && each.purpose === at.purpose).length
  return { sent: its(of(events, 'sent')), received: its(of(events, 'reply')), timeouts: its(of(events, 'timeout')) }
}
const FAST = { intervalMs: 100, patient: true } as const

describe('hops that leave probes unanswered', () => {
  test('Linux routers probed ten times a second are found to limit their answers, and no probe of the path is lost', async () => {
    const traced = await trace(
      { stages: chain(3, at => (at <= 3 ? { limit: LINUX_LIMIT } : {})) },
      { ...FAST, rounds: 100 },
    )
    expect(verdicts(traced).sort()).toEqual([
      [1, 'rate-limited'],
      [2, 'rate-limited'],
      [3, 'rate-limited'],
    ])
    for (const ttl of [1, 2, 3]) {
      const slow = count(traced, ttl, 'slow')
      const fast = count(traced, ttl, 'round')
      expect(slow.received).toBe(slow.sent)
      // What was not answered is what the router kept back, probe for probe.
      expect(fast.timeouts).toBe(traced.transport.withheld.get(`10.0.${ttl}.2`))
    }
    expect(count(traced, 4, 'round')).toMatchObject({ sent: 100, received: 100 })
  })

  test('a tested hop gets no probe of a round, and slow ones are 1.1 s apart', async () => {
    const traced = begin(
      { stages: chain(3, at => (at === 2 ? { limit: LINUX_LIMIT } : {})) },
      { ...FAST, rounds: null },
    )
    await traced.pass(60_000)
    const sent = of(traced.events, 'sent').filter(({ ttl }) => ttl === 2)
    const first = sent.findIndex(({ purpose }) => purpose === 'slow')
    expect(sent.slice(first).every(({ purpose, round }) => purpose === 'slow' && round === 0)).toBe(true)
    for (let at = first; at < sent.length; at++)
      expect(sent[at]!.atMs - sent[at - 1]!.atMs).toBeGreaterThanOrEqual(1100 - 1e-6)
    // It keeps them, as long as the run lasts.
    expect(sent.length - first).toBeGreaterThan(40)
    expect(of(traced.events, 'verified')).toHaveLength(1)
    // Rounds show it as before.
    const { path } = of(traced.events, 'round').at(-1)!
    expect(path).toEqual(chain(3).map(({ address }) => address))
  })

  test('one that never answers is silent', async () => {
    const traced = await trace(
      { stages: chain(3, at => (at === 2 ? { isSilent: true } : {})) },
      { ...FAST, rounds: 50 },
    )
    expect(verdicts(traced)).toEqual([[2, 'silent']])
    expect(count(traced, 2, 'slow')).toMatchObject({ sent: 2, received: 0 })
  })

  test('links that lose a fifth make no hop one that limits its answers', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const traced = await trace(
        { stages: chain(3, at => (at === 3 ? { loss: 0.2 } : {})), seed },
        { ...FAST, rounds: 200 },
      )
      expect(verdicts(traced).filter(([, verdict]) => verdict === 'rate-limited')).toEqual([])
    }
  })

  test('a router that drops half of its answers at random is not one that limits them', async () => {
    let order = 0
    const traced = await trace(
      { stages: chain(3), fate: ({ ttl }, rttMs) => (ttl === 2 && order++ % 2 === 0 ? [] : [rttMs]) },
      { ...FAST, rounds: 200 },
    )
    expect(verdicts(traced)).toEqual([[2, 'lossy']])
    expect(count(traced, 2, 'slow').sent).toBeLessThanOrEqual(12)
    // It is probed in rounds again.
    expect(count(traced, 2, 'round').sent).toBeGreaterThan(30)
  })

  test('limits and loss at once', async () => {
    const limit = LINUX_LIMIT
    const stages = chain(3, at => (at === 3 ? { limit, loss: 0.2 } : at <= 3 ? { limit } : {}))
    const traced = await trace({ stages, seed: 5 }, { ...FAST, rounds: 300 })
    const limited = verdicts(traced).filter(([, verdict]) => verdict === 'rate-limited')
    expect(limited).toContainEqual([1, 'rate-limited'])
    expect(limited).toContainEqual([2, 'rate-limited'])
  })

  test('a target that limits "port unreachable" is found out, and reached all the while', async () => {
    const stages = [...chain(3).slice(0, 3), { address: TARGET, limit: LINUX_LIMIT }]
    const traced = await trace({ stages, protocol: 'udp' }, { ...FAST, rounds: 200 })
    expect(verdicts(traced)).toEqual([[4, 'rate-limited']])
    const rounds = of(traced.events, 'round')
    const at = rounds.findIndex(({ atMs }) => atMs > of(traced.events, 'verified')[0]!.atMs)
    expect(rounds.slice(at).every(({ reached }) => reached)).toBe(true)
    expect(of(traced.events, 'path-change')).toEqual([])
  })

  test.each(['icmp', 'udp'] as const)(
    'a router without a route that limits its refusals is found out over %s, and nothing is lost before it',
    async protocol => {
      const limit = LINUX_LIMIT
      const stages = chain(3, at => (at === 2 ? { limit, lacksRoute: true } : {}))
      const traced = await trace({ stages, protocol }, { ...FAST, rounds: 60 })
      expect(verdicts(traced)).toEqual([[2, 'rate-limited']])
      const slow = count(traced, 2, 'slow')
      expect(slow.received).toBe(slow.sent)
      const { loss, hops, reached } = summarizeTrace(traced.events, traced.run.header)
      expect({ loss, reached }).toEqual({ loss: [], reached: false })
      expect(hops.map(({ ttl, lossPercent }) => [ttl, lossPercent])).toEqual([
        [1, 0],
        [2, 0],
      ])
    },
  )

  test('a firewall that refuses probes, and answers those that end there, has one limit for both: no loss before it', async () => {
    const stages = chain(3, at => (at === 2 ? { limit: LINUX_LIMIT, blocks: 13 } : {}))
    const traced = await trace({ stages }, { ...FAST, rounds: 60 })
    expect(verdicts(traced).sort()).toEqual([
      [2, 'rate-limited'],
      [3, 'rate-limited'],
    ])
    const { loss, hops } = summarizeTrace(traced.events, traced.run.header)
    expect(loss).toEqual([])
    expect(hops.map(({ lossPercent }) => lossPercent)).toEqual([0, 0, 0])
  })

  test('once its route is back, the path behind it is seen again', async () => {
    const limit = LINUX_LIMIT
    const traced = begin(
      {
        stages: chain(3, at => (at === 2 ? { limit, lacksRoute: true } : {})),
        changes: [{ atMs: 60_000, stages: chain(3) }],
      },
      { ...FAST, rounds: null },
    )
    await traced.pass(70_000)
    expect(verdicts(traced)).toContainEqual([2, 'rate-limited'])
    const { path, reached } = of(traced.events, 'round').at(-1)!
    expect({ path, reached }).toEqual({ path: chain(3).map(({ address }) => address), reached: true })
  })

  test('the end of a run waits for a test, for so long at most', async () => {
    const stages = chain(3, at => (at === 2 ? { isSilent: true } : {}))
    const traced = await trace({ stages }, { ...FAST, rounds: 5 })
    expect(verdicts(traced)).toEqual([[2, 'silent']])
    const rounds = of(traced.events, 'round').at(-1)!.atMs - of(traced.events, 'sent')[0]!.atMs
    expect(traced.tookMs()! - rounds).toBeLessThanOrEqual(12 * 1100 + 1000)
  })

  test('a look at the path takes two slow probes of a hop at most', async () => {
    const traced = await trace({ stages: chain(3, at => (at === 2 ? { isSilent: true } : {})) })
    expect(count(traced, 2, 'slow').sent).toBe(2)
    expect(traced.tookMs()).toBeLessThanOrEqual(3 * 1100)
  })

  test('and none without --verify, nor where all answer', async () => {
    const silent = chain(3, at => (at === 2 ? { isSilent: true } : {}))
    const unverified = await trace({ stages: silent }, { verify: false })
    const healthy = await trace({ stages: chain(11) })
    for (const traced of [unverified, healthy]) {
      expect(traced.transport.sent.length).toBe(
        of(traced.events, 'sent').filter(({ purpose }) => purpose === 'round').length,
      )
    }
  })

  test('a hop of a path that became another is tested anew', async () => {
    const limited = chain(3, at => (at === 2 ? { limit: LINUX_LIMIT } : {}))
    const traced = begin(
      { stages: limited, changes: [{ atMs: 30_000, stages: [router(1), router(8), router(3), { address: TARGET }] }] },
      { ...FAST, rounds: null },
    )
    await traced.pass(60_000)
    expect(verdicts(traced)).toEqual([[2, 'rate-limited']])
    const [change] = of(traced.events, 'path-change')
    expect(change).toMatchObject({ ttl: 2, after: ['10.0.1.2', '10.0.8.2', '10.0.3.2', TARGET] })
    const after = of(traced.events, 'sent').filter(({ ttl, atMs }) => ttl === 2 && atMs > change!.atMs + 100)
    expect(after.every(({ purpose }) => purpose === 'round')).toBe(true)
  })

  test('over TCP, where a flow has one probe under way', async () => {
    const traced = await trace(
      { stages: chain(3, at => (at === 2 ? { limit: LINUX_LIMIT } : {})), protocol: 'tcp' },
      { intervalMs: 300, patient: true, rounds: 60 },
    )
    expect(verdicts(traced)).toEqual([[2, 'rate-limited']])
  })

  test('what judges can be replaced', async () => {
    const asked: number[] = []
    const judge = {
      suspects: (samples: readonly { ttl: number }[]) => {
        asked.push(samples.length)
        return [3]
      },
      slowVerdict: () => 'lossy' as const,
    }
    const traced = await trace({ stages: chain(3) }, { rounds: 1 }, { judge })
    expect(asked).toEqual([4])
    expect(of(traced.events, 'verified')).toMatchObject([{ ttl: 3, verdict: 'lossy', sent: 1, received: 1 }])
  })
})
