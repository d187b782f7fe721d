import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { procSocketSource } from '../../src/adapters/procfs.js'
import { formatIpv4, formatIpv6, isMapped } from '../../src/bytes/address.js'
import { AF_INET6 } from '../../src/sockets/constants.js'
import { PROC_NET_FILES, type ProcNetFile } from '../../src/sockets/proc-net.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { formatState } from '../../src/sockets/states.js'
import { describeLab, holdAllStates, NOBODY, rowKey, ssRows, withNetns } from '../lab/index.js'
import { runBundled } from './bundle.js'

function addressOf(family: number, w0: number, w1: number, w2: number, w3: number): string {
  if (family !== AF_INET6 || isMapped(w0, w1, w2)) return formatIpv4(family === AF_INET6 ? w3 : w0)
  return formatIpv6(w0, w1, w2, w3)
}

function keyOf(record: SocketRecord): string {
  const { family, local0, local1, local2, local3, peer0, peer1, peer2, peer3, inode } = record
  const local = { address: addressOf(family, local0, local1, local2, local3), port: record.localPort, interface: null }
  const peer = { address: addressOf(family, peer0, peer1, peer2, peer3), port: record.peerPort, interface: null }
  return rowKey({ protocol: record.protocol, state: formatState(record.state), local, peer, inode })
}

function read<T>(pid: number, files: readonly ProcNetFile[], map: (record: SocketRecord) => T): T[] {
  const rows: T[] = []
  const source = procSocketSource({ pid })
  for (const file of files) {
    const { skipped, error } = source.read(file, new SocketRecord(), record => rows.push(map(record)))
    expect({ file, skipped, error }).toEqual({ file, skipped: 0, error: null })
  }
  return rows
}

describeLab('procSocketSource', () => {
  test('agrees with ss on every state that loopback can hold', () =>
    withNetns(async ns => {
      const { pid } = await holdAllStates(ns)
      const witness = await ssRows(ns, ['-a'])
      const mine = read(pid, ['tcp', 'tcp6', 'udp', 'udp6'], keyOf)
      const theirs = witness
        // procfs has no line for a TCP socket that is bound but idle.
        .filter(row => (row.protocol === 'tcp' && !(row.state === 'closed')) || row.protocol === 'udp')
        .map(row => rowKey(row))
      expect(mine.sort()).toEqual(theirs.filter(key => !key.startsWith('tcp bound-inactive')).sort())

      const unix = read(pid, ['unix'], record => ({
        inode: record.inode,
        path: record.unix!.path,
        state: record.state,
      }))
      const unixTheirs = witness.filter(row => row.protocol === 'unix')
      expect(
        unix
          .filter(row => row.inode !== 0)
          .map(row => `${row.inode} ${formatState(row.state)} ${row.path}`)
          .sort(),
      ).toEqual(unixTheirs.map(row => `${row.inode} ${row.state} ${row.local.address}`).sort())
      const packets = witness.filter(row => row.protocol === 'packet')
      expect(read(pid, ['packet'], record => record.inode)).toHaveLength(packets.length)
      expect(read(pid, ['raw', 'raw6'], record => record.inode)).toHaveLength(
        witness.filter(row => row.protocol === 'raw').length,
      )
    }))

  test('shows the tables of another namespace to a user without privilege', () =>
    withNetns(async ns => {
      const { pid } = await holdAllStates(ns)
      const asRoot = read(pid, PROC_NET_FILES, record => record.inode)
      const asNobody = await runBundled<number[]>(
        ['adapters/procfs.ts', 'sockets/record.ts', 'sockets/proc-net.ts'],
        `const rows = []
         const source = x.procSocketSource({ pid: ${pid} })
         for (const file of x.PROC_NET_FILES) source.read(file, new x.SocketRecord(), record => rows.push(record.inode))
         return rows`,
        { uid: NOBODY },
      )
      expect(asNobody.sort()).toEqual(asRoot.sort())
    }))
})

test('a missing file is an error with its errno, not an empty table', () => {
  const source = procSocketSource({ procRoot: '/nonexistent' })
  expect(source.read('raw6', new SocketRecord(), () => {})).toMatchObject({ rows: 0, error: { code: 'ENOENT' } })
})

test('a table larger than a chunk is cut between lines, and its last line without newline is counted', async () => {
  const root = await mkdtemp(join(tmpdir(), 'nk-proc-'))
  try {
    await mkdir(join(root, 'net'))
    const line = (at: number): string =>
      `${at}: 0100007F:1388 0200000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 ${at} 1 ff 20 4 1 10 -1\n`
    const lines = Array.from({ length: 12_000 }, (_, at) => line(at + 1))
    await writeFile(join(root, 'net/tcp'), `  sl  local_address\n${lines.join('')}   9: 0100007F:13`)
    expect(readFileSync(join(root, 'net/tcp')).length).toBeGreaterThan(3 * 256 * 1024)
    let expected = 1
    let wrong = 0
    const result = procSocketSource({ procRoot: root }).read('tcp', new SocketRecord(), record => {
      if (record.inode !== expected++) wrong++
    })
    expect({ ...result, wrong }).toEqual({ rows: 12_000, skipped: 1, error: null, wrong: 0 })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
