import { describe, expect, test } from 'vitest'
import {
  ALL_STATES,
  BOUND_INACTIVE,
  DEFAULT_STATES,
  formatState,
  LISTENING_STATES,
  parseState,
  STATE_WORDS,
  stateLabel,
} from '../../src/sockets/states.js'

/** Kernel number (include/net/tcp_states.h), our word, ss's column, other spellings that are taken. */
const WORDS: readonly (readonly [number, string, string, ...string[]])[] = [
  [1, 'established', 'ESTAB', 'estab', 'ESTABLISHED'],
  [2, 'syn-sent', 'SYN-SENT', 'SYN_SENT'],
  [3, 'syn-recv', 'SYN-RECV', 'syn-rcv', 'SYN_RECV', 'syn-received'],
  [4, 'fin-wait-1', 'FIN-WAIT-1', 'FIN_WAIT1', 'fin-wait1'],
  [5, 'fin-wait-2', 'FIN-WAIT-2', 'FIN_WAIT2'],
  [6, 'time-wait', 'TIME-WAIT', 'TIME_WAIT', 'timewait'],
  [7, 'closed', 'UNCONN', 'CLOSE', 'close', 'unconnected', 'unconn'],
  [8, 'close-wait', 'CLOSE-WAIT', 'CLOSE_WAIT', 'closewait'],
  [9, 'last-ack', 'LAST-ACK', 'LAST_ACK'],
  [10, 'listening', 'LISTEN', 'listen'],
  [11, 'closing', 'CLOSING'],
  [13, 'bound-inactive', 'BOUND', 'bound', 'BOUND_INACTIVE'],
]

const names = (mask: number): string[] => WORDS.filter(([state]) => mask & (1 << state)).map(([, word]) => word)
const group = (word: string): string[] => names(parseState(word)!)

describe('state words', () => {
  test.for(WORDS)('state %d is %s and prints %s', ([state, word, label, ...others]) => {
    expect(formatState(state)).toBe(word)
    expect(stateLabel(state)).toBe(label)
    for (const spelling of [word, label, word.toUpperCase(), ...others]) expect(parseState(spelling)).toBe(1 << state)
  })

  test('every word of the list is taken, and every state is in the list', () => {
    for (const word of STATE_WORDS) expect(parseState(word)).toBeGreaterThan(0)
    expect(STATE_WORDS).toEqual([...WORDS.map(([, word]) => word), 'all', 'connected', 'synchronized', 'bucket', 'big'])
  })

  test.each(['', ' ', 'foo', 'established ', 'new-syn-recv', '1', '-', '__proto__', 'constructor', 'all,connected'])(
    'the word %j names no state',
    word => {
      expect(parseState(word)).toBeNull()
    },
  )

  test.each([0, 12, 14, 99, 255])('the unknown number %d is kept', state => {
    expect(formatState(state)).toBe(`state-${state}`)
    expect(stateLabel(state)).toBe(`STATE-${state}`)
  })
})

describe('groups', () => {
  const without = (...words: string[]): string[] => WORDS.map(([, word]) => word).filter(word => !words.includes(word))

  test('all is every state, without the bit of the state that no request may name', () => {
    expect(group('all')).toEqual(without())
    expect(ALL_STATES & (1 << 12)).toBe(0)
    expect(ALL_STATES & 1).toBe(0)
  })

  test('connected leaves out what has no connection; synchronized also who waits for the first answer', () => {
    expect(group('connected')).toEqual(without('listening', 'closed', 'bound-inactive'))
    expect(group('synchronized')).toEqual(without('listening', 'closed', 'bound-inactive', 'syn-sent'))
  })

  test('bucket is the two small forms, and big is the others', () => {
    expect(group('bucket')).toEqual(['syn-recv', 'time-wait'])
    expect(group('big')).toEqual(without('syn-recv', 'time-wait', 'bound-inactive'))
  })

  test('bound-inactive is in all and in nothing else, unlike in ss', () => {
    const bit = 1 << BOUND_INACTIVE
    const groups = ['all', 'connected', 'synchronized', 'bucket', 'big'].filter(word => parseState(word)! & bit)
    expect(groups).toEqual(['all'])
    expect((DEFAULT_STATES | LISTENING_STATES) & bit).toBe(0)
  })

  test('by default what ss lists is listed, and -l is listeners and receivers', () => {
    expect(names(DEFAULT_STATES)).toEqual(without('listening', 'closed', 'bound-inactive', 'syn-recv', 'time-wait'))
    expect(names(LISTENING_STATES)).toEqual(['closed', 'listening'])
  })
})
