// What a command line of `netkit ss` asks for: ss's words and flags as one typed request.

import { readInput } from '../../adapters/input-descriptor.js'
import { parseFilterText } from '../../compose/filter-text.js'
import type { SocketRequest } from '../../compose/plan.js'
import { fromNodeError, UsageError } from '../../errors/index.js'
import type { Protocol } from '../../sockets/constants.js'
import { allOf, requirements, type ServiceLookup } from '../../sockets/filter/index.js'
import { hostFamilyOf, selectStates, selectTables } from '../../sockets/selection.js'
import { ALL_STATES, LISTENING_STATES, parseState } from '../../sockets/states.js'

export type { SocketRequest }

/** Flags that choose sockets, as oclif parses them. */
export interface SelectionFlags {
  tcp: boolean
  udp: boolean
  raw: boolean
  unix: boolean
  packet: boolean
  sctp: boolean
  mptcp: boolean
  vsock: boolean
  xdp: boolean
  tipc: boolean
  ipv4: boolean
  ipv6: boolean
  family?: string | undefined
  query?: string[] | undefined
  all: boolean
  listening: boolean
  'bound-inactive': boolean
  state?: string[] | undefined
  exclude?: string[] | undefined
  filter?: string | undefined
}

/** More is no filter that anybody wrote. */
const MOST_FILTER_BYTES = 1024 * 1024

/** Families of `-f` whose sockets are never connected. */
const IDLE_FAMILIES = ['link', 'netlink', 'xdp']

const PROTOCOL_FLAGS: readonly (Protocol & keyof SelectionFlags)[] = [
  'tcp',
  'udp',
  'raw',
  'unix',
  'packet',
  'sctp',
  'mptcp',
  'vsock',
  'xdp',
  'tipc',
]

/** Splits `state X exclude Y EXPRESSION` words: state words come first, as in ss. `state = X` begins a filter. */
export function splitWords(words: readonly string[]): { states: string[]; exclude: string[]; expression: string } {
  const states: string[] = []
  const exclude: string[] = []
  let at = 0
  for (; at < words.length; at += 2) {
    const word = words[at]
    const next = words[at + 1]
    if (word !== 'state' && word !== 'exclude' && word !== 'excl') break
    if (next === undefined)
      throw new UsageError(`${word} must be followed by a state`, { hints: ['netkit ss state time-wait'] })
    if (word === 'state' && !isStateList(next) && isOperator(next)) break
    ;(word === 'state' ? states : exclude).push(next)
  }
  return { states, exclude, expression: words.slice(at).join(' ') }
}

const isOperator = (word: string): boolean => /^(=|!|<|>|~|eq$|ne$|neq$)/.test(word)
const isStateList = (word: string): boolean => word.split(',').every(each => parseState(each) !== null)

/** @throws UsageError for unknown words, and for a filter with a syntax error, which it points at */
export function parseRequest(flags: SelectionFlags, words: readonly string[], services: ServiceLookup): SocketRequest {
  const { states, exclude, expression } = splitWords(words)
  const stateWords = [...(flags.state ?? []), ...states]
  const excludeWords = [...(flags.exclude ?? []), ...exclude]
  const selected = selectTables({
    protocols: PROTOCOL_FLAGS.filter(protocol => flags[protocol]),
    query: flags.query ?? [],
    family: flags.family ?? null,
    ipv4: flags.ipv4,
    ipv6: flags.ipv6,
  })
  const hostFamily = hostFamilyOf(selected.tables)
  const filter = allOf([
    ...(flags.filter ? [parseFilterText(readFilter(flags.filter), services, hostFamily)] : []),
    parseFilterText(expression, services, hostFamily),
  ])
  const needs = requirements(filter)
  const { families } = needs
  const tables = families === null ? selected.tables : selected.tables.filter(table => families.has(table.familyWord))
  return {
    selection: { ...selected, tables },
    states: selectStates({
      states: stateWords,
      exclude: excludeWords,
      flags: stateFlags(flags),
      filter: needs.states,
      filterChooses: needs.namesStates,
      idleKinds: flags.packet || flags.xdp || IDLE_FAMILIES.includes(flags.family ?? ''),
    }),
    statesImplied: stateWords.length + excludeWords.length === 0 && !flags['bound-inactive'] && !needs.namesStates,
    filter,
  }
}

function stateFlags(flags: SelectionFlags): number | null {
  if (flags.all) return ALL_STATES
  const bound = flags['bound-inactive'] ? (parseState('bound-inactive') ?? 0) : 0
  if (flags.listening) return LISTENING_STATES | bound
  return bound === 0 ? null : bound
}

/** Lines that start with `#` are comments; nothing else is left out (ss also drops lines that start with a zero). */
function readFilter(path: string): string {
  let text: Buffer | null
  try {
    text = readInput(path, MOST_FILTER_BYTES)
  } catch (error) {
    throw fromNodeError('file-open', error, `read the filter from ${path}`)
  }
  if (text === null) throw new UsageError(`the filter from ${path} is longer than 1 MiB`)
  const lines = text
    .toString('utf8')
    .split('\n')
    .filter(line => !line.trimStart().startsWith('#'))
  return lines.join(' ')
}
