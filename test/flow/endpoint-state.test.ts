import { describe, expect, test } from 'vitest'
import { a, b, HANDSHAKE, lifeOf, type Step } from './life-steps.js'

const TALK = [...HANDSHAKE, a('PA', { bytes: 100 }), b('PA', { bytes: 500 }), a('A')]
/** Both FINs are under way before either arrives: the second acknowledges nothing of the first. */
const CROSSED_FINS = [a('FA'), b('FA', { acknowledgment: 101 })]

/** States of client and server, who closed first, who has TIME-WAIT (RFC 9293 3.3.2, 3.6; captures.md 2.7). */
const STATES: readonly [string, readonly Step[], string][] = [
  ['a SYN', [a('S')], 'syn-sent unknown null null'],
  ['a SYN-ACK', [a('S'), b('SA')], 'syn-sent syn-recv null null'],
  ['a handshake', HANDSHAKE, 'established established null null'],
  ['SYNs of both', [a('S'), b('S')], 'syn-recv syn-recv null null'],
  ['a SYN-ACK, acknowledged wrongly', [a('S'), b('SA'), a('A', { acknowledgment: 0 })], 'syn-sent syn-recv null null'],
  [
    'SYN-ACKs of both',
    [a('S'), b('S'), a('SA', { sequence: 0 }), b('SA', { sequence: 0 })],
    'established established null null',
  ],
  ['the client alone', [a('S'), a('A', { acknowledgment: 1 })], 'established unknown null null'],
  ['the server alone', [b('SA', { acknowledgment: 1 }), b('PA', { bytes: 9 })], 'unknown established null null'],
  ['a refusal', [a('S'), b('RA', { sequence: 0 })], 'closed closed server none'],
  ['nothing of the handshake', [a('PA', { bytes: 1 }), b('A')], 'unknown unknown null null'],
  ['a FIN of the client', [...TALK, a('FA')], 'fin-wait-1 close-wait client null'],
  ['a FIN of the client, acknowledged', [...TALK, a('FA'), b('A')], 'fin-wait-2 close-wait client null'],
  [
    'data into a half-closed connection',
    [...TALK, a('FA'), b('A'), b('A', { bytes: 9 }), a('A')],
    'fin-wait-2 close-wait client null',
  ],
  ['both FINs, the last not acknowledged', [...TALK, a('FA'), b('FA')], 'fin-wait-2 last-ack client null'],
  ['both FINs, both acknowledged', [...TALK, a('FA'), b('FA'), a('A')], 'time-wait closed client client'],
  ['the server first', [...TALK, b('FA'), a('A'), a('FA'), b('A')], 'closed time-wait server server'],
  ['FINs that cross', [...TALK, ...CROSSED_FINS], 'closing closing both null'],
  ['FINs that cross, one acknowledged', [...TALK, ...CROSSED_FINS, b('A')], 'fin-wait-2 closing both null'],
  ['FINs that cross, both acknowledged', [...TALK, ...CROSSED_FINS, b('A'), a('A')], 'time-wait time-wait both both'],
  ['a reset', [...TALK, b('RA')], 'closed closed server none'],
  ['a reset after a FIN', [...TALK, a('FA'), b('RA')], 'closed closed client none'],
]

describe('states of the ends', () => {
  test.each(STATES)('%s', (_, steps, expected) => {
    const { clientState, serverState, closedFirst, timeWaitSide } = lifeOf(...steps)
    expect(`${clientState} ${serverState} ${closedFirst} ${timeWaitSide}`).toBe(expected)
  })

  test('the frame that closed first is that of the first FIN, not of one sent again', () => {
    const life = lifeOf(...TALK, a('FA'), a('FA', { sequence: 101 }), b('FA'), a('A'))
    expect(life.closedFirstFrame).toBe(TALK.length + 1)
    expect(life.frames).toMatchObject({ clientFin: 7, serverFin: 9, rst: null })
  })
})

describe('the client', () => {
  const midstream = (ports: { a: number; b: number }) => lifeOf(a('A', { bytes: 5, ports }))

  test.each([
    [{ a: 40_000, b: 80 }, 0, 'port'],
    [{ a: 80, b: 40_000 }, 1, 'port'],
    [{ a: 5432, b: 50_000 }, 1, 'port'],
    [{ a: 50_000, b: 40_000 }, 0, 'first-packet'],
    [{ a: 7000, b: 7000 }, 0, 'first-packet'],
  ] as const)('of ports %j, met midstream, is sender %i by %s', (ports, side, by) => {
    expect(midstream(ports)).toMatchObject({ clientSide: side, clientBy: by })
  })

  test('is the sender of the SYN, whatever the ports', () => {
    expect(lifeOf(a('S', { ports: { a: 80, b: 40_000 } }))).toMatchObject({ clientSide: 0, clientBy: 'syn' })
  })

  test('is the receiver of the SYN-ACK when the SYN is missing', () => {
    expect(lifeOf(b('SA', { acknowledgment: 1 }))).toMatchObject({ clientSide: 1, clientBy: 'syn-ack' })
  })

  test('is the sender of the SYN that was captured after its answer', () => {
    expect(lifeOf(b('SA', { acknowledgment: 1 }), a('S'), a('A'))).toMatchObject({ clientSide: 1, clientBy: 'syn' })
  })
})

describe('times', () => {
  test('of the handshake, the request and the response are told with their frames', () => {
    const life = lifeOf(
      a('S'),
      b('SA', { afterMs: 30 }),
      a('A', { afterMs: 2 }),
      b('PA', { bytes: 20, afterMs: 5 }),
      a('PA', { bytes: 10, afterMs: 100 }),
      b('A', { afterMs: 1 }),
      b('PA', { bytes: 50, afterMs: 250.5 }),
    )
    expect(life.timings).toEqual({
      synToSynAckMs: 30,
      synAckToAckMs: 2,
      ackToRequestMs: 105,
      requestToResponseMs: 251.5,
    })
    expect(life.frames).toMatchObject({ syn: 1, synAck: 2, handshakeAck: 3, firstRequest: 5, firstResponse: 7 })
  })

  test('of a SYN that was sent again begin with the last one', () => {
    const life = lifeOf(a('S'), a('S', { sequence: 0, afterMs: 1000 }), b('SA', { afterMs: 30 }), a('A'))
    expect(life.timings.synToSynAckMs).toBe(30)
    expect(life.frames.syn).toBe(2)
  })

  test('are never negative when the clock was set back', () => {
    expect(lifeOf(a('S'), b('SA', { afterMs: -5000 })).timings.synToSynAckMs).toBe(0)
  })

  test('are null where a packet is missing', () => {
    expect(lifeOf(a('S')).timings).toEqual({
      synToSynAckMs: null,
      synAckToAckMs: null,
      ackToRequestMs: null,
      requestToResponseMs: null,
    })
  })
})
