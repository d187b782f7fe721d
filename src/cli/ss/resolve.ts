// `-r`: rows are set aside until the names of their addresses are known, and shown then.

import { openReverseResolver } from '../../adapters/reverse-dns.js'
import type { Session } from '../../compose/session.js'
import type { ReverseResolver } from '../../ports/resolver.js'
import { AF_INET, AF_INET6 } from '../../sockets/constants.js'
import type { Decode } from '../../sockets/dump.js'
import { HeldRows } from '../../sockets/held-rows.js'
import { HostNames } from '../../sockets/host-names.js'
import type { ListingReport } from '../../sockets/listing.js'
import { SocketRecord } from '../../sockets/record.js'
import { ALL_STATES } from '../../sockets/states.js'
import { TABLES, type Table } from '../../sockets/tables.js'
import { addressText } from '../../sockets/to-model.js'
import type { View } from './view.js'

export const RESOLVE_WITHIN_MS = 3000
/** More rows than this are not held at once: they are shown before more are read. */
const HOLD_LIMIT_BYTES = 8 * 1024 * 1024

/** Names from the system's resolver, which `session` shows from now on. */
export function openHostNames(session: Session, open: () => ReverseResolver = openReverseResolver): HostNames {
  const names = new HostNames(open(), RESOLVE_WITHIN_MS)
  session.lookups.hostName = address => names.nameOf(address)
  return names
}

/** Says how many addresses are numbers only because nobody answered. */
export function noteUnanswered(names: HostNames, session: Session): void {
  if (names.unanswered === 0) return
  session.notes.push(
    `${names.unanswered} of ${names.size} addresses are shown as numbers: no name server answered for them within ` +
      `${RESOLVE_WITHIN_MS / 1000} s`,
  )
}

/** Holds rows back from another view. */
export class ResolvingView implements View {
  private readonly inner: View
  private readonly session: Session
  private readonly open: (() => ReverseResolver) | undefined
  private names: HostNames | null = null
  private readonly addresses = new Set<string>()
  private readonly held = new HeldRows()
  /** Other ends of the held unix sockets: they are not in the messages. */
  private peerPaths: (string | null)[] = []
  private readonly decoders = new Map<Table, Decode>()

  /** @param open default the system's resolver */
  constructor(inner: View, session: Session, open?: () => ReverseResolver) {
    this.inner = inner
    this.open = open
    this.session = session
  }

  get rows(): number {
    return this.inner.rows + this.held.count
  }

  begin(): void {
    this.inner.begin()
  }

  row(record: SocketRecord): void {
    const { family } = record
    if (family === AF_INET || family === AF_INET6) {
      this.want(addressText(family, record.local0, record.local1, record.local2, record.local3))
      this.want(addressText(family, record.peer0, record.peer1, record.peer2, record.peer3))
    }
    if (record.unix !== null) this.peerPaths.push(record.unix.peerPath)
    this.held.add(record, this.decoderOf(record))
  }

  /** Any address is no host's. */
  private want(address: string): void {
    if (address !== '0.0.0.0' && address !== '::') this.addresses.add(address)
  }

  pause(): Promise<void> | null {
    return this.held.bytes > HOLD_LIMIT_BYTES ? this.release() : null
  }

  async settle(): Promise<void> {
    await this.release()
    if (this.names !== null) noteUnanswered(this.names, this.session)
  }

  end(report: ListingReport, notes: readonly string[]): void {
    this.inner.end(report, notes)
  }

  private async release(): Promise<void> {
    if (this.addresses.size > 0) {
      this.names ??= openHostNames(this.session, this.open)
      for (const address of this.addresses) this.names.want(address)
      this.addresses.clear()
      await this.names.resolve()
    }
    let unix = 0
    this.held.visit(new SocketRecord(), record => {
      if (record.unix !== null) record.unix.peerPath = this.peerPaths[unix++] ?? null
      this.inner.row(record)
    })
    this.held.clear()
    this.peerPaths = []
  }

  private decoderOf(record: SocketRecord): Decode {
    const table = TABLES.find(each => each.protocol === record.protocol && each.family === record.family)
    // A table lists no family but its own.
    if (table === undefined) return () => false
    let decode = this.decoders.get(table)
    if (decode === undefined) {
      decode = table.request(ALL_STATES, { extensions: 0, bytecode: null }).decode
      this.decoders.set(table, decode)
    }
    return decode
  }
}
