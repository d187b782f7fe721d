// A library's query, as words, turned into what the collectors take.

import { UsageError } from '../errors/index.js'
import type { SourceChoice } from '../sockets/collect.js'
import { type Family, PROTOCOLS, type Protocol } from '../sockets/constants.js'
import { requirements } from '../sockets/filter/index.js'
import { hostFamilyOf, type Selection, selectStates, selectTables } from '../sockets/selection.js'
import { ALL_STATES } from '../sockets/states.js'
import { parseFilterText } from './filter-text.js'
import type { DetailFlags, SocketRequest } from './plan.js'
import { serviceLookup } from './session.js'

/** What is read beyond the addresses, queues and owners: each makes the kernel's answer larger. */
export type SocketDetail = 'memory' | 'info' | 'options'

/** Which sockets to list. Everything left out means "all". */
export interface SocketQuery {
  protocols?: readonly Protocol[]
  families?: readonly Family[]
  /** Of IP sockets only this version, and no others unless `protocols` or `families` name them. */
  ipVersion?: 4 | 6
  /** State words and groups: `time-wait`, `connected`. All states when left out. */
  states?: readonly string[]
  /** States to leave out. */
  exclude?: readonly string[]
  /** A filter expression, as after `netkit ss`: `dport = :443 and not src 127.0.0.0/8`. */
  filter?: string
  /** Where sockets are read from; `auto` is netlink, and procfs for what netlink cannot answer. */
  source?: SourceChoice
  /** A network namespace: its name, a path or a pid; `all` for every one that is visible. */
  netns?: string | number
  /** `memory` fills `memory` and `drops`, `info` fills `tcp`, `options` fills the header fields of `options`. */
  details?: readonly SocketDetail[]
  /** Whether to look for the processes that hold each socket. */
  processes?: boolean
}

/** @throws UsageError for unknown words, and for a filter with a syntax error */
export function requestOf(query: SocketQuery): SocketRequest {
  const selection = selectionOf(query)
  const filter = parseFilterText(query.filter ?? '', serviceLookup, hostFamilyOf(selection.tables))
  const needs = requirements(filter)
  const { families } = needs
  return {
    selection: {
      ...selection,
      tables: families === null ? selection.tables : selection.tables.filter(table => families.has(table.familyWord)),
    },
    states: selectStates({
      states: query.states ?? [],
      exclude: query.exclude ?? [],
      flags: ALL_STATES,
      filter: needs.states,
      filterChooses: needs.namesStates,
    }),
    statesImplied: false,
    filter,
  }
}

function selectionOf(query: SocketQuery): Selection {
  for (const protocol of query.protocols ?? []) {
    if (PROTOCOLS.includes(protocol)) continue
    throw new UsageError(`there is no protocol ${protocol}`, { hints: [`protocols: ${PROTOCOLS.join(' ')}`] })
  }
  const families = query.families ?? null
  // IP's version is a family of its own here: without protocols it stands for all of IP.
  const onlyVersion = query.ipVersion !== undefined && families === null
  const selection = selectTables({
    protocols: query.protocols ?? [],
    query: query.protocols === undefined && !onlyVersion ? ['all'] : [],
    family: null,
    ipv4: query.ipVersion === 4,
    ipv6: query.ipVersion === 6,
  })
  const tables =
    families === null ? selection.tables : selection.tables.filter(each => families.includes(each.familyWord))
  const named = query.protocols !== undefined || families !== null || onlyVersion
  return { ...selection, tables, named }
}

export function detailsOf(query: SocketQuery): DetailFlags {
  const wants = (detail: SocketDetail): boolean => query.details?.includes(detail) ?? false
  for (const detail of query.details ?? []) {
    if (['memory', 'info', 'options'].includes(detail)) continue
    throw new UsageError(`there is no detail ${detail}`, { hints: ['details: memory info options'] })
  }
  return {
    memory: wants('memory'),
    info: wants('info'),
    tos: wants('options'),
    processes: query.processes ?? false,
    threads: false,
  }
}
