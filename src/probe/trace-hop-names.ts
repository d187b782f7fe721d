// What a hop is called in a sentence.

import type { FlowPath, Hop, TraceDocument } from './trace-document.js'

/** Addresses of one hop in a sentence. */
const MOST_NAMES = 3

export function hopName({ ttl, responders }: Hop): string {
  return responders[0] === undefined ? `hop ${ttl}` : `hop ${ttl} (${responders[0].address})`
}

/** `hop 3 (10.0.3.2)`; this host is hop 0. */
export function placeName(ttl: number, hops: readonly Hop[]): string {
  const hop = hops.find(each => each.ttl === ttl)
  if (ttl === 0) return 'this host'
  return hop === undefined ? `hop ${ttl}` : hopName(hop)
}

/** The same, by who answered these flows there (null: all). Where they go several ways: `hop 3 (10.0.3.2 or 10.0.4.2)`. */
export function placeOfFlows(
  ttl: number,
  flows: readonly number[] | null,
  document: Pick<TraceDocument, 'hops' | 'flows'>,
): string {
  const addresses = addressesOf(ttl, flows, document)
  if (ttl === 0 || addresses.length === 0) return placeName(ttl, document.hops)
  const shown = addresses.length > MOST_NAMES ? [addresses[0], `${addresses.length - 1} others`] : addresses
  return `hop ${ttl} (${shown.join(' or ')})`
}

function addressesOf(
  ttl: number,
  wanted: readonly number[] | null,
  { hops, flows }: Pick<TraceDocument, 'hops' | 'flows'>,
): string[] {
  const at = ttl - (hops[0]?.ttl ?? 1)
  const isMeant = (flow: number): boolean => wanted === null || wanted.includes(flow)
  if (flows !== null) {
    const own = flows.filter(({ flow }) => isMeant(flow)).flatMap(({ path }: FlowPath) => path[at] ?? [])
    if (own.length > 0) return [...new Set(own)]
  }
  if (wanted === null) return []
  const seen = hops.find(hop => hop.ttl === ttl)?.responders.filter(each => each.flows.some(isMeant)) ?? []
  return seen.map(({ address }) => address)
}
