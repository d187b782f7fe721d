import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatMachine, formatSummary } from '../../src/render/summary-text.js'
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, type Family, type Protocol } from '../../src/sockets/constants.js'
import type { SourceReport } from '../../src/sockets/model.js'
import { SocketRecord } from '../../src/sockets/record.js'
import {
  ALL_STATES,
  BOUND_INACTIVE,
  CLOSED,
  ESTABLISHED,
  LISTENING,
  parseState,
  TIME_WAIT,
} from '../../src/sockets/states.js'
import { SocketSummary } from '../../src/sockets/summary.js'

const socket = (fields: Partial<SocketRecord>): SocketRecord =>
  Object.assign(new SocketRecord(), { protocol: 'tcp', family: AF_INET, state: ESTABLISHED }, fields)

const source = (protocol: Protocol, family: Family, more: Partial<SourceReport> = {}): SourceReport => ({
  protocol,
  family,
  netns: null,
  method: 'netlink',
  error: null,
  missing: [],
  ...more,
})

const TCP = [source('tcp', 'inet'), source('tcp', 'inet6')]

function summarize(records: readonly SocketRecord[], sources: readonly SourceReport[], states = ALL_STATES) {
  const sums = new SocketSummary(() => false)
  for (const record of records) sums.add(record)
  return sums.result(0, null, sources, states)
}

const MAPPED = { family: AF_INET6, local2: 0xffff, local3: 0x7f000001 }

describe('SocketSummary', () => {
  test('counts by protocol, family and state; zeros are zeros', () => {
    const records = [
      socket({}),
      socket({ family: AF_INET6, state: LISTENING }),
      socket(MAPPED),
      socket({ protocol: 'udp', state: CLOSED }),
      socket({ protocol: 'unix', family: AF_UNIX }),
    ]
    const sources = [...TCP, source('udp', 'inet'), source('unix', 'unix'), source('raw', 'inet')]
    expect(summarize(records, sources)).toEqual({
      netns: null,
      total: 5,
      protocols: [
        { protocol: 'tcp', total: 3, inet: 1, inet6: 2, mapped: 1 },
        { protocol: 'udp', total: 1, inet: 1, inet6: null, mapped: null },
        { protocol: 'unix', total: 1, inet: null, inet6: null, mapped: null },
        { protocol: 'raw', total: 0, inet: 0, inet6: null, mapped: null },
      ],
      tcpStates: {
        listening: 1,
        'syn-sent': 0,
        'syn-recv': 0,
        established: 2,
        'fin-wait-1': 0,
        'fin-wait-2': 0,
        'close-wait': 0,
        closing: 0,
        'last-ack': 0,
        'time-wait': 0,
        closed: 0,
        'bound-inactive': 0,
      },
    })
  })

  test('what was not read, not asked for or not told is unknown, never 0', () => {
    const unread = source('udp', 'inet6', { method: 'none', error: { code: 'ENOENT', message: 'no' } })
    const { protocols, tcpStates } = summarize([], [unread, source('udp', 'inet')])
    expect(protocols).toEqual([{ protocol: 'udp', total: 0, inet: 0, inet6: null, mapped: null }])
    expect(tcpStates).toBeNull()
    const fallen = [source('tcp', 'inet', { method: 'procfs' })]
    expect(summarize([], fallen).tcpStates).toMatchObject({ 'bound-inactive': null, listening: 0 })
    const asked = summarize([socket({ state: TIME_WAIT })], TCP, parseState('time-wait')!)
    expect(asked.tcpStates).toMatchObject({ 'time-wait': 1, established: null, listening: null })
  })

  test("netlink: neither the kernel's ends nor netkit's own are counted", () => {
    const netlink = (portId: number, inode: number) =>
      socket({
        protocol: 'netlink',
        family: AF_NETLINK,
        state: CLOSED,
        inode,
        netlink: { protocol: 0, portId, peerPortId: 0, peerGroup: 0, groups: null, flags: null },
      })
    const sums = new SocketSummary(record => record.inode === 5)
    for (const record of [netlink(0, 3), netlink(77, 5), netlink(-9, 6)]) sums.add(record)
    expect(sums.result(0, null, [source('netlink', 'netlink')], ALL_STATES).total).toBe(1)
    expect(sums.counted).toBe(1)
  })

  test('namespaces are kept apart', () => {
    const sums = new SocketSummary(() => false)
    for (const netns of [1, 1, 0]) sums.add(socket({ netns }))
    const sources = ['a', 'b', 'c'].map(netns => source('tcp', 'inet', { netns }))
    expect(['a', 'b', 'c'].map((label, at) => sums.result(at, label, sources, ALL_STATES).total)).toEqual([1, 2, 0])
  })

  test('a state that is not known yet is counted, and in no other state', () => {
    const { total, tcpStates } = summarize([socket({ state: 200 }), socket({ state: 15 })], TCP)
    expect(total).toBe(2)
    expect(Object.values(tcpStates!).every(count => count === 0)).toBe(true)
  })

  test('for any sockets the families, the states and the protocols add up', () => {
    const records = fc.array(
      fc
        .record({
          protocol: fc.constantFrom<Protocol>('tcp', 'udp', 'raw'),
          family: fc.constantFrom(AF_INET, AF_INET6),
          state: fc.constantFrom(ESTABLISHED, TIME_WAIT, LISTENING, BOUND_INACTIVE),
          local2: fc.constantFrom(0, 0xffff),
        })
        .map(socket),
    )
    const sources = (['tcp', 'udp', 'raw'] as const).flatMap(each => [source(each, 'inet'), source(each, 'inet6')])
    fc.assert(
      fc.property(records, sockets => {
        const { total, protocols, tcpStates } = summarize(sockets, sources)
        expect(total).toBe(sockets.length)
        expect(protocols.reduce((sum, each) => sum + each.total, 0)).toBe(total)
        for (const { total: all, inet, inet6, mapped } of protocols) {
          expect(inet! + inet6!).toBe(all)
          expect(mapped).toBeLessThanOrEqual(inet6!)
        }
        const tcp = Object.values(tcpStates!).reduce<number>((sum, count) => sum + count!, 0)
        expect(tcp).toBe(protocols.find(each => each.protocol === 'tcp')!.total)
      }),
    )
  })
})

describe('formatSummary', () => {
  const fragments = { inet: 0, inet6: null }

  test("is laid out in ss's spirit", () => {
    const records = [
      ...Array.from({ length: 3 }, () => socket({})),
      socket({ family: AF_INET6, state: LISTENING }),
      socket(MAPPED),
      socket({ protocol: 'udp', state: CLOSED }),
      socket({ protocol: 'unix', family: AF_UNIX }),
    ]
    const sources = [...TCP, source('udp', 'inet'), source('udp', 'inet6'), source('unix', 'unix')]
    const lines = formatSummary({ ...summarize(records, sources), fragments }, false)
    expect(lines).toEqual([
      'Total: 7',
      'TCP:   5 (listening 1, established 4)',
      '',
      'Transport Total     IP        IPv6',
      'UDP       1         1         0',
      'TCP       5         3         2',
      'INET      6         4         2',
      'FRAG      0         0         ?',
      'UNIX      1         -         -',
      '',
      'of IPv6: 1 carry IPv4 (v4-mapped addresses)',
    ])
  })

  test('a protocol without sockets is left out unless it was asked for', () => {
    const summary = { ...summarize([], [source('mptcp', 'inet'), source('packet', 'packet')]), fragments }
    expect(formatSummary(summary, false).join('\n')).not.toMatch(/MPTCP|PACKET/)
    expect(formatSummary(summary, true).slice(-2)).toEqual([
      'MPTCP     0         0         -',
      'PACKET    0         -         -',
    ])
  })

  test('all states at once stay within 80 columns, and a label from elsewhere is escaped', () => {
    const states = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, BOUND_INACTIVE]
    const records = states.flatMap(state => Array.from({ length: 12 }, () => socket({ state })))
    const summary = { ...summarize(records, TCP), netns: 'a\x1b[31m', fragments }
    const lines = formatSummary(summary, false)
    expect(lines[0]).toBe('Netns: a\\x1b[31m')
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80)
    expect(lines.join(' ')).toMatch(/listening 12, .*bound-inactive 12\)/)
  })

  test('an empty namespace has a row for UNIX too', () => {
    const sources = [...TCP, source('unix', 'unix')]
    expect(formatSummary({ ...summarize([], sources), fragments }, false)).toContain('UNIX      0         -         -')
  })

  test('what is the whole machine is labelled so', () => {
    const machine = { tcpOrphans: 0, tcpAllocated: 12, tcpMemoryPages: 3, udpMemoryPages: null }
    expect(formatMachine(machine)).toBe(
      'whole machine: TCP orphaned 0, allocated 12, memory 3 pages; UDP memory ? pages',
    )
  })
})
