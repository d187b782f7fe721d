// Names for the numbers in a record: injected, because they come from files, the kernel and the resolver.

import type { Protocol } from './constants.js'
import type { Holder } from './model.js'
import type { SocketRecord } from './record.js'

export interface SocketLookups {
  /** Name of a port as getservbyport(3) gives it, null when it has none. */
  service(protocol: Protocol, port: number): string | null
  /** Name of an IP protocol number, null when it has none. */
  ipProtocol(number: number): string | null
  /** Name of an interface in namespace `netns` (its index in the run's list), `ifN` when it has none. */
  interfaceName(netns: number, ifindex: number): string
  userName(uid: number): string | null
  /** Path below the cgroup2 mount of a cgroup id in hex. */
  cgroupPath(id: string): string
  /** Label of a namespace; null when only the caller's own is listed. */
  netnsLabel(netns: number): string | null
  /** Who holds the socket, or the listener in whose accept queue it waits; null when processes were not looked for. */
  holders(record: SocketRecord): readonly Holder[] | null
  /** Who holds the other end of a unix socket; null when processes were not looked for. */
  peerHolders(record: SocketRecord): readonly Holder[] | null
  /** Host name of an address text, null when unknown or not asked for. */
  hostName(address: string): string | null
}
