// Turns a request into what the collectors take: request details, kernel bytecode, the filter that runs here.

import { lookup } from 'node:dns/promises'
import { CAP_NET_ADMIN, hasCapability } from '../adapters/capabilities.js'
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
import type { RecordedListing, Session } from './session.js'

/** Which sockets are asked for. */
export interface SocketRequest {
  selection: Selection
  /** Mask of kernel states. */
  states: number
  /** Whether `-a` or a default chose the states, rather than somebody who named them. */
  statesImplied: boolean
  filter: Filter
}

/** As many TCP sockets as there are ports: see `CollectQuery.boundInactiveLimit`. */
const BOUND_INACTIVE_LIMIT = 65_536

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
  const { recorded } = session
  if (recorded !== null) session.notes.push(...missingHolders(recorded, flags, needs.processes))
  const mayHaveHolders = recorded === null || recorded.holders !== 'none'
  const { tables, named } = request.selection
  let extensions = 0
  if (flags.memory || needs.memory) extensions |= extensionBit(INET_DIAG_SKMEMINFO)
  if (flags.info || needs.info) extensions |= extensionBit(INET_DIAG_INFO)
  if (flags.info) extensions |= extensionBit(INET_DIAG_VEGASINFO) | extensionBit(INET_DIAG_CONG)
  if (flags.tos) extensions |= extensionBit(INET_DIAG_TOS) | extensionBit(INET_DIAG_TCLASS)
  const context = { ...session.context, netns: 0, mayUseMark: needs.mark && hasCapability(CAP_NET_ADMIN) }
  // Interface numbers differ from namespace to namespace, so a program is made for one only.
  const bytecode =
    matchesEverything(filter) || session.targets.length > 1 || recorded !== null
      ? null
      : compileBytecode(filter, context).bytes
  return {
    tables: recorded === null || named ? tables : tables.filter(table => recorded.tables.has(table.id)),
    states: request.states,
    ...(request.statesImplied ? { boundInactiveLimit: BOUND_INACTIVE_LIMIT } : {}),
    source: source === 'auto' ? (recorded?.source ?? source) : source,
    details: { extensions },
    bytecode,
    targets: session.targets,
    accepts: acceptance(filter, request, session),
    acceptsByHolder: needs.processes,
    processes: mayHaveHolders && (flags.processes || flags.threads || needs.processes),
    threads: flags.threads,
  }
}

function missingHolders(recorded: RecordedListing, flags: DetailFlags, filterAsks: boolean): string[] {
  const hint = 'record with -p to have them'
  if (recorded.holders === 'none') {
    if (flags.processes || flags.threads) return [`who holds the sockets was not recorded: ${hint}`]
    return filterAsks ? [`who holds the sockets was not recorded, so the filter matches none by process: ${hint}`] : []
  }
  return flags.threads && recorded.holders !== 'threads' ? ['threads were not recorded: record with -T'] : []
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
