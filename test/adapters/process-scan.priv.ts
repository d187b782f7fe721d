import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { scanProcesses } from '../../src/adapters/process-scan.js'
import { LinkJobs } from '../../src/adapters/process-scan-jobs.js'
import { procSocketSource } from '../../src/adapters/procfs.js'
import { isUnaccepted, ListenerIndex } from '../../src/sockets/listeners.js'
import { SocketRecord } from '../../src/sockets/record.js'
import {
  describeLab,
  HOSTILE_COMM,
  inNetns,
  NOBODY,
  processNamed,
  slowAcceptor,
  spawnInNetns,
  withNetns,
} from '../lab/index.js'
import { runBundled } from './bundle.js'

const SCRIPT = fileURLToPath(new URL('hold-shared.py', import.meta.url))

interface Shared {
  inode: number
  port: number
  holders: [pid: number, fd: number][]
}
interface Many {
  pid: number
  sockets: [inode: number, fd: number][]
}

const byPid = (a: readonly number[], b: readonly number[]): number => a[0]! - b[0]!

describeLab('scanProcesses', () => {
  test('finds every holder: the opener, a forked child, and one that got it by SCM_RIGHTS', () =>
    withNetns(async ns => {
      const helper = await spawnInNetns(ns, ['python3', SCRIPT, 'shared'])
      const { inode, port, holders } = await helper.next<Shared>()
      const scan = scanProcesses(new Set([inode]))
      const found = scan.holders.holdersOf(inode)
      expect(found.map(({ pid, fd }) => [pid, fd])).toEqual([...holders].sort(byPid))
      expect(new Set(found.map(({ name }) => name))).toEqual(new Set(['python3']))
      expect(scan.holders.sockets).toBe(1)
      // ss as witness, descriptors included.
      const { stdout } = await inNetns(ns, ['ss', '-Htlnp', `( sport = :${port} )`])
      const witness = [...stdout.matchAll(/pid=(\d+),fd=(\d+)/g)].map(match => [Number(match[1]), Number(match[2])])
      expect(found.map(({ pid, fd }) => [pid, fd])).toEqual(witness.sort(byPid))

      const one = scanProcesses(new Set([inode]), { until: 'all-found' })
      expect(one.holders.has(inode)).toBe(true)
      expect(one.complete).toBe(false)
      const asked = scanProcesses(new Set([inode]), { pids: [holders[1]![0]] })
      expect(asked.holders.holdersOf(inode)).toHaveLength(1)
    }))

  test('keeps the raw name of a process that is called like a line of /proc', () =>
    withNetns(async ns => {
      const { inode, pid } = await processNamed(ns)
      expect(scanProcesses('all').holders.holdersOf(inode)).toMatchObject([{ pid, name: HOSTILE_COMM }])
    }))

  test('threads are listed with their ids when asked for', () =>
    withNetns(async ns => {
      const code =
        'import socket,threading,sys,os,json;s=socket.socket();' +
        'threading.Thread(target=lambda:sys.stdin.read(),daemon=True).start();' +
        'print(json.dumps({"inode":os.fstat(s.fileno()).st_ino,"pid":os.getpid()}),flush=True);' +
        'threading.Event().wait()'
      const helper = await spawnInNetns(ns, ['python3', '-c', code])
      const { inode, pid } = await helper.next<{ inode: number; pid: number }>()
      try {
        expect(scanProcesses(new Set([inode])).holders.holdersOf(inode)).toHaveLength(1)
        const found = scanProcesses(new Set([inode]), { threads: true }).holders.holdersOf(inode)
        expect(found).toHaveLength(2)
        expect(found[0]).toMatchObject({ pid, tid: null })
        expect(found[1]!.tid).toBeGreaterThan(pid)
      } finally {
        process.kill(pid)
      }
    }))

  test('nothing wanted reads nothing', () => {
    expect(scanProcesses(new Set())).toMatchObject({ scanned: 0, unreadable: 0, complete: true })
  })

  test('a process that does not exist is no unreadable one', () => {
    expect(scanProcesses('all', { pids: [4_194_303] })).toMatchObject({ scanned: 0, unreadable: 0 })
  })

  test.each([0, 2])('a large table with gaps is read whole, with %i workers', workers =>
    withNetns(async ns => {
      const helper = await spawnInNetns(ns, ['python3', SCRIPT, 'many', '9000'])
      const { pid, sockets } = await helper.next<Many>()
      const wanted = new Set(sockets.map(([inode]) => inode))
      const { holders } = scanProcesses(wanted, { pids: [pid], workers })
      expect(holders.size).toBe(sockets.length)
      for (const [inode, fd] of sockets)
        expect(holders.holdersOf(inode)).toEqual([{ pid, name: 'python3', fd, tid: null }])
    }),
  )

  test('a worker does the jobs alone when this thread does not, from source and from a one-file bundle', () =>
    withNetns(async ns => {
      const helper = await spawnInNetns(ns, ['python3', SCRIPT, 'many', '5000'])
      const { pid, sockets } = await helper.next<Many>()
      const open = 6000
      const jobs = new LinkJobs([{ directory: `/proc/${pid}`, open }], open, 1)
      for (let i = 0; i < 100 && ![...jobs.of(0)].every(job => job.status === 1 || job.status === 2); i++)
        await sleep(50)
      const seen = [...jobs.of(0)].filter(job => job.status === 1)
      const middle = sockets.filter(([, fd]) => seen.some(job => fd >= job.from && fd < job.to))
      expect(middle.length).toBeGreaterThan(2000)
      for (const [inode, fd] of middle)
        expect(jobs.inode(seen.find(job => fd >= job.from && fd < job.to)!, fd)).toBe(inode)

      const bundled = await runBundled<number[]>(
        ['adapters/process-scan-jobs.ts'],
        `const jobs = new x.LinkJobs([{ directory: '/proc/${pid}', open: ${open} }], ${open}, 1)
         for (let i = 0; i < 100 && ![...jobs.of(0)].every(job => job.status === 1 || job.status === 2); i++)
           await new Promise(resolve => setTimeout(resolve, 50))
         return [...jobs.of(0)].map(job => job.status)`,
      )
      expect(bundled).toEqual([...jobs.of(0)].map(job => job.status))
    }))

  test('without privilege, processes of others are counted and not searched', () =>
    withNetns(async ns => {
      const { inode } = await processNamed(ns)
      const result = await runBundled<{ unreadable: number; found: number; complete: boolean; own: number }>(
        ['adapters/process-scan.ts'],
        `const scan = x.scanProcesses(new Set([${inode}]))
         const own = require('node:net').createServer().listen(0)
         await new Promise(resolve => own.on('listening', resolve))
         const mine = x.scanProcesses('all')
         own.close()
         return { unreadable: scan.unreadable, found: scan.holders.sockets, complete: scan.complete, own: mine.holders.sockets }`,
        { uid: NOBODY },
      )
      expect(result).toMatchObject({ found: 0, complete: false })
      expect(result.unreadable).toBeGreaterThan(0)
      expect(result.own).toBeGreaterThan(0)
    }))
})

describeLab('connections in an accept queue', () => {
  test('are found without a file, and lead to the listener and its process', () =>
    withNetns(async ns => {
      const { pid, port, inode, length } = await slowAcceptor(ns, 3, 3)
      const source = procSocketSource({ pid })
      const rows: SocketRecord[] = []
      const index = new ListenerIndex()
      source.read('tcp', new SocketRecord(), record => {
        index.add(record)
        rows.push(Object.assign(new SocketRecord(), record))
      })
      const waiting = rows.filter(row => isUnaccepted(row))
      expect(waiting).toHaveLength(length)
      for (const row of waiting) {
        expect(row.localPort).toBe(port)
        expect(index.find(row)).toEqual([{ inode, ifindex: 0 }])
      }
      expect(scanProcesses(new Set([inode])).holders.holdersOf(inode)).toMatchObject([{ pid }])
    }))
})
