// Names of addresses from /etc/hosts and the name servers.
//
// getnameinfo(3), which `dns.lookupService` calls, cannot be given up: Node waits for it at its end, 10 s for one address with a
// server that is silent (measured), and it runs on four threads. Queries of a `Resolver` can be cancelled. Its `reverse` says that
// there is no name when no server could be reached, and takes the last name of an address in /etc/hosts, where the first is its
// name, hosts(5): so PTR records are asked for, and the file is read here.

import { Resolver } from 'node:dns/promises'
import fs from 'node:fs'
import { formatIpv4, formatIpv6 } from '../bytes/address.js'
import type { ReverseResolver } from '../ports/resolver.js'
import { parseIpBlock } from '../sockets/filter/addresses.js'
import { errorCode } from './errno.js'

const QUERY_TIMEOUT_MS = 1000
const TRIES = 2
/** The server has answered: there is no name. */
const NO_NAME = ['ENOTFOUND', 'ENODATA', 'ENONAME']

/** The first name of each address in hosts(5) text. Damaged lines are left out. */
export function parseHosts(text: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [address, name] = line.replace(/#.*/s, '').trim().split(/\s+/)
    const block = address === undefined || address.includes('/') ? null : parseIpBlock(address)
    if (block === null || name === undefined) continue
    const key = block.version === 4 ? formatIpv4(block.words[0]) : formatIpv6(...block.words)
    if (!names.has(key)) names.set(key, name)
  }
  return names
}

/** @param hostsFile default /etc/hosts */
export function openReverseResolver(hostsFile = '/etc/hosts'): ReverseResolver {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES })
  const hosts = parseHosts(read(hostsFile))
  return {
    nameOf: async address => hosts.get(address) ?? (await reverse(address)),
    cancel: () => resolver.cancel(),
  }

  async function reverse(address: string): Promise<string | null> {
    try {
      return (await resolver.resolvePtr(pointerName(address)))[0] ?? null
    } catch (error) {
      if (NO_NAME.includes(errorCode(error))) return null
      throw error
    }
  }
}

/** The name under which an address has its PTR record, RFC 1035 3.5 and RFC 3596 2.5. */
export function pointerName(address: string): string {
  const block = parseIpBlock(address)
  if (block === null) throw new TypeError(`${address} is no IP address`)
  const hex = block.words.map(word => word.toString(16).padStart(8, '0')).join('')
  if (block.version === 6) return `${[...hex].reverse().join('.')}.ip6.arpa`
  return `${formatIpv4(block.words[0]).split('.').reverse().join('.')}.in-addr.arpa`
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
