import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProbeEvent } from '../../src/probe/events.js'
import { type Running, start, target } from './fake-transport.js'

/** The first batch, on this thread; those beside it. */
const FIRST = 16
const ROWS = 256
const targetsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => target(index, `10.0.${index >> 8}.${index & 255}`))
const PACE = { intervalMs: 0, gapMs: 0, preload: 1, mode: 'steady', floorMs: 0 } as const

const many = (targets: number, change: Parameters<typeof start>[0] = {}): Running =>
  start(
    { targets: targetsOf(targets), count: 1, pace: PACE, shortWait: false, timeoutMs: 500, ...change },
    undefined,
    ROWS,
  )

const statistics = ({ run }: Running) => [...run.summaries()].map(summary => summary.statistics)
const kinds = (events: readonly ProbeEvent[], event: string) => events.filter(each => each.event === event)
const inOrder = ({ transport }: Running, count: number) =>
  expect(transport.sent.map(probe => probe.target)).toEqual(Array.from({ length: count }, (_, index) => index))

/** Lands whatever is on its way, and lets what follows it leave. */
function landAll({ transport, clock }: Running): void {
  for (let guard = 0; guard < 1000 && transport.flight !== null; guard++) {
    transport.land()
    clock.pass(0)
  }
}

describe('batches that leave beside this thread', () => {
  test('carry every probe once and in order, after a first batch that does not', async () => {
    const running = many(2000)
    expect(running.transport.sent).toHaveLength(FIRST)
    expect(running.transport.flight!.count).toBe(ROWS)
    landAll(running)
    inOrder(running, 2000)
    for (const probe of [...running.transport.sent]) running.transport.answer(probe)
    expect(await running.ended()).toBe(true)
    expect(kinds(running.events, 'reply')).toHaveLength(2000)
    expect(statistics(running).every(({ transmitted, received }) => transmitted === 1 && received === 1)).toBe(true)
  })

  test('follow one another: the next leaves before this thread looks at the last', () => {
    const running = many(2000, { tellSent: true })
    const { transport, events } = running
    transport.land()
    expect(kinds(events, 'sent')).toHaveLength(FIRST + ROWS)
    expect(transport.flight!.count).toBe(ROWS)
  })

  test('an answer that is here before its batch has landed waits for that, and has its own time', () => {
    const running = many(1000)
    const { transport, clock, events } = running
    const { flight } = transport
    clock.pass(5)
    // On its way, and not known to have left.
    const early = { target: flight!.target[3]!, sequence: 1 }
    transport.answer(early)
    transport.answer({ target: 0, sequence: 1 })
    expect(kinds(events, 'reply')).toEqual([])
    landAll(running)
    expect(kinds(events, 'reply')).toMatchObject([
      { target: { index: early.target }, rttMs: 0 },
      { target: { index: 0 }, rttMs: 5 },
    ])
  })

  test('an error about a probe that is leaving is told once it has left', () => {
    const running = many(1500)
    const { transport, events } = running
    // Of the batch that follows the one on its way.
    const index = FIRST + ROWS
    transport.fail({ target: index, sequence: 1 })
    transport.fail({ target: 0, sequence: 1 })
    transport.land()
    expect(transport.flight!.target[0]).toBe(index)
    expect(kinds(events, 'error')).toMatchObject([{ target: { index: 0 } }])
    transport.land()
    expect(kinds(events, 'error')).toMatchObject([{ target: { index: 0 } }, { target: { index } }])
    landAll(running)
    expect(statistics(running)[index]).toMatchObject({ transmitted: 1, received: 0, errors: 1, lossPercent: 100 })
  })

  test('a refusal is told, and the rest leaves on this thread', async () => {
    const running = many(1500)
    const { transport, events } = running
    transport.refuse = 101
    transport.land()
    transport.refuse = 0
    expect(transport.flight).toBeNull()
    running.clock.pass(0)
    expect(transport.flight).toBeNull()
    inOrder(running, 1500)
    expect(kinds(events, 'error')).toHaveLength(ROWS)
    for (const probe of [...transport.sent])
      if (statistics(running)[probe.target]!.errors === 0) transport.answer(probe)
    expect(await running.ended()).toBe(true)
  })

  test('what a full socket does not take is due again', () => {
    const running = many(2000)
    running.transport.room.push(100)
    running.transport.land()
    expect(running.transport.flight).toBeNull()
    running.clock.pass(2)
    landAll(running)
    inOrder(running, 2000)
  })

  test('a run that is stopped ends when what is leaving has left, and counts it', async () => {
    const running = many(2000)
    running.run.stop()
    expect(await running.ended()).toBe(false)
    running.transport.land()
    expect(running.transport.flight).toBeNull()
    expect(await running.ended()).toBe(true)
    expect(running.transport.sent).toHaveLength(FIRST + ROWS)
    expect(statistics(running).filter(({ transmitted }) => transmitted === 1)).toHaveLength(FIRST + ROWS)
  })

  test('a deadline ends a run without end', async () => {
    const running = many(600, { count: null, deadlineMs: 20 })
    for (let guard = 0; guard < 100 && !(await running.ended()); guard++) {
      running.clock.pass(1)
      running.transport.land()
    }
    expect(await running.ended()).toBe(true)
    expect(running.transport.flight).toBeNull()
  })

  test('few probes that are due leave on this thread', () => {
    const running = many(1000, { pace: { ...PACE, gapMs: 1 } })
    running.clock.pass(1000)
    expect(running.transport.flight).toBeNull()
    inOrder(running, 1000)
  })

  test('lose, double and misplace nothing, however answers and landings come', async () => {
    const steps = fc.array(fc.constantFrom('land', 'answer', 'pass', 'full', 'refuse'), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (list, count) => {
        const running = many(700, { count, timeoutMs: 60_000 })
        const { transport, clock } = running
        let answered = 0
        const answer = (probes: number): void => {
          for (const probe of transport.sent.slice(answered, answered + probes)) transport.answer(probe)
          answered = Math.min(answered + probes, transport.sent.length)
        }
        for (const step of list) {
          if (step === 'land') transport.land()
          else if (step === 'answer') answer(300)
          else if (step === 'pass') clock.pass(1)
          else if (step === 'full') transport.room.push(150)
          else transport.refuse = transport.refuse === 0 ? 101 : 0
        }
        transport.refuse = 0
        for (let guard = 0; guard < 200 && !(await running.ended()); guard++) {
          clock.pass(5)
          transport.land()
          answer(5000)
        }
        expect(await running.ended()).toBe(true)
        expect(transport.sent.map(probe => (probe.sequence - 1) * 700 + probe.target)).toEqual(
          Array.from({ length: 700 * count }, (_, number) => number),
        )
        for (const each of statistics(running)) expect(each.transmitted).toBe(count)
      }),
      { numRuns: 40 },
    )
  })
})
