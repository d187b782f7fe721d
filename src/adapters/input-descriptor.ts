// Input that is read as a whole before anything is done with it: a file, standard input, or whatever else a path leads to.

import fs from 'node:fs'
import { ERRNO, isNodeSystemError } from '../errors/index.js'

const STDIN = 0
const CHUNK_BYTES = 64 * 1024
const MOST_PAUSE_MS = 20

/**
 * All that `path` holds, `-` being standard input; null when that is more than `mostBytes`.
 * @throws what node:fs throws
 */
export function readInput(path: string, mostBytes: number): Buffer | null {
  const fd = path === '-' ? STDIN : fs.openSync(path, 'r')
  try {
    return readWhole(fd, mostBytes)
  } finally {
    if (fd !== STDIN) fs.closeSync(fd)
  }
}

/** The same of a descriptor. Its size is not asked for: a pipe and a device have none. */
export function readWhole(fd: number, mostBytes: number): Buffer | null {
  const parts: Buffer[] = []
  for (let bytes = 0; bytes <= mostBytes; ) {
    const part = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    let length = 0
    let got: number
    // A pipe may give its bytes one by one.
    do {
      got = readOrWait(fd, part, length)
      length += got
    } while (got > 0 && length < CHUNK_BYTES)
    bytes += length
    parts.push(part.subarray(0, length))
    if (got === 0) return bytes > mostBytes ? null : Buffer.concat(parts, bytes)
  }
  return null
}

/** Waits in non-blocking mode too, which whoever shares a pipe or terminal with us may have set. */
function readOrWait(fd: number, part: Buffer, from: number): number {
  for (let pause = 1; ; pause = Math.min(pause * 2, MOST_PAUSE_MS)) {
    try {
      return fs.readSync(fd, part, from, part.length - from, null)
    } catch (error) {
      if (!isNodeSystemError(error) || Math.abs(error.errno) !== ERRNO.EAGAIN) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause)
    }
  }
}
