// Addresses of the targets of a run, by the C library, so that /etc/hosts, nsswitch.conf(5) and what it takes for an address
// (`127.1`) count as they do for ping(8).

import dns from 'node:dns'
import { getSystemErrorName } from 'node:util'
import { parseIpv4, splitZone } from '../bytes/address.js'
import { isNodeSystemError } from '../errors/index.js'
import type { ForwardResolver, Lookup } from '../ports/resolver.js'
import type { ProbeTarget } from '../probe/events.js'
import { type ExpandOptions, expandTargets, MOST_TARGETS, type TargetWord } from '../probe/targets.js'
import { readInterfaceNames } from './names.js'

/** Look-ups under way at a time. Node runs four of them; the others wait where they cost little. */
const CONCURRENCY = 64

/** gai_strerror(3) of glibc, which is what ping prints. */
const NOT_KNOWN = 'Name or service not known'
export const WRONG_FAMILY = 'Address family for hostname not supported'
const REASONS: Readonly<Record<string, string>> = {
  EAI_ADDRFAMILY: WRONG_FAMILY,
  EAI_AGAIN: 'Temporary failure in name resolution',
  EAI_BADFLAGS: 'Bad value for ai_flags',
  EAI_FAIL: 'Non-recoverable failure in name resolution',
  EAI_FAMILY: 'ai_family not supported',
  EAI_MEMORY: 'Memory allocation failure',
  EAI_NODATA: 'No address associated with hostname',
  EAI_NONAME: NOT_KNOWN,
  EAI_SERVICE: 'Servname not supported for ai_socktype',
  EAI_SOCKTYPE: 'ai_socktype not supported',
  // libuv refuses what cannot be a name (longer than 255 bytes, no valid IDNA) before the C library sees it.
  EINVAL: NOT_KNOWN,
}

/** RFC 4291 section 2.5.6, and multicast of interface and link scope (section 2.7): only these belong to an interface. */
const SCOPED = /^(fe[89ab]|ff.[12])/i

/** What means this host, and the address of it that is reached then: net/ipv4/route.c, ip_route_output_key. ping(8) shows the latter. */
const ANY_ADDRESS = '0.0.0.0'
const LOOPBACK = '127.0.0.1'

const reached = (address: string): string => (address === ANY_ADDRESS ? LOOPBACK : address)

/** The resolver of the system. */
export const systemResolver: ForwardResolver = {
  lookup: name =>
    new Promise(resolve => {
      // Node warns of an empty name and finds nothing; the C library does not know it.
      if (name === '') resolve({ reason: NOT_KNOWN })
      else {
        dns.lookup(name, { all: true, verbatim: true }, (error, addresses) => {
          if (error !== null) resolve({ reason: reasonOf(error) })
          else if (addresses.length === 0) resolve({ reason: NOT_KNOWN })
          else
            resolve({
              addresses: addresses.map(each => ({ address: each.address, family: each.family === 6 ? 6 : 4 })),
            })
        })
      }
    }),
}

/** Node has one code, ENOTFOUND, for two errors, but keeps the number. */
function reasonOf(error: Error): string {
  const name = isNodeSystemError(error) ? getSystemErrorName(error.errno) : ''
  return REASONS[name] ?? error.message
}

export interface ResolveOptions extends ExpandOptions {
  /** Only addresses of this family; null for what the system puts first. */
  family: 4 | 6 | null
  /** Every address of a name, not only the first. */
  all: boolean
}

/** What became of the words. */
export interface ResolvedTargets {
  /** In the order of the words, numbered by it. */
  targets: ProbeTarget[]
  /** Targets without an address, in the words of the C library: `Name or service not known`. */
  failures: { target: string; reason: string }[]
}

/**
 * The targets that words stand for (see `expandTargets`), each with its address.
 * @param interfaces names of interfaces by index, asked for when a target has one
 * @throws UsageError for words that are no targets, and for too many
 */
export async function resolveTargets(
  words: Iterable<string>,
  options: ResolveOptions,
  resolver: ForwardResolver = systemResolver,
  interfaces: () => ReadonlyMap<number, string> = readInterfaceNames,
): Promise<ResolvedTargets> {
  const plain = plainTargets(words, options)
  if (plain !== null) return { targets: plain, failures: [] }
  const given = [...expandTargets(words, options)]
  const found = await lookUp(given, resolver)
  const zones = new Zones(interfaces)
  const targets: ProbeTarget[] = []
  const failures: ResolvedTargets['failures'] = []
  for (const word of given) {
    const { target, address, family } = word
    // The bulk of very many targets.
    if (address !== null && !address.includes('%') && (options.family ?? family) === family) {
      targets.push({ index: targets.length, target, address: reached(address), family: family! })
      continue
    }
    const answer = ofFamily(options.family, address === null ? found.get(target)! : literal(word, zones))
    if ('reason' in answer) failures.push({ target, reason: answer.reason })
    else {
      for (const each of options.all ? unique(answer.addresses) : answer.addresses.slice(0, 1)) {
        targets.push({ index: targets.length, target, address: reached(each.address), family: each.family })
      }
    }
  }
  return { targets, failures }
}

/** Tens of thousands of IPv4 addresses, as a list of them is; null when there is anything else among the words. */
function plainTargets(words: Iterable<string>, { family, limit = MOST_TARGETS }: ResolveOptions): ProbeTarget[] | null {
  if (family === 6 || !Array.isArray(words) || words.length > limit) return null
  const targets: ProbeTarget[] = []
  for (let index = 0; index < words.length; index++) {
    const target: string = words[index]
    if (parseIpv4(target) === null) return null
    targets.push({ index, target, address: reached(target), family: 4 })
  }
  return targets
}

/** Asks for each name once. */
async function lookUp(words: readonly TargetWord[], resolver: ForwardResolver): Promise<Map<string, Lookup>> {
  const names = [...new Set(words.filter(word => word.address === null).map(word => word.target))]
  const found = new Map<string, Lookup>()
  let next = 0
  const work = async (): Promise<void> => {
    while (next < names.length) {
      const name = names[next++]!
      found.set(name, await resolver.lookup(name))
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, names.length) }, work))
  return found
}

function literal({ address, family }: TargetWord, zones: Zones): Lookup {
  if (address!.includes('%')) return zones.withName(address!)
  return { addresses: [{ address: address!, family: family! }] }
}

/** As iputils: both families are asked for, and what is not wanted is left out. */
function ofFamily(family: 4 | 6 | null, found: Lookup): Lookup {
  if (family === null || 'reason' in found) return found
  const addresses = found.addresses.filter(each => each.family === family)
  return addresses.length > 0 ? { addresses } : { reason: WRONG_FAMILY }
}

function unique<Item extends { address: string }>(items: readonly Item[]): Item[] {
  return [...new Map(items.map(item => [item.address, item])).values()]
}

/** Interfaces that addresses name. */
class Zones {
  private readonly interfaces: () => ReadonlyMap<number, string>
  private names: ReadonlyMap<number, string> | null = null

  constructor(interfaces: () => ReadonlyMap<number, string>) {
    this.interfaces = interfaces
  }

  /** The address with the name of its interface, which may have been given by number, RFC 4007 section 11.2. */
  withName(text: string): Lookup {
    this.names ??= this.interfaces()
    const [address, zone] = splitZone(text) as [string, string]
    if (!SCOPED.test(address)) return { reason: `only a link-local address has an interface: leave out %${zone}` }
    const number = /^\d{1,9}$/.test(zone) ? Number(zone) : null
    const name = number === null ? zone : this.names.get(number)
    if (name === undefined || (number === null && ![...this.names.values()].includes(name))) {
      return { reason: `there is no interface ${zone} with IPv6` }
    }
    return { addresses: [{ address: `${address}%${name}`, family: 6 }] }
  }
}
