// Traces that --json or --ndjson saved, read back.

import { readInput } from '../../adapters/input-descriptor.js'
import { printable } from '../../bytes/printable.js'
import { fromNodeError, NetkitError, UsageError } from '../../errors/index.js'
import type { TraceDocument } from '../../probe/trace-document.js'
import { readTraceDocument } from '../../probe/trace-reader.js'

const MOST_BYTES = 64 * 1024 * 1024
/** As cat(1) and others have it. */
const STDIN = '-'

/**
 * The trace that a file holds. One that cannot be read is a fault of usage, exit 2: there is nothing to show of it.
 * @throws UsageError that names the file, and what is wrong with it
 */
export function readSavedTrace(file: string): TraceDocument {
  const shown = file === STDIN ? 'standard input' : printable(file)
  const json = parse(read(file, shown))
  if (json === undefined) {
    throw new UsageError(`${shown} holds no trace: it is not JSON`, {
      hints: ['save one: netkit trace --json HOST > FILE'],
    })
  }
  try {
    return readTraceDocument(json)
  } catch (error) {
    if (!(error instanceof NetkitError)) throw error
    throw new UsageError(`${shown}: ${error.message}`, { hints: [...error.hints], cause: error })
  }
}

function read(file: string, shown: string): string {
  let content: Buffer | null
  try {
    content = readInput(file, MOST_BYTES)
  } catch (error) {
    const failure = fromNodeError('file-open', error, `read ${shown}`)
    if (!(failure instanceof NetkitError)) throw failure
    throw new UsageError(failure.message, { hints: [...failure.hints], cause: error })
  }
  if (content === null) throw new UsageError(`${shown} holds no trace: it is longer than 64 MiB`)
  return content.toString('utf8')
}

/** A document, or the last line of a stream of events. */
function parse(content: string): unknown {
  const whole = parseJson(content)
  if (whole !== undefined) return whole
  const last = parseJson(content.trimEnd().split('\n').at(-1) ?? '')
  const isSummary = last !== null && typeof last === 'object' && 'event' in last && last.event === 'summary'
  return isSummary ? last : undefined
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
