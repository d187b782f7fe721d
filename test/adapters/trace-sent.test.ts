// Which probe a quote was of, by what little it has.

import { expect, test } from 'vitest'
import { SentProbes } from '../../src/adapters/trace-sent.js'
import { traceBatch } from './trace-collect.js'

const noted = (probes: SentProbes, rows: readonly (readonly [sequence: number, flow: number, checksum: number])[]) => {
  const batch = traceBatch(rows.map(([sequence, flow]) => ({ sequence, ttl: 1, flow })))
  batch.result.fill(0)
  probes.note(batch, rows.length, row => rows[row]![2])
}

test('a probe is found by its flow and checksum, when no other under way has both', () => {
  const probes = new SentProbes()
  noted(probes, [
    [1, 0, 0x1111],
    [2, 1, 0x1111],
    [3, 0, 0x2222],
    [4, 0, 0x2222],
  ])
  expect(probes.withChecksum(0, 0x1111)).toBe(1)
  expect(probes.withChecksum(1, 0x1111)).toBe(2)
  expect(probes.withChecksum(0, 0x2222)).toBe(-1)
  expect(probes.withChecksum(1, 0x2222)).toBe(-1)
})

test('the flow is found by the low 16 bits, of the latest probe that has them', () => {
  const probes = new SentProbes()
  expect(probes.flowOf(7)).toBe(-1)
  noted(probes, [
    [7, 3, 0],
    [65_536 + 7, 5, 0],
  ])
  expect(probes.flowOf(7)).toBe(5)
  expect(probes.flowOf(65_536 + 7)).toBe(5)
  expect(probes.flowOf(2 * 65_536 + 7)).toBe(-1)
  expect([probes.latestOf(3), probes.latestOf(5), probes.latestOf(4)]).toEqual([7, 65_543, -1])
})

test('what was refused was not sent, and what is long gone is no match', () => {
  const probes = new SentProbes()
  const refused = traceBatch([{ sequence: 1, ttl: 1, flow: 0 }])
  refused.result.fill(-101)
  probes.note(refused, 1, () => 0x1111)
  expect(probes.latestOf(0)).toBe(-1)
  noted(probes, [[2, 0, 0x1111]])
  expect(probes.withChecksum(0, 0x1111)).toBe(2)
  // As many as can be under way, and one more.
  noted(probes, [[2 + 4096, 0, 0x3333]])
  expect(probes.withChecksum(0, 0x1111)).toBe(-1)
})
