// Writes a capture to one file after the other, and removes the oldest of them.

import fs from 'node:fs'
import { Rotation, type RotationPolicy } from '../capture/rotation.js'
import { fromNodeError, UsageError } from '../errors/index.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { type CaptureOutput, type CaptureOutputOptions, openCaptureOutput } from './capture-output.js'

/** What a record of either format adds to the bytes of a packet, at most: an enhanced packet block with its flags. */
const RECORD_BYTES = 52
/** Files that are still being closed; more, and the writer is to be waited for. */
const MOST_CLOSING = 2

/** @throws UsageError for standard output, which cannot be several files */
export function openRotatingOutput(
  path: string,
  options: CaptureOutputOptions,
  policy: RotationPolicy,
): RotatingOutput {
  if (path === '-')
    throw new UsageError('standard output cannot be written in several files', {
      hints: ['name a file: --write OUT.pcapng'],
    })
  return new RotatingOutput(new Rotation(path, policy), options)
}

export class RotatingOutput {
  /** Of all files, those that are gone included. */
  packets = 0
  readonly #rotation: Rotation
  readonly #options: CaptureOutputOptions
  #current: CaptureOutput | null = null
  #closedBytes = 0
  #closing: Promise<void> = Promise.resolve()
  #closingFiles = 0
  #failure: unknown = null

  constructor(rotation: Rotation, options: CaptureOutputOptions) {
    this.#rotation = rotation
    this.#options = options
  }

  /** The files that are there, oldest first. */
  get files(): readonly string[] {
    return this.#rotation.files
  }

  get bytes(): number {
    return this.#closedBytes + (this.#current?.bytes ?? 0)
  }

  /** So much waits to be written that `flush()` is to be waited for. */
  get full(): boolean {
    return this.#closingFiles > MOST_CLOSING || (this.#current?.full ?? false)
  }

  /** @throws what could not be written or opened since the last call */
  packet(packet: CapturedPacket): void {
    if (this.#failure !== null) throw this.#failure
    const current = this.#current
    const bytes = packet.end - packet.start + RECORD_BYTES
    if (this.#rotation.isDue(packet, bytes, current?.bytes ?? 0, current?.packets ?? 0)) this.#begin(packet)
    this.#current?.packet(packet)
    this.packets++
  }

  #begin(packet: CapturedPacket): void {
    this.#end()
    this.#current = openCaptureOutput(this.#rotation.begin(packet), this.#options)
    const surplus = this.#rotation.surplus()
    if (surplus.length > 0) this.#after(async () => surplus.forEach(remove))
  }

  /** The current file is closed while the next one is written. */
  #end(): void {
    const current = this.#current
    this.#current = null
    if (current === null) return
    this.#closingFiles++
    this.#after(async () => {
      await current.close()
      this.#closedBytes += current.bytes
      this.#closingFiles--
    })
  }

  /** One after the other, so that a file is whole before it goes. */
  #after(work: () => Promise<void>): void {
    this.#closing = this.#closing.then(work).catch((error: unknown) => {
      this.#failure ??= error
    })
  }

  /** Resolves when all that was given before is written. @throws NetkitError */
  async flush(): Promise<void> {
    await this.#closing
    if (this.#failure !== null) throw this.#failure
    await this.#current?.flush()
  }

  /** Idempotent. @throws NetkitError */
  async close(): Promise<void> {
    this.#end()
    await this.flush()
  }
}

function remove(path: string): void {
  try {
    // Somebody may have taken it away meanwhile.
    fs.rmSync(path, { force: true })
  } catch (error) {
    throw fromNodeError('file-write', error, `remove ${path}`)
  }
}
