// What the acceptance tests of all commands share: the program run in a namespace, its refusals, its sockets, its events.

import { expect } from 'vitest'
import { inNetns, type RunResult } from '../lab/index.js'
import { NETKIT } from './run.js'

export interface CommandOptions {
  uid?: number
  env?: NodeJS.ProcessEnv
  input?: string
  timeoutMs?: number
  /** Another netkit than the one that was built. */
  program?: string
}

/** Runs `netkit ARGS` in a namespace; `null` is where the test runs. */
export function netkitIn(ns: string | null, args: readonly string[], options: CommandOptions = {}): Promise<RunResult> {
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...env } = process.env
  const { program = NETKIT, ...rest } = options
  return inNetns(ns, [program, ...args], { ...rest, env: { ...env, ...options.env } })
}

/** A refusal: nothing on stdout, a sentence and its hints on stderr, no trace of a stack; the same object with --json. */
export async function expectRefusalOf(
  ns: string | null,
  [command, ...args]: readonly [string, ...string[]],
  exit: number,
  sentence: RegExp,
  options?: CommandOptions,
): Promise<{ code: string; message: string; hints: string[]; exit: number }> {
  const plain = await netkitIn(ns, [command, ...args], options)
  expect({ args, ...plain }).toMatchObject({ args, code: exit, stdout: '', signal: null })
  const [first, ...hints] = plain.stderr.trimEnd().split('\n')
  expect(first).toMatch(/^netkit: /)
  expect(first).toMatch(sentence)
  expect(hints.filter(line => !line.startsWith('  '))).toEqual([])
  expect(plain.stderr).not.toMatch(/^\s+at .*[:(]\d+|node:internal|Error:/m)
  const json = await netkitIn(ns, [command, '--json', ...args], options)
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
export async function socketCallsOf(
  ns: string | null,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<RunResult & { calls: string[] }> {
  const traced = ['strace', '-f', '-qq', '-e', 'trace=socket', '-e', 'signal=none', NETKIT, ...args]
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...env } = process.env
  const result = await inNetns(ns, traced, { ...options, env: { ...env, ...options.env } })
  return { ...result, calls: result.stderr.match(/socket\(.*/g) ?? [] }
}
