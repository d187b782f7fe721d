// A trace beside one that was saved: `--baseline FILE`, and `netkit trace diff A B`.

import { printable } from '../../bytes/printable.js'
import { diffTraces } from '../../probe/trace-diff.js'
import type { TraceDocument } from '../../probe/trace-document.js'
import { targetWords } from '../../render/trace-words.js'
import type { Baseline, Comparison } from './parts.js'
import { readSavedTrace } from './saved.js'

/** @throws UsageError for a file that cannot be compared with */
export function openBaseline(file: string): Baseline {
  const before = readSavedTrace(file)
  return {
    compare: document => {
      const comparison = compareTraces(before, document)
      return {
        ...comparison,
        lines: [
          `beside ${printable(file)}, ${printable(before.startedAt)}${otherTarget(before, document)}:`,
          ...comparison.lines,
        ],
      }
    },
  }
}

export function compareFiles(before: string, after: string): Comparison {
  return compareTraces(readSavedTrace(before), readSavedTrace(after))
}

function compareTraces(before: TraceDocument, after: TraceDocument): Comparison {
  const diff = diffTraces(before, after)
  const isSamePath = diff.changedHops.length === 0 && before.reached === after.reached
  return { diff, lines: diff.sentences.map(printable), isSamePath }
}

/** What differs then is two paths, and no change of one. */
function otherTarget(before: TraceDocument, after: TraceDocument): string {
  const isOther = before.target !== after.target && before.address !== after.address
  return isOther ? `, which is a trace of another target, ${targetWords(before)}` : ''
}
