import { describe, expect, test } from 'vitest'
import { netid, SocketTable } from '../../src/render/socket-table.js'
import { decodeNetlink } from '../../src/sockets/diag/netlink-diag.js'
import { decodePacket } from '../../src/sockets/diag/packet-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { attribute } from '../sockets/diag/build.js'
import { BOUND, LISTENER6, MAPPED, TIME_WAITING } from '../sockets/diag/inet-samples.js'
import { NETLINK_GROUPS, PACKET_RING, UNIX_ABSTRACT, UNIX_ACCEPTED, UNIX_LISTENER } from '../sockets/diag/samples.js'
import { cells, decoded, inet, lines, OPTIONS, sample } from './table-lines.js'

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

  test('a listener on one IPv6 address takes IPv6 only, which procfs does not tell', () => {
    const of = (local: number[]): string => {
      const record = inet({ family: 10, state: 10, local, localPort: 80 })
      record.source = 'procfs'
      return cells(record).slice(3, 5).join(' ')
    }
    expect(of([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).toBe('[::1]:80 [::]:*')
    expect(of([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1])).toBe('127.0.0.1:80 *:*')
    expect(of([])).toBe('*:80 *:*')
  })

  test('an IPv6 address stands in brackets, and the interface behind it', () => {
    const local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    expect(
      cells(inet({ family: 10, local, localPort: 22, peer: local, peerPort: 9, ifindex: 1, inode: 7 })).slice(3),
    ).toEqual(['[fe80::1]%lo:22', '[fe80::1]:9'])
    expect(cells(inet({ state: 10, localPort: 22, ifindex: 9 }))[3]).toBe('0.0.0.0%if9:22')
  })

  test('ports have names unless numbers are wanted', () => {
    const record = inet({ localPort: 80, peerPort: 1234, inode: 7 })
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

  test('only a connection without a file can be one that waits to be accepted', () => {
    const others = lines([inet({ state: 1, inode: 7 }), sample(TIME_WAITING), inet({ state: 1 }, 'udp')])
    for (const line of others) expect(line).not.toContain('unaccepted')
  })

  test('an accept queue is full when it holds more than its limit', () => {
    const queue = (recvQueue: number): string => lines([inet({ state: 10, recvQueue, sendQueue: 2 })])[0]!
    expect(queue(2)).toMatch(/ accept:2\/2$/)
    expect(queue(3)).toMatch(/ accept:3\/2 FULL$/)
  })

  test('a state or family that nobody knows does not break the row', () => {
    expect(cells(inet({ state: 99 }))[0]).toBe('STATE-99')
    expect(cells(inet({ family: 77, inode: 7 })).slice(3)).toEqual(['*:*', '*:*'])
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
