// Destroy events: the kernel says on multicast groups of sock_diag when a TCP or UDP socket is freed, with its last numbers.

import { ERRNO, SystemCallError } from '../errors/index.js'
import { walkMessages } from '../netlink/message.js'
import type { NetlinkConnection, NetlinkPort } from '../ports/netlink.js'
import { IPPROTO_TCP, IPPROTO_UDP, type Protocol } from './constants.js'
import { tcpDetails } from './details.js'
import { findScalar } from './diag/common.js'
import { decodeInet, INET_DIAG_PROTOCOL, INET_MESSAGE, SOCK_DIAG_BY_FAMILY } from './diag/inet-diag.js'
import type { Decode, Visit } from './dump.js'
import { SocketRecord, UNKNOWN } from './record.js'
import { CLOSED } from './states.js'
import type { Table } from './tables.js'

const SOCK_DIAG = 4

/** linux/sock_diag.h, enum sknetlink_groups: bit = group - 1. */
const GROUPS: ReadonlyMap<string, number> = new Map([
  ['tcp4', 1 << 0],
  ['udp4', 1 << 1],
  ['tcp6', 1 << 2],
  ['udp6', 1 << 3],
])

const PROTOCOLS: ReadonlyMap<number, Protocol> = new Map([
  [IPPROTO_TCP, 'tcp'],
  [IPPROTO_UDP, 'udp'],
])

/** The multicast groups that tell of sockets of these tables; 0 when none does. */
export function destroyGroups(tables: readonly Table[]): number {
  return tables.reduce((groups, table) => groups | (GROUPS.get(table.id) ?? 0), 0)
}

/**
 * Fills the record from a destroy event. The kernel has taken owner and inode away by then: they become unknown, and the
 * state is CLOSED. False when it is no such event.
 */
export const decodeDestroyed: Decode = (data, start, end, record) => {
  const at = findScalar(data, start + INET_MESSAGE.size, end, INET_DIAG_PROTOCOL, 1)
  const protocol = at < 0 ? undefined : PROTOCOLS.get(data.getUint8(at))
  if (protocol === undefined || !decodeInet(data, start, end, protocol, record)) return false
  record.state = CLOSED
  record.uid = UNKNOWN
  record.inode = 0
  // sk_wmem_alloc_get() takes one off, which a socket that is being freed does not have any more.
  if (record.sendQueue === 0xffffffff) record.sendQueue = 0
  record.messageStart = start
  record.messageEnd = end
  return true
}

/** A place to listen: what identifies it in records, and its descriptor for setns(2). */
export interface EventTarget {
  netns: number
  fd: number
}

/** Read at most before others have their turn: the watch is level-triggered and calls again while there is more. */
const BATCHES_PER_TURN = 8
/** Read at most at the end, 16 events each: more than the receive buffer holds, and an end even while new ones come. */
const BATCHES_AT_END = 1024

interface Listener {
  netns: number
  connection: NetlinkConnection
}

/** Listens to destroy events in one or several network namespaces. */
export class DestroyEvents {
  private readonly listeners: Listener[] = []
  private readonly record = new SocketRecord()
  private readonly visit: Visit
  private readonly failed: (error: unknown) => void
  private readonly drained: () => void
  /** Times the kernel threw events away because they came faster than they were read. */
  overruns = 0
  /** Messages that could not be read. */
  damaged = 0

  /**
   * @param visit takes each event as it comes; the record is valid only during the call
   * @param failed takes an error of the socket, of `visit` or of `drained`: no more events come after it
   * @param drained called after each turn of visits
   * @throws SystemCallError
   */
  constructor(
    port: NetlinkPort,
    targets: readonly EventTarget[],
    groups: number,
    visit: Visit,
    failed: (error: unknown) => void,
    drained: () => void = () => undefined,
  ) {
    this.visit = visit
    this.failed = failed
    this.drained = drained
    try {
      for (const { netns, fd } of targets) {
        const connection = port.open(SOCK_DIAG, fd)
        const listener = { netns, connection }
        this.listeners.push(listener)
        connection.join(groups)
        connection.onReadable(() => this.turn(listener))
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Visits what is ready now, for the last time. */
  drain(): void {
    for (const listener of this.listeners) this.readBatches(listener, BATCHES_AT_END)
    this.drained()
  }

  /** Events that the kernel threw away; null where it does not tell how many. */
  get lost(): number | null {
    return this.listeners.reduce<number | null>((sum, { connection }) => {
      const lost = connection.lost?.() ?? null
      return sum === null || lost === null ? null : sum + lost
    }, 0)
  }

  close(): void {
    for (const { connection } of this.listeners.splice(0)) connection.close()
  }

  /** Called by the event loop, which has nobody to throw to. */
  private turn(listener: Listener): void {
    try {
      this.readBatches(listener, BATCHES_PER_TURN)
      this.drained()
    } catch (error) {
      this.close()
      this.failed(error)
    }
  }

  private readBatches({ netns, connection }: Listener, most: number): void {
    this.record.netns = netns
    for (let batch = 0; batch < most && this.readBatch(connection); batch++) {}
  }

  /** False when nothing is left to read. */
  private readBatch(connection: NetlinkConnection): boolean {
    try {
      const batch = connection.readNow()
      if (batch === null) return false
      for (let index = 0; index < batch.count; index++) {
        const start = batch.start(index)
        const end = walkMessages(batch.data, start, start + batch.length(index), (type, from, to) => {
          if (type === SOCK_DIAG_BY_FAMILY && decodeDestroyed(batch.data, from, to, this.record))
            this.visit(this.record)
          else this.damaged++
        })
        if (end.damagedBytes > 0 || batch.truncated(index)) this.damaged++
      }
      return true
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== ERRNO.ENOBUFS) throw error
      this.overruns++
      return true
    }
  }
}

/** `sent:1234 received:99 retrans:0`: what a TCP connection did in its life; empty where the kernel does not tell. */
export function formatLastCounters(record: SocketRecord): string {
  const details = record.peerPort === 0 ? null : tcpDetails(record)
  if (details === null) return ''
  const { bytesSent, bytesReceived, totalRetransSegments } = details
  return `sent:${bytesSent ?? '?'} received:${bytesReceived ?? '?'} retrans:${totalRetransSegments ?? '?'}`
}
