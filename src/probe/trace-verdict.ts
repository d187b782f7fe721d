// What is to be said of a path, in sentences. Addresses go in as they are: who shows them makes them fit for a terminal.

import { isUnreachable } from '../wire/icmp.js'
import { icmpReason } from '../wire/icmp-words.js'
import type { Hop, TraceDocument } from './trace-document.js'
import { hopName } from './trace-hop-names.js'
import { loopOf, loopSentence } from './trace-loop.js'
import type { SlowVerdict } from './trace-loss.js'
import { isProhibition } from './trace-target.js'
import {
  type LossFacts,
  limitSentences,
  lossSentences,
  lossySentences,
  mayLimit,
  starSentences,
} from './trace-verdict-loss.js'
import { hopsWord, listOf, milliseconds } from './trace-words.js'

export type DocumentWithoutVerdict = Omit<TraceDocument, 'verdict'>

export interface VerdictFacts extends LossFacts {
  /** Why this host's kernel refused to send, when it did. */
  readonly localError: string | null
  /** Probes that were to be sent, scouts among them. */
  readonly probes: number
  /** TTL beyond which no probe was to be sent. */
  readonly maxTtl: number
  /** Answers that came when their probes had been given up. */
  readonly late: number
}

/** So many probes that are all answered: no limit is at work. */
const FEW = 3
const NOTHING =
  'nothing answers, not even the first hop: probes may be filtered, or limits on answers used up for some seconds'

export function verdictOf(document: DocumentWithoutVerdict, facts: VerdictFacts): string[] {
  const answering = document.hops.filter(({ received }) => received > 0)
  const doubtful = doubtfulHops(document, facts.verdicts)
  return [
    ...endSentences(document, answering.at(-1), facts, doubtful.length > 0),
    ...(answering.length === 0 ? [] : lossSentences(document, answering.at(-1)!, facts.verdicts)),
    ...limitSentences(document, answering),
    ...silentSentences(document.hops, answering.at(-1), doubtful),
    ...lossySentences(document, answering, facts.verdicts),
    ...starSentences(document, answering, facts.verdicts),
    ...changeSentences(document),
    ...translationSentences(document.hops),
    ...tosSentences(document.hops),
    ...unsentSentences(document, facts),
    ...lateSentences(facts),
  ]
}

function unsentSentences({ unsent }: DocumentWithoutVerdict, { localError, probes }: VerdictFacts): string[] {
  if (unsent === 0 || localError === null || unsent >= probes) return []
  return [`${unsent} of ${probes} probes could not be sent: ${localError}`]
}

function lateSentences({ late }: VerdictFacts): string[] {
  if (late === 0) return []
  const answers = late === 1 ? '1 answer came' : `${late} answers came`
  return [`${answers} after the timeout: a longer one (-w) tells how long answers take`]
}

/** Whether the target is there. */
function endSentences(
  document: DocumentWithoutVerdict,
  last: Hop | undefined,
  { localError, probes, maxTtl }: VerdictFacts,
  isDoubtful: boolean,
): string[] {
  const { hops, reached, flows, targetState, port, unsent } = document
  if (reached) {
    const target = hops.at(-1)
    const ends = (flows ?? []).filter(flow => flow.reached).map(({ path }) => path.length)
    const first = (hops[0]?.ttl ?? 1) - 1
    const nearest = first + Math.min(...ends, hops.length)
    const rtt = rttOf(document, target)
    const distance = nearest === target?.ttl ? hopsWord(nearest) : `${nearest} to ${hopsWord(target?.ttl ?? 0)}`
    // Hops before the first that was asked are not known to be there.
    const isBound = isDoubtful || (first > 0 && nearest === first + 1)
    return [`reached ${isBound ? 'within' : 'in'} ${distance}${rtt}`, ...stateSentences(document)]
  }
  const blocker = blockerOf(document)
  if (blocker !== null) return [...stateSentences(document), ...(targetState === 'filtered' ? [] : [blocker.sentence])]
  const loop = loopOf(pathOf(document))
  if (loop !== null) return [loopSentence(loop, hops[0]!.ttl)]
  if (last !== undefined && last.ttl >= maxTtl) {
    return [`stopped at ${hopName(last)} (--max-ttl ${maxTtl}): the target may be farther away`]
  }
  if (last !== undefined) {
    const why =
      port !== null && document.protocol === 'tcp'
        ? `port ${port} or the way to it may be filtered, or its listener takes no more connections`
        : 'the target is silent, or probes are filtered or lost there'
    return [`nothing answers beyond ${hopName(last)}: ${why}`]
  }
  if (localError !== null && unsent >= probes) return [`nothing could be sent: ${localError}`]
  return [hops.length === 0 ? 'nothing has been heard yet' : NOTHING]
}

/** Who answers by TTL, from the first on: of the first flow where there are several. */
function pathOf({ hops, flows }: DocumentWithoutVerdict): readonly (string | null)[] {
  return flows?.[0]?.path ?? hops.map(({ responders }) => responders[0]?.address ?? null)
}

/**
 * Silent hops right before a target that limits its answers, and leaves some out: they may be the target itself. When slowed probes
 * are answered there and not here, they are not.
 */
function doubtfulHops(
  { hops, reached }: DocumentWithoutVerdict,
  verdicts: ReadonlyMap<number, SlowVerdict>,
): readonly number[] {
  const target = hops.at(-1)
  if (!reached || target === undefined || !mayLimit(target)) return []
  if (target.received === target.sent && target.sent >= FEW) return []
  const before = hops.slice(hops.findLastIndex(({ ttl, received }) => received > 0 && ttl < target.ttl) + 1, -1)
  const silent = before.filter(({ sent }) => sent > 0).map(({ ttl }) => ttl)
  const isTold = verdicts.get(target.ttl) === 'rate-limited'
  return silent.filter(ttl => !(isTold && verdicts.get(ttl) === 'silent'))
}

function rttOf({ address }: DocumentWithoutVerdict, hop: Hop | undefined): string {
  const responder = hop?.responders.find(each => each.address === address) ?? hop?.responders[0]
  const rtt = responder?.rttMs
  return rtt === null || rtt === undefined ? '' : `, ${milliseconds(rtt.avg)}`
}

function stateSentences(document: DocumentWithoutVerdict): string[] {
  const { protocol, port, targetState, hops } = document
  if (protocol !== 'tcp' || port === null) return []
  const last = hops.at(-1)?.responders[0]
  if (targetState === 'open') return [`port ${port} is open`]
  if (targetState === 'refused') {
    const how = (last?.answers['port-unreachable'] ?? 0) > 0 ? 'by an ICMP error' : 'by a reset'
    return [`port ${port} is refused ${how} from ${last?.address ?? document.address}`]
  }
  const blocker = targetState === 'filtered' ? blockerOf(document) : null
  return blocker === null ? [] : [`port ${port} is filtered by ${blocker.address}: ${blocker.reason}`]
}

/** Who said that probes do not come through. */
function blockerOf({
  hops,
  address: target,
}: DocumentWithoutVerdict): { address: string; reason: string; sentence: string } | null {
  const family = target.includes(':') ? 6 : 4
  for (const { ttl, responders } of [...hops].reverse()) {
    for (const { address, answers, icmp } of responders) {
      if ((answers.unreachable ?? 0) === 0) continue
      const known = icmp.filter(({ type }) => isUnreachable(family, type))
      const said = known.find(({ type, code }) => isProhibition(family, type, code)) ?? known[0]
      const reason = said === undefined ? 'unreachable' : icmpReason(family, said.type, said.code, { mtu: 0 })
      const refuses = address === target || (said !== undefined && isProhibition(family, said.type, said.code))
      const what = refuses ? `refuses probes at hop ${ttl}` : 'cannot reach the target'
      return { address, reason, sentence: `${address} ${what}: ${reason}` }
    }
  }
  return null
}

function silentSentences(hops: readonly Hop[], last: Hop | undefined, doubtful: readonly number[]): string[] {
  const silent = hops
    .filter(({ ttl, sent, received }) => sent > 0 && received === 0 && ttl < (last?.ttl ?? 0))
    .map(({ ttl }) => ttl)
    .filter(ttl => !doubtful.includes(ttl))
  const passed = `${silent.length === 1 ? 'does' : 'do'} not answer probes; traffic passes`
  return [
    ...(silent.length === 0 ? [] : [`${listOf('hop', silent)} ${passed}`]),
    ...(doubtful.length === 0
      ? []
      : [`${listOf('hop', doubtful)} may be the target itself, which may limit its answers`]),
  ]
}

function changeSentences({ pathChanges }: DocumentWithoutVerdict): string[] {
  const change = pathChanges.at(-1)
  if (change === undefined) return []
  const { ttl, round, flow, before, after } = change
  const differs = (address: string | null, at: number): boolean => (before[at] ?? null) !== address
  const at = Math.max(after.findIndex(differs), 0)
  const [old, now] = [before[at] ?? null, after[at] ?? null]
  const what =
    old !== null && now !== null ? `${old} became ${now}` : `${hopsWord(before.length)} became ${after.length}`
  const whose = flow === 0 ? 'the path' : `the path of flow ${flow}`
  const often = pathChanges.length === 1 ? 'changed' : `changed ${pathChanges.length} times, the last time`
  return [`${whose} ${often} at hop ${ttl} in round ${round}: ${what}`]
}

function translationSentences(hops: readonly Hop[]): string[] {
  const first = hops.find(({ responders }) => responders.some(({ translated }) => translated === true))
  return first === undefined
    ? []
    : [`a NAT is before ${hopName(first)}: it saw another source, port or checksum than was sent`]
}

/** The six upper bits are the DSCP (RFC 2474), the lower two ECN (RFC 3168). */
function tosSentences(hops: readonly Hop[]): string[] {
  const seen = hops.flatMap(({ ttl, responders }) => {
    const tos = responders[0]?.tos ?? null
    return tos === null ? [] : [{ ttl, tos }]
  })
  return seen.slice(1).flatMap(({ ttl, tos }, at) => {
    const before = seen[at]!.tos
    if (before >> 2 !== tos >> 2) return [`DSCP changed at hop ${ttl}: ${before >> 2} became ${tos >> 2}`]
    return before === tos ? [] : [`ECN bits changed at hop ${ttl}: ${before & 3} became ${tos & 3}`]
  })
}
