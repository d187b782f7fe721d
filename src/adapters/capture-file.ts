// A capture file as a source of packets: read ahead into two windows by turns while the packets of the other are decoded.

import type { CaptureParser } from '../capture/capture-parser.js'
import { detectCompression, HEAD_BYTES, parserFor } from '../capture/detect.js'
import { DecodeError, NetkitError } from '../errors/index.js'
import type { CaptureFlaw, CaptureInterface, PacketSource } from '../ports/capture.js'
import { CapturedPacket } from '../wire/captured-packet.js'
import { type ByteInput, openInput } from './capture-file-input.js'
import { openCompressed } from './capture-file-unpack.js'
import type { Compression } from './unpacker.js'

export interface CaptureFileOptions {
  /** Wait for a file to grow until `stop()`. */
  follow?: boolean
  /** Unpack compressed files however much larger than themselves they become. */
  noLimit?: boolean
}

/** Read at once: large enough that the thread pool is asked seldom, small enough that two stay in a cache. */
const READ_BYTES = 1024 * 1024
/** Room before them for what the last window left: the longest packet that is usual. */
const ROOM_BYTES = 256 * 1024 + 64

/**
 * Opens a capture: pcap or pcapng, plain or compressed, a file, a FIFO, or standard input for `-`. Its head is read by the first `more()`.
 * @throws UsageError, PermissionError, SystemCallError when it cannot be opened
 */
export async function openCaptureFile(path: string, options: CaptureFileOptions = {}): Promise<PacketSource> {
  const input = openInput(path, options.follow === true)
  return new CaptureFile(input, path === '-' ? 'standard input' : path, options)
}

interface Window {
  bytes: Uint8Array<ArrayBuffer>
  view: DataView
}

function makeWindow(size: number): Window {
  const bytes = new Uint8Array(size)
  return { bytes, view: new DataView(bytes.buffer) }
}

class CaptureFile implements PacketSource {
  readonly timestampSource = 'file'
  readonly packet = new CapturedPacket()
  #input: ByteInput
  readonly #name: string
  readonly #options: CaptureFileOptions
  #parser: CaptureParser | null = null
  #compression: Compression | null = null
  /** Being decoded, and being read into. */
  #shown = makeWindow(0)
  #filling = makeWindow(ROOM_BYTES + READ_BYTES)
  #reading: Promise<number> | null = null
  #stopped = false
  #ended = false

  constructor(input: ByteInput, name: string, options: CaptureFileOptions) {
    this.#input = input
    this.#name = name
    this.#options = options
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#parser?.interfaces ?? []
  }

  get flaws(): readonly CaptureFlaw[] {
    return this.#parser?.flaws.list ?? []
  }

  get format(): string | null {
    if (this.#parser === null) return null
    return this.#compression === null ? this.#parser.format : `${this.#parser.format}+${this.#compression}`
  }

  get bytesRead(): number {
    return this.#input.bytesRead
  }

  get bytesTotal(): number | null {
    return this.#input.bytesTotal
  }

  next(): boolean {
    return this.#parser?.next() ?? false
  }

  async more(): Promise<boolean> {
    if (this.#stopped || this.#ended) return false
    try {
      if (this.#parser === null) return await this.#begin()
      return await this.#advance(this.#parser)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Reads the head, and through the compression the head of what is in it. */
  async #begin(): Promise<boolean> {
    let head = await this.#readHead()
    const compression = detectCompression(head)
    if (compression !== null && !this.#stopped) {
      this.#compression = compression
      this.#input = await openCompressed(this.#input, compression, head, this.#options)
      head = await this.#readHead()
    }
    if (this.#stopped) return false
    if (head.length === 0 && this.#input.problem !== null) throw nothingIn(this.#name, this.#input.problem)
    const parser = parserFor(head.subarray(0, HEAD_BYTES), this.#name, this.packet)
    this.#parser = parser
    this.#show(parser, ROOM_BYTES + parser.at, head.length - parser.at)
    return true
  }

  /** The first bytes, at least those that tell what the file is unless it has no more. */
  async #readHead(): Promise<Uint8Array> {
    const { bytes } = this.#filling
    let at = ROOM_BYTES
    while (at < ROOM_BYTES + HEAD_BYTES) {
      const got = await this.#input.read(bytes, at)
      if (got === 0) break
      at += got
    }
    return bytes.subarray(ROOM_BYTES, at)
  }

  async #advance(parser: CaptureParser): Promise<boolean> {
    if (parser.ended) return this.#end()
    const got = await this.#take(parser)
    if (this.#stopped) return false
    if (got === 0) {
      const problem = this.#input.problem
      if (problem !== null) parser.flaws.add(problem, null, true)
      else parser.finish()
      return this.#end()
    }
    const rest = parser.rest
    if (rest > this.#filling.bytes.length - READ_BYTES) this.#enlarge(rest, got)
    const at = parser.at
    const start = this.#filling.bytes.length - READ_BYTES - rest
    this.#filling.bytes.set(this.#shown.bytes.subarray(at, at + rest), start)
    this.#show(parser, start, rest + got)
    return true
  }

  /** How many bytes were read ahead; a failure after the first ones is a flaw of the source. */
  async #take(parser: CaptureParser): Promise<number> {
    try {
      return await (this.#reading ?? this.#startReading())
    } catch (error) {
      if (!(error instanceof NetkitError)) throw error
      parser.flaws.add(error.message, null, true)
      this.#ended = true
      return 0
    } finally {
      this.#reading = null
    }
  }

  #startReading(): Promise<number> {
    return this.#input.read(this.#filling.bytes, this.#filling.bytes.length - READ_BYTES)
  }

  /** A record longer than the room: the bytes read move into a window of their own with more. */
  #enlarge(rest: number, got: number): void {
    const { bytes } = this.#filling
    const from = bytes.length - READ_BYTES
    const larger = makeWindow(2 * rest + READ_BYTES)
    larger.bytes.set(bytes.subarray(from, from + got), larger.bytes.length - READ_BYTES)
    this.#filling = larger
  }

  /** Gives the filled window to the parser, and reads ahead into the other one. */
  #show(parser: CaptureParser, start: number, length: number): void {
    const shown = this.#filling
    this.#filling = this.#shown.bytes.length > 0 ? this.#shown : makeWindow(ROOM_BYTES + READ_BYTES)
    this.#shown = shown
    parser.window(shown.view, start, start + length)
    this.#reading = this.#startReading()
    // Looked at by the next more(): until then it is nobody's.
    this.#reading.catch(() => {})
  }

  #end(): false {
    this.#ended = true
    this.close()
    return false
  }

  stop(): void {
    this.#stopped = true
    this.#input.stop()
  }

  close(): void {
    this.#stopped = true
    this.#input.close()
  }
}

/** A compressed file whose first bytes cannot be had. */
function nothingIn(name: string, problem: string): NetkitError {
  return new DecodeError(`nothing of ${name} can be read: ${problem}`, {
    layer: 'compression',
    offset: 0,
    need: HEAD_BYTES,
    have: 0,
  })
}
