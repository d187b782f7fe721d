// Real captures that nobody here wrote, with what other tools say of them: a folder beside the checkout, or NETKIT_CAPTURES.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

const HERE = dirname(fileURLToPath(import.meta.url))

/** The folder, or null when it is not there. */
export const CORPUS: string | null =
  [process.env['NETKIT_CAPTURES'], join(HERE, '../../../shared/captures')].find(
    folder => folder !== undefined && folder !== '' && existsSync(join(folder, 'MANIFEST.tsv')),
  ) ?? null

/** `describe` for tests that need the captures: skipped, saying so, where they are not there. */
export function describeCorpus(title: string, body: () => void): void {
  if (CORPUS !== null) {
    describe(title, body)
    return
  }
  process.stderr.write(`skipped: ${title}: needs the folder of captures (NETKIT_CAPTURES)\n`)
  // The body reads tables of the folder: it is not run.
  describe.skip(`${title} (needs the folder of captures)`, () => {
    test('of captures of others', () => undefined)
  })
}

/** Path of a capture, or of what is said of captures, by its name in the folder. */
export const corpusPath = (name: string): string => join(CORPUS!, name)

/** Rows of a table such as `oracle/files.tsv`, by the names of its columns. */
export function readTable<Column extends string>(name: string): Record<Column, string>[] {
  const [head, ...lines] = readFileSync(corpusPath(name), 'utf8').trimEnd().split('\n')
  const columns = head!.split('\t') as Column[]
  return lines.map(line => {
    const cells = line.split('\t')
    return Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? ''])) as Record<Column, string>
  })
}

/** Objects of a file of JSON lines such as `oracle/conversations.jsonl`. */
export function readJsonLines<Row>(name: string): Row[] {
  const text = readFileSync(corpusPath(name), 'utf8').trimEnd()
  return text.split('\n').map(line => JSON.parse(line) as Row)
}
