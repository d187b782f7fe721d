// Loss of several flows: each path its own share, and each lossy place the flows that have it.

import { losesMoreByChance, pooled, ratio, type Share } from './exact-test.js'
import type { LocatedLoss } from './trace-document.js'
import { type CountedPath, type HopNature, sampleOf, sumOf } from './trace-flow-fold.js'
import { type PathLoss, pathLoss, percentOfStep } from './trace-location.js'
import { type HopSample, hasAnswered, tellingShare } from './trace-loss.js'

export interface LossOfFlows {
  readonly located: readonly LocatedLoss[]
  readonly suspected: ReadonlySet<number>
  /** Share lost on the way to a TTL, of the flows that go the path that this flow goes: from 0 to 1. */
  lostShare(flow: number, ttl: number): number
  /** The same of the flow alone. */
  lostShareOfFlow(flow: number, ttl: number): number
}

/** How unlikely chance has to be for flows to differ. */
const SIGNIFICANT = 0.01

/** Flows that go one path, hop by hop. */
interface Branch {
  readonly flows: readonly number[]
  readonly samples: readonly HopSample[]
}

export function lossOfFlows(paths: readonly CountedPath[], natureOf: (ttl: number) => HopNature): LossOfFlows {
  const located: LocatedLoss[] = []
  const suspected = new Set<number>()
  const shares = new Map<number, ReadonlyMap<number, number>>()
  // TTLs of paths of different lengths are different places.
  for (const alike of groupBy(paths, ({ flow }) => String(flow.end))) {
    const branches = groupBy(alike, pathKey).map(each => branchOf(each, natureOf))
    const all = pathLoss(branchOf(alike, natureOf).samples)
    for (const ttl of all.suspected) suspected.add(ttl)
    for (const branch of branches) {
      const { lostShare } = branches.length === 1 ? all : pathLoss(branch.samples)
      for (const flow of branch.flows) shares.set(flow, lostShare)
    }
    located.push(...all.steps.map((_, at) => withFlows(all, at, branches)))
  }
  return {
    located: merged(located, paths.length),
    suspected,
    lostShare: (flow, ttl) => shares.get(flow)?.get(ttl) ?? 0,
    lostShareOfFlow: (flow, ttl) => {
      const own = paths.filter(path => path.flow.flow === flow)
      return pathLoss(branchOf(own, natureOf).samples).lostShare.get(ttl) ?? 0
    },
  }
}

function pathKey({ flow, cells }: CountedPath): string {
  const ttls = [...cells.keys()].filter(ttl => ttl <= flow.end).sort((a, b) => a - b)
  return ttls.map(ttl => `${ttl} ${flow.current.get(ttl) ?? ''}`).join()
}

function branchOf(paths: readonly CountedPath[], natureOf: (ttl: number) => HopNature): Branch {
  const ttls = new Set(paths.flatMap(({ flow, cells }) => [...cells.keys()].filter(ttl => ttl <= flow.end)))
  const samples = [...ttls]
    .sort((a, b) => a - b)
    .map(ttl => sampleOf(ttl, sumOf(paths.flatMap(({ cells }) => cells.get(ttl) ?? [])), natureOf(ttl)))
  return { flows: paths.map(({ flow }) => flow.flow), samples }
}

/** A lossy place, and the flows that have it: branches that lose significantly more there than others, which lose nothing. */
function withFlows(all: PathLoss, at: number, branches: readonly Branch[]): LocatedLoss {
  const step = all.steps[at]!
  const from = all.steps[at - 1]?.beforeTtl ?? 0
  const to = all.steps[at + 1]?.afterTtl ?? Number.POSITIVE_INFINITY
  const sides = branches.map(({ flows, samples }) => {
    const told = samples.filter(hop => hasAnswered(hop) && !all.suspected.has(hop.ttl))
    const before = told.filter(({ ttl }) => ttl >= from && ttl <= step.afterTtl)
    const behind = told.filter(({ ttl }) => ttl >= step.beforeTtl && ttl <= to)
    return { flows, before: pooled(before.map(tellingShare)), behind: pooled(behind.map(tellingShare)) }
  })
  const everyone = { ...step, flows: branches.flatMap(({ flows }) => flows) }
  const sorted = sides.filter(({ behind }) => behind.sent > 0).sort((a, b) => ratio(b.behind) - ratio(a.behind))
  for (let count = 1; count < sorted.length; count++) {
    const [high, low] = [sumSides(sorted.slice(0, count)), sumSides(sorted.slice(count))]
    const chance = losesMoreByChance(high.behind, low.behind) * 2 ** Math.min(sorted.length - 1, 30)
    if (chance >= SIGNIFICANT || losesMoreByChance(low.behind, low.before) < SIGNIFICANT) continue
    return { ...step, percent: percentOfStep(high.before, high.behind), flows: high.flows }
  }
  return everyone
}

interface Sides {
  readonly flows: readonly number[]
  readonly before: Share
  readonly behind: Share
}

function sumSides(sides: readonly Sides[]): Sides {
  return {
    flows: sides.flatMap(({ flows }) => flows),
    before: pooled(sides.map(({ before }) => before)),
    behind: pooled(sides.map(({ behind }) => behind)),
  }
}

/** One place once, with the flows of all paths that have it; null for all there are. */
function merged(located: readonly LocatedLoss[], flows: number): LocatedLoss[] {
  const places = groupBy(located, ({ afterTtl, beforeTtl }) => `${afterTtl} ${beforeTtl}`)
  return places
    .map(same => {
      const own = same.flatMap(each => each.flows ?? []).sort((a, b) => a - b)
      const weighted = same.reduce((total, { percent, flows: its }) => total + percent * (its?.length ?? 0), 0)
      const percent = Math.round((10 * weighted) / own.length) / 10
      const { afterTtl, beforeTtl } = same[0]!
      const verified = same.every(each => each.verified)
      return { afterTtl, beforeTtl, percent, verified, flows: own.length === flows ? null : own }
    })
    .sort((a, b) => a.afterTtl - b.afterTtl || a.beforeTtl - b.beforeTtl)
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups.values()]
}
