// What unanswered probes say: lost on the way, or not answered by the hop they died at.
//
// A probe with time to live h crosses the links up to hop h, and so do all deeper ones. Whatever a link loses, deeper probes lose as
// well: loss up to hop h can be no more than what any deeper hop left unanswered. What hop h leaves unanswered beyond that, it did
// not answer. Where the answers themselves may be limited and nothing deeper tells, slower probes do (RFC 1812 4.3.2.8: routers may
// limit the rate of ICMP errors; Linux does, to one a second and a burst of 6 per destination).

import { logLikelihoodOf, losesMoreByChance, type Share } from './exact-test.js'

/** Probes to one TTL that are settled: answered or given up. Late answers count as received. */
export interface HopSample {
  readonly ttl: number
  /** Those of rounds. */
  readonly sent: number
  readonly received: number
  /** Slowed ones. */
  readonly slowSent: number
  readonly slowReceived: number
  /** Its answers are ICMP errors, whose rate routers and hosts limit: not echo replies, SYN-ACKs or resets. */
  readonly limitsItsAnswers: boolean
  /** How the test with slowed probes ended, when it did. */
  readonly verdict?: SlowVerdict | null
}

export type SlowVerdict = 'rate-limited' | 'silent' | 'lossy'

/** Slowed probes that a test takes at most: then `slowVerdict` has an answer for certain. */
export const SLOW_PROBES = 12
/** Slowed probes that say something. */
const LEAST_SLOW = 4
/** Unanswered probes that make a hop suspect. */
const LEAST_UNANSWERED = 3
/** The same where no deeper hop tells: so many that the slowed ones can differ significantly. */
const LEAST_UNANSWERED_LAST = 12
const LEAST_SHARE_LAST = 0.1
/** How unlikely chance has to be. A hop is judged after every round, and chance has as many tries. */
const SUSPICIOUS = 0.001
const SIGNIFICANT = 0.01
const SIGNIFICANT_AT_LAST = 0.05
/** How much more likely the one explanation has to be than the other before the last slowed probe. */
const MUCH_MORE_LIKELY = Math.log(20)
const MORE_LIKELY = Math.log(5)

/** What the rounds left unanswered. */
export function fastShare({ sent, received }: HopSample): Share {
  return { lost: sent - received, sent }
}

function slowShare({ slowSent, slowReceived }: HopSample): Share {
  return { lost: slowSent - slowReceived, sent: slowSent }
}

/** The probes that tell of the path: only the slowed ones where the others were not answered because they came too fast. */
export function tellingShare(sample: HopSample): Share {
  const fast = fastShare(sample)
  const slow = slowShare(sample)
  const limited = sample.verdict === 'rate-limited' && slow.sent > 0
  if (limited) return slow
  const differs = slow.sent >= LEAST_SLOW && losesMoreByChance(fast, slow) < SIGNIFICANT_AT_LAST
  return differs ? slow : { lost: fast.lost + slow.lost, sent: fast.sent + slow.sent }
}

export function hasAnswered({ received, slowReceived }: HopSample): boolean {
  return received + slowReceived > 0
}

/** Samples in order of TTL, without those where nothing was settled and without what lies behind the last hop that answers. */
export function answeringHops(samples: readonly HopSample[]): HopSample[] {
  const known = samples.filter(({ sent, slowSent }) => sent + slowSent > 0).sort((a, b) => a.ttl - b.ttl)
  return known.slice(0, known.findLastIndex(hasAnswered) + 1)
}

/**
 * TTLs whose unanswered probes may be a limit on answers or policy, and that slowed probes should test: a hop that leaves
 * significantly more unanswered than a deeper one; one that answers nothing while a deeper one does; and where answers are ICMP
 * errors and no deeper hop tells better, any that leaves many unanswered.
 */
export function suspects(samples: readonly HopSample[]): number[] {
  const hops = answeringHops(samples)
  return hops.filter((hop, at) => isSuspect(hop, hops.slice(at + 1))).map(({ ttl }) => ttl)
}

function isSuspect(hop: HopSample, deeper: readonly HopSample[]): boolean {
  const unanswered = fastShare(hop)
  if (unanswered.lost < LEAST_UNANSWERED) return false
  if (hop.received === 0 || exceeds(unanswered, deeper, SUSPICIOUS)) return true
  const many = unanswered.lost >= LEAST_UNANSWERED_LAST && unanswered.lost >= unanswered.sent * LEAST_SHARE_LAST
  return many && hop.limitsItsAnswers && !deeper.some(isReliable)
}

/** Slowed probes have told whether a limit on answers is behind what was unanswered. */
export function isTested({ verdict = null, slowSent }: HopSample): boolean {
  return verdict === 'rate-limited' || verdict === 'lossy' || slowSent >= SLOW_PROBES
}

/** Whether what it leaves unanswered (`tellingShare`) is lost, and not left out for the number of its answers. */
export function isReliable(hop: HopSample): boolean {
  return hasAnswered(hop) && (!hop.limitsItsAnswers || isTested(hop))
}

/** Whether chance does not explain that so much more was left unanswered than by some deeper hop. */
export function exceeds(share: Share, deeper: readonly HopSample[], significant: number): boolean {
  // One of many deeper hops is low by chance: the more are asked, the less each may say.
  return deeper.some(other => losesMoreByChance(share, tellingShare(other)) * deeper.length < significant)
}

/**
 * What slowed probes say of a hop: null as long as they do not. After SLOW_PROBES there is always an answer.
 * @param samples of all hops: what deeper ones lose is what slowed probes lose as well when nothing but a limit was wrong
 */
export function slowVerdict(sample: HopSample, samples: readonly HopSample[] = []): SlowVerdict | null {
  const fast = fastShare(sample)
  const slow = slowShare(sample)
  if (!hasAnswered(sample)) return slow.sent >= 2 ? 'silent' : null
  const atLast = slow.sent >= SLOW_PROBES
  if (slow.sent < LEAST_SLOW) return null
  if (losesMoreByChance(fast, slow) < (atLast ? SIGNIFICANT_AT_LAST : SIGNIFICANT)) return 'rate-limited'
  const behind = answeringHops(samples).filter(hop => hop.ttl > sample.ttl && isReliable(hop))
  if (!exceeds(fast, behind, SIGNIFICANT)) return atLast ? 'lossy' : null
  // Slowed probes lose either what the path loses, or what the hop left unanswered before.
  const ratio = logLikelihoodOf(slow, leastLoss(behind)) - logLikelihoodOf(slow, smoothed(fast))
  if (ratio >= (atLast ? MORE_LIKELY : MUCH_MORE_LIKELY)) return 'rate-limited'
  return atLast ? 'lossy' : null
}

function leastLoss(hops: readonly HopSample[]): number {
  return Math.min(...hops.map(hop => smoothed(tellingShare(hop))))
}

/** Never 0 nor 1, which a single probe would refute. */
function smoothed({ lost, sent }: Share): number {
  return (lost + 0.5) / (sent + 1)
}
