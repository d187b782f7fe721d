// What a filter expression means, as a tree of plain data. An empty conjunction matches everything.

import type { NumericField } from './fields.js'

/** Which end of a socket a predicate is about: `src`/`sport` are local, `dst`/`dport` the peer. */
export type Side = 'local' | 'peer'

/** The word before the colon in `inet:10.0.0.1`. `link` is ss's name for packet sockets. */
export type FilterFamily = 'inet' | 'inet6' | 'unix' | 'link' | 'netlink' | 'vsock'

/** Closed ranges `[low, high]`, sorted and disjoint; none of them = matches nothing. */
export type Ranges = readonly (readonly [number, number])[]

/** A CIDR block: four big-endian words, unsigned, bits beyond `prefix` zero (IPv4 uses the first word only). */
export interface IpBlock {
  version: 4 | 6
  words: readonly [number, number, number, number]
  prefix: number
}

/** What an address must look like. `name` waits for `withAddresses`; `ip` matches when any block does. */
export type HostPattern =
  | { kind: 'any' }
  | { kind: 'ip'; blocks: readonly IpBlock[] }
  | { kind: 'name'; name: string }
  | { kind: 'glob'; glob: string }
  | { kind: 'number'; value: number }

/** Fields that hold text. `cgroup` is compared by id for `=` and by path for `~`. */
export type TextField = 'comm' | 'user' | 'path' | 'netns' | 'cgroup'

/**
 * One test of a socket. `negated` is the `!=` of that test: like every other operator it is false when the socket does
 * not have the field or its value is not known. Pure negation is `not`.
 */
export type Predicate =
  | { kind: 'port'; side: Side; family: FilterFamily | null; ranges: Ranges; negated: boolean }
  | {
      kind: 'host'
      side: Side
      family: FilterFamily | null
      host: HostPattern
      /** null = any port. */
      ports: Ranges | null
      negated: boolean
    }
  /** An interface by name, or by index where the name is all digits. */
  | { kind: 'device'; name: string; negated: boolean }
  | { kind: 'mark'; value: number; mask: number; negated: boolean }
  | { kind: 'autobound' }
  /** Bit = 1 << kernel state. */
  | { kind: 'state'; mask: number; negated: boolean }
  /** Bit = 1 << timer number of inet_diag_msg. */
  | { kind: 'timer'; mask: number; negated: boolean }
  | { kind: 'pid'; ranges: Ranges; negated: boolean }
  | { kind: 'number'; field: NumericField; ranges: Ranges; negated: boolean }
  | { kind: 'cookie'; high: number; low: number; negated: boolean }
  /** Equal to one of `values`, or with `glob` matched by one of them. */
  | { kind: 'text'; field: TextField; values: readonly string[]; glob: boolean; negated: boolean }

export type Filter =
  | { kind: 'and'; terms: readonly Filter[] }
  | { kind: 'or'; terms: readonly Filter[] }
  | { kind: 'not'; term: Filter }
  | Predicate

/** What empty text means. */
export const MATCH_ALL: Filter = { kind: 'and', terms: [] }

/** Whether a filter is the empty one, for which nothing needs to be evaluated. */
export function matchesEverything(filter: Filter): boolean {
  return filter.kind === 'and' && filter.terms.length === 0
}

/** A filter that holds when all of `filters` do, for joining the parts of a command line. */
export function allOf(filters: readonly Filter[]): Filter {
  const terms = filters.filter(filter => !matchesEverything(filter))
  return terms.length === 1 ? terms[0]! : { kind: 'and', terms }
}
