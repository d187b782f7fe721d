// Ping for machines: one document of a whole run, or one event a line as it happens.

import type { ErrorEvent, ProbeEvent, ProbeTarget, ReplyEvent, SummaryEvent } from '../probe/events.js'
import type { PingStatistics } from '../probe/statistics.js'

/** Plain data, ready for JSON.stringify. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Milliseconds to the nanosecond: what lies below is rounding of the arithmetic. */
const toNanos = (ms: number): number => Math.round(ms * 1e6) / 1e6
const orNull = (ms: number | null): number | null => (ms === null ? null : toNanos(ms))
/** Unix time in a double has no nanoseconds. */
const toMicros = (ms: number): number => Math.round(ms * 1000) / 1000

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

/** The fields of an answer that are alike in the document and in an event. */
function answerFields(event: ReplyEvent): JsonObject {
  return {
    answer: event.answer,
    rttMs: orNull(event.rttMs),
    timestampSource: event.timestampSource,
    ttl: event.ttl,
    bytes: event.bytes,
    from: event.from,
    differentAddress: event.differentAddress,
    reordered: event.reordered,
    clockStepped: event.clockStepped,
    localMs: orNull(event.localMs),
    queuedMs: orNull(event.queuedMs),
    corrupted: event.corrupted,
    corruptedBytes: event.corruptedBytes,
    synRetransmits: event.synRetransmits,
    ipOptions: event.ipOptions === null ? null : hex(event.ipOptions),
  }
}

function errorFields(event: ErrorEvent): JsonObject {
  return {
    from: event.from,
    origin: event.origin,
    type: event.type,
    code: event.code,
    reason: event.reason,
    errno: event.errno,
    mtu: event.mtu,
    rttMs: orNull(event.rttMs),
    mpls: event.mpls,
  }
}

/** Key by key, so that nothing that is added to the statistics changes the document unseen. */
function statisticsFields(statistics: PingStatistics): JsonObject {
  const { rttMs } = statistics
  return {
    transmitted: statistics.transmitted,
    received: statistics.received,
    duplicates: statistics.duplicates,
    late: statistics.late,
    corrupted: statistics.corrupted,
    reordered: statistics.reordered,
    differentAddress: statistics.differentAddress,
    errors: statistics.errors,
    lossPercent: statistics.lossPercent,
    timeMs: toNanos(statistics.timeMs),
    rttMs:
      rttMs === null
        ? null
        : {
            min: toNanos(rttMs.min),
            avg: toNanos(rttMs.avg),
            max: toNanos(rttMs.max),
            mdev: toNanos(rttMs.mdev),
            stddev: orNull(rttMs.stddev),
            p50: toNanos(rttMs.p50),
            p90: toNanos(rttMs.p90),
            p95: toNanos(rttMs.p95),
            p99: toNanos(rttMs.p99),
          },
    jitterMs: orNull(statistics.jitterMs),
    rfc3550JitterMs: orNull(statistics.rfc3550JitterMs),
    ewmaMs: orNull(statistics.ewmaMs),
    longestOutageMs: toNanos(statistics.longestOutageMs),
  }
}

const NOTHING: PingStatistics = {
  transmitted: 0,
  received: 0,
  duplicates: 0,
  late: 0,
  corrupted: 0,
  reordered: 0,
  differentAddress: 0,
  errors: 0,
  lossPercent: null,
  timeMs: 0,
  rttMs: null,
  jitterMs: null,
  rfc3550JitterMs: null,
  ewmaMs: null,
  longestOutageMs: 0,
}

/** Why a target has no address, as an error of the document or an event. */
const resolverFields = (reason: string): JsonObject => ({
  from: null,
  origin: 'resolver',
  type: null,
  code: null,
  reason,
  errno: null,
  mtu: null,
  rttMs: null,
  mpls: null,
})

/** One event as the object of its line. @param several whether to say which target it is about: a list may have one twice */
export function eventObject(event: ProbeEvent, several: boolean): JsonObject {
  const { index, target, address } = event.target
  const head = { event: event.event, ...(several ? { index } : {}), target, address }
  if (event.event === 'summary') {
    const { transport, timestampSource, payloadBytes } = event
    return { ...head, transport, timestampSource, payloadBytes, statistics: statisticsFields(event.statistics) }
  }
  const probe = { ...head, sequence: event.sequence, atMs: toMicros(event.atMs) }
  if (event.event === 'sent') return { ...probe, payloadBytes: event.payloadBytes }
  if (event.event === 'timeout') return probe
  return { ...probe, ...(event.event === 'error' ? errorFields(event) : answerFields(event)) }
}

/** The two lines of a target that has no address: why, and its empty summary. @param index behind those that have one; null for an only target */
export function unresolvedObjects(target: string, reason: string, atMs: number, index: number | null): JsonObject[] {
  const head = { ...(index === null ? {} : { index }), target, address: null }
  return [
    { event: 'error', ...head, sequence: null, atMs: toMicros(atMs), ...resolverFields(reason) },
    {
      event: 'summary',
      ...head,
      transport: null,
      timestampSource: null,
      payloadBytes: null,
      statistics: statisticsFields(NOTHING),
    },
  ]
}

/** One target of the document, as it grows. */
interface TargetDocument {
  target: string
  address: string | null
  transport: string | null
  timestampSource: string | null
  payloadBytes: number | null
  replies: JsonObject[]
  errors: JsonObject[]
  /** Sequence numbers that nobody answered in time. */
  timeouts: number[]
  statistics: JsonObject
}

const newDocument = (target: string, address: string | null): TargetDocument => ({
  target,
  address,
  transport: null,
  timestampSource: null,
  payloadBytes: null,
  replies: [],
  errors: [],
  timeouts: [],
  statistics: statisticsFields(NOTHING),
})

/** Collects a run for `--json`. It holds every answer, since the document names them all. */
export class PingDocument {
  private readonly documents: TargetDocument[] = []
  private readonly failed: TargetDocument[] = []

  /** @param targets by their `index`, from 0 */
  begin(targets: readonly ProbeTarget[]): void {
    for (const { index, target, address } of targets) this.documents[index] = newDocument(target, address)
  }

  /** A target that has no address. */
  unresolved(target: string, reason: string): void {
    const document = newDocument(target, null)
    document.errors.push({ sequence: null, atMs: null, ...resolverFields(reason) })
    this.failed.push(document)
  }

  event(event: ProbeEvent): void {
    const document = this.documents[event.target.index]
    if (document === undefined || event.event === 'sent') return
    if (event.event === 'summary') this.summary(document, event)
    else if (event.event === 'timeout') document.timeouts.push(event.sequence)
    else {
      const probe = { sequence: event.sequence, atMs: toMicros(event.atMs) }
      if (event.event === 'error') document.errors.push({ ...probe, ...errorFields(event) })
      else {
        const kind = { duplicate: event.event === 'duplicate', late: event.event === 'late' }
        document.replies.push({ ...probe, ...answerFields(event), ...kind })
      }
    }
  }

  private summary(document: TargetDocument, event: SummaryEvent): void {
    document.transport = event.transport
    document.timestampSource = event.timestampSource
    document.payloadBytes = event.payloadBytes
    document.statistics = statisticsFields(event.statistics)
  }

  /**
   * The document: targets in the order given, those without an address behind the others.
   * @param notes what could not be had and why, in sentences
   */
  document(notes: readonly string[]): { targets: readonly JsonObject[]; notes: readonly string[] } {
    return { targets: [...this.documents, ...this.failed].map(each => ({ ...each })), notes }
  }
}
