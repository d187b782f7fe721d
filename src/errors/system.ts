// Errors of the operating system: from an errno to the right kind of error, with hints.

import { ERRNO, errnoName, errnoWords } from './errno.js'
import { hintsFor, type Operation } from './hints.js'
import { type ErrorDetails, EXIT, NetkitError, UnsupportedError } from './netkit-error.js'

/** A permission is missing: exit 3. */
export class PermissionError extends NetkitError {
  /** Positive errno, usually EPERM or EACCES. */
  readonly errno: number

  constructor(message: string, errno: number, details: ErrorDetails = {}) {
    super(message, EXIT.permission, { code: 'permission-missing', ...details })
    this.errno = Math.abs(errno)
  }
}

/** The system refused an operation: exit 4. */
export class SystemCallError extends NetkitError {
  /** Positive errno. */
  readonly errno: number

  constructor(message: string, errno: number, details: ErrorDetails = {}) {
    super(message, EXIT.system, { code: 'system-call', ...details })
    this.errno = Math.abs(errno)
  }
}

const UNSUPPORTED: readonly number[] = [
  ERRNO.ENOSYS,
  ERRNO.EAFNOSUPPORT,
  ERRNO.EPROTONOSUPPORT,
  ERRNO.ESOCKTNOSUPPORT,
  ERRNO.EPFNOSUPPORT,
  ERRNO.ENOPROTOOPT,
  ERRNO.EOPNOTSUPP,
]

/**
 * The error for a system call that returned `-errno` (the sign does not matter).
 * @param operation a row of the hint table
 * @param doing what was tried and on what, to follow "cannot": `open a raw ICMP socket`
 */
export function systemError(
  operation: Operation,
  errno: number,
  doing: string,
  details: ErrorDetails = {},
): PermissionError | SystemCallError | UnsupportedError {
  const message = `cannot ${doing}: ${errnoWords(errno)} (${errnoName(errno)})`
  const all = { hints: hintsFor(operation, errno), ...details }
  const number = Math.abs(errno)
  if (number === ERRNO.EPERM || number === ERRNO.EACCES) return new PermissionError(message, number, all)
  if (UNSUPPORTED.includes(number)) return new UnsupportedError(message, all)
  return new SystemCallError(message, number, all)
}

/** True for the errors Node throws for failed system calls: they carry an errno and a code such as ENOENT. */
export function isNodeSystemError(error: unknown): error is NodeJS.ErrnoException & { errno: number } {
  return error instanceof Error && 'syscall' in error && 'errno' in error && typeof error.errno === 'number'
}

/** A failed `node:fs` (or `node:net`) call as a netkit error; anything else comes back as it was. */
export function fromNodeError(operation: Operation, error: unknown, doing?: string): unknown {
  if (!isNodeSystemError(error)) return error
  const call = error.path === undefined ? (error.syscall ?? 'system call') : `${error.syscall} ${error.path}`
  return systemError(operation, error.errno, doing ?? call, { cause: error })
}
