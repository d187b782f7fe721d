// Two equal paths between two routers, and a shorter one that is not used yet: for flows, and for routes that change.

import { addNetns, deleteNetns, inNetns } from './netns.js'
import { type Family, must, prepareNode, setSysctls } from './routers.js'

/** Which way R1 sends: by A, by B, by the flow's hash to either, or straight to R4, one hop less. */
export type Way = 'a' | 'b' | 'both' | 'short'

export interface Diamond {
  readonly source: string
  readonly r1: string
  readonly a: string
  readonly b: string
  readonly r4: string
  readonly target: string
  readonly nodes: readonly string[]
  /** Who answers a probe whose time to live ends there; all of them answer by A, from one address each. */
  address(node: 'r1' | 'a' | 'b' | 'r4' | 'target', family: Family): string
  /** The hop list of a way. */
  path(way: Exclude<Way, 'both'>, family: Family): string[]
  /** Replaces R1's route, at once. */
  use(way: Way): Promise<void>
}

export interface DiamondOptions {
  rateLimits?: boolean
}

const FAMILIES: readonly Family[] = [4, 6]

/** Links by number; device `linkN` at either end, and which end (1 or 2) an address is of. */
const LINKS = [
  ['source', 'r1'],
  ['r1', 'a'],
  ['r1', 'b'],
  ['a', 'r4'],
  ['b', 'r4'],
  ['r4', 'target'],
  ['r1', 'r4'],
] as const

type Node = (typeof LINKS)[number][number]
const NODES: readonly Node[] = ['source', 'r1', 'a', 'b', 'r4', 'target']

const onLink = (link: number, end: 1 | 2, family: Family): string =>
  family === 4 ? `10.1.${link + 1}.${end}` : `fd01:0:0:${link + 1}::${end}`
const network = (link: number, family: Family): string =>
  family === 4 ? `10.1.${link + 1}.0/24` : `fd01:0:0:${link + 1}::/64`
const mac = (link: number, end: 1 | 2): string => `02:00:00:01:0${link}:0${end}`

/** The address that a node answers from: that of its link towards the source, R4's by A. */
const HOME: Readonly<Record<'r1' | 'a' | 'b' | 'r4' | 'target', number>> = { r1: 0, a: 1, b: 2, r4: 3, target: 5 }

const WAYS: Readonly<Record<Exclude<Way, 'both'>, readonly ('r1' | 'a' | 'b' | 'r4' | 'target')[]>> = {
  a: ['r1', 'a', 'r4', 'target'],
  b: ['r1', 'b', 'r4', 'target'],
  short: ['r1', 'r4', 'target'],
}

/** Routes to links that are not a node's own: node, link, link by which, and which end of that is the next hop. */
function routes(family: Family): [Node, string][] {
  const via = (link: number, end: 1 | 2) => `via ${onLink(link, end, family)} dev link${link}`
  const to = (link: number, by: number, end: 1 | 2) => `${network(link, family)} ${via(by, end)}`
  return [
    ['source', `default ${via(0, 2)}`],
    ['target', `default ${via(5, 1)}`],
    ['a', to(0, 1, 1)],
    ['a', to(5, 3, 2)],
    ['b', to(0, 2, 1)],
    ['b', to(5, 4, 2)],
    // Every answer comes back by A, whichever way the probe went, also while the short way is in use.
    ['r4', `${to(0, 3, 1)} src ${onLink(3, 2, family)}`],
    ['r1', to(3, 1, 2)],
    ['r1', to(4, 2, 2)],
  ]
}

async function join(ns: Readonly<Record<Node, string>>, options: DiamondOptions): Promise<void> {
  for (const node of NODES) await prepareNode(ns[node], options.rateLimits ?? false)
  for (const [link, [near, far]] of LINKS.entries()) {
    const ends = ['address', mac(link, 1), 'type', 'veth', 'peer', 'name', `link${link}`]
    const peer = ['address', mac(link, 2), 'netns', ns[far]]
    await must(null, ['ip', '-n', ns[near], 'link', 'add', `link${link}`, ...ends, ...peer])
  }
  for (const node of NODES) {
    const lines: string[] = []
    const mine = [...LINKS.entries()].filter(([, pair]) => (pair as readonly Node[]).includes(node))
    for (const [link, [near]] of mine) {
      const end = near === node ? 1 : 2
      const other = end === 1 ? 2 : 1
      lines.push(`link set link${link} up`)
      for (const family of FAMILIES) {
        const bits = family === 4 ? '/24' : '/64 nodad'
        lines.push(`addr add ${onLink(link, end, family)}${bits} dev link${link}`)
        lines.push(`neigh add ${onLink(link, other, family)} lladdr ${mac(link, other)} nud permanent dev link${link}`)
      }
    }
    for (const family of FAMILIES) {
      for (const [at, route] of routes(family)) if (at === node) lines.push(`-${family} route add ${route}`)
    }
    for (const line of lines) await must(null, ['ip', '-n', ns[node], ...line.split(' ')])
  }
  // By addresses, protocol and ports (bits 0, 1, 2, 4, 5). Policy 1 means the same, but takes the hash of the sending socket where it
  // is still known, as over veth: that one is random by connection and no wire carries it.
  for (const version of ['ipv4', 'ipv6']) {
    const hash = `${version}.fib_multipath_hash`
    await setSysctls(ns.r1, { [`${hash}_fields`]: 0x37, [`${hash}_policy`]: 3 })
  }
}

/** Builds source - R1 - {A, B} - R4 - target, with flows spread over A and B; the caller removes it. */
export async function addDiamond(options: DiamondOptions = {}): Promise<Diamond> {
  const made: string[] = []
  try {
    for (const _ of NODES) made.push(await addNetns())
    const ns = Object.fromEntries(NODES.map((node, at) => [node, made[at]!])) as Record<Node, string>
    await join(ns, options)
    const address: Diamond['address'] = (node, family) => onLink(HOME[node], 2, family)
    const use = async (way: Way) => {
      for (const family of FAMILIES) {
        const hop = (link: number) => ['nexthop', 'via', onLink(link, 2, family), 'dev', `link${link}`]
        const hops = { a: hop(1), b: hop(2), both: [...hop(1), ...hop(2)], short: hop(6) }[way]
        await must(null, ['ip', '-n', ns.r1, `-${family}`, 'route', 'replace', network(5, family), ...hops])
      }
    }
    await use('both')
    const path: Diamond['path'] = (way, family) => WAYS[way].map(node => address(node, family))
    return { ...ns, nodes: made, address, path, use }
  } catch (error) {
    await Promise.allSettled(made.map(deleteNetns))
    throw error
  }
}

/** Builds a diamond, runs `fn` with it, and removes it whatever happens. */
export async function withDiamond<T>(fn: (diamond: Diamond) => Promise<T>, options?: DiamondOptions): Promise<T> {
  const diamond = await addDiamond(options)
  try {
    return await fn(diamond)
  } finally {
    await removeDiamond(diamond)
  }
}

/** Removes all namespaces of a diamond. */
export async function removeDiamond(diamond: Diamond): Promise<void> {
  await Promise.allSettled(diamond.nodes.map(deleteNetns))
}

/**
 * What scamper's tracelb says of the way to the target; it chooses its ports itself, and one run in 32 has 6 flows in a row on one
 * branch, which is its proof, 95 % sure, that there is no other: then it is asked once more.
 */
export async function scamperBranches(diamond: Diamond, family: Family): Promise<string> {
  const command = `tracelb -P udp-sport ${diamond.address('target', family)}`
  let said = ''
  for (let run = 0; run < 5; run++) {
    said = (await inNetns(diamond.source, ['scamper', '-I', command])).stdout
    // A hop with several nodes is in brackets.
    if (said.includes('(')) break
  }
  return said
}
