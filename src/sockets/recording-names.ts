// What a recording says besides its sockets: names, holders, and how it was made. Everything is checked, nothing trusted.

import { DecodeError } from '../errors/index.js'
import { HolderTable } from './processes.js'
import {
  type RecordedSource,
  type RecordingIndex,
  type RecordingReport,
  SECTION_KIND,
  type SectionPlace,
} from './recording.js'
import type { ByteSource } from './recording-header.js'

/** Names take memory as long as the replay lasts: more than any host has is damage. */
const NAMES_LIMIT = 128 * 1024 * 1024

export interface RecordedNames {
  /** Interface names by index, for each namespace. */
  interfaces: Map<number, string>[]
  users: Map<number, string>
  /** Paths by id in hex. */
  cgroups: Map<string, string>
  holders: HolderTable
  damage: DecodeError | null
}

/** Reads all names of a recording; `threads` says whether holders that are threads are wanted. */
export function readNames(source: ByteSource, index: RecordingIndex, threads: boolean): RecordedNames {
  const names: RecordedNames = {
    interfaces: index.header.namespaces.map(() => new Map()),
    users: new Map(),
    cgroups: new Map(),
    holders: new HolderTable(),
    damage: null,
  }
  const processes = new Map<string, number>()
  let total = 0
  for (const section of index.sections) {
    if (section.kind !== SECTION_KIND.names) continue
    total += section.length
    if (total > NAMES_LIMIT) {
      names.damage ??= damageAt(section, `it has more than ${NAMES_LIMIT} bytes of names`)
      break
    }
    for (const line of linesOf(source, section)) {
      const entry = parse(line)
      if (!Array.isArray(entry) || !addEntry(names, entry, processes, threads)) {
        names.damage ??= damageAt(section, 'a name in it cannot be read')
      }
    }
  }
  return names
}

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff

/** False when the entry is not one. An entry of a kind that a later netkit writes is passed over. */
function addEntry(
  names: RecordedNames,
  entry: readonly unknown[],
  processes: Map<string, number>,
  threads: boolean,
): boolean {
  const [kind, a, b, c, d, e] = entry
  switch (kind) {
    case 'interface': {
      const known = isNumber(a) ? names.interfaces[a] : undefined
      if (known === undefined || !isNumber(b) || typeof c !== 'string') return false
      known.set(b, c)
      return true
    }
    case 'user':
      if (!isNumber(a) || typeof b !== 'string') return false
      names.users.set(a, b)
      return true
    case 'cgroup':
      if (typeof a !== 'string' || typeof b !== 'string') return false
      names.cgroups.set(a, b)
      return true
    case 'holder': {
      const tid = c === null || isNumber(c) ? c : undefined
      if (!isNumber(a) || !isNumber(b) || tid === undefined || !isNumber(d) || typeof e !== 'string') return false
      if (tid !== null && !threads) return true
      const key = `${b} ${tid} ${e}`
      let process = processes.get(key)
      if (process === undefined) {
        process = names.holders.addProcess({ pid: b, tid, name: e })
        processes.set(key, process)
      }
      names.holders.add(a, process, d)
      return true
    }
    default:
      return typeof kind === 'string'
  }
}

/** The report at the end of a recording; null when it is missing or damaged. */
export function readReport(source: ByteSource, index: RecordingIndex): RecordingReport | null {
  const section = index.sections.find(each => each.kind === SECTION_KIND.report)
  const value = section === undefined ? null : parse(textOf(source, section))
  if (value === null || typeof value !== 'object') return null
  const { sources, consistency, damaged, scan, notes } = value as Partial<Record<keyof RecordingReport, unknown>>
  if (!Array.isArray(sources) || !sources.every(isSource) || !isNumber(damaged)) return null
  if (!Array.isArray(notes) || !notes.every(note => typeof note === 'string')) return null
  const how = consistency as Record<string, unknown> | null
  if (!how || !isNumber(how['passes']) || !isNumber(how['duplicatesRemoved'])) return null
  const seen = scan as Record<string, unknown> | null
  if (seen !== null && (typeof seen !== 'object' || !isNumber(seen['unreadable']))) return null
  return {
    sources,
    consistency: {
      passes: how['passes'],
      duplicatesRemoved: how['duplicatesRemoved'],
      differed: how['differed'] === true,
    },
    damaged,
    scan: seen === null ? null : { unreadable: seen['unreadable'] as number, hidepid: seen['hidepid'] === true },
    notes,
  }
}

function isSource(value: unknown): value is RecordedSource {
  if (value === null || typeof value !== 'object') return false
  const { namespace, table, method, error } = value as Record<string, unknown>
  if (!isNumber(namespace) || typeof table !== 'string') return false
  if (method !== 'netlink' && method !== 'procfs' && method !== 'none') return false
  if (error === null) return true
  const { code, message } = (error ?? {}) as Record<string, unknown>
  return typeof code === 'string' && typeof message === 'string'
}

function damageAt(section: SectionPlace, why: string): DecodeError {
  const { offset, length } = section
  const message = `the recording is damaged in the ${length} bytes at ${offset}: ${why}`
  return new DecodeError(message, { layer: 'recording names', offset, need: length, have: length })
}

const textOf = (source: ByteSource, section: SectionPlace): string =>
  new TextDecoder().decode(source.read(section.offset, section.length))

function linesOf(source: ByteSource, section: SectionPlace): string[] {
  return textOf(source, section)
    .split('\n')
    .filter(line => line !== '')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
