// From what is wanted of a ping to a run that can start: limits checked, names resolved, transports opened.

import { resolveTargets } from '../adapters/resolve.js'
import { UsageError } from '../errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../ports/probe.js'
import type { ProbeEvent, ProbeTarget } from '../probe/events.js'
import { type PingPlan, PingRun } from '../probe/ping-run.js'
import { LARGEST_PAYLOAD } from '../probe/probe-size.js'
import type { Pace } from '../probe/schedule.js'
import { eventLoop, openProbeTransport, type UnresolvedTarget } from './probe.js'

/** ping(8): users may not go below these. */
const USER_INTERVAL_MS = 2
const USER_MULTICAST_INTERVAL_MS = 1000
const USER_PRELOAD = 3
/** As fping: a user's probes to whatever targets are this far apart. */
const USER_GAP_MS = 1
/** Probes this far apart or further are stamped on their way out too: it costs nothing that shows. */
const STAMPED_INTERVAL_MS = 1

/** How to probe. All of it has been read, none of it checked against the system. */
export interface PingSettings {
  family: 4 | 6 | null
  probe: { kind: 'icmp' } | { kind: 'tcp' | 'udp'; port: number }
  transport: ProbeOptions['transport']
  timestamps: ProbeOptions['timestamps'] | 'auto'
  count: number | null
  /** null for the default of the mode. */
  intervalMs: number | null
  gapMs: number | null
  timeoutMs: number | null
  deadlineMs: number | null
  mode: Pace['mode']
  preload: number
  payloadBytes: number
  pattern: Uint8Array | null
  source: string | null
  interface: string | null
  ttl: number | null
  tos: number | null
  mark: number | null
  pathMtu: ProbeOptions['pathMtu']
  flowLabel: number | null
  broadcast: boolean
  noLoopback: boolean
  ipOptions: Uint8Array | null
  identifier: number | null
  sendBufferBytes: number | null
  tellSent: boolean
  /** Several targets are probed in turn; false where there can be one only. */
  many: boolean
}

/** A run that is ready to start. */
export interface PreparedPing {
  plan: PingPlan
  targets: readonly ProbeTarget[]
  unresolved: readonly UnresolvedTarget[]
  transports: readonly ProbeTransport[]
  /** Why it is this transport, and what a caller should know. */
  notes: readonly string[]
  start(tell: (event: ProbeEvent) => void): PingRun
  close(): void
}

/** Whether limits of unprivileged users apply. */
const isUser = (): boolean => process.geteuid?.() !== 0

/** Whatever the family: IPv6 refuses what is too long for it. */
export const MOST_PAYLOAD = LARGEST_PAYLOAD[4]
/** Beyond this the timers of Node ring at once. */
const MOST_MS = 2 ** 31 - 1

/** What the command line has checked word by word, for programs. @throws UsageError */
export function checkSettings(settings: PingSettings): void {
  const numbers = [
    ['count', settings.count, 1, Number.MAX_SAFE_INTEGER],
    ['intervalMs', settings.intervalMs, 0, MOST_MS],
    ['gapMs', settings.gapMs, 0, MOST_MS],
    ['timeoutMs', settings.timeoutMs, 0, MOST_MS],
    ['deadlineMs', settings.deadlineMs, 0, MOST_MS],
    ['payloadBytes', settings.payloadBytes, 0, MOST_PAYLOAD],
    ['ttl', settings.ttl, 1, 255],
    ['tos', settings.tos, 0, 255],
    ['mark', settings.mark, 0, 0xffffffff],
    ['port', settings.probe.kind === 'icmp' ? null : settings.probe.port, 1, 65_535],
  ] as const
  for (const [name, value, min, max] of numbers) {
    if (value === null) continue
    const isWhole = name.endsWith('Ms') || Number.isInteger(value)
    if (!(value >= min && value <= max && isWhole)) {
      throw new UsageError(`${name} is a number from ${min} to ${max}, not ${value}`)
    }
  }
}

/**
 * Resolves the targets and opens what is needed to probe them.
 * @throws UsageError for an interval below the floor; PermissionError when no transport may be opened
 */
export async function preparePing(words: Iterable<string>, settings: PingSettings): Promise<PreparedPing> {
  const { targets, failures } = await resolveTargets(words, { family: settings.family, all: false })
  refuseForFamily(settings, targets)
  const pace = paceOf(settings, targets)
  const plan = planOf(settings, pace, targets)
  const transports: { family: 4 | 6; transport: ProbeTransport }[] = []
  try {
    for (const family of [4, 6] as const) {
      const own = ofFamily(targets, family)
      if (own.length > 0)
        transports.push({
          family,
          transport: await openProbeTransport(optionsOf(settings, pace, own, family), settings.probe.kind),
        })
    }
  } catch (error) {
    for (const { transport } of transports) transport.close()
    throw error
  }
  const opened = transports.map(each => each.transport)
  return {
    plan,
    targets,
    unresolved: failures,
    transports: opened,
    notes: [...new Set(opened.map(transport => transport.note).filter(note => note !== null))],
    start: tell => new PingRun(plan, { transports, timers: eventLoop }, tell),
    close: () => {
      for (const transport of opened) transport.close()
    },
  }
}

function ofFamily(targets: readonly ProbeTarget[], family: 4 | 6): readonly ProbeTarget[] {
  const isOwn = (target: ProbeTarget): boolean => target.family === family
  return targets.every(isOwn) ? targets : targets.filter(isOwn)
}

/** Options that only one family has. */
function refuseForFamily({ ipOptions, flowLabel }: PingSettings, targets: readonly ProbeTarget[]): void {
  if (ipOptions === null && flowLabel === null) return
  const six = targets.find(target => target.family === 6)
  const four = targets.find(target => target.family === 4)
  if (ipOptions !== null && six !== undefined) {
    throw new UsageError(`IPv6 has neither record route nor timestamps: ${six.target} cannot be probed with -R or -T`)
  }
  if (flowLabel !== null && four !== undefined) {
    throw new UsageError(`IPv4 has no flow label: ${four.target} cannot be probed with -F`)
  }
}

function planOf(settings: PingSettings, pace: Pace, targets: readonly ProbeTarget[]): PingPlan {
  const timeoutMs = settings.timeoutMs ?? (settings.many ? 1000 : 10_000)
  return {
    targets,
    pace,
    count: settings.count,
    payloadBytes: settings.payloadBytes,
    pattern: settings.pattern,
    timeoutMs,
    deadlineMs: settings.deadlineMs,
    shortWait: !settings.many,
    tellSent: settings.tellSent,
  }
}

function paceOf(settings: PingSettings, targets: readonly ProbeTarget[]): Pace {
  const { mode, many } = settings
  const user = isUser()
  const intervalMs = settings.intervalMs ?? (mode === 'flood' ? 0 : 1000)
  const gapMs = many ? (settings.gapMs ?? USER_GAP_MS) : 0
  if (user && mode !== 'adaptive' && intervalMs < USER_INTERVAL_MS) {
    const flood = mode === 'flood'
    throw new UsageError(
      `${flood ? 'cannot flood' : 'the interval is too short'}: users may not send more often than every ${USER_INTERVAL_MS} ms`,
      { hints: [`use -i ${USER_INTERVAL_MS / 1000} or more, or run it as root`] },
    )
  }
  if (user && many && gapMs < USER_GAP_MS) {
    throw new UsageError(`the gap is too short: users may not send more often than every ${USER_GAP_MS} ms`, {
      hints: [`use --gap ${USER_GAP_MS}ms or more, or run it as root`],
    })
  }
  if (user && targets.some(isMulticast) && intervalMs < USER_MULTICAST_INTERVAL_MS) {
    throw new UsageError(
      'the interval is too short: users may not send to many hosts at once more often than every second',
      {
        hints: ['use -i 1 or more, or run it as root'],
      },
    )
  }
  if (user && settings.preload > USER_PRELOAD) {
    throw new UsageError(`users may preload ${USER_PRELOAD} packets at most`, { hints: ['run it as root'] })
  }
  return { mode, intervalMs, gapMs, preload: settings.preload, floorMs: user ? USER_INTERVAL_MS : 0 }
}

function isMulticast({ family, address }: ProbeTarget): boolean {
  if (family === 6) return /^ff/i.test(address)
  const first = Number.parseInt(address, 10)
  return (first >= 224 && first < 240) || address === '255.255.255.255'
}

function optionsOf(settings: PingSettings, pace: Pace, targets: readonly ProbeTarget[], family: 4 | 6): ProbeOptions {
  const { timestamps, probe } = settings
  const perSecond =
    pace.mode === 'steady'
      ? 1000 / Math.max(settings.many ? pace.gapMs : pace.intervalMs, 0.001)
      : Number.POSITIVE_INFINITY
  const auto = perSecond <= 1000 / STAMPED_INTERVAL_MS ? 'kernel' : 'rx'
  return {
    targets,
    family,
    transport: settings.transport,
    timestamps: timestamps === 'auto' ? auto : timestamps,
    payloadBytes: settings.payloadBytes,
    pattern: settings.pattern,
    source: settings.source,
    interface: settings.interface,
    ttl: settings.ttl,
    tos: settings.tos,
    mark: settings.mark,
    pathMtu: settings.pathMtu,
    flowLabel: settings.flowLabel,
    broadcast: settings.broadcast,
    noLoopback: settings.noLoopback,
    ipOptions: settings.ipOptions,
    identifier: settings.identifier,
    sendBufferBytes: settings.sendBufferBytes,
    port: probe.kind === 'icmp' ? null : probe.port,
    netnsFd: -1,
  }
}
