// Sockets of a large dump that stand in long hash chains: remembered, and looked for again until two looks agree.

import { walkMessages } from '../netlink/message.js'
import type { DatagramBatch, NetlinkConnection } from '../ports/netlink.js'
import type { DumpOutcome, DumpRequest, Visit } from './dump.js'
import { hasCookie } from './dump-pass.js'
import type { SocketRecord } from './record.js'

/**
 * The sockets of an answer that the kernel keeps in chains by local port or in a few chains only: as long as there are sockets,
 * while a chain of the table of connections has one or two. A cursor that is a position in such a chain skips as many live
 * sockets as closed before it, and nothing in the answer shows it.
 */
export interface Chained {
  holds(record: SocketRecord): boolean
  /** Asks for them alone. */
  request: Pick<DumpRequest, 'type' | 'payload' | 'attributes'>
}

/** Looks at most, the first of which is the dump itself. */
const MAX_LOOKS = 4
/** Looks that take longer altogether are enough: a table that changes all the time never agrees. */
const LOOK_WITHIN_MS = 500

/** A cookie as a key; only one that is no exact number costs a string. */
function keyOf({ cookieLow, cookieHigh }: SocketRecord): number | string {
  const high = cookieHigh >>> 0
  return high < 0x20_0000 ? high * 0x1_0000_0000 + (cookieLow >>> 0) : `${high}:${cookieLow}`
}

type Keys = Set<number | string>

/** Tells whether the cursor stood in a long chain, at the cost of one look at each datagram. */
export class ChainWatch {
  private readonly request: DumpRequest
  private readonly chained: Chained
  private readonly record: SocketRecord
  /** Those of the answer, once the cursor has stood among them: what came before cannot have been skipped. */
  private readonly keys: Keys = new Set()
  /** The last datagram ended among them. */
  private open = false
  /** A datagram ended among them, and another followed. */
  private crossed = false

  constructor(request: DumpRequest, chained: Chained, record: SocketRecord) {
    this.request = request
    this.chained = chained
    this.record = record
  }

  /** Called after each datagram, with the last of its sockets still in the record. */
  datagram(data: DataView, start: number, end: number): void {
    const { open } = this
    this.open = this.chained.holds(this.record)
    this.crossed ||= open
    if (!open && !this.open) return
    const { decode } = this.request
    walkMessages(data, start, end, (_type, from, to) => {
      if (decode(data, from, to, this.record)) this.remember(this.keys)
    })
  }

  private remember(keys: Keys): boolean {
    if (!hasCookie(this.record) || !this.chained.holds(this.record)) return false
    const key = keyOf(this.record)
    if (keys.has(key)) return false
    keys.add(key)
    return true
  }

  /**
   * Looks again where it matters, and hands out what no look before has seen, until two looks in a row see the same. The outcome says
   * for good that looks differed, as it does of small tables: what changes so fast may have changed again since.
   */
  async verify(connection: NetlinkConnection, outcome: DumpOutcome, now: () => number, visit: Visit, send: Send) {
    if (!this.crossed) return
    const since = now()
    const known: Keys = new Set(this.keys)
    let previous: Keys = this.keys
    for (let look = 2; look <= MAX_LOOKS; look++) {
      const keys: Keys = new Set()
      send(this.chained.request)
      const whole = await this.look(connection, keys, known, outcome, visit)
      outcome.passes = look
      if (whole && sameKeys(keys, previous)) return
      outcome.differed = true
      previous = keys
      if (!whole || now() - since > LOOK_WITHIN_MS) return
    }
  }

  /** False when the answer was a refusal, or broke off. */
  private async look(connection: NetlinkConnection, keys: Keys, known: Keys, outcome: DumpOutcome, visit: Visit) {
    const { record } = this
    const { decode } = this.request
    for (let batch = await connection.read(); batch !== null; batch = await connection.read()) {
      const { data } = batch as DatagramBatch
      const each = (_type: number, start: number, end: number): void => {
        if (!decode(data, start, end, record) || !this.remember(keys)) return
        const key = keyOf(record)
        if (known.has(key)) return
        known.add(key)
        record.messageStart = start
        record.messageEnd = end
        visit(record)
      }
      for (let index = 0; index < batch.count; index++) {
        const start = batch.start(index)
        const { done, errno } = walkMessages(data, start, start + batch.length(index), each)
        if (done) return errno === 0
      }
    }
    outcome.damaged++
    return false
  }
}

type Send = (request: Chained['request']) => void

function sameKeys(one: Keys, other: Keys): boolean {
  if (one.size !== other.size) return false
  for (const key of one) if (!other.has(key)) return false
  return true
}
