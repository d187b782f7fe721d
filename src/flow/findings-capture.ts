// What a capture cannot show: said before any verdict about its connections.

import type { Evidence } from './evidence.js'
import type { Finding, Severity } from './finding.js'
import type { CaptureRule } from './finding-rules.js'
import { counted, frameWords, lasting, percent } from './finding-subject.js'
import type { CaptureQuality } from './quality.js'

/** Cards that only merge now and then make fewer. */
const MANY_GIANTS = 10
/** A jumbo frame's payload at the most: no card sends more in one packet. */
const MOST_PAYLOAD = 9216

/** What the source tells beside what was counted. */
export interface CaptureFacts extends CaptureQuality {
  received?: number | null
  dropped?: number | null
}

export function captureFindings(facts: CaptureFacts, evidence: Evidence): Finding[] {
  const findings: Finding[] = []
  const { frames } = evidence
  const say = (
    rule: CaptureRule,
    severity: Severity,
    count: number,
    shown: readonly number[],
    sentence: string,
    numbers: Finding['numbers'] = {},
  ): void => {
    if (count === 0) return
    const where =
      shown.length === 0 ? '' : ` (${frameWords(shown, 4)}${count > shown.length && shown.length <= 4 ? ' ...' : ''})`
    findings.push({
      rule,
      severity,
      flow: null,
      flows: 0,
      frames: [...shown],
      sentence: sentence.replace('@', where),
      numbers: { count, ...numbers },
    })
  }
  const dropped = facts.dropped ?? 0
  say(
    'capture-dropped',
    'warning',
    dropped,
    [],
    `${counted(dropped, 'packet was', 'packets were')} dropped before they could be captured: what is missing here was not lost on the way`,
    { received: facts.received ?? null },
  )
  say(
    'capture-gaps',
    'warning',
    facts.gaps,
    frames.gaps,
    `in ${counted(facts.gaps, 'place')} the capture lacks bytes that were sent@: they are no loss of the network`,
  )
  say(
    'capture-duplicates',
    'warning',
    facts.duplicates,
    frames.duplicates,
    `${counted(facts.duplicates, 'packet of TCP is', 'packets of TCP are')} captured twice, ${percent(facts.duplicates, facts.kinds.tcp)} of all@: the second ones count for nothing`,
    { tcpPackets: facts.kinds.tcp },
  )
  say(
    'capture-one-sided',
    'warning',
    facts.oneSidedFlows,
    [],
    `of ${counted(facts.oneSidedFlows, 'connection')} only one direction was captured: nothing can be said of the other end`,
    { tcpFlows: facts.tcpFlows },
  )
  const stepMs = facts.largestClockStepNs / 1e6
  say(
    'capture-clock',
    'warning',
    facts.clockSteps,
    frames.clockSteps,
    `the clock went back ${counted(facts.clockSteps, 'time')}@, at the most by ${lasting(stepMs)}: durations across it are wrong`,
    { largestStepMs: stepMs },
  )
  say(
    'capture-cut',
    'note',
    facts.cutPackets,
    frames.cut,
    `of ${counted(facts.packets, 'packet')} ${facts.cutPackets} ${facts.cutPackets === 1 ? 'was' : 'were'} cut@: their payload was not looked at`,
    { packets: facts.packets },
  )
  // A few that are a little too large change no verdict.
  const giants = Math.max(facts.giants, evidence.merged)
  const isOffloaded =
    giants >= MANY_GIANTS || evidence.largestPayload > MOST_PAYLOAD || evidence.merged > facts.packets / 2
  say(
    'capture-offload',
    'note',
    isOffloaded ? giants : 0,
    frames.giants,
    `${counted(giants, 'segment is', 'segments are')} larger than the network takes@: captured on a host with segmentation offload, the wire carried them in pieces`,
  )
  const evicted = facts.evictedFlows
  say(
    'capture-evicted',
    'note',
    evicted,
    [],
    `${counted(evicted, 'flow')} had to make room for others: what came of them later counts as new flows`,
  )
  say(
    'evidence-full',
    'note',
    evidence.forgotten,
    [],
    `${counted(evidence.forgotten, 'notable packet')} could not be kept: findings may lack some of their frames`,
  )
  return findings
}
