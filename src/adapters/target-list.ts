// Targets from the command line, a file and standard input, as one list.

import fs from 'node:fs'
import { fromNodeError, UsageError } from '../errors/index.js'
import { parseTargetLines } from '../probe/targets.js'

/** No list of as many targets as there may be is longer: 131,072 names of 253 bytes, and comments. */
const MOST_CHARACTERS = 64 * 1024 * 1024

/** Text as it comes, in pieces. */
export type TextPieces = AsyncIterable<string | Uint8Array>

/**
 * The words, then those of the file: names, addresses, prefixes and ranges as they were given. `-` as a word or as the file is
 * standard input.
 * @throws UsageError when there is none; SystemCallError or PermissionError for a file that cannot be read
 */
export async function readTargetList(
  words: readonly string[],
  file: string | null,
  stdin: () => TextPieces = () => process.stdin,
): Promise<string[]> {
  const all: string[] = []
  for (const source of file === null ? words : [...words, null]) {
    let words = source === null ? [] : [source]
    if (source === '-' || (source === null && file === '-')) words = await linesOf(stdin(), 'standard input')
    else if (source === null) words = await linesOf(contentOf(file!), file!)
    for (const word of words) all.push(word)
  }
  if (all.length === 0) throw noTarget(words, file)
  return all
}

/** A regular file at once; what may have to be waited for (a FIFO, a terminal) as it comes. */
function contentOf(file: string): TextPieces | Iterable<Uint8Array> {
  const found = fs.statSync(file, { throwIfNoEntry: false })
  return found?.isFile() && found.size <= MOST_CHARACTERS ? [fs.readFileSync(file)] : fs.createReadStream(file)
}

async function linesOf(pieces: TextPieces | Iterable<Uint8Array>, what: string): Promise<string[]> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const piece of pieces) {
      text += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true })
      if (text.length > MOST_CHARACTERS) throw new UsageError(`${what} is no list of targets: it is longer than 64 MiB`)
    }
  } catch (error) {
    throw fromNodeError('file-open', error, `read ${what}`)
  }
  return parseTargetLines(text)
}

function noTarget(words: readonly string[], file: string | null): UsageError {
  const source = file === '-' || words.includes('-') ? 'standard input' : file
  if (source !== null) return new UsageError(`there is no target in ${source}`)
  return new UsageError('there is no target', {
    hints: ['name a host, an address, a prefix or a range: netkit ping 192.0.2.1'],
  })
}
