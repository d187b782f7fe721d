// Where on the path packets are lost: the places where what follows loses significantly more than what is before.

import { logLikelihood, losesMoreByChance, pooled, ratio, type Share } from './exact-test.js'
import {
  answeringHops,
  exceeds,
  type HopSample,
  hasAnswered,
  isReliable,
  isTested,
  suspects,
  tellingShare,
} from './trace-loss.js'

/** A step of loss. `afterTtl` 0 is this host. */
export interface LossStep {
  readonly afterTtl: number
  readonly beforeTtl: number
  readonly percent: number
  readonly verified: boolean
}

export interface PathLoss {
  readonly steps: readonly LossStep[]
  /** By TTL: the share of its probes that was lost on the way there, from 0 to 1. */
  readonly lostShare: ReadonlyMap<number, number>
  /** Hops that left more unanswered than the path loses, without a test that told why. */
  readonly suspected: ReadonlySet<number>
}

/** How unlikely chance has to be for all places of a path together. */
const SIGNIFICANT = 0.005
/** A hop that leaves more unanswered than a deeper one is no witness of where loss begins, when chance does it this seldom. */
const DOUBTFUL = 0.25
const UNLIKELY = 0.01
/** A place is told from its neighbours when it is that much more likely; else the claim spans them. */
const TOLD_APART = Math.log(20)
/** Probes without which a limit on answers cannot be told from loss: bursts are answered (Linux: six). And those that show it. */
const LEAST = 30
const ENOUGH = 100
/** What a hop whose answers may be limited, with nothing deeper to tell, may leave unanswered and be believed. */
const UNLIKE_A_LIMIT = 0.1

const NOTHING: Share = { lost: 0, sent: 0 }

interface Witness extends Share {
  readonly ttl: number
  readonly verified: boolean
}

export function pathLoss(samples: readonly HopSample[]): PathLoss {
  const hops = answeringHops(samples)
  const suspected = new Set(suspects(hops))
  const witnesses = bounded(hops.flatMap((hop, at) => asWitness(hop, hops.slice(at + 1), suspected.has(hop.ttl)) ?? []))
  const sent = witnesses.reduce((sum, witness) => sum + witness.sent, 0)
  const steps = locate([{ ttl: 0, lost: 0, sent, verified: true }, ...witnesses])
  return { steps, suspected, lostShare: new Map(lostShares(samples, hops, witnesses, steps)) }
}

/** A hop whose unanswered probes count as lost; null when they may be no loss. */
function asWitness(hop: HopSample, deeper: readonly HopSample[], suspected: boolean): Witness | null {
  const share = tellingShare(hop)
  if (!hasAnswered(hop) || (suspected && !isTested(hop))) return null
  const certain = share.lost === 0 || isReliable(hop)
  if (!certain && share.sent < LEAST) return null
  if (exceeds(share, deeper, certain || share.sent >= ENOUGH ? UNLIKELY : DOUBTFUL)) return null
  const verified = certain || deeper.some(isReliable)
  if (!verified && (share.sent < ENOUGH || share.lost > share.sent * UNLIKE_A_LIMIT)) return null
  return { ...share, ttl: hop.ttl, verified }
}

/** Where a hop has lost nothing of many, nothing was lost before it. */
function bounded(witnesses: readonly Witness[]): Witness[] {
  const clean = witnesses.findLastIndex(({ lost, sent }) => lost === 0 && sent >= LEAST)
  return witnesses.map((witness, at) => (at < clean ? { ...witness, lost: 0 } : witness))
}

function locate(path: readonly Witness[]): LossStep[] {
  const bounds = settledBounds(path, [0, ...splits(path, 0, path.length), path.length])
  return bounds.slice(1, -1).flatMap((_, at) => step(path, bounds[at]!, bounds[at + 2]!) ?? [])
}

/** Each bound at the best place between its neighbours. A first split that two places share is one too many then, and goes. */
function settledBounds(path: readonly Witness[], bounds: readonly number[]): number[] {
  const settled = [...bounds]
  for (let at = 1; at < settled.length - 1; at++) {
    const best = bestPlace(path, settled[at - 1]!, settled[at + 1]!)
    if (best === null || !isRise(best, settled[at + 1]! - settled[at - 1]!)) {
      return settledBounds(path, settled.toSpliced(at, 1))
    }
    settled[at] = best.at
  }
  return settled
}

/** Whether chance does not explain a place, out of those that a stretch of so many hops has. */
function isRise({ before, behind }: Place, hops: number): boolean {
  return losesMoreByChance(behind, before) * (hops - 1) < SIGNIFICANT
}

/** Splits a stretch of path at the likeliest place, if loss differs there, and both parts again. */
function splits(path: readonly Witness[], from: number, to: number): number[] {
  const best = bestPlace(path, from, to)
  if (best === null || !isRise(best, to - from)) return []
  return [...splits(path, from, best.at), best.at, ...splits(path, best.at, to)]
}

function bestPlace(path: readonly Witness[], from: number, to: number): Place | null {
  return risingPlaces(path, from, to).reduce<Place | null>(
    (a, b) => (a !== null && a.likelihood >= b.likelihood ? a : b),
    null,
  )
}

/** Places between whose two sides loss rises. */
function risingPlaces(path: readonly Witness[], from: number, to: number): Place[] {
  return Array.from({ length: Math.max(to - from - 1, 0) }, (_, at) => placeAt(path, from, from + at + 1, to)).filter(
    ({ before, behind }) => behind.lost * before.sent > before.lost * behind.sent,
  )
}

interface Place {
  /** Index of the first hop behind it. */
  readonly at: number
  readonly before: Share
  readonly behind: Share
  readonly likelihood: number
}

function placeAt(path: readonly Witness[], from: number, at: number, to: number): Place {
  const before = pooled(path.slice(from, at))
  const behind = pooled(path.slice(at, to))
  return { at, before, behind, likelihood: logLikelihood(before) + logLikelihood(behind) }
}

/** The one place where loss rises in a stretch; it spans all places that are nearly as likely as the likeliest. */
function step(path: readonly Witness[], from: number, to: number): LossStep | null {
  const places = risingPlaces(path, from, to)
  const most = Math.max(...places.map(({ likelihood }) => likelihood))
  const likely = places.filter(({ likelihood }) => likelihood >= most - TOLD_APART)
  if (likely.length === 0) return null
  const left = path.slice(from, likely[0]!.at)
  const right = path.slice(likely.at(-1)!.at, to)
  const [after, before] = [left.at(-1)!, right[0]!]
  const percent = percentOfStep(pooled(left), pooled(right))
  if (percent === 0) return null
  return { afterTtl: after.ttl, beforeTtl: before.ttl, percent, verified: after.verified && before.verified }
}

/** Of the packets that come to the place. */
export function percentOfStep(before: Share, behind: Share): number {
  const came = 1 - ratio(before)
  return came <= 0 ? 0 : 100 * Math.max((ratio(behind) - ratio(before)) / came, 0)
}

/**
 * Loss up to hop h can be no more than what any deeper hop leaves unanswered. That least of many samples is too low where packets
 * are lost for certain: there a hop that is believed lost what it left unanswered.
 */
function* lostShares(
  samples: readonly HopSample[],
  hops: readonly HopSample[],
  witnesses: readonly Witness[],
  steps: readonly LossStep[],
): Generator<[ttl: number, share: number]> {
  const believed = new Set(witnesses.map(({ ttl }) => ttl))
  const last = hops.at(-1)?.ttl ?? 0
  // Nothing answers there or beyond, so nothing tells that anything arrives.
  for (const { ttl } of samples) if (ttl > last) yield [ttl, 1]
  let least = 1
  for (const hop of [...hops].reverse()) {
    const own = ratio(tellingShare(hop))
    least = Math.min(least, own)
    const lossy = believed.has(hop.ttl) && steps.some(({ beforeTtl }) => beforeTtl <= hop.ttl)
    // Behind the last hop that is believed, what was lost before is all that is certain.
    const certain = hop.ttl > (witnesses.at(-1)?.ttl ?? 0) ? ratio(witnesses.at(-1) ?? NOTHING) : 1
    yield [hop.ttl, lossy ? own : Math.min(least, certain)]
  }
}
