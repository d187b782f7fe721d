// The socket tables of a network namespace from procfs, read in large chunks.

import fs from 'node:fs'
import type { ProcError, ProcNetResult, ProcSocketSource } from '../ports/proc.js'
import { type ProcNetFile, parseProcNet } from '../sockets/proc-net.js'
import type { SocketRecord } from '../sockets/record.js'
import { errorCode } from './errno.js'

/** The kernel gives at most a page or two per read; this many bytes are gathered before they are parsed. */
const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10

/**
 * Reads `/proc/net`, or with `pid` the tables of that process's namespace, which the kernel shows to everybody.
 * @param procRoot where procfs is mounted, default `/proc`
 */
export function procSocketSource(options: { procRoot?: string; pid?: number | null } = {}): ProcSocketSource {
  const root = options.procRoot ?? '/proc'
  const directory = options.pid == null ? `${root}/net` : `${root}/${options.pid}/net`
  return { read: (file, record, visit, tee) => readFile(`${directory}/${file}`, file, record, visit, tee) }
}

function readFile(
  path: string,
  file: ProcNetFile,
  record: SocketRecord,
  visit: (record: SocketRecord) => void,
  tee?: (lines: Uint8Array) => void,
): ProcNetResult {
  let fd: number
  try {
    fd = fs.openSync(path, 'r')
  } catch (error) {
    return { rows: 0, skipped: 0, error: procError(error) }
  }
  try {
    return readLines(fd, file, record, visit, tee)
  } finally {
    fs.closeSync(fd)
  }
}

function readLines(
  fd: number,
  file: ProcNetFile,
  record: SocketRecord,
  visit: (record: SocketRecord) => void,
  tee?: (lines: Uint8Array) => void,
): ProcNetResult {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  const result: ProcNetResult = { rows: 0, skipped: 0, error: null }
  const parse = (end: number): void => {
    tee?.(chunk.subarray(0, end))
    const { rows, skipped } = parseProcNet(file, chunk.subarray(0, end), record, visit)
    result.rows += rows
    result.skipped += skipped
  }
  let length = 0
  for (;;) {
    let got = 0
    try {
      got = fs.readSync(fd, chunk, length, CHUNK_BYTES - length, null)
    } catch (error) {
      result.error = procError(error)
    }
    if (got === 0) break
    length += got
    if (length < CHUNK_BYTES) continue
    // Whole lines only: the rest moves to the front. A line that fills the chunk is no line of the kernel's.
    const lines = chunk.lastIndexOf(NEWLINE) + 1 || length
    parse(lines)
    chunk.copyWithin(0, lines, length)
    length -= lines
  }
  parse(length)
  return result
}

function procError(error: unknown): ProcError {
  return { code: errorCode(error), message: error instanceof Error ? error.message : String(error) }
}
