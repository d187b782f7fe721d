// Names for numbers, without files, kernel or resolver.

import type { SocketLookups } from '../../src/sockets/lookups.js'

/** Knows a few names, and nobody who holds anything. */
export function fakeLookups(more: Partial<SocketLookups> = {}): SocketLookups {
  return {
    service: (protocol, port) => (protocol === 'tcp' && port === 80 ? 'http' : port === 53 ? 'domain' : null),
    ipProtocol: number => (number === 58 ? 'ipv6-icmp' : null),
    interfaceName: (_netns, ifindex) => (ifindex === 1 ? 'lo' : `if${ifindex}`),
    userName: uid => (uid === 0 ? 'root' : null),
    cgroupPath: id => `/cgroup/${id}`,
    netnsLabel: () => null,
    holders: () => null,
    peerHolders: () => null,
    hostName: () => null,
    ...more,
  }
}
