// Compiles a filter to the bytecode of INET_DIAG_REQ_BYTECODE, as an approximation that lets no match slip through.
//
// Predicates that the kernel cannot evaluate count as true where more rows do no harm and as false under `not`, so the
// program accepts every socket that the filter accepts, and perhaps more. The filter always runs again in user space.

import { AF_INET, AF_INET6, AF_UNSPEC } from '../constants.js'
import type { Filter, FilterFamily, IpBlock, Predicate, Ranges, Side } from './ast.js'
import * as ops from './bytecode-ops.js'
import type { FilterContext } from './context.js'

export interface BytecodeContext extends Pick<FilterContext, 'interfaceIndex' | 'cgroupId'> {
  /** The namespace that the request goes to, as in `SocketRecord.netns`. */
  netns: number
  /** Whether the caller has CAP_NET_ADMIN there: without it the kernel refuses a program that tests the mark. */
  mayUseMark: boolean
}

export interface CompiledBytecode {
  /** Payload of the attribute; null when the kernel cannot help, so that everything must be dumped. */
  bytes: Uint8Array | null
  /** Whether the program (or its absence) selects just what the filter does, for inet and inet6 sockets. */
  exact: boolean
}

/** The program for a filter, for dumps of AF_INET and AF_INET6 of any protocol. */
export function compileBytecode(filter: Filter, context: BytecodeContext): CompiledBytecode {
  const compiler: Compiler = { context, exact: true }
  const code = approximate(filter, false, compiler)
  if (code === ops.TRUE) return { bytes: null, exact: compiler.exact }
  const bytes = ops.assemble(code)
  return { bytes, exact: compiler.exact && bytes !== null }
}

interface Compiler {
  context: BytecodeContext
  exact: boolean
}

/** Code that accepts at least what the filter accepts or, with `under`, at most that. */
function approximate(filter: Filter, under: boolean, compiler: Compiler): ops.Code {
  switch (filter.kind) {
    case 'and':
      return ops.and(filter.terms.map(term => approximate(term, under, compiler)))
    case 'or':
      return ops.or(filter.terms.map(term => approximate(term, under, compiler)))
    case 'not':
      return ops.not(approximate(filter.term, !under, compiler))
  }
  const code = compilePredicate(filter, compiler.context)
  if (code !== null) return code
  compiler.exact = false
  return under ? ops.FALSE : ops.TRUE
}

/** Code with exactly the meaning of a predicate for IP sockets; null when there is none. */
function compilePredicate(predicate: Predicate, context: BytecodeContext): ops.Code | null {
  switch (predicate.kind) {
    case 'port': {
      const test = portCode(predicate.side, predicate.ranges)
      return ops.and([familyCode(predicate.family), predicate.negated ? ops.not(test) : test])
    }
    case 'host':
      return compileHost(predicate)
    case 'device':
      return compileDevice(predicate, context)
    case 'mark': {
      if (!context.mayUseMark) return null
      const test = ops.mark(predicate.value, predicate.mask)
      return predicate.negated ? ops.not(test) : test
    }
    case 'number':
      return predicate.field === 'peer-inode' ? ops.FALSE : null
    case 'text':
      return compileText(predicate, context)
    // INET_DIAG_BC_AUTO asks whether the program bound the port, which user space cannot see: see compileAutobound.
    default:
      return null
  }
}

function familyCode(family: FilterFamily | null): ops.Code {
  if (family === null) return ops.TRUE
  const isInet6 = ops.host('local', AF_INET6, 0, [], -1)
  if (family === 'inet6') return isInet6
  // A condition on AF_INET would let v4-mapped addresses of IPv6 sockets pass.
  return family === 'inet' ? ops.not(isInet6) : ops.FALSE
}

function portCode(side: Side, ranges: Ranges): ops.Code {
  return ops.or(ranges.map(([low, high]) => rangeCode(side, low, high)))
}

function rangeCode(side: Side, low: number, high: number): ops.Code {
  if (low > 0xffff) return ops.FALSE
  if (low === high) return ops.host(side, AF_UNSPEC, 0, [], low)
  return ops.and([
    low > 0 ? ops.portAtLeast(side, low) : ops.TRUE,
    high < 0xffff ? ops.portAtMost(side, high) : ops.TRUE,
  ])
}

function compileHost({ side, family, host, ports, negated }: Extract<Predicate, { kind: 'host' }>): ops.Code | null {
  if (host.kind === 'name') return null
  const confined = familyCode(family)
  if (confined === ops.FALSE || host.kind === 'glob' || host.kind === 'number') return ops.FALSE
  const single = ports?.length === 1 && ports[0]![0] === ports[0]![1] && ports[0]![0] <= 0xffff ? ports[0]![0] : null
  // One port travels inside the host condition, as ss does it.
  const address =
    host.kind === 'ip' ? ops.or(host.blocks.map(block => blockCode(side, block, single ?? -1))) : anyHost(side, single)
  const test = ports === null || single !== null ? address : ops.and([address, portCode(side, ports)])
  return ops.and([confined, negated ? ops.not(test) : test])
}

function anyHost(side: Side, port: number | null): ops.Code {
  return port === null ? ops.TRUE : ops.host(side, AF_UNSPEC, 0, [], port)
}

function blockCode(side: Side, { version, words, prefix }: IpBlock, port: number): ops.Code {
  return version === 4
    ? ops.host(side, AF_INET, prefix, words.slice(0, 1), port)
    : ops.host(side, AF_INET6, prefix, words, port)
}

function compileDevice({ name, negated }: Extract<Predicate, { kind: 'device' }>, context: BytecodeContext): ops.Code {
  const index = /^\d+$/.test(name) ? Number(name) : context.interfaceIndex(name, context.netns)
  const test = index === null || index > 0xffffffff ? ops.FALSE : ops.device(index)
  return negated ? ops.not(test) : test
}

function compileText(
  { field, values, glob, negated }: Extract<Predicate, { kind: 'text' }>,
  context: BytecodeContext,
): ops.Code | null {
  if (field === 'path') return ops.FALSE
  if (field !== 'cgroup' || glob) return null
  const id = context.cgroupId(values[0]!)
  // The kernel takes mini-sockets for members of cgroup 0, which no directory has: the same as user space's "has none".
  if (id === null || id === 0n) return negated ? null : ops.FALSE
  return negated ? ops.not(ops.cgroup(id)) : ops.cgroup(id)
}
