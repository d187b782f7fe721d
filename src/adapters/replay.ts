// A recording in the place of the kernel: it answers sock_diag requests, and shows the files of /proc/net that were recorded.

import { DecodeError, UnsupportedError } from '../errors/index.js'
import type { DatagramBatch, NetlinkConnection, NetlinkPort } from '../ports/netlink.js'
import type { ProcError, ProcNetResult, ProcSocketSource, ScanProcesses } from '../ports/proc.js'
import { type ProcNetFile, parseProcNet } from '../sockets/proc-net.js'
import type { SocketRecord } from '../sockets/record.js'
import {
  indexRecording,
  isRecording,
  type RecordedSource,
  type RecordingIndex,
  type RecordingReport,
  SECTION_KIND,
  type SectionPlace,
} from '../sockets/recording.js'
import { answerWith, encodeDone, parseDumpRequest, type RecordedRequest } from '../sockets/recording-answer.js'
import type { ByteSource, RecordingHeader } from '../sockets/recording-header.js'
import { type RecordedNames, readNames, readReport } from '../sockets/recording-names.js'
import { indexSsDump, isSsDump } from '../sockets/ss-dump.js'
import { TABLES } from '../sockets/tables.js'

const NETLINK_SOCK_DIAG = 4

/** A file's sockets, to be listed like the kernel's. The descriptor of a namespace is its index. */
export interface Replay {
  header: RecordingHeader
  /** True for the file of `ss -D`, which says nothing but TCP sockets. */
  fromSs: boolean
  names: RecordedNames
  report: RecordingReport
  /** Where and why the file is damaged: what came before is there. */
  damage: DecodeError | null
  netlink: NetlinkPort
  proc(namespace: number): ProcSocketSource
  scanProcesses: ScanProcesses
}

/**
 * Reads what a file holds, but not its sockets.
 * @param threads whether holders that are threads are wanted
 * @throws DecodeError when the file is of no known format, or damaged from its beginning
 */
export function openReplay(source: ByteSource, threads: boolean): Replay {
  const fromSs = !isRecording(source)
  if (fromSs && !isSsDump(source)) {
    throw new DecodeError('the file is neither a recording of netkit ss --record nor one of ss -D', {
      layer: 'recording',
      offset: 0,
      need: 16,
      have: source.size,
    })
  }
  const index = fromSs ? indexSsDump(source) : indexRecording(source)
  const names = readNames(source, index, threads)
  const known = readReport(source, index)
  const places = byPlace(index.sections)
  const report = known ?? assumedReport(index, places, fromSs)
  const recording = new Recording(source, places, report.sources)
  const scan = report.scan ?? { unreadable: 0, hidepid: false }
  return {
    header: index.header,
    fromSs,
    names,
    report,
    damage: index.damage ?? names.damage ?? (known === null && !fromSs ? unreadableReport(source) : null),
    netlink: { open: (protocol, fd) => new ReplayConnection(recording, protocol, fd) },
    proc: namespace => ({ read: (file, record, visit) => recording.readText(namespace, file, record, visit) }),
    scanProcesses: () => ({
      holders: names.holders,
      scanned: names.holders.processes.length,
      ...scan,
      complete: scan.unreadable === 0 && !scan.hidepid,
    }),
  }
}

function unreadableReport(source: ByteSource): DecodeError {
  const where = { layer: 'recording', offset: source.size, need: 1, have: 0 }
  return new DecodeError('the recording is damaged: how its tables were read cannot be told', where)
}

/** Sections in their order, by what is in them: a table is asked for often. */
type Places = ReadonlyMap<string, readonly SectionPlace[]>

const placeOf = (kind: number, namespace: number, table: string): string => `${kind} ${namespace} ${table}`

function byPlace(sections: readonly SectionPlace[]): Places {
  const places = new Map<string, SectionPlace[]>()
  for (const section of sections) {
    const place = placeOf(section.kind, section.namespace, section.table)
    const known = places.get(place)
    if (known === undefined) places.set(place, [section])
    else known.push(section)
  }
  return places
}

/** How the tables were read, where the file does not say: as it looks from what is there. */
function assumedReport({ header, cut }: RecordingIndex, places: Places, fromSs: boolean): RecordingReport {
  const among: ProcError = { code: 'cut-off', message: 'the recording ends among these sockets' }
  const missing: ProcError = { code: 'cut-off', message: 'the recording ends before these sockets' }
  const sources = header.namespaces.flatMap((_, namespace) =>
    header.tables.map((table): RecordedSource => {
      const has = (kind: number): boolean => places.has(placeOf(kind, namespace, table))
      const isCut = cut !== null && cut.namespace === namespace && cut.table === table
      const error = isCut && cut.kind === SECTION_KIND.messages ? among : null
      if (fromSs || has(SECTION_KIND.messages)) return { namespace, table, method: 'netlink', error }
      if (has(SECTION_KIND.text)) return { namespace, table, method: 'procfs', error: null }
      return { namespace, table, method: 'none', error: missing }
    }),
  )
  return {
    sources,
    consistency: { passes: 1, duplicatesRemoved: 0, differed: false },
    damaged: 0,
    scan: null,
    notes: [],
  }
}

class Recording {
  private readonly source: ByteSource
  private readonly places: Places
  private readonly sources: ReadonlyMap<string, RecordedSource>

  constructor(source: ByteSource, places: Places, sources: readonly RecordedSource[]) {
    this.source = source
    this.places = places
    this.sources = new Map(sources.map(each => [`${each.namespace} ${each.table}`, each]))
  }

  /** Why a table was not read through `method`; null when it was. */
  whyNot(namespace: number, table: string, method: 'netlink' | 'procfs'): ProcError | null {
    const found = this.sources.get(`${namespace} ${table}`)
    if (found === undefined) return { code: 'not-recorded', message: 'they were not recorded' }
    if (found.method === method) return null
    return found.error ?? { code: 'not-recorded', message: `they were recorded through ${found.method}` }
  }

  /** Why the reading of a table through netlink broke off; null when it came to its end. */
  brokenOff(namespace: number, table: string): ProcError | null {
    const found = this.sources.get(`${namespace} ${table}`)
    return found?.method === 'netlink' ? found.error : null
  }

  *parts(kind: number, namespace: number, table: string): Generator<Uint8Array> {
    for (const section of this.places.get(placeOf(kind, namespace, table)) ?? []) {
      yield this.source.read(section.offset, section.length)
    }
  }

  readText(
    namespace: number,
    file: ProcNetFile,
    record: SocketRecord,
    visit: (record: SocketRecord) => void,
  ): ProcNetResult {
    const table = TABLES.find(each => each.procfs === file)?.id ?? ''
    const result = { rows: 0, skipped: 0, error: this.whyNot(namespace, table, 'procfs') }
    for (const lines of this.parts(SECTION_KIND.text, namespace, table)) {
      const { rows, skipped } = parseProcNet(file, lines, record, visit)
      result.rows += rows
      result.skipped += skipped
    }
    return result
  }
}

class ReplayConnection implements NetlinkConnection {
  private readonly recording: Recording
  private readonly namespace: number
  private answer: Generator<Uint8Array> | null = null
  private request: RecordedRequest | null = null
  private upcoming: Uint8Array | null = null
  private broken: ProcError | null = null

  constructor(recording: Recording, protocol: number, namespace: number) {
    if (protocol !== NETLINK_SOCK_DIAG) throw new UnsupportedError('a recording knows of sockets only')
    this.recording = recording
    this.namespace = namespace
  }

  send(request: Uint8Array): void {
    const asked = parseDumpRequest(request)
    if (asked === null) throw new UnsupportedError('a recording can only be listed')
    const why = this.recording.whyNot(this.namespace, asked.table.id, 'netlink')
    if (why !== null) throw new UnsupportedError(why.message, { code: why.code })
    this.broken = this.recording.brokenOff(this.namespace, asked.table.id)
    this.request = asked
    this.answer = this.recording.parts(SECTION_KIND.messages, this.namespace, asked.table.id)
    this.upcoming = this.next()
  }

  /** One part of the answer at a time, so that no more than that is in memory; the end comes with the last one. */
  read(): DatagramBatch | null {
    return this.readNow()
  }

  readNow(): DatagramBatch | null {
    if (this.answer === null) return null
    const part = this.upcoming
    const { broken } = this
    if (part === null && broken !== null) throw new UnsupportedError(broken.message, { code: broken.code })
    this.upcoming = this.next()
    if (part !== null && (this.upcoming !== null || broken !== null)) return new Datagrams([part])
    this.answer = null
    return new Datagrams(part === null ? [encodeDone()] : [part, encodeDone()])
  }

  join(): void {
    throw new UnsupportedError('a recording has no events')
  }

  onReadable(): void {
    throw new UnsupportedError('a recording has no events')
  }

  close(): void {
    this.answer = null
  }

  private next(): Uint8Array | null {
    if (this.answer === null) return null
    const { value, done } = this.answer.next()
    return done ? null : answerWith(value, this.request!)
  }
}

/** Datagrams one after the other in one buffer. */
class Datagrams implements DatagramBatch {
  readonly bytes: Uint8Array
  readonly data: DataView
  readonly count: number
  private readonly starts: number[] = []
  private readonly lengths: number[]

  constructor(parts: readonly Uint8Array[]) {
    this.count = parts.length
    this.lengths = parts.map(part => part.length)
    this.bytes = new Uint8Array(this.lengths.reduce((sum, length) => sum + length, 0))
    this.data = new DataView(this.bytes.buffer)
    let at = 0
    for (const part of parts) {
      this.starts.push(at)
      this.bytes.set(part, at)
      at += part.length
    }
  }

  start(index: number): number {
    return this.starts[index]!
  }

  length(index: number): number {
    return this.lengths[index]!
  }

  truncated(): boolean {
    return false
  }
}
