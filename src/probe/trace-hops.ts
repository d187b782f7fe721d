// Hops of a document, out of what was counted on the paths of now and on those that are no more.

import type { AddressPlace } from '../ports/places.js'
import { lossPercent } from './statistics.js'
import type { Hop, Responder, TraceMtu } from './trace-document.js'
import type { TraceHeader } from './trace-events.js'
import type { Cell, CountedPath, PathState } from './trace-flow-fold.js'
import type { LossOfFlows } from './trace-flow-loss.js'
import type { SlowVerdict } from './trace-loss.js'
import { type ProbeCounts, ResponderFold } from './trace-responder.js'

/** Responders told apart at one TTL. */
const MOST_RESPONDERS = 64

/** What a document says beyond what the events told. */
export interface DocumentExtras {
  /** By reverse look-up. */
  readonly names?: (address: string) => string | null
  readonly place?: (address: string) => AddressPlace | null
  readonly mtu?: TraceMtu | null
  /** The header as it is now: flows were added to it. */
  readonly header?: TraceHeader
}

/** What is known of a TTL. */
export class HopFold {
  readonly responders = new Map<string, ResponderFold>()
  limitsItsAnswers = true
  verdict: SlowVerdict | null = null
  /** Of paths that are no more. */
  readonly closed: ProbeCounts = { sent: 0, received: 0, lost: 0 }

  /** null when there are too many to tell apart. */
  responder(address: string): ResponderFold | null {
    const known = this.responders.get(address)
    if (known !== undefined || this.responders.size >= MOST_RESPONDERS) return known ?? null
    const made = new ResponderFold(address)
    this.responders.set(address, made)
    return made
  }

  /** The path is another now. */
  close(ttl: number, cell: Cell, path: PathState, loss: LossOfFlows): void {
    const share = loss.lostShare(path.flow, ttl)
    const sent = cell.sent + cell.slowSent
    addTo(this.closed, { sent, received: cell.received + cell.slowReceived, lost: share * sent })
    for (const [address, counts] of countsByAddress(cell, path.current.get(ttl), share)) {
      const responder = this.responder(address)
      if (responder !== null) addTo(responder.closed, counts)
    }
  }
}

export function hopsOf(
  header: TraceHeader,
  paths: readonly CountedPath[],
  folds: ReadonlyMap<number, HopFold>,
  loss: LossOfFlows,
  extras: DocumentExtras,
): Hop[] {
  const lengths = paths.map(({ flow, cells }) => Math.min(flow.end, Math.max(...cells.keys(), 0)))
  const last = Math.max(...lengths, header.firstTtl - 1)
  return Array.from({ length: last - header.firstTtl + 1 }, (_, at) => {
    const ttl = header.firstTtl + at
    return hopOf(
      ttl,
      paths.filter(({ flow }) => flow.end >= ttl),
      folds.get(ttl),
      loss,
      extras,
    )
  })
}

/** Hops of a path that was only asked whether anybody is there, and nobody answered. */
export function silentHops(firstTtl: number, sentTo: ReadonlyMap<number, number>): Hop[] {
  const last = Math.max(...sentTo.keys(), firstTtl - 1)
  return Array.from({ length: last - firstTtl + 1 }, (_, at) => {
    const sent = sentTo.get(firstTtl + at) ?? 0
    return { ttl: firstTtl + at, responders: [], ...shownCounts({ sent, received: 0, lost: sent }) }
  })
}

function hopOf(
  ttl: number,
  paths: readonly CountedPath[],
  fold: HopFold | undefined,
  loss: LossOfFlows,
  extras: DocumentExtras,
): Hop {
  const total: ProbeCounts = { ...(fold?.closed ?? NOTHING) }
  const open = new Map<string, ProbeCounts>()
  for (const { flow, cells } of paths) {
    const cell = cells.get(ttl)
    if (cell === undefined) continue
    const share = loss.lostShare(flow.flow, ttl)
    const sent = cell.sent + cell.slowSent
    addTo(total, { sent, received: cell.received + cell.slowReceived, lost: share * sent })
    for (const [address, counts] of countsByAddress(cell, flow.current.get(ttl), share)) {
      const known = open.get(address) ?? { ...NOTHING }
      open.set(address, known)
      addTo(known, counts)
    }
  }
  const isCurrent = (address: string): boolean => paths.some(({ flow }) => flow.current.get(ttl) === address)
  const responders = [...(fold?.responders.values() ?? [])]
    .filter(({ address, closed }) => open.has(address) || closed.sent > 0)
    .sort((a, b) => Number(isCurrent(b.address)) - Number(isCurrent(a.address)))
    .map(responder => responderOf(ttl, responder, open.get(responder.address) ?? NOTHING, extras))
  return { ttl, responders, ...shownCounts(total) }
}

function responderOf(ttl: number, fold: ResponderFold, open: ProbeCounts, extras: DocumentExtras): Responder {
  const { names, place } = extras
  const total = { ...fold.closed }
  addTo(total, open)
  const { address, mpls, interfaces, tos, translated } = fold
  const measured = extras.mtu?.byTtl.find(each => each.ttl === ttl && each.address === address)
  const where = place?.(address) ?? null
  return {
    address,
    name: names?.(address) ?? null,
    ...shownCounts(total),
    rttMs: fold.times.statistics(),
    jitterMs: fold.times.jitterMs,
    recentMs: fold.recentMs,
    answers: { ...fold.answers },
    icmp: fold.icmp,
    mpls,
    interfaces,
    mtu: fold.mtu ?? measured?.mtu ?? null,
    tos,
    translated,
    asn: where?.asn ?? null,
    asName: where?.asName ?? null,
    place: where?.place ?? null,
    flows: [...fold.flows].sort((a, b) => a - b),
  }
}

const NOTHING: Readonly<ProbeCounts> = { sent: 0, received: 0, lost: 0 }

function addTo(sum: ProbeCounts, { sent, received, lost }: Readonly<ProbeCounts>): void {
  sum.sent += sent
  sum.received += received
  sum.lost += lost
}

/** Unanswered probes are those of whoever is there now; where several take turns, each has its part of them. */
function* countsByAddress(cell: Cell, current: string | undefined, share: number): Generator<[string, ProbeCounts]> {
  const received = cell.received + cell.slowReceived
  const unanswered = cell.sent + cell.slowSent - received
  if (current === undefined) return
  let left = unanswered
  for (const [address, count] of cell.by) {
    if (address === current) continue
    const part = Math.floor((unanswered * count) / received)
    left -= part
    yield [address, { sent: count + part, received: count, lost: share * (count + part) }]
  }
  const own = cell.by.get(current) ?? 0
  if (own + left > 0) yield [current, { sent: own + left, received: own, lost: share * (own + left) }]
}

/** Whole probes, which add up. */
function shownCounts({ sent, received, lost }: Readonly<ProbeCounts>): {
  sent: number
  received: number
  notAnswering: number
  lossPercent: number | null
} {
  const whole = Math.min(Math.round(lost), sent - received)
  return { sent, received, notAnswering: sent - received - whole, lossPercent: lossPercent(sent, whole) }
}
