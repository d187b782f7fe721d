// The short way through the life of an open connection must change nothing of what is said of it.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BITS, OPEN } from '../../src/flow/life-words.js'
import { a, b, HANDSHAKE, lifeOf, lifeWith, type Step } from './life-steps.js'

const step = fc.record(
  {
    from: fc.constantFrom('a' as const, 'b' as const),
    flags: fc.constantFrom('A', 'A', 'A', 'PA', 'PA', 'PA', 'FA', 'RA', 'R', 'S', 'SA', ''),
    bytes: fc.constantFrom(0, 0, 1, 100, 1448),
    window: fc.constantFrom(8000, 8000, 8000, 0),
    ttl: fc.constantFrom(64, 64, 64, 63),
    afterMs: fc.constantFrom(1, 10, 2000, 70_000),
    acknowledgment: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined, freq: 8 }),
    sequence: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined, freq: 8 }),
  },
  { requiredKeys: ['from', 'flags', 'bytes', 'window', 'ttl', 'afterMs'] },
)

test('packets of any kind, in any order, tell the same by the short way as by the long one', () => {
  const walks = fc.tuple(fc.boolean(), fc.array(step, { minLength: 1, maxLength: 40 }))
  fc.assert(
    fc.property(walks, ([isHandshake, steps]) => {
      const all = [...(isHandshake ? HANDSHAKE : []), ...(steps as Step[])]
      const byLongWay = lifeWith(
        (words, at) => {
          words[at + BITS]! &= ~OPEN
        },
        ...all,
      )
      expect(lifeOf(...all)).toEqual(byLongWay)
    }),
    { numRuns: 500 },
  )
})

test('an open connection takes the short way', () => {
  const talk = [...HANDSHAKE, a('PA', { bytes: 10 }), b('PA', { bytes: 10 }), a('A'), b('A')]
  let isOpen = false
  lifeWith(
    (words, at) => {
      isOpen = (words[at + BITS]! & OPEN) !== 0
    },
    ...talk,
    a('A'),
  )
  expect(isOpen).toBe(true)
})
