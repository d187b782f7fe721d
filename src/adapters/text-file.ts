// A text as a file: whole or not at all.

import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fromNodeError } from '../errors/index.js'

/**
 * Writes a file under another name and gives it its own when it is whole. A device or a pipe is written to as it is; where the
 * name is a symbolic link, the file behind it is replaced.
 * @throws PermissionError, SystemCallError
 */
export function writeTextFile(path: string, text: string): void {
  try {
    const stats = fs.statSync(path, { throwIfNoEntry: false })
    if (stats !== undefined && !stats.isFile()) fs.writeFileSync(path, text)
    else replaceFile(stats === undefined ? path : fs.realpathSync(path), text)
  } catch (error) {
    throw fromNodeError('file-write', error, `write ${path}`)
  }
}

function replaceFile(path: string, text: string): void {
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
  try {
    fs.writeFileSync(part, text, { flag: 'wx' })
    fs.renameSync(part, path)
  } catch (error) {
    fs.rmSync(part, { force: true })
    throw error
  }
}

/** Whether both names are of the same file, which is there. */
export function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map(statOf)
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino
}

/** Nothing where it is not there, or cannot be looked at. */
function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}
