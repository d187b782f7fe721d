// What a capture cannot show, in sentences: dropped, cut and doubled packets, steps of the clock, one direction only, offload.

import type { DecodeHead } from '../flow/decode-document.js'
import { linkTypeName } from '../wire/link-types.js'
import { grouped, lasting } from './decode-words.js'

const share = (part: number, whole: number): string =>
  whole === 0 ? '' : ` (${((100 * part) / whole).toFixed(part * 1000 < whole ? 2 : 1)}%)`

const some = (count: number, one: string, many: string): string => `${grouped(count)} ${count === 1 ? one : many}`

/** Why there may be connections in packets that are told of as other: the walk ended before what they carry. */
const UNSEEN: { [reason: string]: string } = {
  'too many layers': 'of more layers than are followed: what is inside was not looked at',
  encrypted: 'encrypted: what is inside cannot be seen',
  compressed: 'compressed (IPComp): what is inside was not looked at',
}

/** Nothing when it shows everything. */
export function qualityNotes({ captureQuality: quality }: DecodeHead): string[] {
  const { packets, kinds } = quality
  const notes: string[] = []
  const note = (count: number | null, text: (count: number) => string): void => {
    if (count !== null && count > 0) notes.push(text(count))
  }
  if (quality.interrupted) notes.push('interrupted: this is what was read until then')
  note(quality.dropped, count => `${some(count, 'packet was', 'packets were')} dropped before they could be captured`)
  note(
    quality.duplicates,
    count =>
      `${some(count, 'TCP packet is', 'TCP packets are')} captured twice${share(count, kinds.tcp)}, and counted apart`,
  )
  note(quality.cutPackets, count => `${some(count, 'packet is', 'packets are')} cut${share(count, packets)}`)
  note(
    quality.clockSteps,
    count =>
      `the clock went back ${some(count, 'time', 'times')}, by ${lasting(quality.largestClockStepNs / 1e6)} at most`,
  )
  note(quality.packetsWithoutTime, count => `${some(count, 'packet has', 'packets have')} no time`)
  note(
    quality.giants,
    count =>
      `${some(count, 'segment is', 'segments are')} larger than the network takes: offload made them, they were never on the wire`,
  )
  note(quality.oneSidedFlows, count => `of ${some(count, 'flow', 'flows')} only one direction was captured`)
  note(quality.gaps, count => `${some(count, 'gap', 'gaps')} in TCP flows: bytes that were sent and not captured`)
  note(quality.malformed, count => `${some(count, 'packet is', 'packets are')} malformed`)
  note(quality.badChecksums, count => `${some(count, 'packet has', 'packets have')} a wrong checksum`)
  note(
    quality.strayIcmpErrors,
    count => `${some(count, 'ICMP error quotes', 'ICMP errors quote')} flows that are not here`,
  )
  note(
    quality.evictedFlows,
    count => `${some(count, 'flow was', 'flows were')} given up to make room: --max-flows keeps more`,
  )
  note(quality.idleFlows, count => `${some(count, 'flow was', 'flows were')} ended after a long silence`)
  for (const { reason, packets: count } of quality.stops)
    if (reason in UNSEEN) notes.push(`${some(count, 'packet', 'packets')} ${UNSEEN[reason]}`)
  for (const { linkType, packets: count } of quality.unsupportedLinkTypes)
    notes.push(
      `${some(count, 'packet has', 'packets have')} link type ${linkType} (${linkTypeName(linkType)}), which is not decoded`,
    )
  return notes
}
