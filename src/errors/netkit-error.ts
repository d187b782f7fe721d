// The errors netkit throws: a sentence, a stable code, hints to type, and the exit code of the program.

/** Exit codes of every command: one row a meaning. */
export const EXIT = {
  yes: 0,
  no: 1,
  usage: 2,
  permission: 3,
  system: 4,
  damaged: 5,
  bug: 70,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface ErrorDetails {
  /** Kebab-case, stable across releases; scripts branch on it. */
  code?: string
  /** What to type next, best first. */
  hints?: readonly string[]
  cause?: unknown
}

/** Base of all errors meant for the user: `message` is a sentence without a full stop or a leading capital. */
export class NetkitError extends Error {
  readonly code: string
  readonly hints: readonly string[]
  readonly exit: ExitCode

  constructor(message: string, exit: ExitCode, details: ErrorDetails & { code: string }) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = details.code
    this.hints = details.hints ?? []
    this.exit = exit
  }
}

/** The command line is wrong: exit 2. */
export class UsageError extends NetkitError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, EXIT.usage, { code: 'usage', ...details })
  }
}

/** Something is unsupported by this kernel, build or machine: exit 4. */
export class UnsupportedError extends NetkitError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, EXIT.system, { code: 'unsupported', ...details })
  }
}

/** The kernel answered a netlink request with an error of its own words (extended ack): exit 4. */
export class KernelReplyError extends NetkitError {
  /** Positive errno of the NLMSG_ERROR message. */
  readonly errno: number

  constructor(message: string, errno: number, details: ErrorDetails = {}) {
    super(message, EXIT.system, { code: 'kernel-reply', ...details })
    this.errno = Math.abs(errno)
  }
}

/** Where input is damaged: `need` bytes were wanted at byte `offset` of `layer`, `have` were there. */
export interface Damage {
  layer: string
  offset: number
  need: number
  have: number
}

/** The input (a capture file, a message) is damaged: exit 5. A flaw in one packet is data, not this. */
export class DecodeError extends NetkitError {
  readonly layer: string
  readonly offset: number
  readonly need: number
  readonly have: number

  constructor(message: string, where: Damage, details: ErrorDetails = {}) {
    super(message, EXIT.damaged, { code: 'damaged-input', ...details })
    this.layer = where.layer
    this.offset = where.offset
    this.need = where.need
    this.have = where.have
  }
}

/** netkit itself is wrong: exit 70. */
export class InternalError extends NetkitError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, EXIT.bug, { code: 'bug', ...details })
  }
}
