// How many flows it takes to see every branch: the stopping rule of the multipath detection algorithm (Veitch, Augustin, Teixeira,
// Friedman: Failure control in multipath route tracing, INFOCOM 2009).

/** How unlikely it is to be that a branch was missed. */
const MISSED = 0.05
const counts: number[] = [0]

/**
 * Flows that have to be answered at a hop before `seen` branches are all there are: the fewest for which one of `seen` + 1 equally
 * likely ones is left out with a probability of 5 % at most.
 */
export function flowsToExclude(seen: number): number {
  for (let branches = counts.length; branches <= seen; branches++) {
    let flows = counts[branches - 1]! + 1
    while (missed(branches + 1, flows) > MISSED) flows++
    counts.push(flows)
  }
  return counts[seen]!
}

/** Probability that `flows` balls leave one of `branches` boxes empty, by inclusion and exclusion. */
function missed(branches: number, flows: number): number {
  let sum = 0
  let choose = 1
  for (let empty = 1; empty < branches; empty++) {
    choose *= (branches - empty + 1) / empty
    sum += (empty % 2 === 1 ? choose : -choose) * (1 - empty / branches) ** flows
  }
  return sum
}

/** Counts whom the flows see, and says how many flows it takes. */
export class FlowFinder {
  private readonly most: number
  private readonly byTtl = new Map<number, { readonly addresses: Set<string>; readonly flows: Set<number> }>()

  /** @param most flows there may be */
  constructor(most: number) {
    this.most = most
  }

  /** A flow was answered at a TTL. */
  saw(ttl: number, flow: number, address: string): void {
    const hop = this.byTtl.get(ttl) ?? { addresses: new Set(), flows: new Set() }
    this.byTtl.set(ttl, hop)
    // No more than there are flows can be told apart, whoever makes up addresses.
    if (hop.addresses.size < this.most) hop.addresses.add(address)
    hop.flows.add(flow)
  }

  /** Flows that there should be when `flows` have been tried. */
  wanted(flows: number): number {
    let missing = 0
    for (const hop of this.byTtl.values()) {
      missing = Math.max(missing, flowsToExclude(hop.addresses.size) - hop.flows.size)
    }
    return Math.min(this.most, flows + missing)
  }
}
