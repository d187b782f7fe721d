// A recording as a file: read in pieces where that is possible, and as a whole, up to a limit, from a pipe.

import fs from 'node:fs'
import { fromNodeError, UsageError } from '../errors/index.js'
import type { ByteSource } from '../sockets/recording-header.js'
import { readWhole } from './input-descriptor.js'

/** A pipe is read into memory: more is refused. */
const PIPE_LIMIT = 1024 * 1024 * 1024

export interface RecordingFile extends ByteSource {
  close(): void
}

/**
 * Opens a recording; `-` is standard input.
 * @throws SystemCallError, PermissionError when it cannot be read
 */
export function openRecording(path: string): RecordingFile {
  const doing = `read the recording ${path === '-' ? 'from standard input' : path}`
  const attempt = <Value>(work: () => Value): Value => {
    try {
      return work()
    } catch (error) {
      throw fromNodeError('file-open', error, doing)
    }
  }
  const fd = path === '-' ? 0 : attempt(() => fs.openSync(path, 'r'))
  try {
    const stats = attempt(() => fs.fstatSync(fd))
    if (!stats.isFile())
      return inMemory(
        attempt(() => readPipe(fd, path)),
        () => fs.closeSync(fd),
      )
    return {
      size: stats.size,
      read: (offset, length) => attempt(() => readAt(fd, offset, Math.min(length, Math.max(stats.size - offset, 0)))),
      close: () => fs.closeSync(fd),
    }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

function inMemory(bytes: Uint8Array, close: () => void): RecordingFile {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length), close }
}

function readAt(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let got = 0
  while (got < length) {
    const more = fs.readSync(fd, bytes, got, length - got, offset + got)
    if (more === 0) break
    got += more
  }
  return bytes.subarray(0, got)
}

function readPipe(fd: number, path: string): Uint8Array {
  const bytes = readWhole(fd, PIPE_LIMIT)
  if (bytes !== null) return bytes
  throw new UsageError(`${path} is a pipe with more than ${PIPE_LIMIT} bytes`, {
    hints: ['store it in a file first'],
  })
}
