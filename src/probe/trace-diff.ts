// What differs between two traces of a target.

import type { LocatedLoss, Responder, TraceDocument } from './trace-document.js'
import { hopsWord, milliseconds, percentage } from './trace-words.js'

export interface ChangedHop {
  readonly ttl: number
  /** Who answered there; empty where the path had ended, or nobody did. */
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** Of one who answered in both: medians, in milliseconds. */
export interface RttChange {
  readonly ttl: number
  readonly address: string
  readonly beforeMs: number
  readonly afterMs: number
  readonly deltaMs: number
}

export interface Change<Value> {
  readonly before: Value
  readonly after: Value
}

export interface TraceDiff {
  readonly target: Change<string>
  readonly address: Change<string>
  readonly protocol: Change<TraceDocument['protocol']>
  readonly reached: Change<boolean>
  readonly targetState: Change<TraceDocument['targetState']>
  /** Hops to the target; null where it was not reached. */
  readonly hops: Change<number | null>
  readonly changedHops: readonly ChangedHop[]
  readonly rtt: readonly RttChange[]
  /** Of the last hop that answers. */
  readonly lossPercent: Change<number | null>
  readonly newLoss: readonly LocatedLoss[]
  readonly goneLoss: readonly LocatedLoss[]
  readonly sentences: readonly string[]
}

/** Times that differ by less are alike, in a sentence. */
const ALIKE_MS = 0.5
const ALIKE_SHARE = 0.1

export function diffTraces(before: TraceDocument, after: TraceDocument): TraceDiff {
  const both = <Value>(of: (document: TraceDocument) => Value): Change<Value> => ({
    before: of(before),
    after: of(after),
  })
  const differences = {
    target: both(({ target }) => target),
    address: both(({ address }) => address),
    protocol: both(({ protocol }) => protocol),
    reached: both(({ reached }) => reached),
    targetState: both(({ targetState }) => targetState),
    hops: both(({ reached, hops }) => (reached ? (hops.at(-1)?.ttl ?? null) : null)),
    changedHops: changedHopsOf(before, after),
    rtt: rttChangesOf(before, after),
    lossPercent: both(({ hops }) => hops.findLast(({ received }) => received > 0)?.lossPercent ?? null),
    newLoss: after.loss.filter(loss => !before.loss.some(other => isSamePlace(loss, other))),
    goneLoss: before.loss.filter(loss => !after.loss.some(other => isSamePlace(loss, other))),
  }
  return { ...differences, sentences: [...sentencesOf(differences), ...silenceSentences(before, after)] }
}

/** Silence is no other path: who answered in one of them only, between hops that are alike, is told beside it. */
function silenceSentences(before: TraceDocument, after: TraceDocument): string[] {
  return before.hops.flatMap(old => {
    const now = after.hops.find(({ ttl }) => ttl === old.ttl)
    const [was, is] = [old.responders[0], now?.responders[0]]
    if (now === undefined || now.sent === 0 || old.sent === 0 || (was === undefined) === (is === undefined)) return []
    return [
      was === undefined
        ? `hop ${old.ttl} did not answer, and ${is!.address} does now`
        : `hop ${old.ttl} (${was.address}) does not answer now`,
    ]
  })
}

/** A hop changed when each trace has somebody there whom the other has not, or when only one path goes as far. */
function changedHopsOf(before: TraceDocument, after: TraceDocument): ChangedHop[] {
  const ttls = new Set([...before.hops, ...after.hops].map(({ ttl }) => ttl))
  return [...ttls]
    .sort((a, b) => a - b)
    .map(ttl => ({ ttl, before: addressesAt(before, ttl), after: addressesAt(after, ttl) }))
    .filter(hop => {
      if (hop.before.length === 0 || hop.after.length === 0)
        return hop.before.length + hop.after.length > 0 && isBehindEnd(before, after, hop.ttl)
      const isWithin = (some: readonly string[], all: readonly string[]): boolean =>
        some.every(each => all.includes(each))
      return !isWithin(hop.before, hop.after) && !isWithin(hop.after, hop.before)
    })
}

function isBehindEnd(before: TraceDocument, after: TraceDocument, ttl: number): boolean {
  return [before, after].some(({ reached, hops }) => reached && ttl > (hops.at(-1)?.ttl ?? 0))
}

function addressesAt({ hops }: TraceDocument, ttl: number): string[] {
  return hops.find(hop => hop.ttl === ttl)?.responders.map(({ address }) => address) ?? []
}

function rttChangesOf(before: TraceDocument, after: TraceDocument): RttChange[] {
  return after.hops.flatMap(({ ttl, responders }) =>
    responders.flatMap(responder => {
      const old = before.hops
        .find(hop => hop.ttl === ttl)
        ?.responders.find(({ address }) => address === responder.address)
      // The target is the same wherever the path ends.
      const isTarget =
        after.reached && before.reached && ttl === after.hops.at(-1)!.ttl && responder.address === after.address
      const was = old ?? (isTarget ? targetOf(before, after.address) : undefined)
      const [beforeMs, afterMs] = [was?.rttMs?.p50, responder.rttMs?.p50]
      if (beforeMs === undefined || afterMs === undefined) return []
      return [{ ttl, address: responder.address, beforeMs, afterMs, deltaMs: afterMs - beforeMs }]
    }),
  )
}

function targetOf({ hops }: TraceDocument, address: string): Responder | undefined {
  return hops.at(-1)?.responders.find(responder => responder.address === address)
}

function isSamePlace(a: LocatedLoss, b: LocatedLoss): boolean {
  return a.afterTtl === b.afterTtl && a.beforeTtl === b.beforeTtl
}

function sentencesOf(diff: Omit<TraceDiff, 'sentences'>): string[] {
  const { target, address, protocol, reached, targetState, changedHops, newLoss, goneLoss, hops } = diff
  const isMoved = hops.before !== null && hops.after !== null && hops.before !== hops.after
  const isSame = changedHops.length === 0 && reached.before === reached.after
  return [
    ...(target.before === target.after
      ? []
      : [`these are traces of two targets: ${target.before} and ${target.after}`]),
    ...(address.before === address.after ? [] : [`the target's address was ${address.before} and is ${address.after}`]),
    ...(protocol.before === protocol.after ? [] : [`probes were ${protocol.before} and are ${protocol.after}`]),
    ...(reached.before === reached.after
      ? []
      : [reached.after ? 'the target is reached now' : 'the target is no longer reached']),
    ...(isSame ? ['the path is the same'] : []),
    ...changedHops.flatMap(hop => changedSentences(hop, isMoved)),
    ...(isMoved ? [`the target is ${hopsWord(hops.after)} away, it was ${hops.before}`] : []),
    ...(targetState.before === targetState.after
      ? []
      : [`the target was ${targetState.before ?? 'silent'} and is ${targetState.after ?? 'silent'}`]),
    ...rttSentences(diff),
    ...newLoss.map(loss => `new: ${lossWords(loss)}`),
    ...goneLoss.map(loss => `gone: ${lossWords(loss)}`),
    ...lossSentences(diff),
  ]
}

/** @param isMoved that the path is longer or shorter is told anyway, and so is what became of its hops */
function changedSentences({ ttl, before, after }: ChangedHop, isMoved: boolean): string[] {
  const words = (addresses: readonly string[]): string => addresses.join(' and ')
  if (before.length > 0 && after.length > 0) return [`hop ${ttl} changed: ${words(before)} became ${words(after)}`]
  if (isMoved) return []
  return [before.length === 0 ? `hop ${ttl} is new: ${words(after)}` : `hop ${ttl} is gone: ${words(before)}`]
}

function lossWords({ afterTtl, beforeTtl, percent }: LocatedLoss): string {
  const after = afterTtl === 0 ? 'this host' : `hop ${afterTtl}`
  return `${percentage(percent)} lost between ${after} and hop ${beforeTtl}`
}

function lossSentences({ lossPercent: { before, after }, newLoss, goneLoss }: Omit<TraceDiff, 'sentences'>): string[] {
  if (before === null || after === null || before === after || newLoss.length + goneLoss.length > 0) return []
  return [`loss was ${percentage(before)} and is ${percentage(after)}`]
}

/** How the time to the end of the path changed, and the hop from which on it did. */
function rttSentences({ rtt }: Omit<TraceDiff, 'sentences'>): string[] {
  const last = rtt.at(-1)
  if (last === undefined || isAlike(last)) return []
  const { ttl, address, beforeMs, afterMs, deltaMs } = last
  const how = `${milliseconds(Math.abs(deltaMs))} ${deltaMs > 0 ? 'more' : 'less'}`
  const from = rtt.find((_, at) => rtt.slice(at).every(each => each.deltaMs / deltaMs >= 0.5))
  const where = from === undefined || from === last ? '' : `, from hop ${from.ttl} (${from.address}) on`
  return [
    `round trips to hop ${ttl} (${address}) took ${milliseconds(beforeMs)} and take ${milliseconds(afterMs)}: ${how}${where}`,
  ]
}

function isAlike({ beforeMs, deltaMs }: RttChange): boolean {
  return Math.abs(deltaMs) < ALIKE_MS || Math.abs(deltaMs) < beforeMs * ALIKE_SHARE
}
