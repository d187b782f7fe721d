import { describe, expect, test } from 'vitest'
import { OUTCOMES } from '../../src/flow/model.js'
import { a, b, HANDSHAKE, lifeOf, type Step } from './life-steps.js'

const REQUEST = a('PA', { bytes: 100 })
const RESPONSE = b('PA', { bytes: 500 })
const TALK = [...HANDSHAKE, REQUEST, RESPONSE, a('A')]
const CLOSE = [a('FA'), b('FA'), a('A')]

/** Outcome, opening, closing (captures.md 2.7 B), and Zeek's conn_state (2.1) of the same packets. */
const CONNECTIONS: readonly [string, readonly Step[], string][] = [
  ['a SYN without an answer', [a('S'), a('S', { sequence: 0, afterMs: 1000 })], 'no-answer syn-only none S0'],
  ['a SYN that an ICMP error quotes', [a('S'), a('I')], 'unreachable syn-only icmp S0'],
  ['a SYN that a reset answers', [a('S'), b('RA', { sequence: 0 })], 'refused syn-only rst-server REJ'],
  ['a handshake without its last ACK', [a('S'), b('SA'), b('SA', { sequence: 0 })], 'half-open half none S1'],
  ['a handshake that the client resets', [a('S'), b('SA'), a('R')], 'aborted-in-handshake half rst-client RSTO'],
  ['a SYN and a reset of the same end', [a('S'), a('R')], 'aborted-in-handshake syn-only rst-client RSTOS0'],
  [
    'a handshake whose last ACK fits nothing',
    [a('S'), b('SA'), a('A', { acknowledgment: 0 })],
    'half-open half none S1',
  ],
  [
    'SYN-ACKs of both',
    [a('S'), b('S'), a('SA', { sequence: 0 }), b('SA', { sequence: 0 })],
    'established simultaneous none S1',
  ],
  ['a handshake alone', HANDSHAKE, 'established full none S1'],
  ['request and response', TALK, 'established full none S1'],
  ['a FIN of the client', [...TALK, a('FA'), b('A')], 'half-closed-by-client full fin-client S2'],
  ['a FIN of the server', [...TALK, b('FA'), a('A')], 'half-closed-by-server full fin-server S3'],
  ['FINs of both', [...TALK, ...CLOSE], 'closed-normally full fin-both SF'],
  ['FINs of both and a reset', [...TALK, ...CLOSE, b('R')], 'closed-normally full fin-both SF'],
  ['a reset of the client', [...TALK, a('RA')], 'reset-by-client full rst-client RSTO'],
  ['a reset of the server', [...TALK, b('RA')], 'reset-by-server full rst-server RSTR'],
  ['a reset after the FIN of the same end', [...TALK, a('FA'), a('R')], 'reset-by-client full rst-client RSTO'],
  ['data of both, met midstream', [REQUEST, RESPONSE], 'midstream-open midstream none OTH'],
  ['FINs of both, met midstream', [REQUEST, RESPONSE, ...CLOSE], 'midstream-closed midstream fin-both SF'],
  ['a reset, met midstream', [REQUEST, RESPONSE, b('RA')], 'midstream-reset midstream rst-server RSTRH'],
  ['data of one end', [REQUEST, a('PA', { bytes: 100 })], 'one-sided midstream none OTH'],
  [
    'all of the client, nothing of the server',
    [a('S'), a('A', { acknowledgment: 1 }), REQUEST, a('FA')],
    'one-sided syn-only fin-client SH',
  ],
  [
    'all of the server, nothing of the client',
    [b('SA', { acknowledgment: 1 }), b('A'), RESPONSE, b('FA')],
    'one-sided syn-ack-only fin-server SHR',
  ],
  [
    'SYNs of both, each answered by a SYN-ACK',
    [a('S'), b('S'), a('SA', { sequence: 0 }), b('SA', { sequence: 0 }), a('A'), REQUEST],
    'established simultaneous none S1',
  ],
  ['a SYN answered by a SYN', [a('S'), b('S'), a('SA', { sequence: 0 }), b('A'), REQUEST], 'established split none S1'],
  [
    'a SYN-ACK first',
    [b('SA', { acknowledgment: 1 }), a('A', { sequence: 1 }), REQUEST, RESPONSE],
    'established syn-ack-only none S1',
  ],
]

describe('outcome', () => {
  test.each(CONNECTIONS)('%s', (_, steps, expected) => {
    const { outcome, opening, closing, zeek } = lifeOf(...steps)
    expect(`${outcome} ${opening} ${closing} ${zeek.connState}`).toBe(expected)
  })

  test('every outcome has a connection here', () => {
    const shown = new Set(CONNECTIONS.map(([, , expected]) => expected.split(' ')[0]))
    expect(OUTCOMES.filter(outcome => !shown.has(outcome))).toEqual([])
  })
})
