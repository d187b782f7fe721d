// What is wanted of a trace, with everything that has a default, and what follows from it for the run and its transport.

import { UsageError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { ProbeTarget } from '../probe/events.js'
import { HEADER_BYTES } from '../probe/probe-size.js'
import type { TraceProtocol } from '../probe/trace-events.js'
import type { TracePlan } from '../probe/trace-plan.js'

/** How to trace. All of it has been read, none of it checked against the system; null stands for the default. */
export interface TraceSettings {
  family: 4 | 6 | null
  /** null: ICMP, but UDP with several flows, or where this user may open no ICMP socket. */
  protocol: TraceProtocol | null
  /** Destination port of UDP (33434) and TCP (80). */
  port: number | null
  sourcePort: number | null
  firstTtl: number
  maxTtl: number
  /** Rounds, null for no end. */
  rounds: number | null
  intervalMs: number
  timeoutMs: number
  /** Of the whole IP packet: 60, IPv6 80. A TCP probe is a SYN, whose size is what it is. */
  packetBytes: number | null
  tos: number | null
  interface: string | null
  source: string | null
  mark: number | null
  flows: number
  /** Hear with a raw socket too, for the IP headers that routers quote. */
  raw: boolean
  /** How ICMP probes travel. */
  transport: ProbeOptions['transport']
  verify: boolean
  patient: boolean
  /** As in ping(8) -M; `probe` sets DF whatever is known of the path. */
  pathMtu: ProbeOptions['pathMtu']
}

export const DEFAULT_TRACE: TraceSettings = {
  family: null,
  protocol: null,
  port: null,
  sourcePort: null,
  firstTtl: 1,
  maxTtl: 30,
  rounds: 3,
  intervalMs: 0,
  timeoutMs: 1000,
  packetBytes: null,
  tos: null,
  interface: null,
  source: null,
  mark: null,
  flows: 1,
  raw: false,
  transport: 'auto',
  verify: true,
  patient: false,
  pathMtu: null,
}

/** Ports that classic traceroutes use. */
const UDP_PORT = 33_434
const TCP_PORT = 80
/** Between two probes, whatever their TTLs: those of three looks at twelve hops are out within 8 ms, and no router is asked more often. */
const GAP_MS = 0.2
const DEFAULT_BYTES = { 4: 60, 6: 80 } as const
/** Our mark, and two bytes that keep the checksum of a flow as it is (wire/icmp). */
const LEAST_PAYLOAD = 18
/** Of the IP packet. */
export const MOST_BYTES = 65_000
/** The kernel repeats a SYN after this (RFC 6298 section 2.1), and nobody can tell which of the two was answered. */
const MOST_SYN_MS = 1000
const NAMES = { icmp: 'ICMP', udp: 'UDP', tcp: 'TCP' } as const
export const MOST_FLOWS = 256
/** Beyond this the timers of Node ring at once. */
const MOST_MS = 2 ** 31 - 1

/** What the command line has checked word by word, for programs. @throws UsageError */
export function checkTraceSettings(settings: TraceSettings): void {
  const numbers = [
    ['port', settings.port, 1, 65_535],
    ['sourcePort', settings.sourcePort, 1, mostSourcePort(settings.flows)],
    ['firstTtl', settings.firstTtl, 1, 255],
    ['maxTtl', settings.maxTtl, settings.firstTtl, 255],
    ['rounds', settings.rounds, 1, Number.MAX_SAFE_INTEGER],
    ['intervalMs', settings.intervalMs, 0, MOST_MS],
    ['timeoutMs', settings.timeoutMs, 1, MOST_MS],
    ['tos', settings.tos, 0, 255],
    ['mark', settings.mark, 0, 0xffffffff],
    ['flows', settings.flows, 1, MOST_FLOWS],
  ] as const
  for (const [name, value, min, max] of numbers) {
    if (value === null) continue
    const isWhole = name.endsWith('Ms') || Number.isInteger(value)
    if (!(value >= min && value <= max && isWhole)) {
      throw new UsageError(`${name} is a number from ${min} to ${max}, not ${value}`)
    }
  }
  checkForProtocol(settings)
}

/** What is not for the protocol that would be used is refused, rather than ignored. */
function checkForProtocol(settings: TraceSettings): void {
  const { packetBytes, port, sourcePort, timeoutMs, transport } = settings
  const protocol = protocolOf(settings)
  if (protocol === 'icmp' && (port !== null || sourcePort !== null)) {
    throw new UsageError('ICMP has no ports', { hints: ['use --udp or --tcp'] })
  }
  if (protocol !== 'icmp' && transport !== 'auto') {
    throw new UsageError(`the transport ${transport} is for ICMP, and the probes are ${NAMES[protocol]}`, {
      hints: ['leave out --transport, or use --icmp'],
    })
  }
  if (protocol !== 'tcp') return
  if (packetBytes !== null) {
    throw new UsageError('a TCP probe is a SYN without data: its size cannot be chosen', {
      hints: ['leave out --size'],
    })
  }
  if (timeoutMs > MOST_SYN_MS) {
    throw new UsageError(
      `TCP probes wait ${MOST_SYN_MS} ms at most, not ${timeoutMs}: the kernel then sends the SYN again, and an answer could be to either`,
      { hints: ['leave out --timeout, or use --icmp or --udp'] },
    )
  }
}

/** The first source port, so that there is one for each flow. */
export function mostSourcePort(flows: number): number {
  return 65_536 - flows
}

/** The least of an IP packet. */
export function leastBytes(family: 4 | 6): number {
  return HEADER_BYTES[family] + LEAST_PAYLOAD
}

export function protocolOf({ protocol, flows }: TraceSettings): TraceProtocol {
  return protocol ?? (flows > 1 ? 'udp' : 'icmp')
}

function portOf({ port }: TraceSettings, protocol: TraceProtocol): number | null {
  if (protocol === 'icmp') return null
  return port ?? (protocol === 'udp' ? UDP_PORT : TCP_PORT)
}

/** The plan of a run. @throws UsageError for a size that holds no probe */
export function tracePlan(settings: TraceSettings, target: ProbeTarget, protocol: TraceProtocol): TracePlan {
  const { family } = target
  const packetBytes = settings.packetBytes ?? DEFAULT_BYTES[family]
  const least = leastBytes(family)
  if (!(Number.isInteger(packetBytes) && packetBytes >= least && packetBytes <= MOST_BYTES)) {
    throw new UsageError(`a probe over IPv${family} has ${least} to ${MOST_BYTES} bytes, not ${packetBytes}`)
  }
  return {
    target,
    protocol,
    port: portOf(settings, protocol),
    firstTtl: settings.firstTtl,
    maxTtl: settings.maxTtl,
    packetBytes,
    payloadBytes: protocol === 'tcp' ? 0 : packetBytes - HEADER_BYTES[family],
    rounds: settings.rounds,
    intervalMs: settings.intervalMs,
    gapMs: GAP_MS,
    timeoutMs: settings.timeoutMs,
    patient: settings.patient,
    flows: settings.flows,
    verify: settings.verify,
  }
}

/** What the transport of a plan is opened with. */
export function traceTransportOptions(settings: TraceSettings, plan: TracePlan): ProbeOptions {
  return {
    targets: [plan.target],
    family: plan.target.family,
    transport: plan.protocol === 'icmp' ? settings.transport : 'auto',
    timestamps: 'rx',
    payloadBytes: plan.payloadBytes,
    pattern: null,
    source: settings.source,
    interface: settings.interface,
    ttl: null,
    tos: settings.tos,
    mark: settings.mark,
    pathMtu: settings.pathMtu,
    flowLabel: null,
    broadcast: false,
    noLoopback: false,
    ipOptions: null,
    identifier: null,
    sendBufferBytes: null,
    port: plan.port,
    sourcePort: plan.protocol === 'icmp' ? null : settings.sourcePort,
    flows: plan.flows,
    quotedHeaders: settings.raw,
    netnsFd: -1,
  }
}
