// vsock, XDP and TIPC: families that the kernel at hand lacks, tested on bytes built from the uapi headers.

import { describe, expect, test } from 'vitest'
import { socketDrops } from '../../../src/sockets/details.js'
import { decodeTipc, encodeTipcRequest } from '../../../src/sockets/diag/tipc-diag.js'
import { cidName, decodeVsock, encodeVsockRequest, formatCid } from '../../../src/sockets/diag/vsock-diag.js'
import { decodeXdp, encodeXdpRequest } from '../../../src/sockets/diag/xdp-diag.js'
import { SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { CLOSED, ESTABLISHED, LISTENING } from '../../../src/sockets/states.js'
import { formatExtended, formatMemory, formatShutdown } from '../words.js'
import { attribute, concat, truncations, u32, u64 } from './build.js'
import { hex, view } from './samples.js'

describe('vsock', () => {
  const ESTABLISHED_TO_HOST = hex(`
    28 01 01 02          // AF_VSOCK, SOCK_STREAM, established, sending shut
    03000000 00020000    // local 3:512
    02000000 d2040000    // peer: the host, port 1234
    2a000000             // inode
    07000000 01000000    // cookie
  `)

  test('the request carries the states', () => {
    const request = hex('28 00 0000 00040000 00000000 00000000 00000000 00000000')
    expect(encodeVsockRequest({ states: 1 << LISTENING })).toEqual(request)
  })

  test('context ids and 32-bit ports are read; queues and owner are not known', () => {
    const record = new SocketRecord()
    expect(decodeVsock(view(ESTABLISHED_TO_HOST), 0, 32, record)).toBe(true)
    expect(record).toMatchObject({ protocol: 'vsock', family: 40, type: 1, state: ESTABLISHED, inode: 42 })
    expect(record).toMatchObject({ cookieLow: 7, cookieHigh: 1, uid: UNKNOWN, recvQueue: UNKNOWN, sendQueue: UNKNOWN })
    expect(record.other).toEqual({ localAddress: '3', localPort: 512, peerAddress: '2', peerPort: 1234, shutdown: 2 })
    expect(formatShutdown(record)).toBe('<--')
    expect(formatExtended(record)).toBe('ino:42 sk:100000007 <--')
  })

  test('any is a star and no port', () => {
    const listener = hex('28 01 0a 00 ffffffff d2040000 ffffffff ffffffff 2a000000 07000000 00000000')
    const record = new SocketRecord()
    decodeVsock(view(listener), 0, 32, record)
    expect(record.other).toMatchObject({ localAddress: '*', localPort: 1234, peerAddress: '*', peerPort: null })
    expect(record.peerPort).toBe(0)
    expect([0, 1, 2, 3, 0xffffffff].map(cidName)).toEqual(['hypervisor', 'local', 'host', null, 'any'])
    expect(formatCid(0xffffffff)).toBe('*')
  })

  test('a message cut anywhere is refused', () => {
    for (const { bytes, length } of truncations(ESTABLISHED_TO_HOST)) {
      expect(decodeVsock(view(bytes), 0, length, new SocketRecord())).toBe(false)
    }
  })
})

describe('XDP', () => {
  const BOUND = concat(
    hex('2c 03 0000 2a000000 07000000 00000000'),
    attribute(1, u32(2, 5)), // INFO: interface 2, queue 5
    attribute(2, u32(1000)), // UID
    attribute(3, u32(2048)), // RX_RING
    attribute(4, u32(512)), // TX_RING
    attribute(5, concat(u64(0x400000n), u32(1, 1024, 4096, 256, 2, 5, 1, 3))), // UMEM
    attribute(6, u32(2048)), // UMEM_FILL_RING
    attribute(7, u32(1024)), // UMEM_COMPLETION_RING
    attribute(8, u32(64, 212992, 32, 212992, 0, 0, 0, 0, 9)), // MEMINFO
    attribute(9, u64(1n, 2n, 3n, 4n, 5n, 0xffffffffffffffffn)), // STATS
  )

  test('the request asks for everything', () => {
    expect(encodeXdpRequest()).toEqual(hex('2c 00 0000 00000000 1f000000 00000000 00000000'))
  })

  test('interface, queue, owner, memory and rings are read', () => {
    const record = new SocketRecord()
    expect(decodeXdp(view(BOUND), 0, BOUND.length, record)).toBe(true)
    expect(record).toMatchObject({ protocol: 'xdp', family: 44, state: CLOSED, ifindex: 2, localPort: 5, uid: 1000 })
    expect(record).toMatchObject({ recvQueue: 64, sendQueue: 32 })
    expect(record.other).toEqual({ localAddress: 'if2', localPort: 5, peerAddress: '*', peerPort: null })
    expect(formatExtended(record)).toBe(
      'uid:1000 ino:42 sk:7 rx(entries:2048) tx(entries:512) ' +
        'umem(id:1,size:4194304,num_pages:1024,chunk_size:4096,headroom:256,ifindex:2,qid:5,zc:1,refs:3) ' +
        'fr(entries:2048) cr(entries:1024) stats(rx dropped:1,rx invalid:2,rx queue full:3,' +
        'rx fill ring empty:4,tx invalid:5,tx ring empty:18446744073709551615)',
    )
    expect(formatMemory(record)).toContain(',d9) drops:9')
  })

  test('a socket that is not bound has no queue, and a cut message is refused or read as far as it goes', () => {
    const record = new SocketRecord()
    decodeXdp(view(BOUND.slice(0, 16)), 0, 16, record)
    expect(record.other).toMatchObject({ localAddress: '*', localPort: null })
    for (const { bytes, length } of truncations(BOUND)) {
      const cut = new SocketRecord()
      expect(decodeXdp(view(bytes), 0, length, cut)).toBe(length >= 16)
      formatExtended(cut)
    }
  })
})

describe('TIPC', () => {
  const NESTED = 0x8000
  const CONNECTED = attribute(
    2 | NESTED,
    concat(
      attribute(1, u32(0x1001001)), // ADDR
      attribute(2, u32(777)), // REF
      attribute(3 | NESTED, concat(attribute(2, u32(0x1001002)), attribute(3, u32(888)))), // CON: node, socket
      attribute(5 | NESTED, concat(attribute(1, u32(10)), attribute(2, u32(20)), attribute(5, u32(3)))), // STAT
      attribute(6, u32(5)), // TYPE: SOCK_SEQPACKET
      attribute(7, u32(42)), // INO
      attribute(8, u32(1000)), // UID
      attribute(9, u32(1)), // TIPC_STATE: established
      attribute(10, u64(0x100000007n)), // COOKIE
    ),
  )

  test('the request is eight bytes', () => {
    expect(encodeTipcRequest({ states: 0x82 })).toEqual(hex('1e 00 0000 82000000'))
  })

  test('a nest of attributes becomes a record', () => {
    const record = new SocketRecord()
    expect(decodeTipc(view(CONNECTED), 0, CONNECTED.length, record)).toBe(true)
    expect(record).toMatchObject({ protocol: 'tipc', family: 30, type: 5, state: ESTABLISHED, inode: 42, uid: 1000 })
    expect(record).toMatchObject({ recvQueue: 10, sendQueue: 20, cookieLow: 7, cookieHigh: 1 })
    expect(record.other).toEqual({ localAddress: '16781313', localPort: 777, peerAddress: '16781314', peerPort: 888 })
    expect(socketDrops(record)).toBe(3)
    expect(formatExtended(record)).toBe('uid:1000 ino:42 sk:100000007')
  })

  test('without a connection the peer is a dash; without a socket there is no record', () => {
    const record = new SocketRecord()
    const bare = attribute(2, attribute(2, u32(777)))
    expect(decodeTipc(view(bare), 0, bare.length, record)).toBe(true)
    expect(record.other).toMatchObject({ peerAddress: '-', peerPort: null })
    expect(record).toMatchObject({ uid: UNKNOWN, recvQueue: UNKNOWN, cookieLow: UNKNOWN })
    const other = attribute(1, u32(1))
    expect(decodeTipc(view(other), 0, other.length, record)).toBe(false)
  })

  test('a message cut anywhere is refused', () => {
    for (const { bytes, length } of truncations(CONNECTED)) {
      expect(decodeTipc(view(bytes), 0, length, new SocketRecord())).toBe(false)
    }
  })
})
