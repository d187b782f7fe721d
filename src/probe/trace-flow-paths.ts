// The paths that the flows of a run take, and whether there are others that none took.

import { lossPercent } from './statistics.js'
import type { Branches, FlowPath } from './trace-document.js'
import type { TraceHeader } from './trace-events.js'
import { type CountedPath, type FlowFold, newCell } from './trace-flow-fold.js'
import type { LossOfFlows } from './trace-flow-loss.js'
import { flowsToExclude } from './trace-flows.js'
import type { SlowVerdict } from './trace-loss.js'

interface FlowPathSource extends CountedPath {
  readonly flow: FlowFold
}

export function flowPathsOf(
  header: TraceHeader,
  paths: readonly FlowPathSource[],
  loss: LossOfFlows,
  verdicts: ReadonlyMap<number, SlowVerdict>,
): FlowPath[] {
  const isReached = paths.some(({ flow }) => flow.distance !== null)
  return [...paths]
    .sort((a, b) => a.flow.flow - b.flow.flow)
    .map(({ flow, cells }) => {
      const deepest = Math.max(...[...flow.current.keys()].filter(ttl => ttl <= flow.end), 0)
      const cell = cells.get(deepest) ?? newCell()
      const sent = cell.sent + cell.slowSent
      const received = cell.received + cell.slowReceived
      const lost = Math.min(Math.round(loss.lostShareOfFlow(flow.flow, deepest) * sent), sent - received)
      // Probes that nothing deeper tells of are no loss only where slowed ones of the flow have told.
      const isLimited = verdicts.get(deepest) === 'rate-limited'
      const isTold = isLimited ? sent === received || cell.slowSent > 0 : sent - received === lost
      const reached = flow.distance !== null
      return {
        flow: flow.flow,
        value: header.flowValues[flow.flow] ?? 0,
        path: pathOf(flow, header.firstTtl, deepest),
        reached,
        sent,
        received,
        lossPercent: isTold && reached === isReached ? lossPercent(sent, lost) : null,
        rttMs: flow.endTimes.statistics(),
      }
    })
}

function pathOf({ current }: FlowFold, firstTtl: number, deepest: number): (string | null)[] {
  return Array.from({ length: Math.max(deepest - firstTtl + 1, 0) }, (_, at) => current.get(firstTtl + at) ?? null)
}

export function branchesOf(header: TraceHeader, paths: readonly CountedPath[]): Branches {
  const last = Math.max(...paths.map(({ flow }) => Math.min(flow.end, Math.max(...flow.current.keys(), 0))), 0)
  let complete = paths.length > 0
  const byTtl = Array.from({ length: Math.max(last - header.firstTtl + 1, 0) }, (_, at) => {
    const ttl = header.firstTtl + at
    const seen = paths.flatMap(({ flow }) => (flow.end < ttl ? [] : (flow.current.get(ttl) ?? [])))
    const addresses = [...new Set(seen)].sort()
    // Nobody is known where nobody answers: branches there are another matter.
    if (addresses.length > 0 && seen.length < flowsToExclude(addresses.length)) complete = false
    return { ttl, addresses }
  })
  return { flowsTried: paths.length, byTtl, complete }
}
