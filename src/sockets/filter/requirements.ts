// What must be requested from the kernel, and looked up, before a filter can be evaluated.

import type { Family } from '../constants.js'
import { ALL_STATES, BOUND_INACTIVE, LISTENING } from '../states.js'
import type { Filter, FilterFamily, Predicate } from './ast.js'
import { NUMERIC_FIELDS } from './fields.js'
import { inRanges } from './ranges.js'
import { everyPredicate } from './walk.js'

export interface Requirements {
  /** INET_DIAG_INFO: tcp_info. */
  info: boolean
  /** INET_DIAG_SKMEMINFO. */
  memory: boolean
  /** Holders of inodes, for `pid` and `comm`. */
  processes: boolean
  /** The cgroup mount, to turn a path into an id or back. */
  cgroup: boolean
  /** INET_DIAG_MARK, which needs CAP_NET_ADMIN. */
  mark: boolean
  /** The user database. */
  users: boolean
  /** The only states that can match, as a mask of 1 << state; null when any can. */
  states: number | null
  /** Whether the filter itself speaks of states, so that it chooses them rather than a default. */
  namesStates: boolean
  /** The only families that can match; null when any can. */
  families: ReadonlySet<Family> | null
}

export function requirements(filter: Filter): Requirements {
  const needed = {
    info: false,
    memory: false,
    processes: false,
    cgroup: false,
    mark: false,
    users: false,
    namesStates: false,
  }
  everyPredicate(filter, predicate => {
    if (predicate.kind === 'pid') needed.processes = true
    else if (predicate.kind === 'state') needed.namesStates = true
    else if (predicate.kind === 'mark') needed.mark = true
    else if (predicate.kind === 'number') {
      const { needs } = NUMERIC_FIELDS[predicate.field]
      if (needs !== null) needed[needs] = true
    } else if (predicate.kind === 'text') {
      if (predicate.field === 'comm') needed.processes = true
      if (predicate.field === 'cgroup') needed.cgroup = true
      if (predicate.field === 'user') needed.users = true
    }
  })
  const states = bound(filter, false, stateBits, ALL_STATES)
  const families = bound(filter, false, familyBits, ALL_FAMILIES)
  return { ...needed, states: states === ALL_STATES ? null : states, families: familySet(families) }
}

type Bits = (predicate: Predicate, negated: boolean) => number | null

/** The smallest set of bits, as far as `bits` can tell of each predicate, that every match has one of. */
function bound(filter: Filter, negated: boolean, bits: Bits, all: number): number {
  if (filter.kind === 'not') return bound(filter.term, !negated, bits, all)
  if (filter.kind !== 'and' && filter.kind !== 'or') return bits(filter, negated) ?? all
  const masks = filter.terms.map(term => bound(term, negated, bits, all))
  // De Morgan: a negated disjunction is a conjunction.
  const isConjunction = (filter.kind === 'and') !== negated
  return isConjunction ? masks.reduce((a, b) => a & b, all) : masks.reduce((a, b) => a | b, 0)
}

/** States without a peer: their peer port is 0, whatever the family. */
const PEERLESS = (1 << LISTENING) | (1 << BOUND_INACTIVE)

function stateBits(predicate: Predicate, negated: boolean): number | null {
  const peerPorts =
    predicate.kind === 'port' && predicate.side === 'peer'
      ? predicate.ranges
      : predicate.kind === 'host' && predicate.side === 'peer'
        ? predicate.ports
        : null
  if (peerPorts !== null && !('negated' in predicate && predicate.negated) && !negated && !inRanges(peerPorts, 0)) {
    return ALL_STATES & ~PEERLESS
  }
  if (predicate.kind !== 'state') return null
  return predicate.negated === negated ? predicate.mask & ALL_STATES : ALL_STATES & ~predicate.mask
}

const FAMILIES: readonly Family[] = ['inet', 'inet6', 'unix', 'packet', 'netlink', 'vsock', 'xdp', 'tipc']
const ALL_FAMILIES = (1 << FAMILIES.length) - 1
const familyBit = (family: Family): number => 1 << FAMILIES.indexOf(family)
const IP = familyBit('inet') | familyBit('inet6')

const WORDS: Readonly<Record<FilterFamily, Family>> = {
  inet: 'inet',
  inet6: 'inet6',
  unix: 'unix',
  link: 'packet',
  netlink: 'netlink',
  vsock: 'vsock',
}

/** A predicate is false for families without its field, so each narrows to those that have it; its `not` does not. */
function familyBits(predicate: Predicate, negated: boolean): number | null {
  if (negated) return null
  switch (predicate.kind) {
    case 'port':
      return predicate.family === null ? null : familyBit(WORDS[predicate.family])
    case 'host':
      if (predicate.family !== null) return familyBit(WORDS[predicate.family])
      if (predicate.host.kind === 'name') return IP
      if (predicate.host.kind !== 'ip') return null
      return !predicate.negated && predicate.host.blocks.every(block => block.version === 6) ? familyBit('inet6') : IP
    case 'mark':
    case 'timer':
      return IP
    case 'number':
      if (predicate.field === 'peer-inode') return familyBit('unix')
      return NUMERIC_FIELDS[predicate.field].needs === 'info' ? IP : null
    case 'text':
      if (predicate.field === 'path') return familyBit('unix')
      return predicate.field === 'cgroup' ? IP : null
    default:
      return null
  }
}

function familySet(mask: number): ReadonlySet<Family> | null {
  if (mask === ALL_FAMILIES) return null
  return new Set(FAMILIES.filter(family => mask & familyBit(family)))
}
