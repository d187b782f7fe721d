import { describe, expect, test } from 'vitest'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import type { Decode } from '../../src/sockets/dump.js'
import { HeldRows } from '../../src/sockets/held-rows.js'
import { parseProcNet } from '../../src/sockets/proc-net.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { inetMessage } from '../netlink/fake.js'
import { attribute, concat, u32 } from './diag/build.js'
import { UNIX_ABSTRACT, UNIX_LISTENER, view } from './diag/samples.js'

const tcp: Decode = (data, start, end, record) => decodeInet(data, start, end, 'tcp', record)
const never: Decode = () => false

/** Decodes into the reused record, as a dump does, and sets it aside. */
function hold(rows: HeldRows, record: SocketRecord, bytes: Uint8Array, decode: Decode, at = 0): void {
  const arena = concat(new Uint8Array(at), bytes)
  record.clearParts()
  expect(decode(view(arena), at, arena.length, record)).toBe(true)
  record.messageStart = at
  record.messageEnd = arena.length
  rows.add(record, decode)
}

function collect<T>(rows: HeldRows, take: (record: SocketRecord) => T): T[] {
  const taken: T[] = []
  rows.visit(new SocketRecord(), record => taken.push(take(record)))
  return taken
}

describe('rows set aside', () => {
  test('come back in order, each through its own decoder, with namespace and attributes', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    record.netns = 3
    hold(rows, record, concat(inetMessage({ localPort: 80, inode: 9 }), attribute(15, u32(77))), tcp)
    record.netns = 4
    hold(rows, record, UNIX_LISTENER, decodeUnix, 16)
    hold(rows, record, UNIX_ABSTRACT, decodeUnix, 4)
    expect(rows.count).toBe(3)
    expect(rows.bytes).toBe(80 + UNIX_LISTENER.length + UNIX_ABSTRACT.length)
    const seen = collect(rows, one => [
      one.protocol,
      one.netns,
      one.inode,
      one.unix?.path?.length ?? null,
      one.protocol === 'tcp' ? one.data.getUint32(one.attribute(15), true) : null,
      one.messageEnd - one.messageStart,
    ])
    expect(seen).toEqual([
      ['tcp', 3, 9, null, 77, 80],
      ['unix', 4, 0x3b889e, 40, null, UNIX_LISTENER.length],
      ['unix', 4, 0x3b88a2, 10, null, UNIX_ABSTRACT.length],
    ])
  })

  test('do not depend on the buffer that they came from', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    const arena = inetMessage({ localPort: 1 })
    for (const port of [1, 2, 3]) {
      new DataView(arena.buffer).setUint16(4, port)
      tcp(view(arena), 0, arena.length, record)
      record.messageEnd = arena.length
      rows.add(record, tcp)
    }
    arena.fill(0)
    expect(collect(rows, one => one.localPort)).toEqual([1, 2, 3])
  })

  test('can be set aside again while they are handed out', () => {
    const first = new HeldRows()
    const second = new HeldRows()
    const record = new SocketRecord()
    for (const port of [1, 2, 3]) hold(first, record, inetMessage({ localPort: port }), tcp)
    first.visit(new SocketRecord(), one => second.add(one, tcp))
    first.clear()
    expect(collect(second, one => one.localPort)).toEqual([1, 2, 3])
  })

  test('of odd lengths and in great number all come back', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    const count = 30_000
    let bytes = 0
    for (let at = 0; at < count; at++) {
      const message = concat(inetMessage({ inode: at + 1, cookie: at }), new Uint8Array(at % 7))
      bytes += message.length
      hold(rows, record, message, tcp)
    }
    expect([rows.count, rows.bytes]).toEqual([count, bytes])
    expect(bytes).toBeGreaterThan(2 << 20)
    let wrong = 0
    let next = 0
    rows.visit(new SocketRecord(), one => {
      const length = one.messageEnd - one.messageStart
      if (one.inode !== next + 1 || one.cookieLow !== next || length !== 72 + (next % 7)) wrong++
      next++
    })
    expect([next, wrong]).toEqual([count, 0])
  })

  test('a message larger than a chunk gets one of its own', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    const large = concat(inetMessage({ inode: 2 }), new Uint8Array((1 << 20) + 5))
    hold(rows, record, inetMessage({ inode: 1 }), tcp)
    hold(rows, record, large, tcp)
    hold(rows, record, inetMessage({ inode: 3 }), tcp)
    expect(collect(rows, one => [one.inode, one.messageEnd - one.messageStart])).toEqual([
      [1, 72],
      [2, large.length],
      [3, 72],
    ])
  })

  test('are gone after clear, and new ones can come', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    hold(rows, record, inetMessage({ inode: 1 }), tcp)
    rows.clear()
    expect([rows.count, rows.bytes, collect(rows, one => one.inode)]).toEqual([0, 0, []])
    hold(rows, record, inetMessage({ inode: 2 }), tcp)
    expect(collect(rows, one => one.inode)).toEqual([2])
  })
})

describe('rows from procfs', () => {
  const UNIX = Buffer.from(
    'Num       RefCount Protocol Flags    Type St Inode Path\n' +
      '0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/a\n' +
      '0000000000000000: 00000003 00000000 00000000 0002 03 12 /run/b\n',
  )

  test('are kept as copies, each with its own path', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    record.netns = 5
    parseProcNet('unix', UNIX, record, one => rows.add(one, never))
    const take = (one: SocketRecord): unknown => [one.source, one.inode, one.unix?.path, one.netns]
    expect(collect(rows, take)).toEqual([
      ['procfs', 11, '/run/a', 5],
      ['procfs', 12, '/run/b', 5],
    ])
    expect(rows.bytes).toBeGreaterThan(0)
  })

  test('stay what they are when a message is read into the same record afterwards', () => {
    const rows = new HeldRows()
    const record = new SocketRecord()
    parseProcNet('unix', UNIX, record, one => {
      // A filter has asked for an attribute before.
      one.attribute(15)
      rows.add(one, never)
    })
    hold(rows, record, concat(inetMessage({ inode: 13 }), attribute(15, u32(1))), tcp)
    expect(record.attribute(15)).toBeGreaterThan(0)
    expect(collect(rows, one => [one.inode, one.attribute(15) >= 0])).toEqual([
      [11, false],
      [12, false],
      [13, true],
    ])
  })
})
