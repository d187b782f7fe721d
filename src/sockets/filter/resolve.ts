// Host names in a filter: which need a look-up, and the filter with all their addresses put in.

import { parseIpBlock } from './addresses.js'
import type { Filter, IpBlock } from './ast.js'
import { everyPredicate } from './walk.js'

/** Names of hosts, each once, that must be resolved before the filter can be compiled. */
export function hostNames(filter: Filter): string[] {
  const names = new Set<string>()
  everyPredicate(filter, predicate => {
    if (predicate.kind === 'host' && predicate.host.kind === 'name') names.add(predicate.host.name)
  })
  return [...names]
}

/**
 * The filter with each name replaced by all of its addresses: any of them matches (ss looks at the first alone). With
 * `inet:` only IPv4 addresses count. A name that `addresses` lacks stays as it is; one without addresses matches no host.
 */
export function withAddresses(filter: Filter, addresses: ReadonlyMap<string, readonly string[]>): Filter {
  if (filter.kind === 'and' || filter.kind === 'or') {
    return { kind: filter.kind, terms: filter.terms.map(term => withAddresses(term, addresses)) }
  }
  if (filter.kind === 'not') return { kind: 'not', term: withAddresses(filter.term, addresses) }
  if (filter.kind !== 'host' || filter.host.kind !== 'name') return filter
  const found = addresses.get(filter.host.name)
  if (!found) return filter
  // A resolver may add the scope of a link-local address, which is no part of it.
  const blocks = found.map(text => parseIpBlock(text.replace(/%.*$/, ''))).filter((block): block is IpBlock => !!block)
  const usable = filter.family === 'inet' ? blocks.filter(block => block.version === 4) : blocks
  return { ...filter, host: { kind: 'ip', blocks: usable } }
}
