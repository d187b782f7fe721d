// Runs netkit as a user does: a child process, its two outputs and how it ended.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The program. Tests run it as another user too, so that a checkout nobody else may enter is copied to where everybody may. */
export const NETKIT = `${othersMayEnter(ROOT) ? ROOT : reachableCopy()}bin/run.js`

function othersMayEnter(directory: string): boolean {
  for (let at = directory.replace(/\/$/, ''); at !== ''; at = dirname(at) === '/' ? '' : dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
  }
  return true
}

function reachableCopy(): string {
  const place = mkdtempSync(join(tmpdir(), 'nk-program-'))
  process.on('exit', () => rmSync(place, { recursive: true, force: true }))
  chmodSync(place, 0o755)
  for (const part of ['bin', 'dist', 'prebuilds', 'package.json', 'oclif.manifest.json']) {
    cpSync(join(ROOT, part), join(place, part), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'))
  return `${place}/`
}

export interface RunOptions {
  /** Added to the environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>
  /** Runs as this user, when the test is root. */
  uid?: number
  /** Fed to stdin, which is empty otherwise. */
  input?: string
  /** The program to run instead of netkit. */
  program?: string
  cwd?: string
}

export interface RunResult {
  stdout: string
  stderr: string
  code: number | null
  signal: NodeJS.Signals | null
}

/** The environment of the tests without what would colour or trace the output. */
function cleanEnv(extra: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...rest } = process.env
  return { ...rest, ...extra }
}

/** Starts netkit and leaves it running. */
export function spawnNetkit(args: readonly string[], options: RunOptions = {}): ChildProcess {
  return spawn(options.program ?? NETKIT, args, {
    env: cleanEnv(options.env),
    cwd: options.cwd ?? ROOT,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
}

/** Runs netkit to its end. */
export function runNetkit(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return finish(spawnNetkit(args, options), options.input)
}

/** Waits for `child` and collects what it printed. */
export function finish(child: ChildProcess, input = ''): Promise<RunResult> {
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  // A child that does not read its stdin may be gone before it is written.
  child.stdin!.on('error', () => {}).end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve({ stdout, stderr, code, signal }))
  })
}

/** Runs one shell line in which `netkit` is `$NETKIT`. */
export function shell(line: string, env: RunOptions['env'] = {}): Promise<RunResult> {
  return runNetkit(['-c', line], { program: '/bin/bash', env: { NETKIT, ...env } })
}
