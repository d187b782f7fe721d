// Which tables, socket types and states a command line means, in ss's words.

import { UsageError } from '../errors/index.js'
import type { Family, Protocol } from './constants.js'
import { SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } from './constants.js'
import type { FilterFamily } from './filter/index.js'
import type { SocketRecord } from './record.js'
import { ALL_STATES, CLOSED, DEFAULT_STATES, parseState, STATE_WORDS } from './states.js'
import { TABLES, type Table } from './tables.js'

/** One kind of socket as `-A` names it: a protocol, and where it has types, one of them. */
export interface Kind {
  protocol: Protocol
  /** SOCK_ type; 0 for all. */
  type: number
}

const kind = (protocol: Protocol, type = 0): Kind => ({ protocol, type })
const UNIX = [kind('unix', SOCK_STREAM), kind('unix', SOCK_DGRAM), kind('unix', SOCK_SEQPACKET)]
const PACKET = [kind('packet', SOCK_RAW), kind('packet', SOCK_DGRAM)]
const VSOCK = [kind('vsock', SOCK_STREAM), kind('vsock', SOCK_DGRAM), kind('vsock', SOCK_SEQPACKET)]
const INET = [kind('tcp'), kind('udp'), kind('raw'), kind('mptcp'), kind('sctp')]
const ALL = [...INET, ...UNIX, ...PACKET, ...VSOCK, kind('netlink'), kind('xdp'), kind('tipc')]

/** Words of `-A`, ss's and their short forms. */
const KINDS: ReadonlyMap<string, readonly Kind[]> = new Map([
  ['all', ALL],
  ['inet', INET],
  ['tcp', [kind('tcp')]],
  ['udp', [kind('udp')]],
  ['raw', [kind('raw')]],
  ['mptcp', [kind('mptcp')]],
  ['sctp', [kind('sctp')]],
  ['unix', UNIX],
  ['unix_stream', [UNIX[0]!]],
  ['u_str', [UNIX[0]!]],
  ['unix_dgram', [UNIX[1]!]],
  ['u_dgr', [UNIX[1]!]],
  ['unix_seqpacket', [UNIX[2]!]],
  ['u_seq', [UNIX[2]!]],
  ['packet', PACKET],
  ['packet_raw', [PACKET[0]!]],
  ['p_raw', [PACKET[0]!]],
  ['packet_dgram', [PACKET[1]!]],
  ['p_dgr', [PACKET[1]!]],
  ['netlink', [kind('netlink')]],
  ['vsock', VSOCK],
  ['vsock_stream', [VSOCK[0]!]],
  ['v_str', [VSOCK[0]!]],
  ['vsock_dgram', [VSOCK[1]!]],
  ['v_dgr', [VSOCK[1]!]],
  ['xdp', [kind('xdp')]],
  ['tipc', [kind('tipc')]],
])

/** Words of `-f`. */
const FAMILIES: ReadonlyMap<string, { kinds: readonly Kind[]; version?: 4 | 6 }> = new Map([
  ['inet', { kinds: INET, version: 4 }],
  ['inet6', { kinds: INET, version: 6 }],
  ['unix', { kinds: UNIX }],
  ['link', { kinds: PACKET }],
  ['netlink', { kinds: [kind('netlink')] }],
  ['vsock', { kinds: VSOCK }],
  ['tipc', { kinds: [kind('tipc')] }],
  ['xdp', { kinds: [kind('xdp')] }],
] as const)

export interface SelectionWords {
  /** Protocols of flags such as -t and -x. */
  protocols: readonly Protocol[]
  /** Words of -A, in order. */
  query: readonly string[]
  family: string | null
  ipv4: boolean
  ipv6: boolean
}

export interface Selection {
  tables: readonly Table[]
  kinds: readonly Kind[]
  /** Whether the user named what to list; otherwise it is everything there is. */
  named: boolean
  /** Whether IPv6 was left out. */
  ipv4Only: boolean
}

const same = (a: Kind, b: Kind): boolean => a.protocol === b.protocol && a.type === b.type
const choices = (words: Iterable<string>): string => [...words].join(' ')

/** The tables and kinds that flags select. @throws UsageError for an unknown word, or when nothing is left */
export function selectTables(words: SelectionWords): Selection {
  let kinds: Kind[] = []
  let versions: readonly number[] = [4, 6]
  for (const protocol of words.protocols) kinds.push(...ALL.filter(each => each.protocol === protocol))
  for (const word of words.query.flatMap(text => text.split(','))) kinds = applyQueryWord(kinds, word)
  if (words.ipv4 !== words.ipv6) versions = words.ipv4 ? [4] : [6]
  if (words.family !== null) {
    const family = FAMILIES.get(words.family)
    if (family === undefined) {
      throw new UsageError(`there is no address family ${words.family}`, {
        hints: [`families: ${choices(FAMILIES.keys())}`],
      })
    }
    if (kinds.length === 0) kinds.push(...family.kinds)
    else kinds = kinds.filter(each => family.kinds.some(other => other.protocol === each.protocol))
    if (family.version) versions = [family.version]
  }
  const named = kinds.length > 0
  if (!named && (words.protocols.length > 0 || words.query.length > 0)) {
    throw new UsageError('these options leave no socket table to list')
  }
  if (!named) kinds.push(...(versions.length === 1 ? INET : ALL))
  const tables = TABLES.filter(table => {
    if (!kinds.some(each => each.protocol === table.protocol)) return false
    return !table.inet || versions.includes(table.familyWord === 'inet' ? 4 : 6)
  })
  return { tables, kinds, named, ipv4Only: versions.length === 1 && versions[0] === 4 }
}

function applyQueryWord(kinds: readonly Kind[], word: string): Kind[] {
  const removes = word.startsWith('!')
  const found = KINDS.get(removes ? word.slice(1) : word)
  if (found === undefined) {
    throw new UsageError(`there is no socket table ${word}`, { hints: [`tables: ${choices(KINDS.keys())}`] })
  }
  if (!removes) return [...kinds, ...found.filter(each => !kinds.some(other => same(each, other)))]
  const from = kinds.length === 0 ? ALL : kinds
  return from.filter(each => !found.some(other => same(each, other)))
}

/** ss's words for the families whose hosts are no addresses of IP. */
const HOST_FAMILIES: Partial<Record<Family, FilterFamily>> = {
  unix: 'unix',
  packet: 'link',
  netlink: 'netlink',
  vsock: 'vsock',
}

/** What `src` and `dst` of a filter stand for where nothing but one such family is listed, as in `ss -x src '/run/*'`; otherwise null. */
export function hostFamilyOf(tables: readonly Table[]): FilterFamily | null {
  const families = new Set(tables.map(({ familyWord }) => familyWord))
  return families.size === 1 ? (HOST_FAMILIES[tables[0]!.familyWord] ?? null) : null
}

/** How many kinds are listed: with one, the first column says nothing. */
export function kindCount(kinds: readonly Kind[]): number {
  return new Set(kinds.map(each => `${each.protocol}/${each.type}`)).size
}

/** Whether a record is of one of the kinds; null when all records of the tables are. */
export function kindTest(kinds: readonly Kind[]): ((record: SocketRecord) => boolean) | null {
  const partial = (['unix', 'packet', 'vsock'] as const).filter(protocol => {
    const chosen = kinds.filter(each => each.protocol === protocol).length
    return chosen > 0 && chosen < ALL.filter(each => each.protocol === protocol).length
  })
  if (partial.length === 0) return null
  return record =>
    !partial.some(protocol => protocol === record.protocol) ||
    kinds.some(each => each.protocol === record.protocol && each.type === record.type)
}

const IDLE_STATES = DEFAULT_STATES | (1 << CLOSED)

export interface StateWords {
  /** Words of --state and `state`. */
  states: readonly string[]
  /** Words of --exclude and `exclude`. */
  exclude: readonly string[]
  /** Mask that -a, -l or -B stand for; null without them. */
  flags: number | null
  /** Mask that the filter allows; null when it allows all. */
  filter: number | null
  /** Whether the filter chooses the states where nothing else does. */
  filterChooses: boolean
  /** Whether kinds were named whose sockets are never connected (packet, netlink): ss lists closed ones then. */
  idleKinds?: boolean
}

/** The mask of states to list. State words go before -a and -l, as in ss. @throws UsageError for an unknown word */
export function selectStates(words: StateWords): number {
  const masks = (texts: readonly string[]): number => texts.reduce((mask, text) => mask | stateMask(text), 0)
  const excluded = masks(words.exclude)
  let mask = masks(words.states)
  if (mask === 0)
    mask =
      excluded !== 0
        ? ALL_STATES
        : (words.flags ?? (words.filterChooses ? ALL_STATES : words.idleKinds ? IDLE_STATES : DEFAULT_STATES))
  mask &= ~excluded
  return words.filter === null ? mask : mask & words.filter
}

function stateMask(text: string): number {
  return text.split(',').reduce((mask, word) => {
    const found = parseState(word)
    if (found === null)
      throw new UsageError(`there is no state ${word || '(empty)'}`, { hints: [`states: ${choices(STATE_WORDS)}`] })
    return mask | found
  }, 0)
}
