// What the acceptance tests of `netkit capture` share: a capture that is started, and ended when all it waits for has come.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { inNetns, must, type RunResult } from '../../lab/index.js'
import { NETKIT, ROOT } from '../run.js'

/** A machine with much to do takes long. */
const LIMIT_MS = 45_000

/** A running `netkit capture`, which has begun to capture. */
export class Capture {
  stdout = ''
  stderr = ''
  readonly child: ChildProcess
  readonly #ended: Promise<RunResult>

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout!.setEncoding('utf8').on('data', text => {
      this.stdout += text
    })
    child.stderr!.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
    this.#ended = once(child, 'close').then(([code, signal]) => {
      const { stdout, stderr } = this
      return { stdout, stderr, code, signal }
    })
  }

  /** Until standard output (or standard error) has this. */
  async says(what: RegExp | string, where: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    const deadline = Date.now() + LIMIT_MS
    while (this[where].search(what) < 0) {
      if (this.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`never said ${what}: ${this.stdout}${this.stderr}`)
      await pause(20)
    }
  }

  /** How it ends by itself. */
  ended(): Promise<RunResult> {
    return this.#ended
  }

  /** Ctrl-C, and how it ends. What was sent before is in the kernel's hands, and is still printed. */
  interrupt(): Promise<RunResult> {
    this.child.kill('SIGINT')
    return this.#ended
  }
}

export async function startCapture(ns: string, args: readonly string[]): Promise<Capture> {
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...env } = process.env
  const child = spawn('ip', ['netns', 'exec', ns, NETKIT, 'capture', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  const capture = new Capture(child)
  await capture.says('netkit: capturing on', 'stderr')
  return capture
}

export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'nk-capture-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Connections to 192.0.2.2 whose ends are known: its port 8000 answers, no other does. */
const CONNECTIONS = `
import socket, struct, sys
def connect(port): return socket.create_connection(('192.0.2.2', port), 20)
for _ in range(int(sys.argv[1])):
    c = connect(8000); c.sendall(b'hello'); c.recv(5); c.close()
    try: connect(81)
    except ConnectionRefusedError: pass
    c = connect(8000); c.sendall(b'hello'); c.recv(5)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(('192.0.2.2', 9999)); u.settimeout(1)
# The kernel limits how many errors it sends: one that does not come is asked for again.
for _ in range(20):
    try: u.send(b'question'); u.recv(1)
    except ConnectionRefusedError: break
    except TimeoutError: pass
`

/** Echoes five bytes, and closes when the client does. */
const SERVER = `
import socket
s = socket.create_server(('192.0.2.2', 8000), backlog=100)
print('ready', flush=True)
while True:
    c, _ = s.accept()
    try:
        c.sendall(c.recv(5)); c.recv(1)
    except ConnectionError: pass
    c.close()
`

/** A server in `far` for as long as `work` takes; `connect` runs the connections from `near`, so many times. */
export async function withServer<T>(
  near: string,
  far: string,
  work: (connect: (rounds?: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const server = spawn('ip', ['netns', 'exec', far, 'python3', '-c', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(server.stdout, 'data')
    return await work(async (rounds = 1) => {
      const { code, stderr } = await inNetns(near, ['python3', '-c', CONNECTIONS, String(rounds)])
      if (code !== 0) throw new Error(stderr)
    })
  } finally {
    const gone = once(server, 'exit')
    server.kill()
    await gone
  }
}

/** Sends the frames of a capture. */
const REPLAY = `
import socket, struct, sys, time
data = open(sys.argv[1], 'rb').read()
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('v0', 0))
at = 24
while at < len(data):
    size, = struct.unpack_from('<I', data, at + 8)
    s.send(data[at + 16:at + 16 + size])
    at += 16 + size
time.sleep(0.5)`

/** A capture of 800 connections with retransmissions, resets and refusals; gives its name. */
export async function makeTraffic(folder: string): Promise<string> {
  const traffic = join(folder, 'traffic.pcap')
  const size = ['--packets', '20000', '--flows', '800', '--concurrent', '50', '--snaplen', '2000']
  await must(null, ['node', `${ROOT}bench/make-capture.mjs`, traffic, ...size])
  return traffic
}

/** Sends what a capture holds into the cable. */
export async function replay(near: string, traffic: string): Promise<void> {
  await must(near, ['python3', '-c', REPLAY, traffic])
}

/** Why the cap package cannot be used here; null when it can. */
export function capMissing(): string | null {
  try {
    createRequire(import.meta.url)('cap')
    return null
  } catch (error) {
    return `the cap package: ${(error as Error).message.split('\n')[0]}`
  }
}

/** Lines of JSON. */
export const linesOf = <Line>(text: string): Line[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Line)
