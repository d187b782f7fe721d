// A probe transport and timers with a clock that tests move by hand.

import type {
  AsideSender,
  ProbeError,
  ProbeReply,
  ProbeTransport,
  ProbeVisitor,
  SendBatch,
} from '../../src/ports/probe.js'
import type { ProbeEvent, ProbeTarget } from '../../src/probe/events.js'
import { type PingPlan, PingRun, type PingTimers } from '../../src/probe/ping-run.js'

export const COOKIE = [0x01020304, 0x05060708] as const
/** Unix time at which the fake's base lies. */
export const BASE_SECONDS = 1_700_000_000

export const target = (index: number, address = `192.0.2.${index + 1}`): ProbeTarget => ({
  index,
  target: address,
  address,
  family: 4,
})

export interface Sent {
  target: number
  sequence: number
  atMs: number
}

type Message = (visitor: ProbeVisitor) => unknown

/** A clock, and timers in its order. */
export class FakeClock implements PingTimers {
  nowMs = 1000
  private timers: { at: number; callback: () => void }[] = []

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.nowMs + ms, callback }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter(each => each !== timer)
    }
  }

  soon(callback: () => void): () => void {
    return this.after(0, callback)
  }

  /** Lets `ms` pass, timer by timer. */
  pass(ms: number): void {
    const end = this.nowMs + ms
    for (let guard = 0; guard < 1_000_000; guard++) {
      const next = this.timers.filter(each => each.at <= end).sort((one, other) => one.at - other.at)[0]
      if (next === undefined) break
      this.timers = this.timers.filter(each => each !== next)
      this.nowMs = Math.max(this.nowMs, next.at)
      next.callback()
    }
    this.nowMs = end
  }
}

export class FakeTransport implements ProbeTransport {
  readonly kind: ProbeTransport['kind']
  readonly timestamps = 'rx' as const
  readonly cookie = COOKIE
  readonly baseSeconds = BASE_SECONDS
  readonly note = null
  readonly sent: Sent[] = []
  /** Rows taken by the next sends; all when empty. */
  readonly room: number[] = []
  /** Errno of the next rows, when set; or of those to the targets in `refuseOnly`. */
  refuse = 0
  readonly refuseOnly = new Set<number>()
  /** Whether each probe that is not refused is answered at once, nobody being woken. */
  answersAtOnce = false
  /** CLOCK_REALTIME less CLOCK_MONOTONIC, in milliseconds. */
  wallOffsetMs = 5000
  closed = false
  /** Rows to send before the next receive, and the answers that there is room for: what comes beyond them is dropped. */
  rows = Number.POSITIVE_INFINITY
  private readonly clock: FakeClock
  private readonly targets: readonly ProbeTarget[]
  private readonly waiting: Message[] = []
  private readable: () => void = () => undefined
  /** Whether batches leave beside this thread, with so many rows; they land when a test says so. */
  aside: AsideSender | null = null
  /** The batch on its way, and what lands it. */
  flight: SendBatch | null = null
  private landing: (() => void) | null = null

  constructor(clock: FakeClock, targets: readonly ProbeTarget[], kind: ProbeTransport['kind'] = 'datagram') {
    this.clock = clock
    this.targets = targets
    this.kind = kind
  }

  send(batch: SendBatch): number {
    const handled = Math.min(batch.count, this.room.shift() ?? batch.count)
    for (let row = 0; row < handled; row++) {
      const isRefused = this.refuseOnly.size === 0 || this.refuseOnly.has(batch.target[row]!)
      batch.result[row] = isRefused ? -this.refuse : 0
      batch.sentNs[row] = (this.clock.nowMs + this.wallOffsetMs) * 1e6
      batch.sentMonoNs[row] = this.clock.nowMs * 1e6
      const probe = { target: batch.target[row]!, sequence: batch.sequence[row]!, atMs: this.clock.nowMs }
      this.sent.push(probe)
      if (this.answersAtOnce && batch.result[row] === 0) this.answer(probe, {}, false)
    }
    return handled
  }

  receive(visitor: ProbeVisitor): number {
    const messages = this.waiting.splice(0)
    for (const [at, message] of messages.entries()) {
      if (message(visitor) !== false) continue
      this.waiting.unshift(...messages.slice(at))
      return at
    }
    return messages.length
  }

  /** From now on. */
  sendAside(rows: number): void {
    let prepared: SendBatch | null = null
    this.aside = {
      rows,
      prepare: batch => {
        prepared = batch
      },
      send: done => {
        const batch = prepared
        if (batch === null || this.flight !== null) throw new Error('nothing prepared, or a flight is under way')
        prepared = null
        this.flight = batch
        this.landing = () => {
          this.flight = null
          done(this.send(batch))
          if (this.flight === null) this.readable()
        }
        return true
      },
    }
  }

  /** The batch on its way has left. */
  land(): void {
    const { landing } = this
    this.landing = null
    landing?.()
  }

  onReadable(callback: () => void): void {
    this.readable = callback
  }

  nowMonoNs(): number {
    return this.clock.nowMs * 1e6
  }

  sourceAddress(): null {
    return null
  }

  close(): void {
    this.closed = true
  }

  /** An answer arrives now; the payload is right unless `payload` says otherwise. */
  answer(probe: { target: number; sequence: number }, change: Partial<ProbeReply> = {}, wakes = true): void {
    const payload = payloadOf(probe.target, probe.sequence)
    const now = this.clock.nowMs
    const message: ProbeReply = {
      answer: 'echo-reply',
      target: probe.target,
      sequence: probe.sequence,
      wireSequence: probe.sequence & 0xffff,
      from: this.targets[probe.target]!.address,
      fromTarget: probe.target,
      receivedNs: (now + this.wallOffsetMs) * 1e6,
      kernelStamp: true,
      readNs: (now + this.wallOffsetMs) * 1e6,
      readMonoNs: now * 1e6,
      rttNs: Number.NaN,
      ttl: 64,
      bytes: 8 + payload.length,
      data: payload,
      payloadStart: 0,
      payloadEnd: payload.length,
      synRetransmits: -1,
      ipOptions: null,
      ...change,
    }
    this.arrive(visitor => visitor.reply(message), wakes)
  }

  fail(probe: { target: number; sequence: number }, change: Partial<ProbeError> = {}): void {
    this.queueError(probe, change)
    if (this.flight === null) this.readable()
  }

  /** An error is there to be read, and nobody has been woken yet. */
  queueError(probe: { target: number; sequence: number }, change: Partial<ProbeError> = {}): void {
    const message: ProbeError = {
      origin: 'icmp',
      type: 11,
      code: 0,
      errno: 113,
      mtu: 0,
      from: '198.51.100.1',
      target: probe.target,
      sequence: probe.sequence,
      wireSequence: probe.sequence & 0xffff,
      receivedNs: (this.clock.nowMs + this.wallOffsetMs) * 1e6,
      quoted: new Uint8Array(),
      ...change,
    }
    this.waiting.push(visitor => visitor.error(message))
  }

  stamp(probe: { target: number; sequence: number }, at: 'scheduler' | 'driver', afterMs: number): void {
    const sent = this.sent.find(each => each.target === probe.target && each.sequence === probe.sequence)!
    const ns = (sent.atMs + this.wallOffsetMs + afterMs) * 1e6
    this.waiting.push(visitor => visitor.transmitted(probe.target, probe.sequence, at, ns))
  }

  private arrive(message: Message, wakes: boolean): void {
    if (this.waiting.length >= this.rows) return
    this.waiting.push(message)
    if (wakes && this.flight === null) this.readable()
  }
}

/** Sixteen bytes that name the probe, and 0x10, 0x11 ... up to 24. */
export function payloadOf(index: number, sequence: number): Uint8Array {
  const payload = Uint8Array.from({ length: 24 }, (_, at) => at)
  const view = new DataView(payload.buffer)
  view.setUint32(0, COOKIE[0], true)
  view.setUint32(4, COOKIE[1], true)
  view.setUint32(8, index, true)
  view.setUint32(12, sequence, true)
  return payload
}

export interface Running {
  clock: FakeClock
  transport: FakeTransport
  events: ProbeEvent[]
  run: PingRun
  over: Promise<void>
  /** Whether the run has ended. */
  ended(): Promise<boolean>
}

/** Starts a run with one probe a second to one target, unless changed. @param asideRows batches that leave beside this thread */
export function start(
  change: Partial<PingPlan> = {},
  kind: ProbeTransport['kind'] = 'datagram',
  asideRows = 0,
): Running {
  const clock = new FakeClock()
  const targets = change.targets ?? [target(0)]
  const transport = new FakeTransport(clock, targets, kind)
  if (asideRows > 0) transport.sendAside(asideRows)
  const events: ProbeEvent[] = []
  const plan: PingPlan = {
    targets,
    pace: { intervalMs: 1000, gapMs: 0, preload: 1, mode: 'steady', floorMs: 2 },
    count: null,
    payloadBytes: 24,
    pattern: null,
    timeoutMs: 10_000,
    deadlineMs: null,
    shortWait: true,
    tellSent: false,
    ...change,
  }
  const run = new PingRun(plan, { transports: [{ family: 4, transport }], timers: clock }, event => events.push(event))
  let done = false
  const over = run.run().then(() => {
    done = true
  })
  const ended = async (): Promise<boolean> => {
    await new Promise(resolve => setImmediate(resolve))
    return done
  }
  return { clock, transport, events, run, over, ended }
}
