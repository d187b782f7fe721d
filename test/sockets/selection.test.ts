import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors/index.js'
import type { Protocol } from '../../src/sockets/constants.js'
import { SocketRecord } from '../../src/sockets/record.js'
import {
  kindCount,
  kindTest,
  type SelectionWords,
  type StateWords,
  selectStates,
  selectTables,
} from '../../src/sockets/selection.js'
import { ALL_STATES, DEFAULT_STATES, LISTENING_STATES, parseState } from '../../src/sockets/states.js'
import { TABLES } from '../../src/sockets/tables.js'

const select = (words: Partial<SelectionWords> = {}): ReturnType<typeof selectTables> =>
  selectTables({ protocols: [], query: [], family: null, ipv4: false, ipv6: false, ...words })
const ids = (words: Partial<SelectionWords> = {}): string[] => select(words).tables.map(table => table.id)
const INET = ['raw4', 'raw6', 'udp4', 'udp6', 'tcp4', 'tcp6', 'mptcp4', 'mptcp6', 'sctp4', 'sctp6']

describe('which tables', () => {
  test('nothing named is everything there is', () => {
    expect(ids()).toEqual(TABLES.map(table => table.id))
    expect(select().named).toBe(false)
  })

  test('flags add up, in the order of the listing', () => {
    expect(ids({ protocols: ['tcp'] })).toEqual(['tcp4', 'tcp6'])
    expect(ids({ protocols: ['tcp', 'unix', 'udp'] })).toEqual(['unix', 'udp4', 'udp6', 'tcp4', 'tcp6'])
    expect(select({ protocols: ['tcp'] }).named).toBe(true)
  })

  test('-4 and -6 choose a version, both or none choose both', () => {
    expect(ids({ protocols: ['tcp'], ipv4: true })).toEqual(['tcp4'])
    expect(ids({ protocols: ['tcp'], ipv6: true })).toEqual(['tcp6'])
    expect(ids({ protocols: ['tcp'], ipv4: true, ipv6: true })).toEqual(['tcp4', 'tcp6'])
    expect(ids({ protocols: ['unix'], ipv4: true })).toEqual(['unix'])
  })

  test('a version alone means the IP tables', () => {
    expect(ids({ ipv4: true })).toEqual(INET.filter(id => id.endsWith('4')))
    expect(ids({ family: 'inet6' })).toEqual(INET.filter(id => id.endsWith('6')))
    expect(select({ ipv4: true }).named).toBe(false)
  })

  test.each([
    ['unix', ['unix']],
    ['link', ['packet']],
    ['netlink', ['netlink']],
    ['vsock', ['vsock']],
    ['tipc', ['tipc']],
    ['xdp', ['xdp']],
  ])('-f %s is its table', (family, expected) => {
    expect(ids({ family })).toEqual(expected)
  })

  test('a family narrows what the other flags name', () => {
    expect(ids({ family: 'inet', protocols: ['tcp', 'unix'] })).toEqual(['tcp4'])
  })

  test.each([
    ['all', TABLES.map(table => table.id)],
    ['inet', INET],
    ['tcp', ['tcp4', 'tcp6']],
    ['udp', ['udp4', 'udp6']],
    ['raw', ['raw4', 'raw6']],
    ['mptcp', ['mptcp4', 'mptcp6']],
    ['sctp', ['sctp4', 'sctp6']],
    ['unix', ['unix']],
    ['packet', ['packet']],
    ['netlink', ['netlink']],
    ['vsock', ['vsock']],
    ['xdp', ['xdp']],
    ['tipc', ['tipc']],
  ])('-A %s', (word, expected) => {
    expect(ids({ query: [word] })).toEqual(expected)
    expect(select({ query: [word] }).named).toBe(true)
  })

  test.each([
    [['unix_stream', 'u_str'], 'unix/1'],
    [['unix_dgram', 'u_dgr'], 'unix/2'],
    [['unix_seqpacket', 'u_seq'], 'unix/5'],
    [['packet_raw', 'p_raw'], 'packet/3'],
    [['packet_dgram', 'p_dgr'], 'packet/2'],
    [['vsock_stream', 'v_str'], 'vsock/1'],
    [['vsock_dgram', 'v_dgr'], 'vsock/2'],
  ])('-A %j is one type', (words, expected) => {
    for (const word of words) {
      expect(select({ query: [word] }).kinds.map(kind => `${kind.protocol}/${kind.type}`)).toEqual([expected])
    }
  })

  test('a word with ! takes away: from what was named, or from everything', () => {
    expect(ids({ query: ['inet,!tcp,!sctp'] })).toEqual(['raw4', 'raw6', 'udp4', 'udp6', 'mptcp4', 'mptcp6'])
    expect(ids({ query: ['!inet'] })).toEqual(['netlink', 'packet', 'unix', 'tipc', 'vsock', 'xdp'])
    expect(ids({ protocols: ['tcp', 'udp'], query: ['!udp'] })).toEqual(['tcp4', 'tcp6'])
    expect(select({ query: ['unix', '!u_str'] }).kinds.map(kind => kind.type)).toEqual([2, 5])
    expect(ids({ query: ['!tcp', 'tcp'] })).toEqual(TABLES.map(table => table.id))
  })

  test('words name each kind once', () => {
    expect(select({ query: ['u_str,unix,u_str'] }).kinds).toHaveLength(3)
  })

  test('options that leave nothing are refused, not taken for everything', () => {
    expect(() => select({ query: ['tcp,!tcp'] })).toThrow('these options leave no socket table to list')
    expect(() => select({ query: ['!all'] })).toThrow(UsageError)
    expect(() => select({ protocols: ['unix'], family: 'inet' })).toThrow(UsageError)
  })

  test.each(['TCP', '', '!', '!!tcp', 'dccp', '__proto__'])('-A %j is refused with the words there are', word => {
    expect(() => select({ query: [word] })).toThrow(expect.objectContaining({ exit: 2, code: 'usage' }))
    try {
      select({ query: [word] })
    } catch (error) {
      expect((error as UsageError).message).toBe(`there is no socket table ${word}`)
      expect((error as UsageError).hints[0]).toContain('u_dgr')
    }
  })

  test('an unknown family is refused with the families there are', () => {
    expect(() => select({ family: 'ipx' })).toThrow('there is no address family ipx')
  })

  test('any words select tables or are refused in a sentence', () => {
    const word = fc.constantFrom('all', 'inet', 'tcp', 'u_str', 'packet', '!tcp', '!unix', '!all', '!u_dgr', 'nonsense')
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), fc.boolean(), fc.boolean(), (query, ipv4, ipv6) => {
        try {
          const { tables, kinds } = select({ query, ipv4, ipv6 })
          expect(kinds.length).toBeGreaterThan(0)
          for (const table of tables) expect(kinds.some(kind => kind.protocol === table.protocol)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
        }
      }),
    )
  })
})

describe('kinds', () => {
  const record = (protocol: Protocol, type: number): SocketRecord =>
    Object.assign(new SocketRecord(), { protocol, type })

  test('whole tables need no test', () => {
    for (const query of ['all', 'tcp', 'unix', 'packet,vsock', 'u_str,u_dgr,u_seq']) {
      expect(kindTest(select({ query: [query] }).kinds)).toBeNull()
    }
  })

  test('a type lets only its sockets through, and other tables wholly', () => {
    const accepts = kindTest(select({ query: ['tcp,u_dgr,p_raw,vsock'] }).kinds)!
    expect(accepts(record('unix', 2))).toBe(true)
    expect(accepts(record('unix', 1))).toBe(false)
    expect(accepts(record('packet', 3))).toBe(true)
    expect(accepts(record('packet', 2))).toBe(false)
    expect(accepts(record('tcp', 0))).toBe(true)
    expect(accepts(record('vsock', 5))).toBe(true)
  })

  test('their number says whether the first column tells anything', () => {
    expect(kindCount(select({ query: ['tcp'] }).kinds)).toBe(1)
    expect(kindCount(select({ query: ['u_str'] }).kinds)).toBe(1)
    expect(kindCount(select({ query: ['unix'] }).kinds)).toBe(3)
    expect(kindCount(select({ protocols: ['tcp', 'tcp'] }).kinds)).toBe(1)
  })
})

describe('which states', () => {
  const states = (words: Partial<StateWords> = {}): number =>
    selectStates({ states: [], exclude: [], flags: null, filter: null, filterChooses: false, ...words })
  const mask = (...words: string[]): number => words.reduce((sum, word) => sum | parseState(word)!, 0)

  test('nothing said is what ss lists; flags and a choosing filter replace that', () => {
    expect(states()).toBe(DEFAULT_STATES)
    expect(states({ flags: LISTENING_STATES })).toBe(LISTENING_STATES)
    expect(states({ filter: mask('time-wait'), filterChooses: true })).toBe(mask('time-wait'))
    expect(states({ filter: mask('time-wait') })).toBe(0)
  })

  test('words add up, in lists or one by one, and go before flags', () => {
    expect(states({ states: ['time-wait,SYN_RECV', 'listen'], flags: ALL_STATES })).toBe(
      mask('time-wait', 'syn-recv', 'listening'),
    )
  })

  test('exclude starts from all states, or takes from those that were named', () => {
    expect(states({ exclude: ['time-wait'] })).toBe(ALL_STATES & ~mask('time-wait'))
    expect(states({ exclude: ['time-wait'], flags: LISTENING_STATES })).toBe(ALL_STATES & ~mask('time-wait'))
    expect(states({ states: ['connected'], exclude: ['established'] })).toBe(mask('connected') & ~mask('established'))
  })

  test('a filter narrows whatever was named', () => {
    expect(states({ states: ['all'], filter: mask('listening') })).toBe(mask('listening'))
  })

  test.each([
    ['foo', 'there is no state foo'],
    ['established,foo', 'there is no state foo'],
    ['', 'there is no state (empty)'],
    ['established,', 'there is no state (empty)'],
  ])('the word %j is refused with the words there are', (word, message) => {
    expect(() => states({ states: [word] })).toThrow(message)
    expect(() => states({ exclude: [word] })).toThrow(expect.objectContaining({ exit: 2 }))
  })
})
