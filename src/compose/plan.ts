// Turns a request into what the collectors take: request details, kernel bytecode, the filter that runs here.

import { UsageError } from '../errors/index.js'
import {
  extensionBit,
  INET_DIAG_CONG,
  INET_DIAG_INFO,
  INET_DIAG_SKMEMINFO,
  INET_DIAG_TCLASS,
  INET_DIAG_TOS,
  INET_DIAG_VEGASINFO,
} from '../sockets/diag/inet-diag.js'
import {
  compileBytecode,
  compileFilter,
  type Filter,
  hostNames,
  matchesEverything,
  requirements,
  type SocketPredicate,
  withAddresses,
} from '../sockets/filter/index.js'
import type { ListingQuery } from '../sockets/listing.js'
import { kindTest, type Selection } from '../sockets/selection.js'
import type { Session } from './session.js'

/** Which sockets are asked for. */
export interface SocketRequest {
  selection: Selection
  /** Mask of kernel states. */
  states: number
  filter: Filter
}

/** What is to be shown beyond the addresses. */
export interface DetailFlags {
  memory: boolean
  info: boolean
  tos: boolean
  processes: boolean
  threads: boolean
}

/** @throws UsageError when a host name of the filter cannot be resolved */
export async function planListing(
  request: SocketRequest,
  flags: DetailFlags,
  source: ListingQuery['source'],
  session: Session,
): Promise<ListingQuery> {
  const filter = await resolveNames(request.filter)
  const needs = requirements(filter)
  const wantsHolders = flags.processes || flags.threads
  let extensions = 0
  if (flags.memory || needs.memory) extensions |= extensionBit(INET_DIAG_SKMEMINFO)
  if (flags.info || needs.info) extensions |= extensionBit(INET_DIAG_INFO)
  if (flags.info) extensions |= extensionBit(INET_DIAG_VEGASINFO) | extensionBit(INET_DIAG_CONG)
  if (flags.tos) extensions |= extensionBit(INET_DIAG_TOS) | extensionBit(INET_DIAG_TCLASS)
  const context = { ...session.context, netns: 0, mayUseMark: process.geteuid?.() === 0 }
  // Interface numbers differ from namespace to namespace, so a program is made for one only.
  const bytecode =
    matchesEverything(filter) || session.targets.length > 1 ? null : compileBytecode(filter, context).bytes
  return {
    tables: request.selection.tables,
    states: request.states,
    source,
    details: { extensions },
    bytecode,
    targets: session.targets,
    accepts: acceptance(filter, request, session),
    acceptsByHolder: needs.processes,
    processes: wantsHolders || needs.processes,
    threads: flags.threads,
  }
}

function acceptance(filter: Filter, request: SocketRequest, session: Session): SocketPredicate {
  const ofKind = kindTest(request.selection.kinds)
  if (matchesEverything(filter)) return ofKind ?? (() => true)
  const matches = compileFilter(filter, session.context)
  return ofKind === null ? matches : record => ofKind(record) && matches(record)
}

async function resolveNames(filter: Filter): Promise<Filter> {
  const names = hostNames(filter)
  if (names.length === 0) return filter
  const { lookup } = await import('node:dns/promises')
  const addresses = new Map<string, string[]>()
  for (const name of names) {
    try {
      addresses.set(
        name,
        (await lookup(name, { all: true })).map(found => found.address),
      )
    } catch (error) {
      throw new UsageError(`cannot resolve the host name ${name} of the filter`, {
        hints: ['give an address instead of a name'],
        cause: error,
      })
    }
  }
  return withAddresses(filter, addresses)
}
