import { describe, expect, test } from 'vitest'
import { walkMessages } from '../../src/netlink/message.js'
import { dumpSockets } from '../../src/sockets/dump.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { dump, FINE, part, REQUEST } from '../netlink/dumping.js'
import { type Answer, done, FakeConnection, message } from '../netlink/fake.js'

describe('a large answer', () => {
  /** Reads of up to 16 datagrams with 4 sockets each, as the adapter gives them. */
  function large(count: number): { answer: Answer; cookies: number[] } {
    const cookies = Array.from({ length: count }, (_, at) => at + 1)
    const parts: Uint8Array[] = []
    for (let at = 0; at < count; at += 4) parts.push(part(...cookies.slice(at, at + 4)))
    parts.push(done())
    const batches: Uint8Array[][] = []
    for (let at = 0; at < parts.length; at += 16) batches.push(parts.slice(at, at + 16))
    return { answer: batches, cookies }
  }

  test('is handed out as it comes, and asked for once', async () => {
    const { answer, cookies } = large(1000)
    const { outcome, seen, connection } = await dump([answer])
    expect(seen).toEqual(cookies)
    expect(outcome).toEqual(FINE)
    expect(connection.sent).toHaveLength(1)
  })

  test('has duplicates removed across its parts, and is in doubt: a cursor that moved may have skipped others', async () => {
    const { outcome, seen } = await dump([[[part(1, 2), part(3)], [part(3, 4), part(2)], [done()]]])
    expect(seen).toEqual([1, 2, 3, 4])
    expect(outcome).toEqual({ ...FINE, duplicatesRemoved: 2, differed: true })
  })

  test('goes on when a row makes its consumer ask the kernel something else', async () => {
    const { answer, cookies } = large(200)
    const seen: number[] = []
    const other = done()
    const record = new SocketRecord()
    const outcome = await dumpSockets(
      new FakeConnection([answer]),
      REQUEST,
      record,
      () => 0,
      one => {
        seen.push(one.cookieLow)
        // As an interface is named: an answer of its own, with an end of its own.
        expect(walkMessages(new DataView(other.buffer), 0, other.length, () => undefined).done).toBe(true)
      },
    )
    expect(seen).toEqual(cookies)
    expect(outcome).toEqual(FINE)
  })

  test('that breaks off is damaged', async () => {
    const { answer } = large(200)
    const { outcome, seen } = await dump([answer.slice(0, 2)])
    expect(seen).toHaveLength(128)
    expect(outcome).toEqual({ ...FINE, damaged: 1 })
  })

  test('counts damage of every part once', async () => {
    const short = message(20, new Uint8Array(8))
    const cut = part(9).slice(0, 30)
    const { outcome, seen } = await dump([
      [
        [part(1), short, cut],
        [part(2), short, cut],
        [part(3), short, cut, done()],
      ],
    ])
    expect(seen).toEqual([1, 2, 3])
    expect(outcome).toEqual({ ...FINE, damaged: 6 })
  })

  test('waits for the consumer between its parts', async () => {
    const { answer } = large(200)
    const connection = new FakeConnection([answer])
    const log: string[] = []
    const read = connection.readNow.bind(connection)
    connection.readNow = () => {
      log.push('read')
      return read()
    }
    let pauses = 0
    const pause = (): Promise<void> | null => {
      log.push('pause')
      if (pauses++ > 0) return null
      return new Promise(resolve =>
        setImmediate(() => {
          log.push('resumed')
          resolve()
        }),
      )
    }
    const { seen } = await dump(connection, pause)
    expect(seen).toHaveLength(200)
    expect(log.slice(0, 5)).toEqual(['read', 'pause', 'resumed', 'read', 'pause'])
  })
})
