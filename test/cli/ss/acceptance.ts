// What the acceptance tests of `netkit ss` share: the program run in a namespace, and its answers beside the witnesses'.

import { expect } from 'vitest'
import type { Holder, Socket, SocketListing } from '../../../src/sockets/model.js'
import { inNetns, type RunResult, rowKey, type WitnessEnd, type WitnessRow } from '../../lab/index.js'
import { NETKIT } from '../run.js'

export interface NetkitOptions {
  uid?: number
  env?: NodeJS.ProcessEnv
  input?: string
}

/** Runs `netkit ss ARGS` in a namespace; `null` is where the test runs. */
export function netkitIn(ns: string | null, args: readonly string[], options: NetkitOptions = {}): Promise<RunResult> {
  const { NO_COLOR, FORCE_COLOR, DEBUG, NODE_OPTIONS, ...env } = process.env
  return inNetns(ns, [NETKIT, 'ss', ...args], { ...options, env: { ...env, ...options.env } })
}

/** The document of `netkit ss ARGS --json`, which must succeed and say nothing on stderr. */
export async function listing(
  ns: string | null,
  args: readonly string[],
  options?: NetkitOptions,
): Promise<SocketListing> {
  const { stdout, stderr, code } = await netkitIn(ns, [...args, '--json'], options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as SocketListing
}

/** The rows of `netkit ss -Hn ARGS`, which must succeed. */
export async function textRows(ns: string | null, args: readonly string[], options?: NetkitOptions): Promise<string[]> {
  const { stdout, stderr, code } = await netkitIn(ns, ['-Hn', ...args], options)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').filter(Boolean)
}

const bare = ({ address, port }: WitnessEnd): WitnessEnd => ({ address, port, interface: null })

/** An IP socket of a listing in the words of the witnesses, where 0 is the inode of what has no descriptor. */
export const socketKey = (socket: Socket): string =>
  rowKey({ ...socket, local: bare(socket.local), peer: bare(socket.peer), inode: socket.inode ?? 0 })

/** A unix socket by type, state, path and both inodes: ss prints no path for the other end. */
export const unixKey = (socket: Socket): string =>
  `${socket.type} ${socket.state} ${socket.path ?? '*'} ${socket.inode ?? 0} > ${socket.peerInode ?? 0}`

export function unixWitnessKey(row: WitnessRow): string {
  const peer = / (\d+)\s+(?:<->|-->|<--|---)/.exec(row.text.slice(row.text.indexOf(` ${row.inode} `) + 1))
  return `${row.type} ${row.state} ${row.local.address ?? '*'} ${row.inode} > ${peer?.[1] ?? '?'}`
}

/** Each once: netlink_diag answers twice for a socket that has joined groups, and so does ss. */
export const sorted = (keys: Iterable<string>): string[] => [...new Set(keys)].sort()

export const byProtocol = <Row extends { protocol: string }>(rows: readonly Row[], protocol: string): Row[] =>
  rows.filter(row => row.protocol === protocol)

export const pidsOf = (holders: readonly Holder[] | null): number[] => (holders ?? []).map(({ pid }) => pid)

/** One refusal: nothing on stdout, a sentence and its hints on stderr, no trace of a stack; the same object with --json. */
export async function expectRefusal(
  ns: string | null,
  args: readonly string[],
  exit: number,
  sentence: RegExp,
  options?: NetkitOptions,
): Promise<{ code: string; message: string; hints: string[]; exit: number }> {
  const plain = await netkitIn(ns, args, options)
  expect(plain).toMatchObject({ code: exit, stdout: '', signal: null })
  const [first, ...hints] = plain.stderr.trimEnd().split('\n')
  expect(first).toMatch(/^netkit: /)
  expect(first).toMatch(sentence)
  expect(hints.filter(line => !line.startsWith('  '))).toEqual([])
  expect(plain.stderr).not.toMatch(/^\s+at .*[:(]\d+|node:internal|Error:/m)
  const json = await netkitIn(ns, ['--json', ...args], options)
  expect({ code: json.code, stderr: json.stderr }).toEqual({ code: exit, stderr: '' })
  const { error } = JSON.parse(json.stdout) as {
    error: { code: string; message: string; hints: string[]; exit: number }
  }
  expect(`netkit: ${error.message}`).toBe(first)
  expect(hints).toEqual(error.hints.map(hint => `  ${hint}`))
  expect(error.exit).toBe(exit)
  expect(error.code).toMatch(/./)
  return error
}

/**
 * What netkit says while the witness sees the same before and after: TIME-WAIT and orphans end by themselves after 60 s.
 * @returns netkit's answer and the witness's
 */
export async function besides<Mine, Seen>(
  look: () => Promise<Seen>,
  ask: () => Promise<Mine>,
): Promise<{ mine: Mine; seen: Seen }> {
  let seen = await look()
  for (let attempt = 1; ; attempt++) {
    const mine = await ask()
    const after = await look()
    if (JSON.stringify(after) === JSON.stringify(seen)) return { mine, seen }
    if (attempt === 5) throw new Error('the sockets of the witness never held still')
    seen = after
  }
}
