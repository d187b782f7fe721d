// Live views in a terminal of the test's own: whatever signal comes, the terminal is as it was before, and the program ends.

import { describe, expect, test } from 'vitest'
import { NETKIT, runNetkit } from './run.js'

/**
 * Runs argv[2:] on a new terminal, waits until it has drawn a screen, does argv[1], and prints as JSON what the terminal got, how it
 * ended, and whether its settings are those of before.
 */
const DRIVER = `
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
what, argv = sys.argv[1], sys.argv[2:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 100, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3): os.dup2(slave, fd)
    os.environ['TERM'] = 'xterm'
    os.execv(argv[0], argv)
ENTER, LEAVE = b'\\x1b[?1049h', b'\\x1b[?1049l'
seen = b''
limit = time.time() + 30
def read(until):
    global seen
    while time.time() < limit and not until():
        if select.select([master], [], [], 0.05)[0]:
            try: seen += os.read(master, 65536)
            except OSError: return
drawn = lambda: ENTER in seen and len(seen) > seen.rindex(ENTER) + 200
read(drawn)
settings = lambda: termios.tcgetattr(slave) == before
result = {'raw': not settings()}
if what == 'hangup':
    os.close(master); os.close(slave)
else:
    os.kill(pid, getattr(signal, what))
if what == 'SIGTSTP':
    # Its process group is an orphan, which the kernel does not stop: it has to come back by itself.
    read(lambda: LEAVE in seen)
    seen = b''
    read(drawn)
    result['again'] = drawn() and not settings()
    os.kill(pid, signal.SIGTERM)
status = None
while time.time() < limit and status is None:
    if what != 'hangup': read(lambda: not select.select([master], [], [], 0.05)[0])
    ended, code = os.waitpid(pid, os.WNOHANG)
    if ended: status = os.waitstatus_to_exitcode(code)
    else: time.sleep(0.02)
if status is None: os.kill(pid, signal.SIGKILL)
result['status'] = status
if what != 'hangup':
    read(lambda: not select.select([master], [], [], 0.2)[0])
    result['restored'] = settings()
    result['left'] = seen.count(LEAVE) >= seen.count(ENTER) and LEAVE in seen
    result['after'] = seen[seen.rindex(LEAVE):].decode(errors='replace') if LEAVE in seen else ''
print(json.dumps(result))
`

interface Ending {
  raw: boolean
  again?: boolean
  status: number | null
  restored: boolean
  left: boolean
  after: string
}

async function endBy(what: string, args: readonly string[]): Promise<Ending> {
  const { stdout, stderr } = await runNetkit(['-c', DRIVER, what, NETKIT, ...args], { program: '/usr/bin/python3' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

// With UDP nobody needs a permission.
const VIEWS: readonly [string, readonly string[], RegExp][] = [
  ['trace', ['trace', '-n', '-u', '-i', '0.1', '127.0.0.1'], /1\.\|-- 127\.0\.0\.1/],
  ['ping --graph', ['ping', '-n', '--udp', '33434', '-i', '0.1', '--graph', '127.0.0.1'], /transmitted/],
  ['ss --watch', ['ss', '--watch', '0.2', '-tan'], /^/],
]

describe.each(VIEWS)('netkit %s on a terminal', (_, args, known) => {
  test.each(['SIGHUP', 'SIGTERM', 'SIGINT'])('%s gives it back, and what is known is printed', async signal => {
    const { raw, restored, left, after, status } = await endBy(signal, args)
    expect({ raw, restored, left, status }).toEqual({ raw: true, restored: true, left: true, status: 0 })
    expect(after).toMatch(known)
  })

  test('SIGTSTP gives it back, and takes it again when it goes on', async () => {
    expect(await endBy('SIGTSTP', args)).toMatchObject({ again: true, restored: true, left: true, status: 0 })
  })

  test('it ends when the terminal is gone', async () => {
    const { status } = await endBy('hangup', args)
    expect(status).not.toBeNull()
  })
})
