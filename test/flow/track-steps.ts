// Packets written down step by step and given to a tracker as if they had been walked through.

import { type Label, labelNames, RETRANSMISSION_KINDS } from '../../src/flow/labels.js'
import type { Flow } from '../../src/flow/model.js'
import { FlowTracker, type TrackerOptions } from '../../src/flow/tracker.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'
import { KIND_TCP, WalkedPacket } from '../../src/wire/walked-packet.js'

const FLAGS: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, A: 16 }
const HEADER_BYTES = 54
const IPPROTO_TCP = 6

export interface PacketStep {
  /** `a>` or `b>`, then letters of S A F R P. */
  is: string
  /** Raw numbers: nothing is inferred. */
  seq: number
  ack?: number
  bytes?: number
  window?: number
  /** Milliseconds since the first packet; by default ten after the packet before. */
  atMs?: number
  identification?: number
  ttl?: number
  interfaceId?: number
  ports?: { a: number; b: number }
  addresses?: { a: number; b: number }
  encapsulation?: number
}

export interface Seen {
  labels: Label[]
  kind: string
  flowId: number
  sender: 0 | 1
  dupAckNumber: number
}

export class Stepper {
  readonly flows: Flow[] = []
  readonly tracker: FlowTracker
  readonly packet = new CapturedPacket()
  readonly walked = new WalkedPacket()
  #identification = 0
  #atMs = -10

  constructor(options: TrackerOptions = {}) {
    this.tracker = new FlowTracker({ seed: 1, onFlow: flow => this.flows.push(flow), ...options })
  }

  add(step: PacketStep): Seen {
    const { packet, walked, tracker } = this
    const isA = step.is.startsWith('a>')
    const ports = step.ports ?? { a: 40_000, b: 80 }
    const addresses = step.addresses ?? { a: 0x0a000001, b: 0x0a000002 }
    this.#atMs = step.atMs ?? this.#atMs + 10
    packet.frame++
    packet.seconds = 1_000 + Math.floor(this.#atMs / 1e3)
    packet.nanoseconds = Math.round((this.#atMs % 1e3) * 1e6)
    packet.interfaceId = step.interfaceId ?? 0
    packet.wireLength = HEADER_BYTES + (step.bytes ?? 0)
    packet.end = packet.wireLength
    walked.kind = KIND_TCP
    walked.protocol = IPPROTO_TCP
    walked.source3 = isA ? addresses.a : addresses.b
    walked.destination3 = isA ? addresses.b : addresses.a
    walked.sourcePort = isA ? ports.a : ports.b
    walked.destinationPort = isA ? ports.b : ports.a
    walked.encapsulation = step.encapsulation ?? 0
    walked.identification = step.identification ?? ++this.#identification
    walked.ttl = step.ttl ?? 64
    walked.sequence = step.seq >>> 0
    walked.acknowledgment = (step.ack ?? 0) >>> 0
    walked.flags = [...step.is.slice(2)].reduce((bits, letter) => bits | FLAGS[letter]!, 0)
    walked.window = step.window ?? 1000
    walked.payloadBytes = step.bytes ?? 0
    tracker.addWalked(packet, walked)
    const { flowId, sender, dupAckNumber } = tracker
    const kind = RETRANSMISSION_KINDS[tracker.retransmissionKind]!
    return { labels: labelNames(tracker.labels), kind, flowId, sender, dupAckNumber }
  }

  /** Labels of each of these, one after the other. */
  labels(...steps: PacketStep[]): Label[][] {
    return steps.map(step => this.add(step).labels)
  }

  finish(): Flow[] {
    this.tracker.finish()
    return this.flows
  }
}

/** Both ISNs are just before the wrap: a's data begin at 0, b's at 1. */
export const HANDSHAKE: PacketStep[] = [
  { is: 'a>S', seq: 0xffff_ffff },
  { is: 'b>SA', seq: 0, ack: 0 },
  { is: 'a>A', seq: 0, ack: 1 },
]
