import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AF_INET, AF_INET6, AF_UNIX, type Protocol } from '../../src/sockets/constants.js'
import { type CountOptions, SocketCounter } from '../../src/sockets/count.js'
import { COUNT_KEYS, type CountKey } from '../../src/sockets/count-keys.js'
import { type CountValue, UNKNOWN_VALUE } from '../../src/sockets/count-reader.js'
import type { SocketLookups } from '../../src/sockets/lookups.js'
import type { Holder } from '../../src/sockets/model.js'
import { PairTable } from '../../src/sockets/pair-table.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { CLOSED, ESTABLISHED, LISTENING, TIME_WAIT } from '../../src/sockets/states.js'

const holder = (pid: number, name: string, fd = 3): Holder => ({ pid, name, fd })

/** Holders by inode. */
const HOLDERS: Record<number, Holder[]> = {
  10: [holder(7, 'web')],
  11: [holder(7, 'web', 4), holder(7, 'web', 5)],
  12: [holder(9, 'web'), holder(7, 'web')],
  13: [holder(7, 'web'), holder(9, 'web')],
  14: [holder(8, 'a) \x1b[31mR')],
}

const LOOKUPS: SocketLookups = {
  service: () => null,
  ipProtocol: () => null,
  interfaceName: (netns, ifindex) => (ifindex === 1 ? 'lo' : `if${ifindex}@${netns}`),
  userName: uid => (uid === 0 ? 'root' : uid === 5 ? 'games' : null),
  cgroupPath: id => `/group-${id}`,
  netnsLabel: netns => (netns === 0 ? null : `ns${netns}`),
  holders: record => HOLDERS[record.inode] ?? [],
  peerHolders: () => null,
  hostName: () => null,
}

const socket = (fields: Partial<SocketRecord>): SocketRecord =>
  Object.assign(new SocketRecord(), { family: AF_INET, state: ESTABLISHED, inode: 1 }, fields)

type Group = [...CountValue[], number]

function count(records: readonly SocketRecord[], keys: CountKey[], top: number | null = null, options?: CountOptions) {
  const counter = new SocketCounter(keys, LOOKUPS, options)
  for (const record of records) counter.add(record)
  const counts = counter.result(top)
  const groups: Group[] = []
  counts.visit((values, number) => groups.push([...values, number]))
  return { ...counts, groups }
}

const MAPPED = { family: AF_INET6, peer0: 0, peer1: 0, peer2: 0xffff, peer3: 0x7f000001 }
const withCgroup = (low: number, high: number): SocketRecord => {
  const record = socket({})
  const data = new DataView(new ArrayBuffer(12))
  data.setUint16(0, 12, true)
  data.setUint16(2, 21, true)
  data.setUint32(4, low, true)
  data.setUint32(8, high, true)
  record.setAttributes(data, 0, 12)
  return record
}

describe('SocketCounter', () => {
  test('largest groups come first, equal ones in the order of their keys', () => {
    const records = [9, 80, 443, 443, 80, 22, 443].map(localPort => socket({ localPort }))
    expect(count(records, ['local-port']).groups).toEqual([
      [443, 3],
      [80, 2],
      [9, 1],
      [22, 1],
    ])
  })

  test('addresses are ordered as numbers, IPv4 before IPv6', () => {
    const v4 = (peer0: number) => socket({ peer0 })
    const v6 = (peer3: number) => socket({ family: AF_INET6, peer0: 0x20010db8, peer3 })
    const records = [v6(0x10), v6(-1), v4(0xc0000201 | 0), v6(2), v4(0x0a000001), v4(0x02000001)]
    expect(count(records, ['peer']).groups.map(([peer]) => peer)).toEqual([
      '2.0.0.1',
      '10.0.0.1',
      '192.0.2.1',
      '2001:db8::2',
      '2001:db8::10',
      '2001:db8::ffff:ffff',
    ])
  })

  test('a v4-mapped address is counted with the IPv4 address, and IPv4 words never with IPv6', () => {
    const records = [socket({ peer0: 0x7f000001 }), socket(MAPPED), socket({ family: AF_INET6, peer0: 0x7f000001 })]
    expect(count(records, ['peer']).groups).toEqual([
      ['127.0.0.1', 2],
      ['7f00:1::', 1],
    ])
    expect(count(records, ['family', 'peer']).groups).toHaveLength(3)
  })

  test('ports are numbers, 0 is 0, and families without ports have none', () => {
    const unix = { path: '/run/x', peerInode: 0, peerPath: null, pendingInodes: [] }
    const records = [
      socket({ peerPort: 0 }),
      socket({ peerPort: 65535 }),
      socket({ family: AF_UNIX, protocol: 'unix', unix }),
    ]
    expect(count(records, ['peer-port']).groups).toEqual([
      [0, 1],
      [65535, 1],
      [null, 1],
    ])
    expect(count(records, ['local']).groups).toContainEqual(['/run/x', 1])
    const netlink = { protocol: 0, portId: -5, peerPortId: 0, peerGroup: 0, groups: null, flags: null }
    const other = [socket({ family: 16, protocol: 'netlink', netlink })]
    expect(count(other, ['local-port']).groups).toEqual([[4294967291, 1]])
  })

  test('a socket of several processes is counted once, under all of them, whatever their order', () => {
    const records = [10, 11, 12, 13, 14, 99].map(inode => socket({ inode }))
    records.push(socket({ inode: 0, state: TIME_WAIT }))
    expect(count(records, ['process']).groups).toEqual([
      ['web/7', 2],
      ['web/7,web/9', 2],
      ['a) \x1b[31mR/8', 1],
      [null, 1],
      [UNKNOWN_VALUE, 1],
    ])
  })

  test('what is not there is told from what is not known, unless the output shows both alike', () => {
    const records = [
      socket({ uid: UNKNOWN, inode: 0, state: TIME_WAIT }),
      socket({ uid: UNKNOWN, family: AF_UNIX, protocol: 'unix' }),
      socket({ uid: 0 }),
      socket({ uid: 0xfffffffe }),
    ]
    expect(count(records, ['uid']).groups).toEqual([
      [0, 1],
      [4294967294, 1],
      [null, 1],
      [UNKNOWN_VALUE, 1],
    ])
    expect(count(records, ['uid'], null, { unknownIsNone: true }).groups).toEqual([
      [null, 2],
      [0, 1],
      [4294967294, 1],
    ])
    expect(count(records, ['user']).groups.map(([user]) => user)).toEqual(['4294967294', 'root', null, UNKNOWN_VALUE])
  })

  test('control groups are told apart by all 64 bits of their id', () => {
    const records = [withCgroup(1, 0), withCgroup(1, 1), withCgroup(1, 0), withCgroup(-1, -1), socket({})]
    expect(count(records, ['cgroup']).groups).toEqual([
      ['/group-1', 2],
      ['/group-100000001', 1],
      ['/group-ffffffffffffffff', 1],
      [UNKNOWN_VALUE, 1],
    ])
  })

  test('interfaces and namespaces go by name; procfs does not tell interfaces', () => {
    const records = [
      socket({ ifindex: 1 }),
      socket({ ifindex: 1, netns: 1 }),
      socket({ ifindex: 2, netns: 1 }),
      socket({}),
      socket({ source: 'procfs' }),
    ]
    expect(count(records, ['interface']).groups).toEqual([
      ['lo', 2],
      ['if2@1', 1],
      [null, 1],
      [UNKNOWN_VALUE, 1],
    ])
    expect(count(records, ['netns', 'interface']).groups).toHaveLength(5)
  })

  test('the rest of --top is one number, and nothing is left when all groups fit', () => {
    const records = [1, 2, 2, 3, 3, 3, 4, 4, 4, 4].map(localPort => socket({ localPort }))
    expect(count(records, ['local-port'], 2)).toMatchObject({
      total: 10,
      others: { groups: 2, count: 3 },
      groups: [
        [4, 4],
        [3, 3],
      ],
    })
    expect(count(records, ['local-port'], 4).others).toBeNull()
    expect(count([], ['state'], 4)).toMatchObject({ total: 0, others: null, groups: [] })
  })

  test('more groups than are picked one by one are sorted, to the same result', () => {
    const records = Array.from({ length: 6000 }, (_, index) => socket({ localPort: (index * 7919) % 3000 }))
    const all = count(records, ['local-port']).groups
    expect(all).toHaveLength(3000)
    expect(count(records, ['local-port'], 2500).groups).toEqual(all.slice(0, 2500))
    expect(count(records, ['local-port'], 999).groups).toEqual(all.slice(0, 999))
  })

  const words = fc.constantFrom(0, 1, 0x7f000001, -1, 0xffff)
  const records = fc.array(
    fc
      .record({
        protocol: fc.constantFrom<Protocol>('tcp', 'udp', 'mptcp'),
        family: fc.constantFrom(AF_INET, AF_INET6),
        state: fc.constantFrom(ESTABLISHED, TIME_WAIT, LISTENING, CLOSED),
        local0: words,
        local2: words,
        local3: words,
        peer0: words,
        localPort: fc.integer({ min: 0, max: 3 }),
        peerPort: fc.constantFrom(0, 443, 65535),
        inode: fc.integer({ min: 9, max: 14 }),
        uid: fc.constantFrom(UNKNOWN, 0, 5, 1000),
        netns: fc.constantFrom(0, 1),
        ifindex: fc.constantFrom(0, 1, 2),
      })
      .map(socket),
    { maxLength: 60 },
  )

  test('whatever is counted, by whatever keys, the sums equal the total and no group comes twice', () => {
    const keys = fc.uniqueArray(fc.constantFrom(...COUNT_KEYS), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(records, keys, fc.option(fc.integer({ min: 1, max: 8 })), (sockets, chosen, top) => {
        const { groups, total, others } = count(sockets, chosen, top)
        const numbers = groups.map(group => group.at(-1) as number)
        expect(total).toBe(sockets.length)
        expect(numbers.reduce((sum, number) => sum + number, 0) + (others?.count ?? 0)).toBe(total)
        expect(numbers).toEqual([...numbers].sort((a, b) => b - a))
        const names = groups.map(group => group.slice(0, -1).map(String).join('|'))
        expect(new Set(names).size).toBe(groups.length)
        const all = count(sockets, chosen).groups
        expect(groups).toEqual(all.slice(0, groups.length))
        expect(all.length).toBe(groups.length + (others?.groups ?? 0))
      }),
    )
  })
})

describe('PairTable', () => {
  test('numbers any pairs without a gap, and finds them again after growing', () => {
    const pair = fc.tuple(fc.nat(0x7fffffff), fc.integer({ min: -0x80000000, max: 0x7fffffff }))
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 3000 }), fc.integer(), (pairs, seed) => {
        const table = new PairTable(seed)
        const known = new Map<string, number>()
        for (const [parent, code] of pairs) {
          const due = known.get(`${parent} ${code}`) ?? known.size + 1
          known.set(`${parent} ${code}`, due)
          expect(table.child(parent, code)).toBe(due)
        }
        expect(table.size).toBe(known.size + 1)
      }),
      { numRuns: 30 },
    )
  })
})
