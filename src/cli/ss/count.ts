// `--count-by`: sockets are counted as they come, and the groups are shown when all have been seen.

import { isIP } from 'node:net'
import type { DetailFlags } from '../../compose/plan.js'
import type { Session } from '../../compose/session.js'
import { UsageError } from '../../errors/index.js'
import { writeCountTable } from '../../render/count-table.js'
import { type Counts, SocketCounter } from '../../sockets/count.js'
import { COUNT_KEYS, type CountKey } from '../../sockets/count-keys.js'
import { type CountValue, UNKNOWN_VALUE } from '../../sockets/count-reader.js'
import type { ListingReport } from '../../sockets/listing.js'
import type { SocketRecord } from '../../sockets/record.js'
import { formatState } from '../../sockets/states.js'
import type { Console } from '../console.js'
import { suggest } from '../suggest.js'
import { writeTail } from './json-tail.js'
import { printNotes } from './notes.js'
import { noteUnanswered, openHostNames } from './resolve.js'
import type { SocketFlags } from './run.js'
import type { View } from './view.js'

/** The keys of `--count-by`, each once; null when it is not there. @throws UsageError for a word that is no key */
export function parseCountKeys(words: readonly string[] | undefined): CountKey[] | null {
  if (words === undefined) return null
  return [...new Set(words.flatMap(text => text.split(',')).map(parseKey))]
}

function parseKey(word: string): CountKey {
  const found = COUNT_KEYS.find(key => key === word)
  if (found !== undefined) return found
  const near = suggest(word, COUNT_KEYS)
  throw new UsageError(`cannot count sockets by ${word || '(empty)'}`, {
    hints: [...(near === undefined ? [] : [`did you mean ${near}?`]), `keys: ${COUNT_KEYS.join(' ')}`],
  })
}

/** What counting needs of each socket: holders if it counts by them, and nothing that is only shown. */
export function countDetails(keys: readonly CountKey[], flags: DetailFlags): DetailFlags {
  const processes = keys.includes('process')
  return { memory: false, info: false, tos: false, processes, threads: processes && flags.threads }
}

export class CountView implements View {
  private readonly keys: readonly CountKey[]
  private readonly counter: SocketCounter
  private readonly flags: SocketFlags
  private readonly session: Session
  private readonly io: Console
  private counts: Counts

  constructor(keys: readonly CountKey[], flags: SocketFlags, session: Session, io: Console) {
    this.keys = keys
    this.counter = new SocketCounter(keys, session.lookups, { unknownIsNone: io.format !== 'text' })
    this.flags = flags
    this.session = session
    this.io = io
    this.counts = this.counter.result()
  }

  get rows(): number {
    return this.counter.total
  }

  begin(): void {}

  row(record: SocketRecord): void {
    this.counter.add(record)
  }

  /** Names are looked for only where they are shown: among the largest groups. */
  async settle(): Promise<void> {
    this.counts = this.counter.result(this.flags.top ?? null)
    const { flags, io, keys } = this
    if (!flags.resolve || io.format !== 'text' || !(keys.includes('local') || keys.includes('peer'))) return
    const names = openHostNames(this.session)
    this.counts.visit(values => {
      for (const [level, value] of values.entries()) if (isAddress(keys[level]!, value)) names.want(value)
    })
    await names.resolve()
    noteUnanswered(names, this.session)
  }

  end(report: ListingReport, notes: readonly string[]): void {
    const { counts, io } = this
    if (io.format === 'text') {
      const { lookups } = this.session
      const options = { header: !this.flags['no-header'], hostName: (text: string) => lookups.hostName(text) }
      writeCountTable(counts, options, bytes => io.out.write(bytes))
      return
    }
    const lines = io.format === 'ndjson'
    let separator = lines ? '' : '{\n  "counts": [\n    '
    const next = lines ? '\n' : ',\n    '
    counts.visit((values, count) => {
      io.out.write(separator + JSON.stringify(countJson(this.keys, values, count)))
      separator = next
    })
    if (lines) {
      if (counts.others !== null) io.out.write(`${separator}${JSON.stringify({ others: counts.others })}`)
      if (counts.total > 0) io.out.write('\n')
      printNotes(io, notes)
      return
    }
    io.out.write(separator === next ? '\n  ],\n' : '{\n  "counts": [],\n')
    io.out.write(`  "others": ${JSON.stringify(counts.others)},\n  "total": ${counts.total},\n`)
    writeTail(report, notes, io.out)
  }
}

/** Local and peer of other families are paths, kernel names and the like; any address is no host's. */
function isAddress(key: CountKey, value: CountValue): value is string {
  return (
    (key === 'local' || key === 'peer') && typeof value === 'string' && isIP(value) !== 0 && !/^[0:.]+$/.test(value)
  )
}

const camelCase = (key: CountKey): string => key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** One group as `--json` shows it. */
function countJson(keys: readonly CountKey[], values: readonly CountValue[], count: number): Record<string, unknown> {
  const group: Record<string, unknown> = {}
  for (const [level, key] of keys.entries()) {
    const value = values[level]!
    if (value === UNKNOWN_VALUE) group[camelCase(key)] = null
    else group[camelCase(key)] = key === 'state' && typeof value === 'number' ? formatState(value) : value
  }
  group['count'] = count
  return group
}
