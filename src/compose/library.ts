// Listing for programs: the same collectors and the same model as `netkit ss --json`, as a promise and as a stream.

import { type ListingReport, Owners, visitSockets } from '../sockets/listing.js'
import type { Socket, SocketListing } from '../sockets/model.js'
import { toSocket } from '../sockets/to-model.js'
import { BatchQueue } from './batch-queue.js'
import { explainReport } from './explain.js'
import { planListing } from './plan.js'
import { detailsOf, requestOf, type SocketQuery } from './query.js'
import { openSession } from './session.js'

/** Everything about a listing but the sockets. */
export type ListingSummary = Omit<SocketListing, 'sockets'>

/**
 * All sockets that match, at once. What could not be read is in `sources` and `notes`, not thrown.
 * @throws UsageError (exit 2) for a query that cannot be understood, or a namespace that is not there
 */
export async function listSockets(query: SocketQuery = {}): Promise<SocketListing> {
  const sockets: Socket[] = []
  const summary = await visit(query, socket => sockets.push(socket))
  return { sockets, ...summary }
}

/**
 * Sockets as they are read, for tables that are large: the kernel is asked for more only when the consumer has taken what is
 * there, so that a few thousand are in memory at a time. Unix sockets come all together, because one knows its peer only then,
 * and so does what procfs gives; with `processes`, sockets come after the processes were read. Ending the loop early ends
 * the reading. The generator's return value is what `listSockets` gives besides the sockets.
 * @throws UsageError (exit 2) for a query that cannot be understood, or a namespace that is not there
 */
export async function* streamSockets(query: SocketQuery = {}): AsyncGenerator<Socket, ListingSummary, undefined> {
  const queue = new BatchQueue<Socket>()
  const reading = visit(
    query,
    socket => queue.push(socket),
    () => queue.drained(),
  ).finally(() => queue.end())
  // Looked at below; until then a failure has to wait.
  reading.catch(() => undefined)
  try {
    for (;;) {
      const batch = await queue.next()
      if (batch === null) break
      yield* batch
    }
    return await reading
  } finally {
    queue.abandon()
    await reading.catch(() => undefined)
  }
}

async function visit(
  query: SocketQuery,
  take: (socket: Socket) => void,
  pause?: () => Promise<void> | null,
): Promise<ListingSummary> {
  const owners = new Owners()
  const request = requestOf(query)
  const details = detailsOf(query)
  const session = openSession(query.netns === undefined ? null : String(query.netns), owners)
  try {
    const plan = await planListing(request, details, query.source ?? 'auto', session)
    const { lookups } = session
    const report: ListingReport = await visitSockets(
      plan,
      session.ports,
      owners,
      record => take(toSocket(record, lookups)),
      pause,
    )
    const { sources, consistency } = report
    return { sources, notes: [...session.notes, ...explainReport(report, request.selection.named)], consistency }
  } finally {
    session.close()
  }
}
