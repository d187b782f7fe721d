// Listens in on a listing of everything, and writes what the kernel said into a recording.

import { UsageError } from '../errors/index.js'
import type { ProcessScan, ScanProcesses } from '../ports/proc.js'
import {
  type Collect,
  type CollectPorts,
  type CollectReport,
  collectSockets,
  type NetnsTarget,
} from '../sockets/collect.js'
import { cgroupId } from '../sockets/details.js'
import type { SocketLookups } from '../sockets/lookups.js'
import type { ProcNetFile } from '../sockets/proc-net.js'
import type { ThreadHolder } from '../sockets/processes.js'
import { type SocketRecord, UNKNOWN } from '../sockets/record.js'
import { type RecordedSource, RecordingWriter } from '../sockets/recording.js'
import { ALL_EXTENSIONS } from '../sockets/recording-answer.js'
import { NAMESPACES_LIMIT, type RecordingHeader } from '../sockets/recording-header.js'
import { ALL_STATES } from '../sockets/states.js'
import { TABLES, type Table } from '../sockets/tables.js'

export interface RecorderOptions {
  header: RecordingHeader
  targets: readonly NetnsTarget[]
  tables: readonly Table[]
  ports: CollectPorts & { scanProcesses: ScanProcesses }
  lookups: Pick<SocketLookups, 'interfaceName' | 'userName' | 'cgroupPath'>
  notes: readonly string[]
  /** Where the bytes go; they are overwritten after it returns. */
  sink: (bytes: Uint8Array) => void
  /** Asked between the parts of an answer, and may throw to give up. */
  pause: () => Promise<void> | null
}

export interface Recorded {
  report: CollectReport & { scan: ProcessScan | null }
  sockets: number
}

/**
 * Records every socket of `tables` in every state with all that the kernel tells, and the names that it will be shown with.
 * @throws UsageError when there are more namespaces than a recording can have
 */
export async function recordSockets(options: RecorderOptions): Promise<Recorded> {
  const { header, tables, ports, notes } = options
  if (header.namespaces.length > NAMESPACES_LIMIT) {
    throw new UsageError(`a recording has at most ${NAMESPACES_LIMIT} network namespaces`, {
      hints: ['record them one by one: --net NAME'],
    })
  }
  const writer = new RecordingWriter(options.sink, header)
  const seen = new Seen()
  let sockets = 0
  const collect: Collect = {
    socket: (record, _decode, table) => {
      sockets++
      seen.add(record)
      if (record.messageEnd === 0) return
      writer.message(record.netns, table.id, record.data, record.messageStart, record.messageEnd)
    },
    tableEnd: () => undefined,
    pause: options.pause,
  }
  const query = {
    tables,
    states: ALL_STATES,
    source: header.source,
    details: { extensions: ALL_EXTENSIONS },
    bytecode: null,
    targets: options.targets.map((target, index) => teeing(target, index, writer)),
  }
  const report = await collectSockets(query, ports, collect)
  const scan =
    header.holders === 'none' ? null : ports.scanProcesses(seen.inodes, { threads: header.holders === 'threads' })
  writeNames(writer, seen, options, scan)
  writer.report({
    sources: report.sources.map((source, index): RecordedSource => {
      const { method, error } = source
      const place = { namespace: Math.floor(index / tables.length), table: tables[index % tables.length]!.id }
      return { ...place, method: method === 'replay' ? 'none' : method, error }
    }),
    consistency: report.consistency,
    damaged: report.damaged,
    scan: scan === null ? null : { unreadable: scan.unreadable, hidepid: scan.hidepid },
    notes: [...notes],
  })
  return { report: { ...report, scan }, sockets }
}

function teeing(target: NetnsTarget, index: number, writer: RecordingWriter): NetnsTarget {
  const idOf = (file: ProcNetFile): string => TABLES.find(table => table.procfs === file)!.id
  return {
    ...target,
    proc: {
      read: (file, record, visit) =>
        target.proc.read(file, record, visit, lines => writer.text(index, idOf(file), lines)),
    },
  }
}

/** Numbers that were met and have names. */
class Seen {
  readonly inodes = new Set<number>()
  readonly users = new Set<number>()
  readonly cgroups = new Set<string>()
  readonly interfaces: Set<number>[] = []

  add(record: SocketRecord): void {
    if (record.inode !== 0) this.inodes.add(record.inode)
    const peer = record.unix?.peerInode ?? 0
    if (peer !== 0) this.inodes.add(peer)
    if (record.uid !== UNKNOWN) this.users.add(record.uid)
    const cgroup = cgroupId(record)
    if (cgroup !== null) this.cgroups.add(cgroup)
    if (record.ifindex === 0) return
    this.interfaces[record.netns] ??= new Set()
    this.interfaces[record.netns]!.add(record.ifindex)
  }
}

function writeNames(writer: RecordingWriter, seen: Seen, options: RecorderOptions, scan: ProcessScan | null): void {
  const { lookups } = options
  for (const [namespace, indexes] of seen.interfaces.entries()) {
    for (const index of indexes ?? []) {
      writer.name(['interface', namespace, index, lookups.interfaceName(namespace, index)])
    }
  }
  for (const uid of seen.users) {
    const user = lookups.userName(uid)
    if (user !== null) writer.name(['user', uid, user])
  }
  for (const id of seen.cgroups) writer.name(['cgroup', id, lookups.cgroupPath(id)])
  if (scan === null) return
  for (const inode of seen.inodes) {
    const holders: ThreadHolder[] = scan.holders.holdersOf(inode)
    for (const { pid, tid, fd, name } of holders) writer.name(['holder', inode, pid, tid, fd, name])
  }
}
