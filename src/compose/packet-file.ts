// The file that packets of a capture are written to: made when the first one comes, so that a capture that cannot be read makes none.

import { statSync } from 'node:fs'
import { type CaptureOutput, openCaptureOutput } from '../adapters/capture-output.js'
import { captureFormatOf } from '../capture/capture-writer.js'
import type { CaptureInterface } from '../ports/capture.js'
import type { CapturedPacket } from '../wire/captured-packet.js'

export class PacketFile {
  readonly path: string
  readonly #interfaces: () => readonly CaptureInterface[]
  readonly #application: string
  #output: CaptureOutput | null = null

  /** @param path `-` is standard output; one that ends in .pcapng is written in that format */
  constructor(path: string, interfaces: () => readonly CaptureInterface[], application: string) {
    this.path = path
    this.#interfaces = interfaces
    this.#application = application
  }

  get packets(): number {
    return this.#output?.packets ?? 0
  }

  get bytes(): number {
    return this.#output?.bytes ?? 0
  }

  packet(packet: CapturedPacket): void {
    this.#output ??= this.#open()
    this.#output.packet(packet)
  }

  /** Resolves when there is room for more. */
  async settled(): Promise<void> {
    if (this.#output?.full) await this.#output.flush()
  }

  async close(): Promise<void> {
    this.#output ??= this.#open()
    await this.#output.close()
  }

  #open(): CaptureOutput {
    return openCaptureOutput(this.path, {
      format: captureFormatOf(this.path),
      interfaces: this.#interfaces(),
      application: this.#application,
      whole: true,
    })
  }
}

/** Whether a second reading would find the same. */
export function isRereadable(path: string): boolean {
  return path !== '-' && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? true)
}
