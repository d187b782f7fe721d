import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ErrorEvent, ReplyEvent } from '../../src/probe/events.js'
import { BASE_SECONDS, payloadOf, type Running, start, target } from './fake-transport.js'

const replies = ({ events }: Running): ReplyEvent[] =>
  events.filter((event): event is ReplyEvent => ['reply', 'late', 'duplicate'].includes(event.event))
const errors = ({ events }: Running): ErrorEvent[] =>
  events.filter((event): event is ErrorEvent => event.event === 'error')
const statistics = (running: Running, index = 0) => [...running.run.summaries()][index]!.statistics

describe('the pace', () => {
  test('a probe goes out at once and then at every interval', () => {
    const running = start()
    running.clock.pass(3000)
    expect(running.transport.sent.map(({ sequence, atMs }) => [sequence, atMs])).toEqual([
      [1, 1000],
      [2, 2000],
      [3, 3000],
      [4, 4000],
    ])
  })

  test('a send that comes late is not made up for by a burst', () => {
    const running = start()
    // Nothing of the process runs for 5.5 s.
    running.clock.nowMs += 5500
    running.clock.pass(2600)
    expect(running.transport.sent.map(({ atMs }) => atMs)).toEqual([1000, 6500, 7500, 8500])
  })

  test('preload goes out at once', () => {
    const running = start({ pace: { intervalMs: 1000, gapMs: 0, preload: 3, mode: 'steady', floorMs: 0 } })
    running.clock.pass(1000)
    expect(running.transport.sent.map(({ atMs }) => atMs)).toEqual([1000, 1000, 1000, 2000])
  })

  test('flood sends at each answer, and a hundred a second without', () => {
    const running = start({ pace: { intervalMs: 0, gapMs: 0, preload: 1, mode: 'flood', floorMs: 0 } })
    expect(running.transport.sent).toHaveLength(1)
    running.transport.answer({ target: 0, sequence: 1 })
    expect(running.transport.sent).toHaveLength(2)
    running.clock.pass(100)
    expect(running.transport.sent.length).toBeGreaterThanOrEqual(11)
    expect(running.transport.sent.length).toBeLessThanOrEqual(13)
  })

  test('adaptive mode follows the round-trip time, and keeps the floor', () => {
    const running = start({ pace: { intervalMs: 1000, gapMs: 0, preload: 1, mode: 'adaptive', floorMs: 2 } })
    for (let sequence = 1; sequence <= 50; sequence++) {
      running.clock.nowMs += 0.1
      running.transport.answer({ target: 0, sequence })
      running.clock.pass(2)
    }
    const { sent } = running.transport
    const gaps = sent.slice(10).map(({ atMs }, at) => atMs - sent[at + 9]!.atMs)
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(2 - 1e-6)
      expect(gap).toBeLessThan(5)
    }
  })

  test('adaptive mode follows the first answer, not the interval that it began with', () => {
    const running = start({ pace: { intervalMs: 1000, gapMs: 0, preload: 1, mode: 'adaptive', floorMs: 2 } })
    running.clock.pass(5)
    running.transport.answer({ target: 0, sequence: 1 })
    running.clock.pass(1)
    expect(running.transport.sent.map(({ atMs }) => atMs)).toEqual([1000, 1005])
  })

  test('a socket that was full for long makes no burst afterwards', () => {
    const running = start()
    running.transport.room.push(...Array.from({ length: 3500 }, () => 0))
    running.clock.pass(6500)
    const times = running.transport.sent.map(({ atMs }) => atMs)
    expect(times.length).toBeGreaterThan(2)
    for (const [at, time] of times.entries()) if (at > 0) expect(time - times[at - 1]!).toBeGreaterThanOrEqual(1000)
  })

  test('many targets are probed in turn, a gap apart, and each at its interval', () => {
    const targets = [target(0), target(1), target(2)]
    const running = start({
      targets,
      count: 2,
      pace: { intervalMs: 1000, gapMs: 10, preload: 1, mode: 'steady', floorMs: 0 },
    })
    running.clock.pass(1500)
    expect(running.transport.sent.map(({ target: index, sequence, atMs }) => [index, sequence, atMs])).toEqual([
      [0, 1, 1000],
      [1, 1, 1010],
      [2, 1, 1020],
      [0, 2, 2000],
      [1, 2, 2010],
      [2, 2, 2020],
    ])
  })

  test('a full socket buffer delays probes and loses none', () => {
    const targets = Array.from({ length: 600 }, (_, index) => target(index, `10.0.${index >> 8}.${index & 255}`))
    const running = start({
      targets,
      count: 2,
      shortWait: false,
      pace: { intervalMs: 1, gapMs: 0, preload: 1, mode: 'steady', floorMs: 0 },
    })
    running.transport.room.push(...Array.from({ length: 40 }, (_, at) => (at % 3) * 7))
    running.clock.pass(500)
    expect(running.transport.sent.map(({ target: index, sequence }) => `${sequence} ${index}`)).toEqual(
      [1, 2].flatMap(sequence => targets.map(({ index }) => `${sequence} ${index}`)),
    )
  })

  test('no more leave before the next read than there is room for answers', async () => {
    const targets = Array.from({ length: 600 }, (_, index) => target(index, `10.0.${index >> 8}.${index & 255}`))
    const pace = { intervalMs: 100, gapMs: 0, preload: 1, mode: 'steady', floorMs: 0 } as const
    const running = start({ targets, count: 2, shortWait: false, timeoutMs: 50, pace })
    running.transport.rows = 10
    running.transport.answersAtOnce = true
    running.clock.pass(500)
    expect(await running.ended()).toBe(true)
    const second = running.events.filter(event => event.event === 'reply' && event.sequence === 2)
    expect(second).toHaveLength(600)
  })
})

describe('answers', () => {
  test('a reply has the time between the two stamps and the wall clock', () => {
    const running = start()
    running.clock.pass(7)
    running.transport.answer({ target: 0, sequence: 1 })
    expect(replies(running)).toMatchObject([
      {
        event: 'reply',
        sequence: 1,
        rttMs: 7,
        timestampSource: 'rx',
        ttl: 64,
        bytes: 32,
        from: '192.0.2.1',
        differentAddress: false,
        reordered: false,
        corrupted: null,
        corruptedBytes: 0,
        clockStepped: false,
        queuedMs: null,
      },
    ])
    expect(replies(running)[0]!.atMs).toBeCloseTo(BASE_SECONDS * 1000 + 1007 + 5000, 3)
  })

  test('with transmit stamps it tells how much of the time passed in this host, and how much of that in its queues', () => {
    const running = start()
    running.clock.pass(7)
    running.transport.stamp({ target: 0, sequence: 1 }, 'scheduler', 0.5)
    running.transport.stamp({ target: 0, sequence: 1 }, 'driver', 0.75)
    running.transport.answer({ target: 0, sequence: 1 })
    const [reply] = replies(running)
    expect(reply!.timestampSource).toBe('kernel')
    expect(reply!.rttMs).toBeCloseTo(7, 6)
    expect(reply!.localMs).toBeCloseTo(0.75, 6)
    expect(reply!.queuedMs).toBeCloseTo(0.25, 6)
  })

  test('a clock that was set in flight is noticed, either way, and the time is the monotonic one', () => {
    for (const step of [-2000, 2000]) {
      const running = start()
      running.clock.pass(30)
      running.transport.wallOffsetMs += step
      running.transport.answer({ target: 0, sequence: 1 })
      expect(replies(running)).toMatchObject([{ rttMs: 30, clockStepped: true, timestampSource: 'user' }])
    }
  })

  test('a second answer is a duplicate, and not in the statistics', () => {
    const running = start()
    running.clock.pass(5)
    running.transport.answer({ target: 0, sequence: 1 })
    running.clock.pass(50)
    running.transport.answer({ target: 0, sequence: 1 })
    expect(replies(running).map(({ event, rttMs }) => [event, rttMs])).toEqual([
      ['reply', 5],
      ['duplicate', 55],
    ])
    expect(statistics(running)).toMatchObject({ transmitted: 1, received: 1, duplicates: 1, rttMs: { min: 5, max: 5 } })
  })

  test('an answer after its timeout is late, and the probe stays lost', () => {
    const running = start({ timeoutMs: 400, shortWait: false })
    running.clock.pass(600)
    running.transport.answer({ target: 0, sequence: 1 })
    running.run.stop()
    expect(running.events.map(({ event }) => event)).toEqual(['timeout', 'late'])
    expect(statistics(running)).toMatchObject({ transmitted: 1, received: 0, late: 1, lossPercent: 100, rttMs: null })
  })

  test('an answer overtaken by a later one is reordered', () => {
    const running = start()
    running.clock.pass(2100)
    for (const sequence of [2, 1, 3]) running.transport.answer({ target: 0, sequence })
    expect(replies(running).map(({ sequence, reordered }) => [sequence, reordered])).toEqual([
      [2, false],
      [1, true],
      [3, false],
    ])
  })

  test('payload that came back different is listed byte by byte, and its time does not count', () => {
    const running = start()
    const data = payloadOf(0, 1)
    data[20] = 0xff
    running.clock.pass(3)
    running.transport.answer({ target: 0, sequence: 1 }, { data })
    expect(replies(running)).toMatchObject([
      { event: 'reply', corruptedBytes: 1, corrupted: [{ offset: 20, expected: 20, received: 0xff }] },
    ])
    expect(statistics(running)).toMatchObject({ corrupted: 1, rttMs: null })
  })

  test('a payload whose cookie is damaged is matched by its sequence number and its sender', () => {
    const running = start()
    const data = payloadOf(0, 1)
    data[0] = 0
    running.transport.answer({ target: 0, sequence: 1 }, { data, target: -1, sequence: -1 })
    expect(replies(running)).toMatchObject([{ sequence: 1, corruptedBytes: 1 }])
  })

  test('of two targets with one address, an answer without cookie is for the one that waits', () => {
    const running = start({ targets: [target(0, '192.0.2.1'), target(1, '192.0.2.1')], payloadBytes: 4 })
    running.clock.pass(5)
    const unmarked = { data: Uint8Array.of(0, 1, 2, 3), payloadEnd: 4, target: -1, sequence: -1, fromTarget: 0 }
    running.transport.answer({ target: 0, sequence: 1 }, unmarked)
    running.transport.answer({ target: 1, sequence: 1 }, unmarked)
    expect(replies(running).map(({ event, target: { index } }) => [event, index])).toEqual([
      ['reply', 0],
      ['reply', 1],
    ])
  })

  test('missing bytes count as corrupted', () => {
    const running = start()
    running.transport.answer({ target: 0, sequence: 1 }, { payloadEnd: 20, bytes: 28 })
    expect(replies(running)).toMatchObject([{ corruptedBytes: 4, corrupted: [] }])
  })

  test('an answer from another address says so', () => {
    const running = start()
    running.transport.answer({ target: 0, sequence: 1 }, { from: '203.0.113.9', fromTarget: -1 })
    expect(replies(running)).toMatchObject([{ from: '203.0.113.9', differentAddress: true, event: 'reply' }])
    expect(statistics(running)).toMatchObject({ received: 1, differentAddress: 1 })
  })

  test('answers to what was never sent, and to other targets, are ignored', () => {
    const running = start({ targets: [target(0), target(1)] })
    running.transport.answer({ target: 0, sequence: 9 })
    running.transport.answer({ target: 0, sequence: 0 })
    running.transport.answer({ target: 0, sequence: 1 }, { target: 7, fromTarget: -1 })
    running.transport.answer({ target: 0, sequence: 1 }, { target: -1, sequence: -1, fromTarget: -1 })
    expect(running.events).toEqual([])
  })

  test('without a cookie the low 16 bits are taken for the latest probe that has them', () => {
    const running = start({
      payloadBytes: 4,
      timeoutMs: 100,
      shortWait: false,
      pace: { intervalMs: 1, gapMs: 0, preload: 1, mode: 'steady', floorMs: 0 },
    })
    running.clock.pass(66_000)
    const { sequence } = running.transport.sent.at(-1)!
    expect(sequence).toBeGreaterThan(65_536)
    const data = Uint8Array.of(0, 1, 2, 3)
    running.transport.answer(
      { target: 0, sequence },
      { data, payloadEnd: 4, target: -1, sequence: -1, wireSequence: sequence & 0xffff },
    )
    expect(replies(running)).toMatchObject([{ event: 'reply', sequence }])
  })
})

describe('errors', () => {
  test('a router that says no is told with its words, and the probe is not reported again', () => {
    const running = start({ count: 1 })
    running.clock.pass(4)
    running.transport.fail({ target: 0, sequence: 1 })
    expect(errors(running)).toMatchObject([
      { sequence: 1, from: '198.51.100.1', origin: 'icmp', type: 11, code: 0, errno: 'EHOSTUNREACH', rttMs: 4 },
    ])
    expect(errors(running)[0]!.reason).toMatch(/Time to live exceeded/i)
    expect(running.events).toHaveLength(1)
    expect(statistics(running)).toMatchObject({ transmitted: 1, received: 0, errors: 1, lossPercent: 100 })
  })

  test('an answer after an error counts all the same', () => {
    const running = start()
    running.transport.fail({ target: 0, sequence: 1 })
    running.clock.pass(4)
    running.transport.answer({ target: 0, sequence: 1 })
    expect(running.events.map(({ event }) => event)).toEqual(['error', 'reply'])
    expect(statistics(running)).toMatchObject({ received: 1, errors: 1 })
  })

  test('what this host refuses to send is an error of its own', () => {
    const running = start({ count: 1 })
    running.transport.refuse = 101
    running.clock.pass(1000)
    const refused = start({ count: 2 })
    refused.transport.refuse = 101
    refused.clock.pass(1000)
    expect(errors(refused)).toMatchObject([
      { from: null, origin: 'local', errno: 'ENETUNREACH', type: null, sequence: 2 },
    ])
  })

  test('a refusal that the error queue explains is one error, in the words of who said it', () => {
    const explained = start({ count: 2 })
    explained.transport.refuse = 113
    const { send } = explained.transport
    explained.transport.send = batch => {
      const handled = send.call(explained.transport, batch)
      for (let times = 0; times < 2; times++)
        explained.transport.queueError({ target: 0, sequence: 2 }, { type: 3, code: 13 })
      return handled
    }
    explained.clock.pass(1000)
    expect(errors(explained)).toMatchObject([{ sequence: 2, origin: 'icmp', type: 3, code: 13 }])
  })

  test('a clock that was set in flight does not make the time of an error', () => {
    for (const step of [-3_600_000, 3_600_000]) {
      const running = start({}, 'udp')
      running.clock.pass(6)
      running.transport.wallOffsetMs += step
      running.transport.fail({ target: 0, sequence: 1 }, { type: 3, code: 3, from: '192.0.2.1' })
      expect(replies(running)).toMatchObject([{ rttMs: 6, clockStepped: true, timestampSource: 'user' }])
    }
  })

  test('an error that does not tell its probe is shown without one', () => {
    const running = start()
    running.transport.fail({ target: 0, sequence: 1 }, { sequence: -1, wireSequence: -1 })
    expect(errors(running)).toMatchObject([{ sequence: null, rttMs: null }])
  })

  test('a closed UDP port answers', () => {
    const running = start({}, 'udp')
    running.clock.pass(6)
    running.transport.fail({ target: 0, sequence: 1 }, { type: 3, code: 3, from: '192.0.2.1' })
    expect(replies(running)).toMatchObject([{ event: 'reply', answer: 'port-unreachable', rttMs: 6 }])
    running.transport.fail({ target: 0, sequence: 1 }, { type: 3, code: 3, from: '198.51.100.1' })
    expect(errors(running)).toHaveLength(1)
  })
})

describe('the end', () => {
  test('comes with the last answer when a count was given', async () => {
    const running = start({ count: 2 })
    running.transport.answer({ target: 0, sequence: 1 })
    running.clock.pass(1000)
    expect(await running.ended()).toBe(false)
    running.transport.answer({ target: 0, sequence: 2 })
    expect(await running.ended()).toBe(true)
    expect(running.transport.sent).toHaveLength(2)
  })

  test('comes after the timeout when nothing was ever received, and sooner when something was', async () => {
    const silent = start({ count: 1 })
    silent.clock.pass(9900)
    expect(await silent.ended()).toBe(false)
    silent.clock.pass(200)
    expect(await silent.ended()).toBe(true)
    expect(statistics(silent)).toMatchObject({ transmitted: 1, received: 0, lossPercent: 100 })
    const partly = start({ count: 2 })
    partly.transport.answer({ target: 0, sequence: 1 })
    partly.clock.pass(2100)
    expect(await partly.ended()).toBe(true)
    expect(statistics(partly)).toMatchObject({ transmitted: 2, received: 1, lossPercent: 50 })
  })

  test('is the deadline, whatever was sent', async () => {
    const running = start({ deadlineMs: 2500, count: 2 })
    running.clock.pass(2400)
    expect(await running.ended()).toBe(false)
    // A count with a deadline asks for answers: probing goes on until there are so many.
    expect(running.transport.sent).toHaveLength(3)
    running.clock.pass(200)
    expect(await running.ended()).toBe(true)
  })

  test('with a deadline comes as soon as the count is answered', async () => {
    const running = start({ deadlineMs: 60_000, count: 2 })
    running.clock.pass(1500)
    running.transport.answer({ target: 0, sequence: 2 })
    expect(await running.ended()).toBe(false)
    running.clock.pass(1000)
    running.transport.answer({ target: 0, sequence: 3 })
    expect(await running.ended()).toBe(true)
  })

  test('with many targets is not brought about by the answers of one', async () => {
    const targets = [target(0), target(1)]
    const running = start({ targets, deadlineMs: 5000, count: 2, timeoutMs: 10_000, shortWait: false })
    for (const sequence of [1, 2]) {
      running.transport.answer({ target: 0, sequence })
      running.clock.pass(1000)
    }
    expect(running.transport.sent.map(({ target: index }) => index)).toEqual([0, 1, 0, 1])
    expect(await running.ended()).toBe(false)
    running.clock.pass(4000)
    expect(await running.ended()).toBe(true)
  })

  test('comes sooner once a late first answer tells how long answers take', async () => {
    const running = start({ count: 3 })
    running.clock.pass(2001)
    running.transport.answer({ target: 0, sequence: 3 })
    running.clock.pass(1100)
    expect(await running.ended()).toBe(true)
    expect(statistics(running)).toMatchObject({ transmitted: 3, received: 1, lossPercent: 66.7 })
  })

  test('by interruption leaves what is under way out of the loss', async () => {
    const running = start()
    running.clock.pass(10)
    running.transport.answer({ target: 0, sequence: 1 })
    running.clock.pass(990)
    running.clock.pass(5)
    running.run.stop()
    expect(await running.ended()).toBe(true)
    expect(statistics(running)).toMatchObject({ transmitted: 2, received: 1, lossPercent: 0 })
  })

  test('a failure of the network code rejects the run', async () => {
    const running = start()
    running.transport.send = () => {
      throw new Error('gone')
    }
    running.clock.pass(1000)
    await expect(running.over).rejects.toThrow('gone')
  })
})

test('whatever comes in whatever order, every probe is counted once', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(3000) }),
    fc.record({
      kind: fc.constantFrom('answer' as const, 'fail' as const),
      index: fc.nat(2),
      sequence: fc.integer({ min: -1, max: 12 }),
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(2), (steps, more) => {
      const targets = Array.from({ length: more + 1 }, (_, index) => target(index))
      const running = start({
        targets,
        timeoutMs: 1500,
        shortWait: false,
        pace: { intervalMs: 500, gapMs: 1, preload: 1, mode: 'steady', floorMs: 0 },
      })
      for (const each of steps) {
        if (each.kind === 'pass') running.clock.pass(each.ms)
        else if (each.index <= more) running.transport[each.kind]({ target: each.index, sequence: each.sequence })
      }
      running.clock.pass(0)
      running.run.stop()
      for (const { index } of targets) {
        const sent = running.transport.sent.filter(probe => probe.target === index).length
        const found = statistics(running, index)
        expect(found.transmitted).toBe(sent)
        expect(found.received).toBeLessThanOrEqual(sent)
        const answers = replies(running).filter(event => event.target.index === index)
        const firsts = new Set(answers.filter(({ event }) => event !== 'duplicate').map(({ sequence }) => sequence))
        expect(answers.filter(({ event }) => event !== 'duplicate')).toHaveLength(firsts.size)
        expect(found.received + found.late).toBe(firsts.size)
        expect(found.duplicates).toBe(answers.length - firsts.size)
      }
    }),
    { numRuns: 200 },
  )
})
