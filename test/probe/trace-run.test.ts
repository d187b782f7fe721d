import { describe, expect, test } from 'vitest'
import { summarizeTrace } from '../../src/probe/trace-statistics.js'
import { begin, chain, of, TARGET, type Traced, trace } from './trace-network.js'

const addresses = (routers: number): string[] => chain(routers).map(({ address }) => address)
const paths = ({ events }: Traced) => of(events, 'round').map(({ path }) => path)
const deepest = ({ transport }: Traced): number => Math.max(...transport.sent.map(({ ttl }) => ttl))

describe('the list of hops', () => {
  test.each(
    (['icmp', 'udp', 'tcp'] as const).flatMap(protocol =>
      [0, 1, 2, 3, 11, 29].map(routers => [protocol, routers] as const),
    ),
  )('over %s with %d routers before the target', async (protocol, routers) => {
    const traced = await trace({ stages: chain(routers), protocol })
    const want = addresses(routers)
    expect(paths(traced)).toEqual([want, want, want])
    expect(of(traced.events, 'round').map(({ round, reached }) => [round, reached])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ])
    expect(of(traced.events, 'hop').map(({ ttl, address }) => [ttl, address])).toEqual(
      want.map((address, at) => [at + 1, address]),
    )
    expect(of(traced.events, 'timeout')).toEqual([])
    expect(of(traced.events, 'path-change')).toEqual([])
  })
})

describe('how long it takes', () => {
  test('a path without a single answer is over one timeout after the sweep, and another look at its first five hops', async () => {
    const traced = await trace({ stages: chain(40, () => ({ isSilent: true })), answers: false }, { timeoutMs: 1000 })
    const sweep = Array.from({ length: 30 }, (_, at) => at + 1)
    expect(traced.transport.sent.map(({ ttl }) => ttl)).toEqual([...sweep, 1, 2, 3, 4, 5])
    expect(traced.tookMs()).toBeGreaterThanOrEqual(1000)
    expect(traced.tookMs()).toBeLessThanOrEqual(1300)
    expect(of(traced.events, 'timeout')).toHaveLength(30)
    expect(of(traced.events, 'round')).toMatchObject([{ round: 1, path: [], reached: false }])
  })

  test('the same over TCP, where only scouts are sent', async () => {
    const traced = await trace({ stages: chain(40, () => ({ isSilent: true })), answers: false, protocol: 'tcp' })
    expect(traced.tookMs()).toBeLessThanOrEqual(1300)
    expect(traced.transport.sent).toHaveLength(35)
    expect(of(traced.events, 'round')).toMatchObject([{ round: 1, path: [], reached: false }])
  })

  test('the first list of a short path takes one round trip, all three of them two', async () => {
    // 3 links of 20 ms each way.
    const traced = await trace({ stages: chain(2, () => ({ linkMs: 20 })) })
    const [first] = of(traced.events, 'round')
    const start = of(traced.events, 'sent')[0]!.atMs
    expect(first!.atMs - start).toBeLessThanOrEqual(120 + 5)
    expect(traced.tookMs()).toBeLessThanOrEqual(2 * (120 + 10))
  })

  test('a hop that does not answer costs much less than a timeout when those behind it do', async () => {
    const traced = await trace(
      { stages: chain(3, at => (at === 2 ? { isSilent: true } : {})) },
      { timeoutMs: 5000, verify: false },
    )
    expect(paths(traced)[0]).toEqual(['10.0.1.2', null, '10.0.3.2', TARGET])
    expect(traced.tookMs()).toBeLessThan(400)
  })

  test('a target that does not answer costs one timeout for all rounds together', async () => {
    const traced = await trace({ stages: chain(3), answers: false }, { timeoutMs: 1000, verify: false })
    expect(paths(traced)).toEqual(Array.from({ length: 3 }, () => addresses(3).slice(0, 3)))
    expect(traced.tookMs()).toBeLessThanOrEqual(1500)
  })
})

describe('limits on answers that are used up', () => {
  // What two traces before this one leave of the burst of Linux: nothing.
  const usedUp = { limit: { burst: 1, perSecond: 1 }, isUsedUp: true } as const

  test.each(['icmp', 'udp', 'tcp'] as const)(
    'over %s do not hide a path that answers again after a second',
    async protocol => {
      const change = (at: number) => (at === 4 && protocol !== 'udp' ? {} : usedUp)
      // ICMP and TCP targets have no limit on what they answer; a filter keeps it back.
      const traced = await trace({ stages: chain(3, change), protocol, answers: protocol === 'udp' }, { verify: false })
      const seen = new Set(of(traced.events, 'hop').map(({ ttl, address }) => `${ttl} ${address}`))
      for (const [at, address] of addresses(3)
        .slice(0, protocol === 'udp' ? 4 : 3)
        .entries()) {
        expect(seen).toContain(`${at + 1} ${address}`)
      }
      expect(summarizeTrace(traced.events, traced.run.header).reached).toBe(protocol === 'udp')
    },
  )

  test('of a single probe to each hop, too', async () => {
    const traced = await trace({ stages: chain(3, () => usedUp), protocol: 'udp' }, { rounds: 1 })
    expect(paths(traced)).toEqual([addresses(3)])
    expect(of(traced.events, 'timeout').filter(({ ttl }) => ttl <= 4)).toEqual([])
  })
})

describe('what is sent', () => {
  test('no probe goes beyond the target once it has answered, and five beyond the deepest answer before', async () => {
    const traced = await trace({ stages: chain(3) })
    const { sent } = traced.transport
    const known = of(traced.events, 'reply').find(({ from }) => from === TARGET)!.atMs
    const start = of(traced.events, 'sent')[0]!.atMs
    for (const probe of sent) if (probe.atMs - 1000 > known - start) expect(probe.ttl).toBeLessThanOrEqual(4)
    // Five beyond the third router, and one for the time that it took.
    expect(known - start).toBeLessThan(20)
    expect(deepest(traced)).toBeLessThanOrEqual(3 + 5 + 1)
  })

  test('a distant target on slow links is not overshot by more than the window and its growth', async () => {
    const traced = await trace({ stages: chain(11, () => ({ linkMs: 1 })) }, { rounds: 1 })
    expect(deepest(traced)).toBeLessThanOrEqual(11 + 5 + Math.floor(traced.tookMs()! / 10))
  })

  test.each(['icmp', 'tcp'] as const)('two probes over %s are a gap apart', async protocol => {
    const traced = await trace({ stages: chain(11), protocol }, { gapMs: 4, flows: 6 })
    const times = traced.transport.sent.map(({ atMs }) => atMs)
    for (const [at, atMs] of times.entries()) if (at > 0) expect(atMs - times[at - 1]!).toBeGreaterThanOrEqual(4 - 1e-6)
  })

  test('rounds keep their interval, and spread their probes over half of it at most', async () => {
    const traced = begin({ stages: chain(3) }, { rounds: null, intervalMs: 1000, patient: true })
    await traced.pass(10_500)
    const starts = traced.transport.sent.filter(({ ttl }) => ttl === 1).map(({ atMs }) => atMs)
    expect(starts).toEqual(Array.from({ length: 11 }, (_, at) => 1000 + 1000 * at))
    const second = traced.transport.sent.filter(({ atMs }) => atMs >= 2000 && atMs < 3000)
    expect(second.map(({ atMs }) => atMs)).toEqual([2000, 2010, 2020, 2030])
  })

  test('a loop that was busy for long does not make up for the rounds that it missed', async () => {
    const traced = begin({ stages: chain(1) }, { rounds: null, intervalMs: 100, patient: true })
    await traced.pass(1000)
    const before = traced.transport.sent.length
    traced.time.nowMs += 60_000
    await traced.pass(1000)
    expect(traced.transport.sent.length - before).toBeLessThanOrEqual(2 * 12)
  })

  test('a full socket is tried again, and costs no probe', async () => {
    const traced = begin({ stages: chain(3) })
    traced.transport.fullFor = 20
    await traced.pass(5000)
    expect(paths(traced)).toEqual([addresses(3), addresses(3), addresses(3)])
    expect(traced.transport.sent.map(({ sequence }) => sequence)).toEqual(traced.transport.sent.map((_, at) => at + 1))
  })

  test('a range of TTLs that begins behind the first hop', async () => {
    const traced = await trace({ stages: chain(5) }, { firstTtl: 3, maxTtl: 4 })
    expect(new Set(traced.transport.sent.map(({ ttl }) => ttl))).toEqual(new Set([3, 4]))
    expect(paths(traced)[0]).toEqual(['10.0.3.2', '10.0.4.2'])
  })

  test('the values of the flows are in the header', async () => {
    const traced = await trace({ stages: chain(1) }, { flows: 3 })
    expect(traced.run.header).toMatchObject({ flowKey: 'checksum', flowValues: [40_000, 40_001, 40_002] })
  })
})

describe('answers out of order', () => {
  test('an error of nobody is nobody, least of all the target', async () => {
    const stages = chain(3, at => (at === 2 ? { isNameless: true } : {}))
    const traced = await trace({ stages }, { verify: false })
    expect(paths(traced)[0]).toEqual(['10.0.1.2', null, '10.0.3.2', TARGET])
    expect(of(traced.events, 'timeout').map(({ ttl }) => ttl)).toEqual([2, 2, 2])
  })

  test('late answers are late, and the list has those who gave them no less', async () => {
    const fate = ({ ttl }: { ttl: number }, rttMs: number): number[] => [ttl === 2 ? 900 : rttMs]
    const traced = await trace(
      { stages: chain(3), fate },
      { rounds: 5, intervalMs: 1000, timeoutMs: 400, verify: false, patient: true },
    )
    const second = of(traced.events, 'late')
    expect(second.length).toBeGreaterThanOrEqual(4)
    for (const { ttl, from, rttMs } of second) expect([ttl, from, rttMs]).toEqual([2, '10.0.2.2', 900])
    expect(of(traced.events, 'timeout').every(({ ttl }) => ttl === 2)).toBe(true)
  })

  test('a second answer to the same probe is a duplicate', async () => {
    const traced = await trace({ stages: chain(3), fate: (_, rttMs) => [rttMs, rttMs + 0.5] })
    const first = new Set(of(traced.events, 'reply').map(({ sequence }) => sequence))
    const again = of(traced.events, 'duplicate')
    expect(again.length).toBeGreaterThan(0)
    expect(again.every(({ sequence }) => first.has(sequence))).toBe(true)
    expect(of(traced.events, 'reply')).toHaveLength(first.size)
    expect(paths(traced)).toEqual([addresses(3), addresses(3), addresses(3)])
  })

  test('nearer hops that answer after farther ones make the same list', async () => {
    const traced = await trace({ stages: chain(9), fate: ({ ttl }) => [200 - 15 * ttl] })
    expect(paths(traced)).toEqual([addresses(9), addresses(9), addresses(9)])
    expect(of(traced.events, 'path-change')).toEqual([])
    expect(
      of(traced.events, 'hop')
        .map(({ ttl }) => ttl)
        .sort((a, b) => a - b),
    ).toEqual(addresses(9).map((_, at) => at + 1))
  })

  test('what has come is read before anything is called overdue', async () => {
    const traced = begin({ stages: chain(2) }, { timeoutMs: 50, rounds: 1 })
    await traced.pass(0)
    // The process sleeps while the answers come.
    traced.time.nowMs += 10_000
    await traced.pass(1000)
    expect(of(traced.events, 'timeout')).toEqual([])
    expect(of(traced.events, 'late')).toEqual([])
  })
})

describe('what ends a path', () => {
  test('a router that says that nothing may pass', async () => {
    const traced = await trace({ stages: chain(5, at => (at === 3 ? { blocks: 13 } : {})) })
    expect(paths(traced)[0]).toEqual(['10.0.1.2', '10.0.2.2', '10.0.3.2', '10.0.3.2'])
    expect(of(traced.events, 'round').some(({ reached }) => reached)).toBe(false)
    expect(of(traced.events, 'reply').find(({ ttl }) => ttl === 4)).toMatchObject({
      answer: 'unreachable',
      type: 3,
      code: 13,
      from: '10.0.3.2',
    })
    const late = traced.transport.sent.filter(({ atMs }) => atMs > 1050)
    for (const { ttl } of late) expect(ttl).toBeLessThanOrEqual(4)
  })

  test('a closed port of a target over UDP is the target, and reached', async () => {
    const traced = await trace({ stages: chain(3), protocol: 'udp' })
    expect(of(traced.events, 'reply').find(({ ttl }) => ttl === 4)).toMatchObject({
      answer: 'port-unreachable',
      type: 3,
      code: 3,
    })
  })

  test.each([101, 113, 13, 22])('the kernel refuses the first probe with errno %d', async errno => {
    const traced = await trace({ stages: chain(3), refuses: () => errno })
    expect(traced.tookMs()).toBe(0)
    expect(traced.events.map(({ event }) => event)).toEqual(['sent', 'error'])
  })

  test('a probe that the kernel refuses later is an error, and neither lost nor waited for', async () => {
    const traced = await trace({ stages: chain(3), refuses: sequence => (sequence === 3 ? 1 : 0) })
    expect(of(traced.events, 'error')).toMatchObject([{ sequence: 3, ttl: 3, errno: 'EPERM', origin: 'local' }])
    expect(of(traced.events, 'timeout')).toEqual([])
    expect(paths(traced)[1]).toEqual(addresses(3))
  })
})

describe('stop, pause and resume', () => {
  test('after stop nothing more is sent or told, and what is under way is not lost', async () => {
    const traced = begin({ stages: chain(3, () => ({ linkMs: 50 })) }, { rounds: null, intervalMs: 100 })
    await traced.pass(1030)
    traced.run.stop()
    await traced.pass(0)
    const { length } = traced.events
    const sent = traced.transport.sent.length
    expect(traced.tookMs()).not.toBeNull()
    expect(of(traced.events, 'timeout')).toEqual([])
    for (let more = 0; more < 100; more++) traced.time.step(100_000)
    expect([traced.events.length, traced.transport.sent.length]).toEqual([length, sent])
  })

  test('stop from within an event', async () => {
    const traced = begin({ stages: chain(3) }, {})
    const { push } = traced.events
    traced.events.push = (...events) => {
      if (events[0]?.event === 'reply') traced.run.stop()
      return push.apply(traced.events, events)
    }
    await traced.pass(1000)
    expect(of(traced.events, 'reply')).toHaveLength(1)
  })

  test('a run that is stopped before it begins sends nothing', async () => {
    const traced = begin({ stages: chain(3) })
    traced.run.stop()
    await traced.pass(100)
    const sent = traced.transport.sent.length
    await traced.run.run()
    expect(traced.transport.sent).toHaveLength(sent)
  })

  test('a pause sends nothing, hears what is under way, and is not made up for', async () => {
    const traced = begin({ stages: chain(3) }, { rounds: null, intervalMs: 100, patient: true })
    await traced.pass(1030)
    traced.run.pause()
    const { length } = traced.transport.sent
    await traced.pass(60_000)
    expect(traced.transport.sent).toHaveLength(length)
    const near = of(traced.events, 'sent').filter(({ ttl }) => ttl <= 4)
    expect(of(traced.events, 'reply').filter(({ ttl }) => ttl <= 4)).toHaveLength(near.length)
    traced.run.resume()
    await traced.pass(1000)
    expect(traced.transport.sent.length - length).toBeLessThanOrEqual(4 * 12)
    expect(traced.transport.sent.length - length).toBeGreaterThanOrEqual(4 * 9)
    expect(of(traced.events, 'timeout').filter(({ ttl }) => ttl <= 4)).toEqual([])
  })
})

describe('long runs', () => {
  test('no more than 4096 probes are under way, however long they are waited for', async () => {
    const traced = begin(
      { stages: chain(3, () => ({ isSilent: true })), answers: false },
      { rounds: null, intervalMs: 5, gapMs: 0.5, timeoutMs: 60_000, patient: true },
    )
    await traced.pass(59_000)
    expect(traced.transport.sent).toHaveLength(4096)
    expect(of(traced.events, 'timeout')).toEqual([])
    // They make room when they are given up.
    await traced.pass(3000)
    expect(traced.transport.sent.length).toBeGreaterThan(5000)
    expect(traced.transport.sent.length - of(traced.events, 'timeout').length).toBeLessThanOrEqual(4096)
  })

  test('a hundred thousand rounds, each list right, in bounded memory', async () => {
    const traced = begin({ stages: chain(2) }, { rounds: 100_000, intervalMs: 10, patient: true })
    const want = addresses(2).join()
    let rounds = 0
    let wrong = 0
    traced.events.push = (...events) => {
      for (const event of events) {
        if (event.event === 'round') rounds++
        if (event.event === 'round' && event.path.join() !== want) wrong++
        if (event.event === 'timeout' && event.ttl <= 3) wrong++
      }
      return 0
    }
    // The transport's own notes are none of the run's.
    Object.defineProperty(traced.transport.sent, 'push', { value: () => 0 })
    await traced.pass(10_000)
    globalThis.gc?.()
    const before = heldBy(traced.run)
    await traced.pass(2_000_000)
    expect([rounds, wrong]).toEqual([100_000, 0])
    expect(heldBy(traced.run)).toBeLessThanOrEqual(before * 1.2)
  })
})

/** Elements of all collections that are held, down through every object: what grows when something is never let go. */
function heldBy(root: object): number {
  const seen = new Set<object>()
  let count = 0
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value) || value instanceof Promise) return
    // The world around the run.
    if (value.constructor.name === 'NetworkTransport' || value.constructor.name === 'VirtualTime') return
    seen.add(value)
    if (ArrayBuffer.isView(value)) {
      count += value.byteLength / 8
      return
    }
    count++
    if (value instanceof Map) for (const each of value.values()) visit(each)
    else if (value instanceof Set) count += value.size
    else for (const each of Object.values(value)) visit(each)
  }
  visit(root)
  return count
}
