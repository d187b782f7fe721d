import { describe, expect, test } from 'vitest'
import type { ProbeEvent } from '../../src/probe/events.js'
import { type Running, start, target } from './fake-transport.js'

const EHOSTUNREACH = 113
const EPERM = 1
const targetsOf = (count: number) => Array.from({ length: count }, (_, index) => target(index, `10.0.0.${index}`))
const PACE = { intervalMs: 100, gapMs: 0, preload: 1, mode: 'steady', floorMs: 0 } as const

const errorsOf = (events: readonly ProbeEvent[], index: number) =>
  events.filter(event => event.event === 'error' && event.target.index === index)
const received = ({ run }: Running) => [...run.summaries()].map(summary => summary.statistics.received)

describe('a probe that the kernel refuses', () => {
  test('costs the others of its batch no answer, though their answers are read while it is asked why', async () => {
    const running = start({ targets: targetsOf(36), count: 2, pace: PACE, timeoutMs: 500, shortWait: false })
    const { transport, clock } = running
    for (const probe of [...transport.sent]) transport.answer(probe)
    // The second round leaves as one batch.
    transport.refuse = EHOSTUNREACH
    transport.refuseOnly.add(20)
    transport.answersAtOnce = true
    clock.pass(1000)
    expect(await running.ended()).toBe(true)
    expect(received(running)).toEqual(Array.from({ length: 36 }, (_, index) => (index === 20 ? 1 : 2)))
    expect(errorsOf(running.events, 20)).toHaveLength(1)
    expect(running.events.filter(event => event.event === 'timeout')).toEqual([])
  })

  test('has one error where several are refused and the error queue names the reason of each', async () => {
    const running = start({ targets: targetsOf(36), count: 2, pace: PACE, timeoutMs: 500 })
    const { transport, clock, events } = running
    transport.refuse = EPERM
    for (const index of [20, 25]) transport.refuseOnly.add(index)
    // Both are in the queue before the first refusal is looked into.
    const send = transport.send.bind(transport)
    transport.send = batch => {
      const handled = send(batch)
      for (let row = 0; row < handled; row++) {
        if (batch.result[row] === 0) continue
        transport.queueError({ target: batch.target[row]!, sequence: batch.sequence[row]! }, { type: 3, code: 13 })
      }
      return handled
    }
    clock.pass(1000)
    for (const index of [20, 25]) expect(errorsOf(events, index)).toMatchObject([{ origin: 'icmp', type: 3, code: 13 }])
    expect(events.filter(event => event.event === 'error')).toHaveLength(2)
  })
})
