// A whole network made of one program: the path that a scenario file describes, behind a TUN device.

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileProgram } from './compile.js'
import { inNetns, spawnInNetns } from './netns.js'
import { type ResponderRule, ruleText } from './tun-responder.js'

const SCENARIOS = fileURLToPath(new URL('scenarios/', import.meta.url))

/** A router or the target of a scenario; what is left out is as it should be. */
export interface ScenarioNode
  extends Pick<
    ResponderRule,
    'quote' | 'error' | 'info' | 'copies' | 'loss' | 'seed' | 'mpls' | 'objects' | 'extensions'
  > {
  /** Who it is. */
  address: string
  /** Round-trip time to it, and how much chance adds to that. */
  rttMs?: number
  jitterMs?: number
  /** Says nothing when a time to live ends there. */
  silent?: boolean
  /** Does not count down the time to live. */
  hidden?: boolean
  blackhole?: boolean
  /** Every n-th packet on the link towards it is lost. */
  dropEvery?: number
  /** Percentage of its answers that are lost on the way back. */
  backLoss?: number
  /** Token bucket of its ICMP errors. */
  perSecond?: number
  burst?: number
  /** Every n-th of its answers has a wrong checksum. */
  corrupt?: number
  /** Damaged copies before each of its answers. */
  noise?: number
  mtu?: number
  quiet?: boolean
  /** Which protocols `error` is for; all when left out. */
  refuses?: readonly ('icmp' | 'udp' | 'tcp')[]
  /** What the packet is from there on. */
  tos?: number
  nat?: boolean
  /** How a target answers. */
  echo?: 'reply' | 'none'
  udp?: 'unreachable' | 'datagram' | 'none'
  tcp?: 'open' | 'refused' | 'none'
}

/** Nodes side by side share the packets by flow, or take turns. */
export type ScenarioHop = ScenarioNode | { branches: readonly ScenarioNode[]; balance?: 'flow' | 'packet' }

/** What a scenario lets a trace find, by hand. */
export interface ScenarioFacts {
  exit: number
  reached: boolean
  /** Who answers at TTL 1, 2, ...; trailing silence is left out. */
  hops: readonly (readonly string[])[]
  /** Regular expressions that some sentence of the verdict matches, or none. */
  verdict?: readonly string[]
  not?: readonly string[]
  /** Located loss: between which TTLs, and between which percentages. */
  loss?: readonly { after: number; before: number; least: number; most: number }[]
  /** TTLs whose limit was verified. */
  rateLimited?: readonly number[]
  /** By TTL: ICMP type and code that are seen there. */
  icmp?: Readonly<Record<string, readonly [type: number, code: number]>>
  /** By TTL, as in the document. */
  mpls?: Readonly<Record<string, unknown>>
  interfaces?: Readonly<Record<string, unknown>>
  /** By TTL, what a raw socket sees. */
  tos?: Readonly<Record<string, number>>
  translated?: Readonly<Record<string, boolean>>
  targetState?: string
  /** Least number of flows that the branches take. */
  branches?: Readonly<Record<string, readonly string[]>>
}

export interface Scenario {
  /** Name of the file without `.json`. */
  name: string
  title: string
  hops: readonly ScenarioHop[]
  target: ScenarioNode
  /** How it is looked at: protocols, options of `netkit trace`, and whether that takes a raw socket. */
  run: { protocols: readonly ('icmp' | 'udp' | 'tcp')[]; args?: readonly string[]; raw?: boolean }
  /** Whether traceroute(8) as root sees the same; it cannot where chance or slow answers decide. */
  witness: boolean
  expect: ScenarioFacts
}

/** All scenario files, by name. */
export function loadScenarios(): Scenario[] {
  const files = readdirSync(SCENARIOS).filter(file => file.endsWith('.json'))
  return files.sort().map(file => ({
    name: file.replace('.json', ''),
    ...(JSON.parse(readFileSync(`${SCENARIOS}${file}`, 'utf8')) as Omit<Scenario, 'name'>),
  }))
}

const MICROSECONDS = 1000

function nodeText(node: ScenarioNode): string {
  const { address, rttMs, jitterMs, quote, error, info, copies, loss, seed, mpls, objects, extensions, ...own } = node
  const rule = Object.entries({ quote, error, info, copies, loss, seed, mpls, objects, extensions })
  const words = [`by=${address}`, ruleText(Object.fromEntries(rule.filter(([, value]) => value !== undefined)))]
  if (rttMs !== undefined) words.push(`hold=${rttMs * MICROSECONDS}`)
  if (jitterMs !== undefined) words.push(`jitter=${jitterMs * MICROSECONDS}`)
  for (const [key, value] of Object.entries(own)) {
    words.push(`${key}=${Array.isArray(value) ? value.join('+') : typeof value === 'boolean' ? Number(value) : value}`)
  }
  return words.filter(Boolean).join(' ')
}

const hopText = (hop: ScenarioHop): string =>
  'branches' in hop
    ? hop.branches.map((node, at) => nodeText(node) + (at === 0 ? ` balance=${hop.balance ?? 'flow'}` : '')).join('|')
    : nodeText(hop)

/** What happened at a node. */
export interface NodeCounts {
  /** Packets that came to the link towards it, and those lost there. */
  seen: number
  lost: number
  /** Answers with a right checksum, and those that the rate limit held back. */
  answered: number
  limited: number
}

export interface Network {
  readonly device: string
  /** By hop, the target last, and by node. */
  counts(): Promise<NodeCounts[][]>
  /** Replaces a hop, from 1. */
  replace(hop: number, by: ScenarioHop): Promise<void>
  close(): Promise<void>
}

/** Plays a path in a namespace, which has no other way out; ends with `close` or with the namespace. */
export async function startNetwork(
  ns: string,
  { hops, target }: Pick<Scenario, 'hops' | 'target'>,
  device = 'tun0',
): Promise<Network> {
  const program = await compileProgram('tun-network')
  const helper = await spawnInNetns(ns, [program, device, ...[...hops, target].map(hopText)])
  await helper.next<{ pid: number }>()
  for (const words of [
    `link set ${device} up`,
    `addr add 192.0.2.1/24 dev ${device}`,
    `addr add 2001:db8::1/64 dev ${device} nodad`,
    `-4 route add default dev ${device}`,
    `-6 route add default dev ${device}`,
  ]) {
    const { code, stderr } = await inNetns(null, ['ip', '-n', ns, ...words.split(' ')])
    if (code !== 0) throw new Error(`ip ${words} failed: ${stderr}`)
  }
  const counts = async () => (await helper.ask<{ hops: NodeCounts[][] }>('stats')).hops
  return {
    device,
    counts,
    replace: async (hop, by) => {
      await helper.ask(`hop ${hop} ${hopText(by)}`)
    },
    close: () => helper.close(),
  }
}
