// A trace beside one that was saved: `--baseline FILE`, and `netkit trace diff A B`.

import { printable } from '../../bytes/printable.js'
import { NetkitError, UsageError } from '../../errors/index.js'
import { diffTraces } from '../../probe/trace-diff.js'
import type { TraceDocument } from '../../probe/trace-document.js'
import type { Baseline, Comparison } from './parts.js'
import { readSavedTrace } from './saved.js'

/** @throws UsageError, DecodeError for a file that cannot be compared with */
export function openBaseline(file: string): Baseline {
  const before = readTrace(file)
  return {
    compare: document => {
      const comparison = compareTraces(before, document)
      return {
        ...comparison,
        lines: [`beside ${printable(file)}, ${printable(before.startedAt)}:`, ...comparison.lines],
      }
    },
  }
}

/** Of two files. A trace that cannot be read is a fault of usage here, exit 2: there is nothing to show of it. */
export function compareFiles(before: string, after: string): Comparison {
  return compareTraces(readTrace(before), readTrace(after))
}

function readTrace(file: string): TraceDocument {
  try {
    return readSavedTrace(file)
  } catch (error) {
    if (!(error instanceof NetkitError)) throw error
    throw new UsageError(error.message, { code: error.code, hints: [...error.hints], cause: error })
  }
}

function compareTraces(before: TraceDocument, after: TraceDocument): Comparison {
  const diff = diffTraces(before, after)
  const isSamePath = diff.changedHops.length === 0 && before.reached === after.reached
  return { diff, lines: diff.sentences.map(printable), isSamePath }
}
