// What the verdict says of loss, and of hops that leave probes unanswered without it.

import { isIcmpErrorAnswer } from './trace-answers.js'
import type { FlowPath, Hop, LocatedLoss, TraceDocument } from './trace-document.js'
import type { TraceAnswer } from './trace-events.js'
import { hopName, placeOfFlows } from './trace-hop-names.js'
import type { SlowVerdict } from './trace-loss.js'
import { listOf, percentage } from './trace-words.js'

type DocumentWithoutVerdict = Omit<TraceDocument, 'verdict'>

export interface LossFacts {
  /** How tests with slowed probes ended, by TTL. */
  readonly verdicts: ReadonlyMap<number, SlowVerdict>
}

/** Its answers are ICMP errors, whose number may be limited. */
export function mayLimit({ responders }: Hop): boolean {
  return responders.some(({ answers }) => (Object.keys(answers) as TraceAnswer[]).every(isIcmpErrorAnswer))
}

export function lossSentences(document: DocumentWithoutVerdict, last: Hop, verdicts: LossFacts['verdicts']): string[] {
  const { loss, rateLimited } = document
  if (loss.length > 0) {
    return loss.map(each => {
      const limited = rateLimited.filter(({ ttl }) => isWithin(ttl, each)).length
      const hint =
        limited === 0
          ? ''
          : `; ${limited === 1 ? 'the hop' : 'hops'} in between can be asked once a second only: a longer run tells more`
      return locatedSentence(each, document) + hint
    })
  }
  const { sent, lost, unknown } = countsAtEnds(document, last, verdicts)
  const upTo = document.reached ? '' : ` up to ${hopName(last)}`
  if (lost > 0) return [`${lost} of ${sent} probes lost on the way to ${hopName(last)}: too few to say where`]
  if (unknown === 0) return [`no loss${upTo}${document.unsent === 0 ? '' : ' of the probes that were sent'}`]
  if (document.rateLimited.some(({ ttl }) => ttl === last.ttl)) return []
  const where = document.reached ? 'the target' : hopName(last)
  const why = mayLimit(last) ? ': too few to tell loss from a limit' : ''
  return [`${unknown} of ${sent} probes unanswered at ${where}${why}`]
}

/** Probes to the end of the path. Nothing deeper tells why some are unanswered. Flows may end at different TTLs, and each end counts. */
function countsAtEnds(
  { flows, reached }: DocumentWithoutVerdict,
  last: Hop,
  verdicts: LossFacts['verdicts'],
): { sent: number; lost: number; unknown: number } {
  const ends = (flows ?? []).filter(flow => flow.reached === reached)
  if (ends.length === 0) {
    const { sent, received, notAnswering } = last
    const isLimited = verdicts.get(last.ttl) === 'rate-limited'
    return { sent, lost: sent - received - notAnswering, unknown: isLimited ? 0 : notAnswering }
  }
  const sum = (of: (flow: FlowPath) => number): number => ends.reduce((total, flow) => total + of(flow), 0)
  return {
    sent: sum(flow => flow.sent),
    lost: sum(flow => Math.round((flow.sent * (flow.lossPercent ?? 0)) / 100)),
    unknown: sum(flow => (flow.lossPercent === null ? flow.sent - flow.received : 0)),
  }
}

function locatedSentence(
  { afterTtl, beforeTtl, percent, verified, flows }: LocatedLoss,
  document: DocumentWithoutVerdict,
): string {
  const where = `between ${placeOfFlows(afterTtl, flows, document)} and ${placeOfFlows(beforeTtl, flows, document)}`
  const whose = flows === null ? '' : ` in ${listOf('flow', flows)}`
  return `${percentage(percent)} lost ${where}${whose}${verified ? '' : ' (not verified)'}`
}

/** The hop is between the two that the loss is located by. */
const isWithin = (ttl: number, { afterTtl, beforeTtl }: LocatedLoss): boolean => ttl > afterTtl && ttl < beforeTtl

export function limitSentences(
  { rateLimited, hops, loss }: DocumentWithoutVerdict,
  answering: readonly Hop[],
): string[] {
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
        ? 'it may limit its answers, or they were lost'
        : 'deeper hops answer, so it probably limits its answers'
    sentences.push(`hop ${ttl} left ${sent - received} of ${sent} probes unanswered: ${why} (not verified)`)
  }
  return sentences
}

/** Hops that leave more unanswered than the path loses, however slow the probes are. */
export function lossySentences(
  { rateLimited, loss }: DocumentWithoutVerdict,
  answering: readonly Hop[],
  verdicts: LossFacts['verdicts'],
): string[] {
  const clear = loss.length > 0 ? '' : ': no loss there'
  return answering.flatMap(({ ttl, sent, notAnswering }) => {
    const told = verdicts.get(ttl) === 'lossy' && notAnswering >= 3 && notAnswering * 20 > sent
    if (!told || rateLimited.some(limited => limited.ttl === ttl)) return []
    return [
      `hop ${ttl} leaves ${notAnswering} of ${sent} probes unanswered that deeper hops answer, slowed ones as well${clear}`,
    ]
  })
}

/** Hops with many stars although the path loses less, where nothing has told why. */
export function starSentences(
  { rateLimited }: DocumentWithoutVerdict,
  answering: readonly Hop[],
  verdicts: LossFacts['verdicts'],
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
