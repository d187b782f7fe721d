// Named network namespaces for tests, commands run inside them, and long-lived helpers that talk in JSON lines.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The user without any privilege: nobody. */
export const NOBODY = 65534

const COMMAND_LIMIT_MS = 60_000
const ANSWER_LIMIT_MS = 30_000
const MAX_OUTPUT = 512 * 1024 * 1024

const living = new Set<string>()
const helpers = new Map<string, Set<Helper>>()
let counter = 0

// A worker that ends early (an exception outside a test) must not leave namespaces on the machine.
process.on('exit', () => {
  for (const ns of living) {
    try {
      execFileSync('ip', ['netns', 'delete', ns], { stdio: 'ignore' })
    } catch {
      // Already gone: nothing is left to clean.
    }
  }
})

/** Creates a namespace with `lo` up; the caller deletes it. `withNetns` is the way that cannot forget. */
export async function addNetns(): Promise<string> {
  const ns = `nk-${process.pid}-${counter++}`
  await run('ip', ['netns', 'add', ns])
  living.add(ns)
  await run('ip', ['-n', ns, 'link', 'set', 'lo', 'up'])
  return ns
}

/** Ends the helpers of a namespace and deletes it. */
export async function deleteNetns(ns: string): Promise<void> {
  const mine = [...(helpers.get(ns) ?? [])]
  helpers.delete(ns)
  await Promise.all(mine.map(helper => helper.close()))
  await run('ip', ['netns', 'delete', ns])
  living.delete(ns)
}

/** Makes `count` namespaces (1 when left out), runs `fn` with their names, and deletes them whatever happens. */
export async function withNetns<T>(fn: (...ns: string[]) => Promise<T>): Promise<T>
export async function withNetns<T>(count: number, fn: (...ns: string[]) => Promise<T>): Promise<T>
export async function withNetns<T>(
  first: number | ((...ns: string[]) => Promise<T>),
  second?: (...ns: string[]) => Promise<T>,
): Promise<T> {
  const count = typeof first === 'number' ? first : 1
  const fn = typeof first === 'number' ? second! : first
  const made: string[] = []
  try {
    for (let i = 0; i < count; i++) made.push(await addNetns())
    return await fn(...made)
  } finally {
    // All of them, even when one cannot be deleted.
    await Promise.allSettled(made.map(deleteNetns))
  }
}

export interface RunOptions {
  /** Bytes for standard input; closed at once when left out. */
  input?: string | Buffer
  /** Run as this user, without supplementary groups or capabilities, those of program files included. */
  uid?: number
  timeoutMs?: number
  env?: NodeJS.ProcessEnv
  cwd?: string
}

export interface RunResult {
  stdout: string
  stderr: string
  /** Exit code; null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
}

function commandIn(ns: string | null, argv: readonly string[], uid?: number): [string, string[]] {
  const drop = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', '--no-new-privs']
  // setpriv keeps its capabilities until it runs something, and a file's are granted out of them: hence `env` in between.
  const asUser = uid === undefined ? argv : ['setpriv', ...drop, 'env', ...argv]
  const [command, ...rest] = ns === null ? asUser : ['ip', 'netns', 'exec', ns, ...asUser]
  return [command!, rest]
}

/** Runs a command inside a namespace (`null`: where the test runs) to its end, with a time limit. */
export async function inNetns(
  ns: string | null,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { input, uid, timeoutMs = COMMAND_LIMIT_MS, env, cwd } = options
  const [command, args] = commandIn(ns, argv, uid)
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: env ?? process.env, cwd })
  const out: Buffer[] = []
  const err: Buffer[] = []
  let size = 0
  const keep = (list: Buffer[]) => (chunk: Buffer) => {
    size += chunk.length
    if (size > MAX_OUTPUT) child.kill('SIGKILL')
    else list.push(chunk)
  }
  child.stdout.on('data', keep(out))
  child.stderr.on('data', keep(err))
  // A command may end before it has read its input; its exit code tells more than the EPIPE.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
  const limit = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), code, signal }
  } finally {
    clearTimeout(limit)
  }
}

/** A long-lived process that answers in JSON lines and ends when its standard input closes. */
export class Helper {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  /** It ended, and all that it printed was read. */
  readonly #closed: Promise<unknown>
  #stderr = ''

  constructor(child: ChildProcess) {
    this.#child = child
    this.pid = child.pid ?? -1
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    child.stderr!.on('data', chunk => {
      this.#stderr += chunk
    })
    this.#closed = new Promise(resolve => child.once('close', resolve))
    child.stdin!.on('error', () => undefined)
  }

  /** The next line that the helper prints, parsed. */
  async next<T>(limitMs = ANSWER_LIMIT_MS): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`helper ${this.pid} gave no answer: ${this.#stderr}`)), limitMs)
    })
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late])
      if (!done) return JSON.parse(value) as T
      // Its last words may come behind the end of its output.
      await Promise.race([this.#closed, late])
      throw new Error(`helper ${this.pid} ended: ${this.#stderr}`)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends one command line and takes the answer. */
  ask<T>(command: string, limitMs?: number): Promise<T> {
    this.#child.stdin!.write(`${command}\n`)
    return this.next<T>(limitMs)
  }

  /** Closes standard input and waits for the end; kills it (by pid) when it does not go. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin!.end()
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
    await ended
    clearTimeout(limit)
  }
}

/** Starts a helper inside a namespace; it is closed at the latest when the namespace is deleted. */
export async function spawnInNetns(ns: string, argv: readonly string[], options: RunOptions = {}): Promise<Helper> {
  const [command, args] = commandIn(ns, argv, options.uid)
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
    cwd: options.cwd,
  })
  await once(child, 'spawn')
  const helper = new Helper(child)
  const mine = helpers.get(ns) ?? new Set<Helper>()
  helpers.set(ns, mine.add(helper))
  return helper
}
