import { describe, expect, test } from 'vitest'
import {
  decodeUnix,
  encodeUnixRequest,
  UDIAG_SHOW_MEMINFO,
  UNIX_SHOW_DEFAULT,
} from '../../../src/sockets/diag/unix-diag.js'
import { SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { CLOSED, ESTABLISHED, LISTENING } from '../../../src/sockets/states.js'
import { attribute, concat, truncations } from './build.js'
import { hex, UNIX_ABSTRACT, UNIX_ACCEPTED, UNIX_HALF_CLOSED, UNIX_LISTENER, view } from './samples.js'

function decode(bytes: Uint8Array): SocketRecord {
  const record = new SocketRecord()
  const data = view(bytes)
  expect(decodeUnix(data, 0, data.byteLength, record)).toBe(true)
  return record
}

const HEADER = hex('01 01 01 00 2a000000 07000000 00000000')

describe('requests', () => {
  test('a listing asks for the states and what a listing shows', () => {
    const request = hex(`
      01 00 0000  // AF_UNIX, protocol, pad
      82040000    // states: established, closed, listening
      00000000    // any inode
      5f000000    // name, vfs, peer, icons, rqlen, uid
      00000000 00000000
    `)
    expect(encodeUnixRequest({ states: (1 << ESTABLISHED) | (1 << CLOSED) | (1 << LISTENING) })).toEqual(request)
  })

  test('memory adds its bit, and an inode names one socket without a cookie', () => {
    const bytes = view(encodeUnixRequest({ states: 0xffffffff, memory: true, inode: 42 }))
    expect(bytes.getUint32(4, true)).toBe(0xffffffff)
    expect(bytes.getUint32(8, true)).toBe(42)
    expect(bytes.getUint32(12, true)).toBe(UNIX_SHOW_DEFAULT | UDIAG_SHOW_MEMINFO)
    expect(bytes.getBigUint64(16, true)).toBe(0xffffffffffffffffn)
  })
})

describe('messages', () => {
  test('a listener has its path, its accept queue, and the inode of the client that waits', () => {
    const record = decode(UNIX_LISTENER)
    expect(record).toMatchObject({
      protocol: 'unix',
      family: 1,
      type: 1,
      state: LISTENING,
      inode: 0x3b889e,
      cookieLow: 0x1238b4,
      cookieHigh: 0,
      recvQueue: 1,
      sendQueue: 5,
      uid: 0,
    })
    // The path holds an escape sequence and an e with acute: both stay as they are.
    expect(record.unix?.path).toMatch(/^\/tmp\/netkit-scene-\w+\/a \x1b\[31mé\.sock$/)
    expect(record.unix?.pendingInodes).toEqual([0x3b88a1])
    expect(record.unix?.peerInode).toBeNull()
  })

  test('an accepted end has its peer and the bytes to read', () => {
    const record = decode(UNIX_ACCEPTED)
    expect(record).toMatchObject({ state: ESTABLISHED, recvQueue: 100, sendQueue: 0 })
    expect(record.unix).toMatchObject({ peerInode: 0x3b889f, pendingInodes: [] })
  })

  test('every NUL of an abstract name reads @, and a socket without a name has none', () => {
    expect(decode(UNIX_ABSTRACT).unix?.path).toBe('@abs@tract')
    expect(decode(UNIX_HALF_CLOSED).unix?.path).toBeNull()
  })

  test('a record that is reused keeps nothing of the socket before', () => {
    const record = new SocketRecord()
    for (const sample of [UNIX_LISTENER, HEADER]) decodeUnix(view(sample), 0, sample.length, record)
    expect(record).toMatchObject({ state: 1, inode: 42, uid: UNKNOWN, recvQueue: UNKNOWN, sendQueue: UNKNOWN })
    expect(record.unix).toEqual({ path: null, peerInode: null, peerPath: null, pendingInodes: [] })
  })

  test('a name that is no UTF-8 stays recognisable, and a path ends at its first NUL', () => {
    expect(decode(concat(HEADER, attribute(0, hex('2f 61 ff 62 00')))).unix?.path).toBe('/a\ufffdb')
    expect(decode(concat(HEADER, attribute(0, hex('2f 61 00 62')))).unix?.path).toBe('/a')
    expect(decode(concat(HEADER, attribute(0, hex('')))).unix?.path).toBeNull()
  })

  test('unknown types, states and attributes survive', () => {
    const record = decode(concat(hex('01 63 63 00 2a000000 07000000 00000080'), attribute(999, hex('01020304'))))
    expect(record).toMatchObject({ type: 99, state: 99, cookieHigh: -0x80000000 })
  })

  test('a message cut anywhere is refused or read as far as it goes', () => {
    for (const { bytes, length } of truncations(UNIX_LISTENER)) {
      const record = new SocketRecord()
      expect(decodeUnix(view(bytes), 0, length, record)).toBe(length >= 16)
      if (length >= 16) expect(record.inode).toBe(0x3b889e)
    }
  })

  test('a message is read where it lies in a larger arena', () => {
    const arena = concat(new Uint8Array(48), UNIX_ABSTRACT, UNIX_LISTENER)
    const data = new DataView(arena.buffer, arena.byteOffset + 8, arena.length - 8)
    const record = new SocketRecord()
    decodeUnix(data, 40, 40 + UNIX_ABSTRACT.length, record)
    expect(record.unix?.path).toBe('@abs@tract')
    expect(record.attributesEnd).toBe(40 + UNIX_ABSTRACT.length)
  })

  test('attributes with impossible lengths end the walk', () => {
    for (const length of ['0000', '0300', 'ffff']) {
      expect(decode(concat(HEADER, hex(`${length} 0000 2f61`))).unix?.path).toBeNull()
    }
    // Too short for what they should hold.
    const record = decode(
      concat(HEADER, attribute(4, hex('01000000')), attribute(2, hex('0100')), attribute(7, hex('01'))),
    )
    expect(record).toMatchObject({ recvQueue: UNKNOWN, uid: UNKNOWN, unix: { peerInode: null } })
  })
})
