// Must show 7: a listener whose program does not accept: how many wait, how many may, who is to blame; and drained.

import { expect, test } from 'vitest'
import { describeLab, inNetns, slowAcceptor, ssRows, withNetns } from '../../lab/index.js'
import { listing, pidsOf, textRows } from './acceptance.js'

describeLab('netkit ss and a full accept queue', () => {
  test('length, limit, FULL and owner; the connections in it belong to the listener; drained, it is not full', async () => {
    await withNetns(async ns => {
      const acceptor = await slowAcceptor(ns, 2, 5)
      const { port, pid, inode } = acceptor
      expect(acceptor.length).toBe(3)

      const full = (await textRows(ns, ['-tlp', `sport = :${port}`]))[0]!
      expect(full.split(/\s+/).slice(0, 3)).toEqual(['LISTEN', '3', '2'])
      expect(full).toMatch(/ accept:3\/2 FULL\b/)
      expect(full).toContain(`pid=${pid},`)

      const { sockets } = await listing(ns, ['-tap', 'sport', '=', `:${port}`])
      const listener = sockets.find(({ state }) => state === 'listening')!
      expect(listener).toMatchObject({ inode, acceptQueue: { length: 3, limit: 2, full: true } })
      expect(pidsOf(listener.processes)).toEqual([pid])
      // The kernel's own numbers, as ss reads them.
      const seen = (await ssRows(ns, ['-tl'])).find(row => row.inode === inode)!
      expect(listener.acceptQueue).toMatchObject({ length: seen.recvQueue, limit: seen.sendQueue })

      // ss -p shows nobody for what has not been accepted: those have no descriptor, but they have a listener.
      const waiting = sockets.filter(({ state }) => state === 'established')
      expect(waiting).toHaveLength(3)
      for (const { inode: none, acceptQueue, processes } of waiting) {
        expect({ none, acceptQueue }).toEqual({ none: null, acceptQueue: null })
        expect(pidsOf(processes)).toEqual([pid])
      }
      const byPid = await listing(ns, [
        '-t',
        'state',
        'established',
        'pid',
        '=',
        String(pid),
        'and',
        'sport',
        '=',
        `:${port}`,
      ])
      expect(byPid.sockets).toHaveLength(3)
      const { stdout } = await inNetns(ns, ['ss', '-Htnp', 'state', 'established', `sport = :${port}`])
      expect(stdout.trim().split('\n')).toHaveLength(3)
      expect(stdout).not.toContain('pid=')
      for (const row of await textRows(ns, ['-tp', `sport = :${port}`])) expect(row).toContain(`pid=${pid},`)
      // Whose SYN is dropped stays in SYN-SENT, and is an ordinary socket of the client.
      expect(await textRows(ns, ['-t', 'state', 'syn-sent', `dport = :${port}`])).toHaveLength(2)

      expect(await acceptor.drain()).toBe(3)
      const drained = (await textRows(ns, ['-tlp', `sport = :${port}`]))[0]!
      expect(drained.split(/\s+/).slice(0, 3)).toEqual(['LISTEN', '0', '2'])
      expect(drained).toContain('accept:0/2')
      expect(drained).not.toContain('FULL')
      const after = (await listing(ns, ['-tlp'])).sockets[0]!
      expect(after.acceptQueue).toEqual({ length: 0, limit: 2, full: false })
      const accepted = (await listing(ns, ['-tp', 'state', 'established', `sport = :${port}`])).sockets
      expect(accepted).toHaveLength(3)
      for (const socket of accepted) {
        expect(socket.inode).toBeGreaterThan(0)
        expect(pidsOf(socket.processes)).toEqual([pid])
      }
    })
  })

  test('a queue at its limit is not yet full: the kernel takes one more', async () => {
    await withNetns(async ns => {
      const { port } = await slowAcceptor(ns, 2, 2)
      const { sockets } = await listing(ns, ['-tl', `sport = :${port}`])
      expect(sockets).toMatchObject([{ acceptQueue: { length: 2, limit: 2, full: false } }])
      expect((await textRows(ns, ['-tl']))[0]).not.toContain('FULL')
    })
  })

  test('procfs knows the length and not the limit, which is null and no nought', async () => {
    await withNetns(async ns => {
      const { pid } = await slowAcceptor(ns, 2, 5)
      const { sockets } = await listing(ns, ['-tlp', '--source', 'procfs'])
      expect(sockets).toMatchObject([{ sendQueue: null, acceptQueue: { length: 3, limit: null, full: null } }])
      expect(pidsOf(sockets[0]!.processes)).toEqual([pid])
      const row = (await textRows(ns, ['-tl', '--source', 'procfs']))[0]!
      expect(row.split(/\s+/).slice(0, 3)).toEqual(['LISTEN', '3', '?'])
    })
  })
}, ['ss'])
