// Kernel numbers of socket families, types and protocols, and the words netkit uses for them.

/** Address families, linux/socket.h. */
export const AF_UNSPEC = 0
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const AF_PACKET = 17
export const AF_TIPC = 30
export const AF_VSOCK = 40
export const AF_XDP = 44

/** Transport protocols, linux/in.h. */
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_SCTP = 132
export const IPPROTO_RAW = 255
export const IPPROTO_MPTCP = 262

/** Socket types, linux/net.h. */
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_SEQPACKET = 5

/** The protocol words of the model, in the order in which a listing shows them. */
export const PROTOCOLS = [
  'netlink',
  'packet',
  'unix',
  'raw',
  'udp',
  'tcp',
  'mptcp',
  'sctp',
  'vsock',
  'xdp',
  'tipc',
] as const

/** What a socket speaks, as `protocol` in JSON. */
export type Protocol = (typeof PROTOCOLS)[number]

/** Address family words, as `family` in JSON. */
export type Family = 'inet' | 'inet6' | 'unix' | 'packet' | 'netlink' | 'vsock' | 'xdp' | 'tipc'

const FAMILY_WORDS: ReadonlyMap<number, Family> = new Map([
  [AF_UNIX, 'unix'],
  [AF_INET, 'inet'],
  [AF_INET6, 'inet6'],
  [AF_NETLINK, 'netlink'],
  [AF_PACKET, 'packet'],
  [AF_TIPC, 'tipc'],
  [AF_VSOCK, 'vsock'],
  [AF_XDP, 'xdp'],
])

/** The word for an address family number; an unknown one keeps its number. */
export function formatFamily(family: number): string {
  return FAMILY_WORDS.get(family) ?? `family-${family}`
}
