import { describe, expect, it } from 'vitest'
import { DOUBLES_AT, LIFE_DOUBLES_AT, LIFE_WORDS_AT, ROW_WORDS } from '../../src/flow/flow-record.js'
import { LIFE_DOUBLES, LIFE_WORDS } from '../../src/flow/life-words.js'

describe('the record of a flow', () => {
  it('has its doubles behind its words, and ends behind its doubles', () => {
    expect(LIFE_WORDS_AT + LIFE_WORDS).toBeLessThanOrEqual(2 * DOUBLES_AT)
    expect(2 * (DOUBLES_AT + LIFE_DOUBLES_AT + LIFE_DOUBLES)).toBeLessThanOrEqual(ROW_WORDS)
  })

  it('is an even number of words long, so that the doubles of each row are aligned', () => {
    expect(ROW_WORDS % 2).toBe(0)
  })
})
