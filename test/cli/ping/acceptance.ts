// What the acceptance tests of `netkit ping` share: the program run in a namespace, and its answers beside those of iputils ping.

import { expect } from 'vitest'
import { inNetns, type RunResult } from '../../lab/index.js'
import { type CommandOptions, expectRefusalOf, netkitIn, socketCallsOf } from '../acceptance.js'

export { binomialBounds, eventsOf } from '../acceptance.js'

export type PingOptions = CommandOptions

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
export const pingIn = (ns: string | null, args: readonly string[], options?: PingOptions): Promise<RunResult> =>
  netkitIn(ns, ['ping', ...args], options)

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

/** A refusal of `netkit ping ARGS`. */
export const expectRefusal = (
  ns: string | null,
  args: readonly string[],
  exit: number,
  sentence: RegExp,
  options?: PingOptions,
) => expectRefusalOf(ns, ['ping', ...args], exit, sentence, options)

/** Runs `netkit ping ARGS` under `strace`. */
export const socketCalls = (ns: string | null, args: readonly string[], options?: PingOptions) =>
  socketCallsOf(ns, ['ping', ...args], options)
