// Reads one sock_diag dump: all of it before the first row is handed out where it is small, streamed where it is large.

import { encodeRequest, NLM_F_DUMP, NLM_F_REQUEST, type RequestAttribute, walkMessages } from '../netlink/message.js'
import type { DatagramBatch, NetlinkConnection } from '../ports/netlink.js'
import { CookieWindow } from './cookies.js'
import { SOCK_DIAG_BY_FAMILY } from './diag/inet-diag.js'
import { type Chained, ChainWatch } from './dump-chains.js'
import { hasCookie, Pass } from './dump-pass.js'
import type { SocketRecord } from './record.js'

/** Fills the record from the message at start..end; false when it is too short to be one. */
export type Decode = (data: DataView, start: number, end: number, record: SocketRecord) => boolean

/** Called for each socket; the record is valid only during the call. */
export type Visit = (record: SocketRecord) => void

export interface DumpRequest {
  /** Message type; SOCK_DIAG_BY_FAMILY where absent. */
  type?: number
  payload: Uint8Array
  attributes: readonly RequestAttribute[]
  decode: Decode
  /** Families (first byte of a message) that the answer mixes: one that is small is handed out in this order. */
  families?: readonly number[]
  /** Sockets that stand in long hash chains: they are looked for again when the cursor stood among them. Null for none. */
  chained?: Chained | null
}

/** How a dump went. */
export interface DumpOutcome {
  /** Errno the kernel refused with, 0 when it answered. */
  errno: number
  passes: number
  duplicatesRemoved: number
  /** The table changed meanwhile, so that sockets may be missing: passes that did not agree, a cursor that moved, or the kernel said so. */
  differed: boolean
  /** Messages or bytes that could not be read. */
  damaged: number
}

/** A dump repeated until two passes agree ends here at the latest. */
const MAX_PASSES = 4
/** A pass that takes longer is not repeated: walking a large table again would cost more than it tells. */
const REPEAT_WITHIN_MS = 50

let sequence = 0

function encodeDump(request: Pick<DumpRequest, 'type' | 'payload' | 'attributes'>): Uint8Array {
  sequence = (sequence + 1) >>> 0
  const { type = SOCK_DIAG_BY_FAMILY } = request
  return encodeRequest(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, request.payload, request.attributes)
}

/**
 * Dumps one table. sock_diag's cursor is a position in a hash chain: sockets that come or go between two parts of an answer
 * make others appear twice or not at all, and the kernel does not say so. An answer in one part cannot suffer from that. A
 * small answer in several parts is asked for again until two passes agree; a large one is freed of duplicates by cookie, and
 * those of its sockets that stand in long chains are looked for again until two looks agree.
 * @param pause asked after each batch of a large dump; a promise is waited for, so that a slow consumer holds the kernel back
 * @throws SystemCallError when the socket fails; a refusal by the kernel is `errno`.
 */
export async function dumpSockets(
  connection: NetlinkConnection,
  request: DumpRequest,
  record: SocketRecord,
  now: () => number,
  visit: Visit,
  pause: () => Promise<void> | null = () => null,
): Promise<DumpOutcome> {
  const outcome: DumpOutcome = { errno: 0, passes: 1, duplicatesRemoved: 0, differed: false, damaged: 0 }
  const since = now()
  connection.send(encodeDump(request))
  const batch = await connection.read()
  if (batch === null) {
    // No answer at all, not even DONE: not the same as an empty table.
    outcome.damaged++
    return outcome
  }
  const scan = scanBatch(batch)
  outcome.errno = scan.errno
  if (scan.errno !== 0) {
    accountScan(outcome, scan)
    return outcome
  }
  if (!scan.done) {
    await streamDump(connection, batch, request, record, outcome, now, visit, pause)
    return outcome
  }
  if (scan.parts > 1 && now() - since < REPEAT_WITHIN_MS) {
    accountScan(outcome, scan)
    await repeatDump(connection, new Pass(batch, request.decode, record), request, record, outcome, visit)
    return outcome
  }
  const watch = scan.parts > 1 ? chainWatch(request, record) : null
  if (request.families !== undefined) {
    accountScan(outcome, scan)
    const pass = new Pass(batch, request.decode, record)
    outcome.duplicatesRemoved += pass.duplicates
    pass.emitAll(request, record, outcome, visit)
    if (watch !== null)
      visitBatch(batch, request.decode, record, { ...outcome }, new CookieWindow(), () => undefined, watch)
  } else visitBatch(batch, request.decode, record, outcome, new CookieWindow(), visit, watch)
  if (scan.parts > 1) doubtAfterDuplicates(outcome)
  await watch?.verify(connection, outcome, now, visit, again => connection.send(encodeDump(again)))
  return outcome
}

function chainWatch(request: DumpRequest, record: SocketRecord): ChainWatch | null {
  return request.chained ? new ChainWatch(request, request.chained, record) : null
}

interface BatchScan {
  done: boolean
  errno: number
  interrupted: boolean
  damaged: number
  /** Datagrams that hold sockets. */
  parts: number
}

function scanBatch(batch: DatagramBatch): BatchScan {
  const scan: BatchScan = { done: false, errno: 0, interrupted: false, damaged: 0, parts: 0 }
  for (let index = 0; index < batch.count && !scan.done; index++) {
    const start = batch.start(index)
    let messages = 0
    const end = walkMessages(batch.data, start, start + batch.length(index), () => messages++)
    if (messages > 0) scan.parts++
    if (end.damagedBytes > 0 || batch.truncated(index)) scan.damaged++
    scan.interrupted ||= end.interrupted
    scan.done = end.done
    scan.errno = end.errno
  }
  return scan
}

function accountScan(outcome: DumpOutcome, scan: BatchScan): void {
  outcome.damaged += scan.damaged
  outcome.differed ||= scan.interrupted
}

/** Hands the sockets of a batch out; true when the dump ends in it. */
function visitBatch(
  batch: DatagramBatch,
  decode: Decode,
  record: SocketRecord,
  outcome: DumpOutcome,
  seen: CookieWindow,
  visit: Visit,
  watch: ChainWatch | null,
): boolean {
  const { data } = batch
  let ended = false
  const each = (_type: number, start: number, end: number): void => {
    if (!decode(data, start, end, record)) {
      outcome.damaged++
      return
    }
    if (hasCookie(record) && !seen.add(record.cookieLow, record.cookieHigh)) {
      outcome.duplicatesRemoved++
      return
    }
    record.messageStart = start
    record.messageEnd = end
    visit(record)
  }
  for (let index = 0; index < batch.count; index++) {
    const start = batch.start(index)
    const limit = start + batch.length(index)
    const end = walkMessages(data, start, limit, each)
    if (end.damagedBytes > 0 || batch.truncated(index)) outcome.damaged++
    outcome.differed ||= end.interrupted
    // Too late for a refusal: the sockets before it have been handed out, and asking again would repeat them.
    if (end.errno !== 0) outcome.damaged++
    if (end.done) ended = true
    watch?.datagram(data, start, limit)
    if (ended) return true
  }
  return false
}

async function streamDump(
  connection: NetlinkConnection,
  first: DatagramBatch,
  request: DumpRequest,
  record: SocketRecord,
  outcome: DumpOutcome,
  now: () => number,
  visit: Visit,
  pause: () => Promise<void> | null,
): Promise<void> {
  const { decode } = request
  const seen = new CookieWindow()
  const watch = chainWatch(request, record)
  let batch: DatagramBatch | null = first
  let done = false
  while (batch !== null) {
    done = visitBatch(batch, decode, record, outcome, seen, visit, watch)
    if (done) break
    const waiting = pause()
    if (waiting !== null) await waiting
    batch = await connection.read()
  }
  // The kernel ends every dump with DONE: without it something was cut off.
  if (!done) outcome.damaged++
  doubtAfterDuplicates(outcome)
  if (done) await watch?.verify(connection, outcome, now, visit, again => connection.send(encodeDump(again)))
}

/** A cursor that went back between two parts, and so repeated sockets, may have gone forward elsewhere and skipped some. */
function doubtAfterDuplicates(outcome: DumpOutcome): void {
  outcome.differed ||= outcome.duplicatesRemoved > 0
}

async function repeatDump(
  connection: NetlinkConnection,
  first: Pass,
  request: DumpRequest,
  record: SocketRecord,
  outcome: DumpOutcome,
  visit: Visit,
): Promise<void> {
  let previous = first
  let last = first
  outcome.duplicatesRemoved += first.duplicates
  let agreed = false
  while (!agreed && outcome.passes < MAX_PASSES) {
    connection.send(encodeDump(request))
    const batch = await connection.read()
    if (batch === null) break
    const scan = scanBatch(batch)
    if (!scan.done || scan.errno !== 0) {
      await drain(connection, scan.done)
      break
    }
    outcome.passes++
    outcome.damaged += scan.damaged
    previous = last
    last = new Pass(batch, request.decode, record)
    outcome.duplicatesRemoved += last.duplicates
    agreed = last.duplicates === 0 && last.sameAs(previous)
    outcome.differed ||= !last.sameAs(previous)
  }
  // Nothing vouches for an answer in several parts whose repetition failed, grew too large or never agreed.
  outcome.differed ||= !agreed
  last.emitAll(request, record, outcome, visit)
  if (agreed || last === previous) return
  // The table never held still: a socket that only the previous pass saw may be one that the last pass skipped.
  for (const [key, row] of previous.keys) {
    if (!last.keys.has(key)) previous.emit(row, request.decode, record, outcome, visit)
  }
}

/** Reads an answer to its end, so that the connection can be used again. */
async function drain(connection: NetlinkConnection, done: boolean): Promise<void> {
  let over = done
  while (!over) {
    const batch = await connection.read()
    if (batch === null) return
    over = scanBatch(batch).done
  }
}
