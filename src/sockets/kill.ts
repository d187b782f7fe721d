// Closing sockets through SOCK_DESTROY: what is sent for one socket, what is not touched, and what the answer means.

import { ERRNO, errnoName, errnoWords } from '../errors/index.js'
import { encodeRequest, NLM_F_ACK, NLM_F_REQUEST, type RequestAttribute, walkMessages } from '../netlink/message.js'
import type { NetlinkConnection } from '../ports/netlink.js'
import { IPPROTO_MPTCP, type Protocol } from './constants.js'
import {
  encodeInetIdentity,
  INET_DIAG_REQ_PROTOCOL,
  INET_REQUEST,
  inetProtocolNumber,
  SOCK_DESTROY,
} from './diag/inet-diag.js'
import { type SocketRecord, UNKNOWN } from './record.js'
import { BOUND_INACTIVE } from './states.js'

/** Protocols whose sockets the kernel can close for somebody else. SCTP, unix and the rest have no such handler. */
export const KILLABLE: readonly Protocol[] = ['tcp', 'udp', 'raw', 'mptcp']

export type KillResult = 'closed' | 'gone' | 'refused' | 'would-close' | 'listener-skipped'

/** What became of one socket. */
export interface KillOutcome {
  result: KillResult
  error: { code: string; message: string } | null
}

/** What a plan must know beyond the socket itself. */
export interface KillOptions {
  dryRun: boolean
  /** Whether listeners may be closed. */
  listeners: boolean
  /** Sockets that a request for this one may hit, itself included. */
  candidates(record: SocketRecord): number
}

/** The request that closes exactly this socket. Ports stand in their own order for every protocol, unlike in a UDP lookup. */
export function encodeDestroy(record: SocketRecord, sequence: number): Uint8Array {
  const number = inetProtocolNumber(record.protocol)
  const payload = encodeInetIdentity(record, number)
  // linux/inet_diag.h, struct inet_diag_req_raw: the padding byte is the raw socket's own protocol.
  if (record.protocol === 'raw') payload[INET_REQUEST.offset.rawProtocol] = record.rawProtocol
  const attributes: RequestAttribute[] = []
  if (number === IPPROTO_MPTCP) {
    attributes.push({ type: INET_DIAG_REQ_PROTOCOL, payload: new Uint8Array(new Uint32Array([number]).buffer) })
  }
  return encodeRequest(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, sequence, payload, attributes)
}

/** What is known of a socket's end without asking the kernel; null when the request is to be sent. */
export function planKill(record: SocketRecord, options: KillOptions): KillOutcome | null {
  if (!KILLABLE.includes(record.protocol)) {
    return refused('unsupported', `the kernel cannot close ${record.protocol} sockets`)
  }
  if (record.state === BOUND_INACTIVE) {
    return refused('only-bound', 'the kernel looks among connections and listeners, and this socket is neither')
  }
  if (record.isListener && !options.listeners) return { result: 'listener-skipped', error: null }
  if (record.cookieLow === UNKNOWN && record.cookieHigh === UNKNOWN) {
    return refused('no-cookie', 'procfs gives no cookie, so the kernel cannot be told which socket is meant')
  }
  // raw_diag_destroy compares protocol and addresses only, never the cookie: with two of a kind it may close the other one.
  if (record.protocol === 'raw' && options.candidates(record) > 1) {
    return refused('ambiguous', 'the kernel cannot tell raw sockets of the same protocol apart')
  }
  return options.dryRun ? { result: 'would-close', error: null } : null
}

/** What the kernel's answer to a request means. */
export function judgeAnswer(errno: number): KillOutcome {
  if (errno === 0) return { result: 'closed', error: null }
  const error = { code: errnoName(errno), message: errnoWords(errno) }
  return { result: errno === ERRNO.ENOENT ? 'gone' : 'refused', error }
}

/** A socket that the kernel says is gone, but that is still in the table. */
export const HIDDEN: KillOutcome = refused(
  'shared-address',
  'other sockets share its address (SO_REUSEPORT), and the kernel finds one of those',
)

function refused(code: string, message: string): KillOutcome {
  return { result: 'refused', error: { code, message } }
}

let sequence = 0

/** Asks the kernel to close the socket. @returns the errno it answered with, 0 when it did. @throws SystemCallError */
export function destroySocket(connection: NetlinkConnection, record: SocketRecord): number {
  sequence = (sequence + 1) >>> 0
  connection.send(encodeDestroy(record, sequence))
  // The kernel works inside the send: its answer is there.
  const batch = connection.readNow()
  if (batch === null || batch.count === 0) return ERRNO.EIO
  const start = batch.start(0)
  const end = walkMessages(batch.data, start, start + batch.length(0), () => undefined)
  return end.done ? end.errno : ERRNO.EIO
}
