// The file of `ss -D FILE`: netlink messages of TCP sockets one after another, each part of the answer ended by an NLMSG_DONE.

import { DecodeError } from '../errors/index.js'
import { NLMSG_DONE, NLMSG_ERROR, NLMSGHDR } from '../netlink/message.js'
import { AF_INET, AF_INET6 } from './constants.js'
import { INET_MESSAGE, SOCK_DIAG_BY_FAMILY } from './diag/inet-diag.js'
import { type RecordingIndex, SECTION_KIND, SECTIONS_LIMIT } from './recording.js'
import type { ByteSource, RecordingHeader } from './recording-header.js'

/** inet_diag's own type number of old, which `ss -D` of an old iproute2 wrote (linux/inet_diag.h). */
const TCPDIAG_GETSOCK = 18
/** Read at a time; also the longest message there can be. */
const WINDOW = 1024 * 1024
/** What a replay holds at a time. */
const SECTION_TARGET = 256 * 1024
/** An answer of the kernel without sockets: a header and an errno, with room for what it may add. */
const END_LIMIT = 1024

const TABLES: ReadonlyMap<number, string> = new Map([
  [AF_INET, 'tcp4'],
  [AF_INET6, 'tcp6'],
])

/** ss says neither when nor where it was. */
export const SS_DUMP_HEADER: RecordingHeader = {
  netkit: '',
  time: '',
  host: '',
  kernel: '',
  namespaces: [null],
  tables: [...TABLES.values()],
  source: 'netlink',
  holders: 'none',
  ephemeralPorts: null,
}

/** Whether the file begins with a netlink message that `ss -D` writes. */
export function isSsDump(source: ByteSource): boolean {
  const bytes = source.read(0, NLMSGHDR.size + 1)
  if (bytes.length < NLMSGHDR.size) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = view.getUint32(NLMSGHDR.offset.length, true)
  const type = view.getUint16(NLMSGHDR.offset.type, true)
  if (type === NLMSG_DONE || type === NLMSG_ERROR) return length >= NLMSGHDR.size && length <= END_LIMIT
  const family = bytes[NLMSGHDR.size]
  return isSocket(type) && length >= NLMSGHDR.size + INET_MESSAGE.size && length <= WINDOW && TABLES.has(family ?? 0)
}

const isSocket = (type: number): boolean => type === SOCK_DIAG_BY_FAMILY || type === TCPDIAG_GETSOCK

/**
 * Finds runs of messages of one family. Unlike ss's own replay it does not stop at the first NLMSG_DONE, behind which the IPv6
 * sockets are.
 */
export function indexSsDump(source: ByteSource): RecordingIndex {
  const index: RecordingIndex = { header: SS_DUMP_HEADER, sections: [], damage: null, cut: null }
  const run = { table: '', offset: 0, length: 0 }
  const close = (): void => {
    if (run.length > 0) index.sections.push({ kind: SECTION_KIND.messages, namespace: 0, ...run })
    run.length = 0
  }
  const damaged = (why: string, offset: number, need: number): void => {
    const where = { layer: 'netlink dump', offset, need, have: Math.max(source.size - offset, 0) }
    index.damage = new DecodeError(`the dump is damaged at byte ${offset}: ${why}`, where)
  }
  let at = 0
  let ended = false
  while (at < source.size && index.damage === null) {
    const bytes = source.read(at, WINDOW)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let place = 0
    while (place < bytes.length) {
      const offset = at + place
      if (bytes.length - place < NLMSGHDR.size) {
        if (place > 0 && offset + NLMSGHDR.size <= source.size) break
        damaged('the head of a message is cut off', offset, NLMSGHDR.size)
        break
      }
      const length = view.getUint32(place, true)
      if (length < NLMSGHDR.size || length > WINDOW) {
        damaged(`a message cannot have ${length} bytes`, offset, NLMSGHDR.size)
        break
      }
      if (length > bytes.length - place) {
        if (place > 0 && offset + length <= source.size) break
        damaged(`a message of ${length} bytes is cut off`, offset, length)
        break
      }
      const type = view.getUint16(place + NLMSGHDR.offset.type, true)
      ended = type === NLMSG_DONE || type === NLMSG_ERROR
      const table = isSocket(type) && length > NLMSGHDR.size ? TABLES.get(bytes[place + NLMSGHDR.size]!) : undefined
      const padded = Math.min((length + 3) & ~3, source.size - offset)
      if (table === undefined || table !== run.table || run.length >= SECTION_TARGET) close()
      if (table !== undefined) {
        if (index.sections.length >= SECTIONS_LIMIT) {
          damaged('it changes between IPv4 and IPv6 too often', offset, length)
          break
        }
        if (run.length === 0) Object.assign(run, { table, offset })
        run.length += padded
      } else if (!ended) {
        damaged(`a message of type ${type} is none of a TCP socket`, offset, length)
        break
      }
      place += padded
    }
    if (place === 0) break
    at += place
  }
  close()
  if (index.damage === null && !ended) damaged('it was cut off', source.size, NLMSGHDR.size)
  return index
}
