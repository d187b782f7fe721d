// The tables of sockets a kernel has, one row each: how it is asked for, how its answer is read, what may be in it.

import type { RequestAttribute } from '../netlink/message.js'
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_TIPC,
  AF_UNIX,
  AF_VSOCK,
  AF_XDP,
  type Family,
  IPPROTO_MPTCP,
  type Protocol,
} from './constants.js'
import {
  decodeInet,
  encodeInetRequest,
  encodeTcpRequest,
  extensionBit,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQ_PROTOCOL,
  INET_DIAG_SKMEMINFO,
  inetProtocolNumber,
  TCPDIAG_GETSOCK,
} from './diag/inet-diag.js'
import { decodeNetlink, encodeNetlinkRequest } from './diag/netlink-diag.js'
import { decodePacket, encodePacketRequest } from './diag/packet-diag.js'
import { decodeTipc, encodeTipcRequest } from './diag/tipc-diag.js'
import { decodeUnix, encodeUnixRequest } from './diag/unix-diag.js'
import { decodeVsock, encodeVsockRequest } from './diag/vsock-diag.js'
import { decodeXdp, encodeXdpRequest } from './diag/xdp-diag.js'
import type { Decode, DumpRequest } from './dump.js'
import type { Chained } from './dump-chains.js'
import type { ProcNetFile } from './proc-net.js'
import { ALL_STATES, BOUND_INACTIVE, CLOSED, ESTABLISHED, LISTENING, SYN_RECV, SYN_SENT, TIME_WAIT } from './states.js'

/** What a request asks for beyond the sockets themselves. */
export interface RequestDetails {
  /** Bits of the inet attributes asked for (extensionBit). */
  extensions: number
  /** sock_diag bytecode for this table, null for none. */
  bytecode: Uint8Array | null
}

export interface Table {
  /** Protocol word and, for IP, the version: `tcp4`, `unix`. */
  id: string
  protocol: Protocol
  /** AF_ number. */
  family: number
  familyWord: Family
  /** States a socket of this table can be in: a listing of other states need not ask. */
  states: number
  /** Whether the kernel filters by state and bytecode. */
  inet: boolean
  procfs: ProcNetFile | null
  request(states: number, details: RequestDetails): DumpRequest
}

const bit = (state: number): number => 1 << state
const DATAGRAM = bit(ESTABLISHED) | bit(CLOSED)
const STREAM = DATAGRAM | bit(LISTENING) | bit(SYN_SENT)
/** MPTCP sockets have no TIME-WAIT or half-open form of their own: their subflows have. */
const MPTCP = ALL_STATES & ~(bit(TIME_WAIT) | bit(SYN_RECV))

function inet(protocol: Protocol, version: 4 | 6, states: number, procfs: ProcNetFile | null): Table {
  const family = version === 4 ? AF_INET : AF_INET6
  const number = inetProtocolNumber(protocol)
  const decode: Decode = (data, start, end, record) => decodeInet(data, start, end, protocol, record)
  return {
    id: `${protocol}${version}`,
    protocol,
    family,
    familyWord: version === 4 ? 'inet' : 'inet6',
    states,
    inet: true,
    procfs,
    request(mask, details) {
      const attributes: RequestAttribute[] = []
      if (number === IPPROTO_MPTCP) {
        attributes.push({ type: INET_DIAG_REQ_PROTOCOL, payload: new Uint8Array(new Uint32Array([number]).buffer) })
      }
      if (details.bytecode) attributes.push({ type: INET_DIAG_REQ_BYTECODE, payload: details.bytecode })
      const extensions = details.extensions
      return {
        payload: encodeInetRequest({ family, protocol: number, extensions, states: mask & states }),
        attributes,
        decode,
      }
    },
  }
}

/** All tables, in the order in which a listing shows them (ss's order). */
export const TABLES: readonly Table[] = [
  {
    id: 'netlink',
    protocol: 'netlink',
    family: AF_NETLINK,
    familyWord: 'netlink',
    states: DATAGRAM,
    inet: false,
    procfs: 'netlink',
    request: () => ({ payload: encodeNetlinkRequest(), attributes: [], decode: decodeNetlink }),
  },
  {
    id: 'packet',
    protocol: 'packet',
    family: AF_PACKET,
    familyWord: 'packet',
    states: bit(CLOSED),
    inet: false,
    procfs: 'packet',
    request: () => ({ payload: encodePacketRequest(), attributes: [], decode: decodePacket }),
  },
  {
    id: 'unix',
    protocol: 'unix',
    family: AF_UNIX,
    familyWord: 'unix',
    states: STREAM,
    inet: false,
    procfs: 'unix',
    request: (states, { extensions }) => ({
      payload: encodeUnixRequest({ states, memory: (extensions & extensionBit(INET_DIAG_SKMEMINFO)) !== 0 }),
      attributes: [],
      decode: decodeUnix,
    }),
  },
  inet('raw', 4, DATAGRAM, 'raw'),
  inet('raw', 6, DATAGRAM, 'raw6'),
  inet('udp', 4, DATAGRAM, 'udp'),
  inet('udp', 6, DATAGRAM, 'udp6'),
  inet('tcp', 4, ALL_STATES & ~bit(CLOSED), 'tcp'),
  inet('tcp', 6, ALL_STATES & ~bit(CLOSED), 'tcp6'),
  inet('mptcp', 4, MPTCP, null),
  inet('mptcp', 6, MPTCP, null),
  inet('sctp', 4, ALL_STATES & ~bit(TIME_WAIT), null),
  inet('sctp', 6, ALL_STATES & ~bit(TIME_WAIT), null),
  {
    id: 'tipc',
    protocol: 'tipc',
    family: AF_TIPC,
    familyWord: 'tipc',
    states: STREAM,
    inet: false,
    procfs: null,
    request: states => ({ payload: encodeTipcRequest({ states }), attributes: [], decode: decodeTipc }),
  },
  {
    id: 'vsock',
    protocol: 'vsock',
    family: AF_VSOCK,
    familyWord: 'vsock',
    states: ALL_STATES & ~bit(TIME_WAIT),
    inet: false,
    procfs: null,
    request: states => ({ payload: encodeVsockRequest({ states }), attributes: [], decode: decodeVsock }),
  },
  {
    id: 'xdp',
    protocol: 'xdp',
    family: AF_XDP,
    familyWord: 'xdp',
    states: bit(CLOSED),
    inet: false,
    procfs: null,
    request: () => ({ payload: encodeXdpRequest(), attributes: [], decode: decodeXdp }),
  },
]

/** Listeners, and what is bound and no more: the kernel keeps them in chains by local port. */
const BY_PORT = bit(LISTENING) | bit(CLOSED) | bit(BOUND_INACTIVE)
/** Protocols whose connections stand in a table of their own, hashed by both ends: its chains are short. */
const CONNECTION_TABLES: readonly Protocol[] = ['tcp', 'mptcp', 'sctp']

/** Which sockets of a request's answer stand in long chains, and the request for them alone; null when there are none. */
export function chainedOf(
  protocol: Protocol,
  states: number,
  request: (states: number) => DumpRequest,
): Chained | null {
  if (!CONNECTION_TABLES.includes(protocol)) return { holds: () => true, request: request(states) }
  const mask = states & BY_PORT
  if (mask === 0) return null
  return { holds: record => ((BY_PORT >>> record.state) & 1) !== 0, request: request(mask) }
}

/** The request for the TCP sockets of both families, in one walk of the tables that they share. */
export function tcpRequest(states: number, details: RequestDetails): DumpRequest {
  const { extensions, bytecode } = details
  return {
    type: TCPDIAG_GETSOCK,
    payload: encodeTcpRequest({ extensions, states }),
    attributes: bytecode ? [{ type: INET_DIAG_REQ_BYTECODE, payload: bytecode }] : [],
    decode: (data, start, end, record) => decodeInet(data, start, end, 'tcp', record),
    families: [AF_INET, AF_INET6],
  }
}

/** The table with this id; recordings name tables by it. */
export function tableById(id: string): Table | null {
  return TABLES.find(table => table.id === id) ?? null
}
