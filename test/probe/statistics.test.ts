import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProbeTarget } from '../../src/probe/events.js'
import type { PingStatistics } from '../../src/probe/statistics.js'
import { exactSamplesFor, TargetStatistics } from '../../src/probe/statistics.js'
import { StatisticsTable } from '../../src/probe/statistics-table.js'
import { reply, timeout, unreachable } from './probe-events.js'

/** Probes a second apart from 1000 s on, each with its time in ms, or null for one that is lost. */
function run(rtts: readonly (number | null)[]): TargetStatistics {
  const statistics = new TargetStatistics()
  for (const [at, rttMs] of rtts.entries()) {
    statistics.sent(at + 1, sendTime(at + 1))
    if (rttMs === null) statistics.timeout(timeout(at + 1))
    else statistics.reply(reply(at + 1, rttMs))
  }
  return statistics
}

const sendTime = (sequence: number): number => 1_000_000 + (sequence - 1) * 1000
const summaryOf = (rtts: readonly (number | null)[], inFlight = 0): PingStatistics =>
  run(rtts).snapshot(sendTime(rtts.length) + 500, inFlight)

describe('round-trip times', () => {
  // ping(8) divides by n: mdev of 2, 4, 4, 4, 5, 5, 7, 9 is 2; the sample deviation divides by n - 1: sqrt(32 / 7).
  test('mdev is the population deviation of iputils, stddev that of a sample', () => {
    const { rttMs } = summaryOf([2, 4, 4, 4, 5, 5, 7, 9])
    expect(rttMs).toMatchObject({ min: 2, avg: 5, max: 9, mdev: 2, p50: 4, p90: 9, p95: 9, p99: 9 })
    expect(rttMs!.stddev).toBeCloseTo(Math.sqrt(32 / 7), 12)
  })

  test('one answer has no deviation and no jitter', () => {
    const summary = summaryOf([3])
    expect(summary.rttMs).toEqual({ min: 3, avg: 3, max: 3, mdev: 0, stddev: null, p50: 3, p90: 3, p95: 3, p99: 3 })
    expect([summary.jitterMs, summary.rfc3550JitterMs, summary.ewmaMs]).toEqual([null, null, 3])
  })

  test('without an answer nothing is made up', () => {
    const { rttMs, jitterMs, rfc3550JitterMs, ewmaMs } = summaryOf([null, null])
    expect({ rttMs, jitterMs, rfc3550JitterMs, ewmaMs }).toEqual({
      rttMs: null,
      jitterMs: null,
      rfc3550JitterMs: null,
      ewmaMs: null,
    })
  })

  // iputils: rtt = 8 x at first, then rtt += x - rtt / 8, and rtt / 8 is shown. 10, 18, 10: 80, 88, 87 -> 10.875.
  test('ewma follows the times by an eighth', () => {
    expect(summaryOf([10, 18, 10]).ewmaMs).toBeCloseTo(10.875, 12)
  })

  // RFC 3550 section 6.4.1: J = 0; |D| = 16: J = 1; |D| = 33: J = 1 + (33 - 1) / 16 = 3.
  test('RFC 3550 jitter is divided by sixteen at each step', () => {
    expect(summaryOf([10, 26]).rfc3550JitterMs).toBe(1)
    expect(summaryOf([50, 66, 33]).rfc3550JitterMs).toBe(3)
  })

  test('late, duplicate and corrupted answers are counted and leave the times alone', () => {
    const statistics = run([10, 20, null])
    statistics.reply(reply(1, 900, { event: 'duplicate' }))
    statistics.reply(reply(3, 5000, { event: 'late', differentAddress: true }))
    statistics.sent(4, sendTime(4))
    statistics.reply(reply(4, 700, { corruptedBytes: 2, reordered: true }))
    const summary = statistics.snapshot(sendTime(4), 0)
    expect(summary).toMatchObject({
      transmitted: 4,
      received: 3,
      duplicates: 1,
      late: 1,
      corrupted: 1,
      reordered: 1,
      differentAddress: 1,
      lossPercent: 25,
      jitterMs: 10,
    })
    expect(summary.rttMs).toMatchObject({ min: 10, avg: 15, max: 20 })
  })

  test('an answer of unknown time is received all the same', () => {
    const statistics = new TargetStatistics()
    statistics.sent(1, sendTime(1))
    statistics.reply(reply(1, null))
    expect(statistics.snapshot(sendTime(1), 0)).toMatchObject({ received: 1, lossPercent: 0, rttMs: null })
  })
})

describe('jitter', () => {
  test('is the mean difference of neighbours', () => {
    expect(summaryOf([10, 14, 12]).jitterMs).toBe(3)
  })

  test('passes over a lost probe: 1 and 3 are no neighbours', () => {
    expect(summaryOf([10, null, 50]).jitterMs).toBeNull()
    expect(summaryOf([10, null, 50, 51]).jitterMs).toBe(1)
  })

  test('does not depend on the order in which answers arrive', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 8 }), order => {
        const rtts = [5, 1, 9, 2, 2, 30, 4, 4]
        const statistics = new TargetStatistics()
        for (const sequence of rtts.keys()) statistics.sent(sequence + 1, sendTime(sequence + 1))
        for (const sequence of order) statistics.reply(reply(sequence, rtts[sequence - 1]!))
        // 4 + 8 + 7 + 0 + 28 + 26 + 0 over seven pairs.
        expect(statistics.snapshot(0, 0).jitterMs).toBeCloseTo(73 / 7, 12)
      }),
    )
  })
})

describe('loss', () => {
  test('is a third of three to a tenth', () => {
    expect(summaryOf([1, null, 1]).lossPercent).toBe(33.3)
    expect(summaryOf([null, null, 1]).lossPercent).toBe(66.7)
  })

  test('leaves out what is in flight', () => {
    const statistics = run([1, null, 1, 1])
    statistics.sent(5, sendTime(5))
    expect(statistics.snapshot(sendTime(5), 1).lossPercent).toBe(25)
    expect(statistics.snapshot(sendTime(5), 0).lossPercent).toBe(40)
  })

  test('is unknown of no probe, and of one that is in flight', () => {
    const statistics = new TargetStatistics()
    expect(statistics.snapshot(0, 0)).toMatchObject({ transmitted: 0, lossPercent: null, timeMs: 0 })
    statistics.sent(1, sendTime(1))
    expect(statistics.snapshot(sendTime(1), 1).lossPercent).toBeNull()
  })

  test('never reads 0 when a probe was lost, nor 100 when one was answered', () => {
    const rtts = Array.from({ length: 10_000 }, (_, at) => (at === 5000 ? null : 1))
    expect(summaryOf(rtts).lossPercent).toBe(0.1)
    expect(summaryOf(rtts.map(rtt => (rtt === null ? 1 : null))).lossPercent).toBe(99.9)
  })
})

describe('the longest outage', () => {
  test('lasts from the first lost probe to the next answered one', () => {
    expect(summaryOf([1, null, null, 1, null, 1]).longestOutageMs).toBe(2000)
  })

  test('is none when everything was answered', () => {
    expect(summaryOf([1, 1, 1]).longestOutageMs).toBe(0)
  })

  test('that still lasts goes on to the end', () => {
    expect(summaryOf([1, null, null]).longestOutageMs).toBe(1500)
  })

  test('knows errors as losses, and what was given up at the end', () => {
    const statistics = run([1])
    statistics.sent(2, sendTime(2))
    statistics.error(unreachable(2))
    statistics.sent(3, sendTime(3))
    statistics.sent(4, sendTime(4))
    expect(statistics.snapshot(sendTime(4) + 10, 2).longestOutageMs).toBe(2010)
    statistics.reply(reply(4, 1))
    expect(statistics.snapshot(sendTime(4) + 10, 0).longestOutageMs).toBe(2000)
  })

  test('does not begin with a probe in flight', () => {
    const statistics = run([1])
    statistics.sent(2, sendTime(2))
    expect(statistics.snapshot(sendTime(2) + 900, 1).longestOutageMs).toBe(0)
    expect(statistics.snapshot(sendTime(2) + 900, 0).longestOutageMs).toBe(900)
  })
})

describe('errors', () => {
  test('are counted, with or without a probe that they are about', () => {
    const statistics = run([1, null])
    statistics.error(unreachable(2))
    statistics.error(unreachable(null))
    expect(statistics.snapshot(0, 0)).toMatchObject({ errors: 2, received: 1, lossPercent: 50 })
  })

  test('a redirect is advice: the probe goes on', () => {
    const statistics = run([1])
    statistics.sent(2, sendTime(2))
    statistics.error(unreachable(2, { type: 5, code: 1 }))
    statistics.reply(reply(2, 5))
    statistics.sent(3, sendTime(3))
    statistics.reply(reply(3, 5))
    expect(statistics.snapshot(sendTime(3), 0)).toMatchObject({
      errors: 0,
      received: 3,
      longestOutageMs: 0,
      jitterMs: 2,
    })
  })
})

test('the time is from the first send to the last', () => {
  const statistics = run([1, 1, null])
  expect(statistics.snapshot(sendTime(3) + 10_000, 0).timeMs).toBe(2000)
  expect(run([1]).snapshot(sendTime(1) + 10_000, 0).timeMs).toBe(0)
})

test('many targets keep fewer samples each, and never none', () => {
  expect([1, 100, 1000, 65_024].map(exactSamplesFor)).toEqual([20_000, 1310, 131, 32])
})

interface Fate {
  kind: 'reply' | 'timeout' | 'error' | 'open'
  rttMs: number
  /** How many sends later it is decided. */
  after: number
}

const fate: fc.Arbitrary<Fate> = fc.record({
  kind: fc.constantFrom('reply', 'reply', 'reply', 'timeout', 'error', 'open'),
  rttMs: fc.double({ min: 0, max: 1000, noNaN: true }),
  after: fc.integer({ min: 0, max: 40 }),
})

/** Everything by its definition, over the whole list. */
function naive(fates: readonly Fate[], endMs: number) {
  const answered = fates.filter(each => each.kind === 'reply').map(each => each.rttMs)
  const mean = answered.reduce((sum, rtt) => sum + rtt, 0) / answered.length
  const variance = (by: number): number => answered.reduce((sum, rtt) => sum + (rtt - mean) ** 2, 0) / by
  const differences = fates.flatMap((each, at) => {
    const next = fates[at + 1]
    return each.kind === 'reply' && next?.kind === 'reply' ? [Math.abs(each.rttMs - next.rttMs)] : []
  })
  const outages = fates.flatMap((each, at) => {
    if (each.kind === 'reply') return []
    const next = fates.findIndex((other, index) => index > at && other.kind === 'reply')
    return [(next < 0 ? endMs : sendTime(next + 1)) - sendTime(at + 1)]
  })
  return {
    avg: mean,
    mdev: Math.sqrt(variance(answered.length)),
    stddev: answered.length === 1 ? null : Math.sqrt(variance(answered.length - 1)),
    jitterMs: differences.length === 0 ? null : differences.reduce((sum, each) => sum + each, 0) / differences.length,
    longestOutageMs: Math.max(0, ...outages),
    received: answered.length,
  }
}

test('whatever is lost and however answers are reordered, all is what the definitions say', () => {
  fc.assert(
    fc.property(fc.array(fate, { minLength: 1, maxLength: 120 }), fates => {
      const statistics = new TargetStatistics()
      const due = fates.map((each, at) => ({ ...each, sequence: at + 1, due: at + each.after }))
      const decide = ({ kind, sequence, rttMs }: (typeof due)[number]): void => {
        if (kind === 'reply') statistics.reply(reply(sequence, rttMs))
        if (kind === 'timeout') statistics.timeout(timeout(sequence))
        if (kind === 'error') statistics.error(unreachable(sequence))
      }
      for (const at of fates.keys()) {
        statistics.sent(at + 1, sendTime(at + 1))
        for (const each of due) if (each.due === at) decide(each)
      }
      for (const each of due) if (each.due >= fates.length) decide(each)
      const endMs = sendTime(fates.length) + 500
      const expected = naive(fates, endMs)
      const summary = statistics.snapshot(endMs, 0)
      expect(summary.received).toBe(expected.received)
      expect(summary.longestOutageMs).toBe(expected.longestOutageMs)
      if (expected.jitterMs === null) expect(summary.jitterMs).toBeNull()
      else expect(summary.jitterMs).toBeCloseTo(expected.jitterMs, 8)
      if (expected.received === 0) return
      expect(summary.rttMs!.avg).toBeCloseTo(expected.avg, 8)
      expect(summary.rttMs!.mdev).toBeCloseTo(expected.mdev, 6)
      if (expected.stddev === null) expect(summary.rttMs!.stddev).toBeNull()
      else expect(summary.rttMs!.stddev).toBeCloseTo(expected.stddev, 6)
    }),
    { numRuns: 500 },
  )
})

describe('memory over a million probes', () => {
  const PROBES = 1_000_000

  /** Most numbers held while `step` tells what becomes of each probe. */
  function most(step: (statistics: TargetStatistics, sequence: number) => void): number {
    const statistics = new TargetStatistics()
    let held = 0
    for (let sequence = 1; sequence <= PROBES; sequence++) {
      statistics.sent(sequence, sequence)
      step(statistics, sequence)
      if (sequence % 1000 === 0) held = Math.max(held, statistics.held)
    }
    return held
  }

  // The samples that are kept as they are.
  const SAMPLES = 20_000

  test('is that of the samples and of two probes when each is answered at once', () => {
    const held = most((statistics, sequence) => statistics.reply(reply(sequence, 1 + (sequence % 7))))
    expect(held).toBeLessThanOrEqual(SAMPLES + 4)
  })

  test('goes with how long a lost probe is waited for, not with how many are lost', () => {
    const held = most((statistics, sequence) => {
      if (sequence % 3 !== 0) statistics.reply(reply(sequence, 1))
      const late = sequence - 1000
      if (late > 0 && late % 3 === 0) statistics.timeout(timeout(late))
    })
    expect(held).toBeLessThanOrEqual(SAMPLES + 2 * 2048)
  })

  test('does not grow when pairs and blocks of answers change places', () => {
    const held = most((statistics, sequence) => {
      if (sequence % 64 === 0) for (let each = 0; each < 64; each++) statistics.reply(reply(sequence - each, each))
    })
    expect(held).toBeLessThanOrEqual(SAMPLES + 2 * 128)
  })

  test('has an end even if nothing is ever decided, or only every other probe', () => {
    expect(most(() => undefined)).toBeLessThanOrEqual(2 * 65_536)
    const held = most((statistics, sequence) => {
      if (sequence % 2 === 0) statistics.reply(reply(sequence, 1))
    })
    expect(held).toBeLessThanOrEqual(SAMPLES + 2 * 65_536)
  })

  test('is not for duplicates and errors of which there is no end', () => {
    const held = most((statistics, sequence) => {
      statistics.reply(reply(sequence, 1, { event: 'duplicate' }))
      statistics.error(unreachable(sequence))
    })
    expect(held).toBeLessThanOrEqual(4)
  })
})

describe('many targets in columns', () => {
  const other: ProbeTarget = { index: 1, target: '192.0.2.2', address: '192.0.2.2', family: 4 }
  type Told = (statistics: { sent: Sent; reply: Reply; timeout: Timeout; error: Errors }) => void
  type Sent = (sequence: number, atMs: number) => void
  type Reply = TargetStatistics['reply']
  type Timeout = TargetStatistics['timeout']
  type Errors = TargetStatistics['error']

  const rtt = fc.option(fc.double({ min: 0, max: 1000, noNaN: true }))
  const told = (sequence: number): fc.Arbitrary<Told> =>
    fc.oneof(
      fc
        .record({
          event: fc.constantFrom('reply', 'late', 'duplicate'),
          reordered: fc.boolean(),
          differentAddress: fc.boolean(),
          corruptedBytes: fc.constantFrom(0, 3),
        })
        .chain(fields => rtt.map(rttMs => (to: Parameters<Told>[0]) => to.reply(reply(sequence, rttMs, fields)))),
      rtt.map(rttMs => (to: Parameters<Told>[0]) => to.reply(reply(sequence, rttMs))),
      fc.constant((to: Parameters<Told>[0]) => to.timeout(timeout(sequence))),
      fc.constantFrom(sequence, null).map(about => (to: Parameters<Told>[0]) => to.error(unreachable(about))),
      fc.constant((to: Parameters<Told>[0]) => to.error(unreachable(sequence, { type: 5, code: 1 }))),
    )
  const story = fc
    .integer({ min: 0, max: 3 })
    .chain(probes =>
      fc.tuple(
        ...Array.from({ length: probes }, (_, at) =>
          fc
            .array(fc.integer({ min: 1, max: at + 1 }).chain(told), { maxLength: 3 })
            .map(list => [to => to.sent(at + 1, sendTime(at + 1)), ...list] as Told[]),
        ),
      ),
    )

  test('say of each target what its own statistics would', () => {
    fc.assert(
      fc.property(fc.array(told(1), { maxLength: 1 }), story, fc.integer({ min: 0, max: 2 }), (before, steps, open) => {
        const expected = new TargetStatistics()
        const table = new StatisticsTable(2)
        const through: Parameters<Told>[0] = {
          sent: (sequence, atMs) => {
            expected.sent(sequence, atMs)
            table.sent(0, sequence, atMs)
          },
          reply: event => {
            expected.reply(event)
            table.reply(event)
          },
          timeout: event => {
            expected.timeout(event)
            table.timeout(event)
          },
          error: event => {
            expected.error(event)
            table.error(event)
          },
        }
        // An error may come before the first probe, from an earlier run.
        const isError = (event: Told): boolean => String(event).includes('.error(')
        for (const event of before) if (isError(event)) event(through)
        table.sent(1, 1, sendTime(1))
        for (const events of steps) for (const event of events) event(through)
        table.reply(reply(1, 7, { target: other }))
        const inFlight = Math.min(open, steps.length)
        expect(table.snapshot(0, sendTime(9), inFlight)).toEqual(expected.snapshot(sendTime(9), inFlight))
        expect(table.snapshot(1, sendTime(9), 0)).toMatchObject({ transmitted: 1, received: 1, errors: 0, ewmaMs: 7 })
      }),
      { numRuns: 2000 },
    )
  })
})
