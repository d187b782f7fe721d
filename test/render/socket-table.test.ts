import { describe, expect, test } from 'vitest'
import { RowWriter } from '../../src/render/row-writer.js'
import { netid, SocketTable, type TableOptions } from '../../src/render/socket-table.js'
import type { Protocol } from '../../src/sockets/constants.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { decodeNetlink } from '../../src/sockets/diag/netlink-diag.js'
import { decodePacket } from '../../src/sockets/diag/packet-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import type { Decode } from '../../src/sockets/dump.js'
import type { SocketLookups } from '../../src/sockets/lookups.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { type InetFields, inetMessage } from '../netlink/fake.js'
import { attribute, concat } from '../sockets/diag/build.js'
import { BOUND, LISTENER6, MAPPED, TIME_WAITING } from '../sockets/diag/inet-samples.js'
import {
  hex,
  NETLINK_GROUPS,
  PACKET_RING,
  UNIX_ABSTRACT,
  UNIX_ACCEPTED,
  UNIX_LISTENER,
  view,
} from '../sockets/diag/samples.js'
import { fakeLookups } from './lookups.js'

const OPTIONS: TableOptions = {
  netid: false,
  state: true,
  queues: true,
  netns: false,
  numeric: true,
  processes: false,
  header: false,
  extras: null,
  details: null,
  oneLine: false,
}

/** Lines of a table with these records. */
function lines(
  records: readonly SocketRecord[],
  options: Partial<TableOptions> = {},
  lookups: Partial<SocketLookups> = {},
): string[] {
  const parts: Buffer[] = []
  const all = { ...OPTIONS, ...options }
  const rows = new RowWriter(bytes => parts.push(Buffer.from(bytes)), SocketTable.minimumWidths(all), 1)
  const table = new SocketTable(rows, all, fakeLookups(lookups))
  table.header()
  for (const record of records) table.row(record)
  rows.flush()
  return Buffer.concat(parts).toString('utf8').split('\n').slice(0, -1)
}

/** The cells of one row. */
const cells = (record: SocketRecord, options: Partial<TableOptions> = {}, lookups?: Partial<SocketLookups>): string[] =>
  lines([record], options, lookups)[0]!.split(/ +/)

function decoded(bytes: Uint8Array, decode: Decode): SocketRecord {
  const record = new SocketRecord()
  expect(decode(view(bytes), 0, bytes.length, record)).toBe(true)
  return record
}

const sample = (bytes: Uint8Array, protocol: Protocol = 'tcp'): SocketRecord =>
  decoded(bytes, (data, start, end, record) => decodeInet(data, start, end, protocol, record))
const inet = (fields: InetFields, protocol: Protocol = 'tcp', ...attributes: Uint8Array[]): SocketRecord =>
  sample(concat(inetMessage(fields), ...attributes), protocol)

const V6ONLY = 11

describe('IP sockets', () => {
  test.each([
    ['TIME-WAIT', TIME_WAITING, ['TIME-WAIT', '0', '0', '127.0.0.1:57204', '127.0.0.1:5000']],
    ['bound-inactive', BOUND, ['BOUND', '0', '0', '127.0.0.1:5002', '0.0.0.0:*']],
    ['a dual-stack listener', LISTENER6, ['LISTEN', '0', '5', '*:5003', '*:*', 'accept:0/5']],
    ['a mapped address', MAPPED, ['ESTAB', '0', '0', '127.0.0.1:5003', '127.0.0.1:35312']],
  ])('%s', (_name, bytes, expected) => {
    expect(cells(sample(bytes))).toEqual(expected)
  })

  test('a listener that takes IPv6 only is [::], one that says nothing of it is *', () => {
    const listener = { family: 10, state: 10, localPort: 80 }
    expect(cells(inet(listener, 'tcp', attribute(V6ONLY, Uint8Array.of(1))))[3]).toBe('[::]:80')
    expect(cells(inet(listener, 'tcp', attribute(V6ONLY, Uint8Array.of(0))))[3]).toBe('*:80')
    expect(cells(inet(listener))[3]).toBe('*:80')
    expect(cells(inet(listener, 'tcp', attribute(V6ONLY, new Uint8Array(0))))[3]).toBe('*:80')
  })

  test('an IPv6 address stands in brackets, and the interface behind it', () => {
    const local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    expect(cells(inet({ family: 10, local, localPort: 22, peer: local, peerPort: 9, ifindex: 1 })).slice(3)).toEqual([
      '[fe80::1]%lo:22',
      '[fe80::1]:9',
    ])
    expect(cells(inet({ state: 10, localPort: 22, ifindex: 9 }))[3]).toBe('0.0.0.0%if9:22')
  })

  test('ports have names unless numbers are wanted', () => {
    const record = inet({ localPort: 80, peerPort: 1234 })
    expect(cells(record, { numeric: false }).slice(3)).toEqual(['0.0.0.0:http', '0.0.0.0:1234'])
    expect(cells(record).slice(3)).toEqual(['0.0.0.0:80', '0.0.0.0:1234'])
    expect(cells(inet({ localPort: 53, state: 7 }, 'udp'), { numeric: false })[3]).toBe('0.0.0.0:domain')
  })

  test('a raw socket has a protocol in place of the port', () => {
    const raw = (localPort: number): SocketRecord => inet({ family: 10, state: 7, localPort }, 'raw')
    expect(cells(raw(58), { numeric: false }).slice(0, 5)).toEqual(['UNCONN', '0', '0', '*:ipv6-icmp', '*:*'])
    expect(cells(raw(58))[3]).toBe('*:58')
    expect(cells(raw(250), { numeric: false })[3]).toBe('*:250')
    expect(cells(raw(0))[3]).toBe('*:*')
  })

  test('host names are shown only where they are asked for', () => {
    const hostName = (address: string): string | null => (address === '127.0.0.1' ? 'localhost' : null)
    expect(cells(sample(MAPPED), { resolve: true }, { hostName }).slice(3)).toEqual([
      'localhost:5003',
      'localhost:35312',
    ])
    expect(cells(sample(MAPPED), {}, { hostName })[3]).toBe('127.0.0.1:5003')
    expect(cells(inet({ local: [10, 0, 0, 1] }), { resolve: true }, { hostName })[3]).toBe('10.0.0.1:*')
  })

  test('a queue that the source does not know is a question mark', () => {
    const record = inet({ state: 10, localPort: 80 })
    record.sendQueue = UNKNOWN
    expect(cells(record)).toEqual(['LISTEN', '0', '?', '0.0.0.0:80', '0.0.0.0:*'])
  })

  test('an accept queue is full when it holds more than its limit', () => {
    const queue = (recvQueue: number): string => lines([inet({ state: 10, recvQueue, sendQueue: 2 })])[0]!
    expect(queue(2)).toMatch(/ accept:2\/2$/)
    expect(queue(3)).toMatch(/ accept:3\/2 FULL$/)
  })

  test('a state or family that nobody knows does not break the row', () => {
    expect(cells(inet({ state: 99 }))[0]).toBe('STATE-99')
    expect(cells(inet({ family: 77 })).slice(3)).toEqual(['*:*', '*:*'])
  })
})

describe('other families', () => {
  test.each([
    [
      'a unix listener',
      UNIX_LISTENER,
      decodeUnix,
      /^u_str LISTEN +1 +5 .*\\x1b\[31mé\.sock 3901598 +\* 0 +accept:1\/5$/,
    ],
    ['an accepted unix socket', UNIX_ACCEPTED, decodeUnix, /^u_str ESTAB +100 +0 .*sock 3901600 +\* 3901599$/],
    ['an abstract datagram socket', UNIX_ABSTRACT, decodeUnix, /^u_dgr UNCONN .* @abs@tract 3901602 +\* 0$/],
  ] as const)('%s', (_name, bytes, decode, expected) => {
    expect(lines([decoded(bytes, decode)], { netid: true })[0]).toMatch(expected)
  })

  test('the path of the other end is shown where it is known', () => {
    const record = decoded(UNIX_ACCEPTED, decodeUnix)
    record.unix!.peerPath = '/run/other'
    expect(lines([record])[0]).toMatch(/ \/run\/other 3901599$/)
  })

  test('netlink sockets have protocol and port by name or number', () => {
    const record = decoded(NETLINK_GROUPS, decodeNetlink)
    const { protocol, portId } = record.netlink!
    expect(cells(record)[3]).toBe(`${protocol}:${portId | 0}`)
    expect(cells(record, { numeric: false })[3]).toMatch(/^[a-z]+:/)
    expect(cells(record)[4]).toBe('*')
    record.netlink!.connected = true
    record.netlink!.peerPortId = 0
    expect(cells(record, { numeric: false })[4]).toBe('kernel')
    expect(cells(record)[4]).toBe('0')
  })

  test('packet sockets have ethertype and interface', () => {
    const record = decoded(PACKET_RING, decodePacket)
    record.ifindex = 0
    expect(cells(record)[3]).toMatch(/:\*$/)
    record.ifindex = 1
    expect(cells(record)[3]).toMatch(/:lo$/)
    expect(cells(record)[4]).toBe('*')
  })

  test('what has no address of its own is shown by stars', () => {
    const record = Object.assign(new SocketRecord(), { protocol: 'vsock', family: 40, state: 10 })
    expect(cells(record).slice(3)).toEqual(['*:*', '*:*', 'accept:0/0'])
    record.other = { localAddress: '2', localPort: 0xffffffff, peerAddress: '*', peerPort: null }
    expect(cells(record).slice(3, 5)).toEqual(['2:4294967295', '*:*'])
  })

  test.each([
    ['unix', 1, 'u_str'],
    ['unix', 2, 'u_dgr'],
    ['unix', 5, 'u_seq'],
    ['packet', 3, 'p_raw'],
    ['packet', 2, 'p_dgr'],
    ['vsock', 1, 'v_str'],
    ['vsock', 2, 'v_dgr'],
    ['netlink', 3, 'nl'],
    ['tcp', 0, 'tcp'],
    ['mptcp', 0, 'mptcp'],
  ] as const)('%s of type %d is %s', (protocol, type, expected) => {
    expect(netid(Object.assign(new SocketRecord(), { protocol, type }))).toBe(expected)
  })
})

describe('columns', () => {
  const header = { header: true, netid: true, netns: true, processes: true }

  test('have headings above them', () => {
    const [head, row] = lines([sample(MAPPED)], header, { netnsLabel: () => 'blue' })
    expect(head!.split(/ {2,}| (?=Process|Peer)/)).toEqual([
      'Netns Netid State',
      'Recv-Q Send-Q Local Address:Port',
      'Peer Address:Port',
      'Process',
    ])
    expect(row).toMatch(/^blue +tcp +ESTAB +0 +0 +127\.0\.0\.1:5003 +127\.0\.0\.1:35312$/)
    expect(row!.indexOf('127.0.0.1:35312')).toBe(head!.indexOf('Peer'))
  })

  test('can be left out', () => {
    expect(lines([sample(MAPPED)], { state: false, queues: false })[0]).toMatch(
      /^127\.0\.0\.1:5003 +127\.0\.0\.1:35312$/,
    )
    expect(lines([], { state: false, queues: false, header: true })).toEqual(['Local Address:Port Peer Address:Port'])
  })

  test('minimum widths fit the columns', () => {
    expect(SocketTable.minimumWidths({ ...OPTIONS, ...header })).toHaveLength(7)
    expect(SocketTable.minimumWidths({ ...OPTIONS, state: false, queues: false })).toHaveLength(2)
  })

  test('a namespace without label is a dash', () => {
    expect(cells(sample(MAPPED), { netns: true })[0]).toBe('-')
  })
})

describe('the rest of a row', () => {
  const holders = {
    holders: () => [
      { pid: 7, name: 'a) \x1b[31mR', fd: 3 },
      { pid: 8, name: 'b', fd: 4 },
    ],
  }

  test('names every holder, with a clean terminal', () => {
    const [line] = lines([sample(MAPPED)], { processes: true }, holders)
    expect(line).toMatch(/ users:\(\("a\) \\x1b\[31mR",pid=7,fd=3\),\("b",pid=8,fd=4\)\)$/)
  })

  test('and holders of the other end of a unix socket', () => {
    const peers = { peerHolders: () => [{ pid: 9, name: 'c', fd: 5 }] }
    const [line] = lines([decoded(UNIX_ACCEPTED, decodeUnix)], { processes: true }, { ...holders, ...peers })
    expect(line).toMatch(/users:.* peer:\(\("c",pid=9,fd=5\)\)$/)
  })

  test('no holder is no word, and no blank', () => {
    expect(lines([sample(MAPPED)], { processes: true }, { holders: () => [] })[0]).toMatch(/:35312$/)
  })

  test('extras follow on the line, details below it or on it', () => {
    const words: Partial<TableOptions> = {
      extras: (_record, sink) => sink.ascii('uid:7 ino:9 '),
      details: (_record, sink) => sink.ascii('cubic rtt:1 '),
    }
    const below = lines([sample(MAPPED), sample(LISTENER6)], words)
    expect(below).toHaveLength(4)
    expect(below[0]).toMatch(/ uid:7 ino:9$/)
    expect(below[1]).toBe('\tcubic rtt:1')
    expect(below[2]).toMatch(/ accept:0\/5 uid:7 ino:9$/)
    const [line, ...none] = lines([sample(MAPPED)], { ...words, oneLine: true })
    expect(line).toMatch(/ uid:7 ino:9 cubic rtt:1$/)
    expect(none).toEqual([])
  })

  test('details that say nothing leave no line, and details alone no blanks above them', () => {
    expect(lines([sample(MAPPED)], { details: () => undefined })).toHaveLength(1)
    const [line] = lines([sample(MAPPED)], { details: (_record, sink) => sink.ascii('x ') })
    expect(line).toMatch(/:35312$/)
  })
})

test('no name, path or label brings a control character into a table', () => {
  const hostile = 'x\x1b[2J\r\n\t\u009b31m\u202e'
  const path = concat(hex('01 01 01 00 2a000000 07000000 00000000'), attribute(0, Buffer.from(`/${hostile}`)))
  const lookups: Partial<SocketLookups> = {
    service: () => hostile,
    ipProtocol: () => hostile,
    interfaceName: () => hostile,
    netnsLabel: () => hostile,
    hostName: () => hostile,
    holders: () => [{ pid: 1, name: hostile, fd: 1 }],
  }
  const records = [
    decoded(path, decodeUnix),
    inet({ ifindex: 4, localPort: 9, peerPort: 9 }),
    inet({ family: 10, ifindex: 4, local: Array.from({ length: 16 }, () => 1), peerPort: 9 }),
    inet({ state: 7, localPort: 9 }, 'raw'),
    Object.assign(decoded(PACKET_RING, decodePacket), { ifindex: 3 }),
  ]
  const out = lines(
    records,
    {
      netns: true,
      netid: true,
      numeric: false,
      processes: true,
      resolve: true,
      extras: (_, sink) => sink.text(hostile),
    },
    lookups,
  )
  expect(out).toHaveLength(records.length)
  for (const line of out) expect(line).toMatch(/^[^\x00-\x1f\x7f-\x9f\u202e]*$/)
})
