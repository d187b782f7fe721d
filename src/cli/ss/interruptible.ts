// Ctrl-C during a listing: it ends with what is known so far, unless nothing has been shown yet.

import { Interrupted } from '../../sockets/interrupted.js'
import type { Console } from '../console.js'
import type { Interrupt } from '../interrupts.js'

/** Signals are heard when the event loop turns, so it does at least this often. */
const TURN_MS = 50
/** A reader that pauses has this long to take the end of what there is. */
const LAST_WORDS_MS = 1000

export class Interruptible {
  private readonly io: Console
  private free: (() => void) | null = null
  private signal: Interrupt | null = null
  private told: () => void = () => undefined
  private turned = 0

  constructor(io: Console) {
    this.io = io
  }

  /** From now on Ctrl-C ends the listing, and not the program; what the reader does not take at once is kept meanwhile. */
  listen(): void {
    this.io.out.keepsRest = true
    this.turned = performance.now()
    this.free = this.io.onInterrupt(signal => {
      this.signal = signal
      this.told()
    })
  }

  /** Waits for the reader, and for `other`. @throws Interrupted, at once or instead of keeping the promise */
  pause(other: Promise<void> | null): Promise<void> | null {
    if (this.free === null) return other
    if (this.signal !== null) throw new Interrupted()
    const taken = this.io.out.settled()
    if (taken === null && other === null && performance.now() - this.turned < TURN_MS) return null
    return this.wait(Promise.all([taken, other]))
  }

  private async wait(what: Promise<unknown>): Promise<void> {
    const interrupted = new Promise<void>(resolve => {
      this.told = resolve
    })
    await Promise.race([what, interrupted])
    await new Promise(resolve => setImmediate(resolve))
    this.turned = performance.now()
    if (this.signal !== null) throw new Interrupted()
  }

  /** Lets the reader take what is left; a program that was interrupted ends here, by the signal, as others do. */
  async end(): Promise<void> {
    const { signal } = this
    this.free?.()
    this.io.err.flush()
    const taken = this.io.out.settled()
    if (signal === null) await taken
    else if (taken !== null) await Promise.race([taken, new Promise(resolve => setTimeout(resolve, LAST_WORDS_MS))])
    if (signal !== null) process.kill(process.pid, signal)
  }
}
