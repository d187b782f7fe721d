// What follows the hops in the text of a trace: branches by flow, changes of the path, packet sizes, the verdict.

import { printable } from '../bytes/printable.js'
import type { FlowPath, PathChange, TraceDocument } from '../probe/trace-document.js'
import { counted, formatPercent, formatRtt } from './ping-words.js'
import { traceMtuLines } from './trace-mtu-text.js'
import { pathWords, rangesOf } from './trace-words.js'

/** Of each kind, in one text: a path that flaps all night fills no screen. */
const MOST_LINES = 20
/** Ports or checksums of flows that took one way. */
const MOST_VALUES = 8

/** All sections of a document; the verdict is the last. */
export function traceSections(document: TraceDocument): string[] {
  return [
    ...flowLines(document),
    ...changeLines(document.pathChanges),
    ...(document.mtu === null ? [] : traceMtuLines(document.mtu, document.hops)),
    ...document.verdict.map(printable),
  ]
}

/** Flows that took one way share a line. */
export function flowLines({ flow, flows, branches }: TraceDocument): string[] {
  if (flows === null) return []
  const ways = new Map<string, FlowPath[]>()
  for (const each of flows) {
    const way = pathWords(each.path)
    ways.set(way, [...(ways.get(way) ?? []), each])
  }
  const key = flow.key === 'source-port' ? 'source port' : 'checksum'
  const lines = [...ways].map(([way, same]) => {
    const word = same.length === 1 ? 'flow' : 'flows'
    const values =
      same.length > MOST_VALUES || same.every(({ value }) => value === 0)
        ? ''
        : ` (${key} ${rangesOf(same.map(each => each.value))})`
    // A flow has its port or checksum from its first probe on.
    const silent = same.every(({ value }) => value === 0) ? 'nothing could be sent' : 'nobody answered'
    const shown = way === '' ? silent : `${way}${qualityOf(same)}`
    return `${word} ${rangesOf(same.map(each => each.flow))}${values}: ${shown}`
  })
  // Where nobody answered, nothing is known of branches.
  const isKnown = branches?.byTtl.some(({ addresses }) => addresses.length > 0)
  const tried = branches !== null && isKnown ? [branchWords(branches)] : []
  return [...shortened(lines, 'ways'), ...tried]
}

function branchWords({ flowsTried, byTtl, complete }: NonNullable<TraceDocument['branches']>): string {
  const split = byTtl.filter(({ addresses }) => addresses.length > 1)
  const where = split.map(({ ttl, addresses }) => `${addresses.length} at hop ${ttl}`)
  const found = where.length === 0 ? 'no branches' : `branches: ${where.join(', ')}`
  const sure = complete ? '95 % sure that there are no more' : 'there may be more: raise --flows'
  return `${found}, with ${counted(flowsTried, 'flow')}; ${sure}`
}

/** Loss and mean time of all flows of a way together, and apart from it what may be lost or may be not. */
function qualityOf(flows: readonly FlowPath[]): string {
  const known = flows.filter(({ lossPercent }) => lossPercent !== null)
  const sent = known.reduce((sum, each) => sum + each.sent, 0)
  const lost = known.reduce((sum, each) => sum + each.sent * each.lossPercent!, 0)
  const timed = flows.filter(({ rttMs }) => rttMs !== null)
  const received = timed.reduce((sum, each) => sum + each.received, 0)
  const spent = timed.reduce((sum, each) => sum + each.received * each.rttMs!.avg, 0)
  const unknown = flows.filter(each => each.lossPercent === null && each.reached && each.received < each.sent)
  const asked = unknown.reduce((sum, each) => sum + each.sent, 0)
  const answered = unknown.reduce((sum, each) => sum + each.received, 0)
  const parts = [
    ...(sent > 0 ? [`${formatPercent(lost / sent)} loss`] : []),
    ...(asked > 0 ? [`${asked - answered} of ${asked} unanswered`] : []),
    ...(received > 0 ? [`avg ${formatRtt(spent / received)} ms`] : []),
  ]
  return parts.length === 0 ? '' : `  ${parts.join(', ')}`
}

/** Each change with the part of both lists that differs. */
export function changeLines(changes: readonly PathChange[]): string[] {
  const lines = changes.map(({ ttl, round, flow, at, before, after }) => {
    const whose = flow === 0 ? '' : ` of flow ${flow}`
    return `path change${whose} in round ${round} (${at}), hop ${ttl}: ${pathWords(before)} -> ${pathWords(after)}`
  })
  return shortened(lines, 'changes')
}

function shortened(lines: readonly string[], what: string): string[] {
  if (lines.length <= MOST_LINES) return [...lines]
  return [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more ${what}: see --json`]
}
