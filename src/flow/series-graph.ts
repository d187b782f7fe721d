// What a time-sequence graph shows of one direction of a flow: numbers counted from its SYN, or from one before its first, so that
// they pass 2^32 without a step.

import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../wire/walked-packet.js'
import * as Label from './label-bits.js'
import type { SeriesPoint } from './series.js'

export interface GraphSegment {
  point: SeriesPoint
  timeNs: number
  start: number
  /** SYN and FIN take a number each. */
  end: number
}

export interface GraphAcknowledgment {
  point: SeriesPoint
  timeNs: number
  acknowledged: number
  /** Where the window ends that it announces; null when its scale is not known. */
  edge: number | null
  sack: { start: number; end: number } | null
}

export interface GraphData {
  segments: GraphSegment[]
  acknowledgments: GraphAcknowledgment[]
  /** What was sent behind a hole in the capture. */
  gaps: { point: SeriesPoint; timeNs: number; start: number; end: number }[]
  resets: { point: SeriesPoint; timeNs: number; isSender: boolean }[]
  /** Bounds of what is drawn. */
  least: number
  most: number
  bytes: number
}

/** How far beyond what was sent an acknowledgment or the window may lie to be shown, as a part of what was sent. */
const MOST_BEYOND = 0.25

/**
 * @param sender whose data
 * @param shift scale of the windows that the other one announces; null when it is not known
 */
export function graphOf(points: readonly SeriesPoint[], sender: 0 | 1, shift: number | null): GraphData {
  const segments: GraphSegment[] = []
  const acknowledgments: GraphAcknowledgment[] = []
  const gaps: GraphData['gaps'] = []
  const resets: GraphData['resets'] = []
  let base: number | null = null
  let last = 0
  let top = 0
  let bytes = 0
  const relative = (number: number): number => last + ((number - ((base! + last) >>> 0)) | 0)
  for (const point of points) {
    if (point.protocol !== 'tcp' || (point.labels & (Label.CAPTURE_DUPLICATE | Label.MALFORMED)) !== 0) continue
    const { timeNs, flags } = point
    const isSender = point.sender === sender
    if ((flags & TCP_RST) !== 0) {
      resets.push({ point, timeNs, isSender })
      continue
    }
    if (isSender) {
      base ??= (point.sequence - ((flags & TCP_SYN) !== 0 ? 0 : 1)) >>> 0
      const start = relative(point.sequence)
      const end = start + point.bytes + ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0)
      const isNumbered = end > start || (point.labels & (Label.KEEP_ALIVE | Label.ZERO_WINDOW_PROBE)) !== 0
      if (!isNumbered) continue
      if ((point.labels & Label.GAP) !== 0 && start > top) gaps.push({ point, timeNs, start: top, end: start })
      segments.push({ point, timeNs, start, end })
      bytes += point.bytes
      top = segments.length === 1 ? end : Math.max(top, end)
      last = top
    } else if ((flags & TCP_ACK) !== 0) {
      base ??= (point.acknowledgment - 1) >>> 0
      const acknowledged = relative(point.acknowledgment)
      const scale = (flags & TCP_SYN) !== 0 ? 0 : shift
      const { sack } = point
      acknowledgments.push({
        point,
        timeNs,
        acknowledged,
        edge: scale === null && point.window > 0 ? null : acknowledged + point.window * 2 ** (scale ?? 0),
        sack: sack === null ? null : { start: relative(sack.start), end: relative(sack.end) },
      })
    }
  }
  return { segments, acknowledgments, gaps, resets, ...bounds(segments, acknowledgments), bytes }
}

/** From the first byte sent to the last, and somewhat beyond where the window is. */
function bounds(
  segments: readonly GraphSegment[],
  acknowledgments: readonly GraphAcknowledgment[],
): { least: number; most: number } {
  let least = Number.POSITIVE_INFINITY
  let top = Number.NEGATIVE_INFINITY
  for (const { start, end } of segments) {
    if (start < least) least = start
    if (end > top) top = end
  }
  if (least > top) return { least: 0, most: 1 }
  const beyond = top + Math.max(1, (top - least) * MOST_BEYOND)
  let most = top
  for (const { edge, acknowledged } of acknowledgments) {
    const highest = Math.max(edge ?? acknowledged, acknowledged)
    if (highest > most) most = Math.min(highest, beyond)
  }
  return { least, most: Math.max(most, least + 1) }
}
