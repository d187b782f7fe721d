// Packet sizes and MSS clamps along a path that a trace has found.

import { NetkitError, PermissionError } from '../errors/index.js'
import type { ProbeTransport } from '../ports/probe.js'
import type { ProbeTarget } from '../probe/events.js'
import { LARGEST_PAYLOAD } from '../probe/probe-size.js'
import type { TraceDocument, TraceMtu } from '../probe/trace-document.js'
import { mssClamps, readMss } from '../probe/trace-mss.js'
import { type AnsweringHop, findHopMtus } from '../probe/trace-mtu.js'
import { eventLoop, openProbeTransport } from './probe.js'
import { protocolOf, type TraceSettings, tracePlan, traceTransportOptions } from './trace-settings.js'

const DEADLINE_MS = 60_000
/** Of all hops together; one that does not answer takes seconds. */
const MSS_DEADLINE_MS = 30_000

/**
 * Measures to each hop of a document that answered.
 * @throws PermissionError when nothing may be sent, and what transports throw
 */
export async function measureTraceMtu(
  target: ProbeTarget,
  settings: TraceSettings,
  document: TraceDocument,
  signal?: AbortSignal,
): Promise<TraceMtu> {
  const hops = answeringHops(document)
  // First, because a path MTU that the kernel learns on the way lowers the MSS of its own SYNs.
  const seen = await measureMss(target, settings, hops, signal)
  const { mtus, limits, notes } = await measureSizes(target, settings, hops, signal)
  const first = seen.mss.find(mss => mss !== null) ?? null
  return {
    pathMtu: mtus.findLast(mtu => mtu !== null) ?? null,
    byTtl: hops.map(({ ttl, address }, index) => ({ ttl, address, mtu: mtus[index] ?? null })),
    limits,
    clamps: mssClamps(hops, seen.mss),
    mss:
      first === null ? null : { first, byTtl: hops.map(({ ttl }, index) => ({ ttl, mss: seen.mss[index] ?? null })) },
    notes: [...notes, ...seen.notes],
  }
}

/** Whoever answers now at each TTL. */
function answeringHops({ hops }: TraceDocument): AnsweringHop[] {
  return hops.flatMap(({ ttl, responders: [responder] }) =>
    responder === undefined ? [] : [{ ttl, address: responder.address }],
  )
}

async function measureSizes(
  target: ProbeTarget,
  settings: TraceSettings,
  hops: readonly AnsweringHop[],
  signal: AbortSignal | undefined,
): ReturnType<typeof findHopMtus> {
  const transport = await openSized(target, settings)
  try {
    const plan = { target, hops, largestPayload: LARGEST_PAYLOAD[target.family], deadlineMs: DEADLINE_MS }
    return await findHopMtus(transport, plan, eventLoop, signal)
  } finally {
    transport.close()
  }
}

/** A SYN has no size to choose: sizes are measured with ICMP then, or with UDP where that is not allowed. */
async function openSized(target: ProbeTarget, settings: TraceSettings): Promise<ProbeTransport> {
  const own = protocolOf(settings)
  const open = (protocol: 'icmp' | 'udp'): Promise<ProbeTransport> => {
    const port = own === protocol ? settings.port : null
    const plan = tracePlan({ ...settings, packetBytes: null, port, flows: 1 }, target, protocol)
    const options = traceTransportOptions({ ...settings, raw: false, pathMtu: 'probe' }, plan)
    return openProbeTransport({ ...options, payloadBytes: LARGEST_PAYLOAD[target.family] }, protocol)
  }
  if (own === 'udp') return open('udp')
  try {
    return await open('icmp')
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error
    return open('udp')
  }
}

async function measureMss(
  target: ProbeTarget,
  settings: TraceSettings,
  hops: readonly AnsweringHop[],
  signal: AbortSignal | undefined,
): Promise<{ mss: readonly (number | null)[]; notes: readonly string[] }> {
  try {
    const port = protocolOf(settings) === 'tcp' ? settings.port : null
    const plan = tracePlan({ ...settings, packetBytes: null, port, flows: 1 }, target, 'tcp')
    const transport = await openProbeTransport(traceTransportOptions({ ...settings, raw: false }, plan), 'tcp')
    try {
      const own = { target: target.index, family: target.family, hops, deadlineMs: MSS_DEADLINE_MS }
      return { mss: await readMss(transport, own, eventLoop, signal), notes: [] }
    } finally {
      transport.close()
    }
  } catch (error) {
    // Sizes are worth more than this, and may be measured all the same.
    if (!(error instanceof NetkitError)) throw error
    return { mss: [], notes: [`the MSS of TCP could not be looked at: ${error.message}`] }
  }
}
