// Predicates over text and over things that are looked up: process names, users, paths, namespaces, cgroups.

import { AF_UNIX } from '../constants.js'
import { type SocketRecord, UNKNOWN } from '../record.js'
import { SYN_RECV, TIME_WAIT } from '../states.js'
import type { Predicate } from './ast.js'
import type { FilterContext } from './context.js'
import { INET_DIAG_CGROUP_ID } from './fields.js'
import { compileGlob } from './glob.js'
import { parseUnsigned } from './ranges.js'

type Test = (record: SocketRecord) => boolean
type TextPredicate = Extract<Predicate, { kind: 'text' }>

function compileValues({ values, glob }: TextPredicate): (text: string) => boolean {
  if (glob) {
    const globs = values.map(value => compileGlob(value))
    return text => globs.some(matches => matches(text))
  }
  const wanted = new Set(values)
  return text => wanted.has(text)
}

export function compileText(predicate: TextPredicate, context: FilterContext): Test {
  const { field, negated } = predicate
  if (field === 'user' && !predicate.glob) return compileUser(predicate, context)
  const matches = compileValues(predicate)
  if (field === 'comm') {
    return record => {
      const holders = context.holders(record.inode >>> 0, record)
      if (holders === null || holders.length === 0) return false
      for (let i = 0; i < holders.length; i++) if (matches(holders[i]!.name)) return !negated
      return negated
    }
  }
  const read = textReader(field, context)
  return record => {
    const text = read(record)
    return text !== null && matches(text) !== negated
  }
}

function textReader(field: TextPredicate['field'], context: FilterContext): (record: SocketRecord) => string | null {
  if (field === 'netns') return record => context.netnsLabel(record.netns)
  if (field === 'path') return record => (record.family === AF_UNIX ? (record.unix?.path ?? null) : null)
  return record => (record.uid === UNKNOWN ? null : context.userOf(record.uid >>> 0))
}

/** A user is compared by uid, so that nothing is looked up per record; a number is a uid. */
function compileUser({ values, negated }: TextPredicate, context: FilterContext): Test {
  const uids = new Set<number>()
  for (const value of values) {
    const uid = context.uidOf(value) ?? parseUnsigned(value)
    if (uid !== null) uids.add(uid)
  }
  return record => record.uid !== UNKNOWN && uids.has(record.uid >>> 0) !== negated
}

/**
 * TIME-WAIT and half-open sockets (and orphans in FIN-WAIT-2, which carry the time-wait timer) are mini-sockets: they
 * are known to have no cgroup, and the kernel compares them as 0. Elsewhere a missing id means that it is not known.
 */
function hasNoCgroup(record: SocketRecord): boolean {
  return record.source === 'netlink' && (record.state === TIME_WAIT || record.state === SYN_RECV || record.timer === 3)
}

export function compileCgroup(predicate: TextPredicate, context: FilterContext): Test {
  const { negated } = predicate
  const matches = predicate.glob ? cgroupGlob(predicate, context) : cgroupIds(predicate, context)
  return record => {
    const at = record.attribute(INET_DIAG_CGROUP_ID)
    if (at < 0 || record.attributeLength(INET_DIAG_CGROUP_ID) < 8) return negated && hasNoCgroup(record)
    const known = matches(record.data.getUint32(at, true), record.data.getUint32(at + 4, true))
    return known !== null && known !== negated
  }
}

type CgroupTest = (low: number, high: number) => boolean | null

function cgroupIds({ values }: TextPredicate, context: FilterContext): CgroupTest {
  const id = context.cgroupId(values[0]!)
  if (id === null) return () => false
  const wantedLow = Number(id & 0xffffffffn)
  const wantedHigh = Number(id >> 32n)
  return (low, high) => low === wantedLow && high === wantedHigh
}

/** Many sockets share few cgroups, so each id is looked up once. */
function cgroupGlob(predicate: TextPredicate, context: FilterContext): CgroupTest {
  const matches = compileValues(predicate)
  const known = new Map<number, boolean | null>()
  return (low, high) => {
    // Ids are inode numbers of kernfs: far below 2^53.
    const key = high * 0x1_0000_0000 + low
    let result = known.get(key)
    if (result === undefined) {
      const path = context.cgroupPath((BigInt(high) << 32n) | BigInt(low))
      result = path === null ? null : matches(path)
      known.set(key, result)
    }
    return result
  }
}
