// -K against real sockets in a namespace.

import { expect, test } from 'vitest'
import { describeLab, NOBODY, spawnInNetns, ssRows, withNetns } from '../../lab/index.js'
import { runNetkit } from '../run.js'
import { clients, connections, run } from './connections.js'

const ECONNRESET = 104
const EINVAL = 22

describeLab('netkit ss -K', () => {
  test('a dry run closes nothing and says how to', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 2')
      const { code, stdout, stderr } = await run(ns, ['-K', '-tan', `sport = :${made.port}`])
      expect(code).toBe(0)
      expect(stdout.match(/would close/g)).toHaveLength(2)
      expect(stdout).toContain('listener: left alone')
      expect(stderr).toContain('dry run: 2 sockets would be closed; add --yes to close them')
      expect(await ssRows(ns, ['-ta'])).toHaveLength(5)
      await clients(made, 'open 1')
      const none = await run(ns, ['-K', '-tn', 'sport = :1'])
      expect(none.stderr).toBe('netkit: dry run: 0 sockets would be closed\n')
      const [client] = await ssRows(ns, ['-tn', `dport = :${made.port}`])
      const single = await run(ns, ['-K', '-tn', `sport = :${client!.local.port}`])
      expect(single.stderr).toContain('dry run: 1 socket would be closed; add --yes to close it\n')
    })
  })

  test('closed connections get a reset, listeners stay until they are asked for', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 2')
      const killed = await run(ns, ['-K', '--yes', '-ta', '--json', `sport = :${made.port}`])
      const results = JSON.parse(killed.stdout)
      expect(killed.code).toBe(0)
      expect(results.dryRun).toBe(false)
      expect(results.killed.map((each: { result: string }) => each.result).sort()).toEqual([
        'closed',
        'closed',
        'listener-skipped',
      ])
      expect(results.notes).toContain('1 listener left alone: add --listeners to close listeners too')
      expect(await made.helper.ask('read')).toEqual({ errno: ECONNRESET })
      const only = await run(ns, ['-K', '--yes', '-tl', `sport = :${made.port}`])
      expect(only.code).toBe(1)
      const listeners = await run(ns, ['-K', '--yes', '--listeners', '-tl', `sport = :${made.port}`])
      expect(listeners.code).toBe(0)
      expect(listeners.stdout).toMatch(/ closed$/m)
      expect(await made.helper.ask('accept')).toEqual({ errno: EINVAL })
      expect(await ssRows(ns, ['-tl'])).toHaveLength(0)
    })
  })

  test('the second end of a pair is gone with the first; another namespace is reached by its name', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 1')
      const args = ['-K', '--yes', '--net', ns, '-t', '--ndjson', 'state', 'established']
      const { code, stdout } = await runNetkit(['ss', ...args])
      const results = stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
      expect(results.map(each => each.result)).toEqual(['closed', 'gone'])
      expect(results[1].error.code).toBe('ENOENT')
      expect(results[0].socket.netns).toBe(ns)
      expect(code).toBe(0)
      expect(await ssRows(ns, ['-t', 'state', 'established'])).toHaveLength(0)
    })
  })

  test('without privilege nothing is closed, exit 3, and the remedy is said', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 1')
      const denied = await run(ns, ['-K', '--yes', '-t', 'state', 'established'], NOBODY)
      expect(denied.code).toBe(3)
      expect(denied.stderr).toContain('cannot close a tcp socket: operation not permitted (EPERM)')
      expect(denied.stderr).toContain('run it as root')
      const json = await run(ns, ['-K', '--yes', '-t', '--json', 'state', 'established'], NOBODY)
      expect(json.code).toBe(3)
      expect(JSON.parse(json.stdout).error).toMatchObject({ code: 'permission-missing', exit: 3 })
      expect(await ssRows(ns, ['-t', 'state', 'established'])).toHaveLength(2)
    })
  })

  test('everything cannot be closed by accident, nor what the kernel cannot close', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 1')
      for (const args of [['-K', '--yes'], ['-K', '--yes', '-ta'], ['-K', '--yes', 'state', 'all'], ['-K']]) {
        const { code, stderr } = await run(ns, args)
        expect(code).toBe(2)
        expect(stderr).toContain('--kill needs a filter or a state that says which sockets are meant')
      }
      const unix = await run(ns, ['-K', '--yes', '-x', 'state', 'established'])
      expect(unix.code).toBe(4)
      expect(unix.stderr).toContain('the kernel cannot close unix sockets')
      const both = await run(ns, ['-K', '-tx', `sport = :${made.port}`])
      expect(both.code).toBe(0)
      expect(await ssRows(ns, ['-t', 'state', 'established'])).toHaveLength(2)
    })
  })

  test('of sockets that share a port only the one that is meant is closed, or it is said why not', async () => {
    await withNetns(async ns => {
      const crowd = `
import socket, sys
made = []
for _ in range(8):
    each = socket.socket()
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    each.bind(("127.0.0.1", 7000))
    each.listen(1)
    made.append(each)
import os
print('{"inodes":[' + ",".join(str(os.fstat(each.fileno()).st_ino) for each in made) + "]}", flush=True)
sys.stdin.read()
`
      const helper = await spawnInNetns(ns, ['python3', '-c', crowd])
      const { inodes } = await helper.next<{ inodes: number[] }>()
      let alive = new Set(inodes)
      for (const inode of inodes.slice(0, 4)) {
        const args = ['-K', '--yes', '--listeners', '-tl', '--json', `inode = ${inode}`]
        const [{ result, error }] = JSON.parse((await run(ns, args)).stdout).killed
        const left = new Set((await ssRows(ns, ['-tl'])).map(row => row.inode!))
        if (result === 'closed') alive.delete(inode)
        else expect([result, error.code]).toEqual(['refused', 'shared-address'])
        expect(left).toEqual(alive)
        alive = left
      }
      const rest = await run(ns, ['-K', '--yes', '--listeners', '-tl', 'sport = :7000'])
      expect(rest.code).toBe(0)
      expect(await ssRows(ns, ['-tl'])).toHaveLength(0)
    })
  })
})
