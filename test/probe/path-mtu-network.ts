// A simulated path for path MTU discovery: links with MTUs, black holes, loss from a seed, and a clock that jumps to what is next.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../../src/ports/probe.js'
import type { PathMtuTimers } from '../../src/probe/path-mtu-wait.js'

const HEADER_BYTES = { 4: 28, 6: 48 } as const
const EMSGSIZE = 90

export interface SimulatedPath {
  family?: 4 | 6
  /** Largest packet that arrives; everything when left out. */
  mtu?: number
  /** Who says so, and what; silence when left out. */
  reporter?: { from: string; mtu: number /** Reports that it sends at all. */; atMost?: number }
  /** The kernel refuses larger ones, and tells how much passes when `tells`. */
  localMtu?: number
  tells?: boolean
  /** Probability that a probe, or its answer, is lost on the way; by size where it is a function. */
  loss?: number
  rttMs?: number
  seed?: number
  /** The target is not there at all; a router may say so. */
  dead?: { from: string | null; type: number; code: number } | 'silent'
  /** Answers of this many packets in a burst only, the later ones are dropped (a policer that refills in 5 ms). */
  burst?: number
  /** Errors carry no sequence: RFC 792 quotes eight bytes. */
  shortQuotes?: boolean
  kind?: 'datagram' | 'udp'
  /** Links in order, routers between them: `ROUTERS[n]` is behind link n. With it `mtu`, `reporter` and `loss` are for each link. */
  links?: readonly {
    mtu?: number /** The router before the link says so. */
    tells?: boolean
    loss?: number
    /** The router behind it answers six at once and one a second, as Linux does. */
    limited?: boolean
  }[]
}

/** Addresses of routers: the first is behind link 0. */
export const ROUTERS = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4', '198.51.100.5'] as const

/** mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

interface Due {
  atMs: number
  order: number
  run: () => void
}

/** The path as a transport, with the timers that go with its clock. */
export class SimulatedNetwork implements ProbeTransport {
  readonly kind: 'datagram' | 'udp'
  readonly timestamps = 'rx'
  readonly cookie = [1, 2] as const
  readonly baseSeconds = 0
  readonly note = null
  readonly timers: PathMtuTimers
  sizes: number[] = []
  private readonly path: SimulatedPath
  private readonly random: () => number
  private readonly header: number
  private readonly arrived: ((visitor: ProbeVisitor) => void)[] = []
  private readonly due: Due[] = []
  private nowMs = 0
  private order = 0
  private reports = 0
  private readonly limits = new Map<number, { tokens: number; atMs: number }>()
  private tokens: number
  private tokensAtMs = 0
  private readable: () => void = () => undefined

  constructor(path: SimulatedPath) {
    this.path = path
    this.kind = path.kind ?? 'datagram'
    this.random = randomFrom(path.seed ?? 1)
    this.header = HEADER_BYTES[path.family ?? 4]
    this.tokens = path.burst ?? 0
    this.timers = {
      after: (ms, callback) => {
        const entry = this.schedule(ms, callback)
        return () => {
          const at = this.due.indexOf(entry)
          if (at >= 0) this.due.splice(at, 1)
        }
      },
    }
  }

  /** Lets time pass until the promise is settled. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const end = promise.finally(() => {
      settled = true
    })
    end.catch(() => undefined)
    for (;;) {
      for (let turns = 0; turns < 50; turns++) await Promise.resolve()
      if (settled) return end
      this.due.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      const next = this.due.shift()
      if (next === undefined) throw new Error('nothing is left to happen, and it is not done')
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
  }

  nowMonoNs(): number {
    return this.nowMs * 1e6
  }

  sourceAddress(): string {
    return '192.0.2.1'
  }

  onReadable(callback: () => void): void {
    this.readable = callback
  }

  close(): void {
    this.readable = () => undefined
  }

  receive(visitor: ProbeVisitor): number {
    const messages = this.arrived.splice(0)
    for (const message of messages) message(visitor)
    return messages.length
  }

  send(batch: SendBatch): number {
    for (let row = 0; row < batch.count; row++) {
      batch.sentNs[row] = this.nowMonoNs()
      batch.sentMonoNs[row] = this.nowMonoNs()
      const size = batch.payloadBytes[row]! + this.header
      batch.result[row] = this.transmit(batch.sequence[row]!, size, batch.ttl?.[row] ?? 64)
      const refused = batch.result[row] === -EMSGSIZE && this.path.tells
      if (batch.mtu !== undefined) batch.mtu[row] = refused ? (this.path.localMtu ?? 0) : 0
    }
    return batch.count
  }

  private transmit(sequence: number, size: number, ttl: number): number {
    const { localMtu, mtu, dead, loss = 0, rttMs = 20, reporter, links } = this.path
    this.sizes.push(size)
    if (localMtu !== undefined && size > localMtu) return -EMSGSIZE
    if (links !== undefined) return this.travel(sequence, size, ttl)
    if (dead === 'silent') return 0
    if (dead !== undefined) {
      if (dead.from === null) return -113
      this.deliver(rttMs, this.errorOf(sequence, { ...dead, origin: 'icmp', errno: 113 }))
      return 0
    }
    if (!this.polices() && this.random() < loss) return 0
    if (mtu !== undefined && size > mtu) {
      if (reporter === undefined || this.reports >= (reporter.atMost ?? Number.POSITIVE_INFINITY)) return 0
      this.reports++
      const isV6 = this.path.family === 6
      const words = { origin: 'icmp', errno: EMSGSIZE, from: reporter.from, mtu: reporter.mtu } as const
      this.deliver(rttMs / 2, this.errorOf(sequence, { ...words, type: isV6 ? 2 : 3, code: isV6 ? 0 : 4 }))
      return 0
    }
    if (this.path.burst !== undefined && !this.takeToken()) return 0
    if (this.kind === 'udp') {
      const words = { origin: 'icmp', errno: 111, from: '192.0.2.9', type: 3, code: 3 } as const
      this.deliver(rttMs, this.errorOf(sequence, words))
    } else this.deliver(rttMs, visitor => visitor.reply(this.replyOf(sequence, size)))
    return 0
  }

  /** Along the links, as far as the packet gets. */
  private travel(sequence: number, size: number, ttl: number): number {
    const { links = [], rttMs = 20, family = 4 } = this.path
    const v6 = family === 6
    for (const [index, link] of links.entries()) {
      if (this.random() < (link.loss ?? 0)) return 0
      if (link.mtu !== undefined && size > link.mtu) {
        // The first link is this host's own: the kernel refuses by itself.
        if (!link.tells || index === 0) return 0
        const words = { errno: EMSGSIZE, from: ROUTERS[index - 1]!, mtu: link.mtu, type: v6 ? 2 : 3, code: v6 ? 0 : 4 }
        this.deliver(rttMs, this.errorOf(sequence, words))
        return 0
      }
      if (index + 1 === ttl && index + 1 < links.length) {
        if (link.limited && !this.takeLimitToken(index)) return 0
        const words = { errno: 113, from: ROUTERS[index]!, type: v6 ? 3 : 11, code: 0 }
        this.deliver(rttMs, this.errorOf(sequence, words))
        return 0
      }
    }
    this.deliver(rttMs, visitor => visitor.reply(this.replyOf(sequence, size)))
    return 0
  }

  private takeLimitToken(hop: number): boolean {
    const { tokens, atMs } = this.limits.get(hop) ?? { tokens: 6, atMs: this.nowMs }
    const now = Math.min(tokens + (this.nowMs - atMs) / 1000, 6)
    this.limits.set(hop, { tokens: now >= 1 ? now - 1 : now, atMs: this.nowMs })
    return now >= 1
  }

  private polices(): boolean {
    return this.path.burst !== undefined
  }

  private takeToken(): boolean {
    const { burst = 0 } = this.path
    if (this.nowMs - this.tokensAtMs >= 5) {
      this.tokens = burst
      this.tokensAtMs = this.nowMs
    }
    return this.tokens-- > 0
  }

  private schedule(ms: number, run: () => void): Due {
    const entry = { atMs: this.nowMs + ms, order: this.order++, run }
    this.due.push(entry)
    return entry
  }

  private deliver(ms: number, message: (visitor: ProbeVisitor) => void): void {
    this.schedule(ms, () => {
      this.arrived.push(message)
      this.readable()
    })
  }

  private errorOf(sequence: number, words: Partial<ProbeError>): (visitor: ProbeVisitor) => void {
    const short = this.path.shortQuotes && words.origin === 'icmp'
    return visitor =>
      visitor.error({
        origin: 'icmp',
        type: -1,
        code: -1,
        errno: 0,
        mtu: 0,
        from: null,
        target: 0,
        wireSequence: -1,
        receivedNs: this.nowMonoNs(),
        quoted: new Uint8Array(),
        ...words,
        sequence: short ? -1 : sequence,
      } as ProbeError)
  }

  private replyOf(sequence: number, size: number): ProbeReply {
    return {
      answer: 'echo-reply',
      target: 0,
      sequence,
      wireSequence: sequence & 0xffff,
      from: '192.0.2.9',
      fromTarget: 0,
      receivedNs: this.nowMonoNs(),
      kernelStamp: true,
      readNs: this.nowMonoNs(),
      readMonoNs: this.nowMonoNs(),
      rttNs: Number.NaN,
      ttl: 60,
      bytes: size - this.header + 8,
      data: new Uint8Array(),
      payloadStart: 0,
      payloadEnd: 0,
      synRetransmits: -1,
      ipOptions: null,
    }
  }
}
