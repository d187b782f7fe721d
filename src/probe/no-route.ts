// What the kernel says when this host has no way to send to a target.

import { ERRNO, errnoName } from '../errors/index.js'

/** No route leads there, or one that rejects or prohibits (EACCES, of a broadcast address without -b too), or a blackhole (EINVAL). */
export const NO_ROUTE_ERRNOS: readonly number[] = [ERRNO.ENETUNREACH, ERRNO.EHOSTUNREACH, ERRNO.EACCES, ERRNO.EINVAL]

/** Names of the same, as events have them. */
export const NO_ROUTE: readonly string[] = NO_ROUTE_ERRNOS.map(errnoName)

/** What an errno means that a send was refused with: ip-route(8) has the names. */
const MEANINGS: Readonly<Record<string, (words: string) => string>> = {
  EINVAL: words =>
    `no route from this host: its routing table drops it (blackhole), or it is no address to probe (${words})`,
  EACCES: words => `no route from this host: its routing table prohibits it, or it is a broadcast address (${words})`,
  EHOSTUNREACH: words => `no route from this host: its routing table says unreachable (${words})`,
  ENETUNREACH: words => `no route from this host (${words})`,
  EPERM: words => `dropped by the firewall of this host (${words})`,
}

/** EACCES where it is known to be no broadcast address. */
export const prohibited = (words: string): string =>
  `no route from this host: its routing table prohibits it (${words})`

/** Why this host sends nothing, in words of its own; null where the errno says all. */
export function refusalMeaning(errno: string | null, words: string): string | null {
  return MEANINGS[errno ?? '']?.(words) ?? null
}
