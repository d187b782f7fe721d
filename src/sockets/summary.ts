// Sockets of a namespace counted by protocol, family and TCP state, from its own tables.
//
// `ss -s` takes its numbers from /proc/net/sockstat, where some are the whole machine's: an empty container shows the host's
// closed sockets. Here every number of a namespace is a number of rows that a listing would show.

import { isMapped } from '../bytes/address.js'
import { AF_INET6, PROTOCOLS, type Protocol } from './constants.js'
import type { SourceReport } from './model.js'
import type { SocketRecord } from './record.js'
import {
  BOUND_INACTIVE,
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  formatState,
  LAST_ACK,
  LISTENING,
  SYN_RECV,
  SYN_SENT,
  TIME_WAIT,
} from './states.js'

/** Sockets of one protocol. `inet` and `inet6` are null where the protocol has no IP, or its table was not read. */
export interface ProtocolCount {
  protocol: Protocol
  total: number
  inet: number | null
  inet6: number | null
  /** Those of `inet6` whose addresses are IPv4 in disguise (v4-mapped): they carry IPv4 traffic. */
  mapped: number | null
}

export interface Summary {
  netns: string | null
  total: number
  protocols: ProtocolCount[]
  /** By state; null for a state that was not asked for, or that the source does not tell. Null when TCP was not read. */
  tcpStates: Record<string, number | null> | null
}

/** In the order of a connection's life. */
const TCP_STATES = [
  LISTENING,
  SYN_SENT,
  SYN_RECV,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  CLOSE_WAIT,
  CLOSING,
  LAST_ACK,
  TIME_WAIT,
  CLOSED,
  BOUND_INACTIVE,
]

/** Kernel numbers; 0, which is none, takes a state that a later kernel may have. */
const STATES = 16
const FAMILIES = 3
const INET = 0
const INET6 = 1
const MAPPED = 2

/** Adds up sockets, per namespace, in a few hundred counters. */
export class SocketSummary {
  /** By namespace: protocol x family x state. */
  private readonly counters: Uint32Array[] = []
  /** Sockets counted, of all namespaces. */
  counted = 0
  private readonly isOwn: (record: SocketRecord) => boolean

  /** @param isOwn tells netkit's own netlink sockets, which are there only because netkit looks */
  constructor(isOwn: (record: SocketRecord) => boolean) {
    this.isOwn = isOwn
  }

  add(record: SocketRecord): void {
    const { netlink } = record
    // The kernel's own ends, port id 0, are in every namespace and are nobody's sockets.
    if (netlink !== null && (netlink.portId === 0 || this.isOwn(record))) return
    this.counted++
    const family = record.family !== AF_INET6 ? INET : isMappedSocket(record) ? MAPPED : INET6
    this.of(record.netns)[at(record.protocol, family, record.state < STATES ? record.state : 0)]!++
  }

  /**
   * The summary of one namespace.
   * @param sources what was read of this namespace
   * @param states mask of the states asked for
   */
  result(netns: number, label: string | null, sources: readonly SourceReport[], states: number): Summary {
    const read = sources.filter(source => source.method !== 'none' && source.netns === label)
    const protocols = [...new Set(read.map(source => source.protocol))].map(protocol =>
      this.protocol(netns, protocol, read),
    )
    return {
      netns: label,
      total: protocols.reduce((sum, each) => sum + each.total, 0),
      protocols,
      tcpStates: this.tcpStates(netns, read, states),
    }
  }

  private protocol(netns: number, protocol: Protocol, read: readonly SourceReport[]): ProtocolCount {
    const families = read.filter(source => source.protocol === protocol).map(source => source.family)
    const [inet, inet6, mapped] = [INET, INET6, MAPPED].map(family => this.sum(netns, protocol, family)) as [
      number,
      number,
      number,
    ]
    const hasInet6 = families.includes('inet6')
    return {
      protocol,
      total: inet + inet6 + mapped,
      inet: families.includes('inet') ? inet : null,
      inet6: hasInet6 ? inet6 + mapped : null,
      mapped: hasInet6 ? mapped : null,
    }
  }

  private tcpStates(netns: number, read: readonly SourceReport[], states: number): Summary['tcpStates'] {
    const sources = read.filter(source => source.protocol === 'tcp')
    if (sources.length === 0) return null
    const counters = this.of(netns)
    const counts: Record<string, number | null> = {}
    for (const state of TCP_STATES) {
      let count: number | null = 0
      for (let family = 0; family < FAMILIES; family++) count += counters[at('tcp', family, state)]!
      const untold = state === BOUND_INACTIVE && sources.some(source => source.method === 'procfs')
      counts[formatState(state)] = untold || !((states >>> state) & 1) ? null : count
    }
    return counts
  }

  private sum(netns: number, protocol: Protocol, family: number): number {
    const from = at(protocol, family, 0)
    return this.of(netns)
      .subarray(from, from + STATES)
      .reduce((sum, count) => sum + count, 0)
  }

  private of(netns: number): Uint32Array {
    const known = this.counters[netns]
    if (known !== undefined) return known
    const made = new Uint32Array(PROTOCOLS.length * FAMILIES * STATES)
    this.counters[netns] = made
    return made
  }
}

const at = (protocol: Protocol, family: number, state: number): number =>
  (PROTOCOLS.indexOf(protocol) * FAMILIES + family) * STATES + state

function isMappedSocket(record: SocketRecord): boolean {
  return isMapped(record.local0, record.local1, record.local2) || isMapped(record.peer0, record.peer1, record.peer2)
}
