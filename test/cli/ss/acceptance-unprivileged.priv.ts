// Must show 6: what a user without any privilege gets, what is hidden from him, and that he is told.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SocketListing } from '../../../src/sockets/model.js'
import {
  addNetns,
  deleteNetns,
  describeLab,
  type HeldStates,
  holdAllStates,
  NOBODY,
  processNamed,
  spawnInNetns,
  ssRows,
  withNetns,
} from '../../lab/index.js'
import { besides, byProtocol, listing, netkitIn, pidsOf, socketKey, textRows, unixKey } from './acceptance.js'

const HIDDEN = /\d+ process(es)? of other users could not be read \(root, or CAP_SYS_PTRACE/

describeLab('netkit ss as uid 65534', () => {
  let ns: string
  let held: HeldStates
  beforeAll(async () => {
    ns = await addNetns()
    held = await holdAllStates(ns)
  })
  afterAll(() => deleteNetns(ns))

  test('the rows are those of root, with queues, owners by uid, cookies and timers', async () => {
    await held.refresh()
    const key = (socket: Parameters<typeof socketKey>[0]) =>
      socket.protocol === 'unix'
        ? unixKey(socket)
        : `${socketKey(socket)} ${socket.uid} ${socket.cookie} ${socket.recvQueue}`
    const rows = async (uid?: number) => {
      const { sockets } = await listing(ns, ['-a'], uid === undefined ? {} : { uid })
      // Packet queues fill while we look, and every program has netlink sockets of its own.
      return sockets
        .filter(({ protocol }) => protocol !== 'packet' && protocol !== 'netlink')
        .map(key)
        .sort()
    }
    const { mine, seen } = await besides(rows, () => rows(NOBODY))
    expect(mine).toEqual(seen)
    expect(new Set(mine).size).toBeGreaterThan(90)
    const root = (await listing(ns, ['-a', '-0'])).sockets.map(({ inode }) => inode)
    const nobody = (await listing(ns, ['-a', '-0'], { uid: NOBODY })).sockets.map(({ inode }) => inode)
    expect(nobody).toEqual(root)
  })

  test('without -p nothing is hidden, so nothing is said', async () => {
    for (const args of [['-tan'], ['-tuln'], ['-xa'], ['-ta', '--state', 'time-wait']]) {
      expect(await netkitIn(ns, args, { uid: NOBODY })).toMatchObject({ code: 0, stderr: '' })
    }
  })

  test('with -p: how many processes hide the owners, on stderr and in the notes, exit 0', async () => {
    const { stdout, stderr, code } = await netkitIn(ns, ['-tlnp'], { uid: NOBODY })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^netkit: /)
    expect(stderr).toMatch(HIDDEN)
    expect(stdout).not.toContain('users:')
    const rows = await ssRows(ns, ['-tl'])
    expect(stdout.trimEnd().split('\n')).toHaveLength(rows.length + 1)

    const { notes, sockets } = await listing(ns, ['-tlp'], { uid: NOBODY })
    expect(notes.join('\n')).toMatch(HIDDEN)
    // Unknown is null: an empty list would say that nobody holds the socket.
    expect(sockets.map(({ processes }) => processes)).toEqual(rows.map(() => null))
    const { notes: quiet, sockets: owned } = await listing(ns, ['-tlp'])
    expect(quiet.join('\n')).not.toMatch(HIDDEN)
    expect(owned.every(({ processes }) => processes!.length > 0)).toBe(true)
    const { sockets: unasked } = await listing(ns, ['-tl'])
    expect(unasked.map(({ processes }) => processes)).toEqual(rows.map(() => null))
  })

  test('own processes are found all the same', async () => {
    const script =
      'const s=require("net").createServer().listen(0,"127.0.0.1",()=>' +
      'console.log(JSON.stringify([process.pid,s.address().port])));' +
      'process.stdin.resume().on("end",()=>process.exit())'
    const helper = await spawnInNetns(ns, ['node', '-e', script], { uid: NOBODY })
    const [pid, port] = await helper.next<[number, number]>()
    const { sockets, notes } = await listing(ns, ['-tlp', `sport = :${port}`], { uid: NOBODY })
    expect(sockets.map(({ processes }) => pidsOf(processes))).toEqual([[pid]])
    expect(notes).toEqual([])
    await helper.close()
  })

  test('a filter by process says that owners are hidden, and does not answer in silence', async () => {
    const named = await processNamed(ns, 'nk-hidden')
    expect(await textRows(ns, ['-tl', 'comm', '=', 'nk-hidden'])).toHaveLength(1)
    for (const words of [
      ['comm', '=', 'nk-hidden'],
      ['pid', '=', String(named.pid)],
    ]) {
      const { code, stdout, stderr } = await netkitIn(ns, ['-Htl', ...words], { uid: NOBODY })
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
      expect(stderr).toMatch(HIDDEN)
      // Nobody looked, so the answer is not no.
      expect(await netkitIn(ns, ['-Htl', '--exit-code', ...words], { uid: NOBODY })).toMatchObject({ code: 3 })
    }
    expect(await netkitIn(ns, ['-Htl', '--exit-code', 'comm', '=', 'nk-nobody'])).toMatchObject({ code: 1 })
    await named.release()
  })

  test('what namespaces that may not be entered hold is not no: exit 3 with --exit-code', async () => {
    const words = ['--netns', 'all', '-tln', 'sport = 1', '--exit-code']
    // One of its own without a process in it, so that it does not depend on what else the machine has.
    await withNetns(async () => {
      const { code, stderr } = await netkitIn(ns, words, { uid: NOBODY })
      expect(stderr).toMatch(/this user may not see which processes are in /)
      expect(code).toBe(3)
    })
    expect(await netkitIn(ns, ['-tln', 'sport = 1', '--exit-code'], { uid: NOBODY })).toMatchObject({ code: 1 })
  })

  test('a filter by fwmark says that the kernel hides marks, and exits 3; the queues stay right', async () => {
    const sentence = /^netkit: .*fwmark.*(root|CAP_NET_ADMIN)/m
    for (const words of [['fwmark', '=', '0'], ['not', 'fwmark', '=', '5'], ['fwmark = 1 or sport = :1']]) {
      const { code, stderr } = await netkitIn(ns, ['-tl', ...words], { uid: NOBODY })
      expect(code).toBe(3)
      expect(stderr).toMatch(sentence)
      const json = await netkitIn(ns, ['-tl', '--json', ...words], { uid: NOBODY })
      expect(json.code).toBe(3)
      const { notes, sources } = JSON.parse(json.stdout) as SocketListing
      expect(notes.join('\n')).toMatch(/fwmark/)
      // ss falls back to procfs here, and then shows a limit of 0 for every listener.
      expect(sources.map(({ method }) => method)).toEqual(['netlink', 'netlink'])
    }
    const root = await netkitIn(ns, ['-Htl', 'fwmark', '=', '0'])
    expect(root).toMatchObject({ code: 0, stderr: '' })
    expect(root.stdout.trimEnd().split('\n')).toHaveLength((await ssRows(ns, ['-tl'])).length)
    const limits = (await listing(ns, ['-tl'], { uid: NOBODY })).sockets.map(({ acceptQueue }) => acceptQueue!.limit)
    expect(limits.every(limit => limit !== null && limit > 0)).toBe(true)
  })

  test('a mark that the kernel hides is null, not nought', async () => {
    const mark = async (uid?: number) => {
      const { sockets } = await listing(ns, ['-tl'], uid === undefined ? {} : { uid })
      return new Set(byProtocol(sockets, 'tcp').map(socket => socket.mark))
    }
    expect([...(await mark())]).toEqual([0])
    expect([...(await mark(NOBODY))]).toEqual([null])
  })
}, ['ss'])
