import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import {
  describeLab,
  HOSTILE_COMM,
  holdAllStates,
  inNetns,
  NOBODY,
  processNamed,
  procInodes,
  procRows,
  reuseportCrowd,
  rowKey,
  slowAcceptor,
  spawnInNetns,
  ssRows,
  type WitnessRow,
  withNetns,
} from './index.js'

/** `address:port` as the holder writes it, so that rows of a witness can be matched with what was made. */
const endText = ({ address, port }: WitnessRow['local']): string =>
  `${address?.includes(':') ? `[${address}]` : address}:${port}`
const mapped = (text: string): string => text.replace(/\[::ffff:([\d.]+)\]/, '$1')

const listenerOf = async (ns: string, port: number): Promise<WitnessRow> => {
  const rows = await ssRows(ns, ['-tl'])
  return rows.find(row => row.local.port === port)!
}

describeLab('the lab', () => {
  test('namespaces are made, are separate, and are gone afterwards, also when the test fails', async () => {
    const seen: string[] = []
    const failing = withNetns(2, async (one, two) => {
      seen.push(one, two)
      await processNamed(one)
      expect(await ssRows(one, ['-tl'])).toHaveLength(1)
      expect(await ssRows(two, ['-tl'])).toHaveLength(0)
      throw new Error('as if a test failed')
    })
    await expect(failing).rejects.toThrow('as if a test failed')
    expect(seen).toHaveLength(2)
    for (const ns of seen) expect(existsSync(`/run/netns/${ns}`)).toBe(false)
  })

  test('commands get input, a user, and a time limit', async () => {
    await withNetns(async ns => {
      const echoed = await inNetns(ns, ['cat'], { input: 'text' })
      expect(echoed).toEqual({ stdout: 'text', stderr: '', code: 0, signal: null })
      const user = await inNetns(ns, ['id', '-u'], { uid: NOBODY })
      expect(user.stdout.trim()).toBe(String(NOBODY))
      const capabilities = await inNetns(ns, ['grep', 'CapEff', '/proc/self/status'], { uid: NOBODY })
      expect(capabilities.stdout).toMatch(/CapEff:\s+0{16}/)
      expect((await inNetns(ns, ['sleep', '60'], { timeoutMs: 50 })).signal).toBe('SIGKILL')
      expect((await inNetns(ns, ['sh', '-c', 'echo no >&2; exit 7'])).code).toBe(7)
    })
  })

  test('a helper that fails says why', async () => {
    await withNetns(async ns => {
      const helper = await spawnInNetns(ns, ['sh', '-c', 'echo broken >&2; exit 1'])
      await expect(helper.next()).rejects.toThrow('broken')
    })
  })

  test('every state that loopback can hold is there according to ss', async () => {
    await withNetns(async ns => {
      const held = await holdAllStates(ns)
      const rows = await ssRows(ns)
      const found = new Set(
        rows.map(row => `${row.protocol} ${row.state} ${endText(row.local)} ${row.inode} ${endText(row.peer)}`),
      )
      const inet = held.sockets.filter(socket => ['tcp', 'udp', 'mptcp'].includes(socket.protocol))
      // ss before 7 does not ask for bound-inactive sockets; the descriptor is the witness.
      const listed = inet.filter(socket => socket.state !== 'bound-inactive')
      const wild = (local: string): string => (local.startsWith('[') ? '[::]:0' : '0.0.0.0:0')
      const lost = listed.filter(socket => {
        const peer = mapped(socket.peer ?? wild(socket.local))
        return !found.has(`${socket.protocol} ${socket.state} ${mapped(socket.local)} ${socket.inode} ${peer}`)
      })
      expect(lost).toEqual([])
      expect(held.notHeld.filter(({ what }) => !/v6|mptcp/.test(what))).toEqual([])
      const states = new Set(inet.filter(({ protocol }) => protocol === 'tcp').map(({ state }) => state))
      expect([...states].sort()).toEqual([
        'bound-inactive',
        'close-wait',
        'closing',
        'established',
        'fin-wait-1',
        'fin-wait-2',
        'last-ack',
        'listening',
        'syn-recv',
        'syn-sent',
        'time-wait',
      ])
      const tcp = rows.filter(row => row.protocol === 'tcp')
      expect(tcp).toHaveLength(listed.filter(({ protocol }) => protocol === 'tcp').length)

      const refreshed = await held.refresh()
      const waiting = await ssRows(ns, ['-ta', 'state', 'time-wait'])
      const made = [...held.sockets, ...refreshed].filter(({ state }) => state === 'time-wait')
      expect(waiting.map(row => endText(row.local)).sort()).toEqual(made.map(({ local }) => local).sort())
      expect(waiting.every(row => row.state === 'time-wait' && row.inode === 0)).toBe(true)
    })
  })

  test('the two witnesses agree, and the other families are held as said', async () => {
    await withNetns(async ns => {
      const held = await holdAllStates(ns)
      const rows = await ssRows(ns)
      for (const protocol of ['tcp', 'udp']) {
        const proc = [...(await procRows(ns, protocol)), ...(await procRows(ns, `${protocol}6`))]
        const own = rows.filter(row => row.protocol === protocol)
        expect(own.map(rowKey).sort()).toEqual(proc.map(rowKey).sort())
      }
      for (const protocol of ['unix', 'packet', 'netlink']) {
        const inodes = new Set(await procInodes(ns, protocol))
        const mine = held.sockets.filter(socket => socket.protocol === protocol)
        expect(mine.length).toBeGreaterThan(0)
        expect(mine.filter(socket => !inodes.has(socket.inode))).toEqual([])
        const witnessed = rows.filter(row => row.protocol === protocol && row.inode !== null)
        if (protocol !== 'netlink') expect(witnessed).toHaveLength(mine.length)
      }
      const raw = [...(await procRows(ns, 'raw')), ...(await procRows(ns, 'raw6'))]
      const mine = held.sockets.filter(socket => socket.protocol === 'raw')
      expect(raw.map(row => row.inode).sort()).toEqual(mine.map(({ inode }) => inode).sort())
      const control = held.sockets.find(({ what }) => what === 'path with control bytes')!
      expect(control.local).toContain('\x1b[31m\x07\t')
      expect(rows.find(row => row.inode === control.inode)?.local.address).toBe(control.local)
    })
  })

  test('bound-inactive sockets exist, and a shared listener has two holders', async () => {
    await withNetns(async ns => {
      const held = await holdAllStates(ns)
      const links = async (pid: number): Promise<string> =>
        (await inNetns(null, ['ls', '-l', `/proc/${pid}/fd`])).stdout
      const own = await links(held.pid)
      const bound = held.sockets.filter(({ state }) => state === 'bound-inactive')
      expect(bound.length).toBeGreaterThan(0)
      for (const { inode } of bound) expect(own).toContain(`socket:[${inode}]`)
      const shared = held.sockets.find(({ pids }) => pids)!
      expect(shared.pids).toHaveLength(2)
      for (const pid of shared.pids!) expect(await links(pid)).toContain(`socket:[${shared.inode}]`)
      await held.release()
    })
  })

  test('a process can carry a hostile name', async () => {
    await withNetns(async ns => {
      const named = await processNamed(ns)
      expect(named.comm).toBe(HOSTILE_COMM)
      expect(await readFile(`/proc/${named.pid}/comm`, 'utf8')).toBe(`${HOSTILE_COMM}\n`)
      expect((await listenerOf(ns, named.port)).inode).toBe(named.inode)
    })
  })

  test('a crowd on one port opens and closes members on command', async () => {
    await withNetns(async ns => {
      const crowd = await reuseportCrowd(ns, 30)
      const [oldest] = crowd.members.tcp
      await crowd.close(5)
      await crowd.close(1, 'oldest')
      await crowd.open(3)
      await crowd.closeInodes(crowd.members.tcp.slice(0, 2))
      expect(crowd.members.tcp).toHaveLength(25)
      expect(crowd.members.tcp).not.toContain(oldest)
      expect(crowd.members.udp).toHaveLength(27)
      const rows = await ssRows(ns, ['-tua'])
      const inodes = (protocol: string) => rows.filter(row => row.protocol === protocol).map(row => row.inode)
      expect(inodes('tcp').sort()).toEqual([...crowd.members.tcp].sort())
      expect(inodes('udp').sort()).toEqual([...crowd.members.udp].sort())
    })
  })

  test('a slow acceptor has a full queue until it is drained', async () => {
    await withNetns(async ns => {
      const acceptor = await slowAcceptor(ns, 2, 5)
      expect(acceptor).toMatchObject({ limit: 2, length: 3, trying: 2 })
      expect(await listenerOf(ns, acceptor.port)).toMatchObject({ recvQueue: 3, sendQueue: 2, inode: acceptor.inode })
      expect(await ssRows(ns, ['-t', 'state', 'syn-sent'])).toHaveLength(2)
      expect(await acceptor.drain()).toBe(3)
      expect(await listenerOf(ns, acceptor.port)).toMatchObject({ recvQueue: 0, sendQueue: 2 })
    })
  })
}, ['ss'])
