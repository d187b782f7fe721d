// Prints what went wrong, once, in the form that was asked for, and sets the exit code.

import { printable } from '../bytes/printable.js'
import { fromNodeError, InternalError, NetkitError } from '../errors/index.js'
import { Output } from './output.js'

/** How results are printed. */
export type Format = 'text' | 'json' | 'ndjson'

/** True when the environment asks for stack traces: DEBUG names netkit, or everything. */
function debugging(): boolean {
  const debug = process.env['DEBUG'] ?? ''
  return debug.includes('netkit') || debug === '*'
}

/** Any thrown value as a netkit error: system errors nobody named become exit 4, everything else is a bug. */
export function toNetkitError(error: unknown): NetkitError {
  const known = fromNodeError('file-open', error)
  if (known instanceof NetkitError) return known
  const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new InternalError(`this is a bug in netkit: ${words}`, {
    hints: ['run it again with DEBUG=netkit to see where, and report it'],
    cause: error,
  })
}

/** The JSON form of an error, the same for every command. */
export function errorJson(error: NetkitError): {
  error: { code: string; message: string; hints: string[]; exit: number }
} {
  return { error: { code: error.code, message: error.message, hints: [...error.hints], exit: error.exit } }
}

function stackOf(error: NetkitError): string {
  const stacks = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) stacks.push(at.stack ?? at.message)
  return stacks.join('\ncaused by ')
}

/** Prints `error`: an object on `stdout` under --json and --ndjson, else a sentence and its hints on `stderr`. */
export function reportFailure(error: unknown, format: Format, stdout = new Output(1), stderr = new Output(2)): void {
  const failure = toNetkitError(error)
  process.exitCode = failure.exit
  if (debugging()) for (const line of stackOf(failure).split('\n')) stderr.line(printable(line))
  if (format === 'text' || !printJson(failure, format, stdout)) {
    stderr.line(`netkit: ${printable(failure.message)}`)
    for (const hint of failure.hints) stderr.line(`  ${printable(hint)}`)
  }
  stderr.flush()
}

/** False when stdout cannot be written to, which may be the very failure to report. */
function printJson(failure: NetkitError, format: Format, stdout: Output): boolean {
  try {
    const json = errorJson(failure)
    if (format === 'json') stdout.write(`${JSON.stringify(json, null, 2)}\n`)
    else stdout.jsonLine(json)
    stdout.flush()
    return true
  } catch {
    return false
  }
}
