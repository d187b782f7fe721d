// Which flows of many are in a page, and which of those are drawn: those that findings name, then one of each kind in turn.

import { FlowBoard, type FlowCounts } from '../flow/flow-board.js'
import { compareFlows } from '../flow/flow-order.js'
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

const packetsOf = ({ packets }: Flow): number => packets.client + packets.server

/** Flows of the same kind look alike. */
function kindOf(flow: Flow): string {
  return `${flow.outcome ?? flow.protocol} ${flow.resetClass ?? ''} ${troublesOf(flow) > 0}`
}

/** Rows of the table by order, and flows of each kind whatever their order. */
const MOST_ROWS = 1000
const MOST_OF_KIND = 12

/** The flows of a page, gathered as they end: the first ones in order, and of each kind those with most trouble. */
export class PageFlows {
  readonly #board = new FlowBoard(MOST_ROWS)
  readonly #kinds = new Map<string, Flow[]>()

  offer(flow: Flow): void {
    this.#board.offer(flow)
    const kind = kindOf(flow)
    const kept = this.#kinds.get(kind)
    if (kept === undefined) this.#kinds.set(kind, [flow])
    else if (kept.length < MOST_OF_KIND || troublesOf(flow) > troublesOf(kept.at(-1)!)) {
      kept.push(flow)
      // The order of those alike stays: the first ones are those that findings name.
      kept.sort((one, other) => troublesOf(other) - troublesOf(one))
      kept.length = Math.min(kept.length, MOST_OF_KIND)
    }
  }

  counts(): FlowCounts {
    return this.#board.counts()
  }

  flows(): Flow[] {
    return [...new Set([...this.#board.best(), ...[...this.#kinds.values()].flat()])].sort(compareFlows)
  }
}

/** Of flows of so few packets that are alike, few are drawn. */
const SMALL_PACKETS = 4
const MOST_SMALL = 6

/**
 * At most `limit` of `flows`, in their order.
 * @param named ids of flows that findings name, the worst first
 */
export function chosenFlows(flows: readonly Flow[], named: readonly number[], limit: number): Flow[] {
  if (flows.length <= limit) return [...flows]
  const chosen = new Set<Flow>()
  const byId = new Map(flows.map(flow => [flow.id, flow]))
  for (const id of named) {
    const flow = byId.get(id)
    // Half of the room is for what no finding names.
    if (flow !== undefined && chosen.size < Math.ceil(limit / 2)) chosen.add(flow)
  }
  const groups = new Map<string, Flow[]>()
  for (const flow of flows) {
    const group = groups.get(kindOf(flow))
    if (group === undefined) groups.set(kindOf(flow), [flow])
    else group.push(flow)
  }
  const turns = [...groups.values()].map(group => {
    const sorted = group.toSorted((one, other) => troublesOf(other) - troublesOf(one))
    let small = 0
    return sorted.filter(flow => packetsOf(flow) > SMALL_PACKETS || small++ < MOST_SMALL)
  })
  for (let turn = 0; chosen.size < limit && turns.some(group => group.length > turn); turn++)
    for (const group of turns) if (group.length > turn && chosen.size < limit) chosen.add(group[turn]!)
  return flows.filter(flow => chosen.has(flow))
}
