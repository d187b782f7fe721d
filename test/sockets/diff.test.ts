import { expect, test } from 'vitest'
import { BriefSockets, cookieKey } from '../../src/sockets/brief.js'
import { INET_DIAG_INFO } from '../../src/sockets/diag/inet-diag.js'
import { diffSnapshots, formatChanges, formatRates, Snapshot } from '../../src/sockets/diff.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { CLOSE_WAIT, CLOSED, ESTABLISHED, LISTENING, SYN_RECV, TIME_WAIT } from '../../src/sockets/states.js'
import { TCP_INFO } from '../../src/sockets/tcp-info.js'

/** A TCP connection from 10.0.0.1:`port` to 10.0.0.2:443; the cookie is the port unless told. */
function tcp(port: number, fields: Partial<SocketRecord> = {}): SocketRecord {
  return Object.assign(new SocketRecord(), {
    family: 2,
    state: ESTABLISHED,
    localPort: port,
    peerPort: 443,
    local0: 0x0a000001,
    peer0: 0x0a000002,
    inode: 100 + port,
    cookieLow: port,
    ...fields,
  })
}

function snapshot(...records: SocketRecord[]): Snapshot {
  const all = new Snapshot()
  for (const record of records) all.add(record, null)
  return all
}

const noCookie = { cookieLow: UNKNOWN, cookieHigh: UNKNOWN }

test('what has no row before was opened, what has none after was closed, the rest is the same', () => {
  const difference = diffSnapshots(snapshot(tcp(1), tcp(2), tcp(3)), snapshot(tcp(4), tcp(2)), 1)
  expect([...difference.opened]).toEqual([0])
  expect([...difference.closed]).toEqual([0, 2])
  expect(difference.changed.size).toBe(0)
})

test('changes of state, queues, retransmissions and owner are told in the words of the model', () => {
  const after = tcp(1, { state: CLOSE_WAIT, recvQueue: 6, timer: 1, retransmits: 2, inode: 0 })
  const changes = diffSnapshots(snapshot(tcp(1)), snapshot(after), 1).changed.get(0)!
  expect(changes).toEqual([
    { field: 'state', from: 'established', to: 'close-wait' },
    { field: 'recvQueue', from: 0, to: 6 },
    { field: 'retransmits', from: 0, to: 2 },
    { field: 'inode', from: 101, to: null },
  ])
  expect(formatChanges(changes)).toBe('ESTAB->CLOSE-WAIT recv-q:0->6 retransmits:0->2 inode:101->-')
})

test('the same 5-tuple with another cookie is another connection', () => {
  const difference = diffSnapshots(snapshot(tcp(1)), snapshot(tcp(1, { cookieLow: 77 })), 1)
  expect([difference.opened.size, difference.closed.size]).toEqual([1, 1])
})

test('a connection that became TIME-WAIT is the same, with its cookie or with a new one', () => {
  for (const cookieLow of [1, 77]) {
    const waiting = tcp(1, { state: TIME_WAIT, timer: 3, inode: 0, uid: UNKNOWN, cookieLow })
    const difference = diffSnapshots(snapshot(tcp(1)), snapshot(waiting), 1)
    expect([difference.opened.size, difference.closed.size]).toEqual([0, 0])
    expect(formatChanges(difference.changed.get(0)!)).toBe('ESTAB->TIME-WAIT inode:101->-')
  }
})

test('a half-open request and the connection it becomes are the same', () => {
  const request = tcp(1, { state: SYN_RECV, timer: 1, inode: 0, uid: UNKNOWN })
  const difference = diffSnapshots(snapshot(request), snapshot(tcp(1)), 1)
  expect(formatChanges(difference.changed.get(0)!)).toBe('SYN-RECV->ESTAB inode:-->101')
  expect(difference.opened.size).toBe(0)
})

test('without cookies the 5-tuple tells, and the inode where several sockets share an address', () => {
  const listener = { state: LISTENING, peerPort: 0, peer0: 0, localPort: 80, ...noCookie }
  const before = snapshot(tcp(1, noCookie), tcp(0, { ...listener, inode: 7 }), tcp(0, { ...listener, inode: 8 }))
  const after = snapshot(
    tcp(1, { ...noCookie, inode: 0, state: TIME_WAIT, timer: 3 }),
    tcp(0, { ...listener, inode: 8 }),
  )
  const difference = diffSnapshots(before, after, 1)
  expect([...difference.closed]).toEqual([1])
  expect(difference.opened.size).toBe(0)
  expect(formatChanges(difference.changed.get(0)!)).toContain('ESTAB->TIME-WAIT')
})

test('sockets of two namespaces with one cookie are two', () => {
  const difference = diffSnapshots(snapshot(tcp(1)), snapshot(tcp(1, { netns: 1 })), 1)
  expect([difference.opened.size, difference.closed.size]).toEqual([1, 1])
})

/** A connection whose tcp_info has these counters. */
function counted(sent: number, received: number, retrans: number): SocketRecord {
  const bytes = new Uint8Array(4 + TCP_INFO.size)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, bytes.length, true)
  view.setUint16(2, INET_DIAG_INFO, true)
  view.setUint32(4 + TCP_INFO.offset.bytesSent, sent, true)
  view.setUint32(4 + TCP_INFO.offset.bytesReceived, received, true)
  view.setUint32(4 + TCP_INFO.offset.totalRetransSegments, retrans, true)
  const record = tcp(1)
  record.setAttributes(view, 0, bytes.length)
  return record
}

test('rates are the difference of tcp_info over the time between the looks', () => {
  const difference = diffSnapshots(snapshot(counted(1000, 50, 2)), snapshot(counted(5000, 50, 5)), 2)
  const rates = difference.rates.get(0)!
  expect(rates).toEqual({ sendBytesPerSecond: 2000, receiveBytesPerSecond: 0, retransPerSecond: 1.5 })
  expect(formatRates(rates)).toBe('send:2.0kB/s receive:0B/s retrans:1.5/s')
  expect(formatChanges(difference.changed.get(0)!)).toBe('sent:1000->5000 retrans:2->5')
  expect(diffSnapshots(snapshot(tcp(1)), snapshot(tcp(1)), 2).rates.size).toBe(0)
})

test('bytes beyond 2 to the 53 are told to the last digit', () => {
  const huge = (low: number): SocketRecord => {
    const record = counted(low, 0, 0)
    record.data.setUint32(4 + TCP_INFO.offset.bytesSent + 4, 0x80000000, true)
    return record
  }
  const difference = diffSnapshots(snapshot(huge(1)), snapshot(huge(4097)), 2)
  expect(difference.changed.get(0)).toEqual([
    { field: 'bytesSent', from: '9223372036854775809', to: '9223372036854779905' },
  ])
  expect(difference.rates.get(0)!.sendBytesPerSecond).toBe(2048)
  expect(diffSnapshots(snapshot(huge(1)), snapshot(huge(2)), 1).changed.size).toBe(1)
})

test('a snapshot hands its sockets out again in order, with what was known of each', () => {
  const before = new Snapshot()
  const holders = [{ pid: 1, name: 'init', fd: 3 }]
  before.add(tcp(1), holders)
  before.add(tcp(2, { state: TIME_WAIT }), null)
  const seen: unknown[] = []
  before.visit(new SocketRecord(), (record, look) => seen.push([record.localPort, look.row, look.holders]))
  expect(seen).toEqual([
    [1, 0, holders],
    [2, 1, null],
  ])
  expect([...before.states]).toEqual([
    ['ESTAB', 1],
    ['TIME-WAIT', 1],
  ])
})

const EVERY_STATE = -1
const ports = (brief: BriefSockets, before: Snapshot | null, after: Snapshot): number[] => {
  const found: number[] = []
  const difference = diffSnapshots(before ?? after, after, 1)
  brief.take(before, after, difference).visit(new SocketRecord(), record => found.push(record.localPort))
  return found
}

test('a destroyed socket that no look has seen is told once; one that a look has seen is not', () => {
  const brief = new BriefSockets(EVERY_STATE, () => true)
  for (const port of [1, 2, 3]) brief.add(tcp(port, { state: CLOSED, inode: 0 }))
  expect(ports(brief, snapshot(tcp(1)), snapshot(tcp(2)))).toEqual([3])
  expect(ports(brief, snapshot(tcp(2)), snapshot(tcp(2)))).toEqual([])
})

test('an event that comes late, after its socket left the listing, is no new socket', () => {
  const brief = new BriefSockets(EVERY_STATE, () => true)
  expect(ports(brief, snapshot(tcp(1)), snapshot())).toEqual([])
  brief.add(tcp(1, { state: CLOSED }))
  expect(ports(brief, snapshot(), snapshot())).toEqual([])
})

test('destroyed sockets are chosen by the filter and the states as the connections they were', () => {
  const wanted = new BriefSockets(1 << ESTABLISHED, record => record.state === ESTABLISHED && record.localPort !== 2)
  for (const port of [1, 2]) wanted.add(tcp(port, { state: CLOSED }))
  wanted.add(tcp(3, { state: CLOSED, peerPort: 0 }))
  expect(ports(wanted, snapshot(), snapshot())).toEqual([1])
  const waiting = new BriefSockets(1 << TIME_WAIT, () => true)
  waiting.add(tcp(1, { state: CLOSED }))
  expect(ports(waiting, snapshot(), snapshot())).toEqual([])
  expect(cookieKey(tcp(1))).toBe('0 0000000000000001')
})
