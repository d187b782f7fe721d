// Pages made of packets that are written down, or of a capture.

import { openCaptureFile } from '../../src/adapters/capture-file.js'
import type { DecodeHead } from '../../src/flow/decode-document.js'
import type { Finding } from '../../src/flow/finding.js'
import type { Flow } from '../../src/flow/model.js'
import { SeriesBook, type SeriesLimits } from '../../src/flow/series.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { type DecodePage, decodeHtml } from '../../src/render/decode-html.js'
import { PageFlows } from '../../src/render/decode-html-choice.js'
import { type PacketStep, Stepper } from '../flow/track-steps.js'

export function pageHead(tracker: FlowTracker, file: string): DecodeHead {
  const quality = tracker.quality()
  return {
    file,
    packets: quality.packets,
    bytes: quality.bytes,
    linkTypes: [{ number: 1, name: 'ETHERNET', description: 'Ethernet' }],
    firstTimestamp: '1000.000000000',
    lastTimestamp: '1001.000000000',
    warnings: [],
    captureQuality: {
      ...quality,
      format: 'pcap',
      timestampSource: 'file',
      received: null,
      dropped: null,
      interrupted: false,
    },
  }
}

export interface PageOptions {
  file?: string
  warnings?: string[]
  findings?: Finding[]
  change?: (flow: Flow) => Flow
  limits?: SeriesLimits
}

export function pageOf(tracker: FlowTracker, flows: readonly Flow[], series: SeriesBook, options: PageOptions): string {
  const all = new PageFlows()
  for (const flow of flows) all.offer(flow)
  const head = pageHead(tracker, options.file ?? 'capture.pcap')
  const page: DecodePage = {
    head: { ...head, warnings: options.warnings ?? [] },
    counts: all.counts(),
    total: null,
    flows: all.flows().map(options.change ?? (flow => flow)),
    findings: options.findings ?? [],
    series,
  }
  return decodeHtml(page)
}

export function stepPage(steps: readonly PacketStep[], options: PageOptions = {}): string {
  const stepper = new Stepper()
  const series = new SeriesBook(options.limits)
  for (const step of steps) {
    stepper.add(step)
    series.packet(stepper.packet, stepper.tracker)
  }
  const flows = stepper.finish()
  return pageOf(stepper.tracker, flows, series, options)
}

export async function capturePage(path: string): Promise<string> {
  const flows: Flow[] = []
  const series = new SeriesBook()
  const tracker = new FlowTracker({ onFlow: flow => flows.push(flow), seed: 1 })
  const source = await openCaptureFile(path)
  do {
    while (source.next()) {
      tracker.add(source.packet)
      series.packet(source.packet, tracker)
    }
  } while (await source.more())
  source.close()
  tracker.finish()
  return pageOf(tracker, flows, series, { file: path, warnings: source.flaws.map(({ message }) => message) })
}
