// Which flows and packets are asked for.

import type { CapturedPacket } from '../wire/captured-packet.js'
import { KIND_ICMP_ERROR, type PacketEnds } from '../wire/walked-packet.js'
import { type AddressRange, isTextWithin, isWithin } from './address-range.js'
import type { EndpointState, Flow, Outcome } from './model.js'
import type { FlowTracker } from './tracker.js'

export interface PortRange {
  from: number
  to: number
}

/** A time: since the first packet, or since 1970. */
export interface Moment {
  ns: bigint
  isRelative: boolean
}

/** What is wanted: something of every list that is not empty. */
export interface Wanted {
  hosts: readonly AddressRange[]
  ports: readonly PortRange[]
  flows: ReadonlySet<number>
  outcomes: ReadonlySet<Outcome>
  states: ReadonlySet<EndpointState>
  /** Mask of labels. */
  labels: number
  since: Moment | null
  until: Moment | null
}

const NS = 1_000_000_000n

export class Selection {
  readonly wanted: Wanted
  /** Numbers of the flows that an earlier pass over the file found: packets of no others are wanted then. */
  found: { has(flowId: number): boolean } | null = null
  #baseNs: bigint | null = null
  #sinceSeconds = 0
  #sinceNs = 0
  #untilSeconds = 0
  #untilNs = 0

  constructor(wanted: Wanted) {
    this.wanted = wanted
  }

  /** Nothing is asked for: everything is wanted. */
  get isEmpty(): boolean {
    const { hosts, ports, flows, labels, since, until } = this.wanted
    const isTimeless = since === null && until === null
    return !this.needsEnd && hosts.length + ports.length + flows.size === 0 && labels === 0 && isTimeless
  }

  /** Whether what became of a flow has to be known before its packets can be told from others. */
  get needsEnd(): boolean {
    return this.wanted.outcomes.size + this.wanted.states.size > 0
  }

  /** @param labels of all packets of the flow */
  wantsFlow(flow: Flow, labels: number, firstTimestamp: string | null): boolean {
    const { wanted } = this
    if (wanted.flows.size > 0 && !wanted.flows.has(flow.id)) return false
    if (wanted.outcomes.size > 0 && !(flow.outcome !== null && wanted.outcomes.has(flow.outcome))) return false
    if (wanted.states.size > 0 && !hasState(flow, wanted.states)) return false
    if (wanted.labels !== 0 && (labels & wanted.labels) === 0) return false
    const { client, server } = flow
    if (wanted.hosts.length > 0) {
      const isWanted = (range: AddressRange): boolean =>
        isTextWithin(range, client.address) || isTextWithin(range, server.address)
      if (!wanted.hosts.some(isWanted)) return false
    }
    if (wanted.ports.length > 0 && !this.#hasPort(client.port) && !this.#hasPort(server.port)) return false
    return this.#isInTime(flow, firstTimestamp)
  }

  #hasPort(port: number): boolean {
    return this.wanted.ports.some(({ from, to }) => port >= from && port <= to)
  }

  /** One that is without times is in none. */
  #isInTime({ start, end }: Flow, firstTimestamp: string | null): boolean {
    const { since, until } = this.wanted
    if (since === null && until === null) return true
    if (start === null || end === null) return false
    const base = firstTimestamp === null ? 0n : nanosecondsOf(firstTimestamp)
    const at = (moment: Moment): bigint => moment.ns + (moment.isRelative ? base : 0n)
    return (since === null || nanosecondsOf(end) >= at(since)) && (until === null || nanosecondsOf(start) <= at(until))
  }

  /** Of the packet that the tracker looked at last. */
  wantsPacket(packet: CapturedPacket, tracker: FlowTracker): boolean {
    const { wanted, found } = this
    // Before all else: times count from the first packet, whatever it is.
    if (!this.#isPacketInTime(packet)) return false
    if (found !== null && !found.has(tracker.flowId)) return false
    if (wanted.flows.size > 0 && !wanted.flows.has(tracker.flowId)) return false
    if (wanted.labels !== 0 && (tracker.labels & wanted.labels) === 0) return false
    if (wanted.hosts.length + wanted.ports.length === 0) return true
    const { walked } = tracker
    if (walked.protocol === 0) return false
    return this.#isBetween(walked) || (walked.kind === KIND_ICMP_ERROR && this.#isBetween(walked.quoted))
  }

  /** The same of a packet that is to be written: all those of the flows that were found, when there was a pass to find them. */
  wantsWritten(packet: CapturedPacket, tracker: FlowTracker): boolean {
    if (this.found === null) return this.wantsPacket(packet, tracker)
    return this.#isPacketInTime(packet) && this.found.has(tracker.flowId)
  }

  #isBetween(ends: PacketEnds): boolean {
    const { hosts, ports } = this.wanted
    if (hosts.length > 0 && !hosts.some(range => isSource(range, ends) || isDestination(range, ends))) return false
    return ports.length === 0 || this.#hasPort(ends.sourcePort) || this.#hasPort(ends.destinationPort)
  }

  #isPacketInTime({ timeKnown, seconds, nanoseconds }: CapturedPacket): boolean {
    const { since, until } = this.wanted
    if (since === null && until === null) return true
    if (!timeKnown) return false
    if (this.#baseNs === null) this.#setBase(seconds, nanoseconds)
    if (since !== null && (seconds - this.#sinceSeconds) * 1e9 + (nanoseconds - this.#sinceNs) < 0) return false
    return until === null || (seconds - this.#untilSeconds) * 1e9 + (nanoseconds - this.#untilNs) <= 0
  }

  /** The first packet with a time: those that count from it are known now. */
  #setBase(seconds: number, nanoseconds: number): void {
    const base = BigInt(seconds) * NS + BigInt(nanoseconds)
    this.#baseNs = base
    const at = (moment: Moment | null): bigint => (moment?.ns ?? 0n) + (moment?.isRelative ? base : 0n)
    const since = at(this.wanted.since)
    const until = at(this.wanted.until)
    this.#sinceSeconds = Number(since / NS)
    this.#sinceNs = Number(since % NS)
    this.#untilSeconds = Number(until / NS)
    this.#untilNs = Number(until % NS)
  }
}

function hasState(flow: Flow, states: ReadonlySet<EndpointState>): boolean {
  if (flow.protocol !== 'tcp') return false
  return states.has(flow.clientState) || states.has(flow.serverState)
}

const isSource = (range: AddressRange, ends: PacketEnds): boolean =>
  isWithin(range, ends.source0, ends.source1, ends.source2, ends.source3)

const isDestination = (range: AddressRange, ends: PacketEnds): boolean =>
  isWithin(range, ends.destination0, ends.destination1, ends.destination2, ends.destination3)

/** Of `seconds.nanoseconds`. */
function nanosecondsOf(time: string): bigint {
  return BigInt(time.replace('.', ''))
}
