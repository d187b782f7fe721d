// One socket as every source fills it and every consumer reads it: a record made once and reused for each socket.

import type { Protocol } from './constants.js'
import { LISTENING } from './states.js'

/** Number of attribute slots kept for a message: INET_DIAG_SOCKOPT (22) is the last one the kernel has. */
export const ATTRIBUTE_SLOTS = 24

/** Value of `cookieLow`, `cookieHigh` and such where the source does not know the number. */
export const UNKNOWN = -1

/** How a record was obtained; procfs cannot fill everything. */
export type RecordSource = 'netlink' | 'procfs'

/** What a unix socket adds. */
export interface UnixPart {
  /** Bound path; abstract names start with `@`, `null` when unnamed. Untrusted bytes, decoded as latin-1 free UTF-8. */
  path: string | null
  peerInode: number | null
  peerPath: string | null
  /** Inodes of connections waiting in a listener's accept queue. */
  pendingInodes: number[]
}

/** What a packet socket adds: ethertype in host order, and its options where the kernel shows them. */
export interface PacketPart {
  ethertype: number
  version: number | null
  flags: number | null
  copyThreshold: number | null
  timestamp: number | null
  fanoutId: number | null
  fanoutType: number | null
  receiveRing: boolean
  transmitRing: boolean
  filter: 'none' | 'hidden' | number
}

/** What a netlink socket adds. */
export interface NetlinkPart {
  protocol: number
  portId: number
  peerPortId: number
  peerGroup: number
  groups: number[] | null
  flags: number | null
  /** Whether a peer is set; left out where the source does not know. The state is CLOSED either way, as ss shows it. */
  connected?: boolean
}

/** Addresses of families without IP: vsock context ids, TIPC and XDP names. */
export interface OtherPart {
  localAddress: string
  localPort: number | null
  peerAddress: string
  peerPort: number | null
  /** RCV_SHUTDOWN 1, SEND_SHUTDOWN 2: vsock has it in the message itself. */
  shutdown?: number
}

/**
 * A socket. Numbers are host order. Addresses are four big-endian words each (IPv4 in the first).
 * `known` fields hold `UNKNOWN` where the source cannot say; consumers must map that to null or `?`.
 */
export class SocketRecord {
  source: RecordSource = 'netlink'
  protocol: Protocol = 'tcp'
  /** AF_ number. */
  family = 0
  /** SOCK_ type of unix, packet and netlink sockets; 0 otherwise. */
  type = 0
  /** IPPROTO_ number of a raw socket; 0 otherwise. */
  rawProtocol = 0
  /** Kernel state number, with BOUND_INACTIVE told apart from CLOSED. */
  state = 0
  /** 0 none, 1 retransmit, 2 keepalive, 3 time-wait, 4 zero-window probe, 5 delayed ACK. UNKNOWN when not known. */
  timer = 0
  expiresMs = 0
  retransmits = 0
  localPort = 0
  peerPort = 0
  local0 = 0
  local1 = 0
  local2 = 0
  local3 = 0
  peer0 = 0
  peer1 = 0
  peer2 = 0
  peer3 = 0
  /** 0 = not bound to an interface. */
  ifindex = 0
  cookieLow = 0
  cookieHigh = 0
  /** Bytes to read; connections in the accept queue for a listener. */
  recvQueue = 0
  /** Bytes not acknowledged; accept queue limit for a listener (UNKNOWN from procfs). */
  sendQueue = 0
  /** Owner; UNKNOWN for mini-sockets, which have none. */
  uid = 0
  /** 0 = no file refers to it (TIME-WAIT, SYN-RECV, not yet accepted). */
  inode = 0
  /** Datagrams dropped, from procfs; UNKNOWN otherwise (sock_diag has it in SKMEMINFO). */
  procDrops = UNKNOWN
  /** Index into the run's list of network namespaces. */
  netns = 0

  unix: UnixPart | null = null
  packet: PacketPart | null = null
  netlink: NetlinkPart | null = null
  other: OtherPart | null = null

  /** Bytes that attribute offsets refer to; borrowed until the next batch. */
  data: DataView = EMPTY
  /** The message in `data` that the record was read from; 0 when its source has none. */
  messageStart = 0
  messageEnd = 0
  /** Where the attributes start and end in `data`; both 0 when the source has none. */
  attributesStart = 0
  attributesEnd = 0
  // Out of reach of Object.assign: a copy that shared these would answer with the offsets of another socket.
  #parsed = false
  readonly #offsets = new Int32Array(ATTRIBUTE_SLOTS)
  readonly #lengths = new Int32Array(ATTRIBUTE_SLOTS)

  /** Points the record at the attributes of a message; they are walked only when one is asked for. */
  setAttributes(data: DataView, start: number, end: number): void {
    this.data = data
    this.attributesStart = start
    this.attributesEnd = end
    this.#parsed = false
  }

  /** Forgets everything a family-specific source fills, so that the record can hold another socket. */
  clearParts(): void {
    this.unix = null
    this.packet = null
    this.netlink = null
    this.other = null
    this.messageStart = 0
    this.messageEnd = 0
    this.setAttributes(EMPTY, 0, 0)
  }

  /** Byte offset in `data` of attribute `type`'s payload, or -1 when the kernel did not send it. */
  attribute(type: number): number {
    if (!this.#parsed) this.walkAttributes()
    return this.#offsets[type]!
  }

  /** Payload length in bytes of attribute `type`; 0 when absent. */
  attributeLength(type: number): number {
    if (!this.#parsed) this.walkAttributes()
    return this.#lengths[type]!
  }

  /** A record of its own: nothing in it changes when this one is filled again. Attributes still lie in borrowed bytes. */
  copy(): SocketRecord {
    const { unix, packet, netlink, other } = this
    return Object.assign(new SocketRecord(), this, {
      unix: unix && { ...unix, pendingInodes: [...unix.pendingInodes] },
      packet: packet && { ...packet },
      netlink: netlink && { ...netlink, groups: netlink.groups && [...netlink.groups] },
      other: other && { ...other },
    })
  }

  get isListener(): boolean {
    return this.state === LISTENING
  }

  private walkAttributes(): void {
    this.#parsed = true
    this.#offsets.fill(-1)
    this.#lengths.fill(0)
    const { data, attributesEnd: end } = this
    let at = this.attributesStart
    while (at + 4 <= end) {
      const length = data.getUint16(at, true)
      if (length < 4 || at + length > end) return
      const type = data.getUint16(at + 2, true) & 0x3fff
      if (type < ATTRIBUTE_SLOTS) {
        this.#offsets[type] = at + 4
        this.#lengths[type] = length - 4
      }
      at += (length + 3) & ~3
    }
  }
}

const EMPTY = new DataView(new ArrayBuffer(0))
