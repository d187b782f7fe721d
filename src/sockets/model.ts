// The plain, typed result of a listing: what the library returns and `--json` prints.

import type { Family, Protocol } from './constants.js'

/** One end of a socket. `address` is text; `port` is null where the family has none. */
export interface Endpoint {
  address: string | null
  port: number | null
  /** Interface the end is bound to, by name; null when none. */
  interface: string | null
}

/** A process that holds a descriptor of a socket. */
export interface Holder {
  pid: number
  /** The process's comm, as the kernel gives it: untrusted text. */
  name: string
  fd: number
  /** Thread whose descriptor table it was found in, where threads were looked for; null for the process's own. */
  tid?: number | null
}

/** A listener's accept queue. `limit` is null where the source does not know it. */
export interface AcceptQueue {
  length: number
  limit: number | null
  full: boolean | null
}

export type TimerName =
  | 'retransmit'
  | 'keepalive'
  | 'time-wait'
  | 'zero-window-probe'
  | 'delayed-ack'
  | `timer-${number}`

export interface Timer {
  name: TimerName
  /** Milliseconds until it fires. */
  expiresMs: number
  retransmits: number
}

/** INET_DIAG_SKMEMINFO, bytes; a field that an older kernel does not send is null. */
export interface SocketMemory {
  receiveAllocated: number | null
  receiveBuffer: number | null
  sendAllocated: number | null
  sendBuffer: number | null
  forwardAllocated: number | null
  sendQueued: number | null
  optionMemory: number | null
  backlog: number | null
  drops: number | null
}

/** TCP internals: tcp_info field by field plus congestion control; absent in the kernel's answer = null. */
export type TcpDetails = Record<
  string,
  number | string | boolean | null | string[] | Record<string, number | string | boolean | null>
>

/** One socket of a listing. `null` means unknown or not applicable, never 0. */
export interface Socket {
  protocol: Protocol
  family: Family | `family-${number}`
  /** `stream`, `dgram`, `seqpacket`, `raw` where the family has types; null otherwise. */
  type: string | null
  state: string
  recvQueue: number | null
  sendQueue: number | null
  acceptQueue: AcceptQueue | null
  local: Endpoint
  peer: Endpoint
  path: string | null
  peerInode: number | null
  netns: string | null
  interface: string | null
  uid: number | null
  user: string | null
  inode: number | null
  /** 64-bit cookie as 16 hex digits; null from procfs. */
  cookie: string | null
  mark: number | null
  cgroup: string | null
  timer: Timer | null
  processes: Holder[] | null
  /** Who holds the other end of a unix socket; null unless processes were asked for. */
  peerProcesses: Holder[] | null
  memory: SocketMemory | null
  tcp: TcpDetails | null
  options: SocketOptions | null
  drops: number | null
}

/** Flags and header settings that `--inet-sockopt` and `--tos` show, where the kernel sends them. */
export interface SocketOptions {
  tos: number | null
  trafficClass: number | null
  priority: number | null
  v6only: boolean | null
  shutdown: 'none' | 'receive' | 'send' | 'both' | null
  flags: string[] | null
}

/** A place the answer came from, per family. */
export interface SourceReport {
  protocol: Protocol
  family: Family | null
  netns: string | null
  method: 'netlink' | 'procfs' | 'replay' | 'none'
  /** Set when this source could not answer. */
  error: { code: string; message: string } | null
  /** Columns that this source cannot fill. */
  missing: string[]
}

/** How far the answer can be trusted as one moment. */
export interface Consistency {
  /** How many times each small family was dumped. */
  passes: number
  duplicatesRemoved: number
  /** True when a second pass saw a socket that the first had missed, or the reverse. */
  differed: boolean
}

export interface SocketListing {
  sources: SourceReport[]
  sockets: Socket[]
  notes: string[]
  consistency: Consistency
}
