// `netkit ss -E`: prints sockets as the kernel destroys them, with what was known of them before.

import { writeWord } from '../../bytes/text-sink.js'
import { explainReport } from '../../compose/explain.js'
import { planListing } from '../../compose/plan.js'
import { openSession, type Session, serviceLookup } from '../../compose/session.js'
import { UnsupportedError, UsageError } from '../../errors/index.js'
import { socketJson } from '../../render/socket-json.js'
import { SocketLines } from '../../render/socket-lines.js'
import type { WriteWords } from '../../render/socket-table.js'
import { cookieKey } from '../../sockets/brief.js'
import { DestroyEvents, destroyGroups, formatLastCounters } from '../../sockets/events.js'
import { type ListingQuery, Owners, visitSockets } from '../../sockets/listing.js'
import type { SocketLookups } from '../../sockets/lookups.js'
import type { Holder } from '../../sockets/model.js'
import { type SocketRecord, UNKNOWN } from '../../sockets/record.js'
import { ALL_STATES, CLOSED, formatState, stateLabel } from '../../sockets/states.js'
import type { Console } from '../console.js'
import { eventTargets, Interruption, Notes, refuseDocument, refuseTogether } from './modes.js'
import { parseRequest, splitWords } from './request.js'
import type { SocketFlags } from './run.js'
import { tableOptions } from './view.js'
import { clock } from './watch-views.js'

/** How often the sockets are listed again, so that new ones are known when they go. */
const REFRESH_MS = 1000
/** Listing takes at most one part in this many of the time. */
const REFRESH_SHARE = 20

/** What was known of a socket while it lived. */
interface Known {
  state: number
  uid: number
  inode: number
  holders: readonly Holder[] | null
}

/** Prints destroyed sockets until Ctrl-C. */
export async function runEvents(flags: SocketFlags, words: readonly string[], io: Console): Promise<undefined> {
  refuseTogether(flags, 'events', [
    ...(['watch', 'count-by', 'top', 'summary', 'resolve', 'record', 'replay', 'exit-code'] as const),
    ...(['listening', 'bound-inactive', 'state', 'exclude'] as const),
  ])
  refuseDocument(io, 'events')
  if (flags.source === 'procfs') throw new UsageError('--events needs netlink: procfs does not tell what is destroyed')
  const { states, exclude } = splitWords(words)
  if (states.length + exclude.length > 0) {
    throw new UsageError('--events shows sockets that are destroyed: states do not choose among them', {
      hints: ["netkit ss -E -t 'dport = :443'"],
    })
  }
  const owners = new Owners()
  const request = parseRequest(flags, words, serviceLookup)
  const { tables } = request.selection
  const heard = tables.filter(table => destroyGroups([table]) !== 0)
  if (heard.length === 0) {
    const protocols = [...new Set(tables.map(table => table.protocol))].join(', ')
    throw new UnsupportedError(`the kernel tells of destroyed TCP and UDP sockets only, not of ${protocols}`)
  }
  const session = openSession(flags.net ?? null, owners)
  const interruption = new Interruption(io)
  const notes = new Notes(io, session.notes)
  if (request.selection.named && heard.length < tables.length) {
    notes.add(['the kernel tells of destroyed TCP and UDP sockets only: the others are not shown'])
  }
  let events: DestroyEvents | null = null
  try {
    const { netlink, netlinkUnavailable } = session.ports
    if (netlink === null) throw new UnsupportedError(`cannot listen to destroy events: ${netlinkUnavailable}`)
    const narrowed = { ...request, selection: { ...request.selection, tables: heard } }
    const query = await planListing(narrowed, flags, flags.source, session)
    const view = makeView(flags, narrowed, session, io)
    const living = new Living(query, session, owners)
    let count = 0
    // Before the first listing: what goes meanwhile is not missed.
    events = new DestroyEvents(
      netlink,
      eventTargets(session, notes),
      destroyGroups(heard),
      record => {
        const known = living.find(record)
        if (known !== null) Object.assign(record, { uid: known.uid, inode: known.inode, state: known.state })
        const wanted = query.accepts(record)
        record.state = CLOSED
        if (!wanted) return
        count++
        view.row(record, known)
      },
      error => interruption.fail(error),
      () => view.flush(),
    )
    view.begin()
    while (!interruption.happened) {
      const started = session.ports.now()
      notes.add(await living.refresh(request.selection.named))
      notes.print()
      await interruption.wait(Math.max(REFRESH_MS, (session.ports.now() - started) * REFRESH_SHARE))
    }
    interruption.rethrow()
    events.drain()
    notes.add(summary(count, events))
    return undefined
  } finally {
    interruption.close()
    events?.close()
    notes.print()
    session.close()
  }
}

function summary(count: number, { overruns, damaged, lost }: DestroyEvents): string[] {
  const notes = [`${count} ${count === 1 ? 'socket was' : 'sockets were'} destroyed`]
  // The kernel counts what it throws away before the error is read, and not at all before 4.12.
  if (overruns > 0 || lost) {
    notes.push(`${lost || 'some'} more events were lost: they came faster than they could be read (ENOBUFS)`)
  }
  if (damaged > 0) notes.push(`${damaged} messages could not be read`)
  return notes
}

/** The sockets that live, or did at the last listing but one: the kernel tells late. */
class Living {
  private readonly query: ListingQuery
  private readonly session: Session
  private readonly owners: Owners
  private now = new Map<string, Known>()
  private earlier = new Map<string, Known>()

  constructor(query: ListingQuery, session: Session, owners: Owners) {
    // All of them: what a filter asks for may be known only at the end.
    this.query = { ...query, states: ALL_STATES, bytecode: null, accepts: () => true, acceptsByHolder: false }
    this.session = session
    this.owners = owners
  }

  find(record: SocketRecord): Known | null {
    const key = cookieKey(record)
    return this.now.get(key) ?? this.earlier.get(key) ?? null
  }

  /** @returns what the listing could not see, in sentences */
  async refresh(named: boolean): Promise<string[]> {
    const next = new Map<string, Known>()
    const report = await visitSockets(this.query, this.session.ports, this.owners, record => {
      const { state, uid, inode } = record
      next.set(cookieKey(record), { state, uid, inode, holders: this.session.lookups.holders(record) })
    })
    // A connection that has become ownerless is still the one that somebody held.
    for (const [key, known] of next) {
      const was = this.now.get(key)
      if (was && known.inode === 0 && was.inode !== 0) next.set(key, { ...was, state: known.state })
      // Closed between the listing and the look at the processes: nobody holds it any more.
      else if (was && known.inode === was.inode && !known.holders?.length && was.holders?.length)
        known.holders = was.holders
    }
    this.earlier = this.now
    this.now = next
    return explainReport(report, named)
  }
}

interface EventsView {
  begin(): void
  row(record: SocketRecord, known: Known | null): void
  flush(): void
}

function makeView(
  flags: SocketFlags,
  request: Parameters<typeof tableOptions>[1],
  session: Session,
  io: Console,
): EventsView {
  let known: Known | null = null
  const lookups: SocketLookups = { ...session.lookups, holders: () => known?.holders ?? null }
  if (io.format === 'ndjson') {
    return {
      begin: () => undefined,
      row: (record, before) => {
        known = before
        const last = before === null ? null : formatState(before.state)
        const head = `{"event":"destroyed","time":"${new Date().toISOString()}","lastState":${JSON.stringify(last)}`
        io.out.line(`${head},"socket":${socketJson(record, lookups)}}`)
      },
      flush: () => io.out.flush(),
    }
  }
  const options = tableOptions(flags, request, session)
  const extras: WriteWords = (record, sink) => {
    const was = `was:${known === null ? '?' : stateLabel(known.state)}`
    const owner = known === null || known.uid === UNKNOWN || flags.extended ? '' : `uid:${known.uid}`
    const counters = flags.info ? '' : formatLastCounters(record)
    for (const word of [was, owner, counters]) writeWord(word, sink)
    options.extras?.(record, sink)
  }
  // The state of all is the same now; the last one stands among the words behind.
  const lines = new SocketLines<string>({ ...options, state: false, extras }, lookups, (text, prefix) => {
    io.out.line((prefix ?? 'Time'.padEnd(clock(new Date()).length + 1)) + text)
  })
  const flush = (): void => {
    lines.flush()
    io.out.flush()
  }
  return {
    begin: () => {
      lines.header()
      flush()
    },
    row: (record, before) => {
      known = before
      lines.row(record, `${clock(new Date())} `)
    },
    flush,
  }
}
