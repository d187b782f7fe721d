// How far the decoding of a file is, on a terminal behind stderr: how much of it, how fast, how long still.

import { grouped, lasting } from '../../render/decode-words.js'
import type { Output } from '../output.js'
import { isTerminal } from '../terminal.js'

const STDERR = 2
const SILENT_MS = 1000
const EVERY_MS = 200
const CLEAR_LINE = '\r\u001b[K'

export interface Read {
  packets: number
  bytes: number
  /** Null when nobody knows. */
  bytesTotal: number | null
}

/** Null where nobody looks. */
export function makeProgress(err: Output): Progress | null {
  return isTerminal(STDERR) && process.env['TERM'] !== 'dumb' ? new Progress(err) : null
}

export class Progress {
  readonly #err: Output
  readonly #clock: () => number
  readonly #startMs: number
  #nextMs: number
  #isShown = false

  constructor(err: Output, clock: () => number = () => performance.now()) {
    this.#err = err
    this.#clock = clock
    this.#startMs = clock()
    this.#nextMs = this.#startMs + SILENT_MS
  }

  update(read: Read): void {
    const nowMs = this.#clock()
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + EVERY_MS
    this.#isShown = true
    this.#err.write(`${CLEAR_LINE}${progressWords(read, nowMs - this.#startMs)}`)
    this.#err.flush()
  }

  /** Takes the line away. */
  end(): void {
    if (!this.#isShown) return
    this.#isShown = false
    this.#err.write(CLEAR_LINE)
    this.#err.flush()
  }
}

export function progressWords({ packets, bytes, bytesTotal }: Read, elapsedMs: number): string {
  const rate = Math.round(packets / (elapsedMs / 1000))
  const done = `${grouped(packets)} packets, ${grouped(rate)}/s`
  if (bytesTotal === null || bytes === 0 || bytes > bytesTotal) return done
  const leftMs = (elapsedMs * (bytesTotal - bytes)) / bytes
  return `${Math.floor((100 * bytes) / bytesTotal)}%  ${done}, ${lasting(leftMs)} left`
}
