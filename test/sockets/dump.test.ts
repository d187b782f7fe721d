import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SystemCallError } from '../../src/errors/index.js'
import { dump, FINE, part, whole } from '../netlink/dumping.js'
import { type Answer, done, FakeBatch, FakeConnection, message, refused, socketMessage } from '../netlink/fake.js'
import { concat } from './diag/build.js'

describe('an answer in one part', () => {
  test('is read once', async () => {
    const { outcome, seen, connection } = await dump([whole([1, 2, 3])])
    expect(seen).toEqual([1, 2, 3])
    expect(outcome).toEqual(FINE)
    expect(connection.sent).toHaveLength(1)
  })

  test('may have DONE in the same datagram, or hold nothing else', async () => {
    expect(await dump([[[concat(part(1, 2), done())]]])).toMatchObject({ outcome: FINE, seen: [1, 2] })
    expect(await dump([[[done()]]])).toMatchObject({ outcome: FINE, seen: [] })
  })

  test('is asked for with a dump request, numbered anew each time', async () => {
    const { connection } = await dump([whole([1])])
    const { connection: next } = await dump([whole([1])])
    const view = new DataView(connection.sent[0]!.buffer)
    expect([view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true)]).toEqual([20, 20, 0x301])
    expect(new DataView(next.sent[0]!.buffer).getUint32(8, true)).toBe(view.getUint32(8, true) + 1)
  })

  test('has duplicates removed by cookie, both halves of it', async () => {
    const other = socketMessage(1, { cookieHigh: 1 })
    const { outcome, seen } = await dump([[[concat(part(1, 2, 1), other), done()]]])
    expect(seen).toEqual([1, 2, 1])
    expect(outcome).toEqual({ ...FINE, duplicatesRemoved: 1 })
  })

  test('keeps sockets that have no cookie: nothing tells them apart', async () => {
    const none = socketMessage(0xffffffff, { cookieHigh: 0xffffffff })
    expect(await dump([[[concat(none, none), done()]]])).toMatchObject({ outcome: FINE, seen: [-1, -1] })
  })

  test('that the kernel says changed meanwhile differs', async () => {
    const { outcome } = await dump([[[message(20, socketMessage(1).slice(16), 0x12), done()]]])
    expect(outcome).toEqual({ ...FINE, differed: true })
  })
})

describe('a refusal', () => {
  test.each([
    ['an NLMSG_ERROR', refused(22), 22],
    ['the payload of DONE', done(2), 2],
  ])('in %s is the errno, with no socket', async (_where, datagram, errno) => {
    expect(await dump([[[datagram]]])).toMatchObject({ outcome: { ...FINE, errno }, seen: [] })
  })

  test('after sockets were handed out is damage: asking again would repeat them', async () => {
    const { outcome, seen } = await dump([[[part(1)], [part(2), done(12)]]])
    expect(seen).toEqual([1, 2])
    expect(outcome).toEqual({ ...FINE, damaged: 1 })
  })

  test('of the socket itself is thrown', async () => {
    const connection = new FakeConnection([])
    connection.read = () => Promise.reject(new SystemCallError('no room', 105))
    await expect(dump(connection)).rejects.toThrow('no room')
  })
})

describe('damage', () => {
  test('no answer at all is damage, not an empty table', async () => {
    expect(await dump([[]])).toMatchObject({ outcome: { ...FINE, damaged: 1 }, seen: [] })
  })

  test('an answer without DONE is damaged, and its sockets are shown', async () => {
    expect(await dump([[[part(1, 2)]]])).toMatchObject({ outcome: { ...FINE, damaged: 1 }, seen: [1, 2] })
  })

  test('a message too short to be a socket is counted and passed over', async () => {
    const short = message(20, new Uint8Array(40))
    const { outcome, seen } = await dump([[[concat(part(1), short, part(2)), done()]]])
    expect(seen).toEqual([1, 2])
    expect(outcome).toEqual({ ...FINE, damaged: 1 })
  })

  test('a datagram that was cut is counted', async () => {
    const { outcome, seen } = await dump([[[part(1, 2).slice(0, 100), done()]]])
    expect(seen).toEqual([1])
    expect(outcome).toEqual({ ...FINE, damaged: 1 })
    const truncated = new FakeBatch([part(1), done()], [0])
    expect((await dump([[truncated]])).outcome).toEqual({ ...FINE, damaged: 1 })
  })

  test('a message with nothing in it, the last of what is kept, is counted too', async () => {
    // Behind its header the memory ends: no family to sort it by.
    const answer: Answer = [[part(1), concat(part(2), done()), message(20, new Uint8Array(0))]]
    const { outcome, seen } = await dump([answer, answer])
    expect(seen).toEqual([1, 2])
    expect(outcome.damaged).toBe(1)
  })

  test('of a repeated answer counts as well', async () => {
    const cut = [part(1), part(2), message(20, new Uint8Array(4)).slice(0, 18), done()]
    const { outcome } = await dump([whole([1], [2]), [cut], [cut]])
    expect(outcome.damaged).toBeGreaterThan(0)
  })
})

describe('a small answer in several parts', () => {
  test('is read again, and two passes that agree are enough', async () => {
    const { outcome, seen, connection } = await dump([whole([1, 2], [3]), whole([1], [2, 3])])
    expect(seen).toEqual([1, 2, 3])
    expect(outcome).toEqual({ ...FINE, passes: 2 })
    expect(connection.sent).toHaveLength(2)
  })

  test('that a closing socket tore a hole into is repeated until the others are all there', async () => {
    const { outcome, seen } = await dump([whole([1, 2], [4]), whole([2], [3, 4]), whole([2], [3, 4])])
    expect(seen).toEqual([2, 3, 4])
    expect(outcome).toEqual({ ...FINE, passes: 3, differed: true })
  })

  test('that an opening socket made repeat others has each once', async () => {
    const { outcome, seen } = await dump([whole([1, 2], [2, 3]), whole([0, 1], [2, 3]), whole([0, 1], [2, 3])])
    expect(seen).toEqual([0, 1, 2, 3])
    expect(outcome).toEqual({ ...FINE, passes: 3, duplicatesRemoved: 1, differed: true })
  })

  test('with a duplicate is not trusted, even if it names the same sockets', async () => {
    const { outcome, seen } = await dump([whole([1], [2]), whole([1, 2], [2]), whole([1], [2])])
    expect(seen).toEqual([1, 2])
    expect(outcome).toEqual({ ...FINE, passes: 3, duplicatesRemoved: 1 })
  })

  test('that never agrees ends after four passes, with what the last two saw', async () => {
    const { outcome, seen, connection } = await dump([
      whole([1], [2]),
      whole([3], [4]),
      whole([4], [5]),
      whole([6], [7]),
      whole([6], [7]),
    ])
    expect(seen).toEqual([6, 7, 4, 5])
    expect(outcome).toEqual({ ...FINE, passes: 4, differed: true })
    expect(connection.sent).toHaveLength(4)
  })

  test('that repeats sockets in every pass is in doubt, even if it names the same ones', async () => {
    const { outcome, seen } = await dump(Array.from({ length: 4 }, () => whole([1, 2], [2])))
    expect(seen).toEqual([1, 2])
    expect(outcome).toEqual({ ...FINE, passes: 4, duplicatesRemoved: 4, differed: true })
  })

  test('that took too long to be repeated is in doubt after a duplicate', async () => {
    const times = [0, 50]
    const { outcome, seen } = await dump([whole([1, 2], [2, 3])], undefined, () => times.shift() ?? 1000)
    expect(seen).toEqual([1, 2, 3])
    expect(outcome).toEqual({ ...FINE, duplicatesRemoved: 1, differed: true })
  })

  test('is not repeated when the first pass took long', async () => {
    const times = [0, 50]
    const { outcome, seen } = await dump([whole([1], [2]), whole([3], [4])], undefined, () => times.shift() ?? 1000)
    expect(seen).toEqual([1, 2])
    expect(outcome).toEqual(FINE)
    const quick = [0, 49]
    const repeated = await dump([whole([1], [2]), whole([1], [2])], undefined, () => quick.shift() ?? 1000)
    expect(repeated.outcome.passes).toBe(2)
  })

  test('keeps the first pass, with doubt, when the repetition is refused, gives nothing, or does not fit any more', async () => {
    for (const second of [[[done(11)]], [], [[part(1)], [part(2)], [part(3), done()]]] as Answer[]) {
      const { outcome, seen, connection } = await dump([whole([1], [2]), second])
      expect(seen).toEqual([1, 2])
      expect(outcome).toEqual({ ...FINE, differed: true })
      // The answer was read to its end: the next dump on this connection gets its own.
      expect(connection.readNow()).toBeNull()
    }
  })

  test('shows what the last two passes saw when a later repetition fails', async () => {
    const { seen, outcome } = await dump([whole([1], [2]), whole([2], [3]), [[done(11)]]])
    expect(seen).toEqual([2, 3, 1])
    expect(outcome).toEqual({ ...FINE, passes: 2, differed: true })
  })

  test('every socket that lives through all passes is shown once, whatever comes and goes', async () => {
    const split = (cookies: number[], at: number): number[][] => [cookies.slice(0, at), cookies.slice(at)]
    const pass = fc.tuple(fc.uniqueArray(fc.integer({ min: 100, max: 120 }), { maxLength: 6 }), fc.nat(6))
    await fc.assert(
      fc.asyncProperty(fc.array(pass, { minLength: 4, maxLength: 4 }), async passes => {
        const script = passes.map(([others, at]) => {
          const [head, tail] = split([...others, 1, 2, 3], Math.min(at, others.length))
          return [[part(...head!), part(...tail!), done()].filter(bytes => bytes.length > 0)]
        })
        const { seen, outcome } = await dump(script)
        expect(new Set(seen).size).toBe(seen.length)
        for (const cookie of [1, 2, 3]) expect(seen).toContain(cookie)
        expect(outcome.passes).toBeLessThanOrEqual(4)
      }),
    )
  })
})
