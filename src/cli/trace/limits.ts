// What `--fail-if` of a trace looks at: the target, in the words of a ping's statistics.

import type { PingStatistics } from '../../probe/statistics.js'
import type { Responder, TraceDocument } from '../../probe/trace-document.js'

/** Counts and times of the target. One that was not reached has received nothing. */
export function targetStatistics(document: TraceDocument): PingStatistics {
  const target = targetOf(document)
  const { sent, received, lossPercent } = target ?? { sent: sentOf(document), received: 0, lossPercent: 100 }
  const rtt = target?.rttMs ?? null
  return {
    transmitted: sent,
    received,
    duplicates: 0,
    late: 0,
    corrupted: 0,
    reordered: 0,
    differentAddress: 0,
    errors: 0,
    lossPercent: sent > 0 ? lossPercent : null,
    timeMs: 0,
    // The request takes no limit on those that a trace does not measure.
    rttMs:
      rtt === null
        ? null
        : {
            min: rtt.best,
            avg: rtt.avg,
            max: rtt.worst,
            mdev: Number.NaN,
            stddev: rtt.stddev ?? Number.NaN,
            p50: rtt.p50,
            p90: Number.NaN,
            p95: rtt.p95,
            p99: Number.NaN,
          },
    jitterMs: target?.jitterMs ?? null,
    rfc3550JitterMs: null,
    ewmaMs: null,
    longestOutageMs: 0,
  }
}

/** Whoever answered as the target does, at the hop where it was reached. */
function targetOf({ reached, hops, address }: TraceDocument): Responder | undefined {
  if (!reached) return undefined
  const responders = hops.flatMap(hop => hop.responders)
  return responders.findLast(isTarget) ?? responders.findLast(responder => responder.address === address)
}

const isTarget = ({ answers }: Responder): boolean =>
  (['echo-reply', 'port-unreachable', 'syn-ack', 'refused', 'datagram'] as const).some(kind => (answers[kind] ?? 0) > 0)

const sentOf = ({ hops }: TraceDocument): number => hops.at(-1)?.sent ?? 0
