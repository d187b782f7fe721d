// What is to be said of a path, in sentences. Addresses go in as they are: who shows them makes them fit for a terminal.

import { isUnreachable } from '../wire/icmp.js'
import { icmpReason } from '../wire/icmp-words.js'
import { isIcmpErrorAnswer } from './trace-answers.js'
import type { Hop, LocatedLoss, TraceDocument } from './trace-document.js'
import type { TraceAnswer } from './trace-events.js'
import type { SlowVerdict } from './trace-loss.js'
import { isProhibition } from './trace-target.js'
import { hopsWord, listOf, milliseconds, percentage } from './trace-words.js'

export type DocumentWithoutVerdict = Omit<TraceDocument, 'verdict'>

export interface VerdictFacts {
  /** How tests with slowed probes ended, by TTL. */
  readonly verdicts: ReadonlyMap<number, SlowVerdict>
  /** Why this host's kernel refused to send, when it did. */
  readonly localError: string | null
}

/** So many probes that are all answered: no limit is at work. */
const FEW = 3
const NOTHING =
  'nothing answers, not even the first hop: probes may be filtered, or limits on answers used up for some seconds'

export function verdictOf(document: DocumentWithoutVerdict, facts: VerdictFacts): string[] {
  const answering = document.hops.filter(({ received }) => received > 0)
  const doubtful = doubtfulHops(document, facts.verdicts)
  return [
    ...endSentences(document, answering.at(-1), facts.localError, doubtful.length > 0),
    ...(answering.length === 0 ? [] : lossSentences(document, answering.at(-1)!, facts.verdicts)),
    ...limitSentences(document, answering),
    ...silentSentences(document.hops, answering.at(-1), doubtful),
    ...lossySentences(document, answering, facts.verdicts),
    ...starSentences(document, answering, facts.verdicts),
    ...changeSentences(document),
    ...translationSentences(document.hops),
    ...tosSentences(document.hops),
  ]
}

/** Whether the target is there. */
function endSentences(
  document: DocumentWithoutVerdict,
  last: Hop | undefined,
  localError: string | null,
  isDoubtful: boolean,
): string[] {
  const { hops, reached, flows, targetState, port } = document
  if (reached) {
    const target = hops.at(-1)
    const ends = (flows ?? []).filter(flow => flow.reached).map(({ path }) => path.length)
    const first = (hops[0]?.ttl ?? 1) - 1
    const nearest = first + Math.min(...ends, hops.length)
    const rtt = rttOf(document, target)
    const distance = nearest === target?.ttl ? hopsWord(nearest) : `${nearest} to ${hopsWord(target?.ttl ?? 0)}`
    return [`reached ${isDoubtful ? 'within' : 'in'} ${distance}${rtt}`, ...stateSentences(document)]
  }
  const blocker = blockerOf(document)
  if (blocker !== null) return [...stateSentences(document), ...(targetState === 'filtered' ? [] : [blocker.sentence])]
  if (last !== undefined) {
    const why =
      port !== null && document.protocol === 'tcp'
        ? `port ${port} or the way to it may be filtered`
        : 'the target is silent, or probes are filtered or lost there'
    return [`nothing answers beyond ${hopName(last)}: ${why}`]
  }
  if (localError !== null) return [`nothing could be sent: ${localError}`]
  return [hops.length === 0 ? 'nothing has been heard yet' : NOTHING]
}

/** Its answers are ICMP errors, whose number may be limited. */
function mayLimit({ responders }: Hop): boolean {
  return responders.some(({ answers }) => (Object.keys(answers) as TraceAnswer[]).every(isIcmpErrorAnswer))
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
      return { address, reason, sentence: `${address} refuses probes at hop ${ttl}: ${reason}` }
    }
  }
  return null
}

function lossSentences(
  document: DocumentWithoutVerdict,
  last: Hop,
  verdicts: ReadonlyMap<number, SlowVerdict>,
): string[] {
  const { loss, hops, rateLimited } = document
  if (loss.length > 0) {
    return loss.map(each => {
      const limited = rateLimited.filter(({ ttl }) => isWithin(ttl, each)).length
      const hint =
        limited === 0
          ? ''
          : `; ${limited === 1 ? 'the hop' : 'hops'} in between can be asked once a second only: a longer run tells more`
      return locatedSentence(each, hops) + hint
    })
  }
  const { lossPercent, sent, received, notAnswering } = last
  const upTo = document.reached ? '' : ` up to ${hopName(last)}`
  if (lossPercent === null || lossPercent === 0) {
    if (notAnswering === 0 || !mayLimit(last) || verdicts.has(last.ttl)) return [`no loss${upTo}`]
    if (document.rateLimited.some(({ ttl }) => ttl === last.ttl)) return []
    const where = document.reached ? 'the target' : hopName(last)
    return [`${notAnswering} of ${sent} probes unanswered at ${where}: too few to tell loss from a limit`]
  }
  const lost = sent - received - notAnswering
  return [`${lost} of ${sent} probes lost on the way to ${hopName(last)}: too few to say where`]
}

function locatedSentence({ afterTtl, beforeTtl, percent, verified, flows }: LocatedLoss, hops: readonly Hop[]): string {
  const where = `between ${placeName(afterTtl, hops)} and ${placeName(beforeTtl, hops)}`
  const whose = flows === null ? '' : ` in ${listOf('flow', flows)}`
  return `${percentage(percent)} lost ${where}${whose}${verified ? '' : ' (not verified)'}`
}

/** The hop is between the two that the loss is located by. */
const isWithin = (ttl: number, { afterTtl, beforeTtl }: LocatedLoss): boolean => ttl > afterTtl && ttl < beforeTtl

function limitSentences({ rateLimited, hops, loss }: DocumentWithoutVerdict, answering: readonly Hop[]): string[] {
  const known = rateLimited.filter(({ verified }) => verified).map(({ ttl }) => ttl)
  const likely = rateLimited.filter(({ verified }) => !verified).map(({ ttl }) => ttl)
  const its = (ttls: readonly number[]): string => (ttls.length === 1 ? 'limits its answers' : 'limit their answers')
  const last = answering.at(-1)?.ttl
  const sentences =
    known.length === 0
      ? []
      : [
          `${listOf('hop', known)} ${its(known)} (verified: slowed probes are answered)${loss.length > 0 ? '' : ': no loss there'}`,
        ]
  for (const ttl of likely) {
    const { sent, received } = hops.find(hop => hop.ttl === ttl)!
    const why =
      ttl === last
        ? 'it may limit its answers, so that this proves no loss'
        : 'deeper hops answer, so it probably limits its answers'
    sentences.push(`hop ${ttl} left ${sent - received} of ${sent} probes unanswered: ${why} (not verified)`)
  }
  return sentences
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

/** Hops that leave more unanswered than the path loses, however slow the probes are. */
function lossySentences(
  { rateLimited }: DocumentWithoutVerdict,
  answering: readonly Hop[],
  verdicts: ReadonlyMap<number, SlowVerdict>,
): string[] {
  return answering.flatMap(({ ttl, sent, notAnswering }) => {
    const told = verdicts.get(ttl) === 'lossy' && notAnswering >= 3 && notAnswering * 20 > sent
    if (!told || rateLimited.some(limited => limited.ttl === ttl)) return []
    return [
      `hop ${ttl} leaves ${notAnswering} of ${sent} probes unanswered that deeper hops answer, slowed ones as well: no loss there`,
    ]
  })
}

/** Hops with many stars although the path loses less, where nothing has told why. */
function starSentences(
  { rateLimited }: DocumentWithoutVerdict,
  answering: readonly Hop[],
  verdicts: ReadonlyMap<number, SlowVerdict>,
): string[] {
  const alike = new Map<string, number[]>()
  for (const { ttl, sent, notAnswering } of answering.slice(0, -1)) {
    const isTold = verdicts.has(ttl) || rateLimited.some(limited => limited.ttl === ttl)
    if (isTold || notAnswering === 0 || notAnswering * 5 < sent) continue
    const what = `${notAnswering} of ${sent} probes`
    alike.set(what, [...(alike.get(what) ?? []), ttl])
  }
  return [...alike].map(
    ([what, ttls]) =>
      `${listOf('hop', ttls)} ${ttls.length === 1 ? '' : 'each '}left ${what} unanswered that deeper hops answered`,
  )
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

function hopName({ ttl, responders }: Hop): string {
  return responders[0] === undefined ? `hop ${ttl}` : `hop ${ttl} (${responders[0].address})`
}

/** `hop 3 (10.0.3.2)`; this host is hop 0. */
export function placeName(ttl: number, hops: readonly Hop[]): string {
  const hop = hops.find(each => each.ttl === ttl)
  if (ttl === 0) return 'this host'
  return hop === undefined ? `hop ${ttl}` : hopName(hop)
}
