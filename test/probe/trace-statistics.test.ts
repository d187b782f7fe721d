import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Responder, TraceDocument } from '../../src/probe/trace-document.js'
import type { PathChangeEvent, RoundEvent, TraceEvent } from '../../src/probe/trace-events.js'
import { summarizeTrace, TraceStatistics } from '../../src/probe/trace-statistics.js'
import { answered, chain, header, ROUTERS, random, randomly, simulate } from './trace-simulation.js'

const TARGET = '10.0.4.2'

const timeout = (ttl: number, round: number, flow = 0): TraceEvent => ({
  event: 'timeout',
  purpose: 'round',
  ttl,
  flow,
  round,
  sequence: 1,
  atMs: 1000,
})

const echo = (ttl: number, round: number, fields: object = {}): TraceEvent =>
  answered({ ttl, round, from: TARGET, answer: 'echo-reply', ...fields })

const router = (ttl: number, round: number, fields: object = {}): TraceEvent =>
  answered({ ttl, round, from: ROUTERS[ttl - 1]!, ...fields })

const ended = (round: number, path: readonly (string | null)[], flow = 0): RoundEvent => ({
  event: 'round',
  flow,
  round,
  atMs: 1000 + round,
  path,
  reached: path.at(-1) === TARGET,
})

test('a late answer of a path that is no more is none of the path of now', () => {
  const [before, after] = [
    [ROUTERS[0]!, TARGET],
    [ROUTERS[5]!, TARGET],
  ]
  const change: PathChangeEvent = { event: 'path-change', flow: 0, round: 4, atMs: 0, ttl: 1, before, after }
  const round = (number: number): TraceEvent[] => [
    number === 2 || number === 5 ? timeout(1, number) : router(1, number, number < 4 ? {} : { from: ROUTERS[5] }),
    echo(2, number),
    ended(number, number < 4 ? before : after),
    ...(number === 4 ? [change] : []),
  ]
  const events = Array.from({ length: 20 }, (_, at) => round(at + 1)).flat()
  const late = router(1, 2, { event: 'late' })
  const document = summarizeTrace([...events, late], header())
  expect(responderAt(document, 1, ROUTERS[5])).toMatchObject({ sent: 17, received: 16 })
  expect(document.hops[0]).toMatchObject({ sent: 20, received: 18 })
})

describe('after a reset', () => {
  const verified: TraceEvent = { event: 'verified', ttl: 1, atMs: 5, verdict: 'rate-limited', sent: 4, received: 4 }

  test('verdicts that are told again come before everything else, and hold', () => {
    const slow = [1, 2, 3].map(() => router(1, 0, { purpose: 'slow', atMs: 9000 }))
    const document = summarizeTrace([verified, ended(16, [ROUTERS[0]!, TARGET]), ...slow, echo(2, 17)], header())
    expect(document.rateLimited).toEqual([{ ttl: 1, verified: true }])
    expect(document.startedAt).toBe(new Date(1016).toISOString())
    expect(document.hops.map(({ received }) => received)).toEqual([3, 1])
  })

  test('rounds are those that were seen, not all that the run has had', () => {
    const path = [ROUTERS[0]!, TARGET]
    const round = (number: number) => [router(1, number), echo(2, number)]
    const before = [ended(15, path)]
    const events = [...before, ...round(17), ended(16, path), ended(17, path), ...round(18), ended(18, path)]
    expect(summarizeTrace([verified, ...events], header()).rounds).toBe(2)
  })
})

const responderAt = (document: TraceDocument, ttl: number, address = ROUTERS[ttl - 1]!): Responder | undefined =>
  document.hops.find(hop => hop.ttl === ttl)?.responders.find(each => each.address === address)

describe('statistics of a responder', () => {
  test('are what a naive computation over all events gives', () => {
    const rtts = fc.array(fc.option(fc.double({ min: 0, max: 5000, noNaN: true }), { freq: 5 }), {
      minLength: 1,
      maxLength: 80,
    })
    fc.assert(
      fc.property(rtts, times => {
        const events = times.map((rttMs, at) => (rttMs === null ? timeout(1, at + 1) : echo(1, at + 1, { rttMs })))
        const answers = times.filter(time => time !== null)
        const responder = responderAt(summarizeTrace(events, header()), 1, TARGET)
        if (answers.length === 0) {
          expect(responder).toBeUndefined()
          return
        }
        const sorted = [...answers].sort((a, b) => a - b)
        const rank = (percent: number): number => sorted[Math.ceil((sorted.length * percent) / 100) - 1]!
        const avg = answers.reduce((sum, time) => sum + time, 0) / answers.length
        const squares = answers.reduce((sum, time) => sum + (time - avg) ** 2, 0)
        const { rttMs, jitterMs, sent, received, recentMs } = responder!
        expect({ sent, received }).toEqual({ sent: times.length, received: answers.length })
        expect(rttMs).toMatchObject({
          last: answers.at(-1),
          best: sorted[0],
          worst: sorted.at(-1),
          p50: rank(50),
          p95: rank(95),
        })
        expect(rttMs!.avg).toBeCloseTo(avg, 6)
        if (answers.length === 1) expect([rttMs!.stddev, jitterMs]).toEqual([null, null])
        else {
          expect(rttMs!.stddev).toBeCloseTo(Math.sqrt(squares / (answers.length - 1)), 6)
          const steps = answers.slice(1).map((time, at) => Math.abs(time - answers[at]!))
          expect(jitterMs).toBeCloseTo(steps.reduce((sum, step) => sum + step, 0) / steps.length, 6)
        }
        // Before its first answer nobody knows whose probes they are.
        const first = times.findIndex(time => time !== null)
        expect(recentMs).toEqual(times.slice(first).slice(-60))
      }),
    )
  })

  test('count sent as received, lost and not answering, without remainder', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed)
      const hops = chain(4).map((hop, at) => ({ ...hop, limited: at < 3, drops: randomly(next() * 0.3, next) }))
      for (const hop of summarizeTrace(simulate({ hops, rounds: 40, verify: true }), header()).hops) {
        const lost = Math.round((hop.lossPercent! * hop.sent) / 100)
        expect(hop.sent).toBe(hop.received + lost + hop.notAnswering)
        expect(hop.responders.reduce((sum, { sent }) => sum + sent, 0)).toBe(hop.sent)
      }
    }
  })

  test('leave duplicates out of everything', () => {
    const events = [router(1, 1), echo(2, 1, { rttMs: 5 })]
    const more = [...events, echo(2, 1, { event: 'duplicate', rttMs: 900 }), router(1, 1, { event: 'duplicate' })]
    expect(summarizeTrace(more, header())).toEqual(summarizeTrace(events, header()))
  })

  test('have no place for probes that are under way', () => {
    const sent: TraceEvent = { event: 'sent', purpose: 'round', ttl: 1, flow: 0, round: 2, sequence: 2, atMs: 2000 }
    const document = summarizeTrace([echo(1, 1), sent], header())
    expect(document.hops[0]).toMatchObject({ sent: 1, received: 1, lossPercent: 0 })
  })

  test('take a late answer for received, and leave its time alone', () => {
    const events = [echo(1, 1, { rttMs: 2 }), timeout(1, 2), echo(1, 2, { event: 'late', rttMs: 1500 })]
    const document = summarizeTrace(events, header())
    expect(document.hops[0]).toMatchObject({ sent: 2, received: 2, notAnswering: 0, lossPercent: 0 })
    expect(responderAt(document, 1, TARGET)).toMatchObject({
      rttMs: { avg: 2, worst: 2 },
      answers: { 'echo-reply': 2 },
    })
  })

  test('take it so as well when it comes long after its round', () => {
    const statistics = new TraceStatistics(header())
    statistics.add(timeout(1, 1))
    for (let round = 2; round <= 40; round++) statistics.add(echo(1, round))
    for (let round = 1; round <= 40; round++) statistics.add(ended(round, [TARGET]))
    expect(statistics.document(0).hops[0]).toMatchObject({ sent: 40, received: 39, lossPercent: 2.5 })
    statistics.add(echo(1, 1, { event: 'late' }))
    statistics.add(echo(1, 1, { event: 'late' }))
    expect(statistics.document(0).hops[0]).toMatchObject({ sent: 40, received: 40, lossPercent: 0 })
  })

  test('count ICMP types, keep the latest labels, and leave scouts and refusals of this host out', () => {
    const mpls = [{ label: 16, trafficClass: 0, bottom: true, ttl: 1 }]
    const events = [
      router(1, 1, { type: 11, code: 0, mpls }),
      router(1, 2, { type: 11, code: 0 }),
      router(1, 0, { purpose: 'scout', type: 11, code: 1 }),
      {
        ...timeout(1, 3),
        event: 'error',
        origin: 'local',
        reason: 'No route to host',
        errno: 'EHOSTUNREACH',
        mtu: null,
      },
    ] as TraceEvent[]
    const document = summarizeTrace(events, header())
    expect(document.hops[0]).toMatchObject({ sent: 2, received: 2 })
    expect(responderAt(document, 1)).toMatchObject({ icmp: [{ type: 11, code: 0, count: 2 }], mpls })
  })
})

describe('documents', () => {
  test('of a run in which nothing happened are empty, and say so', () => {
    const document = summarizeTrace([], header())
    expect(document).toMatchObject({
      hops: [],
      loss: [],
      rateLimited: [],
      pathChanges: [],
      flows: null,
      reached: false,
      targetState: null,
      rounds: 0,
      verdict: ['nothing has been heard yet'],
    })
  })

  test('end at the target, whatever it answered at larger TTLs', () => {
    const events = [echo(3, 1), router(1, 1), echo(2, 1), echo(4, 1)]
    const { hops, reached } = summarizeTrace(events, header())
    expect([hops.map(({ ttl }) => ttl), reached]).toEqual([[1, 2], true])
  })

  test('have hops that do not answer, in the middle and behind', () => {
    const hops = chain(4)
    hops[1]!.silent = true
    hops[3]!.silent = true
    const document = summarizeTrace(simulate({ hops, rounds: 5 }), header())
    expect(
      document.hops.map(({ responders, lossPercent, notAnswering }) => [responders.length, lossPercent, notAnswering]),
    ).toEqual([
      [1, 0, 0],
      [0, 0, 5],
      [1, 0, 0],
      [0, 100, 0],
    ])
    expect(document).toMatchObject({ reached: false, loss: [], rateLimited: [] })
    expect(document.verdict[0]).toMatch(/^nothing answers beyond hop 3 \(10\.0\.3\.2\): /)
    expect(document.verdict).toContain('hop 2 does not answer probes; traffic passes')
  })

  test('name verified limits, and those that are only likely', () => {
    const hops = chain(4).map((hop, at) => ({ ...hop, limited: at < 3 }))
    const verified = summarizeTrace(simulate({ hops, rounds: 30, verify: true }), header())
    expect(verified.rateLimited).toEqual([1, 2, 3].map(ttl => ({ ttl, verified: true })))
    expect(verified.hops.map(({ lossPercent }) => lossPercent)).toEqual([0, 0, 0, 0])
    const likely = summarizeTrace(simulate({ hops, rounds: 30, verify: false }), header())
    expect(likely.rateLimited).toEqual([1, 2, 3].map(ttl => ({ ttl, verified: false })))
    expect(likely.hops.map(({ lossPercent }) => lossPercent)).toEqual([0, 0, 0, 0])
    // The router of the bucket answers six and then one a second: of 30 within 3 s, 8 or 9.
    for (const { notAnswering } of likely.hops.slice(0, 3)) expect([21, 22]).toContain(notAnswering)
  })

  test('are the same however often one was made in between', () => {
    const next = random(7)
    const hops = chain(4).map(hop => ({ ...hop, drops: randomly(0.1, next) }))
    const events = simulate({ hops, rounds: 50, verify: true })
    const statistics = new TraceStatistics(header())
    for (const [at, event] of events.entries()) {
      statistics.add(event)
      if (at % 17 === 0) statistics.document(event.atMs)
    }
    expect(statistics.document(0)).toEqual(summarizeTrace(events, header()))
  })

  test('survive JSON unchanged', () => {
    const document = summarizeTrace(simulate({ hops: chain(3), rounds: 5 }), header('10.0.3.2'))
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })
})

describe('memory', () => {
  test('does not grow with the length of a run', () => {
    const statistics = new TraceStatistics(header())
    const path = [ROUTERS[0]!, TARGET]
    const hold = (from: number, to: number): number => {
      for (let round = from; round <= to; round++) {
        statistics.add(router(1, round, { rttMs: 1 + (round % 7) }))
        statistics.add(round % 9 === 0 ? timeout(2, round) : echo(2, round, { rttMs: 2 + (round % 5) }))
        statistics.add(ended(round, path))
      }
      return statistics.held
    }
    const afterSome = hold(1, 5000)
    expect(hold(5001, 30_000)).toBeLessThanOrEqual(afterSome)
    expect(statistics.document(0).hops[1]).toMatchObject({ sent: 30_000 })
  })

  test('is bounded where everybody makes up addresses, and rounds never end', () => {
    const statistics = new TraceStatistics(header())
    for (let round = 1; round <= 3000; round++) {
      statistics.add(
        router(1, round, { from: `10.1.${round >> 8}.${round & 255}`, type: round & 255, code: round >> 8 }),
      )
    }
    expect(statistics.held).toBeLessThan(1000)
    expect(statistics.document(0).hops[0]!.responders.length).toBeLessThanOrEqual(64)
    expect(statistics.document(0).hops[0]).toMatchObject({ sent: 3000, received: 3000 })
  })
})

describe('a path that changes', () => {
  const before = ['10.0.1.2', '10.0.2.2', '10.0.3.2', TARGET]
  const change = (round: number, from: string[], after: string[], ttl: number): PathChangeEvent => ({
    event: 'path-change',
    flow: 0,
    round,
    atMs: 1_700_000_000_000,
    ttl,
    before: from,
    after,
  })
  const rowOf = (round: number, path: readonly string[]): TraceEvent[] =>
    path.map((from, at) =>
      answered({ ttl: at + 1, round, from, answer: from === TARGET ? 'echo-reply' : 'time-exceeded' }),
    )

  test('leaves a hop that vanished without loss: what it did not answer since belongs to who is there now', () => {
    const events: TraceEvent[] = []
    const after = ['10.0.1.2', '10.0.9.2', '10.0.3.2', TARGET]
    for (let round = 1; round <= 20; round++) events.push(...rowOf(round, before), ended(round, before))
    // The new hop is silent in round 21, then answers: the change is told at the end of round 23.
    events.push(
      ...rowOf(21, before).filter(event => 'ttl' in event && event.ttl !== 2),
      timeout(2, 21),
      ended(21, before),
    )
    events.push(
      ...rowOf(22, after),
      ended(22, after),
      ...rowOf(23, after),
      ended(23, after),
      change(22, before, after, 2),
    )
    for (let round = 24; round <= 30; round++) events.push(...rowOf(round, after), ended(round, after))
    const document = summarizeTrace(events, header())
    expect(responderAt(document, 2, '10.0.9.2')).toMatchObject({ received: 9, lossPercent: 0 })
    expect(responderAt(document, 2, '10.0.2.2')).toMatchObject({ received: 20, lossPercent: 0 })
    expect(document.hops[1]!.responders[0]!.address).toBe('10.0.9.2')
    expect(document.pathChanges).toEqual([
      { flow: 0, round: 22, at: '2023-11-14T22:13:20.000Z', ttl: 2, before, after },
    ])
    expect(document.verdict).toContain('the path changed at hop 2 in round 22: 10.0.2.2 became 10.0.9.2')
  })

  test('that is told late counts from the round in which it happened', () => {
    const after = ['10.0.1.2', '10.0.9.2', '10.0.3.2', TARGET]
    const events: TraceEvent[] = []
    for (let round = 1; round <= 5; round++) events.push(...rowOf(round, before), ended(round, before))
    // Round 6 has the new hop and loses one probe there in round 7; the engine says so with round 8.
    events.push(...rowOf(6, after), ended(6, after))
    events.push(...rowOf(7, after).filter(event => 'ttl' in event && event.ttl !== 3), timeout(3, 7), ended(7, after))
    events.push(...rowOf(8, after), ended(8, after), change(8, before, after, 2))
    const document = summarizeTrace(events, header())
    expect(responderAt(document, 2, '10.0.2.2')).toMatchObject({ sent: 5, received: 5 })
    expect(responderAt(document, 2, '10.0.9.2')).toMatchObject({ sent: 3, received: 3 })
  })

  test('and gets shorter has no hops behind the target', () => {
    const after = ['10.0.1.2', '10.0.3.2', TARGET]
    const events: TraceEvent[] = []
    for (let round = 1; round <= 5; round++) events.push(...rowOf(round, before), ended(round, before))
    for (let round = 6; round <= 8; round++) events.push(...rowOf(round, [...after, TARGET]), ended(round, after))
    events.push(change(6, before, after, 2))
    const document = summarizeTrace(events, header())
    expect(document.hops.map(({ responders, lossPercent }) => [responders[0]!.address, lossPercent])).toEqual([
      ['10.0.1.2', 0],
      ['10.0.3.2', 0],
      [TARGET, 0],
    ])
    expect(document.loss).toEqual([])
  })

  test('and gets longer has the target at its end', () => {
    const after = ['10.0.1.2', '10.0.2.2', '10.0.3.2', '10.0.9.2', TARGET]
    const events: TraceEvent[] = []
    for (let round = 1; round <= 5; round++) events.push(...rowOf(round, before), ended(round, before))
    for (let round = 6; round <= 8; round++) events.push(...rowOf(round, after), ended(round, after))
    events.push(change(6, before, after, 4))
    const { hops } = summarizeTrace(events, header())
    expect(hops.map(({ responders }) => responders[0]!.address)).toEqual(after)
    expect(responderAt(summarizeTrace(events, header()), 5, TARGET)).toMatchObject({ sent: 3, received: 3 })
  })
})

describe('flows', () => {
  /** An ECMP diamond: even flows go by A, odd ones by B, which loses packets. */
  function diamond(seed: number, share: number): TraceEvent[] {
    const next = random(seed)
    const events: TraceEvent[] = []
    for (let round = 1; round <= 30; round++) {
      for (let flow = 0; flow < 16; flow++) {
        const lossy = flow % 2 === 1
        const path = ['10.0.1.2', lossy ? '10.0.22.2' : '10.0.21.2', '10.0.3.2', TARGET]
        for (const [at, from] of path.entries()) {
          const lost = at > 0 && lossy && next() < share
          const answer = from === TARGET ? 'echo-reply' : 'time-exceeded'
          events.push(lost ? timeout(at + 1, round, flow) : answered({ ttl: at + 1, round, flow, from, answer }))
        }
        events.push(ended(round, path, flow))
      }
    }
    return events
  }
  const flowHeader = header(TARGET, { flowValues: Array.from({ length: 16 }, (_, flow) => 40_000 + flow) })
  const odd = [1, 3, 5, 7, 9, 11, 13, 15]

  test('of a lossy branch are named, with what it loses, and the others lose nothing', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const document = summarizeTrace(diamond(seed, 0.3), flowHeader)
      expect(document.loss).toMatchObject([{ afterTtl: 1, beforeTtl: 2, flows: odd }])
      // 8 flows, 30 rounds, 3 hops: 720 packets; five standard deviations are 8.5 percent points.
      expect(Math.abs(document.loss[0]!.percent - 30)).toBeLessThan(500 * Math.sqrt((0.3 * 0.7) / 720))
      expect(responderAt(document, 2, '10.0.21.2')).toMatchObject({ lossPercent: 0, notAnswering: 0 })
      for (const flow of document.flows!) {
        if (flow.flow % 2 === 0) expect(flow.lossPercent).toBe(0)
        else expect(flow.lossPercent).toBeGreaterThan(0)
      }
    }
  })

  test('that lose nothing have no loss, and both branches are found', () => {
    const document = summarizeTrace(diamond(1, 0), flowHeader)
    expect(document.loss).toEqual([])
    expect(document.branches).toMatchObject({ flowsTried: 16, complete: true })
    expect(document.branches!.byTtl[1]).toEqual({ ttl: 2, addresses: ['10.0.21.2', '10.0.22.2'] })
    expect(document.flows![1]).toMatchObject({
      flow: 1,
      value: 40_001,
      path: ['10.0.1.2', '10.0.22.2', '10.0.3.2', TARGET],
      reached: true,
      sent: 30,
      received: 30,
    })
  })

  test('that all lose alike are not named', () => {
    const next = random(3)
    const hops = chain(4)
    hops[2]!.drops = randomly(0.3, next)
    const document = summarizeTrace(simulate({ hops, rounds: 30, flows: 4 }), flowHeader)
    expect(document.loss).toMatchObject([{ afterTtl: 2, beforeTtl: 3, flows: null }])
  })

  test('are listed when asked for, were it one', () => {
    const statistics = new TraceStatistics(header(), { flows: true })
    statistics.add(echo(1, 1))
    expect(statistics.document(0).flows).toHaveLength(1)
    // One flow cannot tell that there is no other branch.
    expect(statistics.document(0).branches).toMatchObject({ flowsTried: 1, complete: false })
  })
})
