// Writes results to a file descriptor: one buffer, synchronous writes, so that a slow reader slows the program down.

import { writeSync, writev } from 'node:fs'
import { hasRoom, isClosed, mayBlock, openTwin, ROOM_BYTES } from '../adapters/output-descriptor.js'
import { ERRNO, fromNodeError, isNodeSystemError } from '../errors/index.js'
import { isListening } from './interrupts.js'
import { jsonDocument } from './json-text.js'
import { isTerminal } from './terminal.js'

const STDOUT = 1
const STDERR = 2
const CAPACITY = 64 * 1024
/** Text is put together so far before it is encoded. */
const TEXT_UNITS = 4096
/** A UTF-16 code unit takes at most this many bytes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3

let sleeper: Int32Array<SharedArrayBuffer> | undefined

function sleep(ms: number): void {
  sleeper ??= new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(sleeper, 0, 0, ms)
}

/** A descriptor that may have to wait for a reader, and a way to write to it that does not, where there is one. */
interface Slow {
  twin: number | null
}

const known = new Map<number, Slow | null>()

/** Null for what never waits for anybody. */
function slownessOf(fd: number): Slow | null {
  let slow = known.get(fd)
  if (slow === undefined) {
    slow = mayBlock(fd) ? { twin: openTwin(fd) } : null
    known.set(fd, slow)
  }
  return slow
}

/** The program ends quietly when nobody reads its results any more, as `netkit ... | head` expects. */
export function exitIfClosed(): void {
  if (isClosed(STDOUT)) process.exit(0)
}

/** Writes what goes without waiting, and answers how much that was. */
function writeSome({ twin }: Slow, bytes: Uint8Array, fd: number): number {
  let at = 0
  while (at < bytes.length) {
    // A socket has no twin: what it is asked for first is room, and it is given no more than there is then.
    if (twin === null && !hasRoom(fd)) break
    const most = twin === null ? ROOM_BYTES : bytes.length
    try {
      at += writeSync(twin ?? fd, bytes, at, Math.min(bytes.length - at, most))
    } catch (error) {
      if (wasRefused(fd, error)) return bytes.length
      break
    }
  }
  return at
}

/**
 * Writes all of `bytes`. A full pipe or terminal is waited for, and so is one in non-blocking mode (set so by a parent, or by
 * libuv); a closed pipe behind stdout ends the program at once with exit 0. What stderr does not take is dropped: there is
 * nowhere left to say so, and the exit code tells how it went.
 */
function writeOrWait(fd: number, bytes: Uint8Array): void {
  let at = 0
  let pause = 0.25
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at)
      pause = 0.25
    } catch (error) {
      if (wasRefused(fd, error)) return
      sleep(pause)
      pause = Math.min(pause * 2, 10)
    }
  }
}

/** A write that waits ends when all is taken: few enough to see that a slow reader goes on. */
const MOST_CHUNKS = 4

/** Writes all of `chunks` on a thread that may wait for the reader, while the event loop turns. */
async function writeOnThread(fd: number, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks
  while (left.length > 0) {
    try {
      const written = await new Promise<number>((resolve, reject) =>
        writev(fd, left, null, (error, bytes) => (error ? reject(error) : resolve(bytes))),
      )
      left = without(left, written)
    } catch (error) {
      if (wasRefused(fd, error)) return
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }
}

/** What is left of `chunks` after their first `written` bytes. */
function without(chunks: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let index = 0
  let more = written
  while (index < chunks.length && chunks[index]!.length <= more) more -= chunks[index++]!.length
  const left = chunks.slice(index)
  if (more > 0) left[0] = left[0]!.subarray(more)
  return left
}

/** What a failed write means: true when the rest is dropped, false when it is to be tried again later. */
function wasRefused(fd: number, error: unknown): boolean {
  const errno = isNodeSystemError(error) ? Math.abs(error.errno) : 0
  if (errno === ERRNO.EAGAIN) return false
  if (fd === STDERR) return true
  if (fd === STDOUT && errno === ERRNO.EPIPE) process.exit(0)
  throw fromNodeError('file-write', error, 'write the output')
}

/** What JSON leaves as it is and a terminal may obey: DEL and C1 controls, and marks that hide or reorder text. */
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A reader that pauses is waited for so long once a turn of the event loop, and longer the more is kept. */
const PATIENCE_MS = 50
const MOST_PATIENCE_MS = 1000
const BYTES_A_MS = CAPACITY
/** How often a reader that pauses is looked at when there is nothing new for it. */
const RETRY_MS = 20

/**
 * A buffered writer. Nothing is printed before `flush`, or before 64 KiB have come together.
 *
 * Nobody is told of Ctrl-C during a write that blocks. So where somebody wants to be, the wait for the reader is a short one, and what
 * it has not taken by then is kept: the next write, or a timer, goes on with it.
 */
export class Output {
  private readonly fd: number
  private buffer = Buffer.allocUnsafeSlow(CAPACITY)
  private readonly spare: Buffer<ArrayBuffer>[] = []
  private used = 0
  private text = ''
  private terminal: boolean | null = null
  /** What the reader has not taken yet. */
  private rest: Uint8Array[] = []
  restBytes = 0
  private handing: Promise<void> | null = null
  /** Whether the reader was waited for since the event loop had its turn. */
  private hasPressed = false
  private retry: NodeJS.Timeout | null = null
  /** Whether what would have to wait for the reader is kept until `settled`, so that signals are heard meanwhile. */
  keepsRest = false

  constructor(fd: number) {
    this.fd = fd
  }

  /** Adds text or bytes; bytes are copied or written before this returns, so the caller may reuse them. */
  write(chunk: string | Uint8Array): void {
    if (typeof chunk !== 'string') {
      this.encode()
      if (chunk.length > CAPACITY - this.used) this.drain()
      if (chunk.length > CAPACITY) this.put(chunk)
      else {
        this.buffer.set(chunk, this.used)
        this.used += chunk.length
      }
      return
    }
    this.terminal ??= isTerminal(this.fd)
    // In JSON the escape is the same string; text has been made printable before it comes here.
    this.text += this.terminal ? chunk.replace(OBEYED, escapeUnit) : chunk
    if (this.text.length >= TEXT_UNITS) this.encode()
  }

  private encode(): void {
    const { text } = this
    if (text === '') return
    this.text = ''
    const most = text.length * MAX_BYTES_PER_UNIT
    if (most > CAPACITY - this.used) this.drain()
    if (most > CAPACITY) this.put(Buffer.from(text))
    else this.used += this.buffer.write(text, this.used)
  }

  /** Adds one line of text. */
  line(text: string): void {
    this.write(`${text}\n`)
  }

  /** Adds one JSON document: `{` keys `}` with one item of a list a line. Iterables are written as arrays. */
  json(value: unknown): void {
    for (const part of jsonDocument(value)) this.write(part)
  }

  /** Adds one line of NDJSON. */
  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value))
  }

  /** Hands everything to the kernel; for streams, after each event. */
  flush(): void {
    this.encode()
    this.drain()
  }

  private drain(): void {
    const { used } = this
    this.used = 0
    if (used > 0) this.put(this.buffer.subarray(0, used))
  }

  private put(bytes: Uint8Array): void {
    const slow = this.rest.length > 0 || this.keepsRest || isListening() ? slownessOf(this.fd) : null
    if (slow === null) {
      writeOrWait(this.fd, bytes)
      return
    }
    const at = this.rest.length > 0 ? 0 : writeSome(slow, bytes, this.fd)
    if (at < bytes.length) this.keep(bytes.subarray(at))
    if (!this.keepsRest && this.rest.length > 0) this.press(slow)
  }

  /** Keeps the bytes for later: the buffer itself, for which another takes its place, or a copy of what is not worth a buffer. */
  private keep(bytes: Uint8Array): void {
    this.restBytes += bytes.length
    if (bytes.buffer !== this.buffer.buffer || bytes.length < CAPACITY / 2) {
      this.rest.push(new Uint8Array(bytes))
      return
    }
    this.rest.push(bytes)
    this.buffer = this.spare.pop() ?? Buffer.allocUnsafeSlow(CAPACITY)
  }

  /** Waits for the reader, unless it was waited for since the event loop had its turn. */
  private press(slow: Slow): void {
    if (this.hasPressed || this.handing !== null) return
    const patienceMs = Math.min(PATIENCE_MS + this.restBytes / BYTES_A_MS, MOST_PATIENCE_MS)
    const limit = performance.now() + patienceMs
    for (let pause = 0.25; !this.offer(slow) && performance.now() < limit; pause = Math.min(pause * 2, 10)) sleep(pause)
    if (this.rest.length === 0) return
    this.hasPressed = true
    setImmediate(() => {
      this.hasPressed = false
    })
    if (this.retry === null) this.offerLater(slow)
  }

  private offerLater(slow: Slow): void {
    this.retry = setTimeout(() => {
      this.retry = null
      if (this.handing === null && !this.offer(slow)) this.offerLater(slow)
    }, RETRY_MS)
  }

  /** Gives the reader what it takes of the rest without being waited for: true when that is all. */
  private offer(slow: Slow): boolean {
    let done = 0
    for (const bytes of this.rest) {
      const at = writeSome(slow, bytes, this.fd)
      this.restBytes -= at
      if (at < bytes.length) {
        this.rest[done] = bytes.subarray(at)
        break
      }
      done++
    }
    this.rest.splice(0, done)
    return this.rest.length === 0
  }

  /** Whether the reader has not taken all yet. */
  get isBehind(): boolean {
    return this.rest.length > 0
  }

  /** Resolves when the reader has taken all that was handed over; null when it has. */
  settled(): Promise<void> | null {
    if (this.rest.length === 0) return null
    this.handing ??= this.handOver().finally(() => {
      this.handing = null
    })
    return this.handing
  }

  private async handOver(): Promise<void> {
    while (this.rest.length > 0) {
      const chunks = this.rest.slice(0, MOST_CHUNKS)
      await writeOnThread(this.fd, chunks)
      for (const { buffer, length } of this.rest.splice(0, chunks.length)) {
        this.restBytes -= length
        if (buffer.byteLength === CAPACITY) this.spare.push(Buffer.from(buffer as ArrayBuffer))
      }
    }
  }
}
