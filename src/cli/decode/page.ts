// The page of `--html`: gathers what it shows beside what is printed, and writes it when the capture ends.

import { writeTextFile } from '../../adapters/text-file.js'
import type { Decoding, PacketVisitor } from '../../compose/decode.js'
import type { Finding } from '../../flow/finding.js'
import type { Flow } from '../../flow/model.js'
import { Selection } from '../../flow/selection.js'
import { SeriesBook } from '../../flow/series.js'
import type { FlowTracker } from '../../flow/tracker.js'
import { decodeHtml } from '../../render/decode-html.js'
import { PageFlows } from '../../render/decode-html-choice.js'
import type { CapturedPacket } from '../../wire/captured-packet.js'
import type { FlowsView } from './flows-view.js'
import type { DecodeRequest } from './request.js'

/** Null when no page is asked for. */
export function makePageView({ html, selection }: DecodeRequest): DecodePageView | null {
  return html === null ? null : new DecodePageView(html, selection)
}

export class DecodePageView implements PacketVisitor {
  readonly path: string
  readonly #selection: Selection
  /** Of the packets that are drawn: what is asked of whole flows, and of labels, is asked of no packet. */
  readonly #packets: Selection
  readonly #flows = new PageFlows()
  readonly #series = new SeriesBook()

  constructor(path: string, selection: Selection) {
    this.path = path
    this.#selection = selection
    this.#packets = new Selection({ ...selection.wanted, labels: 0, outcomes: new Set(), states: new Set() })
  }

  packet(packet: CapturedPacket, tracker: FlowTracker): void {
    if (this.#packets.isEmpty || this.#packets.wantsPacket(packet, tracker)) this.#series.packet(packet, tracker)
  }

  /** A view of flows that shows the page the same flows: all of them are built then. */
  beside(view: FlowsView | null): FlowsView {
    const all = this.#flows
    let isShown = view !== null
    return {
      ...(view?.isWanted === undefined
        ? {}
        : {
            isWanted: (tracker, slot) => {
              isShown = view.isWanted!(tracker, slot)
              return true
            },
          }),
      flow: flow => {
        all.offer(flow)
        if (isShown) view!.flow(flow)
      },
      finish: (decoding, wanted) => {
        const flows = told(wanted, flow => all.offer(flow))
        view?.finish(decoding, flows)
        // A view that asked the tracker itself left them all.
        for (const _ of flows);
      },
    }
  }

  /** @throws PermissionError, SystemCallError */
  write(decoding: Decoding, findings: readonly Finding[]): void {
    const page = decodeHtml({
      head: decoding.head(),
      counts: this.#flows.counts(),
      total: this.#selection.isEmpty ? null : decoding.tracker.flows,
      flows: this.#flows.flows(),
      findings,
      series: this.#series,
    })
    writeTextFile(this.path, page)
  }
}

function* told(flows: Iterable<Flow>, tell: (flow: Flow) => void): Generator<Flow> {
  for (const flow of flows) {
    tell(flow)
    yield flow
  }
}
