import { describe, expect, test } from 'vitest'
import { loopOf, loopSentence } from '../../src/probe/trace-loop.js'
import { summarizeTrace } from '../../src/probe/trace-statistics.js'
import { answered, header } from './trace-simulation.js'

const path = (text: string): (string | null)[] => text.split(' ').map(word => (word === '*' ? null : word))

describe('a routing loop', () => {
  test.each([
    ['a b a b', 0, 'a b'],
    ['s a b a b a', 1, 'a b'],
    ['s t a b c a b c a', 2, 'a b c'],
    // Routers that limit their answers, and one that never gives any.
    ['s a b * b a * a b', 1, 'a b'],
    ['s a * b a * b', 1, 'a * b'],
    ['s a b a b * *', 1, 'a b'],
    // The gateway before it answers once, and where it would come again is silence.
    ['s a * a b a b', 1, 'a b'],
    ['s a b * b a * a * a', 1, 'a b'],
  ])('of %s begins at %d and is %s', (text, at, routers) => {
    expect(loopOf(path(text))).toEqual({ at, routers: path(routers) })
  })

  test.each([
    'a b c d',
    'a b a',
    // One router twice, or at every TTL.
    'a b b c',
    'a b b b b b b',
    'a * a * a *',
    // Who is seen once may be on the way to one router that comes again.
    's a * a * a',
    's * a * a b',
    's a * a b a',
    // It was left again.
    'a b a b c',
    '* * * *',
    'a',
    '*',
  ])('is not in %s', text => {
    expect(loopOf(path(text))).toBeNull()
  })

  test('is said with where it begins and who is in it', () => {
    const two = loopSentence({ at: 1, routers: path('10.0.1.2 10.0.2.2') }, 1)
    expect(two).toBe(
      'routing loop from hop 2 on, between 10.0.1.2 and 10.0.2.2: packets go round and never reach the target',
    )
    const three = loopSentence({ at: 0, routers: path('a * b') }, 5)
    expect(three).toBe('routing loop from hop 5 on, of a, * and b: packets go round and never reach the target')
  })

  test('is the verdict of a run, not that the target may be farther away', () => {
    const events = Array.from({ length: 8 }, (_, at) =>
      answered({ ttl: at + 1, from: at % 2 === 0 ? '10.0.1.2' : '10.0.2.2', rttMs: 1 }),
    )
    const { verdict, reached } = summarizeTrace(events, header('203.0.113.9', { maxTtl: 8 }))
    expect(reached).toBe(false)
    expect(verdict[0]).toBe(
      'routing loop from hop 1 on, between 10.0.1.2 and 10.0.2.2: packets go round and never reach the target',
    )
  })
})
