// A reader that pauses, and one that goes away while nothing happens: both through the program, on pipes and on sockets.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { describeLab, inNetns, withNetns } from '../../lab/index.js'
import { finish, NETKIT, spawnNetkit } from '../run.js'
import { pause } from './connections.js'

/** Fills more than a pipe and a socket hold. */
const HOLD = `
import socket, sys, time
port = socket.socket(); port.bind(('127.0.0.1', 900)); port.listen(4096)
held = []
for _ in range(2500):
    client = socket.socket(); client.connect(('127.0.0.1', 900)); held += [client, port.accept()[0]]
print('ready', flush=True)
sys.stdin.read()
`

async function holding(ns: string): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', ns, 'python3', '-c', HOLD], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout!, 'data')
  return child
}

/** The program behind a pipe that nobody reads: how it ended within five seconds of the signal. */
async function stopped(ns: string, args: string, signal: 'SIGINT' | 'SIGTERM', wait = 1.5): Promise<number> {
  const line = `exec 3> >(exec sleep 30); reader=$!
    ${NETKIT} ${args} >&3 & netkit=$!
    sleep ${wait}; kill -${signal} $netkit
    ( sleep 5; kill -KILL $netkit ) >/dev/null 2>&1 & guard=$!
    wait $netkit; status=$?; kill $reader $guard; exit $status`
  // A background job of a shell without job control ignores SIGINT, and what it starts as well.
  const child = spawnNetkit(['netns', 'exec', ns, 'bash', '-mc', line], { program: 'ip' })
  const { code } = await finish(child)
  return code!
}

describeLab('a reader that pauses', () => {
  test.each([
    ['ss --watch 1 -tan', 'SIGINT', 130],
    ['ss --watch 1 -tan', 'SIGTERM', 143],
    ['ss --watch 1 -tan --ndjson', 'SIGINT', 130],
    ['ss --record - -tan', 'SIGTERM', 143],
    ['ss --record - -tan', 'SIGINT', 130],
    ['ping -i 0.0002 127.0.0.1', 'SIGINT', 130],
    ['ping -i 0.0002 127.0.0.1', 'SIGTERM', 143],
    ['trace --ndjson -u -c 9999 -i 0.01 127.0.0.1', 'SIGINT', 130, 4],
    ['trace --ndjson -u -c 9999 -i 0.01 127.0.0.1', 'SIGTERM', 143, 4],
  ] as [string, 'SIGINT' | 'SIGTERM', number, number?][])(
    'does not keep `%s` from being stopped by %s',
    async (args, signal, code, wait) => {
      await withNetns(async ns => {
        const sockets = await holding(ns)
        try {
          expect(await stopped(ns, args, signal, wait)).toBe(code)
        } finally {
          sockets.stdin!.end()
        }
      })
    },
    20_000,
  )

  test('of a socket neither', async () => {
    await withNetns(async ns => {
      const sockets = await holding(ns)
      // Between two Node programs a pipe is a socket pair.
      const child = spawnNetkit(['netns', 'exec', ns, NETKIT, 'ss', '--watch', '1', '-tan'], { program: 'ip' })
      await pause(1500)
      child.kill('SIGTERM')
      const ended = await Promise.race([once(child, 'exit'), pause(5000).then(() => ['late'])])
      child.kill('SIGKILL')
      sockets.stdin!.end()
      expect(ended).toEqual([null, 'SIGTERM'])
    })
  }, 20_000)

  test('gets all that there is when it goes on, and Ctrl-C then ends the program as always', async () => {
    await withNetns(async ns => {
      const sockets = await holding(ns)
      const child = spawnNetkit(['netns', 'exec', ns, NETKIT, 'ss', '--watch', '1', '-tanH'], { program: 'ip' })
      await pause(1500)
      const ended = finish(child)
      await pause(1500)
      child.kill('SIGINT')
      const { code, stdout } = await ended
      sockets.stdin!.end()
      expect(code).toBe(0)
      expect(stdout.split('\n').filter(line => /:900( |$)/.test(line)).length).toBe(5001)
    })
  }, 20_000)
})

describeLab('a reader that has gone', () => {
  test.each(['ss --watch 0.3 -tan', 'ss --watch 3600 -tan', 'ss -E -t'])(
    'ends `%s` although nothing happens',
    async args => {
      await withNetns(async ns => {
        const child = spawnNetkit(
          ['netns', 'exec', ns, 'bash', '-c', `timeout 8 ${NETKIT} ${args} | head -1; exit \${PIPESTATUS[0]}`],
          {
            program: 'ip',
          },
        )
        const { code, stdout, stderr } = await finish(child)
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
        expect(stdout).toMatch(/^Time +.*\n$/)
      })
    },
    20_000,
  )

  test('of a socket too', async () => {
    await withNetns(async ns => {
      const child = spawnNetkit(['netns', 'exec', ns, NETKIT, 'ss', '--watch', '3600', '-tan'], { program: 'ip' })
      await once(child.stdout!, 'data')
      child.stdout!.destroy()
      const ended = await Promise.race([once(child, 'exit'), pause(5000).then(() => ['late'])])
      child.kill('SIGKILL')
      expect(ended).toEqual([0, null])
    })
  }, 20_000)
})

describeLab('Ctrl-C during a listing whose reader is slow', () => {
  /** Through a pipe: the reader begins to read after the signal. */
  async function interrupted(
    ns: string,
    args: string,
    wait = 1,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const line = `${NETKIT} ss ${args} > >(sleep ${wait + 0.6}; exec cat) & netkit=$!
      sleep ${wait}; kill -INT $netkit; wait $netkit; status=$?; sleep 1; exit $status`
    const { code, stdout, stderr } = await inNetns(ns, ['bash', '-mc', line])
    // What bash says of having no terminal is not meant.
    return { code: code!, stdout, stderr: stderr.replace(/^bash: .*\n/gm, '') }
  }

  async function crowded(body: (ns: string) => Promise<void>): Promise<void> {
    await withNetns(async ns => {
      const sockets = await holding(ns)
      try {
        await body(ns)
      } finally {
        sockets.stdin!.end()
      }
    })
  }

  test('ends a JSON document validly, with a note', () =>
    crowded(async ns => {
      const { code, stdout, stderr } = await interrupted(ns, '-tan --json')
      expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
      const { sockets, notes, sources } = JSON.parse(stdout)
      expect(sockets.length).toBeGreaterThan(100)
      expect(sockets.length).toBeLessThan(5001)
      expect(notes).toEqual(['interrupted: what was read until then is shown'])
      expect(sources.map((source: { error: unknown }) => source.error)).toEqual([
        { code: 'interrupted', message: 'interrupted' },
        { code: 'interrupted', message: 'interrupted' },
      ])
    }))

  test.each(['-tan', '-tan --ndjson'])('ends %s with a whole row, and a note', args =>
    crowded(async ns => {
      const { code, stdout, stderr } = await interrupted(ns, args)
      expect({ code, stderr }).toEqual({
        code: 130,
        stderr: 'netkit: interrupted: what was read until then is shown\n',
      })
      const rows = stdout.split('\n')
      expect(rows.pop()).toBe('')
      expect(rows.length).toBeGreaterThan(100)
      expect(rows.length).toBeLessThanOrEqual(5002)
      expect(rows.at(-1)).toMatch(args === '-tan' ? /127\.0\.0\.1:\d+ *$/ : /^\{.*\}$/)
    }),
  )

  test('does not wait for a reader that never reads', () =>
    crowded(async ns => {
      expect(await stopped(ns, 'ss -tan --json', 'SIGTERM')).toBe(143)
    }))

  test('a reader that takes its time gets all of it, through a pipe and through a socket', () =>
    crowded(async ns => {
      const line = `${NETKIT} ss -tan --json | (sleep 1; exec cat); exit \${PIPESTATUS[0]}`
      const piped = await inNetns(ns, ['bash', '-c', line])
      expect(piped).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(piped.stdout).sockets.length).toBe(5001)
      const child = spawnNetkit(['netns', 'exec', ns, NETKIT, 'ss', '-tan', '--json'], { program: 'ip' })
      await pause(1200)
      const { stdout, code } = await finish(child)
      expect(code).toBe(0)
      expect(JSON.parse(stdout).sockets.length).toBe(5001)
    }))
})
