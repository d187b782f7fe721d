// Asks every table that a query names, through netlink or procfs, and hands the sockets on as they come.

import { NetkitError } from '../errors/index.js'
import type { NetlinkConnection, NetlinkPort } from '../ports/netlink.js'
import type { ProcSocketSource } from '../ports/proc.js'
import {
  accountBrokenDump,
  accountDump,
  bothFailures,
  type CollectReport,
  type Failure,
  failureOf,
  refusal,
  sourceReport,
  startReport,
} from './collect-report.js'
import { type Decode, type DumpOutcome, type DumpRequest, dumpSockets, startDump } from './dump.js'
import type { SourceReport } from './model.js'
import { MISSING_COLUMNS } from './proc-net.js'
import { SocketRecord } from './record.js'
import { BOUND_INACTIVE } from './states.js'
import type { RequestDetails, Table } from './tables.js'

export type { CollectReport } from './collect-report.js'

const NETLINK_SOCK_DIAG = 4

/** Where sockets come from. `auto` is netlink, with procfs for what netlink cannot answer. */
export type SourceChoice = 'auto' | 'netlink' | 'procfs'

/** One network namespace to read. */
export interface NetnsTarget {
  label: string | null
  /** Descriptor for setns(2), -1 for the caller's own namespace, null when it may not be opened. */
  fd: number | null
  /** Its socket tables in procfs. */
  proc: ProcSocketSource
}

export interface CollectQuery {
  tables: readonly Table[]
  /** Mask of kernel states. */
  states: number
  source: SourceChoice
  details: Omit<RequestDetails, 'bytecode'>
  /** sock_diag bytecode of the filter, for tables whose answer the kernel filters. */
  bytecode: Uint8Array | null
  targets: readonly NetnsTarget[]
  /**
   * With more TCP sockets than this, bound-inactive ones are not looked for, and the report says so: they are found only by
   * two more walks over every bound socket of the machine. Absent: always looked for.
   */
  boundInactiveLimit?: number
}

export interface CollectPorts {
  /** Null when the native addon could not be loaded. */
  netlink: NetlinkPort | null
  /** Why `netlink` is null. */
  netlinkUnavailable: string | null
  /** Milliseconds of a clock that never goes back. */
  now: () => number
  /** Set when the answers come from a recording: how its own listing went, which the reports then start from. */
  recorded?: Pick<CollectReport, 'consistency' | 'damaged'>
}

/** What collects sockets. */
export interface Collect {
  /** Takes each socket of the states asked for; valid only during the call. `decode` reads the same message again later. */
  socket(record: SocketRecord, decode: Decode, table: Table): void
  /** All sockets of a table have been handed over. */
  tableEnd(table: Table): void
  /** Asked between the parts of an answer, and after each table: reading goes on when the promise is kept. */
  pause?: () => Promise<void> | null
}

const BOUND = 1 << BOUND_INACTIVE

/** The states of the first request for a table: bound-inactive TCP sockets among others are a walk of their own, afterwards. */
function firstStates(table: Table, states: number): number {
  const wanted = states & table.states
  return table.protocol === 'tcp' && wanted !== BOUND ? wanted & ~BOUND : wanted
}

/** procfs rows have no message to decode again. */
const noDecode: Decode = () => false

class Collector {
  private readonly query: CollectQuery
  private readonly ports: CollectPorts
  private readonly collect: Collect
  private readonly record = new SocketRecord()
  /** Dumps that were started before their turn, by table and states. */
  private readonly started = new Map<string, NetlinkConnection>()
  /** TCP sockets of the target so far. */
  private tcpSockets = 0
  /** Sockets handed to the consumer by dumps so far. */
  private handedOut = 0
  readonly report: CollectReport

  constructor(query: CollectQuery, ports: CollectPorts, collect: Collect) {
    this.query = query
    this.ports = ports
    this.collect = collect
    this.report = startReport(ports.recorded)
  }

  async run(): Promise<CollectReport> {
    try {
      await this.targets()
    } finally {
      // Left over only when the consumer gave up in between.
      for (const key of [...this.started.keys()]) this.giveUp(key)
    }
    return this.report
  }

  private async targets(): Promise<void> {
    for (const [index, target] of this.query.targets.entries()) {
      this.record.netns = index
      const possible = this.query.tables.filter(table => (table.states & this.query.states) !== 0)
      // With states that no table has, the kernel still says which tables it lacks.
      const tables = possible.length > 0 ? possible : this.query.tables
      this.tcpSockets = 0
      // Its connections are walked by the kernel while those of IPv4 are read.
      this.startAhead(
        tables.filter(table => table.id === 'tcp6' && tables.length > 1),
        this.query.states,
        target,
      )
      for (const table of tables) {
        await this.table(table, target)
        await this.endTable(table)
      }
      await this.boundInactive(tables, target)
    }
  }

  private async endTable(table: Table): Promise<void> {
    this.collect.tableEnd(table)
    await this.collect.pause?.()
  }

  /** Bound-inactive sockets, of both families at once. */
  private async boundInactive(all: readonly Table[], target: NetnsTarget): Promise<void> {
    const { states, source, boundInactiveLimit = Number.POSITIVE_INFINITY } = this.query
    const tables = all.filter(
      table =>
        table.protocol === 'tcp' && (states & table.states & BOUND) !== 0 && firstStates(table, states) !== BOUND,
    )
    if (tables.length === 0 || source === 'procfs' || this.ports.netlink === null || target.fd === null) return
    if (this.tcpSockets > boundInactiveLimit) {
      this.report.boundInactiveSkipped = true
      return
    }
    this.record.clearParts()
    this.startAhead(tables, BOUND, target)
    for (const table of tables) {
      // What the kernel says to this alone is no reason to doubt the rest: one before 6.8 does not know the state.
      await this.dumpStates(table, BOUND, target)
      await this.endTable(table)
    }
  }

  private startAhead(tables: readonly Table[], states: number, target: NetnsTarget): void {
    for (const table of tables) {
      const connection = this.openAhead(target)
      if (connection === null) return
      const wanted = firstStates(table, states)
      // It fails only in a way that the read meets again.
      void startDump(connection, this.request(table, wanted, this.query.bytecode))
      this.started.set(`${table.id} ${wanted}`, connection)
    }
  }

  private openAhead(target: NetnsTarget): NetlinkConnection | null {
    const { netlink } = this.ports
    if (this.query.source === 'procfs' || netlink === null || target.fd === null) return null
    try {
      return netlink.open(NETLINK_SOCK_DIAG, target.fd)
    } catch (error) {
      // The same failure is met again, and reported, when the table's turn comes.
      if (error instanceof NetkitError) return null
      throw error
    }
  }

  private async table(table: Table, target: NetnsTarget): Promise<void> {
    const { source } = this.query
    this.record.clearParts()
    let error: Failure | null = null
    if (source !== 'procfs') {
      const before = this.handedOut
      error = await this.throughNetlink(table, target)
      // An answer that broke off is kept: procfs would list again what has been handed out.
      const answered = error === null || this.handedOut > before
      if (answered || source === 'netlink') {
        this.add(table, target, answered ? 'netlink' : 'none', error, [])
        return
      }
    }
    if (table.procfs === null) {
      error ??= { code: 'no-procfs-table', message: 'procfs has no such table' }
      this.add(table, target, 'none', error, [])
      return
    }
    const { states } = this.query
    const result = target.proc.read(table.procfs, this.record, record => {
      if ((states >>> record.state) & 1) this.collect.socket(record, noDecode, table)
    })
    this.report.damaged += result.skipped
    this.report.consistency.passes ||= 1
    if (result.error) this.add(table, target, 'none', bothFailures(error, result.error), [])
    else this.add(table, target, 'procfs', error, MISSING_COLUMNS[table.protocol] ?? [])
  }

  /** The reason why netlink could not answer, or not to the end; null when it did. */
  private async throughNetlink(table: Table, target: NetnsTarget): Promise<Failure | null> {
    const { netlink, netlinkUnavailable } = this.ports
    if (netlink === null) return { code: 'no-native', message: netlinkUnavailable ?? 'the native addon is not there' }
    if (target.fd === null) return { code: 'EACCES', message: 'this namespace may be read through procfs only' }
    return this.dumpStates(table, firstStates(table, this.query.states), target)
  }

  private async dumpStates(table: Table, states: number, target: NetnsTarget): Promise<Failure | null> {
    const { bytecode } = this.query
    const before = this.handedOut
    const key = `${table.id} ${states}`
    const started = this.started.get(key)
    this.started.delete(key)
    try {
      const connection = started ?? this.ports.netlink!.open(NETLINK_SOCK_DIAG, target.fd!)
      try {
        let outcome = await this.dump(connection, table, states, bytecode, started !== undefined)
        // A kernel that refuses the filter program still answers without it: the filter runs here as well.
        if (outcome.errno !== 0 && bytecode !== null && table.inet) {
          outcome = await this.dump(connection, table, states, null, false)
        }
        if (outcome.errno !== 0) return refusal(outcome.errno, table)
        accountDump(this.report, outcome)
        return null
      } finally {
        connection.close()
      }
    } catch (error) {
      if (!(error instanceof NetkitError)) throw error
      if (this.handedOut > before) accountBrokenDump(this.report)
      return failureOf(error)
    }
  }

  /** Closes a dump that was started and whose turn does not come. */
  private giveUp(key: string): void {
    this.started.get(key)?.close()
    this.started.delete(key)
  }

  private request(table: Table, states: number, bytecode: Uint8Array | null): DumpRequest {
    return table.request(states, { ...this.query.details, bytecode: table.inet ? bytecode : null })
  }

  private dump(
    connection: NetlinkConnection,
    table: Table,
    states: number,
    bytecode: Uint8Array | null,
    started: boolean,
  ): Promise<DumpOutcome> {
    const request = this.request(table, states, bytecode)
    const visit = (record: SocketRecord): void => {
      if (table.protocol === 'tcp') this.tcpSockets++
      if (!((states >>> record.state) & 1)) return
      this.handedOut++
      this.collect.socket(record, request.decode, table)
    }
    const pause = (): Promise<void> | null => this.collect.pause?.() ?? null
    return dumpSockets(connection, request, this.record, this.ports.now, visit, { started, pause })
  }

  private add(
    table: Table,
    target: NetnsTarget,
    method: SourceReport['method'],
    error: Failure | null,
    missing: readonly string[],
  ): void {
    const said = this.ports.recorded !== undefined && method !== 'none' ? 'replay' : method
    this.report.sources.push(sourceReport(table, target.label, said, error, missing))
  }
}

/** Reads all tables of a query, one after the other. What could not be read is in the report, never thrown. */
export function collectSockets(query: CollectQuery, ports: CollectPorts, collect: Collect): Promise<CollectReport> {
  return new Collector(query, ports, collect).run()
}
