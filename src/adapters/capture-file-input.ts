// Bytes of a capture as they come: out of a file on the thread pool, out of a pipe as it is written to.

import fs from 'node:fs'
import net from 'node:net'
import { ERRNO, fromNodeError, isNodeSystemError, NetkitError, UsageError } from '../errors/index.js'

/** Something to be read from its beginning to its end, one read at a time. */
export interface ByteInput {
  readonly bytesRead: number
  readonly bytesTotal: number | null
  /** Why it ended before its end, in words; null when it did not. */
  readonly problem: string | null
  /** Reads to `at` and behind, as much as is there; 0 when it ended. @throws NetkitError when the system refuses */
  read(into: Uint8Array, at: number): Promise<number>
  /** Makes a pending read, and every later one, answer 0. */
  stop(): void
  /** Idempotent; lets a pending read end first. */
  close(): void
}

/** How often a file that may grow is looked at. */
const FOLLOW_MS = 100

const STDIN = 0

/**
 * Opens a file or a FIFO; `-` is standard input.
 * @throws UsageError, PermissionError, SystemCallError
 */
export function openInput(path: string, follow: boolean): ByteInput {
  const name = path === '-' ? 'standard input' : path
  try {
    const fd = path === '-' ? STDIN : fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    return inputOf(fd, name, follow)
  } catch (error) {
    throw openError(error, name)
  }
}

function inputOf(fd: number, name: string, follow: boolean): ByteInput {
  const stats = fs.fstatSync(fd)
  if (stats.isFIFO() || stats.isSocket()) return new PipeInput(fd, name)
  if (stats.isFile()) return new FileInput(fd, name, stats.size, follow)
  const isTerminal = fd === STDIN && stats.isCharacterDevice() && stats.rdev !== 0 && isTty(fd)
  if (stats.isCharacterDevice() && !isTerminal) return new FileInput(fd, name, null, false)
  if (fd !== STDIN) fs.closeSync(fd)
  if (isTerminal)
    throw new UsageError('standard input is a terminal, and a capture comes out of a file or a pipe', {
      hints: ['name the file: netkit decode FILE', 'or write into it: sudo tcpdump -w - | netkit decode -'],
    })
  throw new UsageError(`${name} is ${stats.isDirectory() ? 'a directory' : 'no file'}: name a capture file`)
}

function isTty(fd: number): boolean {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('/dev/pts/')
  } catch {
    return false
  }
}

function openError(error: unknown, name: string): unknown {
  if (error instanceof NetkitError || !isNodeSystemError(error)) return error
  const doing = `read ${name}`
  const number = Math.abs(error.errno)
  // What was typed is wrong, not the system.
  if (number === ERRNO.ENOENT || number === ERRNO.ENOTDIR)
    return new UsageError(`cannot ${doing}: there is no such file`, {
      hints: ['check the name of the file'],
      cause: error,
    })
  return fromNodeError('file-open', error, doing)
}

/** A regular file, or a device: read(2) on the thread pool. */
class FileInput implements ByteInput {
  bytesRead = 0
  bytesTotal: number | null
  problem: string | null = null
  readonly #fd: number
  readonly #name: string
  readonly #follow: boolean
  #busy = false
  #stopped = false
  #closed = false
  #wake: (() => void) | null = null

  constructor(fd: number, name: string, size: number | null, follow: boolean) {
    this.#fd = fd
    this.#name = name
    this.bytesTotal = size
    this.#follow = follow
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    while (!this.#stopped) {
      const got = await this.#readOnce(into, at)
      if (got > 0) {
        this.bytesRead += got
        if (this.bytesTotal !== null && this.bytesRead > this.bytesTotal) this.bytesTotal = this.bytesRead
        return got
      }
      if (!this.#follow || this.#isCut()) return 0
      await this.#wait()
    }
    return 0
  }

  /** Whether the file has become shorter than what was read of it: what it holds now begins somewhere else. */
  #isCut(): boolean {
    if (this.#closed || fs.fstatSync(this.#fd).size >= this.bytesRead) return false
    this.problem = `the file was made shorter than the ${this.bytesRead} bytes that were read of it`
    return true
  }

  #wait(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, FOLLOW_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #readOnce(into: Uint8Array, at: number): Promise<number> {
    this.#busy = true
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, at, into.length - at, null, (error, got) => {
        this.#busy = false
        if (this.#closed) this.#release()
        if (error === null) resolve(got)
        else reject(fromNodeError('file-open', error, `read ${this.#name}`))
      })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#wake?.()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.stop()
    // A descriptor that is closed during a read may be somebody else's before the read is done.
    if (!this.#busy) this.#release()
  }

  #release(): void {
    if (this.#fd !== STDIN) fs.closeSync(this.#fd)
  }
}

/** Most bytes of a pipe that wait here. */
const PIPE_ROOM = 1024 * 1024

/** A pipe, a FIFO or a socket: waited for by the event loop, so that a read can be given up. */
class PipeInput implements ByteInput {
  bytesRead = 0
  readonly bytesTotal = null
  problem: string | null = null
  readonly #socket: net.Socket
  readonly #name: string
  #rest: Uint8Array = new Uint8Array(0)
  #ended = false
  #error: Error | null = null
  #wake: (() => void) | null = null

  constructor(fd: number, name: string) {
    this.#name = name
    const options: net.SocketConstructorOpts & { highWaterMark: number } = {
      fd,
      readable: true,
      writable: false,
      highWaterMark: PIPE_ROOM,
    }
    this.#socket = new net.Socket(options)
    this.#socket.on('readable', () => this.#wake?.())
    this.#socket.on('end', () => this.#end())
    this.#socket.on('close', () => this.#end())
    this.#socket.on('error', error => {
      this.#error = error
      this.#end()
    })
  }

  #end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    if (this.#rest.length === 0) await this.#refill()
    const got = Math.min(this.#rest.length, into.length - at)
    into.set(this.#rest.subarray(0, got), at)
    this.#rest = this.#rest.subarray(got)
    this.bytesRead += got
    return got
  }

  async #refill(): Promise<void> {
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null
      if (chunk !== null) {
        this.#rest = chunk
        return
      }
      if (this.#error !== null) throw fromNodeError('file-open', this.#error, `read ${this.#name}`)
      if (this.#ended) return
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }

  stop(): void {
    this.#socket.destroy()
    this.#end()
  }

  close(): void {
    this.stop()
  }
}
