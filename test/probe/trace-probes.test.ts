import { expect, test } from 'vitest'
import { PROBE_STATE } from '../../src/probe/probe-ring.js'
import { PROBES_KEPT, TraceProbes } from '../../src/probe/trace-probes.js'

const order = (ttl: number) => ({ ttl, flow: 0, round: 1, purpose: 'round' }) as const

function add(probes: TraceProbes, count: number, ttl: number): void {
  for (let sent = 0; sent < count; sent++) {
    const number = probes.add(order(ttl), PROBE_STATE.waiting, 1, 1)
    probes.settle(number, PROBE_STATE.timedOut)
  }
}

test('a probe that waits is remembered until there are as many newer ones as can be', () => {
  const probes = new TraceProbes()
  const first = probes.add(order(7), PROBE_STATE.waiting, 1, 1)
  add(probes, PROBES_KEPT - 2, 9)
  expect(probes.isFull).toBe(false)
  add(probes, 1, 9)
  expect(probes.isFull).toBe(true)
  expect(probes.order(first)).toEqual(order(7))
})

test('one that was given up is remembered until 8,192 newer ones were sent', () => {
  const probes = new TraceProbes()
  add(probes, 1, 7)
  add(probes, 8191, 9)
  expect(probes.order(0)).toEqual(order(7))
  add(probes, 1, 9)
  expect(probes.order(0)).toBeNull()
})
