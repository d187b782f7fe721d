// A dump whose cursor is a position in a chain: sockets that close make it skip live ones, and nothing in the answer shows it.

import { describe, expect, test } from 'vitest'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { type DumpOutcome, type DumpRequest, dumpSockets } from '../../src/sockets/dump.js'
import type { Chained } from '../../src/sockets/dump-chains.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { ESTABLISHED, LISTENING } from '../../src/sockets/states.js'
import { chainedOf } from '../../src/sockets/tables.js'
import { FINE } from '../netlink/dumping.js'
import { type Answer, done, FakeConnection, refused, socketMessage } from '../netlink/fake.js'
import { concat } from './diag/build.js'

const ALONE = Uint8Array.of(9, 9, 9, 9)

const request = (chained: Chained | null): DumpRequest => ({
  payload: Uint8Array.of(1, 2, 3, 4),
  attributes: [],
  decode: (data, start, end, record) => decodeInet(data, start, end, 'tcp', record),
  chained,
})

const LISTENERS: Chained = {
  holds: record => record.state === LISTENING,
  request: { payload: ALONE, attributes: [] },
}

const sockets = (state: number, ...cookies: number[]): Uint8Array =>
  concat(...cookies.map(cookie => socketMessage(cookie, { state })))
const listeners = (...cookies: number[]): Uint8Array => sockets(LISTENING, ...cookies)
const connections = (...cookies: number[]): Uint8Array => sockets(ESTABLISHED, ...cookies)

/** The dump itself comes in two reads, as a large one does. */
const large = (...parts: Uint8Array[]): Answer => [parts.slice(0, 1), [...parts.slice(1), done()]]

async function dump(
  script: readonly Answer[],
  { chained = LISTENERS, now = () => 0 }: { chained?: Chained | null; now?: () => number } = {},
): Promise<{ outcome: DumpOutcome; seen: number[]; asked: number[] }> {
  const connection = new FakeConnection(script)
  const seen: number[] = []
  const outcome = await dumpSockets(connection, request(chained), new SocketRecord(), now, one => {
    expect(one.data.getInt32(one.messageStart + 44, true)).toBe(one.cookieLow)
    seen.push(one.cookieLow)
  })
  return { outcome, seen, asked: connection.sent.map(bytes => bytes[16]!) }
}

describe('listeners at the boundary of two parts of a large answer', () => {
  test('are asked for alone, and believed when a second look sees the same', async () => {
    const { outcome, seen, asked } = await dump([
      large(listeners(1, 2), concat(listeners(3), connections(4))),
      [[listeners(1, 2, 3), done()]],
    ])
    expect(seen).toEqual([1, 2, 3, 4])
    expect(outcome).toEqual({ ...FINE, passes: 2 })
    expect(asked).toEqual([1, 9])
  })

  test('that were skipped as others closed are found, and that looks differed is said although the last two agree', async () => {
    const { outcome, seen, asked } = await dump([
      large(listeners(1, 2, 3), listeners(6)),
      [[listeners(3, 4, 5)], [listeners(6), done()]],
      [[listeners(3, 4, 5, 6), done()]],
    ])
    expect(seen).toEqual([1, 2, 3, 6, 4, 5])
    expect(outcome).toEqual({ ...FINE, passes: 3, differed: true })
    expect(asked).toEqual([1, 9, 9])
  })

  test('that never hold still are looked for four times, and each is handed out once', async () => {
    const { outcome, seen, asked } = await dump([
      large(listeners(1, 2), listeners(3)),
      [[listeners(2, 3, 4), done()]],
      [[listeners(3, 4, 5), done()]],
      [[listeners(4, 5, 6), done()]],
      [[listeners(4, 5, 6), done()]],
    ])
    expect(seen).toEqual([1, 2, 3, 4, 5, 6])
    expect(outcome).toEqual({ ...FINE, passes: 4, differed: true })
    expect(asked).toHaveLength(4)
  })

  test('are looked for once more at least, however long it takes, and not for ever', async () => {
    let clock = 0
    const now = (): number => {
      clock += 1000
      return clock
    }
    const first = large(listeners(1, 2), listeners(3))
    expect(await dump([first, [[listeners(1, 2, 3), done()]]], { now })).toMatchObject({
      outcome: { ...FINE, passes: 2 },
    })
    const restless = await dump([first, [[listeners(2, 3), done()]], [[listeners(2, 3), done()]]], { now })
    expect(restless.outcome).toEqual({ ...FINE, passes: 2, differed: true })
  })

  test('are looked for when the rest of their chain was skipped, so that connections follow', async () => {
    const { outcome, seen } = await dump([
      large(connections(8), listeners(1, 2), connections(4)),
      [[listeners(1, 2, 3), done()]],
      [[listeners(1, 2, 3), done()]],
    ])
    expect(seen).toEqual([8, 1, 2, 4, 3])
    expect(outcome).toEqual({ ...FINE, passes: 3, differed: true })
  })

  test('in an answer that came at once but slowly are looked for too', async () => {
    let clock = 0
    const now = (): number => {
      clock += 60
      return clock
    }
    const { outcome, seen } = await dump(
      [[[listeners(1, 2), listeners(4), done()]], [[listeners(1, 2, 3, 4), done()]], [[listeners(1, 2, 3, 4), done()]]],
      { now },
    )
    expect(seen).toEqual([1, 2, 4, 3])
    expect(outcome).toEqual({ ...FINE, passes: 3, differed: true })
  })

  test('whose second look is refused or breaks off are in doubt', async () => {
    const first = large(listeners(1, 2), listeners(3))
    expect((await dump([first, [[refused(12)]]])).outcome).toEqual({ ...FINE, passes: 2, differed: true })
    expect((await dump([first, [[listeners(1)]]])).outcome).toMatchObject({ differed: true, damaged: 1 })
  })
})

describe('nothing is asked again', () => {
  test('when every part of a large answer ends in the table of connections', async () => {
    const { outcome, asked } = await dump([large(concat(listeners(1), connections(2)), connections(3))])
    expect(outcome).toEqual(FINE)
    expect(asked).toEqual([1])
  })

  test('where no socket stands in a long chain', async () => {
    const { outcome, asked } = await dump([large(listeners(1), listeners(2))], { chained: null })
    expect(outcome).toEqual(FINE)
    expect(asked).toEqual([1])
  })
})

describe('which sockets stand in long chains', () => {
  const asked: number[] = []
  const ask = (states: number): DumpRequest => {
    asked.push(states)
    return request(null)
  }

  test('listeners and bound ones of TCP, and nothing where neither is asked for', () => {
    const both = (1 << LISTENING) | (1 << ESTABLISHED)
    const chained = chainedOf('tcp', both, ask)!
    const record = new SocketRecord()
    record.state = LISTENING
    expect(chained.holds(record)).toBe(true)
    record.state = ESTABLISHED
    expect(chained.holds(record)).toBe(false)
    expect(asked.pop()).toBe(1 << LISTENING)
    expect(chainedOf('tcp', 1 << ESTABLISHED, ask)).toBeNull()
  })

  test('every one of UDP, connected or not: its table is hashed by local port', () => {
    const record = new SocketRecord()
    record.state = ESTABLISHED
    expect(chainedOf('udp', 1 << ESTABLISHED, ask)!.holds(record)).toBe(true)
  })
})
