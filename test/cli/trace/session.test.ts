import { expect, test } from 'vitest'
import { targetStatistics } from '../../../src/cli/trace/limits.js'
import type { RunningTrace } from '../../../src/cli/trace/parts.js'
import { TraceSession } from '../../../src/cli/trace/session.js'
import { exceeded, parseThresholds } from '../../../src/probe/thresholds.js'
import type { PathChangeEvent, TraceEvent } from '../../../src/probe/trace-events.js'
import { TraceStatistics } from '../../../src/probe/trace-statistics.js'
import { answered, chain, header, simulate } from '../../probe/trace-simulation.js'

const HEADER = header('10.0.3.2')
const RUN = { header: HEADER } as RunningTrace

const newSession = (): TraceSession => new TraceSession(RUN, each => new TraceStatistics(each), null, null)

/** Ten rounds a second: the first hop answers six at once, then one a second, which slowed probes find out. */
function limitedPath(): TraceEvent[] {
  const hops = chain(3)
  hops[0]!.limited = true
  return simulate({ hops, rounds: 300, intervalMs: 100, verify: true })
}

test('what is forgotten is forgotten, and what slowed probes have told of a hop is not', () => {
  const events = limitedPath()
  const told = events.findIndex(({ event }) => event === 'verified')
  expect(told).toBeGreaterThan(0)
  const session = newSession()
  const later = told + 50
  for (const event of events.slice(0, later)) session.add(event)
  expect(session.document().rateLimited).toEqual([{ ttl: 1, verified: true }])
  const before = Date.now()
  session.reset()
  const empty = session.document()
  expect(empty.hops.flatMap(({ responders }) => responders)).toEqual([])
  expect(Date.parse(empty.startedAt)).toBeGreaterThanOrEqual(before)
  for (const event of events.slice(later)) session.add(event)
  const { rateLimited, hops, verdict } = session.document()
  expect(rateLimited).toEqual([{ ttl: 1, verified: true }])
  expect(hops.map(({ lossPercent }) => lossPercent)).toEqual([0, 0, 0])
  expect(verdict.join('\n')).toMatch(/hop 1 limits its answers \(verified/)
})

test('answers to probes that left before the reset count no more', () => {
  const session = newSession()
  const sent: TraceEvent = {
    event: 'sent',
    ttl: 1,
    flow: 0,
    round: 1,
    sequence: 1,
    atMs: 0,
    purpose: 'round',
  }
  session.add(sent)
  session.reset()
  session.add(answered({ ttl: 1, from: '10.0.1.2', sequence: 1 }))
  expect(session.document().hops).toEqual([])
  session.add({ ...sent, sequence: 2, round: 2 })
  session.add(answered({ ttl: 1, from: '10.0.1.2', sequence: 2, round: 2 }))
  expect(session.document().hops).toMatchObject([{ ttl: 1, sent: 1, received: 1 }])
})

test('of a path that is no more nothing is told again', () => {
  const events = limitedPath()
  const told = events.findIndex(({ event }) => event === 'verified')
  const session = newSession()
  for (const event of events.slice(0, told + 50)) session.add(event)
  const change: PathChangeEvent = {
    event: 'path-change',
    flow: 0,
    round: 200,
    atMs: 20_000,
    ttl: 1,
    before: ['10.0.1.2', '10.0.2.2', '10.0.3.2'],
    after: ['10.9.1.2', '10.0.2.2', '10.0.3.2'],
  }
  session.add(change)
  session.reset()
  for (const sequence of [90_001, 90_002]) session.add(answered({ ttl: 1, from: '10.9.1.2', sequence, round: 201 }))
  expect(session.document().rateLimited).toEqual([])
})

test('the deviation of one time is unknown, and unknown is not below a limit', () => {
  const fold = new TraceStatistics(HEADER)
  fold.add(answered({ ttl: 1, from: '10.0.3.2', answer: 'echo-reply', rttMs: 5 }))
  const statistics = targetStatistics(fold.document(0))
  expect(exceeded(parseThresholds('stddev>1,avg>10,stddev<1'), statistics)).toEqual([
    'stddev>1: too few replies',
    'stddev<1: too few replies',
  ])
})

test('sizes that --mtu found stand with the hops, where none was told', () => {
  const fold = new TraceStatistics(HEADER)
  fold.add(answered({ ttl: 1, from: '10.0.1.2' }))
  fold.add(answered({ ttl: 2, from: '10.0.2.2', sequence: 2 }))
  fold.add(answered({ ttl: 3, from: '10.0.3.2', answer: 'echo-reply', sequence: 3 }))
  const byTtl = [
    { ttl: 1, address: '10.0.1.2', mtu: 1500 },
    { ttl: 2, address: '10.0.9.9', mtu: 1400 },
    { ttl: 3, address: '10.0.3.2', mtu: 1400 },
  ]
  const mtu = { pathMtu: 1400, byTtl, limits: [], clamps: [], mss: null, notes: [] }
  expect(fold.document(0, { mtu }).hops.map(({ responders }) => responders[0]?.mtu)).toEqual([1500, null, 1400])
})
