// Runs the tracker over a capture of the corpus, for the tests that hold it against what other tools say.

import { openCaptureFile } from '../../src/adapters/capture-file.js'
import { type Label, labelNames, RETRANSMISSION_KINDS, type RetransmissionKind } from '../../src/flow/labels.js'
import type { Flow } from '../../src/flow/model.js'
import type { CaptureQuality } from '../../src/flow/quality.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { KIND_TCP } from '../../src/wire/walked-packet.js'
import { corpusPath } from '../corpus/index.js'

export interface Labelled {
  labels: Label[]
  kind: RetransmissionKind
}

export interface Tracked {
  /** In the order of their first packets. */
  flows: Flow[]
  /** TCP packets by frame. */
  packets: Map<number, Labelled>
  quality: CaptureQuality
}

export async function track(file: string): Promise<Tracked> {
  const flows: Flow[] = []
  const packets = new Map<number, Labelled>()
  const tracker = new FlowTracker({ onFlow: flow => flows.push(flow), seed: 1 })
  const source = await openCaptureFile(corpusPath(file))
  for (;;) {
    while (source.next()) {
      tracker.add(source.packet)
      if (tracker.walked.kind !== KIND_TCP) continue
      const kind = RETRANSMISSION_KINDS[tracker.retransmissionKind]!
      packets.set(source.packet.frame, { labels: labelNames(tracker.labels), kind })
    }
    if (!(await source.more())) break
  }
  source.close()
  tracker.finish()
  flows.sort((one, two) => one.id - two.id)
  return { flows, packets, quality: tracker.quality() }
}
