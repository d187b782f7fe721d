// What the kernel says when this host has no way to send to a target.

import { ERRNO, errnoName } from '../errors/index.js'

/** No route leads there, or one that rejects or prohibits (EACCES, of a broadcast address without -b too), or a blackhole (EINVAL). */
export const NO_ROUTE_ERRNOS: readonly number[] = [ERRNO.ENETUNREACH, ERRNO.EHOSTUNREACH, ERRNO.EACCES, ERRNO.EINVAL]

/** Names of the same, as events have them. */
export const NO_ROUTE: readonly string[] = NO_ROUTE_ERRNOS.map(errnoName)
