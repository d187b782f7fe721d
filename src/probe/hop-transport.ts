// A view of a transport in which a router on the way is the target: probes end at a TTL, and "time exceeded" is the answer.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import { ICMP_TIME_EXCEEDED, ICMP6_TIME_EXCEEDED } from '../wire/icmp.js'

/**
 * Sequences of all the views of one transport in turn: each numbers its own probes 1, 2, 3 ..., and an answer to an earlier one's
 * probe is nobody's.
 */
export class HopSequences {
  /** Highest sequence that was sent. */
  last = 0
}

export class HopTransport implements ProbeTransport {
  readonly kind: ProbeTransport['kind']
  readonly timestamps: ProbeTransport['timestamps']
  readonly cookie: ProbeTransport['cookie']
  readonly baseSeconds: number
  readonly note: string | null
  private readonly inner: ProbeTransport
  private readonly family: 4 | 6
  private readonly ttl: number
  private readonly sequences: HopSequences
  private readonly base: number

  constructor(inner: ProbeTransport, family: 4 | 6, ttl: number, sequences: HopSequences) {
    this.inner = inner
    this.family = family
    this.ttl = ttl
    this.sequences = sequences
    this.base = sequences.last
    this.kind = inner.kind
    this.timestamps = inner.timestamps
    this.cookie = inner.cookie
    this.baseSeconds = inner.baseSeconds
    this.note = inner.note
  }

  sourceAddress(target: number): string | null {
    return this.inner.sourceAddress(target)
  }

  send(batch: SendBatch): number {
    const { base, sequences, ttl } = this
    const own: SendBatch = {
      ...batch,
      sequence: batch.sequence.map(sequence => base + sequence),
      ttl: new Uint8Array(batch.sequence.length).fill(ttl),
      flow: new Uint16Array(batch.sequence.length),
    }
    const handled = this.inner.send(own)
    for (let row = 0; row < handled; row++) sequences.last = Math.max(sequences.last, own.sequence[row]!)
    return handled
  }

  receive(visitor: ProbeVisitor): number {
    return this.inner.receive({
      reply: reply => {
        if (this.isOwn(reply.sequence)) visitor.reply({ ...reply, sequence: reply.sequence - this.base })
      },
      error: error => this.error(error, visitor),
      transmitted: (target, sequence, at, ns) => {
        if (this.isOwn(sequence)) visitor.transmitted(target, sequence - this.base, at, ns)
      },
    })
  }

  onReadable(callback: () => void): void {
    this.inner.onReadable(callback)
  }

  nowMonoNs(): number {
    return this.inner.nowMonoNs()
  }

  /** The transport is whoever's opened it. */
  close(): void {
    this.inner.onReadable(() => undefined)
  }

  private error(error: ProbeError, visitor: ProbeVisitor): void {
    const known = error.sequence >= 1 ? error.sequence : this.fullSequence(error.wireSequence)
    if (known >= 1 && !this.isOwn(known)) return
    const sequence = known >= 1 ? known - this.base : -1
    const isAnswer =
      error.origin === 'icmp' &&
      sequence >= 1 &&
      error.type === (this.family === 4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED)
    if (isAnswer) visitor.reply(answerOf(error, sequence))
    else visitor.error({ ...error, sequence, wireSequence: -1 })
  }

  private isOwn(sequence: number): boolean {
    return sequence > this.base && sequence <= this.sequences.last
  }

  /** The latest probe with these low 16 bits; -1 for none. */
  private fullSequence(wireSequence: number): number {
    if (wireSequence < 0) return -1
    const { last } = this.sequences
    return last - ((last - wireSequence) & 0xffff)
  }
}

function answerOf(error: ProbeError, sequence: number): ProbeReply {
  return {
    answer: 'datagram',
    target: error.target,
    sequence,
    wireSequence: -1,
    from: error.from ?? '',
    fromTarget: -1,
    receivedNs: error.receivedNs,
    kernelStamp: true,
    readNs: error.receivedNs,
    // Where clocks went backwards there is no time to tell.
    readMonoNs: 0,
    rttNs: Number.NaN,
    ttl: -1,
    bytes: 0,
    data: NO_BYTES,
    payloadStart: 0,
    payloadEnd: 0,
    synRetransmits: -1,
    ipOptions: null,
  }
}

const NO_BYTES = new Uint8Array(0)
