// What the exit code says of a listing: whether it is whole, and whether "nothing matched" can be believed.

import { EXIT, type ExitCode } from '../errors/index.js'
import { isBroken } from '../sockets/collect-report.js'
import { requirements } from '../sockets/filter/index.js'
import type { ListingReport } from '../sockets/listing.js'
import type { SourceReport } from '../sockets/model.js'
import { lostToProcfs, marksHidden, onlyUnsupported } from './explain.js'
import type { SocketRequest } from './plan.js'
import type { Session } from './session.js'

/** A listing that is over. */
export interface Listed {
  session: Pick<Session, 'recorded' | 'unseen'>
  request: SocketRequest
  report: ListingReport
  /** Whether any socket matched. */
  found: boolean
}

/** The exit code of a listing. @param mustFind whether nothing is an answer of its own, as `--exit-code` wants it */
export function listingExit(listed: Listed, mustFind: boolean): ExitCode {
  const { session, request, report, found } = listed
  const { sources, damaged } = report
  if (session.recorded?.damage) return EXIT.damaged
  if (request.selection.named && onlyUnsupported(sources)) return EXIT.system
  if (sources.some(isBroken)) return EXIT.system
  if (session.recorded === null && marksHidden(request.filter)) return EXIT.permission
  if (damaged > 0) return EXIT.damaged
  return mustFind && !found ? notFoundExit(listed) : EXIT.yes
}

/** Nothing matched: "no" where everything could be looked at, and otherwise why it could not. */
function notFoundExit({ session, request, report }: Listed): ExitCode {
  const { sources, scan, ownerless } = report
  const denied = sources.some(source => source.method === 'none' && isDenied(source))
  const ownersHidden = ownerless > 0 && scan !== null && (scan.unreadable > 0 || scan.hidepid)
  const { filter, selection } = request
  const { recorded, unseen } = session
  if (denied || unseen > 0 || (ownersHidden && requirements(filter).processes)) return EXIT.permission
  const unread = sources.some(source => source.method === 'none' && source.error?.code !== 'ENOENT')
  const ownersUnknown = recorded?.holders === 'none' && requirements(filter).processes
  if ((unread && selection.named) || ownersUnknown || lostToProcfs(filter, sources).length > 0) return EXIT.system
  return EXIT.no
}

const isDenied = ({ error }: SourceReport): boolean => error?.code === 'EACCES' || error?.code === 'EPERM'
