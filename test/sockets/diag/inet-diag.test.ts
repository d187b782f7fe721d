import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PROTOCOLS, type Protocol } from '../../../src/sockets/constants.js'
import {
  decodeInet,
  encodeInetIdentity,
  encodeInetRequest,
  extensionBit,
  INET_DIAG_CGROUP_ID,
  INET_DIAG_INFO,
  INET_DIAG_MARK,
  INET_DIAG_PROTOCOL,
  inetProtocolNumber,
} from '../../../src/sockets/diag/inet-diag.js'
import { SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { BOUND_INACTIVE, CLOSED, formatState } from '../../../src/sockets/states.js'
import { inetMessage } from '../../netlink/fake.js'
import { attribute, concat, truncations } from './build.js'
import { BOUND, HALF_OPEN, LISTENER6, MAPPED, ORPHAN, TIME_WAITING } from './inet-samples.js'
import { hex, TCP_LISTENER, TCP6_STALLED, view } from './samples.js'

function decode(bytes: Uint8Array, protocol: Protocol = 'tcp', record = new SocketRecord()): SocketRecord {
  expect(decodeInet(view(bytes), 0, bytes.length, protocol, record)).toBe(true)
  return record
}

const LOOPBACK = 0x7f000001

describe('requests', () => {
  test('a dump asks for a family, a protocol, attributes and states', () => {
    const bytes = encodeInetRequest({
      family: 10,
      protocol: 17,
      extensions: extensionBit(INET_DIAG_INFO),
      states: 0x82,
    })
    expect(bytes).toEqual(
      hex(`
        0a       // family
        11       // protocol
        02       // attribute 2
        00       // pad
        82000000 // states
        0000 0000 00000000000000000000000000000000 00000000000000000000000000000000 00000000 00000000 00000000
      `),
    )
  })

  test('all 32 state bits fit', () => {
    expect(view(encodeInetRequest({ family: 2, protocol: 6, extensions: 0, states: -1 })).getUint32(4, true)).toBe(
      0xffffffff,
    )
  })

  test('a protocol above 255 is left to the attribute', () => {
    expect(encodeInetRequest({ family: 2, protocol: 262, extensions: 0, states: 0 })[1]).toBe(6)
  })

  test('only IP protocols have a number', () => {
    const known = PROTOCOLS.filter(protocol => {
      try {
        return inetProtocolNumber(protocol) > 0
      } catch {
        return false
      }
    })
    expect(known).toEqual(['raw', 'udp', 'tcp', 'mptcp', 'sctp'])
    expect(() => inetProtocolNumber('unix')).toThrow(TypeError)
  })
})

describe('messages', () => {
  test('an IPv4 listener: queue and limit, owner, inode, cookie, attributes', () => {
    const record = decode(TCP_LISTENER)
    expect(record).toMatchObject({
      source: 'netlink',
      protocol: 'tcp',
      family: 2,
      state: 10,
      isListener: true,
      localPort: 0xafe9,
      peerPort: 0,
      local0: LOOPBACK,
      peer0: 0,
      recvQueue: 2,
      sendQueue: 2,
      uid: 0,
      inode: 0x3b88c9,
      cookieLow: 0x1238ca,
      cookieHigh: 0,
    })
    expect(record.attributeLength(INET_DIAG_MARK)).toBe(4)
    expect(record.attributeLength(INET_DIAG_CGROUP_ID)).toBe(8)
    expect(record.data.getBigUint64(record.attribute(INET_DIAG_CGROUP_ID), true)).toBe(1n)
  })

  test('an IPv6 connection has four words an address', () => {
    const { family, local0, local1, local2, local3, peer3 } = decode(TCP6_STALLED)
    expect([family, local0, local1, local2, local3, peer3]).toEqual([10, 0, 0, 0, 1, 1])
  })

  test('a mapped address is kept as the kernel gives it', () => {
    const { local0, local1, local2, local3, peer2, peer3, localPort, peerPort } = decode(MAPPED)
    expect([local0, local1, local2, local3, peer2, peer3]).toEqual([0, 0, 0xffff, LOOPBACK, 0xffff, LOOPBACK])
    expect([localPort, peerPort]).toEqual([5003, 35312])
  })

  test('a dual-stack listener has its accept queue limit', () => {
    expect(decode(LISTENER6)).toMatchObject({
      state: 10,
      localPort: 5003,
      recvQueue: 0,
      sendQueue: 5,
      inode: 0x1415654,
    })
  })

  test('what follows IPv6 in the same record has no words of it left', () => {
    const record = decode(MAPPED)
    decode(TCP_LISTENER, 'tcp', record)
    const { local1, local2, local3, peer1, peer2, peer3 } = record
    expect([local1, local2, local3, peer1, peer2, peer3]).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('TIME-WAIT, a half-open request and an orphan belong to nobody, not to root', () => {
    expect(decode(TIME_WAITING)).toMatchObject({ state: 6, timer: 3, expiresMs: 59_800, uid: UNKNOWN, inode: 0 })
    expect(decode(HALF_OPEN)).toMatchObject({ state: 3, timer: 1, expiresMs: 796, uid: UNKNOWN, inode: 0 })
    expect(decode(ORPHAN)).toMatchObject({ state: 5, timer: 3, uid: UNKNOWN, inode: 0 })
  })

  test('a full FIN-WAIT-2 and a connection not yet accepted keep their owner', () => {
    expect(decode(inetMessage({ state: 5, uid: 1000, inode: 7 })).uid).toBe(1000)
    expect(decode(inetMessage({ state: 5, uid: 1000, inode: 0 })).uid).toBe(1000)
    expect(decode(inetMessage({ state: 1, timer: 3, uid: 1000, inode: 0 })).uid).toBe(1000)
    expect(decode(inetMessage({ state: 6, timer: 3, uid: 1000, inode: 7 })).uid).toBe(1000)
  })

  test('TCP that is reported as CLOSED is bound-inactive; UDP and RAW are just unconnected', () => {
    expect(formatState(decode(BOUND).state)).toBe('bound-inactive')
    expect(decode(BOUND, 'udp').state).toBe(CLOSED)
    expect(decode(BOUND, 'raw').state).toBe(CLOSED)
    expect(decode(BOUND, 'mptcp').state).toBe(CLOSED)
    expect(BOUND_INACTIVE).toBe(13)
  })

  test('a raw socket has its protocol from the attribute, however short', () => {
    const message = inetMessage({ state: 7, localPort: 1 })
    expect(decode(concat(message, attribute(INET_DIAG_PROTOCOL, Uint8Array.of(58))), 'raw').rawProtocol).toBe(58)
    expect(decode(concat(message, attribute(INET_DIAG_PROTOCOL, new Uint8Array(0))), 'raw').rawProtocol).toBe(0)
    expect(decode(concat(message, attribute(INET_DIAG_PROTOCOL, Uint8Array.of(58))), 'udp').rawProtocol).toBe(0)
  })

  test('states, timers and families that nobody knows keep their numbers', () => {
    const record = decode(inetMessage({ family: 99, state: 200, timer: 77, retransmits: 255 }))
    expect(record).toMatchObject({ family: 99, state: 200, timer: 77, retransmits: 255 })
    expect(formatState(record.state)).toBe('state-200')
  })

  test('a message cut anywhere is refused up to 72 bytes, and has only whole attributes beyond', () => {
    const record = new SocketRecord()
    for (const { bytes, length } of truncations(BOUND)) {
      expect(decodeInet(view(bytes), 0, length, 'tcp', record)).toBe(length >= 72)
      if (length < 72) continue
      expect(record.inode).toBe(0x1415653)
      expect(record.attribute(INET_DIAG_MARK)).toBe(length < 88 ? -1 : 84)
      expect(record.attribute(INET_DIAG_CGROUP_ID)).toBe(length < 100 ? -1 : 92)
    }
  })

  test.each([0, 1, 3, 0xffff])('an attribute length of %d hides what follows, no more', length => {
    const bytes = BOUND.slice()
    view(bytes).setUint16(80, length, true)
    const record = decode(bytes)
    expect(record.attribute(8)).toBe(76)
    expect(record.attribute(INET_DIAG_MARK)).toBe(-1)
    expect(record.attribute(INET_DIAG_CGROUP_ID)).toBe(-1)
  })

  test('a message is read where it lies', () => {
    const bytes = concat(new Uint8Array(20), MAPPED, new Uint8Array(20))
    const record = new SocketRecord()
    expect(decodeInet(new DataView(bytes.buffer, 4), 16, 16 + MAPPED.length, 'tcp', record)).toBe(true)
    expect(record).toMatchObject({ localPort: 5003, inode: 0x1415656 })
    expect(record.attribute(8)).toBe(16 + 72 + 4)
  })
})

describe('the identity of a socket', () => {
  const octets = (length: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length })
  const u32 = fc.integer({ min: 0, max: 0xffffffff })

  test('is the very sockid that the kernel gave, for any socket', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 10),
        octets(16),
        octets(16),
        fc.record({
          localPort: fc.nat(65535),
          peerPort: fc.nat(65535),
          ifindex: u32,
          cookie: u32,
          cookieHigh: u32,
          state: fc.integer({ min: 1, max: 11 }),
        }),
        (family, local, peer, rest) => {
          const size = family === 2 ? 4 : 16
          const message = inetMessage({ family, local: local.slice(0, size), peer: peer.slice(0, size), ...rest })
          const record = decode(message)
          const identity = encodeInetIdentity(record, 6)
          expect(identity.slice(8)).toEqual(message.slice(4, 52))
          expect([...identity.slice(0, 4)]).toEqual([family, 6, 0, 0])
          expect(view(identity).getUint32(4, true)).toBe(1 << record.state)
        },
      ),
    )
  })
})
