// The instructions of INET_DIAG_REQ_BYTECODE (linux/inet_diag.h) and their assembly into a program.
//
// An op is u8 code, u8 yes, u16 no, arguments: the number of bytes to go on by when it holds and when it does not.
// Landing on the end accepts the socket, landing 4 bytes beyond rejects it. All numbers are host order (little-endian).

import { AF_INET6 } from '../constants.js'
import type { Side } from './ast.js'

const INET_DIAG_BC_JMP = 1
const INET_DIAG_BC_S_GE = 2
const INET_DIAG_BC_S_LE = 3
const INET_DIAG_BC_D_GE = 4
const INET_DIAG_BC_D_LE = 5
const INET_DIAG_BC_S_COND = 7
const INET_DIAG_BC_D_COND = 8
const INET_DIAG_BC_DEV_COND = 9
const INET_DIAG_BC_MARK_COND = 10
const INET_DIAG_BC_CGROUP_COND = 13

/** A boolean expression over ops; `size` is its length in the program. */
export type Code =
  | { kind: 'constant'; value: boolean; size: number }
  | { kind: 'op'; code: number; arguments: Uint8Array; size: number }
  | { kind: 'and' | 'or'; terms: readonly Code[]; size: number }
  | { kind: 'not'; term: Code; size: number }

export const TRUE: Code = { kind: 'constant', value: true, size: 0 }
export const FALSE: Code = { kind: 'constant', value: false, size: 4 }

/** A netlink attribute holds 65,535 bytes with its header; offsets must reach 4 bytes beyond the program. */
const MAX_SIZE = 65_528

export function and(terms: readonly Code[]): Code {
  const kept = terms.filter(term => term !== TRUE)
  if (kept.includes(FALSE)) return FALSE
  if (kept.length < 2) return kept[0] ?? TRUE
  return { kind: 'and', terms: kept, size: kept.reduce((sum, term) => sum + term.size, 0) }
}

export function or(terms: readonly Code[]): Code {
  const kept = terms.filter(term => term !== FALSE)
  if (kept.includes(TRUE)) return TRUE
  if (kept.length < 2) return kept[0] ?? FALSE
  const jumps = 4 * (kept.length - 1)
  return { kind: 'or', terms: kept, size: kept.reduce((sum, term) => sum + term.size, jumps) }
}

export function not(term: Code): Code {
  if (term.kind === 'not') return term.term
  if (term.kind === 'constant') return term.value ? FALSE : TRUE
  return { kind: 'not', term, size: term.size + 4 }
}

function op(code: number, length: number, fill: (view: DataView) => void): Code {
  const bytes = new Uint8Array(length)
  fill(new DataView(bytes.buffer))
  return { kind: 'op', code, arguments: bytes, size: 4 + length }
}

/** The port is the `no` of a second op header. S_EQ is younger (5.x), so a single port goes through `host`. */
export function portAtLeast(side: Side, port: number): Code {
  return op(side === 'local' ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE, 4, view => view.setUint16(2, port, true))
}

export function portAtMost(side: Side, port: number): Code {
  return op(side === 'local' ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE, 4, view => view.setUint16(2, port, true))
}

/** inet_diag_hostcond: u8 family (0 any), u8 prefix length, 2 pad, s32 port (-1 any), address in network order. */
export function host(side: Side, family: number, prefix: number, words: readonly number[], port: number): Code {
  // ss sends four bytes of address even when there is none to compare, and the kernel has always taken that.
  const length = 8 + 4 * Math.max(1, words.length)
  return op(side === 'local' ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND, family === AF_INET6 ? 24 : length, view => {
    view.setUint8(0, family)
    view.setUint8(1, prefix)
    view.setInt32(4, port, true)
    for (const [i, word] of words.entries()) view.setUint32(8 + 4 * i, word)
  })
}

export function device(ifindex: number): Code {
  return op(INET_DIAG_BC_DEV_COND, 4, view => view.setUint32(0, ifindex, true))
}

export function mark(value: number, mask: number): Code {
  return op(INET_DIAG_BC_MARK_COND, 8, view => {
    view.setUint32(0, value, true)
    view.setUint32(4, mask, true)
  })
}

export function cgroup(id: bigint): Code {
  return op(INET_DIAG_BC_CGROUP_COND, 8, view => view.setBigUint64(0, id, true))
}

/** The program's bytes; null when it is too long for 16-bit offsets. */
export function assemble(code: Code): Uint8Array | null {
  if (code.size === 0 || code.size > MAX_SIZE) return null
  const bytes = new Uint8Array(code.size)
  emit(code, new DataView(bytes.buffer), 0, code.size + 4)
  return bytes
}

/** Writes `code` at `at`, so that success runs off its end and failure goes to `fail`. Jumps only ever go forward. */
function emit(code: Code, view: DataView, at: number, fail: number): void {
  switch (code.kind) {
    case 'constant':
      if (!code.value) jump(view, at, fail)
      return
    case 'op':
      view.setUint8(at, code.code)
      view.setUint8(at + 1, code.size)
      view.setUint16(at + 2, fail - at, true)
      new Uint8Array(view.buffer).set(code.arguments, at + 4)
      return
    case 'and':
      for (const term of code.terms) {
        emit(term, view, at, fail)
        at += term.size
      }
      return
    case 'or': {
      const end = at + code.size
      for (const [i, term] of code.terms.entries()) {
        const after = at + term.size
        const last = i === code.terms.length - 1
        // A term that holds runs into the jump over the rest; one that fails skips that jump.
        emit(term, view, at, last ? fail : after + 4)
        if (!last) jump(view, after, end)
        at = after + 4
      }
      return
    }
    case 'not': {
      const after = at + code.term.size
      emit(code.term, view, at, after + 4)
      jump(view, after, fail)
    }
  }
}

/** JMP always takes its `no`. */
function jump(view: DataView, at: number, target: number): void {
  view.setUint8(at, INET_DIAG_BC_JMP)
  view.setUint8(at + 1, 4)
  view.setUint16(at + 2, target - at, true)
}
