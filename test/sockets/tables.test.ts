import { describe, expect, test } from 'vitest'
import { formatFamily, PROTOCOLS } from '../../src/sockets/constants.js'
import { INET_DIAG_REQ_BYTECODE, INET_DIAG_REQ_PROTOCOL } from '../../src/sockets/diag/inet-diag.js'
import { PROC_NET_FILES } from '../../src/sockets/proc-net.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { ALL_STATES, CLOSED, ESTABLISHED, LISTENING, SYN_RECV, TIME_WAIT } from '../../src/sockets/states.js'
import { TABLES, tableById } from '../../src/sockets/tables.js'
import { u32 } from './diag/build.js'
import { MAPPED } from './diag/inet-samples.js'
import { NETLINK_GROUPS, PACKET_RING, UNIX_LISTENER, view } from './diag/samples.js'

const NOTHING = { extensions: 0, bytecode: null }

describe('the tables of a kernel', () => {
  test('every protocol has one, with an id of its own that finds it again', () => {
    expect(new Set(TABLES.map(table => table.protocol))).toEqual(new Set(PROTOCOLS))
    for (const table of TABLES) expect(tableById(table.id)).toBe(table)
    expect(new Set(TABLES.map(table => table.id)).size).toBe(TABLES.length)
    expect(tableById('tcp5')).toBeNull()
  })

  test('words of families agree with their numbers', () => {
    for (const table of TABLES) expect(formatFamily(table.family)).toBe(table.familyWord)
  })

  test('every file of procfs belongs to one table', () => {
    expect(TABLES.flatMap(table => table.procfs ?? []).sort()).toEqual([...PROC_NET_FILES].sort())
  })

  test('each asks in the name of its own family', () => {
    for (const table of TABLES) expect(table.request(ALL_STATES, NOTHING).payload[0]).toBe(table.family)
  })

  test.each([
    ['raw4', 255],
    ['udp6', 17],
    ['tcp4', 6],
    ['mptcp6', 6],
    ['sctp4', 132],
  ])('%s asks for protocol %d', (id, protocol) => {
    expect(tableById(id)!.request(ALL_STATES, NOTHING).payload[1]).toBe(protocol)
  })

  test('an IP request carries the states that its table can have, extensions and bytecode', () => {
    const bytecode = Uint8Array.of(1, 2, 3, 4)
    const { payload, attributes } = tableById('udp4')!.request(ALL_STATES, { extensions: 0x42, bytecode })
    expect(view(payload).getUint32(4, true)).toBe((1 << ESTABLISHED) | (1 << CLOSED))
    expect(payload[2]).toBe(0x42)
    expect(attributes).toEqual([{ type: INET_DIAG_REQ_BYTECODE, payload: bytecode }])
  })

  test('MPTCP says its protocol in an attribute, in front of the bytecode', () => {
    const bytecode = Uint8Array.of(1, 2, 3, 4)
    expect(tableById('mptcp4')!.request(ALL_STATES, { extensions: 0, bytecode }).attributes).toEqual([
      { type: INET_DIAG_REQ_PROTOCOL, payload: u32(262) },
      { type: INET_DIAG_REQ_BYTECODE, payload: bytecode },
    ])
  })

  test('a listing of states that a table cannot have need not ask it', () => {
    const asked = (state: number): string[] =>
      TABLES.filter(table => table.states & (1 << state)).map(table => table.id)
    expect(asked(TIME_WAIT)).toEqual(['tcp4', 'tcp6'])
    expect(asked(LISTENING)).not.toContain('udp4')
    expect(asked(LISTENING)).toContain('unix')
    expect(asked(SYN_RECV)).not.toContain('mptcp4')
    expect(asked(CLOSED)).not.toContain('tcp4')
  })

  test.each([
    ['tcp6', MAPPED],
    ['unix', UNIX_LISTENER],
    ['packet', PACKET_RING],
    ['netlink', NETLINK_GROUPS],
  ])('%s reads its own messages', (id, bytes) => {
    const table = tableById(id)!
    const record = new SocketRecord()
    expect(table.request(ALL_STATES, NOTHING).decode(view(bytes), 0, bytes.length, record)).toBe(true)
    expect(record).toMatchObject({ protocol: table.protocol, family: table.family })
    expect((table.states >>> record.state) & 1).toBe(1)
  })
})
