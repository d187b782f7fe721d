// Writes packets to a capture file, or to standard output: encoded in batches, written on the thread pool.

import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CaptureBuffer } from '../capture/capture-buffer.js'
import type { CaptureFormat, CaptureWriter } from '../capture/capture-writer.js'
import { PcapWriter } from '../capture/pcap-writer.js'
import { PcapngWriter } from '../capture/pcapng-writer.js'
import { ERRNO, fromNodeError, isNodeSystemError } from '../errors/index.js'
import type { CaptureInterface } from '../ports/capture.js'
import type { CapturedPacket } from '../wire/captured-packet.js'

export interface CaptureOutputOptions {
  format: CaptureFormat
  /** Of the source of the packets; may grow while they are written. */
  interfaces: readonly CaptureInterface[]
  /** Written into a pcapng file as what made it. */
  application: string
  /** Link type of a pcap without packets. */
  linkType?: number
  /** Write under another name, and give the file its own when it is whole: for a file that may be the one that is read. */
  whole?: boolean
}

const BATCH_BYTES = 1024 * 1024
/** More waiting than this, and the writer is to be waited for. */
const FULL_BYTES = 8 * 1024 * 1024
const STDOUT = 1
/** A pipe that never blocks and has no room is asked again. */
const RETRY_MS = 5
const LINKTYPE_ETHERNET = 1

/**
 * Creates a capture file; `-` is standard output.
 * @throws PermissionError, SystemCallError
 */
export function openCaptureOutput(path: string, options: CaptureOutputOptions): CaptureOutput {
  return new CaptureOutput(path, options)
}

export class CaptureOutput {
  /** Packets, and bytes encoded so far: the size that the file will have. */
  packets = 0
  #closedBytes = 0
  readonly #path: string
  readonly #partPath: string | null
  readonly #fd: number
  readonly #options: CaptureOutputOptions
  readonly #buffer = new CaptureBuffer()
  #writer: CaptureWriter | null = null
  #spare: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #writing: Promise<void> | null = null
  #failure: unknown = null
  #closed = false

  constructor(path: string, options: CaptureOutputOptions) {
    this.#path = path
    this.#options = options
    this.#partPath = options.whole === true && isOrWillBeFile(path) ? partName(path) : null
    this.#fd = path === '-' ? STDOUT : attempt(path, () => fs.openSync(this.#partPath ?? path, 'w'))
    if (this.#partPath !== null) addPart(this.#partPath)
  }

  get bytes(): number {
    return this.#closedBytes + this.#buffer.length
  }

  /** So much waits to be written that `flush()` is to be waited for. */
  get full(): boolean {
    return this.#buffer.length >= FULL_BYTES
  }

  /** Encodes a packet. @throws UsageError when it does not fit into this kind of file; what failed since the last call */
  packet(packet: CapturedPacket): void {
    this.#begin(packet.linkType).packet(packet)
    this.packets++
    if (this.#buffer.length >= BATCH_BYTES && this.#writing === null) {
      if (this.#failure !== null) throw this.#failure
      this.#startWriting()
    }
  }

  #begin(linkType: number): CaptureWriter {
    if (this.#writer !== null) return this.#writer
    const { format, interfaces, application } = this.#options
    this.#writer =
      format === 'pcap'
        ? new PcapWriter(this.#buffer, linkType)
        : new PcapngWriter(this.#buffer, interfaces, application)
    this.#writer.head()
    return this.#writer
  }

  /** Resolves when all that was encoded before is written. @throws NetkitError */
  async flush(): Promise<void> {
    while (this.#failure === null && (this.#writing !== null || this.#buffer.length > 0)) {
      if (this.#writing === null) this.#startWriting()
      await this.#writing
    }
    if (this.#failure !== null) throw this.#failure
  }

  /** Takes the batch away from the writer, which goes on in a second buffer, and writes it. */
  #startWriting(): void {
    const { bytes, length } = this.#buffer
    this.#buffer.replace(this.#spare)
    this.#closedBytes += length
    this.#writing = writeAll(this.#fd, bytes, length).then(
      () => {
        this.#spare = bytes
        this.#writing = null
      },
      (error: unknown) => {
        this.#failure = fromNodeError('file-write', error, `write ${this.#name()}`)
        this.#writing = null
      },
    )
  }

  #name(): string {
    return this.#path === '-' ? 'standard output' : this.#path
  }

  /** Writes the rest and what a file ends with. Idempotent. @throws NetkitError */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const { linkType, interfaces } = this.#options
    this.#begin(linkType ?? interfaces[0]?.linkType ?? LINKTYPE_ETHERNET).end()
    try {
      await this.flush()
    } catch (error) {
      this.#release()
      this.#removePart()
      throw error
    }
    this.#release()
    const part = this.#partPath
    if (part === null) return
    attempt(this.#path, () => fs.renameSync(part, this.#path))
    forgetPart(part)
  }

  /** Gives up: what was to get its name when whole is gone. Idempotent, and nothing to a file that is closed. */
  async discard(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#writing
    this.#release()
    this.#removePart()
  }

  #release(): void {
    if (this.#fd !== STDOUT) fs.closeSync(this.#fd)
  }

  #removePart(): void {
    if (this.#partPath === null) return
    fs.rmSync(this.#partPath, { force: true })
    forgetPart(this.#partPath)
  }
}

/** Parts that have no name of their own yet: no program that ends early leaves them behind. */
const parts = new Set<string>()

function removeParts(): void {
  for (const part of parts) fs.rmSync(part, { force: true })
}

function addPart(path: string): void {
  if (parts.size === 0) process.on('exit', removeParts)
  parts.add(path)
}

function forgetPart(path: string): void {
  parts.delete(path)
  if (parts.size === 0) process.off('exit', removeParts)
}

function attempt<Value>(path: string, work: () => Value): Value {
  try {
    return work()
  } catch (error) {
    throw fromNodeError('file-write', error, `write ${path}`)
  }
}

/** A device or a pipe is written to as it is. */
function isOrWillBeFile(path: string): boolean {
  if (path === '-') return false
  const stats = fs.statSync(path, { throwIfNoEntry: false })
  return stats === undefined || stats.isFile()
}

function partName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.part`)
}

async function writeAll(fd: number, bytes: Uint8Array, length: number): Promise<void> {
  for (let at = 0; at < length; ) at += await writeSome(fd, bytes, at, length)
}

function writeSome(fd: number, bytes: Uint8Array, at: number, end: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, at, end - at, null, (error, written) => {
      if (error === null) resolve(written)
      else if (isNodeSystemError(error) && Math.abs(error.errno) === ERRNO.EAGAIN)
        setTimeout(() => resolve(0), RETRY_MS)
      else reject(error)
    })
  })
}
