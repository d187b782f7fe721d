// What is printed when a capture has ended: what decode prints of a file, and what the kernel dropped.

import type { Decoding } from '../../compose/decode.js'
import type { DecodeHead, DecodeQuality } from '../../flow/decode-document.js'
import { FlowBoard } from '../../flow/flow-board.js'
import type { Flow } from '../../flow/model.js'
import type { FlowTracker } from '../../flow/tracker.js'
import { captureSummaryLines, dropsLine } from '../../render/capture-text.js'
import { flowTable } from '../../render/decode-table.js'
import { grouped } from '../../render/decode-words.js'
import { DecodeDocument } from '../decode/json.js'
import type { Output } from '../output.js'

/** What is known of a live capture besides what decode says of a file. */
export interface CaptureHead extends DecodeHead {
  interface: string
  filter: string | null
  captureQuality: DecodeQuality & {
    /** What the kernel counted: of packets that pass the filter, dropped ones included. Null where that is not known. */
    receivedByFilter: number | null
    droppedByKernel: number | null
    /** Events or packets that were not printed, as the reader was too slow. */
    notPrinted: number
  }
}

export interface FinalView {
  isWanted?(tracker: FlowTracker, slot: number): boolean
  /** A flow that ended before the capture did. */
  flow(flow: Flow): void
  finish(decoding: Decoding, head: CaptureHead): void
}

/** @param isFirst nothing was printed before */
export function makeTextEnd(out: Output, limit: number, columns: number, isFirst: boolean): FinalView {
  const board = new FlowBoard(limit || Number.POSITIVE_INFINITY)
  return {
    isWanted: (tracker, slot) => board.isWanted(tracker, slot),
    flow: flow => board.add(flow),
    finish: ({ tracker }, head) => {
      const flows = board.finish(tracker)
      if (!isFirst) out.line('')
      for (const line of captureSummaryLines(head, board.counts(), columns)) out.line(line)
      if (flows.length > 0) {
        out.line('')
        for (const line of flowTable(flows, columns)) out.line(line)
      }
      const more = tracker.flows - flows.length
      if (more > 0) out.line(`${grouped(more)} more ${more === 1 ? 'flow' : 'flows'}: --limit 0 shows all`)
      out.line('')
      out.line(dropsLine(head))
    },
  }
}

export function makeJsonEnd(out: Output, file: string): FinalView {
  const document = new DecodeDocument(out, file)
  return {
    flow: flow => document.flow(flow),
    finish: ({ tracker }, head) => document.finish(head, remembered(tracker), []),
  }
}

export function makeNdjsonEnd(out: Output): FinalView {
  return {
    flow: flow => out.jsonLine({ type: 'flow', ...flow }),
    finish: ({ tracker }, head) => {
      for (const flow of remembered(tracker)) out.jsonLine({ type: 'flow', ...flow })
      out.jsonLine({ type: 'summary', ...head })
    },
  }
}

/** With `--write -` the capture is all that is printed. */
export const noEnd: FinalView = { isWanted: () => false, flow: () => undefined, finish: () => undefined }

function* remembered(tracker: FlowTracker): Generator<Flow> {
  for (const slot of tracker.slots()) yield tracker.read(slot)
}
