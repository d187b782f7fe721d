import { describe, expect, test } from 'vitest'
import { a, b, HANDSHAKE, lifeOf, type Step } from './life-steps.js'

const TALK = [...HANDSHAKE, a('PA', { bytes: 100 }), b('PA', { bytes: 500 }), a('A')]

/** Outcome, class, phase. */
const RESETS: readonly [string, readonly Step[], string][] = [
  ['a reset that acknowledges the SYN refuses', [a('S'), b('RA', { sequence: 0 })], 'refused refuse handshake'],
  [
    'so does one that acknowledges the data of a SYN',
    [a('S', { bytes: 10 }), b('RA', { sequence: 0 })],
    'refused refuse handshake',
  ],
  ['one without ACK does not', [a('S'), b('R', { sequence: 0 })], 'no-answer ignored null'],
  [
    'one that acknowledges something else does not',
    [a('S'), b('RA', { sequence: 0, acknowledgment: 9 })],
    'no-answer ignored null',
  ],
  ['the next number and an ACK abort', [...TALK, a('RA')], 'reset-by-client abort after-data'],
  ['before data', [...HANDSHAKE, b('RA')], 'reset-by-server abort before-data'],
  ['after a FIN', [...TALK, a('FA'), b('A'), b('RA')], 'reset-by-server abort after-fin'],
  [
    'without ACK, at the number that its receiver acknowledged, it answers',
    [...TALK, a('FA'), b('A'), b('PA', { bytes: 30 }), a('R')],
    'reset-by-client answer-to-stray after-fin',
  ],
  ['outside the window it is dropped', [...TALK, b('R', { sequence: 100_000 })], 'established ignored null'],
  ['behind the window too', [...TALK, b('R', { sequence: 3 })], 'established ignored null'],
  [
    'inside, but not the next number, it counts when nothing follows',
    [...TALK, b('R', { sequence: 600 })],
    'reset-by-server abort after-data',
  ],
  [
    'and draws a challenge ACK that shows that it did not',
    [...TALK, b('R', { sequence: 600 }), a('A')],
    'established ignored null',
  ],
  [
    'the exact one after the challenge ends it',
    [...TALK, b('R', { sequence: 600 }), a('A'), b('R')],
    'reset-by-server answer-to-stray after-data',
  ],
  [
    'data of its sender after it show that it ended nothing',
    [...TALK, b('RA'), b('PA', { bytes: 10 })],
    'established ignored null',
  ],
  [
    'data of its receiver a second later too',
    [...TALK, b('RA'), a('PA', { bytes: 10, afterMs: 1000 })],
    'established ignored null',
  ],
  [
    'data of its receiver that were under way do not',
    [...TALK, b('RA'), a('PA', { bytes: 10, afterMs: 1 })],
    'reset-by-server abort after-data',
  ],
  [
    'a segment sent again does not',
    [...TALK, b('RA'), a('PA', { bytes: 100, sequence: 1, afterMs: 1000 })],
    'reset-by-server abort after-data',
  ],
  [
    'a SYN after a refusal is another try',
    [a('S'), b('RA', { sequence: 0 }), a('S', { sequence: 0, afterMs: 500 }), b('RA', { sequence: 0 })],
    'refused refuse handshake',
  ],
  [
    'a SYN-ACK after a refusal shows that another host refused',
    [a('S'), b('RA', { sequence: 0 }), b('SA', { sequence: 0 }), a('A')],
    'established ignored null',
  ],
  [
    'a reset for an older connection does not end the new one',
    [
      a('S'),
      b('A', { sequence: 70_000, acknowledgment: 30_000 }),
      a('R', { sequence: 30_000 }),
      a('S', { sequence: 0 }),
      b('SA', { sequence: 0 }),
      a('A'),
    ],
    'established ignored null',
  ],
  [
    'another time to live makes it suspect',
    [...TALK, b('RA', { ttl: 61 })],
    'reset-by-server injected-suspect after-data',
  ],
  [
    'where the time to live varies anyway it does not',
    [...TALK, b('A', { ttl: 55 }), b('RA', { ttl: 61 })],
    'reset-by-server abort after-data',
  ],
  [
    'another DF and a far identification make it suspect',
    [...TALK, b('RA', { dontFragment: false, identification: 40_000 })],
    'reset-by-server injected-suspect after-data',
  ],
  [
    'identification 0 alone does not: Linux sends it so',
    [...TALK, b('RA', { identification: 0 })],
    'reset-by-server abort after-data',
  ],
  [
    'after a long silence it looks like a forgotten connection',
    [...TALK, b('RA', { afterMs: 300_000 })],
    'reset-by-server idle-timeout-suspect after-data',
  ],
  [
    'so does the answer to what ends the silence',
    [...TALK, a('PA', { bytes: 9, afterMs: 300_000 }), b('R')],
    'reset-by-server idle-timeout-suspect after-data',
  ],
  [
    'not when its sender had talked since',
    [...TALK, a('PA', { bytes: 9, afterMs: 300_000 }), b('A'), b('RA')],
    'reset-by-server abort after-data',
  ],
]

describe('reset', () => {
  test.each(RESETS)('%s', (_, steps, expected) => {
    const { outcome, resetClass, resetPhase } = lifeOf(...steps)
    expect(`${outcome} ${resetClass} ${resetPhase}`).toBe(expected)
  })

  test('every class and phase has evidence, each with frames of the connection', () => {
    for (const [, steps] of RESETS) {
      const { evidence } = lifeOf(...steps)
      expect(evidence.length).toBeGreaterThan(0)
      for (const { text, frames } of evidence) {
        expect(text).not.toBe('')
        expect(frames.length).toBeGreaterThan(0)
        expect(frames.every(frame => frame >= 1 && frame <= steps.length)).toBe(true)
      }
    }
  })

  test('the evidence of a suspicion names both values and their frames', () => {
    expect(lifeOf(...TALK, b('RA', { ttl: 61 })).evidence).toContainEqual({
      text: 'time to live 61, other packets of the sender have 57',
      frames: [5, 7],
    })
  })

  test('the evidence of a silence says how long it was', () => {
    const { evidence } = lifeOf(...TALK, a('PA', { bytes: 9, afterMs: 300_000 }), b('R'))
    expect(evidence).toContainEqual({ text: 'it came after 300.0 s of silence', frames: [7, 8] })
  })

  test('bytes that were never acknowledged are counted, without the FIN', () => {
    const life = lifeOf(...TALK, b('FA', { bytes: 700 }), a('R'))
    expect(life.unacknowledgedBytes).toEqual({ client: 0, server: 700 })
  })

  test('what the reset itself acknowledges is not counted', () => {
    const life = lifeOf(...TALK, b('PA', { bytes: 700 }), a('RA', { acknowledgment: 601 }))
    expect(life.unacknowledgedBytes).toEqual({ client: 0, server: 600 })
    expect(life.evidence).toContainEqual({ text: '600 bytes of the other end were never acknowledged', frames: [8] })
  })

  test('of resets that ended nothing, the first and the last are told', () => {
    const life = lifeOf(...TALK, b('R', { sequence: 90_000 }), b('R', { sequence: 3 }), b('R', { sequence: 4 }), a('A'))
    expect(life.ignoredResetFrames).toEqual([7, 9])
    expect(life.closedFirstFrame).toBeNull()
  })
})
