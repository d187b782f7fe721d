// --watch against real connections in a namespace, through the program as a user starts it, on a pipe and on a terminal.

import { expect, test } from 'vitest'
import { describeLab, inNetns, withNetns } from '../../lab/index.js'
import { NETKIT, runNetkit } from '../run.js'
import { clients, connections, pause, Running } from './connections.js'

describeLab('netkit ss --watch', () => {
  test('three opened and two closed between looks are exactly those lines', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      const first = await clients(made, 'open 4')
      const watch = new Running(ns, ['ss', '--watch', '0.5', '-tn', `dport = :${made.port}`])
      const listed = await watch.until(lines => lines.length === 5)
      expect(listed[0]).toMatch(/^Time +State +Recv-Q Send-Q Local Address:Port +Peer Address:Port$/)
      const opened = await clients(made, 'open 3')
      const closed = await clients(made, 'close 2')
      await watch.until(lines => lines.length >= 10)
      await pause(1200)
      const { code, stderr } = await watch.stop()
      expect(code).toBe(0)
      expect(stderr).not.toContain('missing')
      const events = watch.lines
        .slice(5)
        .map(line => /^[\d:.]+ (.) ESTAB .*127\.0\.0\.1:(\d+) +127/.exec(line)?.slice(1))
      const expected = [...opened.map(port => ['+', String(port)]), ...closed.map(port => ['-', String(port)])]
      expect(events.sort()).toEqual(expected.sort())
      expect(closed).toEqual(first.slice(0, 2))
    })
  })

  test('NDJSON tells what changed, how fast, and the same connection through TIME-WAIT', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      const [port] = await clients(made, 'open 1')
      const watch = new Running(ns, ['ss', '--watch', '0.3', '-tani', '--ndjson', `sport = :${port}`])
      await watch.until(lines => lines.length === 1)
      await made.helper.ask('send 5000')
      await watch.until(lines => lines.length === 2)
      await made.helper.ask('finish')
      await watch.until(lines => lines.some(line => line.includes('"to":"time-wait"')))
      await watch.stop('SIGTERM')
      const events = watch.lines.map(line => JSON.parse(line))
      expect(events.map(each => each.event)).not.toContain('opened')
      expect(events.map(each => each.event)).not.toContain('closed')
      expect(events[0]).toMatchObject({ event: 'present', changes: [], rates: null })
      const sent = events[1].changes.find((change: { field: string }) => change.field === 'bytesSent')
      expect(sent).toEqual({ field: 'bytesSent', from: 0, to: 5000 })
      // 5000 bytes in one interval of about 0.3 s.
      expect(events[1].rates.sendBytesPerSecond).toBeGreaterThan(5000 / 0.7)
      expect(events[1].rates.sendBytesPerSecond).toBeLessThan(5000 / 0.25)
      expect(new Set(events.map(each => each.socket.cookie)).size).toBe(1)
    })
  })

  test('a connection shorter than the time between looks is reported from its destroy event', async () => {
    await withNetns(async ns => {
      const made = await connections(ns)
      const watch = new Running(ns, ['ss', '--watch', '1.5', '-tn', '--ndjson', `dport = :${made.port}`])
      await clients(made, 'open 1')
      await watch.until(lines => lines.length === 1)
      await pause(100)
      const [port] = await clients(made, 'open 1')
      await made.helper.ask('close 1')
      await clients(made, 'finish')
      const lines = await watch.until(all => all.some(line => line.includes(`"port":${port},`)))
      await watch.stop()
      const event = JSON.parse(lines.find(line => line.includes(`"port":${port},`))!)
      expect(event).toMatchObject({ event: 'closed', socket: { state: 'closed', tcp: { bytesSent: 333 } } })
      expect(event.socket.local.port).toBe(port)
    })
  })

  test('flags that make no sense with it are refused in a sentence', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runNetkit(['ss', ...args])
      expect(code).toBe(2)
      return stdout + stderr
    }
    expect(await refused('--watch', 'often')).toContain('needs the seconds between two looks, 0.1 to 86400, not often')
    expect(await refused('--watch', '0.01')).toContain('not 0.01')
    expect(await refused('--watch', '1', '--json')).toContain('use --ndjson')
    expect(await refused('--watch', '1', '-E')).toContain('do not go together')
    expect(await refused('--watch', '1', '-s')).toContain('--watch and --summary do not go together')
    expect(await refused('-E', '--json')).toContain('use --ndjson')
    expect(await refused('-E', '--state', 'time-wait')).toContain('do not go together')
    expect(await refused('-E', 'state', 'time-wait')).toContain('states do not choose among them')
    expect(await refused('-K', '-E')).toContain('do not go together')
  })
})

/** Runs netkit on a terminal of 12 lines, sends it a key or a signal, and gives all that came. */
const ON_A_TERMINAL = `
import fcntl, os, pty, select, signal, struct, sys, termios, time
how, argv = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(argv[0], argv)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 100, 0, 0))
before, out, sent, resized = termios.tcgetattr(fd)[3], b"", False, False
end = time.time() + 20
while time.time() < end:
    if select.select([fd], [], [], 0.05)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    if not resized and b"sockets" in out:
        resized = True
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 40, 0, 0))
    if not sent and out.count(b"\\x1b[1;1H") >= 4:
        sent = True
        if how.isdigit():
            os.kill(pid, int(how))
        else:
            os.write(fd, how.encode().decode("unicode_escape").encode())
_, status = os.waitpid(pid, 0)
sys.stderr.write(str(os.waitstatus_to_exitcode(status)))
sys.stdout.buffer.write(out)
`

describeLab('netkit ss --watch on a terminal', () => {
  test.each([
    ['q', 'q'],
    ['Ctrl-C', '\\x03'],
    ['SIGTERM', '15'],
    ['SIGINT', '2'],
  ])('%s gives the screen and the cursor back', async (_name, how) => {
    await withNetns(async ns => {
      const made = await connections(ns)
      await clients(made, 'open 20')
      const argv = ['python3', '-c', ON_A_TERMINAL, how, NETKIT, 'ss', '--watch', '0.2', '-tan']
      const { stdout, stderr } = await inNetns(ns, argv)
      expect(stderr).toBe('0')
      expect(stdout.startsWith('\x1b[?1049h\x1b[?25l')).toBe(true)
      expect(stdout.endsWith('\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l')).toBe(true)
      expect(stdout.split('\x1b[?1049h')).toHaveLength(2)
      expect(stdout).toMatch(/every 0\.2 s {2}41 sockets, 10 of 41 shown: 40 ESTAB, 1 LISTEN/)
      // After the change of size six sockets fit, and no line is written beyond the eighth.
      const after = stdout.slice(stdout.indexOf('\x1b[2J', 30))
      expect(after).toContain('\x1b[8;1H')
      expect(after).not.toContain('\x1b[9;1H')
    })
  })
})
