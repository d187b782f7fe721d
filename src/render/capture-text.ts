// What is said around a live capture: where packets come from, before it; what it holds and what was dropped, after it.

import { printable } from '../bytes/printable.js'
import type { DecodeHead } from '../flow/decode-document.js'
import type { FlowCounts } from '../flow/flow-board.js'
import { summaryRows } from './decode-summary.js'
import { grouped } from './decode-words.js'
import { wrapped } from './text-fit.js'

const LABEL = 10

/** How it is captured. */
export interface CaptureWay {
  interface: string
  filter: string | null
  source: string | null
  timestampSource: 'file' | 'kernel' | 'user-space'
}

const SOURCES: Readonly<Record<string, string>> = { ring: "the kernel's ring", cap: 'the cap package' }
const STAMPS = { file: "the file's", kernel: "the kernel's", 'user-space': "netkit's own" }

export function captureHeader(way: CaptureWay): string {
  const filter = way.filter === null ? 'no filter' : `filter "${printable(way.filter)}"`
  return `netkit: capturing on ${interfaceWords(way.interface)}, ${filter}; packets from ${sourceWords(way)}`
}

const interfaceWords = (name: string): string => (name === 'any' ? 'all interfaces' : printable(name))

const sourceWords = ({ source, timestampSource }: CaptureWay): string =>
  `${SOURCES[source ?? ''] ?? 'elsewhere'}, times ${STAMPS[timestampSource]}`

/** The summary of decode, with the interface where the file is. */
export function captureSummaryLines(
  head: DecodeHead & { interface: string; filter: string | null },
  counts: FlowCounts,
  columns: number,
): string[] {
  const { captureQuality, filter } = head
  const from = sourceWords({ ...head, source: captureQuality.format, timestampSource: captureQuality.timestampSource })
  const rows = summaryRows(head, counts).filter(([label]) => label !== 'file')
  rows.unshift(
    ['captured', `${interfaceWords(head.interface)}, from ${from}`],
    ...(filter === null ? [] : [['filter', printable(filter)] as [string, string]]),
  )
  return rows.flatMap(([label, text]) => wrapped(`${label.padEnd(LABEL)}${text}`, columns, LABEL))
}

/** The last line of tcpdump's, for those who look for it. */
export function dropsLine({
  packets,
  captureQuality: { receivedByFilter, droppedByKernel, notPrinted },
}: DecodeHead & {
  captureQuality: { receivedByFilter: number | null; droppedByKernel: number | null; notPrinted: number }
}): string {
  const parts =
    receivedByFilter === null || droppedByKernel === null
      ? [`${some(packets)} captured`, 'how many were dropped is not known']
      : [`${some(receivedByFilter)} received by filter`, `${grouped(droppedByKernel)} dropped by kernel`]
  if (notPrinted > 0) parts.push(`${grouped(notPrinted)} lines left out, as they were not read in time`)
  return parts.join(', ')
}

const some = (count: number): string => `${grouped(count)} ${count === 1 ? 'packet' : 'packets'}`
