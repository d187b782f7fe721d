// `netkit ss --watch`: looks again and again, and shows what opened, closed and changed.

import { explainReport, onlyUnsupported } from '../../compose/explain.js'
import { planListing } from '../../compose/plan.js'
import { openSession, type Session, serviceLookup } from '../../compose/session.js'
import { NetkitError, UsageError } from '../../errors/index.js'
import { BriefSockets } from '../../sockets/brief.js'
import { diffSnapshots, noDifference, Snapshot } from '../../sockets/diff.js'
import { DestroyEvents, destroyGroups } from '../../sockets/events.js'
import { type ListingQuery, Owners, visitSockets } from '../../sockets/listing.js'
import type { Console } from '../console.js'
import { eventTargets, Interruption, Notes, refuseDocument, refuseTogether } from './modes.js'
import { parseRequest } from './request.js'
import type { SocketFlags } from './run.js'
import { makeWatchView } from './watch-views.js'

const DEFAULT_SECONDS = 2
const MIN_SECONDS = 0.1
const MAX_SECONDS = 24 * 60 * 60
/** Between two looks at least, however long one takes: time for events and keys. */
const LEAST_PAUSE_MS = 10

/** @throws UsageError for what is no number of seconds */
export function parseSeconds(text: string): number {
  const seconds = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN
  if (seconds === 0) return DEFAULT_SECONDS
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds
  const range = `${MIN_SECONDS} to ${MAX_SECONDS}`
  throw new UsageError(`--watch needs the seconds between two looks, ${range}, not ${text || 'nothing'}`, {
    hints: ['netkit ss --watch 2 -tan', 'netkit ss --watch 0.5 -tan state time-wait'],
  })
}

/** Shows the sockets until Ctrl-C. */
export async function runWatch(flags: SocketFlags, words: readonly string[], io: Console): Promise<undefined> {
  const seconds = parseSeconds(flags.watch ?? '')
  refuseTogether(flags, 'watch', ['events', 'count-by', 'top', 'summary', 'resolve', 'record', 'replay', 'exit-code'])
  refuseDocument(io, 'watch')
  const request = parseRequest(flags, words, serviceLookup)
  const owners = new Owners()
  const session = openSession(flags.net ?? null, owners)
  const interruption = new Interruption(io)
  const view = makeWatchView({ flags, request, session, io, interruption, seconds })
  const notes = new Notes(io, session.notes)
  let destroyed: Destroyed | null = null
  try {
    const query = await planListing(request, flags, flags.source, session)
    destroyed = listen(query, session, notes, interruption)
    let before: Snapshot | null = null
    let previous = 0
    while (!interruption.happened) {
      const started = session.ports.now()
      const after = new Snapshot()
      const report = await visitSockets(query, session.ports, owners, record =>
        after.add(record, session.lookups.holders(record)),
      )
      notes.add(explainReport(report, request.selection.named))
      if (request.selection.named && onlyUnsupported(report.sources)) {
        io.setExit(4)
        break
      }
      const difference = before === null ? noDifference() : diffSnapshots(before, after, (started - previous) / 1000)
      const brief = destroyed.brief.take(before, after, difference)
      if (!interruption.happened) view.show({ time: new Date(), before, after, difference, brief })
      if (!view.ownsTerminal) notes.print()
      before = after
      previous = started
      await interruption.wait(Math.max(started + seconds * 1000 - session.ports.now(), LEAST_PAUSE_MS))
    }
    interruption.rethrow()
  } finally {
    interruption.close()
    view.close()
    if (destroyed !== null) notes.add(destroyed.close())
    notes.print()
    session.close()
  }
  return undefined
}

interface Destroyed {
  brief: BriefSockets
  /** What was lost, in sentences. */
  close(): string[]
}

/** Listens to destroy events, so that a connection shorter than the time between two looks is told of. */
function listen(query: ListingQuery, session: Session, notes: Notes, interruption: Interruption): Destroyed {
  const brief = new BriefSockets(query.states, query.accepts)
  const none = { brief, close: () => [] }
  const groups = destroyGroups(query.tables)
  if (groups === 0 || query.source === 'procfs' || session.ports.netlink === null) return none
  const unseen = 'connections that live less than the time between two looks are not shown'
  if (query.acceptsByHolder) {
    notes.add([`${unseen}: a destroyed socket has no process for the filter to look at`])
    return none
  }
  try {
    const targets = eventTargets(session, notes)
    const events = new DestroyEvents(
      session.ports.netlink,
      targets,
      groups,
      record => brief.add(record),
      error => interruption.fail(error),
    )
    return {
      brief,
      close: () => {
        const lost = events.overruns > 0 ? (events.lost ?? 0) || 'some' : 0
        events.close()
        const missing = typeof lost === 'number' ? lost + brief.dropped : lost
        return missing === 0 ? [] : [`${missing} destroy events were lost (ENOBUFS): short connections may be missing`]
      },
    }
  } catch (error) {
    if (!(error instanceof NetkitError)) throw error
    notes.add([`${unseen}: ${error.message}`])
    return none
  }
}
