// Compressed captures: gzip and zstd, unpacked as they are read, and not without end.

import type { Readable } from 'node:stream'
import { NetkitError } from '../errors/index.js'
import type { ByteInput } from './capture-file-input.js'
import { type Compression, openUnpacker, type Unpacker } from './unpacker.js'

/** How much larger than itself a file may become. */
export interface UnpackLimits {
  /** Unpacked bytes that are never too many. */
  freeBytes: number
  /** Times its size, beyond those. */
  ratio: number
  totalBytes: number
}

/** Captures shrink 2 to 30 times, those of one repeated packet 200 times; a bomb 1,000 times and more. */
const LIMITS: UnpackLimits = { freeBytes: 64 * 1024 * 1024, ratio: 250, totalBytes: 256 * 1024 ** 3 }

const NO_LIMITS: UnpackLimits = { freeBytes: Infinity, ratio: Infinity, totalBytes: Infinity }

/** Packed bytes given to the unpacker at once. */
const PIECE_BYTES = 64 * 1024

/** The first ones are given in small pieces: what a piece with damage holds before the damage is lost. */
const SMALL_PIECE_BYTES = 1024
const SMALL_UNTIL_BYTES = 64 * 1024

/** Unpacked bytes that may wait before the unpacker has to. */
const QUEUE_BYTES = 2 * 1024 * 1024

/** RFC 1952 2.3.1: CRC and length. Given alone, so that a wrong one does not cost what is before it. */
const TRAILER_BYTES = 8

/**
 * Unpacks what comes out of `packed`, whose first bytes, `head`, were read already.
 * @throws UnsupportedError when nothing here unpacks it
 */
export async function openCompressed(
  packed: ByteInput,
  compression: Compression,
  head: Uint8Array,
  options: { noLimit?: boolean; limits?: UnpackLimits } = {},
): Promise<ByteInput> {
  const unpacker = await openUnpacker(compression)
  const limits = options.noLimit === true ? NO_LIMITS : (options.limits ?? LIMITS)
  return new UnpackedInput(packed, head.slice(), unpacker, compression, limits)
}

class UnpackedInput implements ByteInput {
  problem: string | null = null
  readonly #packed: ByteInput
  readonly #unpacker: Unpacker
  readonly #compression: Compression
  readonly #limits: UnpackLimits
  readonly #queue: Uint8Array[] = []
  #queued = 0
  #unpackedBytes = 0
  #packedBytes = 0
  #done = false
  /** Wakes a read when there is something for it, and the pump when there is room again. */
  #wakeRead: (() => void) | null = null
  #wakePump: (() => void) | null = null

  constructor(packed: ByteInput, head: Uint8Array, unpacker: Unpacker, compression: Compression, limits: UnpackLimits) {
    this.#packed = packed
    this.#unpacker = unpacker
    this.#compression = compression
    this.#limits = limits
    this.#listen(unpacker.output)
    this.#pump(head).then(
      () => this.#finish(null),
      (error: unknown) => this.#finish(this.#wordsOf(error)),
    )
  }

  get bytesRead(): number {
    return this.#packed.bytesRead
  }

  get bytesTotal(): number | null {
    return this.#packed.bytesTotal
  }

  #listen(output: Readable): void {
    output.on('data', (chunk: Uint8Array) => {
      if (this.#done) return
      this.#queue.push(chunk)
      this.#queued += chunk.length
      this.#unpackedBytes += chunk.length
      if (this.#queued >= QUEUE_BYTES) output.pause()
      if (this.#isTooMuch()) this.#finish(this.#tooMuch())
      this.#wakeRead?.()
    })
  }

  #isTooMuch(): boolean {
    const { freeBytes, ratio, totalBytes } = this.#limits
    const all = this.#unpackedBytes
    return all > totalBytes || (all > freeBytes && all > ratio * this.#packedBytes)
  }

  #tooMuch(): string {
    return `${this.#packedBytes} bytes of the file became ${this.#unpackedBytes} bytes when they were unpacked, which is more than a capture does; --no-limit reads on`
  }

  /** Gives the packed bytes to the unpacker, a piece at a time. */
  async #pump(head: Uint8Array): Promise<void> {
    const held = new Uint8Array(Math.max(PIECE_BYTES, head.length) + TRAILER_BYTES)
    held.set(head)
    let have = head.length
    while (!this.#done) {
      // A copy: the unpacker works on it while the next piece is read.
      if (have > TRAILER_BYTES) {
        await this.#give(held.slice(0, have - TRAILER_BYTES))
        held.copyWithin(0, have - TRAILER_BYTES, have)
        have = TRAILER_BYTES
      }
      const got = await this.#packed.read(held, have)
      if (got === 0) break
      have += got
    }
    if (this.#done) return
    await this.#give(held.slice(0, have))
    if (!this.#done) await this.#unpacker.end()
    // What ended the packed bytes ended these.
    if (this.#packed.problem !== null) this.problem = this.#packed.problem
  }

  async #give(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#done; ) {
      const most = this.#packedBytes < SMALL_UNTIL_BYTES ? SMALL_PIECE_BYTES : PIECE_BYTES
      const piece = bytes.subarray(at, at + most)
      at += piece.length
      await this.#givePiece(piece)
    }
  }

  async #givePiece(piece: Uint8Array): Promise<void> {
    this.#packedBytes += piece.length
    await this.#unpacker.write(piece)
    while (this.#queued >= QUEUE_BYTES && !this.#done)
      await new Promise<void>(resolve => {
        this.#wakePump = resolve
      })
  }

  #wordsOf(error: unknown): string {
    if (error instanceof NetkitError) return error.message
    const words = error instanceof Error ? error.message : String(error)
    if (words === 'unexpected end of file') return `the ${this.#compression} data is cut: its end is missing`
    return `the ${this.#compression} data is damaged: ${words}`
  }

  #finish(problem: string | null): void {
    if (this.#done) return
    this.#done = true
    this.problem ??= problem
    this.#unpacker.close()
    this.#wakeRead?.()
    this.#wakePump?.()
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    while (this.#queue.length === 0 && !this.#done) {
      await new Promise<void>(resolve => {
        this.#wakeRead = resolve
      })
    }
    let filled = at
    while (filled < into.length && this.#queue.length > 0) {
      const chunk = this.#queue[0]!
      const part = Math.min(chunk.length, into.length - filled)
      into.set(part === chunk.length ? chunk : chunk.subarray(0, part), filled)
      filled += part
      if (part === chunk.length) this.#queue.shift()
      else this.#queue[0] = chunk.subarray(part)
    }
    this.#queued -= filled - at
    if (this.#queued < QUEUE_BYTES && !this.#done) {
      this.#unpacker.output.resume()
      this.#wakePump?.()
    }
    return filled - at
  }

  stop(): void {
    this.#packed.stop()
    this.#queue.length = 0
    this.#finish(null)
  }

  close(): void {
    this.stop()
    this.#packed.close()
  }
}
