// The views of a listing: table, JSON document, JSON lines, counts.

import type { DetailFlags } from '../../compose/plan.js'
import type { Session } from '../../compose/session.js'
import { RowWriter } from '../../render/row-writer.js'
import { SocketJson } from '../../render/socket-json.js'
import { SocketTable, type TableOptions, type WriteWords } from '../../render/socket-table.js'
import { cgroupId } from '../../sockets/details.js'
import {
  writeExtended,
  writeInfo,
  writeMemory,
  writeSockopt,
  writeTimer,
  writeTos,
} from '../../sockets/details-text.js'
import type { ListingReport } from '../../sockets/listing.js'
import type { SocketRecord } from '../../sockets/record.js'
import { kindCount } from '../../sockets/selection.js'
import type { Console } from '../console.js'
import { CountView, countDetails, parseCountKeys } from './count.js'
import { writeTail } from './json-tail.js'
import { printNotes } from './notes.js'
import type { SelectionFlags, SocketRequest } from './request.js'
import { ResolvingView } from './resolve.js'
import type { SocketFlags } from './run.js'
import { SUMMARY_DETAILS, SummaryView, summaryStates } from './summary.js'

/** Shows sockets as they come. */
export interface View {
  /** Sockets shown so far. */
  readonly rows: number
  begin(): void
  row(record: SocketRecord): void
  /** Asked between the parts of a large answer: reading goes on when the promise is kept. */
  pause?(): Promise<void> | null
  /** Everything was read; what the view still has to find out is found out before `end`. */
  settle?(): Promise<void>
  /** Everything was shown. */
  end(report: ListingReport, notes: readonly string[]): void
}

export function makeView(flags: SocketFlags, request: SocketRequest, session: Session, io: Console): View {
  const keys = parseCountKeys(flags['count-by'])
  if (keys !== null) return new CountView(keys, flags, session, io)
  if (flags.summary) return new SummaryView(flags, request, session, io)
  if (io.format === 'json') return new JsonView(session, io)
  if (io.format === 'ndjson') return new LinesView(session, io)
  const table = new TableView(tableOptions(flags, request, session), session, io)
  return flags.resolve ? new ResolvingView(table, session) : table
}

/** The flags that choose what the view of these flags is of. */
export function viewSelection(flags: SocketFlags): SelectionFlags {
  return flags.summary ? summaryStates(flags) : flags
}

/** What the view of these flags needs of each socket. */
export function viewDetails(flags: SocketFlags): DetailFlags {
  if (flags.summary) return SUMMARY_DETAILS
  const keys = parseCountKeys(flags['count-by'])
  return keys === null ? flags : countDetails(keys, flags)
}

/** Whether a mask holds one state, which then needs no column. */
const single = (mask: number): boolean => (mask & (mask - 1)) === 0

export function tableOptions(flags: SocketFlags, request: SocketRequest, session: Session): TableOptions {
  const extras: WriteWords[] = []
  const details: WriteWords[] = []
  const cgroupPath = (id: string): string => session.lookups.cgroupPath(id)
  if (flags.options || flags.extended) extras.push(writeTimer)
  if (flags.extended) extras.push((record, sink) => writeExtended(record, sink, cgroupPath))
  else if (flags.cgroup) {
    extras.push((record, sink) => {
      const id = cgroupId(record)
      if (id !== null) sink.text(`cgroup:${cgroupPath(id)} `)
    })
  }
  if (flags.tos) extras.push(writeTos)
  if (flags['inet-sockopt']) extras.push(writeSockopt)
  if (flags.memory) details.push(writeMemory)
  if (flags.info) {
    const style = { numeric: flags.numeric, options: flags.options || flags.extended }
    details.push((record, sink) => writeInfo(record, sink, style))
  }
  return {
    netid: kindCount(request.selection.kinds) > 1,
    state: !single(request.states),
    queues: !flags['no-queues'],
    netns: session.targets.some(target => target.label !== null),
    numeric: flags.numeric,
    processes: flags.processes || flags.threads,
    header: !flags['no-header'],
    extras: joined(extras),
    details: joined(details),
    oneLine: flags.oneline,
    resolve: flags.resolve,
  }
}

function joined(parts: readonly WriteWords[]): WriteWords | null {
  if (parts.length <= 1) return parts[0] ?? null
  return (record, sink) => {
    for (const part of parts) part(record, sink)
  }
}

class TableView implements View {
  private readonly writer: RowWriter
  private readonly table: SocketTable
  rows = 0

  constructor(options: TableOptions, session: Session, io: Console) {
    this.writer = new RowWriter(bytes => io.out.write(bytes), SocketTable.minimumWidths(options), 1)
    this.table = new SocketTable(this.writer, options, session.lookups)
  }

  begin(): void {
    this.table.header()
  }

  row(record: SocketRecord): void {
    this.rows++
    this.table.row(record)
  }

  end(): void {
    this.writer.flush()
  }
}

class LinesView implements View {
  private readonly json: SocketJson
  private readonly io: Console
  rows = 0

  constructor(session: Session, io: Console) {
    this.json = new SocketJson(session.lookups)
    this.io = io
  }

  begin(): void {}

  row(record: SocketRecord): void {
    this.rows++
    this.io.out.write(`${this.json.text(record)}\n`)
  }

  end(_report: ListingReport, notes: readonly string[]): void {
    printNotes(this.io, notes)
  }
}

/** The sockets are printed as they come; what is known only afterwards follows them in the same document. */
class JsonView implements View {
  private readonly json: SocketJson
  private readonly io: Console
  rows = 0

  constructor(session: Session, io: Console) {
    this.json = new SocketJson(session.lookups)
    this.io = io
  }

  begin(): void {
    this.io.out.write('{\n  "sockets": [')
  }

  row(record: SocketRecord): void {
    this.io.out.write(`${this.rows++ === 0 ? '' : ','}\n    ${this.json.text(record)}`)
  }

  end(report: ListingReport, notes: readonly string[]): void {
    this.io.out.write(`${this.rows === 0 ? '' : '\n  '}],\n`)
    writeTail(report, notes, this.io.out)
  }
}
