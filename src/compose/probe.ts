// What ping and trace need to start: a transport for their probes, the timers of the event loop, and the error for a name without address.

import { openRawSocketPackage } from '../adapters/echo-raw-socket.js'
import { openEchoSocket } from '../adapters/echo-socket.js'
import { isLoadFailure, loadNative } from '../adapters/native.js'
import { openTcpProbe } from '../adapters/tcp-probe.js'
import { openUdpProbe } from '../adapters/udp-probe.js'
import { isAddress, splitZone } from '../bytes/address.js'
import { type NetkitError, UnsupportedError, UsageError } from '../errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../ports/probe.js'
import type { ErrorEvent } from '../probe/events.js'
import { refusalMeaning } from '../probe/no-route.js'
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
  const [address] = splitZone(target)
  if (!isAddress(address)) {
    return new UsageError(`${target}: ${reason}`, { code, hints: [`ask the system: getent ahosts ${target}`] })
  }
  const [is, other] = address.includes(':') ? ['IPv6', '-4'] : ['IPv4', '-6']
  return new UsageError(`${target}: ${reason}: it is an ${is} address`, { code, hints: [`leave out ${other}`] })
}

export { NO_ROUTE } from '../probe/no-route.js'

/**
 * The failure of a run whose first probe this host refused to send for want of a route.
 * @param source the address that it would have left from, which a broadcast address has and a prohibited one has not
 */
export function noRouteError(
  { target, reason, errno }: Pick<ErrorEvent, 'target' | 'reason' | 'errno'>,
  source: string | null,
): NetkitError {
  const broadcast = errno === 'EACCES' && source !== null ? ['it is a broadcast address: allow that with -b'] : []
  return new UsageError(`${target.target}: ${refusalMeaning(errno, reason) ?? reason}`, {
    code: 'no-route',
    hints: [`see the route taken: ip route get ${target.address}`, ...broadcast],
  })
}
