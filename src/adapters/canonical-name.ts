// The canonical name of a host, which ping(8) puts into its header: `www.example.net` may be an alias. Node's `dns.lookup` has no
// AI_CANONNAME, so the two places that the C library gets it from are asked: /etc/hosts and the CNAME records.

import { Resolver } from 'node:dns/promises'
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A header is not worth a longer wait. The server has just answered, so this is seldom needed. */
const PATIENCE_MS = 300
/** RFC 1034 section 3.6.2: no chains; there are some all the same. */
const MOST_ALIASES = 8

/** CNAME records: the name that another one is an alias of, null when it is none. */
export interface Aliases {
  target(name: string): Promise<string | null>
  cancel(): void
}

/**
 * The canonical name of `name`, which has been resolved to `address`; null when that is itself, or when it cannot be told in time.
 * @param hosts hosts(5) text
 */
export async function canonicalName(
  name: string,
  address: string,
  hosts: string = readHosts(),
  aliases: Aliases = openAliases(),
): Promise<string | null> {
  const found = canonicalInHosts(hosts, name, address)
  if (found !== null) return found === name ? null : found
  const timer = new AbortController()
  const late = sleep(PATIENCE_MS, null, { signal: timer.signal }).catch(() => null)
  const canonical = await Promise.race([followAliases(name, aliases), late])
  timer.abort()
  aliases.cancel()
  return canonical
}

/** The first name of the line that has the address and the name; null when there is no such line. */
function canonicalInHosts(text: string, name: string, address: string): string | null {
  const wanted = name.toLowerCase()
  for (const line of text.split('\n')) {
    const [first, ...names] = line.replace(/#.*/s, '').trim().split(/\s+/)
    if (first === address && names.some(each => each.toLowerCase() === wanted)) return names[0]!
  }
  return null
}

async function followAliases(name: string, aliases: Aliases): Promise<string | null> {
  let canonical: string | null = null
  for (let steps = 0; steps < MOST_ALIASES; steps++) {
    const next: string | null = await aliases.target(canonical ?? name).catch(() => null)
    if (next === null) return canonical
    canonical = next
  }
  return canonical
}

function openAliases(): Aliases {
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 })
  return {
    target: async name => (await resolver.resolveCname(name))[0] ?? null,
    cancel: () => resolver.cancel(),
  }
}

function readHosts(): string {
  try {
    return fs.readFileSync('/etc/hosts', 'utf8')
  } catch {
    return ''
  }
}
