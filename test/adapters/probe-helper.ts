// What tests of probe transports share: options with nothing asked for, batches, and a visitor that remembers.

import type {
  ProbeError,
  ProbeOptions,
  ProbeReply,
  ProbeTransport,
  ProbeVisitor,
  SendBatch,
} from '../../src/ports/probe.js'
import type { ProbeTarget } from '../../src/probe/events.js'

export const PAYLOAD_BYTES = 56

export function targetsOf(addresses: readonly string[], firstIndex = 0): ProbeTarget[] {
  return addresses.map((address, position) => ({
    index: firstIndex + position,
    target: address,
    address,
    family: address.includes(':') ? 6 : 4,
  }))
}

export function probeOptions(addresses: readonly string[], wishes: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    targets: targetsOf(addresses),
    family: addresses[0]!.includes(':') ? 6 : 4,
    transport: 'auto',
    timestamps: 'kernel',
    payloadBytes: PAYLOAD_BYTES,
    pattern: null,
    source: null,
    interface: null,
    ttl: null,
    tos: null,
    mark: null,
    pathMtu: null,
    flowLabel: null,
    broadcast: false,
    noLoopback: false,
    ipOptions: null,
    identifier: null,
    sendBufferBytes: null,
    port: null,
    netnsFd: -1,
    ...wishes,
  }
}

type Probe = readonly [target: number, sequence: number, payloadBytes?: number]

export function batchOf(...probes: Probe[]): SendBatch & { mtu: Int32Array } {
  return {
    count: probes.length,
    target: Int32Array.from(probes, probe => probe[0]),
    sequence: Uint32Array.from(probes, probe => probe[1]),
    payloadBytes: Int32Array.from(probes, probe => probe[2] ?? PAYLOAD_BYTES),
    result: new Int32Array(probes.length).fill(12345),
    sentNs: new Float64Array(probes.length),
    sentMonoNs: new Float64Array(probes.length),
    mtu: new Int32Array(probes.length).fill(12345),
  }
}

export type SeenReply = Omit<ProbeReply, 'data'> & { payload: number[] }
export type SeenError = Omit<ProbeError, 'quoted'> & { quoted: number[] }
export interface SeenStamp {
  target: number
  sequence: number
  at: 'scheduler' | 'driver'
  ns: number
}

/** Remembers everything, in the order in which it was handed out. */
export class Seen implements ProbeVisitor {
  readonly replies: SeenReply[] = []
  readonly errors: SeenError[] = []
  readonly stamps: SeenStamp[] = []
  readonly order: string[] = []

  reply(reply: ProbeReply): void {
    const { data, ...rest } = reply
    this.replies.push({ ...rest, payload: [...data.subarray(reply.payloadStart, reply.payloadEnd)] })
    this.order.push('reply')
  }

  error(error: ProbeError): void {
    this.errors.push({ ...error, quoted: [...error.quoted] })
    this.order.push('error')
  }

  transmitted(target: number, sequence: number, at: 'scheduler' | 'driver', ns: number): void {
    this.stamps.push({ target, sequence, at, ns })
    this.order.push(at)
  }

  /** When the kernel took, and sent, a probe. */
  stampsOf(target: number, sequence: number): Partial<Record<SeenStamp['at'], number>> {
    const own = this.stamps.filter(stamp => stamp.target === target && stamp.sequence === sequence)
    return Object.fromEntries(own.map(({ at, ns }) => [at, ns]))
  }
}

/** Receives until `enough`, or until the limit has passed: what is missing then, the test says. */
export async function receiveUntil(
  transport: ProbeTransport,
  seen: Seen,
  enough: (seen: Seen) => boolean,
  limitMs = 5000,
): Promise<void> {
  const end = Date.now() + limitMs
  for (;;) {
    transport.receive(seen)
    if (enough(seen) || Date.now() > end) return
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}
