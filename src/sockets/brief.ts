// Sockets that lived less than the time between two looks: all that is left of them is their destroy event.

import type { Difference, Snapshot } from './diff.js'
import { decodeDestroyed } from './events.js'
import type { SocketPredicate } from './filter/index.js'
import { HeldRows } from './held-rows.js'
import { SocketRecord } from './record.js'
import { CLOSED, ESTABLISHED } from './states.js'
import { cookieText } from './to-model.js'

/** Destroyed sockets kept until the next look; beyond this they are counted as lost. */
const LIMIT_BYTES = 32 * 1024 * 1024
/** Cookies of closed sockets, whose destroy events may still come: the kernel sends them from a work queue. */
const REMEMBERED_COOKIES = 200_000

/** Gathers destroy events between two looks, and tells afterwards which sockets no look has seen. */
export class BriefSockets {
  private readonly states: number
  private readonly accepts: SocketPredicate
  private held = new HeldRows()
  private cookies: string[] = []
  private readonly closed = new Set<string>()
  /** Events there was no room for. */
  dropped = 0

  /** @param states mask of the states that are listed */
  constructor(states: number, accepts: SocketPredicate) {
    this.states = states
    this.accepts = accepts
  }

  add(record: SocketRecord): void {
    // A connection was established in its time; a UDP socket without a peer never was, and a TCP one listened, or did nothing.
    const state = record.peerPort === 0 ? CLOSED : ESTABLISHED
    if ((record.protocol === 'tcp' && state === CLOSED) || !((this.states >>> state) & 1)) return
    record.state = state
    const wanted = this.accepts(record)
    record.state = CLOSED
    if (!wanted) return
    if (this.held.bytes > LIMIT_BYTES) {
      this.dropped++
      return
    }
    this.held.add(record, decodeDestroyed)
    this.cookies.push(cookieKey(record))
  }

  /** Those destroyed since the last call that neither look has seen, nor one before them. */
  take(before: Snapshot | null, after: Snapshot, difference: Difference): HeldRows {
    const unseen = new HeldRows()
    const { held, cookies } = this
    this.held = new HeldRows()
    this.cookies = []
    for (const row of difference.closed) {
      const cookie = before?.looks[row]?.cookie ?? null
      if (cookie !== null) this.closed.add(cookie)
    }
    if (cookies.length > 0 && before !== null) {
      const seen = new Set<string | null>()
      for (const look of before.looks) seen.add(look.cookie)
      for (const look of after.looks) seen.add(look.cookie)
      let index = 0
      held.visit(new SocketRecord(), record => {
        const cookie = cookies[index++]!
        const late = this.closed.delete(cookie)
        if (!late && !seen.has(cookie)) unseen.add(record, decodeDestroyed)
      })
    }
    for (const cookie of this.closed) {
      if (this.closed.size <= REMEMBERED_COOKIES) break
      this.closed.delete(cookie)
    }
    return unseen
  }
}

/** A cookie is unique in its network namespace. */
export const cookieKey = (record: SocketRecord): string => `${record.netns} ${cookieText(record)}`
