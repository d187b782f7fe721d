// What ping and trace need to start: a transport for their probes, the timers of the event loop, and the error for a name without address.

import { openRawSocketPackage } from '../adapters/echo-raw-socket.js'
import { openEchoSocket } from '../adapters/echo-socket.js'
import { isLoadFailure, loadNative } from '../adapters/native.js'
import { WRONG_FAMILY } from '../adapters/resolve.js'
import { openTcpProbe } from '../adapters/tcp-probe.js'
import { openUdpProbe } from '../adapters/udp-probe.js'
import { isAddress, splitZone } from '../bytes/address.js'
import { type NetkitError, UnsupportedError, UsageError } from '../errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../ports/probe.js'
import type { ErrorEvent } from '../probe/events.js'
import { NO_ROUTE, prohibited, refusalMeaning } from '../probe/no-route.js'
import type { PingTimers } from '../probe/ping-run.js'

/** A target that has no address. */
export interface UnresolvedTarget {
  target: string
  reason: string
}

export const eventLoop: PingTimers = {
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  soon(callback) {
    const immediate = setImmediate(callback)
    return () => clearImmediate(immediate)
  },
}

/**
 * Opens what carries probes of a kind: netkit's own sockets, or the raw-socket package where those are missing.
 * @throws PermissionError, UsageError, UnsupportedError as the transports do
 */
export async function openProbeTransport(options: ProbeOptions, kind: 'icmp' | 'tcp' | 'udp'): Promise<ProbeTransport> {
  if (options.transport === 'raw-socket') {
    if (kind === 'icmp') return openRawSocketPackage(options)
    throw new UsageError(`the raw-socket package is for ICMP, not for ${kind.toUpperCase()}`, {
      hints: ['leave out --transport'],
    })
  }
  const native = loadNative()
  if (!isLoadFailure(native)) {
    if (kind === 'tcp') return openTcpProbe(native, options)
    if (kind === 'udp') return openUdpProbe(native, options)
    return openEchoSocket(native, options)
  }
  if (kind !== 'icmp' || options.transport !== 'auto')
    throw new UnsupportedError(native.reason, {
      hints: [process.env['NETKIT_NATIVE'] === 'off' ? 'unset NETKIT_NATIVE' : 'npm run build'],
    })
  return withoutNative(options, native.reason)
}

/** The package does without netkit's own addon. */
async function withoutNative(options: ProbeOptions, reason: string): Promise<ProbeTransport> {
  try {
    const transport = await openRawSocketPackage(options)
    return Object.assign(transport, { note: `probing through the raw-socket package: ${reason}` })
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    throw new UnsupportedError(`${reason}; ${error.message}`, { hints: [...error.hints] })
  }
}

/** The failure for the one target that has no address, or none of the family that was asked for. */
export function unresolvedError({ target, reason }: UnresolvedTarget): NetkitError {
  const code = 'unresolved'
  const [address, zone] = splitZone(target)
  const fail = (why: string, hint: string): NetkitError => new UsageError(`${target}: ${why}`, { code, hints: [hint] })
  if (!isAddress(address)) return fail(reason, `ask the system: getent ahosts ${target}`)
  const isIpv6 = address.includes(':')
  if (reason === WRONG_FAMILY) {
    return fail(`${reason}: it is an ${isIpv6 ? 'IPv6' : 'IPv4'} address`, `leave out ${isIpv6 ? '-4' : '-6'}`)
  }
  if (zone !== null && !isIpv6) return fail('an IPv4 address belongs to no interface', `leave out %${zone}`)
  return fail(reason, 'list the addresses of this host: ip -6 address')
}

export { NO_ROUTE } from '../probe/no-route.js'

/** RFC 4291 section 2.5.6, without the interface that it needs. */
const UNSCOPED = /^fe[89ab][^%]*$/i

/** What to tell of a target that the kernel may look for behind any interface; none where one was chosen. */
export function scopeNotes(address: string, place: string | null): string[] {
  if (place !== null || !UNSCOPED.test(address)) return []
  return [`${address} is on a link, and none is named: the kernel chooses one; add %IFACE`]
}

/** RFC 919 section 7. */
const LIMITED_BROADCAST = '255.255.255.255'
const MULTICAST = /^2(2[4-9]|3\d)\./

/**
 * The failure of a run whose first probe this host refused to send for want of a route.
 * @param source the address that it would have left from, which a broadcast address has and a prohibited one has not
 * @param broadcastHint what to do where the target is a broadcast address
 */
export function noRouteError(
  { target, reason, errno }: Pick<ErrorEvent, 'target' | 'reason' | 'errno'>,
  source: string | null,
  broadcastHint = 'allow that with -b',
): NetkitError {
  const code = 'no-route'
  const { address } = target
  // TCP does not know of a route to what UDP would reach (net/ipv4/tcp_ipv4.c, tcp_v4_connect).
  const isUnreachable = errno === 'ENETUNREACH' && target.family === 4 && !MULTICAST.test(address)
  const isRefused = (errno === 'EACCES' || isUnreachable) && source !== null
  if (isRefused || (address === LIMITED_BROADCAST && NO_ROUTE.includes(errno ?? ''))) {
    return new UsageError(`${target.target}: it is a broadcast address (${reason})`, { code, hints: [broadcastHint] })
  }
  const route = `see the route taken: ip route get ${address}`
  if (errno === 'EINVAL' && UNSCOPED.test(address)) {
    const why = `a link-local address belongs to an interface (${reason})`
    return new UsageError(`${target.target}: ${why}`, { code, hints: [`name it: ${address}%IFACE`, route] })
  }
  const meaning = errno === 'EACCES' ? prohibited(reason) : refusalMeaning(errno, reason)
  return new UsageError(`${target.target}: ${meaning ?? reason}`, { code, hints: [route] })
}
