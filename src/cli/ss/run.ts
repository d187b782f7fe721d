// Runs `netkit ss`: request, session, listing, and the view that the flags ask for.

import type { Interfaces } from '@oclif/core'
import {
  explainColumns,
  explainFilter,
  explainReport,
  listingFailure,
  onlyUnsupported,
  unknownNames,
} from '../../compose/explain.js'
import { planListing, type SocketRequest } from '../../compose/plan.js'
import { openSession, type Session, serviceLookup } from '../../compose/session.js'
import { listingExit } from '../../compose/verdict.js'
import { hiddenDualStack } from '../../sockets/dual-stack.js'
import type { ListingReport } from '../../sockets/listing.js'
import { Owners, visitSockets } from '../../sockets/listing.js'
import type { SocketRecord } from '../../sockets/record.js'
import type { Console } from '../console.js'
import type { socketFlags } from './flags.js'
import { Interruptible } from './interruptible.js'
import { printNotes } from './notes.js'
import { parseRequest } from './request.js'
import { makeView, type View, viewDetails, viewSelection } from './view.js'

export type SocketFlags = Interfaces.InferredFlags<typeof socketFlags>

/** One listing from flags and words; prints as it goes. */
export async function runSockets(flags: SocketFlags, words: readonly string[], io: Console): Promise<unknown> {
  if (flags.kill) return (await import('./kill.js')).runKill(flags, words, io)
  if (flags.events) return (await import('./events.js')).runEvents(flags, words, io)
  if (flags.watch !== undefined) return (await import('./watch.js')).runWatch(flags, words, io)
  if (flags.record !== undefined) return (await import('./record.js')).runRecord(flags, words, io)
  const owners = new Owners()
  const request = parseRequest(viewSelection(flags), words, serviceLookup)
  const session = await sessionFor(flags, owners)
  const interruptible = new Interruptible(io)
  try {
    const query = await planListing(request, viewDetails(flags), flags.source, session)
    const view = makeView(flags, request, session, io)
    let begun = false
    const row = (record: SocketRecord): void => {
      if (!begun) interruptible.listen()
      if (!begun) view.begin()
      begun = true
      view.row(record)
    }
    const pause = () => interruptible.pause(view.pause?.() ?? null)
    const report = await visitSockets(query, session.ports, owners, row, pause)
    if (session.recorded === null && !report.interrupted && onlyUnsupported(report.sources))
      throw listingFailure(report)
    if (!begun) view.begin()
    await view.settle?.()
    const asks = request.selection.ipv4Only && !report.interrupted
    const notes = asks ? dualStackNotes(await hiddenDualStack(query, session.ports)) : []
    finish(view, report, session, request, flags, io, notes)
    return undefined
  } finally {
    await interruptible.end()
    session.close()
  }
}

/** The kernel, or what a file says the kernel said. */
async function sessionFor(flags: SocketFlags, owners: Owners): Promise<Session> {
  const netns = flags.net ?? null
  if (flags.replay === undefined) return openSession(netns, owners)
  const { openReplaySession } = await import('../../compose/replay-session.js')
  return openReplaySession(flags.replay, netns, flags.threads, owners)
}

/** Ports named at most in a note. */
const NAMED_PORTS = 8

function dualStackNotes(ports: readonly string[]): string[] {
  if (ports.length === 0) return []
  const named = ports.slice(0, NAMED_PORTS).join(', ')
  const more = ports.length > NAMED_PORTS ? ` and ${ports.length - NAMED_PORTS} more` : ''
  return [`IPv6 sockets that receive IPv4 too are not listed with -4: ${named}${more}`]
}

/** Of the flags given: a column of the model that each would fill. */
function columnsAsked(flags: SocketFlags): Record<string, string> {
  return {
    ...(flags.info ? { '-i': 'tcp' } : {}),
    ...(flags.memory ? { '-m': 'memory' } : {}),
    ...(flags.extended ? { '-e': 'cookie' } : {}),
    ...(flags.tos ? { '--tos': 'options' } : {}),
    ...(flags.cgroup ? { '--cgroup': 'cgroup' } : {}),
    ...(flags['inet-sockopt'] ? { '--inet-sockopt': 'options' } : {}),
  }
}

function finish(
  view: View,
  report: ListingReport,
  session: Session,
  request: SocketRequest,
  flags: SocketFlags,
  io: Console,
  more: readonly string[],
): void {
  const { filter, selection } = request
  const live = session.recorded === null
  const unknown = live
    ? [
        ...unknownNames(filter, session.context, session.targets.length),
        ...explainFilter(filter, report.sources),
        ...explainColumns(columnsAsked(flags), report.sources),
      ]
    : []
  const notes = [...session.notes, ...explainReport(report, selection.named), ...unknown, ...more]
  view.end(report, notes)
  io.out.flush()
  if (io.format === 'text') printNotes(io, notes)
  const code = listingExit({ session, request, report, found: view.rows > 0 }, flags['exit-code'])
  if (code !== 0) io.setExit(code)
}
