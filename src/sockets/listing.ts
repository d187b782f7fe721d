// One listing: sockets that match a query and a filter, joined with their holders and their other ends.

import type { ProcessScan, ScanProcesses } from '../ports/proc.js'
import { type Collect, type CollectPorts, type CollectQuery, type CollectReport, collectSockets } from './collect.js'
import { AF_UNIX } from './constants.js'
import type { Decode, Visit } from './dump.js'
import type { SocketPredicate } from './filter/index.js'
import { HeldRows } from './held-rows.js'
import { isUnaccepted, ListenerIndex } from './listeners.js'
import type { Holder } from './model.js'
import { InodeSet } from './processes.js'
import { SocketRecord } from './record.js'
import { LISTENING } from './states.js'
import { TABLES, type Table } from './tables.js'

/** Above this, rows are no longer set aside until the holders are known: all holders are looked for first. */
const HOLD_LIMIT_BYTES = 24 * 1024 * 1024

export interface ListingQuery extends CollectQuery {
  accepts: SocketPredicate
  /** Whether `accepts` asks who holds a socket. */
  acceptsByHolder: boolean
  /** Whether holders are to be found. */
  processes: boolean
  threads: boolean
}

export interface ListingPorts extends CollectPorts {
  scanProcesses: ScanProcesses
}

export interface ListingReport extends CollectReport {
  /** null when no process had to be read. */
  scan: ProcessScan | null
  /** Listed sockets that some file refers to, but no process that could be read. */
  ownerless: number
}

/** Who holds the sockets of a listing; knows nothing before the listing has looked. */
export class Owners {
  private scan: ProcessScan | null = null
  private listeners: ListenerIndex | null = null

  set(scan: ProcessScan, listeners: ListenerIndex | null): void {
    this.scan = scan
    this.listeners = listeners
  }

  /** Holders of a socket, null when unknown. One that waits in an accept queue belongs to whoever holds the listener. */
  of(record: SocketRecord): readonly Holder[] | null {
    if (this.scan === null) return null
    if (record.inode !== 0) return this.ofInode(record.inode)
    if (this.listeners === null || !isUnaccepted(record)) return []
    const listeners = this.listeners.find(record)
    const found = listeners.flatMap(listener => this.ofInode(listener.inode) ?? [])
    return found.length === 0 && listeners.length > 0 ? this.ofInode(listeners[0]!.inode) : found
  }

  ofPeer(record: SocketRecord): readonly Holder[] | null {
    const peer = record.unix?.peerInode ?? null
    return this.scan === null || peer === null ? null : this.ofInode(peer)
  }

  /** Where processes could not be read, one of them may be the holder: nobody found is then not nobody. */
  private ofInode(inode: number): readonly Holder[] | null {
    const { holders, unreadable, hidepid } = this.scan!
    const found = holders.holdersOf(inode)
    return found.length === 0 && (unreadable > 0 || hidepid) ? null : found
  }
}

class Listing implements Collect {
  private readonly query: ListingQuery
  private readonly ports: ListingPorts
  private readonly visit: Visit
  private readonly owners: Owners
  private readonly unixRows = new HeldRows()
  private readonly unixPaths = new Map<number, string>()
  private unixDecode: Decode = () => false
  private readonly held = new HeldRows()
  private readonly wanted = new InodeSet()
  private scan: ProcessScan | null = null
  private listeners: ListenerIndex | null = null
  private ownerless = 0
  readonly pause: () => Promise<void> | null

  constructor(
    query: ListingQuery,
    ports: ListingPorts,
    owners: Owners,
    visit: Visit,
    pause: () => Promise<void> | null,
  ) {
    this.pause = pause
    this.query = query
    this.ports = ports
    this.owners = owners
    this.visit = visit
  }

  async run(): Promise<ListingReport> {
    if (this.query.processes) this.listeners = await this.findListeners()
    const report = await collectSockets(this.query, this.ports, this)
    if (this.query.processes && this.scan === null && this.held.count > 0) this.findHolders(false)
    return { ...report, scan: this.scan, ownerless: this.ownerless }
  }

  socket(record: SocketRecord, decode: Decode): void {
    if (record.family !== AF_UNIX) {
      this.route(record, decode)
      return
    }
    // The other end of a unix socket is known by inode only, and its path may come later in the dump.
    if (record.unix?.path != null && record.inode !== 0) this.unixPaths.set(record.inode, record.unix.path)
    this.unixDecode = decode
    this.unixRows.add(record, decode)
  }

  tableEnd(table: Table): void {
    if (table.family !== AF_UNIX) return
    const decode = this.unixDecode
    this.unixRows.visit(new SocketRecord(), record => {
      this.join(record)
      this.route(record, decode)
    })
    this.unixRows.clear()
  }

  private join(record: SocketRecord): void {
    const { unix } = record
    if (unix !== null && unix.peerInode !== null) unix.peerPath = this.unixPaths.get(unix.peerInode) ?? null
  }

  private route(record: SocketRecord, decode: Decode): void {
    const { query } = this
    if (!query.processes || this.scan !== null) {
      this.filter(record)
      return
    }
    if (!query.acceptsByHolder && !query.accepts(record)) return
    this.held.add(record, decode)
    if (record.inode !== 0) this.wanted.add(record.inode)
    const peer = record.unix?.peerInode ?? 0
    if (peer !== 0) this.wanted.add(peer)
    if (isUnaccepted(record)) for (const listener of this.listeners?.find(record) ?? []) this.wanted.add(listener.inode)
    if (this.held.bytes > HOLD_LIMIT_BYTES) this.findHolders(true)
  }

  /** Looks for the holders of what is held, or of everything, and lets the held rows go. */
  private findHolders(everything: boolean): void {
    this.scan = this.ports.scanProcesses(everything ? 'all' : this.wanted, { threads: this.query.threads })
    this.owners.set(this.scan, this.listeners)
    this.held.visit(new SocketRecord(), record => {
      this.join(record)
      this.filter(record)
    })
    this.held.clear()
  }

  /** Hands the record on if it matches. What a filter by holder cannot tell for want of a holder counts as well. */
  private filter(record: SocketRecord): void {
    const { query, scan } = this
    const accepted = query.accepts(record)
    // The kernel's own end of netlink belongs to no process.
    const ownable = record.inode !== 0 && record.netlink?.portId !== 0
    if ((accepted || query.acceptsByHolder) && scan !== null && ownable && !scan.holders.has(record.inode)) {
      this.ownerless++
    }
    if (accepted) this.visit(record)
  }

  /** Listeners of the tables asked for, to whose holders un-accepted connections belong. */
  private async findListeners(): Promise<ListenerIndex> {
    const index = new ListenerIndex()
    const tables = TABLES.filter(table => table.protocol === 'tcp' || table.protocol === 'mptcp')
    if (!this.query.tables.some(table => tables.includes(table))) return index
    const query = { ...this.query, tables, states: 1 << LISTENING, bytecode: null }
    await collectSockets(query, this.ports, { socket: record => index.add(record), tableEnd: () => undefined })
    return index
  }
}

/**
 * Hands every matching socket to `visit`, as it comes unless something must be known first: holders (then tables are read
 * before processes, and only the sockets found are looked for) and other ends of unix sockets. The record is valid only
 * during the call. What could not be read is in the report.
 * @param pause asked between the parts of a large answer: reading goes on when its promise is kept
 */
export function visitSockets(
  query: ListingQuery,
  ports: ListingPorts,
  owners: Owners,
  visit: Visit,
  pause: () => Promise<void> | null = () => null,
): Promise<ListingReport> {
  return new Listing(query, ports, owners, visit, pause).run()
}
