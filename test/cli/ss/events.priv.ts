// -E against real connections in a namespace.

import { expect, test } from 'vitest'
import { describeLab, inNetns, NOBODY, withNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { clients, connections, pause, Running, run } from './connections.js'

describeLab('netkit ss -E', () => {
  test('a closed connection is told with its addresses, its last state, its owner and its counters', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      const args = ['dport', '=', `:${made.port}`]
      const text = new Running(ns, ['ss', '-E', '-tnp', ...args])
      const json = new Running(ns, ['ss', '-E', '-t', '--ndjson', ...args])
      await text.until(lines => lines.length === 1)
      expect(text.lines[0]).toMatch(/^Time +Recv-Q Send-Q Local Address:Port +Peer Address:Port +Process$/)
      // Nothing tells when both have listed a connection, and a busy machine may list it while it closes: then another one.
      let count = 0
      let port: number | undefined
      let seen = false
      while (!seen && count < 8) {
        ;[port] = await clients(made, 'open 1')
        await pause(1500 + 500 * count++)
        await clients(made, 'finish')
        await text.until(lines => lines.length === 1 + count)
        await json.until(lines => lines.length === count)
        seen = /users:.*was:ESTAB/.test(text.lines[count]!) && json.lines[count - 1]!.includes('"established"')
      }
      expect(text.lines[count]).toMatch(
        new RegExp(
          `127\\.0\\.0\\.1:${port} +127\\.0\\.0\\.1:${made.port} +users:\\(\\("python3",pid=${made.helper.pid},`,
        ),
      )
      expect(text.lines[count]).toContain('was:ESTAB uid:0 sent:333 ')
      const event = JSON.parse(json.lines[count - 1]!)
      expect(event).toMatchObject({
        event: 'destroyed',
        lastState: 'established',
        socket: { protocol: 'tcp', state: 'closed', uid: 0, user: 'root', tcp: { bytesSent: 333 } },
      })
      expect(event.socket.inode).toBeGreaterThan(0)
      const ended = await text.stop()
      expect(ended.code).toBe(0)
      expect(ended.stderr).toContain(count === 1 ? '1 socket was destroyed' : `${count} sockets were destroyed`)
      expect((await json.stop('SIGTERM')).code).toBe(0)
    })
  })

  test.each([['-E'], ['--watch', '0.5']])(
    '%s onto a full file system ends with a sentence and exit 4',
    async (...mode) => {
      await withNetns(async ns => {
        const made = await connections(ns)
        await clients(made, 'open 1')
        const line = '"$0" ss "$@" -tn --ndjson > /dev/full'
        const running = inNetns(ns, ['timeout', '20', 'bash', '-c', line, NETKIT, ...mode])
        await pause(2000)
        await clients(made, 'finish')
        const { code, stderr } = await running
        expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
          code: 4,
          stderr: 'netkit: cannot write the output: no space left on device (ENOSPC)',
        })
        expect(stderr).not.toMatch(/^ +at /m)
      })
    },
  )

  test('events need no privilege, and other tables have none', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 1')
      const argv = ['timeout', '-s', 'INT', '3', NETKIT, 'ss', '-E', '-tn']
      const waiting = inNetns(ns, argv, { uid: NOBODY })
      await pause(1500)
      await clients(made, 'finish')
      const { stdout } = await waiting
      expect(stdout).toContain(`:${made.port}`)
      const unix = await run(ns, ['-E', '-x'])
      expect(unix.code).toBe(4)
      expect(unix.stderr).toContain('destroyed TCP and UDP sockets only, not of unix')
    })
  })

  test('events that come while nobody reads are counted, and those after them are shown', async () => {
    await withNetns(async ns => {
      const many = 'import socket\nfor _ in range(30000):\n u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n'
      const burst = `${many} u.bind(("127.0.0.1", 0))\n u.close()\n`
      const one = 'import socket\nu = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nu.bind(("127.0.0.1", 5555))\n'
      const watching = new Running(ns, ['ss', '-E', '-un'])
      await watching.until(lines => lines.length === 1)
      watching.child.kill('SIGSTOP')
      await inNetns(ns, ['python3', '-c', burst])
      await pause(500)
      watching.child.kill('SIGCONT')
      await watching.until(lines => lines.length > 1000)
      await pause(1500)
      await inNetns(ns, ['python3', '-c', one])
      await watching.until(lines => lines.some(line => line.includes(':5555 ')))
      const { stderr } = await watching.stop()
      const shown = Number(/(\d+) sockets were destroyed/.exec(stderr)?.[1])
      const lost = Number(/(\d+) more events were lost/.exec(stderr)?.[1])
      expect(shown + lost).toBe(30001)
      expect(lost).toBeGreaterThan(0)
    })
  })
})
