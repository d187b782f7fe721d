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
import { type Decode, type DumpOutcome, type DumpRequest, dumpSockets } from './dump.js'
import { INTERRUPTED, Interrupted } from './interrupted.js'
import type { SourceReport } from './model.js'
import { MISSING_COLUMNS } from './proc-net.js'
import { SocketRecord } from './record.js'
import { BOUND_INACTIVE } from './states.js'
import { chainedOf, type RequestDetails, type Table, tcpRequest } from './tables.js'

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
   * another walk over every bound socket of the machine. Absent: always looked for.
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
  /** TCP sockets of the target so far. */
  private tcpSockets = 0
  /** Sockets handed to the consumer by dumps so far. */
  private handedOut = 0
  /** The same before the table that is being read. */
  private handedOutBefore = 0
  readonly report: CollectReport

  constructor(query: CollectQuery, ports: CollectPorts, collect: Collect) {
    this.query = query
    this.ports = ports
    this.collect = collect
    this.report = startReport(ports.recorded)
  }

  async run(): Promise<CollectReport> {
    try {
      for (const [index, target] of this.query.targets.entries()) await this.target(index, target)
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
      this.report.interrupted = true
      this.addUnread()
    }
    return this.report
  }

  /** Reports the tables that an interrupted listing did not come to the end of. */
  private addUnread(): void {
    const { targets } = this.query
    const all = targets.flatMap(target => this.tablesFor().map(table => ({ table, target })))
    const [current, ...others] = all.slice(this.report.sources.length)
    if (current === undefined) return
    // Sockets of it have been handed out already.
    const method = this.handedOut > this.handedOutBefore ? 'netlink' : 'none'
    const both = others[0]?.table.protocol === current.table.protocol && others[0].target === current.target
    for (const [index, { table, target }] of [current, ...others].entries()) {
      this.add(table, target, index === 0 || (index === 1 && both) ? method : 'none', INTERRUPTED, [])
    }
  }

  private tablesFor(): readonly Table[] {
    const possible = this.query.tables.filter(table => (table.states & this.query.states) !== 0)
    // With states that no table has, the kernel still says which tables it lacks.
    return possible.length > 0 ? possible : this.query.tables
  }

  private async target(index: number, target: NetnsTarget): Promise<void> {
    this.record.netns = index
    const tables = this.tablesFor()
    this.tcpSockets = 0
    const tcp = tables.filter(table => table.protocol === 'tcp')
    let both = false
    for (const table of tables) {
      this.handedOutBefore = this.handedOut
      if (table === tcp[0] && tcp.length > 1) both = await this.bothFamilies(tcp, target)
      if (!both || table.protocol !== 'tcp') await this.table(table, target)
      await this.endTable(table)
    }
    await this.boundInactive(tcp, target)
  }

  private async endTable(table: Table): Promise<void> {
    this.collect.tableEnd(table)
    await this.collect.pause?.()
  }

  /**
   * TCP sockets of both families in one walk of the tables that they share: false when that cannot be had here, and nothing
   * was handed out.
   */
  private async bothFamilies(tcp: readonly Table[], target: NetnsTarget): Promise<boolean> {
    if (this.query.source === 'procfs' || this.ports.recorded !== undefined) return false
    this.record.clearParts()
    const before = this.handedOut
    const error = await this.throughNetlink(tcp, target)
    if (error !== null && this.handedOut === before) return false
    for (const table of tcp) this.add(table, target, 'netlink', error, [])
    return true
  }

  /** Bound-inactive TCP sockets. */
  private async boundInactive(tcp: readonly Table[], target: NetnsTarget): Promise<void> {
    const { states, source, boundInactiveLimit = Number.POSITIVE_INFINITY } = this.query
    const tables = tcp.filter(table => (states & BOUND) !== 0 && firstStates(table, states) !== BOUND)
    if (tables.length === 0 || source === 'procfs' || this.ports.netlink === null || target.fd === null) return
    if (this.tcpSockets > boundInactiveLimit) {
      this.report.boundInactiveSkipped = true
      return
    }
    this.record.clearParts()
    // What the kernel says to this alone is no reason to doubt the rest: one before 6.8 does not know the state.
    if (tables.length > 1 && this.ports.recorded === undefined) await this.dumpStates(tables, BOUND, target)
    else for (const table of tables) await this.dumpStates([table], BOUND, target)
    for (const table of tables) await this.endTable(table)
  }

  private async table(table: Table, target: NetnsTarget): Promise<void> {
    const { source } = this.query
    this.record.clearParts()
    let error: Failure | null = null
    if (source !== 'procfs') {
      const before = this.handedOut
      error = await this.throughNetlink([table], target)
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
  private async throughNetlink(tables: readonly Table[], target: NetnsTarget): Promise<Failure | null> {
    const { netlink, netlinkUnavailable } = this.ports
    if (netlink === null) return { code: 'no-native', message: netlinkUnavailable ?? 'the native addon is not there' }
    if (target.fd === null) return { code: 'EACCES', message: 'this namespace may be read through procfs only' }
    return this.dumpStates(tables, firstStates(tables[0]!, this.query.states), target)
  }

  /** One table, or TCP's two at once. */
  private async dumpStates(tables: readonly Table[], states: number, target: NetnsTarget): Promise<Failure | null> {
    const { bytecode } = this.query
    const before = this.handedOut
    try {
      const connection = this.ports.netlink!.open(NETLINK_SOCK_DIAG, target.fd!)
      try {
        let outcome = await this.dump(connection, tables, states, bytecode)
        // A kernel that refuses the filter program still answers without it: the filter runs here as well.
        if (outcome.errno !== 0 && bytecode !== null && tables[0]!.inet) {
          outcome = await this.dump(connection, tables, states, null)
        }
        if (outcome.errno !== 0) return refusal(outcome.errno, tables[0]!)
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

  private dump(
    connection: NetlinkConnection,
    tables: readonly Table[],
    states: number,
    bytecode: Uint8Array | null,
  ): Promise<DumpOutcome> {
    const first = tables[0]!
    const other = tables[1] ?? first
    const details = { ...this.query.details, bytecode: first.inet ? bytecode : null }
    const requestFor = (mask: number): DumpRequest =>
      first === other ? first.request(mask, details) : tcpRequest(mask, details)
    // A recording says the same however often it is asked.
    const chained = this.ports.recorded === undefined ? chainedOf(first.protocol, states, requestFor) : null
    const request = { ...requestFor(states), chained }
    const { family } = first
    const isTcp = first.protocol === 'tcp'
    const visit = (record: SocketRecord): void => {
      if (isTcp) this.tcpSockets++
      if (!((states >>> record.state) & 1)) return
      this.handedOut++
      this.collect.socket(record, request.decode, record.family === family ? first : other)
    }
    return dumpSockets(connection, request, this.record, this.ports.now, visit, () => this.collect.pause?.() ?? null)
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
