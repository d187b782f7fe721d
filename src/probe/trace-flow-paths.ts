// The paths that the flows of a run take, and whether there are others that none took.

import { lossPercent } from './statistics.js'
import type { Branches, FlowPath } from './trace-document.js'
import type { TraceHeader } from './trace-events.js'
import type { CountedPath, FlowFold } from './trace-flow-fold.js'
import type { LossOfFlows } from './trace-flow-loss.js'
import { flowsToExclude } from './trace-flows.js'

interface FlowPathSource extends CountedPath {
  readonly flow: FlowFold
}

export function flowPathsOf(header: TraceHeader, paths: readonly FlowPathSource[], loss: LossOfFlows): FlowPath[] {
  return [...paths]
    .sort((a, b) => a.flow.flow - b.flow.flow)
    .map(({ flow, cells }) => {
      const deepest = Math.max(...[...flow.current.keys()].filter(ttl => ttl <= flow.end), 0)
      const cell = cells.get(deepest)
      const sent = cell === undefined ? 0 : cell.sent + cell.slowSent
      const received = cell === undefined ? 0 : cell.received + cell.slowReceived
      const lost = Math.min(Math.round(loss.lostShareOfFlow(flow.flow, deepest) * sent), sent - received)
      return {
        flow: flow.flow,
        value: header.flowValues[flow.flow] ?? 0,
        path: pathOf(flow, header.firstTtl, deepest),
        reached: flow.distance !== null,
        sent,
        received,
        lossPercent: lossPercent(sent, lost),
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
