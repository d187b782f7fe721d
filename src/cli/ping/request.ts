// From the flags of `netkit ping` to what is to be probed and how.

import type { Interfaces } from '@oclif/core'
import { isAddress } from '../../bytes/address.js'
import { MOST_PAYLOAD, type PingSettings } from '../../compose/ping.js'
import { UsageError } from '../../errors/index.js'
import { parseBytes, parseCount, parseDuration, parseField } from '../../probe/quantity.js'
import { parseThresholds, type Threshold } from '../../probe/thresholds.js'
import type { pingFlags } from './flags.js'

export type PingFlags = Interfaces.InferredFlags<typeof pingFlags>

const DEFAULT_PAYLOAD = 56
const MOST_PATTERN = 16
const MOST_COUNT = 0x7fffffff
const MOST_PRELOAD = 65_536
const MOST_FLOW_LABEL = 0xfffff

/** ip(7), RFC 791: option numbers and the forty bytes that options may take. */
const IPOPT_NOP = 1
const IPOPT_RR = 7
const IPOPT_TS = 68
const OPTION_BYTES = 40

const PATH_MTU = ['do', 'want', 'dont', 'probe'] as const

const optional = <Result>(text: string | undefined, parse: (text: string) => Result): Result | null =>
  text === undefined ? null : parse(text)

function parsePattern(text: string): Uint8Array {
  if (!/^([0-9a-f]{2}){1,16}$/i.test(text.length % 2 === 1 ? `0${text}` : text)) {
    throw new UsageError(`a pattern is 1 to ${MOST_PATTERN} bytes in hexadecimal, not ${text || 'nothing'}`, {
      hints: ['for example: -p ff00'],
    })
  }
  return Uint8Array.from(Buffer.from(text.length % 2 === 1 ? `0${text}` : text, 'hex'))
}

function parsePathMtu(text: string): (typeof PATH_MTU)[number] {
  const found = PATH_MTU.find(word => word === text)
  if (found !== undefined) return found
  throw new UsageError(`-M takes ${PATH_MTU.join(', ')}, not ${text || 'nothing'}`)
}

function ipOptionsOf(flags: PingFlags): Uint8Array | null {
  if (flags['record-route'] && flags.timestamp !== undefined) {
    throw new UsageError('-R and -T do not fit into one packet: choose one')
  }
  if (flags['record-route']) {
    const options = new Uint8Array(OPTION_BYTES)
    options.set([IPOPT_NOP, IPOPT_RR, OPTION_BYTES - 1, 4])
    return options
  }
  if (flags.timestamp === undefined) return null
  const flag = { tsonly: 0, tsandaddr: 1 }[flags.timestamp]
  if (flag === undefined) throw new UsageError(`-T takes tsonly or tsandaddr, not ${flags.timestamp || 'nothing'}`)
  const options = new Uint8Array(flag === 0 ? OPTION_BYTES : OPTION_BYTES - 4)
  options.set([IPOPT_TS, options.length, 5, flag])
  return options
}

function familyOf(flags: PingFlags): 4 | 6 | null {
  if (flags.ipv4 && flags.ipv6) throw new UsageError('-4 and -6 exclude each other')
  if (flags.ipv4) return 4
  return flags.ipv6 ? 6 : null
}

function probeOf(flags: PingFlags): PingSettings['probe'] {
  if (flags.tcp !== undefined && flags.udp !== undefined) throw new UsageError('--tcp and --udp exclude each other')
  if (flags.tcp !== undefined) return { kind: 'tcp', port: parseField(flags.tcp, 'a port', 1, 65_535) }
  if (flags.udp !== undefined) return { kind: 'udp', port: parseField(flags.udp, 'a port', 1, 65_535) }
  return { kind: 'icmp' }
}

/** Flags of ICMP and IP that other probes have no use for: said, not ignored. */
function refuseForOthers(flags: PingFlags, kind: 'tcp' | 'udp'): void {
  const icmpOnly = ['record-route', 'timestamp', 'identifier', 'adaptive', 'flood'] as const
  const noSyn = ['size', 'pattern', 'broadcast', 'no-loopback', 'mtu'] as const
  const used = icmpOnly.filter(name => flags[name])
  if (flags.transport !== 'auto') throw new UsageError(`--transport is for ICMP, not for --${kind}`)
  if (used.length > 0) throw new UsageError(`--${used[0]} is for ICMP, not for --${kind}`)
  const useless = kind === 'tcp' ? noSyn.find(name => flags[name]) : undefined
  if (useless !== undefined) throw new UsageError(`--${useless} is for ICMP and UDP: a TCP handshake carries no data`)
  if (kind === 'tcp' && flags.timestamps !== 'auto') {
    throw new UsageError('--timestamps is for ICMP and UDP: the kernel times a TCP handshake itself')
  }
  if (kind === 'udp' && flags.timestamps === 'kernel') {
    throw new UsageError('--timestamps kernel is for ICMP: UDP probes have the stamp of the receipt (rx)')
  }
}

/** What the flags ask for. @throws UsageError */
export function parseSettings(flags: PingFlags, many: boolean): PingSettings {
  const probe = probeOf(flags)
  if (probe.kind !== 'icmp') refuseForOthers(flags, probe.kind)
  if (many && (flags.adaptive || flags.flood)) {
    throw new UsageError(`-${flags.flood ? 'f' : 'A'} is for one target: use --gap and -i for many`)
  }
  if (flags.adaptive && flags.flood) throw new UsageError('-A and -f exclude each other')
  if (!many && flags.gap !== undefined) throw new UsageError('--gap is for many targets: use -i for one')
  const isSource = flags.interface !== undefined && isAddress(flags.interface)
  return {
    family: familyOf(flags),
    probe,
    transport: flags.transport,
    timestamps: flags.timestamps,
    count:
      optional(flags.count, text => parseCount(text, 'the count', 1, MOST_COUNT)) ?? (many && !flags.graph ? 1 : null),
    intervalMs: optional(flags.interval, text => parseDuration(text, 's', 'the interval')),
    gapMs: optional(flags.gap, text => parseDuration(text, 'ms', 'the gap')),
    timeoutMs: optional(flags.timeout, text => parseDuration(text, 's', 'the timeout')),
    // ping(8): none.
    deadlineMs: optional(flags.deadline, text => parseDuration(text, 's', 'the deadline')) || null,
    mode: flags.flood ? 'flood' : flags.adaptive ? 'adaptive' : 'steady',
    preload: optional(flags.preload, text => parseCount(text, 'the preload', 1, MOST_PRELOAD)) ?? 1,
    payloadBytes:
      optional(flags.size, text => parseBytes(text, 'the size', 0, MOST_PAYLOAD)) ??
      (probe.kind === 'tcp' ? 0 : DEFAULT_PAYLOAD),
    pattern: optional(flags.pattern, parsePattern),
    source: isSource ? flags.interface! : null,
    interface: isSource ? null : (flags.interface ?? null),
    ttl: optional(flags.ttl, text => parseField(text, 'the time to live', 1, 255)),
    tos: optional(flags.tos, text => parseField(text, 'the type of service', 0, 255)),
    mark: optional(flags.mark, text => parseField(text, 'the mark', 0, 0xffffffff)),
    pathMtu: flags.mtu ? 'probe' : optional(flags['path-mtu'], parsePathMtu),
    flowLabel: optional(flags['flow-label'], text => parseField(text, 'the flow label', 0, MOST_FLOW_LABEL)),
    broadcast: flags.broadcast,
    noLoopback: flags['no-loopback'],
    ipOptions: ipOptionsOf(flags),
    identifier: optional(flags.identifier, text => parseField(text, 'the identifier', 0, 0xffff)),
    sendBufferBytes: optional(flags['send-buffer'], text => parseBytes(text, 'the send buffer', 1, 0x7fffffff)),
    tellSent: false,
    many,
  }
}

/** The limits of `--fail-if`. @throws UsageError */
export function parseLimits(flags: PingFlags): Threshold[] {
  return (flags['fail-if'] ?? []).flatMap(text => parseThresholds(text))
}
