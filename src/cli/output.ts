// Writes results to a file descriptor: one buffer, synchronous writes, so that a slow reader slows the program down.

import { writeSync, writev } from 'node:fs'
import { hasRoom, isClosed, mayBlock, openTwin, ROOM_BYTES } from '../adapters/output-descriptor.js'
import { ERRNO, fromNodeError, isNodeSystemError } from '../errors/index.js'
import { isListening, killable } from './interrupts.js'
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

/**
 * Writes all of `bytes`. A full pipe or terminal is waited for, and so is one in non-blocking mode (set so by a parent, or by
 * libuv); a closed pipe behind stdout ends the program at once with exit 0. What stderr does not take is dropped: there is
 * nowhere left to say so, and the exit code tells how it went.
 *
 * A listener of Ctrl-C is not called during a write that blocks. So where there is one, as much is written as goes without
 * waiting, and during the wait for the rest a signal kills the program, as if nobody listened.
 */
function writeAll(fd: number, bytes: Uint8Array): void {
  const slow = isListening() ? slownessOf(fd) : null
  if (slow === null) {
    writeOrWait(fd, bytes, 0)
    return
  }
  const at = writeSome(slow, bytes, fd)
  if (at < bytes.length) killable(() => writeOrWait(fd, bytes, at))
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

function writeOrWait(fd: number, bytes: Uint8Array, from: number): void {
  let at = from
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

/** UIO_MAXIOV: writev(2) takes no more. */
const MOST_CHUNKS = 1024

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

/** Plain data as JSON text, one item of each top-level array or iterable a line, so that no document is held as one string. */
function* jsonDocument(value: unknown): Generator<string> {
  if (isList(value)) {
    yield* jsonList(value, '')
  } else if (value !== null && typeof value === 'object' && !('toJSON' in value)) {
    let separator = '{\n  '
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue
      yield `${separator}${JSON.stringify(key)}: `
      if (isList(item)) yield* jsonList(item, '  ')
      else yield JSON.stringify(item)
      separator = ',\n  '
    }
    yield separator === '{\n  ' ? '{}' : '\n}'
  } else {
    yield JSON.stringify(value ?? null)
  }
  yield '\n'
}

function* jsonList(items: Iterable<unknown>, indent: string): Generator<string> {
  let separator = `[\n${indent}  `
  for (const item of items) {
    yield separator + JSON.stringify(item ?? null)
    separator = `,\n${indent}  `
  }
  yield separator.startsWith('[') ? '[]' : `\n${indent}]`
}

function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}

/** What JSON leaves as it is and a terminal may obey: DEL and C1 controls, and marks that hide or reorder text. */
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A buffered writer. Nothing is printed before `flush`, or before 64 KiB have come together. */
export class Output {
  private readonly fd: number
  private buffer = Buffer.allocUnsafeSlow(CAPACITY)
  private readonly spare: Buffer<ArrayBuffer>[] = []
  private used = 0
  private text = ''
  private terminal: boolean | null = null
  /** What the reader has not taken yet. */
  private rest: Uint8Array[] = []
  private handing: Promise<void> | null = null
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
      else this.used += this.copy(chunk)
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

  private copy(bytes: Uint8Array): number {
    this.buffer.set(bytes, this.used)
    return bytes.length
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
    if (!this.keepsRest && this.rest.length === 0) {
      writeAll(this.fd, bytes)
      return
    }
    const slow = slownessOf(this.fd)
    if (slow === null) writeOrWait(this.fd, bytes, 0)
    else {
      const at = this.rest.length > 0 ? 0 : writeSome(slow, bytes, this.fd)
      if (at < bytes.length) this.keep(bytes.subarray(at))
    }
  }

  /** Keeps the bytes for later: the buffer itself, for which another takes its place, or else a copy. */
  private keep(bytes: Uint8Array): void {
    if (bytes.buffer !== this.buffer.buffer) {
      this.rest.push(new Uint8Array(bytes))
      return
    }
    this.rest.push(bytes)
    this.buffer = this.spare.pop() ?? Buffer.allocUnsafeSlow(CAPACITY)
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
      for (const { buffer } of this.rest.splice(0, chunks.length)) {
        if (buffer.byteLength === CAPACITY) this.spare.push(Buffer.from(buffer as ArrayBuffer))
      }
    }
  }
}
