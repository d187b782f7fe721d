import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SocketJson, socketJson } from '../../src/render/socket-json.js'
import { PROTOCOLS } from '../../src/sockets/constants.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import type { SocketLookups } from '../../src/sockets/lookups.js'
import { PROC_NET_FILES, parseProcNet } from '../../src/sockets/proc-net.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { TABLES, type Table } from '../../src/sockets/tables.js'
import { toSocket } from '../../src/sockets/to-model.js'
import { anyPayload, inetDiag, RECORDED } from '../netlink/any-message.js'
import { inetMessage } from '../netlink/fake.js'
import { attribute, concat, u64 } from '../sockets/diag/build.js'
import { view } from '../sockets/diag/samples.js'
import { fakeLookups } from './lookups.js'

const RUNS = 1500
const HOSTILE = 'a) "\\\x1b[31mR\u2028\ud800\n'

const lookups: SocketLookups = fakeLookups({
  interfaceName: (netns, ifindex) => `${HOSTILE}${netns}.${ifindex}`,
  userName: uid => (uid % 2 === 0 ? `${HOSTILE}${uid}` : null),
  cgroupPath: id => `/${HOSTILE}/${id}`,
  netnsLabel: netns => (netns === 0 ? null : `${HOSTILE}${netns}`),
  holders: record => (record.inode % 3 === 0 ? null : [{ pid: record.inode, name: HOSTILE, fd: 3 }]),
  peerHolders: record => (record.unix === null ? null : []),
})

const decoder = (table: Table) => table.request(0, { extensions: 0, bytecode: null }).decode

/** The record of a message, decoded into the one that the message before was decoded into; null when it is none. */
function decodeWith(table: Table, bytes: Uint8Array, reused: SocketRecord): SocketRecord | null {
  if (reused.protocol !== table.protocol) reused.clearParts()
  return decoder(table)(view(bytes), 0, bytes.length, reused) ? reused : null
}

/** Both ways give one line of the same JSON. */
function expectSame(record: SocketRecord, writer: SocketJson): void {
  const text = writer.text(record)
  expect(text).not.toMatch(/[\x00-\x1f]/)
  const model = toSocket(record, lookups)
  expect(text).toBe(JSON.stringify(model))
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(model)))
}

describe('JSON of a socket', () => {
  // One writer for all: what it remembers of one socket must be right for the next.
  const writer = new SocketJson(lookups)

  test('is that of the model for TCP and UDP sockets with any fields and attributes', () => {
    const record = new SocketRecord()
    fc.assert(
      fc.property(inetDiag, fc.constantFrom('tcp', 'udp'), fc.nat(3), (bytes, protocol, netns) => {
        expect(decodeInet(view(bytes), 0, bytes.length, protocol, record)).toBe(true)
        record.netns = netns
        expectSame(record, writer)
      }),
      { numRuns: RUNS },
    )
  })

  test('is that of the model for any message of any family', () => {
    const record = new SocketRecord()
    fc.assert(
      fc.property(anyPayload, fc.constantFrom(...TABLES), (bytes, table) => {
        const decoded = decodeWith(table, bytes, record)
        if (decoded !== null) expectSame(decoded, writer)
      }),
      { numRuns: RUNS },
    )
  })

  test('is that of the model for every recorded message', () => {
    for (const table of TABLES) {
      for (const bytes of RECORDED) {
        const record = decodeWith(table, bytes, new SocketRecord())
        if (record !== null) expectSame(record, writer)
      }
    }
    expect(new Set(TABLES.map(table => table.protocol)).size).toBe(PROTOCOLS.length)
  })

  test('is that of the model for sockets from procfs', () => {
    const lines: Record<string, string> = {
      tcp: '   0: 0100007F:1388 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 77 1 0 100 0 0 10 0\n',
      tcp6: '   1: 00000000000000000000000001000000:1388 00000000000000000000000000000000:0000 06 00000000:00000000 03:00000176 00000000     0        0 0 3 0\n',
      udp: '   0: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 78 2 0 3\n',
      unix: '0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/"a\n',
    }
    let rows = 0
    for (const file of PROC_NET_FILES) {
      parseProcNet(file, Buffer.from(lines[file] ?? ''), new SocketRecord(), record => {
        expectSame(record, writer)
        rows++
      })
    }
    expect(rows).toBe(4)
  })

  test('keeps cgroups apart that differ in any of their 64 bits', () => {
    const record = new SocketRecord()
    for (const id of [1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 64n - 2n, 2n ** 32n]) {
      const bytes = concat(inetMessage({ inode: 4 }), attribute(21, u64(id)))
      decodeInet(view(bytes), 0, bytes.length, 'tcp', record)
      expectSame(record, writer)
      expect(JSON.parse(writer.text(record)).cgroup).toBe(`/${HOSTILE}/${id.toString(16)}`)
    }
  })

  test.each([0, 1, 7, 8, 9])('reads a cgroup attribute of %d bytes as the model does', length => {
    const bytes = concat(inetMessage({ inode: 4 }), attribute(21, new Uint8Array(length).fill(1)))
    const record = new SocketRecord()
    // Nothing behind the attribute, where a read beyond it would throw.
    decodeInet(view(bytes.slice(0, 76 + length)), 0, 76 + length, 'tcp', record)
    expectSame(record, writer)
  })

  test('of one socket alone is the same', () => {
    const bytes = inetMessage({ localPort: 80, inode: 7 })
    const record = new SocketRecord()
    decodeInet(view(bytes), 0, bytes.length, 'tcp', record)
    expect(socketJson(record, lookups)).toBe(writer.text(record))
  })
})
