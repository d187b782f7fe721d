import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/sockets/constants.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { decodeNetlink } from '../../src/sockets/diag/netlink-diag.js'
import { decodePacket } from '../../src/sockets/diag/packet-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import type { Decode } from '../../src/sockets/dump.js'
import type { SocketLookups } from '../../src/sockets/lookups.js'
import type { Socket } from '../../src/sockets/model.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { TABLES } from '../../src/sockets/tables.js'
import { addressText, cookieText, toSocket } from '../../src/sockets/to-model.js'
import { anyPayload } from '../netlink/any-message.js'
import { type InetFields, inetMessage } from '../netlink/fake.js'
import { fakeLookups } from '../render/lookups.js'
import { attribute, concat, u32, u64 } from './diag/build.js'
import { LISTENER6, MAPPED, TIME_WAITING } from './diag/inet-samples.js'
import { NETLINK_CONNECTED, PACKET_RING, TCP_LISTENER, UNIX_ACCEPTED, UNIX_LISTENER, view } from './diag/samples.js'

function read(bytes: Uint8Array, decode: Decode): SocketRecord {
  const record = new SocketRecord()
  expect(decode(view(bytes), 0, bytes.length, record)).toBe(true)
  return record
}

const inet = (bytes: Uint8Array, protocol: Protocol = 'tcp', lookups: Partial<SocketLookups> = {}): Socket =>
  toSocket(
    read(bytes, (data, start, end, record) => decodeInet(data, start, end, protocol, record)),
    fakeLookups(lookups),
  )
const made = (fields: InetFields, ...attributes: Uint8Array[]): Socket =>
  inet(concat(inetMessage(fields), ...attributes))

describe('the model of a socket', () => {
  test('of an ordinary connection has everything that the kernel said, and null for what it did not', () => {
    const socket = made({
      localPort: 80,
      local: [10, 0, 0, 1],
      peer: [10, 0, 0, 2],
      peerPort: 999,
      inode: 7,
      cookie: 9,
    })
    expect(socket).toEqual({
      protocol: 'tcp',
      family: 'inet',
      type: null,
      state: 'established',
      recvQueue: 0,
      sendQueue: 0,
      acceptQueue: null,
      local: { address: '10.0.0.1', port: 80, interface: null },
      peer: { address: '10.0.0.2', port: 999, interface: null },
      path: null,
      peerInode: null,
      netns: null,
      interface: null,
      uid: 0,
      user: 'root',
      inode: 7,
      cookie: '0000000000000009',
      mark: null,
      cgroup: null,
      timer: null,
      processes: null,
      peerProcesses: null,
      memory: null,
      tcp: null,
      options: null,
      drops: null,
    })
  })

  test('a zero that the kernel said is 0, not null', () => {
    const socket = made({ inode: 7 }, attribute(15, u32(0)), attribute(21, u64(0n)))
    expect(socket).toMatchObject({ recvQueue: 0, sendQueue: 0, uid: 0, mark: 0, cgroup: '/cgroup/0' })
    expect(socket.local).toEqual({ address: '0.0.0.0', port: 0, interface: null })
  })

  test('TIME-WAIT has no owner and no inode, and says when it ends', () => {
    expect(inet(TIME_WAITING)).toMatchObject({
      state: 'time-wait',
      uid: null,
      user: null,
      inode: null,
      mark: 0,
      timer: { name: 'time-wait', expiresMs: 59_800, retransmits: 0 },
    })
  })

  test('a mapped address is shown as IPv4, its family stays inet6', () => {
    expect(inet(MAPPED)).toMatchObject({
      family: 'inet6',
      local: { address: '127.0.0.1', port: 5003 },
      peer: { address: '127.0.0.1', port: 35312 },
    })
    expect(inet(LISTENER6).local.address).toBe('::')
  })

  test('a listener has an accept queue that is full beyond its limit', () => {
    expect(inet(TCP_LISTENER).acceptQueue).toEqual({ length: 2, limit: 2, full: false })
    expect(made({ state: 10, recvQueue: 3, sendQueue: 2 }).acceptQueue).toEqual({ length: 3, limit: 2, full: true })
    expect(made({ state: 10 }).acceptQueue).toEqual({ length: 0, limit: 0, full: false })
    expect(made({ state: 1, recvQueue: 3, sendQueue: 2 }).acceptQueue).toBeNull()
  })

  test('what procfs cannot say is null, never 0', () => {
    const record = Object.assign(new SocketRecord(), {
      source: 'procfs',
      family: 2,
      state: 10,
      recvQueue: 3,
      sendQueue: UNKNOWN,
      uid: UNKNOWN,
      cookieLow: UNKNOWN,
      cookieHigh: UNKNOWN,
      timer: UNKNOWN,
    })
    expect(toSocket(record, fakeLookups())).toMatchObject({
      sendQueue: null,
      acceptQueue: { length: 3, limit: null, full: null },
      uid: null,
      user: null,
      cookie: null,
      timer: null,
      drops: null,
    })
    record.recvQueue = UNKNOWN
    expect(toSocket(record, fakeLookups())).toMatchObject({ recvQueue: null, acceptQueue: null })
    record.procDrops = 0
    expect(toSocket(record, fakeLookups()).drops).toBe(0)
  })

  test('the interface is named at the local end', () => {
    const socket = made({ ifindex: 1 })
    expect([socket.interface, socket.local.interface, socket.peer.interface]).toEqual(['lo', 'lo', null])
  })

  test('numbers that nobody knows keep their number', () => {
    expect(made({ state: 99, family: 77, timer: 9 })).toMatchObject({
      state: 'state-99',
      family: 'family-77',
      timer: { name: 'timer-9' },
    })
  })

  test('holders are copied, so that the caller may keep them', () => {
    const list = [{ pid: 1, name: 'a', fd: 2 }]
    const socket = inet(MAPPED, 'tcp', { holders: () => list, netnsLabel: () => 'blue' })
    expect(socket.processes).toEqual(list)
    expect(socket.processes).not.toBe(list)
    expect(socket.netns).toBe('blue')
  })
})

describe('cookies', () => {
  test('are 16 hex digits, all 64 bits of them', () => {
    expect(made({ cookie: 0xffffffff, cookieHigh: 0x80000000 }).cookie).toBe('80000000ffffffff')
    expect(made({ cookie: 0, cookieHigh: 0 }).cookie).toBe('0000000000000000')
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }), cookie => {
        const record = new SocketRecord()
        record.cookieLow = Number(BigInt.asIntN(32, cookie))
        record.cookieHigh = Number(BigInt.asIntN(32, cookie >> 32n))
        expect(cookieText(record)).toBe(cookie.toString(16).padStart(16, '0'))
      }),
    )
  })
})

describe('other families', () => {
  test('a unix socket has a path, and its peer by inode', () => {
    const listener = toSocket(read(UNIX_LISTENER, decodeUnix), fakeLookups())
    expect(listener).toMatchObject({
      protocol: 'unix',
      family: 'unix',
      type: 'stream',
      state: 'listening',
      acceptQueue: { length: 1, limit: 5, full: false },
      peerInode: null,
      inode: 3901598,
    })
    expect(listener.path).toContain('\x1b[31mé.sock')
    expect(listener.local).toEqual({ address: listener.path, port: null, interface: null })
    const record = read(UNIX_ACCEPTED, decodeUnix)
    record.unix!.peerPath = '/other'
    expect(toSocket(record, fakeLookups())).toMatchObject({
      peerInode: 3901599,
      peer: { address: '/other', port: null },
    })
  })

  test('a netlink socket has its protocol as address and its port id as port', () => {
    const socket = toSocket(read(NETLINK_CONNECTED, decodeNetlink), fakeLookups())
    expect(socket).toMatchObject({ protocol: 'netlink', family: 'netlink' })
    expect(socket.local.port).toBeGreaterThanOrEqual(0)
    expect(socket.peer.port).not.toBeNull()
  })

  test('a packet socket has its ethertype as address', () => {
    const socket = toSocket(read(PACKET_RING, decodePacket), fakeLookups())
    expect(socket.local).toMatchObject({ port: null })
    expect(typeof socket.local.address).toBe('string')
    expect(socket.peer).toEqual({ address: null, port: null, interface: null })
  })

  test('vsock and such have what they were read with', () => {
    const record = Object.assign(new SocketRecord(), { protocol: 'vsock', family: 40, type: 1, state: 1 })
    record.other = { localAddress: '2', localPort: 1024, peerAddress: '*', peerPort: null }
    expect(toSocket(record, fakeLookups())).toMatchObject({
      family: 'vsock',
      local: { address: '2', port: 1024 },
      peer: { address: '*', port: null },
    })
  })
})

test('addresses are text by their family', () => {
  expect(addressText(2, 0x7f000001, 1, 2, 3)).toBe('127.0.0.1')
  expect(addressText(10, 0, 0, 0xffff, 0x7f000001)).toBe('127.0.0.1')
  expect(addressText(10, 0, 0, 0, 1)).toBe('::1')
})

test('a model of any message survives JSON: no undefined, NaN, bigint or lone infinity', () => {
  fc.assert(
    fc.property(anyPayload, fc.constantFrom(...TABLES), (bytes, table) => {
      const record = new SocketRecord()
      const { decode } = table.request(0, { extensions: 0, bytecode: null })
      if (!decode(view(bytes), 0, bytes.length, record)) return
      const socket = toSocket(record, fakeLookups())
      expect(JSON.parse(JSON.stringify(socket))).toEqual(socket)
    }),
    { numRuns: 1500 },
  )
})
