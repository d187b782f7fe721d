// Findings of a capture: each flow that ends is looked at by every rule; what is alike is put together, and ranked at the end.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { TCP_ACK, TCP_SYN } from '../wire/walked-packet.js'
import { Evidence, type TrackedPacket } from './evidence.js'
import { type Finding, type Match, SEVERITIES } from './finding.js'
import { type Distinct, type FlowBrief, type Group, type Member, MOST_DISTINCT, RuleGroups } from './finding-groups.js'
import { LoneFlow } from './finding-lone.js'
import { FLOW_RULES } from './finding-rules.js'
import { counted, endName, framesOf, lasting, type Subject, subjectOf } from './finding-subject.js'
import { type CaptureFacts, captureFindings } from './findings-capture.js'
import { SLOW_MS } from './findings-speed.js'
import type { FlowRecords } from './flow-record.js'
import * as Label from './label-bits.js'
import type { Flow, Outcome, TcpFlow } from './model.js'

/** So many attempts at once are told even when the capture ends before any could have been repeated. */
const MANY = 10
/** No program needs so many ports of others that do not answer it. */
const SCANNED_PORTS = 20
/** Connections without trouble that are looked at: the first ones, which tell what servers answer. */
const MOST_HEALTHY = 4096
const HEALTHY: ReadonlySet<Outcome | null> = new Set<Outcome | null>([
  'closed-normally',
  'established',
  'midstream-open',
  'midstream-closed',
  null,
])
const MOST_SERVERS = 4096
const MOST_ANSWERS = 8
const MOST_PREVIOUS = 4096
const MOST_FRAMES = 16

/** A connection that a server port accepted. */
interface Accepted {
  flow: number
  frame: number
  atNs: number
}

/** A connection whose ports another one used again. */
interface Previous {
  flow: number
  ends: string
  lastFrame: number
  endNs: number
}

export class Findings {
  readonly evidence: Evidence
  readonly #groups = new Map(FLOW_RULES.map(rule => [rule.name, new RuleGroups()]))
  readonly #accepted = new Map<string, Accepted[]>()
  readonly #previous = new Map<number, Previous>()
  readonly #lone = new LoneFlow()
  #ended: Previous | null = null
  #healthy = 0

  /** @param mostPackets notable packets that are kept at a time */
  constructor(mostPackets?: number) {
    this.evidence = new Evidence(mostPackets)
  }

  /** Looks at a packet behind the tracker: to be called for each. */
  note(packet: CapturedPacket, tracked: TrackedPacket & { readonly flowId: number }): void {
    const { labels, walked } = tracked
    const isReuse = (labels & Label.PORT_REUSE) !== 0 && (walked.flags & (TCP_SYN | TCP_ACK)) === TCP_SYN
    if (isReuse && this.#ended !== null && this.#previous.size < MOST_PREVIOUS)
      this.#previous.set(tracked.flowId, this.#ended)
    this.evidence.note(packet, tracked)
  }

  /**
   * Whether a flow that ends has to be added; if not, all that is to be said of it is known, and it is forgotten.
   * @param outcome null of one that is not TCP's
   */
  needs(slot: number, outcome: Outcome | null, records: FlowRecords): boolean {
    if (outcome === 'no-answer' || outcome === 'refused') {
      const { evidence } = this
      const rule = this.#lone.move(records, slot, outcome, evidence.keptOf(slot), evidence.beginNs(slot))
      if (rule === null) return true
      this.#groups.get(rule)!.join(this.#lone)
      this.#ended = null
      evidence.free(slot)
      return false
    }
    if (!HEALTHY.has(outcome) || this.evidence.hasTrouble(slot, SLOW_MS * 1e6)) return true
    if (outcome !== null && this.#healthy < MOST_HEALTHY) {
      this.#healthy++
      return true
    }
    this.#ended = null
    this.evidence.free(slot)
    return false
  }

  /** Looks at a flow that ended, or at one that the tracker still has when the capture ends. */
  addFlow(flow: Flow, slot: number): void {
    const kept = this.evidence.take(slot)
    if (flow.protocol === 'udp') return
    const subject = subjectOf(flow, kept, time => this.evidence.sinceFirst(time))
    this.#ended = { flow: flow.id, ends: endsOf(flow), lastFrame: flow.lastFrame, endNs: subject.endNs ?? 0 }
    this.#noteAccepted(flow, subject)
    let brief: FlowBrief | null = null
    for (const { name, check } of FLOW_RULES) {
      const match = check(subject)
      if (match === null) continue
      brief ??= briefOf(subject)
      this.#groups.get(name)!.add({ match, flow: brief })
    }
  }

  /** All of them, the worst first, those about the capture itself before them. Once, when every flow was added. */
  finish(facts: CaptureFacts): Finding[] {
    const found = FLOW_RULES.flatMap(({ name }, order) => {
      const { by, groups } = this.#groups.get(name)!.groups()
      return groups
        .flatMap(group => this.#tell(name, by, group) ?? [])
        .map(finding => ({ finding, order, rank: SEVERITIES.indexOf(finding.severity) }))
    })
    found.sort(
      (one, other) =>
        one.rank - other.rank ||
        one.order - other.order ||
        other.finding.flows - one.finding.flows ||
        (one.finding.flow ?? 0) - (other.finding.flow ?? 0),
    )
    return [...captureFindings(facts, this.evidence), ...found.map(({ finding }) => finding)]
  }

  #noteAccepted(flow: TcpFlow, { startNs }: Subject): void {
    if (flow.opening !== 'full' || flow.frames.synAck === null || startNs === null) return
    const server = endName(flow.server)
    const known = this.#accepted.get(server)
    const accepted = { flow: flow.id, frame: flow.frames.synAck, atNs: startNs }
    if (known === undefined) {
      if (this.#accepted.size < MOST_SERVERS) this.#accepted.set(server, [accepted])
    } else if (known.length < MOST_ANSWERS) known.push(accepted)
  }

  #tell(rule: string, by: 'client' | 'server', group: Group): Finding | null {
    const end = { frame: this.evidence.lastFrame, ns: this.evidence.lastNs }
    let { worst, flows } = group
    let match: Match = worst.match
    if (group.allPending) {
      const held = group.pending.flatMap((member): { member: Member; match: Match }[] => {
        const completed = member.match.complete!(end)
        return completed === null ? [] : [{ member, match: completed }]
      })
      const [first] = held.sort((one, other) => other.match.weight - one.match.weight)
      if (first !== undefined) {
        match = first.match
        worst = first.member
        if (flows <= group.pending.length) flows = held.length
      } else if (flows < MANY || match.sentence === '') return null
    }
    const told = this.#tellMore(rule, worst.flow, match)
    const frames = flows === 1 ? told.frames : framesOf(...told.frames, ...group.frames)
    return {
      rule,
      severity: told.severity,
      flow: worst.flow.id,
      flows,
      frames: frames.slice(0, MOST_FRAMES),
      sentence:
        flows === 1 || group.distinct === null
          ? told.sentence
          : groupSentence(by, group, group.distinct, flows, told.sentence, worst.flow.id),
      numbers: rounded(told.numbers),
    }
  }

  /** What other flows say of it. */
  #tellMore(rule: string, flow: FlowBrief, match: Match): Match {
    if (rule === 'no-answer') {
      const { startNs, endNs } = flow
      const meanwhile = this.#accepted.get(flow.server)?.find(({ atNs }) => atNs >= startNs && atNs <= endNs)
      if (meanwhile === undefined) return match
      return {
        ...match,
        frames: framesOf(...match.frames, meanwhile.frame),
        numbers: { ...match.numbers, answeredFlow: meanwhile.flow },
        sentence: `${match.sentence}; in the meantime it answered flow ${meanwhile.flow} (frame ${meanwhile.frame})`,
      }
    }
    const previous = rule === 'time-wait-refusal' ? this.#previous.get(flow.id) : undefined
    if (previous === undefined || !previous.ends.includes(flow.server) || !previous.ends.includes(flow.client))
      return match
    const sinceMs = Math.max(0, flow.startNs - previous.endNs) / 1e6
    return {
      ...match,
      frames: framesOf(...match.frames, previous.lastFrame),
      numbers: { ...match.numbers, previousFlow: previous.flow, sincePreviousMs: sinceMs },
      sentence: `${match.sentence}; the older one is flow ${previous.flow}, whose last packet (frame ${previous.lastFrame}) was ${lasting(sinceMs)} before`,
    }
  }
}

/** Times have nanoseconds and no more. */
function rounded(numbers: Finding['numbers']): Finding['numbers'] {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [
      name,
      typeof value === 'number' ? Number(value.toFixed(6)) : value,
    ]),
  )
}

function briefOf({ flow, startNs, endNs }: Subject): FlowBrief {
  const { client, server } = flow
  return {
    id: flow.id,
    client: client.address,
    serverAddress: server.address,
    server: endName(server),
    port: server.port,
    startNs: startNs ?? 0,
    endNs: endNs ?? 0,
  }
}

const endsOf = ({ client, server }: TcpFlow): string => [endName(client), endName(server)].sort().join(' ')

/** More than are told apart may be there. */
function atLeast({ size }: Set<string>, one: string, many = `${one}s`): string {
  return `${size === MOST_DISTINCT ? 'at least ' : ''}${counted(size, one, many)}`
}

function groupSentence(
  by: 'client' | 'server',
  group: Group,
  { clients, servers, ports }: Distinct,
  flows: number,
  sentence: string,
  worst: number,
): string {
  const { ids } = group
  const where =
    by === 'client'
      ? `${counted(flows, 'connection')} from ${[...clients].join(', ').slice(0, 60)} to ${servers.size === 1 ? [...servers].join() : atLeast(servers, 'address', 'addresses')}, ${counted(ports.size, 'port')}`
      : `${counted(flows, 'connection')} of ${atLeast(clients, 'client')} to ${group.key}`
  const named = ids.length === flows ? `flows ${ids.join(', ')}` : `flows ${ids.join(', ')} ...`
  const scan = by === 'client' && ports.size >= SCANNED_PORTS ? ', a port scan by the look of it' : ''
  return `${where} (${named})${scan}; the worst, flow ${worst}: ${sentence}`
}
