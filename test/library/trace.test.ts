// trace as a program uses it: UDP to this host, for which nobody needs a permission.

import { expect, test } from 'vitest'
import {
  diffTraces,
  readTraceDocument,
  summarizeTrace,
  type TraceEvent,
  type TraceStartEvent,
  trace,
  UsageError,
} from '../../src/index.js'

const TO_SELF = { protocol: 'udp', maxTtl: 3 } as const

async function all(events: AsyncIterable<TraceStartEvent | TraceEvent>): Promise<[TraceStartEvent, TraceEvent[]]> {
  const list: (TraceStartEvent | TraceEvent)[] = []
  for await (const event of events) list.push(event)
  const [start, ...others] = list
  return [start as TraceStartEvent, others as TraceEvent[]]
}

test('starts with what the run is, and its events add up to a document', async () => {
  const [start, events] = await all(trace('127.0.0.1', TO_SELF))
  expect(start).toMatchObject({ event: 'start', target: { address: '127.0.0.1' }, protocol: 'udp', port: 33434 })
  const document = summarizeTrace(events, start)
  expect(document).toMatchObject({ target: '127.0.0.1', reached: true, loss: [], pathChanges: [] })
  expect(document.hops).toHaveLength(1)
  const replies = events.filter(({ event }) => event === 'reply')
  expect(document.hops[0]).toMatchObject({ ttl: 1, received: replies.length, lossPercent: 0 })
  expect(document.hops[0]!.responders).toMatchObject([
    { address: '127.0.0.1', answers: { 'port-unreachable': replies.length } },
  ])
})

test('a document that was saved is read again, and compared', async () => {
  const [start, events] = await all(trace('127.0.0.1', TO_SELF))
  const document = summarizeTrace(events, start)
  const saved = readTraceDocument(JSON.parse(JSON.stringify(document)))
  expect(saved.hops).toEqual(document.hops)
  expect(diffTraces(saved, document)).toMatchObject({ changedHops: [] })
  expect(() => readTraceDocument({})).toThrow()
})

test('ends when its signal says so, and sends nothing for one that was given before', async () => {
  const controller = new AbortController()
  let seen = 0
  for await (const _ of trace('127.0.0.1', {
    ...TO_SELF,
    rounds: 1_000_000,
    intervalMs: 5,
    signal: controller.signal,
  })) {
    if (++seen === 8) controller.abort()
  }
  expect(seen).toBeGreaterThanOrEqual(8)
  const [, nothing] = await all(trace('127.0.0.1', { ...TO_SELF, signal: AbortSignal.abort() }))
  expect(nothing).toEqual([])
})

test('ends when the loop is left', async () => {
  for await (const event of trace('127.0.0.1', { ...TO_SELF, rounds: 1_000_000, intervalMs: 5 })) {
    if (event.event === 'reply') break
  }
})

test.each([
  { maxTtl: 0 },
  { firstTtl: 5, maxTtl: 4 },
  { flows: 0 },
  { flows: 1000 },
  { packetBytes: 20 },
  { port: 70_000 },
  { protocol: 'icmp', port: 80 },
  { protocol: 'tcp', packetBytes: 100 },
  { timeoutMs: Number.NaN },
  // Nothing that is asked for is ignored.
  { protocol: undefined, port: 80 },
  { protocol: 'icmp', sourcePort: 4000 },
  { transport: 'raw' },
  { protocol: undefined, flows: 2, transport: 'datagram' },
  { protocol: 'tcp', timeoutMs: 1001 },
] as const)('%j is refused as misuse', async options => {
  await expect(all(trace('127.0.0.1', { protocol: 'udp', ...options } as object))).rejects.toBeInstanceOf(UsageError)
})

test('an option that is there without a value is as if it were not', async () => {
  const [start] = await all(trace('127.0.0.1', { ...TO_SELF, port: undefined, rounds: undefined } as object))
  expect(start).toMatchObject({ protocol: 'udp', port: 33434, maxTtl: 3 })
})

test('many targets are none', async () => {
  await expect(all(trace('192.0.2.0/24', TO_SELF))).rejects.toBeInstanceOf(UsageError)
})
