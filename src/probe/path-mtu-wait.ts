// Waiting for probes of path MTU discovery: until something is known, the time is over, or somebody says stop.

import type { ProbeTransport, ProbeVisitor } from '../ports/probe.js'

/** Timers of the event loop, injected. The transport is the clock. */
export interface PathMtuTimers {
  after(ms: number, callback: () => void): () => void
}

const nothing = (): void => undefined

export class ProbeWait {
  private readonly transport: ProbeTransport
  private readonly visitor: ProbeVisitor
  private readonly timers: PathMtuTimers
  private readonly signal: AbortSignal | undefined
  private readonly startMs: number
  private readonly endMs: number
  private readonly interrupt = (): void => this.wake()
  private wake: () => void = nothing

  constructor(
    transport: ProbeTransport,
    visitor: ProbeVisitor,
    timers: PathMtuTimers,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.transport = transport
    this.visitor = visitor
    this.timers = timers
    this.signal = signal
    this.startMs = this.nowMs()
    this.endMs = this.startMs + deadlineMs
    transport.onReadable(this.interrupt)
    signal?.addEventListener('abort', this.interrupt)
  }

  /** Waits until `done`, for `ms` at most, and hands what comes to the visitor. */
  async until(done: () => boolean, ms: number): Promise<void> {
    const end = Math.min(this.nowMs() + ms, this.endMs)
    this.transport.receive(this.visitor)
    for (let now = this.nowMs(); !done() && now < end && !this.isOver; now = this.nowMs()) {
      await new Promise<void>(resolve => {
        const cancel = this.timers.after(end - now, resolve)
        this.wake = () => {
          cancel()
          resolve()
        }
      })
      this.wake = nothing
      // A busy event loop may run the timer before it reports what has come.
      this.transport.receive(this.visitor)
    }
  }

  get isOver(): boolean {
    return this.signal?.aborted === true || this.nowMs() >= this.endMs
  }

  get elapsedMs(): number {
    return this.nowMs() - this.startMs
  }

  close(): void {
    this.signal?.removeEventListener('abort', this.interrupt)
  }

  private nowMs(): number {
    return this.transport.nowMonoNs() / 1e6
  }
}
