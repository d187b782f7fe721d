// Hosts behind chains of routers, neighbours over veth, and what goes wrong on the way: rules, routes, small links.

import { addNetns, deleteNetns, inNetns } from './netns.js'

export type Family = 4 | 6

export interface ChainOptions {
  /** MTU by link; link 0 is the source's. 1500 where nothing is said. */
  mtu?: Readonly<Record<number, number>>
  /** Keeps the kernel's limits on ICMP errors, which are off otherwise: they look like loss. */
  rateLimits?: boolean
}

/** The source, its routers and the destination, in one line: `nodes[0]` is the source. */
export interface Chain {
  readonly nodes: readonly string[]
  readonly source: string
  readonly routers: readonly string[]
  readonly destination: string
  /** The address of a node on its link towards the source; the source has one towards the destination only. */
  address(node: number, family: Family): string
  /** The address of a node on its link towards the destination. */
  farAddress(node: number, family: Family): string
  /** The destination's address. */
  target(family: Family): string
}

/** Device of every node but the last towards the destination, and of every node but the first towards the source. */
export const FAR = 'far0'
export const NEAR = 'near0'

const FAMILIES: readonly Family[] = [4, 6]

const linkAddress = (link: number, end: 1 | 2, family: Family): string =>
  family === 4 ? `10.0.${link + 1}.${end}` : `fd00:0:0:${(link + 1).toString(16)}::${end}`
const linkNetwork = (link: number, family: Family): string =>
  family === 4 ? `10.0.${link + 1}.0/24` : `fd00:0:0:${(link + 1).toString(16)}::/64`

/** The ends of a link know each other from the start: the first answer of neighbour discovery can take a second. */
const linkMac = (link: number, end: 1 | 2): string => `02:00:00:00:${link.toString(16).padStart(2, '0')}:0${end}`

/** Runs a command that has to work; its output. */
export async function must(ns: string | null, argv: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await inNetns(ns, argv, { input })
  if (code !== 0) throw new Error(`${argv.join(' ')} in ${ns ?? 'this namespace'} failed: ${stderr}${input}`)
  return stdout
}

/** Writes settings under /proc/sys/net of a namespace: `ipv4.ip_forward=1`, with `/` where a device's name follows. */
export async function setSysctls(ns: string, settings: Readonly<Record<string, string | number>>): Promise<void> {
  const lines = Object.entries(settings).map(
    ([name, value]) => `echo '${value}' > /proc/sys/net/${name.replaceAll('.', '/')}`,
  )
  await must(ns, ['sh', '-e'], `${lines.join('\n')}\n`)
}

/** Lets every user open ICMP sockets in a namespace, or nobody (not even root, whose way is a raw socket). */
export function setPingGroups(ns: string, who: 'open' | 'closed'): Promise<void> {
  return setSysctls(ns, { 'ipv4.ping_group_range': who === 'open' ? '0 2147483647' : '1 0' })
}

/** Makes a namespace a node that forwards, with its limits on ICMP errors or without. */
export function prepareNode(ns: string, rateLimits: boolean): Promise<void> {
  return setSysctls(ns, {
    'ipv4.ip_forward': 1,
    'ipv6.conf.all.forwarding': 1,
    // Duplicate address detection would keep addresses unusable for a second.
    'ipv6.conf.all.accept_dad': 0,
    'ipv6.conf.default.accept_dad': 0,
    'ipv6.conf.default.router_solicitations': 0,
    'ipv4.conf.all.rp_filter': 0,
    'ipv4.conf.default.rp_filter': 0,
    ...(rateLimits ? {} : { 'ipv4.icmp_ratelimit': 0, 'ipv4.icmp_ratemask': 0 }),
    ...(rateLimits ? {} : { 'ipv6.icmp.ratelimit': 0, 'ipv6.icmp.ratemask': '' }),
  })
}

async function joinNodes(nodes: readonly string[], options: ChainOptions): Promise<void> {
  for (const ns of nodes) await prepareNode(ns, options.rateLimits ?? false)
  for (const [link, near] of nodes.slice(0, -1).entries()) {
    const far = nodes[link + 1]!
    const mtu = String(options.mtu?.[link] ?? 1500)
    const ends = ['address', linkMac(link, 1), 'mtu', mtu, 'type', 'veth', 'peer', 'name', NEAR]
    const peer = ['address', linkMac(link, 2), 'mtu', mtu, 'netns', far]
    await must(null, ['ip', '-n', near, 'link', 'add', FAR, ...ends, ...peer])
  }
  const last = nodes.length - 1
  for (const [node, ns] of nodes.entries()) {
    const lines: string[] = []
    for (const family of FAMILIES) {
      const bits = family === 4 ? '/24' : '/64 nodad'
      if (node > 0) lines.push(`addr add ${linkAddress(node - 1, 2, family)}${bits} dev ${NEAR}`)
      if (node < last) lines.push(`addr add ${linkAddress(node, 1, family)}${bits} dev ${FAR}`)
    }
    if (node > 0) lines.push(`link set ${NEAR} up`)
    if (node < last) lines.push(`link set ${FAR} up`)
    for (const family of FAMILIES) {
      const known = (link: number, end: 1 | 2) =>
        `neigh add ${linkAddress(link, end, family)} lladdr ${linkMac(link, end)} nud permanent dev`
      if (node > 0) lines.push(`${known(node - 1, 1)} ${NEAR}`)
      if (node < last) lines.push(`${known(node, 2)} ${FAR}`)
    }
    for (const family of FAMILIES) {
      const via = (link: number, end: 1 | 2) => `via ${linkAddress(link, end, family)}`
      if (last === 1) continue
      // Hosts have a default route; routers know the links of the chain and nothing else.
      if (node === 0) lines.push(`-${family} route add default ${via(0, 2)}`)
      else if (node === last) lines.push(`-${family} route add default ${via(last - 1, 1)}`)
      else {
        for (let link = 0; link < node - 1; link++) {
          lines.push(`-${family} route add ${linkNetwork(link, family)} ${via(node - 1, 1)}`)
        }
        for (let link = node + 1; link < last; link++) {
          lines.push(`-${family} route add ${linkNetwork(link, family)} ${via(node, 2)}`)
        }
      }
    }
    for (const line of lines) await must(null, ['ip', '-n', ns, ...line.split(' ')])
  }
}

function chainOf(nodes: readonly string[]): Chain {
  const last = nodes.length - 1
  const address = (node: number, family: Family) => linkAddress(node - 1, 2, family)
  return {
    nodes,
    source: nodes[0]!,
    routers: nodes.slice(1, -1),
    destination: nodes[last]!,
    address,
    farAddress: (node, family) => linkAddress(node, 1, family),
    target: family => address(last, family),
  }
}

/** Builds a source and a destination with `routers` routers between them (0: neighbours); the caller removes it. */
export async function addChain(routers: number, options: ChainOptions = {}): Promise<Chain> {
  const nodes: string[] = []
  try {
    for (let node = 0; node < routers + 2; node++) nodes.push(await addNetns())
    await joinNodes(nodes, options)
    return chainOf(nodes)
  } catch (error) {
    await removeNodes(nodes)
    throw error
  }
}

const removeNodes = (nodes: readonly string[]) => Promise.allSettled(nodes.map(deleteNetns))

/** Removes all namespaces of a chain, and with them its links, rules and routes. */
export async function removeChain(chain: Chain): Promise<void> {
  await removeNodes(chain.nodes)
}

/** Builds a chain, runs `fn` with it, and removes it whatever happens. */
export async function withChain<T>(
  routers: number,
  fn: (chain: Chain) => Promise<T>,
  options: ChainOptions = {},
): Promise<T> {
  const chain = await addChain(routers, options)
  try {
    return await fn(chain)
  } finally {
    await removeChain(chain)
  }
}

/** Where a rule is looked at: packets for this host, packets passing through, packets of this host. */
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'

/** Runs `fn` while nftables of a namespace have these rules (in nft's own words) at a hook, and takes them away again. */
export async function withRules<T>(
  ns: string,
  hook: Hook,
  rules: string | readonly string[],
  fn: () => Promise<T>,
): Promise<T> {
  const lines = typeof rules === 'string' ? [rules] : rules
  const chain = `chain rules { type filter hook ${hook} priority 0;\n${lines.join('\n')}\n}`
  await must(ns, ['nft', '-f', '-'], `table inet netkit_lab {\n${chain}\n}\n`)
  try {
    return await fn()
  } finally {
    await must(ns, ['nft', 'delete', 'table', 'inet', 'netkit_lab'])
  }
}

/** Runs `fn` while a namespace has a route (in the words of `ip route add`), and takes it away again. */
export async function withRoute<T>(
  ns: string,
  family: Family,
  route: readonly string[],
  fn: () => Promise<T>,
): Promise<T> {
  await must(null, ['ip', '-n', ns, `-${family}`, 'route', 'add', ...route])
  try {
    return await fn()
  } finally {
    await must(null, ['ip', '-n', ns, `-${family}`, 'route', 'del', ...route])
  }
}

/** Packets to an address, whatever its family. */
const towards = (address: string): string => `${address.includes(':') ? 'ip6' : 'ip'} daddr ${address}`

/** A rule for `withRules`, hook `forward`: of the packets to an address, one in `every` is dropped, always the same one. */
export const dropOneIn = (every: number, address: string): string =>
  `${towards(address)} numgen inc mod ${every} 0 drop`

/** The same by chance: so many percent. */
export const dropPercent = (percent: number, address: string): string =>
  `${towards(address)} numgen random mod 100 < ${percent} drop`

/** A rule that lowers the maximum segment size of TCP connections to an address. */
export const clampMss = (bytes: number, address: string): string =>
  `${towards(address)} tcp flags & (syn | rst) == syn tcp option maxseg size set ${bytes}`

/** ICMP errors that a namespace did not send because of its limits, so far: by destination and in all. */
export async function limitedErrors(ns: string, family: Family): Promise<number> {
  if (family === 6) {
    const lines = (await must(ns, ['cat', '/proc/net/snmp6'])).split('\n')
    const found = lines.find(line => line.startsWith('Icmp6OutRateLimitHost'))
    if (found === undefined) throw new Error('this kernel does not count Icmp6OutRateLimitHost')
    return Number(found.trim().split(/\s+/)[1])
  }
  const [names, values] = (await must(ns, ['cat', '/proc/net/snmp']))
    .split('\n')
    .filter(line => line.startsWith('Icmp: '))
    .map(line => line.split(' '))
  const count = (name: string) => Number(values![names!.indexOf(name)] ?? Number.NaN)
  return count('OutRateLimitHost') + count('OutRateLimitGlobal')
}

/** Makes a namespace forget the path MTUs that it has learned; the kernel keeps them for ten minutes. */
export async function forgetPathMtu(ns: string): Promise<void> {
  for (const family of FAMILIES) await must(null, ['ip', '-n', ns, `-${family}`, 'route', 'flush', 'cache'])
}
