// What unpacks gzip and zstd: Node's own zlib; for zstd the zstd program, and without that a package. Node's own zstd (from 22.15)
// takes the end of the first of several frames for the end of all (measured with 24.21).

import { spawn } from 'node:child_process'
import { type Readable, Transform, type Writable } from 'node:stream'
import zlib from 'node:zlib'

export type Compression = 'gzip' | 'zstd'

export interface Unpacker {
  /** Unpacked bytes; pausing it makes writing wait. */
  readonly output: Readable
  /** Resolves when the bytes were taken. Rejects when they are damaged. */
  write(packed: Uint8Array): Promise<void>
  /** Resolves when all output was given out. Rejects when the end is missing. */
  end(): Promise<void>
  close(): void
}

/** Unpacked at once: large chunks cost few turns of the event loop. */
const CHUNK_BYTES = 256 * 1024

/** An unpacker of its kind. */
export async function openUnpacker(compression: Compression): Promise<Unpacker> {
  if (compression === 'gzip') return ofTransform(zlib.createGunzip({ chunkSize: CHUNK_BYTES }))
  return (await openProgram()) ?? openPackage()
}

/** Waits for its turn at both ends, and gives up when either fails. */
class StreamUnpacker implements Unpacker {
  readonly output: Readable
  readonly close: () => void
  readonly #input: Writable
  #failure: Error | null = null
  #reject: ((error: Error) => void) | null = null
  #ended = false
  #resolveEnd: (() => void) | null = null

  constructor(input: Writable, output: Readable, close: () => void) {
    this.#input = input
    this.output = output
    this.close = close
  }

  ended(): void {
    this.#ended = true
    this.#resolveEnd?.()
  }

  failed(error: Error): void {
    this.#failure ??= error
    this.#reject?.(this.#failure)
  }

  write(packed: Uint8Array): Promise<void> {
    return this.#guarded(done => this.#input.write(packed, () => done()))
  }

  end(): Promise<void> {
    return this.#guarded(done => {
      this.#resolveEnd = done
      this.#input.end()
      if (this.#ended) done()
    })
  }

  #guarded(work: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      if (this.#failure !== null) reject(this.#failure)
      else work(resolve)
    })
  }
}

function ofTransform(transform: Transform): Unpacker {
  const unpacker = new StreamUnpacker(transform, transform, () => transform.destroy())
  transform.on('error', error => unpacker.failed(error))
  transform.once('end', () => unpacker.ended())
  return unpacker
}

/** Enough of what a program says on stderr. */
const WORDS = 200

/** The zstd program; null when there is none. The faster of the two ways. */
function openProgram(): Promise<Unpacker | null> {
  return new Promise(resolve => {
    const child = spawn('zstd', ['-dcq'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let words = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(0, WORDS)
    })
    const unpacker = new StreamUnpacker(child.stdin, child.stdout, () => child.kill())
    // It went away: why is told by its end.
    child.stdin.on('error', () => {})
    child.once('close', code => {
      if (code === 0) unpacker.ended()
      else unpacker.failed(new Error(plainWords(words) || `zstd ended with ${code}`))
    })
    child.once('error', () => resolve(null))
    child.once('spawn', () => resolve(unpacker))
  })
}

/** `zstd: /*stdin*\: Read error (39) : premature end` without the name of the program and of the stream. */
function plainWords(words: string): string {
  return words
    .split('\n')[0]!
    .replace(/^zstd: /, '')
    .replace(/^\S*stdin\S* ?: ?/, '')
    .replace(/[^ -~]/g, '')
    .trim()
}

/** The fzstd package: on the main thread. */
async function openPackage(): Promise<Unpacker> {
  const { Decompress } = await import('fzstd')
  const stream = new Decompress(chunk => transform.push(chunk))
  const transform: Transform = new Transform({
    transform(packed: Uint8Array, _encoding, done) {
      done(failureOf(() => stream.push(packed)))
    },
    flush(done) {
      done(failureOf(() => stream.push(new Uint8Array(0), true)))
    },
  })
  return ofTransform(transform)
}

function failureOf(work: () => void): Error | null {
  try {
    work()
    return null
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
