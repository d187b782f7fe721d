// IPv6 listeners that serve IPv4 too, which a listing of IPv4 alone does not show.

import { collectSockets } from './collect.js'
import { AF_INET6 } from './constants.js'
import { INET_DIAG_SKV6ONLY } from './details.js'
import type { ListingPorts, ListingQuery } from './listing.js'
import type { SocketRecord } from './record.js'
import { CLOSED, LISTENING } from './states.js'
import { TABLES } from './tables.js'

/** A socket bound to `::` without IPV6_V6ONLY: it takes what comes by IPv4 as well (ipv6(7)). */
export function isDualStack(record: SocketRecord): boolean {
  const { family, local0, local1, local2, local3 } = record
  if (family !== AF_INET6 || (local0 | local1 | local2 | local3) !== 0) return false
  return (
    record.attributeLength(INET_DIAG_SKV6ONLY) > 0 && record.data.getUint8(record.attribute(INET_DIAG_SKV6ONLY)) === 0
  )
}

/**
 * Ports of the TCP and UDP sockets that receive by IPv4 though they are IPv6 sockets, as `tcp 80`, where `query` lists receiving
 * sockets of IPv4 alone; empty otherwise. The filter of the query holds for them too.
 */
export async function hiddenDualStack(query: ListingQuery, ports: ListingPorts): Promise<string[]> {
  const states = query.states & ((1 << LISTENING) | (1 << CLOSED))
  const has = (id: string): boolean => query.tables.some(table => table.id === id)
  const tables = TABLES.filter(
    ({ id }) => (id === 'tcp6' && has('tcp4') && !has('tcp6')) || (id === 'udp6' && has('udp4') && !has('udp6')),
  )
  if (states === 0 || tables.length === 0 || query.acceptsByHolder) return []
  const found = new Set<string>()
  await collectSockets({ ...query, tables, states }, ports, {
    socket(record) {
      if (isDualStack(record) && query.accepts(record)) found.add(`${record.protocol} ${record.localPort}`)
    },
    tableEnd: () => undefined,
  })
  return [...found]
}
