import { describe, expect, test } from 'vitest'
import { type Pace, Schedule } from '../../src/probe/schedule.js'

/**
 * Sends whenever it is due for `forMs`, in virtual time; each probe is answered after `rttMs` unless it is lost. Answers the times
 * of the probes.
 */
function timesOf(pace: Pace, forMs: number, rttMs: number, isLost: (number: number) => boolean): number[] {
  const schedule = new Schedule(pace, 1, 0)
  const answers: number[] = []
  const sent: number[] = []
  for (let now = 0; now <= forMs; ) {
    if (answers[0] !== undefined && answers[0] <= now) {
      answers.shift()
      schedule.answered(rttMs, now)
    } else if (schedule.dueMs <= now) {
      schedule.sent(sent.length, now)
      if (!isLost(sent.length)) answers.push(now + rttMs)
      sent.push(now)
    } else now = Math.min(answers[0] ?? Number.POSITIVE_INFINITY, schedule.dueMs)
  }
  return sent
}

const gapsOf = (times: readonly number[]): number[] => times.slice(1).map((time, at) => time - times[at]!)
const never = (): boolean => false

describe('flood', () => {
  const FLOOD: Pace = { intervalMs: 0, gapMs: 0, preload: 1, mode: 'flood', floorMs: 0 }

  test('sends at each answer', () => {
    for (const gap of gapsOf(timesOf(FLOOD, 1000, 0.5, never))) expect(gap).toBeCloseTo(0.5, 9)
  })

  test('goes on 10 ms after a lost probe, however many were answered before', () => {
    const gaps = gapsOf(timesOf(FLOOD, 5000, 0.25, number => number % 1000 === 999))
    expect(gaps.length).toBeGreaterThan(10_000)
    expect(Math.max(...gaps)).toBeCloseTo(10, 9)
  })

  test('sends a hundred a second where answers are slower, and where there are none', () => {
    expect(timesOf(FLOOD, 1000, 0.25, () => true)).toHaveLength(101)
    const slow = timesOf(FLOOD, 10_000, 35, never)
    expect(slow.length).toBeGreaterThanOrEqual(1000)
    expect(Math.max(...gapsOf(slow))).toBeLessThanOrEqual(10 + 1e-9)
  })
})

describe('flood with an interval', () => {
  test('keeps the interval, however fast answers come', () => {
    const pace: Pace = { intervalMs: 20, gapMs: 0, preload: 1, mode: 'flood', floorMs: 2 }
    for (const gap of gapsOf(timesOf(pace, 1000, 0.5, never))) expect(gap).toBeCloseTo(20, 9)
  })
})

describe('adaptive', () => {
  const ADAPTIVE: Pace = { intervalMs: 1000, gapMs: 0, preload: 1, mode: 'adaptive', floorMs: 2 }

  test.each([
    [0.05, 2],
    [5, 5],
    [300, 300],
  ])('with %d ms a round trip there is a probe every %d ms, from the second on', (rttMs, everyMs) => {
    for (const gap of gapsOf(timesOf(ADAPTIVE, 20 * everyMs, rttMs, never))) expect(gap).toBeCloseTo(everyMs, 6)
  })

  test('goes on at its pace after a loss', () => {
    const gaps = gapsOf(timesOf(ADAPTIVE, 2000, 5, number => number > 0 && number % 7 === 0))
    for (const gap of gaps) expect(gap).toBeCloseTo(5, 6)
  })

  test('keeps its floor when an answer comes twice', () => {
    const schedule = new Schedule(ADAPTIVE, 1, 0)
    schedule.sent(0, 0)
    for (const now of [0.1, 0.2, 0.3]) schedule.answered(0.1, now)
    expect(schedule.dueMs).toBe(2)
  })
})
