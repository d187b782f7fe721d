// Compiles a filter into one function over socket records. Closures are composed once; numeric and address predicates
// allocate nothing per record.
//
// A predicate is false when the socket does not have the field or its value is not known, whatever the operator:
// `rtt != 5` and `rtt = 5` are both false for UDP. `not` is plain logic, so `not rtt = 5` is true for UDP.

import { AF_INET, AF_INET6, AF_UNIX } from '../constants.js'
import { type SocketRecord, UNKNOWN } from '../record.js'
import type { Filter, Ranges } from './ast.js'
import type { FilterContext } from './context.js'
import { INET_DIAG_MARK, NUMERIC_FIELDS } from './fields.js'
import { compileHost, compilePort, localPort } from './match-host.js'
import { compileCgroup, compileText } from './match-text.js'
import { inRanges } from './ranges.js'

export type SocketPredicate = (record: SocketRecord) => boolean

/**
 * The filter as a predicate over records. Host names must have been replaced by `withAddresses` before.
 * @throws Error for a filter that still holds host names.
 */
export function compileFilter(filter: Filter, context: FilterContext): SocketPredicate {
  switch (filter.kind) {
    case 'and':
      return conjunction(filter.terms.map(term => compileFilter(term, context)))
    case 'or':
      return disjunction(filter.terms.map(term => compileFilter(term, context)))
    case 'not': {
      const term = compileFilter(filter.term, context)
      return record => !term(record)
    }
    case 'port':
      return compilePort(filter)
    case 'host':
      return compileHost(filter)
    case 'device':
      return compileDevice(filter.name, filter.negated, context)
    case 'mark':
      return compileMark(filter)
    case 'autobound':
      return compileAutobound(context)
    case 'state': {
      const { mask, negated } = filter
      return record => ((mask >>> record.state) & 1) === (negated ? 0 : 1)
    }
    case 'timer': {
      const { mask, negated } = filter
      // Only IP sockets have timers.
      return ({ timer, family }) =>
        timer !== UNKNOWN && (family === AF_INET || family === AF_INET6) && ((mask >>> timer) & 1) === (negated ? 0 : 1)
    }
    case 'pid':
      return compilePid(filter.ranges, filter.negated, context)
    case 'number':
      return compileNumber(NUMERIC_FIELDS[filter.field].read, filter.ranges, filter.negated)
    case 'cookie': {
      const { high, low, negated } = filter
      return ({ cookieHigh, cookieLow }) =>
        (cookieHigh !== UNKNOWN || cookieLow !== UNKNOWN) &&
        (cookieHigh >>> 0 === high && cookieLow >>> 0 === low) !== negated
    }
    case 'text':
      return filter.field === 'cgroup' ? compileCgroup(filter, context) : compileText(filter, context)
  }
}

function conjunction(terms: readonly SocketPredicate[]): SocketPredicate {
  if (terms.length === 2) {
    const [first, second] = terms as [SocketPredicate, SocketPredicate]
    return record => first(record) && second(record)
  }
  return record => {
    for (let i = 0; i < terms.length; i++) if (!terms[i]!(record)) return false
    return true
  }
}

function disjunction(terms: readonly SocketPredicate[]): SocketPredicate {
  if (terms.length === 2) {
    const [first, second] = terms as [SocketPredicate, SocketPredicate]
    return record => first(record) || second(record)
  }
  return record => {
    for (let i = 0; i < terms.length; i++) if (terms[i]!(record)) return true
    return false
  }
}

function compileNumber(read: (record: SocketRecord) => number, ranges: Ranges, negated: boolean): SocketPredicate {
  if (ranges.length === 1 && !negated) {
    const [low, high] = ranges[0]!
    // Known values are never negative, and neither are the bounds, so UNKNOWN falls below every range.
    return record => {
      const value = read(record)
      return value >= low && value <= high
    }
  }
  return record => {
    const value = read(record)
    return value !== UNKNOWN && inRanges(ranges, value) !== negated
  }
}

/** Remembers a look-up per network namespace; there are few, numbered from 0. */
function perNetns<T>(lookup: (netns: number) => T): (netns: number) => T {
  const found: T[] = []
  return netns => {
    if (!(netns in found)) found[netns] = lookup(netns)
    return found[netns]!
  }
}

function compileDevice(name: string, negated: boolean, context: FilterContext): SocketPredicate {
  const indexOf = perNetns(netns => (/^\d+$/.test(name) ? Number(name) : (context.interfaceIndex(name, netns) ?? -2)))
  return record => {
    // procfs does not tell which interface an IP socket is bound to.
    if (record.ifindex === UNKNOWN || (record.ifindex === 0 && record.source === 'procfs')) return false
    return (record.ifindex === indexOf(record.netns)) !== negated
  }
}

/** The kernel sends the mark to holders of CAP_NET_ADMIN only. Like the kernel, the value itself is not masked. */
function compileMark({ value, mask, negated }: { value: number; mask: number; negated: boolean }): SocketPredicate {
  return record => {
    const at = record.attribute(INET_DIAG_MARK)
    if (at < 0 || record.attributeLength(INET_DIAG_MARK) < 4) return false
    return ((record.data.getUint32(at, true) & mask) >>> 0 === value) !== negated
  }
}

/**
 * Whether the port looks as if the kernel had picked it: inside the ephemeral range. The kernel itself knows whether
 * the program bound the port, but does not say, so bytecode and user space could disagree (in ss a listener bound by
 * hand inside the range is missing from both `autobound` and `not autobound`). This one rule is used throughout.
 */
function compileAutobound(context: FilterContext): SocketPredicate {
  const rangeOf = perNetns(netns => context.ephemeralPorts(netns))
  return record => {
    if (record.family === AF_INET || record.family === AF_INET6) {
      const [low, high] = rangeOf(record.netns)
      return record.localPort >= low && record.localPort <= high
    }
    // unix(7): autobind gives five hexadecimal digits in the abstract namespace.
    if (record.family === AF_UNIX) return !record.unix?.path || /^@[0-9a-f]{5}$/.test(record.unix.path)
    if (record.packet) return record.ifindex === 0
    // netlink(7): a second socket of a process gets a negative port id.
    if (record.netlink) return (record.netlink.portId | 0) < 0
    return localPort(record) > 1023
  }
}

function compilePid(ranges: Ranges, negated: boolean, context: FilterContext): SocketPredicate {
  return record => {
    const holders = context.holders(record.inode >>> 0, record)
    if (holders === null || holders.length === 0) return false
    for (let i = 0; i < holders.length; i++) if (inRanges(ranges, holders[i]!.pid)) return !negated
    return negated
  }
}
