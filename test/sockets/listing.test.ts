import { describe, expect, test } from 'vitest'
import type { ProcessScan } from '../../src/ports/proc.js'
import {
  type ListingPorts,
  type ListingQuery,
  type ListingReport,
  Owners,
  visitSockets,
} from '../../src/sockets/listing.js'
import { HolderTable, type InodeTest } from '../../src/sockets/processes.js'
import type { SocketRecord } from '../../src/sockets/record.js'
import { ALL_STATES, DEFAULT_STATES } from '../../src/sockets/states.js'
import { tableById } from '../../src/sockets/tables.js'
import { type Answer, BY_FAMILY, done, fakePort, inetMessage, message, socketMessage } from '../netlink/fake.js'
import { attribute, concat, u32 } from './diag/build.js'

const LISTENER = socketMessage(100, { state: 10, localPort: 80, inode: 100 })
const WAITING = socketMessage(101, { localPort: 80, local: [127, 0, 0, 1], inode: 0 })
const ACCEPTED = socketMessage(102, { localPort: 80, local: [127, 0, 0, 1], inode: 102 })
const TIME_WAIT = socketMessage(103, { state: 6, timer: 3, localPort: 80, inode: 0 })

/** A unix_diag_msg with a path and a peer. */
const unix = (inode: number, path: string | null, peer: number | null): Uint8Array => {
  const header = concat(Uint8Array.of(1, 1, 1, 0), u32(inode, inode, 0))
  const name = path === null ? [] : [attribute(0, new Uint8Array(Buffer.from(path)))]
  return message(BY_FAMILY, concat(header, ...name, ...(peer === null ? [] : [attribute(2, u32(peer))])))
}

interface Scan {
  wanted: InodeTest | 'all'
  threads: boolean | undefined
}

interface Result {
  report: ListingReport
  scans: Scan[]
  rows: { inode: number; cookie: number; pids: number[] | null; peers: number[] | null; peerPath: string | null }[]
  log: string[]
}

async function list(
  tables: readonly string[],
  answer: (states: number, family: number) => Answer,
  query: Partial<ListingQuery> = {},
  holders: Readonly<Record<number, readonly number[]>> = {},
  unreadable = 0,
): Promise<Result> {
  const log: string[] = []
  const scans: Scan[] = []
  const rows: Result['rows'] = []
  const owners = new Owners()
  const ports: ListingPorts = {
    netlink: fakePort(request => {
      const view = new DataView(request.buffer)
      log.push(`ask ${view.getUint8(16)} ${view.getUint32(20, true).toString(16)}`)
      return answer(view.getUint32(20, true), view.getUint8(16))
    }),
    netlinkUnavailable: null,
    now: () => 0,
    scanProcesses(wanted, options): ProcessScan {
      log.push('scan')
      scans.push({ wanted, threads: options?.threads })
      const table = new HolderTable()
      for (const [inode, pids] of Object.entries(holders)) {
        if (wanted !== 'all' && !wanted.has(Number(inode))) continue
        for (const pid of pids) table.add(Number(inode), table.addProcess({ pid, tid: null, name: `p${pid}` }), 3)
      }
      return { holders: table, scanned: 1, unreadable, hidepid: false, complete: unreadable === 0 }
    },
  }
  const report = await visitSockets(
    {
      tables: tables.map(id => tableById(id)!),
      states: ALL_STATES,
      source: 'netlink',
      details: { extensions: 0 },
      bytecode: null,
      targets: [{ label: null, fd: -1, proc: { read: () => ({ rows: 0, skipped: 0, error: null }) } }],
      accepts: () => true,
      acceptsByHolder: false,
      processes: false,
      threads: false,
      ...query,
    },
    ports,
    owners,
    (record: SocketRecord) => {
      log.push(`row ${record.cookieLow}`)
      const pids = (list: readonly { pid: number }[] | null): number[] | null => list?.map(({ pid }) => pid) ?? null
      rows.push({
        inode: record.inode,
        cookie: record.cookieLow,
        pids: pids(owners.of(record)),
        peers: pids(owners.ofPeer(record)),
        peerPath: record.unix?.peerPath ?? null,
      })
    },
  )
  return { report, scans, rows, log }
}

const LISTENING = 1 << 10
/** The TCP table: listeners where listeners are asked for, all of it otherwise. */
const tcp = (states: number, family: number): Answer => {
  if (family === 10) return [[done()]]
  if (states === LISTENING) return [[LISTENER, done()]]
  return states & (1 << 13) ? [[done()]] : [[concat(LISTENER, WAITING, ACCEPTED, TIME_WAIT), done()]]
}

describe('without processes', () => {
  test('rows come as they are read, filtered, and no process is looked at', async () => {
    const { rows, scans, report } = await list(['tcp4'], tcp, { accepts: record => record.inode > 0 })
    expect(rows.map(row => row.inode)).toEqual([100, 102])
    expect(rows[0]).toMatchObject({ pids: null, peers: null })
    expect(scans).toEqual([])
    expect(report.scan).toBeNull()
  })
})

describe('with processes', () => {
  test('sockets are read first; then exactly their inodes are looked for, and rows follow', async () => {
    const { rows, scans, log } = await list(['tcp4'], tcp, { processes: true }, { 100: [7, 8], 102: [9], 555: [1] })
    expect(scans).toHaveLength(1)
    const { wanted } = scans[0]!
    if (wanted === 'all') throw new Error('everything was looked for')
    expect(wanted.size).toBe(2)
    expect([wanted.has(100), wanted.has(102), wanted.has(555), wanted.has(0)]).toEqual([true, true, false, false])
    expect(log.indexOf('scan')).toBeLessThan(log.findIndex(line => line.startsWith('row')))
    expect(log.slice(log.indexOf('scan') + 1).every(line => line.startsWith('row'))).toBe(true)
    expect(rows.map(row => [row.cookie, row.pids])).toEqual([
      [100, [7, 8]],
      [101, [7, 8]],
      [102, [9]],
      [103, []],
    ])
  })

  test('a connection that waits to be accepted belongs to the listener, listed or not', async () => {
    const accepts = (record: SocketRecord): boolean => record.state === 1 && record.inode === 0
    const { rows, scans } = await list(
      ['tcp4'],
      tcp,
      { processes: true, accepts, states: DEFAULT_STATES },
      { 100: [7] },
    )
    expect(rows.map(row => [row.cookie, row.pids])).toEqual([[101, [7]]])
    const { wanted } = scans[0]!
    expect(wanted !== 'all' && wanted.size === 1 && wanted.has(100)).toBe(true)
  })

  test('rows that the filter refuses are not looked for, unless the filter asks for holders', async () => {
    const only = { processes: true, accepts: (record: SocketRecord) => record.inode === 102 }
    expect((await list(['tcp4'], tcp, only)).scans.map(scan => (scan.wanted as InodeTest).size)).toEqual([1])
    const byHolder = await list(['tcp4'], tcp, { ...only, acceptsByHolder: true })
    expect((byHolder.scans[0]!.wanted as InodeTest).size).toBe(2)
    expect(byHolder.rows.map(row => row.inode)).toEqual([102])
  })

  test('nothing found means that no process is read', async () => {
    const { scans, report } = await list(['tcp4'], tcp, { processes: true, accepts: () => false })
    expect(scans).toEqual([])
    expect(report.scan).toBeNull()
  })

  test('threads are asked for where they are wanted', async () => {
    const { scans } = await list(['tcp4'], tcp, { processes: true, threads: true })
    expect(scans[0]!.threads).toBe(true)
  })

  test('beyond the limit all holders are looked for at once, and rows go out as they come', async () => {
    const large = (cookie: number): Uint8Array =>
      message(BY_FAMILY, concat(inetMessage({ cookie, inode: cookie }), new Uint8Array(1 << 20)))
    const cookies = Array.from({ length: 30 }, (_, at) => at + 1)
    const answer = (states: number, family: number): Answer => {
      if (family === 10 || states === LISTENING || states & (1 << 13)) return [[done()]]
      return [...cookies.map(cookie => [large(cookie)]), [done()]]
    }
    const { rows, scans, log } = await list(['tcp4'], answer, { processes: true }, { 1: [1], 30: [30] })
    expect(scans).toEqual([{ wanted: 'all', threads: false }])
    expect(rows.map(row => row.cookie)).toEqual(cookies)
    expect([rows[0]!.pids, rows[1]!.pids, rows[29]!.pids]).toEqual([[1], [], [30]])
    // 24 MiB are kept: the rest follows without being kept.
    expect(log.indexOf('scan')).toBeGreaterThan(0)
    expect(log.filter(line => line.startsWith('row'))).toHaveLength(30)
  })

  test('where processes could not be read, a holder that was not found is unknown, not nobody', async () => {
    const { rows, report } = await list(['tcp4'], tcp, { processes: true }, { 102: [9] }, 4)
    expect(rows.map(row => row.pids)).toEqual([null, null, [9], []])
    expect(report.ownerless).toBe(1)
    expect(report.scan?.unreadable).toBe(4)
  })
})

describe('unix sockets', () => {
  const answer = (): Answer => [
    [concat(unix(1, null, 2), unix(2, '/run/a', 1), unix(3, '/run/b', 4), unix(5, null, null)), done()],
  ]

  test('know the path of their other end, even if it comes later', async () => {
    const { rows } = await list(['unix'], answer)
    expect(rows.map(row => [row.inode, row.peerPath])).toEqual([
      [1, '/run/a'],
      [2, null],
      [3, null],
      [5, null],
    ])
  })

  test('and who holds it', async () => {
    const { rows, scans } = await list(['unix'], answer, { processes: true }, { 1: [11], 2: [12], 4: [14] })
    const wanted = scans[0]!.wanted as InodeTest
    expect([1, 2, 3, 4, 5].map(inode => wanted.has(inode))).toEqual([true, true, true, true, true])
    expect(rows.map(row => [row.inode, row.pids, row.peers, row.peerPath])).toEqual([
      [1, [11], [12], '/run/a'],
      [2, [12], [11], null],
      [3, [], [14], null],
      [5, [], null, null],
    ])
  })

  test('a filter sees the path of the other end', async () => {
    const { rows } = await list(['unix'], answer, { accepts: record => record.unix?.peerPath === '/run/a' })
    expect(rows.map(row => row.inode)).toEqual([1])
  })
})
