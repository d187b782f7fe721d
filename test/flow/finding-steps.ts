// Packets written down step by step, and the findings that they lead to.

import type { Finding } from '../../src/flow/finding.js'
import { Findings } from '../../src/flow/findings.js'
import type { CaptureFacts } from '../../src/flow/findings-capture.js'
import type { Flow } from '../../src/flow/model.js'
import { KIND_ICMP_ERROR } from '../../src/wire/walked-packet.js'
import { HANDSHAKE, type PacketStep, Stepper } from './track-steps.js'

const IPPROTO_TCP = 6

export class Scene {
  readonly findings: Findings
  readonly flows: Flow[] = []
  readonly stepper: Stepper
  #slot = -1

  /** @param isSparing builds only those flows that the rules have to see, as the program does */
  constructor(mostPackets?: number, isSparing = false) {
    this.findings = new Findings(mostPackets)
    this.stepper = new Stepper({
      isWanted: slot => {
        this.#slot = slot
        const { tracker } = this.stepper
        return !isSparing || this.findings.needs(slot, tracker.outcome(slot), tracker.records)
      },
      onFlow: flow => {
        this.flows.push(flow)
        this.findings.addFlow(flow, this.#slot)
      },
    })
  }

  add(...steps: PacketStep[]): this {
    for (const step of steps) {
      this.stepper.add(step)
      this.findings.note(this.stepper.packet, this.stepper.tracker)
    }
    return this
  }

  /** All packets from now on may not be split on their way. */
  whole(): this {
    this.stepper.walked.dontFragment = true
    return this
  }

  /** An ICMP error of 10.0.0.9 that quotes a packet of b to a. */
  icmp(type: number, code: number, mtu = 0, ofA = false): this {
    const { packet, walked, tracker } = this.stepper
    packet.frame++
    packet.nanoseconds += 1000
    walked.kind = KIND_ICMP_ERROR
    walked.payloadBytes = 0
    walked.source3 = 0x0a000009
    walked.icmpType = type
    walked.icmpCode = code
    walked.icmpMtu = mtu
    walked.quoted.protocol = IPPROTO_TCP
    walked.quoted.source3 = ofA ? 0x0a000001 : 0x0a000002
    walked.quoted.destination3 = ofA ? 0x0a000002 : 0x0a000001
    walked.quoted.sourcePort = ofA ? 40_000 : 80
    walked.quoted.destinationPort = ofA ? 80 : 40_000
    tracker.addWalked(packet, walked)
    this.findings.note(packet, tracker)
    return this
  }

  finish(facts: Partial<CaptureFacts> = {}): Finding[] {
    this.stepper.tracker.finish()
    return this.findings.finish({ ...this.stepper.tracker.quality(), ...facts })
  }

  /** Names of the rules that fire. */
  rules(): string[] {
    return this.finish().map(({ rule }) => rule)
  }
}

/** Behind a handshake that took 20 ms. */
export const opened = (): Scene => new Scene().add(...HANDSHAKE)

/** Another connection, long after all else: the capture goes on. */
export const LATER: PacketStep[] = [
  { is: 'a>S', seq: 500, ports: { a: 50_000, b: 443 }, atMs: 100_000 },
  { is: 'b>SA', seq: 900, ack: 501, ports: { a: 50_000, b: 443 } },
  { is: 'a>A', seq: 501, ack: 901, ports: { a: 50_000, b: 443 } },
]
