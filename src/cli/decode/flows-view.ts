// Prints flows: a summary and a table, one JSON document, lines of JSON, comma-separated values. Flows come as they end.

import type { Decoding } from '../../compose/decode.js'
import type { Finding } from '../../flow/finding.js'
import { FlowBoard } from '../../flow/flow-board.js'
import type { Flow } from '../../flow/model.js'
import type { FlowTracker } from '../../flow/tracker.js'
import { flowCsv, flowCsvTitles } from '../../render/decode-csv.js'
import { explainLines } from '../../render/decode-explain.js'
import { flowLines } from '../../render/decode-flow-text.js'
import { summaryLines } from '../../render/decode-summary.js'
import { flowTable } from '../../render/decode-table.js'
import { grouped } from '../../render/decode-words.js'
import type { Output } from '../output.js'
import { DecodeDocument } from './json.js'
import type { DecodeRequest } from './request.js'

export interface FlowsView {
  /** Whether the flow of a slot that ends has to be built at all; asked only when all flows are wanted. */
  isWanted?(tracker: FlowTracker, slot: number): boolean
  /** A wanted flow, that ended before the capture did. */
  flow(flow: Flow): void
  /** @param wanted of the flows that are remembered those that are wanted, built one by one */
  finish(decoding: Decoding, wanted: Iterable<Flow>): void
}

/** @param findings of the capture, when all flows were seen; null where nobody asks for them */
export function makeFlowsView(
  request: DecodeRequest,
  file: string,
  out: Output,
  columns: number,
  findings: ((decoding: Decoding) => readonly Finding[]) | null,
): FlowsView {
  const found = (decoding: Decoding): readonly Finding[] => findings?.(decoding) ?? []
  if (request.explain && request.form === 'text') return explainView(request, out, columns, found)
  if (request.form === 'text') return textView(request, out, columns)
  if (request.form === 'csv') {
    out.line(flowCsvTitles())
    return streamed(flow => out.line(flowCsv(flow)))
  }
  if (request.form === 'ndjson') {
    const { flow, finish } = streamed(each => out.jsonLine({ type: 'flow', ...each }))
    return {
      flow,
      finish: (decoding, wanted) => {
        finish(decoding, wanted)
        for (const finding of found(decoding)) out.jsonLine({ type: 'finding', ...finding })
        out.jsonLine({ type: 'summary', ...decoding.head() })
      },
    }
  }
  const document = new DecodeDocument(out, file)
  return {
    flow: flow => document.flow(flow),
    finish: (decoding, wanted) => document.finish(decoding.head(), wanted, () => found(decoding)),
  }
}

function streamed(print: (flow: Flow) => void): FlowsView {
  return {
    flow: print,
    finish: (_, wanted) => {
      for (const flow of wanted) print(flow)
    },
  }
}

/** What is found in all of them; none is shown. */
function explainView(
  { limit, selection }: DecodeRequest,
  out: Output,
  columns: number,
  found: (decoding: Decoding) => readonly Finding[],
): FlowsView {
  const { flow, finish } = streamed(() => undefined)
  return {
    // A flow is built when the rules have to see it, or when it has to be known whether it is selected.
    ...(selection.isEmpty ? { isWanted: () => false } : {}),
    flow,
    finish: (decoding, wanted) => {
      finish(decoding, wanted)
      const findings = found(decoding)
      for (const line of explainLines(findings.slice(0, limit), columns)) out.line(line)
      const more = findings.length - limit
      if (more > 0) out.line(`\n${grouped(more)} more ${more === 1 ? 'finding' : 'findings'}: --limit 0 shows all`)
    },
  }
}

/** Those that are shown first are known at the end only. */
function textView({ limit, selection }: DecodeRequest, out: Output, columns: number): FlowsView {
  const board = new FlowBoard(limit)
  const { isEmpty } = selection
  return {
    ...(isEmpty ? { isWanted: (tracker, slot) => board.isWanted(tracker, slot) } : {}),
    flow: flow => (isEmpty ? board.add(flow) : board.offer(flow)),
    finish: (decoding, wanted) => {
      if (!isEmpty) for (const flow of wanted) board.offer(flow)
      const flows = isEmpty ? board.finish(decoding.tracker) : board.best()
      const counts = board.counts()
      const lines = summaryLines(decoding.head(), counts, isEmpty ? null : decoding.tracker.flows, columns)
      for (const line of lines) out.line(line)
      if (flows.length === 0) return
      out.line('')
      for (const line of flowTable(flows, columns)) out.line(line)
      const more = counts.tcp + counts.udp - flows.length
      if (more > 0) out.line(`${grouped(more)} more ${more === 1 ? 'flow' : 'flows'}: --limit 0 shows all`)
      if (selection.wanted.flows.size > 0)
        for (const line of flows.flatMap(flow => ['', ...flowLines(flow, columns)])) out.line(line)
    },
  }
}
