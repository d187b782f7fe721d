// What a filter needs to know beyond the socket record, injected so that filters stay free of I/O.

import type { Holder } from '../model.js'
import type { SocketRecord } from '../record.js'

/** Look-ups are made once when a filter is compiled, except those that say "per record". `netns` is `record.netns`. */
export interface FilterContext {
  /** net.ipv4.ip_local_port_range of a namespace, both ends included. */
  ephemeralPorts: (netns: number) => readonly [number, number]
  /** null when the namespace has no such interface. */
  interfaceIndex: (name: string, netns: number) => number | null
  /** null when there is no such user. */
  uidOf: (user: string) => number | null
  /** Per record, for `user ~ GLOB`; null when the uid has no name. */
  userOf: (uid: number) => string | null
  /** cgroup v2 id (inode of its directory) of a path below the cgroup mount; null when there is none. */
  cgroupId: (path: string) => bigint | null
  /** Per cgroup id, for `cgroup ~ GLOB`; null when no directory has it. */
  cgroupPath: (id: bigint) => string | null
  /** Per record, for `pid` and `comm`: who holds the inode; null or empty when not known. */
  holders: (inode: number, record: SocketRecord) => readonly Holder[] | null
  /** Per record, for `netns`: the label that the listing shows; null for the namespace of the caller. */
  netnsLabel: (netns: number) => string | null
}

/** For filters without host context: every look-up finds nothing, and ephemeral ports are Linux's default. */
export const EMPTY_CONTEXT: FilterContext = {
  ephemeralPorts: () => [32768, 60999],
  interfaceIndex: () => null,
  uidOf: () => null,
  userOf: () => null,
  cgroupId: () => null,
  cgroupPath: () => null,
  holders: () => null,
  netnsLabel: () => null,
}
