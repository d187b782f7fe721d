// What the acceptance tests of `netkit trace` share: the program in a namespace, its document, and the peers' hop lists.

import { expect } from 'vitest'
import type { TraceDocument } from '../../../src/probe/trace-document.js'
import { type Chain, type Family, inNetns, NOBODY, type RunResult, spawnInNetns } from '../../lab/index.js'
import { type CommandOptions, expectRefusalOf, netkitIn, socketCallsOf } from '../acceptance.js'

export { binomialBounds, netkitIn } from '../acceptance.js'

export type Protocol = TraceDocument['protocol']

/** The options that choose a protocol; the port of TCP is one where nobody listens, unless a test does. */
export const PROTOCOLS: Readonly<Record<Protocol, readonly string[]>> = { icmp: ['--icmp'], udp: ['-u'], tcp: ['-T'] }

export const AS_NOBODY = { uid: NOBODY } as const

/** Runs `netkit trace ARGS` in a namespace; `null` is where the test runs. */
export const traceIn = (ns: string | null, args: readonly string[], options?: CommandOptions): Promise<RunResult> =>
  netkitIn(ns, ['trace', ...args], options)

/** A refusal of `netkit trace ARGS`. */
export const expectRefusal = (
  ns: string | null,
  args: readonly string[],
  exit: number,
  sentence: RegExp,
  options?: CommandOptions,
) => expectRefusalOf(ns, ['trace', ...args], exit, sentence, options)

/** Runs `netkit trace ARGS` under `strace`. */
export const socketCalls = (ns: string | null, args: readonly string[], options?: CommandOptions) =>
  socketCallsOf(ns, ['trace', ...args], options)

/** The document of `netkit trace ARGS --json`, and how the program ended; nothing may be on stderr. */
export async function documentOf(
  ns: string | null,
  args: readonly string[],
  options?: CommandOptions,
): Promise<TraceDocument & { exit: number | null }> {
  const { stdout, stderr, code } = await traceIn(ns, ['-n', ...args, '--json'], options)
  expect({ stderr, args }).toEqual({ stderr: '', args })
  return { ...(JSON.parse(stdout) as TraceDocument), exit: code }
}

/** Who answered at each TTL, sorted; trailing silence is left out. */
export function hopsOf({ hops }: Pick<TraceDocument, 'hops'>): string[][] {
  const list = hops.map(({ responders }) => responders.map(({ address }) => address).sort())
  while (list.at(-1)?.length === 0) list.pop()
  return list
}

/** The truth about a chain: each router by the address on its link towards the source, and the target. */
export const pathOf = (chain: Chain, family: Family): string[] =>
  chain.nodes.slice(1).map((_, at) => chain.address(at + 1, family))

/** A path that everybody on it answered along, each time, and on which nothing was lost. */
export function expectWholePath(document: TraceDocument & { exit: number | null }, path: readonly string[]): void {
  const { exit, reached, loss, rateLimited, pathChanges, verdict } = document
  expect({ hops: hopsOf(document), verdict }).toEqual({ hops: path.map(address => [address]), verdict })
  expect({ exit, reached, loss, rateLimited, pathChanges }).toEqual({
    exit: 0,
    reached: true,
    loss: [],
    rateLimited: [],
    pathChanges: [],
  })
  for (const { ttl, sent, received, notAnswering, lossPercent } of document.hops) {
    expect({ ttl, received, notAnswering, lossPercent }).toEqual({
      ttl,
      received: sent,
      notAnswering: 0,
      lossPercent: 0,
    })
    expect(sent).toBeGreaterThan(0)
  }
}

/** The lines of traceroute, tracepath and `netkit trace`: who was first to answer at each TTL; `*` or `???` is nobody. */
export function textHops(text: string): string[] {
  const hops: string[] = []
  for (const [, ttl, who] of text.matchAll(/^ *(\d+)(?:[:.]\S*|\?:)? +(?:\|-- )?(\S+)/gm)) {
    if (Number(ttl) === hops.length + 1) hops.push(who === '???' ? '*' : who!)
  }
  return hops
}

const LISTENER = `
import json, socket, sys
family, port = (socket.AF_INET6 if sys.argv[1] == '6' else socket.AF_INET), int(sys.argv[2])
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('', port))
listener.listen(1024)
print(json.dumps({'port': listener.getsockname()[1]}), flush=True)
sys.stdin.read()
`

/** Listens on a TCP port of a namespace until it is gone. */
export async function listenIn(ns: string, family: Family, port: number): Promise<void> {
  const helper = await spawnInNetns(ns, ['python3', '-c', LISTENER, String(family), String(port)])
  await helper.next<{ port: number }>()
}

/** What `mtr -r` says: who is at each TTL. */
export async function mtrHops(ns: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await inNetns(ns, ['mtr', '-n', '-r', '-G', '1', ...args])
  return [...stdout.matchAll(/^ *\d+\.\|-- (\S+)/gm)].map(([, who]) => who!)
}

/** What traceroute(8) says: who is at each TTL. */
export async function tracerouteHops(ns: string, args: readonly string[], uid?: number): Promise<string[]> {
  const { stdout } = await inNetns(ns, ['traceroute', '-n', ...args], uid === undefined ? {} : { uid })
  return [...stdout.matchAll(/^ *\d+ {2}(\S+)/gm)].map(([, who]) => who!)
}

/** What tracepath(8) says: who is at each TTL, but for lines that are about this host's MTU. */
export async function tracepathHops(ns: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await inNetns(ns, ['tracepath', '-n', ...args])
  const hops = [...stdout.matchAll(/^ *\d+: +(\S+) +\d/gm)].map(([, who]) => who!)
  return hops
}
