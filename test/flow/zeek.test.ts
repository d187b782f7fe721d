import { describe, expect, test } from 'vitest'
import { a, b, HANDSHAKE, lifeOf, type Step } from './life-steps.js'

const REQUEST = a('PA', { bytes: 100 })
const RESPONSE = b('PA', { bytes: 500 })
const TALK = [...HANDSHAKE, REQUEST, RESPONSE, a('A')]
const again = (step: Step, sequence: number): Step => ({ ...step, sequence })
const times = (count: number, step: Step): Step[] => Array.from({ length: count }, () => step)

/** conn_state and history by the rules of Zeek (captures.md 2.1, 2.2). */
const HISTORIES: readonly [string, readonly Step[], string][] = [
  ['a handshake and a close', [...TALK, a('FA'), b('FA'), a('A')], 'SF ShADdFf'],
  ['a SYN sent again has one letter', [a('S'), again(a('S'), 0)], 'S0 S'],
  ['a SYN-ACK moves both to established', [a('S'), b('SA')], 'S1 Sh'],
  ['a missing SYN is seen by the flip', [b('SA', { acknowledgment: 1 }), a('A', { sequence: 1 })], 'S1 ^hA'],
  [
    'so it is between ports that are no known servers',
    [b('SA', { acknowledgment: 1, ports: { a: 40_000, b: 50_000 } }), a('A', { sequence: 1 })],
    'S1 ^hA',
  ],
  [
    'a SYN-ACK that was captured before its SYN',
    [b('SA', { acknowledgment: 1, ports: { a: 40_000, b: 50_000 } }), a('S')],
    'S1 ^hS',
  ],
  ['a SYN of the responder opens, too', [a('S'), b('S')], 'S1 Ss'],
  ['midstream', [REQUEST, RESPONSE], 'OTH Dd'],
  ['midstream, the server first', [RESPONSE, REQUEST], 'OTH ^dD'],
  ['FIN and reset of one end', [...TALK, a('FA'), a('R')], 'RSTO ShADdFR'],
  ['FIN and reset, answered by a FIN', [...TALK, a('FA'), a('R'), b('FA')], 'SF ShADdFRf'],
  ['a reset sent again with another number', [...TALK, b('R'), b('R', { sequence: 700 })], 'RSTR ShADdrr'],
  ['a reset sent again as it was', [...TALK, b('R'), b('R')], 'RSTR ShADdr'],
  ['resets of both, and no byte', [a('R'), b('R')], 'REJ Rr'],
  ['FIN and RST together', [...TALK, a('FRA')], 'RSTO ShADdI'],
  ['SYN and FIN together', [a('SF')], 'SH Q'],
  ['a FIN sent again', [...TALK, a('FA'), a('FA', { sequence: 101 })], 'S2 ShADdF'],
  ['a FIN sent again at another place', [...TALK, a('FA'), a('FA', { sequence: 110 })], 'S2 ShADdFF'],
  ['bytes sent again, 1 to 10 times', [...TALK, ...times(10, again(REQUEST, 1))], 'S1 ShADdTT'],
  ['bytes sent again, 9 times', [...TALK, ...times(9, again(REQUEST, 1))], 'S1 ShADdT'],
  ['bytes sent again, 100 times', [...TALK, ...times(100, again(REQUEST, 1))], 'S1 ShADdTTT'],
  ['windows of zero', [...TALK, ...times(10, a('A', { window: 0 }))], 'S1 ShADdWW'],
  ['a window of zero in a reset', [...TALK, a('R', { window: 0 })], 'RSTO ShADdR'],
  ['a window of zero after the FIN of the other', [...TALK, b('FA'), a('A', { window: 0 })], 'S3 ShADdf'],
  ['an acknowledgment of what was not captured', [...TALK, a('A', { acknowledgment: 900 })], 'S1 ShADdg'],
  [
    'bytes in the wrong order leave no gap',
    [...TALK, b('A', { bytes: 5, sequence: 506 }), b('A', { bytes: 5, sequence: 501 }), a('A')],
    'S1 ShADdt',
  ],
  ['a hole that is acknowledged', [...TALK, b('A', { bytes: 5, sequence: 506 }), a('A')], 'S1 ShADdg'],
  ['a cut TCP header is not looked at', [a('S', { isCut: true }), a('S', { sequence: 0 })], 'S0 S'],
  ['a wrong checksum is looked at no further', [{ ...a('S'), isBad: true }, a('S', { sequence: 0 })], 'S0 CS'],
]

describe("Zeek's view", () => {
  test.each(HISTORIES)('%s', (_, steps, expected) => {
    const { zeek } = lifeOf(...steps)
    expect(`${zeek.connState} ${zeek.history}`).toBe(expected)
  })

  test('24 letters are kept, and no more', () => {
    const resets = Array.from({ length: 40 }, (_, index) => b('R', { sequence: 1000 + index }))
    expect(lifeOf(...TALK, ...resets).zeek.history).toBe(`ShADd${'r'.repeat(19)}`)
  })
})
