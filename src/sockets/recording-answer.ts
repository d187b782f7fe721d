// Answers a sock_diag request out of recorded messages: with the attributes that the request asks for, as the kernel would.

import { NLMSG_DONE, NLMSGHDR, walkMessages } from '../netlink/message.js'
import type { Protocol } from './constants.js'
import {
  extensionBit,
  INET_DIAG_CONG,
  INET_DIAG_INFO,
  INET_DIAG_MEMINFO,
  INET_DIAG_REQ_PROTOCOL,
  INET_DIAG_SKMEMINFO,
  INET_DIAG_TCLASS,
  INET_DIAG_TOS,
  INET_DIAG_VEGASINFO,
  INET_MESSAGE,
  INET_REQUEST,
  inetProtocolNumber,
  SOCK_DIAG_BY_FAMILY,
} from './diag/inet-diag.js'
import { UDIAG_SHOW_MEMINFO, UNIX_DIAG_MEMINFO, UNIX_MESSAGE, UNIX_REQUEST } from './diag/unix-diag.js'
import { BOUND_INACTIVE, CLOSED } from './states.js'
import { TABLES, type Table } from './tables.js'

const INET_DIAG_DCTCPINFO = 9
const INET_DIAG_BBRINFO = 16
const INET_DIAG_CLASS_ID = 17

/** Attributes that come only when asked for, and the one of the request that asks (net/ipv4/inet_diag.c). */
const ASKED_BY: ReadonlyMap<number, number> = new Map([
  [INET_DIAG_MEMINFO, INET_DIAG_MEMINFO],
  [INET_DIAG_INFO, INET_DIAG_INFO],
  [INET_DIAG_VEGASINFO, INET_DIAG_VEGASINFO],
  [INET_DIAG_DCTCPINFO, INET_DIAG_VEGASINFO],
  [INET_DIAG_BBRINFO, INET_DIAG_VEGASINFO],
  [INET_DIAG_CONG, INET_DIAG_CONG],
  [INET_DIAG_TOS, INET_DIAG_TOS],
  [INET_DIAG_TCLASS, INET_DIAG_TCLASS],
  [INET_DIAG_CLASS_ID, INET_DIAG_TCLASS],
  [INET_DIAG_SKMEMINFO, INET_DIAG_SKMEMINFO],
])

/** The same of unix sockets, whose requests ask for nothing else by choice (net/unix/diag.c). */
const UNIX_ASKED_BY: ReadonlyMap<number, number> = new Map([[UNIX_DIAG_MEMINFO, INET_DIAG_SKMEMINFO]])

/** Bits of every attribute that can be asked for: a recording asks for all. */
export const ALL_EXTENSIONS = [...new Set(ASKED_BY.values())].reduce((bits, each) => bits | extensionBit(each), 0)

export interface RecordedRequest {
  table: Table
  /** Bits of the attributes asked for (extensionBit), of unix sockets too. */
  extensions: number
  /** Mask of kernel states; null where the kernel does not look at it. */
  states: number | null
}

const IP: readonly Protocol[] = ['tcp', 'udp', 'raw', 'mptcp', 'sctp']

/** What a request asks for; null when it is no dump of a table. */
export function parseDumpRequest(request: Uint8Array): RecordedRequest | null {
  const view = new DataView(request.buffer, request.byteOffset, request.length)
  if (request.length < NLMSGHDR.size + 8) return null
  if (view.getUint16(NLMSGHDR.offset.type, true) !== SOCK_DIAG_BY_FAMILY) return null
  const family = request[NLMSGHDR.size + INET_REQUEST.offset.family]!
  const protocol = protocolOf(view, request)
  const table = TABLES.find(
    each =>
      each.family === family &&
      (!each.inet || (IP.includes(each.protocol) && inetProtocolNumber(each.protocol) === protocol)),
  )
  if (table === undefined) return null
  if (table.id === 'unix') {
    if (request.length < NLMSGHDR.size + UNIX_REQUEST.size) return null
    const show = view.getUint32(NLMSGHDR.size + UNIX_REQUEST.offset.show, true)
    return { table, extensions: show & UDIAG_SHOW_MEMINFO ? extensionBit(INET_DIAG_SKMEMINFO) : 0, states: null }
  }
  if (!table.inet) return { table, extensions: 0, states: null }
  return {
    table,
    extensions: request[NLMSGHDR.size + INET_REQUEST.offset.extensions]!,
    states: view.getUint32(NLMSGHDR.size + INET_REQUEST.offset.states, true),
  }
}

/** A number above 255 does not fit into the request itself. */
function protocolOf(view: DataView, request: Uint8Array): number {
  let at = NLMSGHDR.size + INET_REQUEST.size
  while (at + 8 <= request.length) {
    const length = view.getUint16(at, true)
    if (length < 4) break
    if (view.getUint16(at + 2, true) === INET_DIAG_REQ_PROTOCOL) return view.getUint32(at + 4, true)
    at += (length + 3) & ~3
  }
  return request[NLMSGHDR.size + INET_REQUEST.offset.protocol]!
}

/** The end of every dump. */
export function encodeDone(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(NLMSGHDR.size + 4)
  const view = new DataView(bytes.buffer)
  view.setUint32(NLMSGHDR.offset.length, bytes.length, true)
  view.setUint16(NLMSGHDR.offset.type, NLMSG_DONE, true)
  return bytes
}

/**
 * The messages of `recorded` as an answer. What is no message is left at its end, or hinted at there, so that the reader of the
 * answer counts it as damage.
 */
export function answerWith(recorded: Uint8Array, request: RecordedRequest): Uint8Array {
  const view = new DataView(recorded.buffer, recorded.byteOffset, recorded.length)
  const unix = request.table.id === 'unix'
  const askedBy = unix ? UNIX_ASKED_BY : ASKED_BY
  const fixed = unix ? UNIX_MESSAGE.size : INET_MESSAGE.size
  const every = unix ? extensionBit(INET_DIAG_SKMEMINFO) : ALL_EXTENSIONS
  const whole = !(unix || request.table.inet) || (request.extensions & every) === every
  const wanted = (type: number): boolean => {
    const asked = askedBy.get(type)
    return asked === undefined || (request.extensions & extensionBit(asked)) !== 0
  }
  const answer = new Uint8Array(recorded.length + NO_MESSAGE)
  let used = 0
  const { done, damagedBytes } = walkMessages(view, 0, recorded.length, (_type, start, stop) => {
    if (!isAskedFor(view, start, stop, request)) return
    if (whole) used = copyRange(answer, used, recorded, start - NLMSGHDR.size, stop)
    else used = copyAsked(answer, used, view, start, stop, fixed, wanted)
    // What follows is aligned, as the recorded message was.
    used = Math.min((used + 3) & ~3, recorded.length)
  })
  // A section has no end of a dump in it: what is behind one would be passed over without a word.
  return answer.subarray(0, done || damagedBytes > 0 ? used + NO_MESSAGE : used)
}

/** Zeros that no reader takes for a message. */
const NO_MESSAGE = 4

/** Whether a socket is in one of the states asked for. A message too short to have a state is for the reader to count. */
function isAskedFor(view: DataView, start: number, stop: number, request: RecordedRequest): boolean {
  if (request.states === null || stop - start < INET_MESSAGE.size) return true
  const reported = view.getUint8(start + INET_MESSAGE.offset.state)
  const state = reported === CLOSED && request.table.protocol === 'tcp' ? BOUND_INACTIVE : reported
  return state > 31 || ((request.states >>> state) & 1) === 1
}

/** Copies one message without the attributes that were not asked for; answers where the copy ends. */
function copyAsked(
  answer: Uint8Array,
  head: number,
  view: DataView,
  start: number,
  stop: number,
  fixed: number,
  wanted: (type: number) => boolean,
): number {
  const recorded = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const attributes = Math.min(start + fixed, stop)
  let used = copyRange(answer, head, recorded, start - NLMSGHDR.size, attributes)
  for (let at = attributes; at + 4 <= stop; ) {
    const length = view.getUint16(at, true)
    if (length < 4 || length > stop - at) break
    const padded = Math.min((length + 3) & ~3, stop - at)
    if (wanted(view.getUint16(at + 2, true) & 0x3fff)) used = copyRange(answer, used, recorded, at, at + padded)
    at += padded
  }
  new DataView(answer.buffer).setUint32(head, used - head, true)
  return used
}

function copyRange(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  to.set(from.subarray(start, end), at)
  return at + end - start
}
