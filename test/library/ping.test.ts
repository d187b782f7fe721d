// ping and pingMany as a program uses them: TCP handshakes with this host, for which nobody needs a permission.

import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ProbeEvent, ping, pingMany, UsageError } from '../../src/index.js'

let server: Server
let port = 0

beforeAll(async () => {
  server = createServer(socket => socket.on('error', () => undefined))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as { port: number }).port
})

afterAll(() => new Promise(resolve => server.close(resolve)))

const all = async <T>(events: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const event of events) list.push(event)
  return list
}

describe('ping', () => {
  test('tells of each probe and its answer, and of the target at the end', async () => {
    const events = await all(ping('127.0.0.1', { tcp: port, count: 3, intervalMs: 5 }))
    expect(events.map(({ event }) => event).sort()).toEqual([
      'reply',
      'reply',
      'reply',
      'sent',
      'sent',
      'sent',
      'summary',
    ])
    const replies = events.filter(({ event }) => event === 'reply')
    expect(replies).toMatchObject([1, 2, 3].map(sequence => ({ sequence, answer: 'syn-ack', from: '127.0.0.1' })))
    expect(events.at(-1)).toMatchObject({
      event: 'summary',
      target: { target: '127.0.0.1', address: '127.0.0.1', family: 4 },
      statistics: { transmitted: 3, received: 3, lossPercent: 0 },
    })
  })

  test('ends when the loop is left', async () => {
    let first: ProbeEvent | null = null
    for await (const event of ping('127.0.0.1', { tcp: port, count: 1_000_000, intervalMs: 1 })) {
      first = event
      break
    }
    expect(first).toMatchObject({ event: 'sent', sequence: 1 })
  })

  test('ends when its signal says so, with a summary of what was', async () => {
    const controller = new AbortController()
    const events: ProbeEvent[] = []
    for await (const event of ping('127.0.0.1', {
      tcp: port,
      count: 1_000_000,
      intervalMs: 1,
      signal: controller.signal,
    })) {
      events.push(event)
      if (events.length === 10) controller.abort()
    }
    expect(events.at(-1)).toMatchObject({ event: 'summary' })
    const sent = events.filter(({ event }) => event === 'sent').length
    expect(events.at(-1)).toMatchObject({ statistics: { transmitted: sent } })
  })

  test('who has said stop before the start gets a summary of nothing, and nothing is sent', async () => {
    const events = await all(ping('127.0.0.1', { tcp: port, signal: AbortSignal.abort() }))
    expect(events).toMatchObject([{ event: 'summary', statistics: { transmitted: 0, received: 0, lossPercent: null } }])
  })

  test.each([
    { tcp: 0 },
    { tcp: 80, udp: 80 },
    { count: 0 },
    { count: 1.5 },
    { intervalMs: -1 },
    { ttl: 256 },
    { timeoutMs: Number.NaN },
    { tcp: 80, transport: 'raw-socket' },
  ] as const)('%j is refused as misuse', async options => {
    await expect(all(ping('127.0.0.1', options))).rejects.toBeInstanceOf(UsageError)
  })

  test('an address of the other family is refused', async () => {
    await expect(all(ping('127.0.0.1', { family: 6, tcp: port }))).rejects.toMatchObject({ code: 'unresolved' })
  })
})

describe('pingMany', () => {
  test('tells of what has no address first, and of each target at the end', async () => {
    const targets = ['127.0.0.1', '127.0.0.2/31', '::1%nowhere-at-all']
    const events = await all(pingMany(targets, { tcp: port, count: 1, timeoutMs: 300 }))
    expect(events[0]).toMatchObject({ event: 'unresolved', target: '::1%nowhere-at-all' })
    const summaries = events.filter(({ event }) => event === 'summary')
    expect(summaries).toMatchObject([
      { target: { address: '127.0.0.1' }, statistics: { transmitted: 1, received: 1 } },
      { target: { address: '127.0.0.2' }, statistics: { transmitted: 1 } },
      { target: { address: '127.0.0.3' }, statistics: { transmitted: 1 } },
    ])
    expect(events.slice(-3)).toEqual(summaries)
  })
})
