import { describe, expect, it } from 'vitest'
import { suggest } from '../../src/cli/suggest.js'

const STATES = ['established', 'syn-sent', 'time-wait', 'close-wait', 'listening']

describe('suggest', () => {
  it.each([
    ['establshed', 'established'],
    ['tiem-wait', 'time-wait'],
    ['TIME-WAIT', 'time-wait'],
    ['listen', 'listening'],
    ['close', 'close-wait'],
  ])('finds the word meant by %s', (typed, meant) => {
    expect(suggest(typed, STATES)).toBe(meant)
  })

  it.each([['banana'], ['x'], [''], ['e'.repeat(100_000)]])('finds nothing for %.20s', typed => {
    expect(suggest(typed, STATES)).toBeUndefined()
  })
})
