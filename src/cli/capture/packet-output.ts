// The file, or the files, that a live capture is written to while it is decoded.

import { type CaptureOutputOptions, openCaptureOutput } from '../../adapters/capture-output.js'
import { openRotatingOutput } from '../../adapters/capture-rotation.js'
import { captureFormatOf } from '../../capture/capture-writer.js'
import type { RotationPolicy } from '../../capture/rotation.js'
import { ERRNO, SystemCallError } from '../../errors/index.js'
import type { CaptureInterface } from '../../ports/capture.js'
import type { CapturedPacket } from '../../wire/captured-packet.js'

/** What CaptureOutput and RotatingOutput have in common. */
interface Destination {
  readonly packets: number
  readonly bytes: number
  readonly full: boolean
  /** Where there are several. */
  readonly files?: readonly string[]
  packet(packet: CapturedPacket): void
  flush(): Promise<void>
  close(): Promise<void>
}

/** Somebody may read the file as it grows, or waits for the pipe. */
const FLUSH_MS = 1000
const PIPE_FLUSH_MS = 100
/** So much and more is written without being asked for. */
const SLOW_BYTES = 1024 * 1024

export class PacketOutput {
  readonly path: string
  readonly #destination: Destination
  readonly #failed: () => void
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> | null = null
  #flushedBytes = 0
  #seenBytes = 0
  #failure: unknown = null

  /**
   * @param failed called when something cannot be written while nobody waits for it
   * @throws NetkitError when the file cannot be made
   */
  constructor(
    path: string,
    rotation: RotationPolicy | null,
    interfaces: readonly CaptureInterface[],
    application: string,
    failed: () => void,
  ) {
    const options: CaptureOutputOptions = { format: captureFormatOf(path), interfaces, application }
    this.path = path
    this.#destination =
      rotation === null ? openCaptureOutput(path, options) : openRotatingOutput(path, options, rotation)
    this.#failed = failed
    // Not when packets come: the last ones before a silence are waited for too.
    this.#timer = setInterval(() => this.#flushWhatWaits(), path === '-' ? PIPE_FLUSH_MS : FLUSH_MS).unref()
  }

  get packets(): number {
    return this.#destination.packets
  }

  get bytes(): number {
    return this.#destination.bytes
  }

  get files(): readonly string[] {
    return this.#destination.files ?? [this.path]
  }

  packet(packet: CapturedPacket): void {
    this.#destination.packet(packet)
  }

  /** Resolves when there is room for more. @throws NetkitError */
  async settled(): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    if (this.#destination.full) await this.#destination.flush()
  }

  #flushWhatWaits(): void {
    const { bytes } = this
    const added = bytes - this.#seenBytes
    this.#seenBytes = bytes
    if (this.#flushing !== null || bytes === this.#flushedBytes || added >= SLOW_BYTES) return
    this.#flushedBytes = bytes
    this.#flushing = this.#flush()
  }

  async #flush(): Promise<void> {
    try {
      await this.#destination.flush()
    } catch (error) {
      this.#failure = error
      clearInterval(this.#timer)
      this.#failed()
    }
    this.#flushing = null
  }

  /** @throws NetkitError */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.#destination.close()
  }
}

/** Nobody reads the pipe any more that is written to. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof SystemCallError && error.errno === ERRNO.EPIPE
}
