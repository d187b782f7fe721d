// Which flows of many are drawn: those that findings name, then one of each kind of trouble in turn.

import type { Flow } from '../flow/model.js'

const sum = (counts: { client: number; server: number } | null): number =>
  counts === null ? 0 : counts.client + counts.server

/** How much happened in a flow that should not. */
export function troublesOf(flow: Flow): number {
  if (flow.protocol === 'udp') return flow.icmpErrors.length
  return (
    sum(flow.retransmissions) +
    sum(flow.outOfOrder) +
    sum(flow.zeroWindows) +
    sum(flow.windowFulls) +
    sum(flow.dupAcks) +
    sum(flow.gaps) +
    flow.synRetransmits +
    flow.synAckRetransmits +
    flow.icmpErrors.length
  )
}

/**
 * At most `limit` of `flows`, in their order.
 * @param named ids of flows that findings name, the worst first
 */
export function chosenFlows(flows: readonly Flow[], named: readonly number[], limit: number): Flow[] {
  const chosen = new Set<Flow>()
  const byId = new Map(flows.map(flow => [flow.id, flow]))
  for (const id of named) {
    const flow = byId.get(id)
    // Half of the room is for what no finding names.
    if (flow !== undefined && chosen.size < Math.ceil(limit / 2)) chosen.add(flow)
  }
  const groups = new Map<string, Flow[]>()
  for (const flow of flows) {
    const troubles = troublesOf(flow)
    const kind = `${flow.outcome ?? flow.protocol} ${flow.resetClass ?? ''} ${troubles > 0}`
    groups.set(kind, [...(groups.get(kind) ?? []), flow])
  }
  const turns = [...groups.values()].map(group => group.toSorted((one, other) => troublesOf(other) - troublesOf(one)))
  for (let turn = 0; chosen.size < limit && turns.some(group => group.length > turn); turn++)
    for (const group of turns) if (group.length > turn && chosen.size < limit) chosen.add(group[turn]!)
  return flows.filter(flow => chosen.has(flow))
}
