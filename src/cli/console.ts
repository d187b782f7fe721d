// What the code that runs a command gets of its surroundings.

import type { ExitCode } from '../errors/index.js'
import type { Format } from './failure.js'
import type { Interrupt } from './interrupts.js'
import type { Output } from './output.js'

/** What a command lends to the code that runs it. */
export interface Console {
  out: Output
  err: Output
  format: Format
  color: boolean
  /** Of netkit. */
  version: string
  setExit(code: ExitCode): void
  onInterrupt(callback: (signal: Interrupt) => void): () => void
}
