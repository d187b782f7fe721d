// What a capture holds, in a few lines: how many packets of what, over which time, what it cannot show, and what became of its flows.

import { printable } from '../bytes/printable.js'
import type { DecodeHead } from '../flow/decode-document.js'
import type { FlowCounts } from '../flow/flow-board.js'
import { qualityNotes } from './decode-quality.js'
import { between, bytesWords, fileWords, grouped, isoTime, lasting } from './decode-words.js'
import { wrapped } from './text-fit.js'

const LABEL = 10

/** @param flows how many there are when only some are wanted, which `counts` is of then; null when it is of all */
export function summaryLines(head: DecodeHead, counts: FlowCounts, flows: number | null, columns: number): string[] {
  return summaryRows(head, counts, flows).flatMap(([label, text]) =>
    wrapped(`${label.padEnd(LABEL)}${text}`, columns, LABEL),
  )
}

/** What each line is about, and what it says. */
export function summaryRows(
  head: DecodeHead,
  counts: FlowCounts,
  flows: number | null = null,
): [label: string, text: string][] {
  return [
    ['file', `${fileWords(head.file)} (${head.captureQuality.format ?? 'unknown format'})`],
    ['packets', packetWords(head)],
    ['time', timeWords(head)],
    ['link', head.linkTypes.map(({ description }) => printable(description)).join(', ') || 'no interface'],
    ['holds', kindWords(head)],
    [
      'flows',
      flows === null
        ? flowWords(counts)
        : `${flowWords(counts)}; wanted ${grouped(counts.tcp + counts.udp)} of ${grouped(flows)}`,
    ],
    ...qualityNotes(head).map((note): [string, string] => ['note', note]),
    ...head.warnings.map((warning): [string, string] => ['warning', printable(warning)]),
  ]
}

function packetWords({ packets, bytes, captureQuality }: DecodeHead): string {
  const captured = captureQuality.capturedBytes
  const part = captured === bytes ? '' : `, ${bytesWords(captured)} of them captured`
  return `${grouped(packets)}, ${bytesWords(bytes)} on the wire${part}`
}

function timeWords({ firstTimestamp, lastTimestamp }: DecodeHead): string {
  if (firstTimestamp === null) return 'not known'
  const ms = between(firstTimestamp, lastTimestamp)
  if (ms === null) return `from ${isoTime(firstTimestamp)}`
  // Where the clock went back to before the first packet no difference tells how long it took; a note tells of the clock.
  return `${isoTime(firstTimestamp)} to ${isoTime(lastTimestamp!)}${ms < 0 ? '' : `, ${lasting(ms)}`}`
}

function kindWords({ captureQuality: { kinds } }: DecodeHead): string {
  const rows: [string, number][] = [
    ['TCP', kinds.tcp],
    ['UDP', kinds.udp],
    ['ICMP', kinds.icmp],
    ['ICMP errors', kinds.icmpErrors],
    ['ARP', kinds.arp],
    ['fragments', kinds.fragments],
    ['other', kinds.other],
  ]
  const present = rows.filter(([, count]) => count > 0)
  return present.map(([name, count]) => `${name} ${grouped(count)}`).join(', ') || 'nothing'
}

function flowWords({ tcp, udp, outcomes }: FlowCounts): string {
  const parts = Object.entries(outcomes).map(([outcome, count]) => `${outcome} ${grouped(count)}`)
  const detail = parts.length === 0 ? '' : `: ${parts.join(', ')}`
  return `${grouped(tcp)} TCP${detail}${udp === 0 ? '' : `; ${grouped(udp)} UDP`}`
}
