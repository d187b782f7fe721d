// What the acceptance tests of `netkit ping` share: the program run in a namespace, and its answers beside those of iputils ping.

import { expect } from 'vitest'
import { inNetns, type RunResult } from '../../lab/index.js'
import { NETKIT } from '../run.js'

export interface PingOptions {
  uid?: number
  env?: NodeJS.ProcessEnv
  input?: string
  timeoutMs?: number
  /** Another netkit than the one that was built. */
  program?: string
}

/** One target of the document that `--json` prints, as the issue has it. */
export interface PingDocumentTarget {
  target: string
  address: string
  transport: string
  timestampSource: string
  payloadBytes: number
  replies: {
    sequence: number
    rttMs: number | null
    ttl: number | null
    bytes: number
    from: string
    duplicate: boolean
    late: boolean
    [more: string]: unknown
  }[]
  errors: {
    sequence: number | null
    from: string | null
    type: number | null
    code: number | null
    reason: string
    [more: string]: unknown
  }[]
  statistics: {
    transmitted: number
    received: number
    duplicates: number
    errors: number
    lossPercent: number | null
    timeMs: number
    rttMs: Record<'min' | 'avg' | 'max' | 'mdev' | 'stddev' | 'p50' | 'p90' | 'p95' | 'p99', number> | null
    jitterMs: number | null
    longestOutageMs: number
    [more: string]: unknown
  }
}

export interface PingDocument {
  targets: PingDocumentTarget[]
}

/** Runs `netkit ping ARGS` in a namespace; `null` is where the test runs. */
export function pingIn(ns: string | null, args: readonly string[], options: PingOptions = {}): Promise<RunResult> {
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...env } = process.env
  const { program = NETKIT, ...rest } = options
  return inNetns(ns, [program, 'ping', ...args], { ...rest, env: { ...env, ...options.env } })
}

/** Runs the `ping` of iputils, the witness. */
export function iputils(ns: string | null, args: readonly string[], options: PingOptions = {}): Promise<RunResult> {
  const { program, ...rest } = options
  return inNetns(ns, ['ping', ...args], { ...rest, env: { ...process.env, LC_ALL: 'C' } })
}

/** The only target of `netkit ping ARGS --json`, and how the program ended; nothing may be on stderr. */
export async function documentOf(
  ns: string | null,
  args: readonly string[],
  options?: PingOptions,
): Promise<PingDocumentTarget & { exit: number | null }> {
  const { stdout, stderr, code } = await pingIn(ns, [...args, '--json'], options)
  expect({ stderr, args }).toEqual({ stderr: '', args })
  const { targets } = JSON.parse(stdout) as PingDocument
  expect(targets).toHaveLength(1)
  return { ...targets[0]!, exit: code }
}

/** How ping writes a time: three digits or more, and no more decimals than that takes. */
const TIME = /^(0\.\d{3}|[1-9]\.\d\d|[1-9]\d\.\d|[1-9]\d{2,})$/

/** Text of ping with everything that no two runs have in common replaced: times, and the digits of a loss beyond the first. */
export function comparable(text: string): string {
  return (
    text
      .replace(/time=(\S+) ms/g, (_, time: string) => `time=${TIME.test(time) ? 'T' : time} ms`)
      .replace(/\btime \d+ms/g, 'time Tms')
      .replace(/= \d+\.\d{3}\/\d+\.\d{3}\/\d+\.\d{3}\/\d+\.\d{3} ms/g, '= MIN/AVG/MAX/MDEV ms')
      .replace(/ipg\/ewma \d+\.\d{3}\/\d+\.\d{3} ms/g, 'ipg/ewma IPG/EWMA ms')
      .replace(/^\[\d{10}\.\d{6}\] /gm, '[AT] ')
      .replace(/([\d.]+)% packet loss/g, (_, loss: string) => `${Math.round(Number(loss) * 10) / 10}% packet loss`)
      .replace(/, pipe \d+/g, ', pipe N')
      // Newer than iputils: RFC 4443 section 3.1.
      .replaceAll('Unknown code 5', 'Source address failed ingress/egress policy')
      .replaceAll('Unknown code 6', 'Reject route to destination')
  )
}

/**
 * netkit's text must be iputils', line for line, and the exit code too. Both run at the same time unless there is something to
 * do in between. `leaveOut` is what iputils knows and netkit cannot.
 */
export async function expectSameText(
  ns: string | null,
  args: readonly string[],
  options: PingOptions & { witness?: readonly string[]; between?: () => Promise<void>; leaveOut?: RegExp } = {},
): Promise<RunResult> {
  const { witness = args, between, leaveOut, ...rest } = options
  // What a run teaches the kernel (a path MTU) would change the other's answers: then one after the other.
  const seen = iputils(ns, witness, rest)
  if (between) {
    await seen
    await between()
  }
  const [theirs, mine] = await Promise.all([seen, pingIn(ns, args, rest)])
  const name = args.join(' ')
  expect(`${name}\n${comparable(mine.stdout)}exit ${mine.code}`).toBe(
    `${name}\n${comparable(leaveOut ? theirs.stdout.replace(leaveOut, '') : theirs.stdout)}exit ${theirs.code}`,
  )
  expect(mine.stderr).not.toMatch(/^\s+at |Error:/m)
  return mine
}

/** A refusal: nothing on stdout, a sentence and its hints on stderr, no trace of a stack; the same object with --json. */
export async function expectRefusal(
  ns: string | null,
  args: readonly string[],
  exit: number,
  sentence: RegExp,
  options?: PingOptions,
): Promise<{ code: string; message: string; hints: string[]; exit: number }> {
  const plain = await pingIn(ns, args, options)
  expect({ args, ...plain }).toMatchObject({ args, code: exit, stdout: '', signal: null })
  const [first, ...hints] = plain.stderr.trimEnd().split('\n')
  expect(first).toMatch(/^netkit: /)
  expect(first).toMatch(sentence)
  expect(hints.filter(line => !line.startsWith('  '))).toEqual([])
  expect(plain.stderr).not.toMatch(/^\s+at .*[:(]\d+|node:internal|Error:/m)
  const json = await pingIn(ns, ['--json', ...args], options)
  expect({ args, code: json.code, stderr: json.stderr }).toEqual({ args, code: exit, stderr: '' })
  const { error } = JSON.parse(json.stdout) as {
    error: { code: string; message: string; hints: string[]; exit: number }
  }
  expect(`netkit: ${error.message}`).toBe(first)
  expect(hints).toEqual(error.hints.map(hint => `  ${hint}`))
  expect(error.exit).toBe(exit)
  expect(error.code).toMatch(/./)
  return error
}

/** Lines of `--ndjson`. */
export const eventsOf = (text: string): { event: string; [more: string]: unknown }[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as { event: string })

/**
 * The least and the most successes that `trials` tries have with all but a chance of `1 - tail` on each side.
 * Sums the binomial distribution from either end, in logarithms: 0.3^500 is below what a double holds with its digits.
 */
export function binomialBounds(trials: number, chance: number, tail = 1e-6): [least: number, most: number] {
  const logs = [0]
  for (let n = 1; n <= trials; n++) logs.push(logs[n - 1]! + Math.log(n))
  const weight = (k: number) =>
    Math.exp(logs[trials]! - logs[k]! - logs[trials - k]! + k * Math.log(chance) + (trials - k) * Math.log(1 - chance))
  let least = 0
  for (let sum = weight(0); sum < tail; sum += weight(least)) least++
  let most = trials
  for (let sum = weight(trials); sum < tail; sum += weight(most)) most--
  return [least, most]
}

/** Runs one command under `strace`, and gives the calls of socket(2) that it and its children made. */
export async function socketCalls(
  ns: string | null,
  args: readonly string[],
  options: PingOptions = {},
): Promise<RunResult & { calls: string[] }> {
  const traced = ['strace', '-f', '-qq', '-e', 'trace=socket', '-e', 'signal=none', NETKIT, 'ping', ...args]
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...env } = process.env
  const result = await inNetns(ns, traced, { ...options, env: { ...env, ...options.env } })
  return { ...result, calls: result.stderr.match(/socket\(.*/g) ?? [] }
}
