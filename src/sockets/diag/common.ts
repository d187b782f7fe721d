// What the sock_diag families share: starting a record, finding one attribute among many, reading SKMEMINFO words.

import type { Protocol } from '../constants.js'
import { type SocketRecord, UNKNOWN } from '../record.js'

/** include/uapi/linux/sock_diag.h, SK_MEMINFO_*: word numbers of a memory attribute. */
export const SK_MEMINFO_RMEM_ALLOC = 0
export const SK_MEMINFO_WMEM_ALLOC = 2

/** Attribute numbers carry flags (nested, network order) in their two upper bits: linux/netlink.h, NLA_TYPE_MASK. */
const TYPE_MASK = 0x3fff

/** Sets every scalar that a family without IP does not fill, so that nothing of the previous socket is left. */
export function startRecord(record: SocketRecord, protocol: Protocol, family: number, type: number): void {
  record.source = 'netlink'
  record.protocol = protocol
  record.family = family
  record.type = type
  record.rawProtocol = 0
  record.timer = record.expiresMs = record.retransmits = 0
  record.localPort = record.peerPort = 0
  record.local0 = record.local1 = record.local2 = record.local3 = 0
  record.peer0 = record.peer1 = record.peer2 = record.peer3 = 0
  record.ifindex = 0
  record.uid = UNKNOWN
  record.recvQueue = record.sendQueue = UNKNOWN
  record.procDrops = UNKNOWN
}

/**
 * Offset of attribute `type`'s payload among the attributes at `start`..`end`, or -1. Meant for nested attributes; those of
 * a message itself are in the record. Its payload length is `payloadLength`.
 */
export function findAttribute(data: DataView, start: number, end: number, type: number): number {
  let at = start
  while (at + 4 <= end) {
    const length = data.getUint16(at, true)
    if (length < 4 || at + length > end) return -1
    if ((data.getUint16(at + 2, true) & TYPE_MASK) === type) return at + 4
    at += (length + 3) & ~3
  }
  return -1
}

/** Length of the payload at an offset that `findAttribute` gave. */
export function payloadLength(data: DataView, at: number): number {
  return data.getUint16(at - 4, true) - 4
}

/** Offset of a nested attribute that has at least `width` bytes, or -1. */
export function findScalar(data: DataView, start: number, end: number, type: number, width: number): number {
  const at = findAttribute(data, start, end, type)
  return at >= 0 && payloadLength(data, at) >= width ? at : -1
}

/** A u32 attribute of the record's message; `missing` when it is absent or too short. */
export function attributeU32(record: SocketRecord, type: number, missing: number): number {
  return record.attributeLength(type) >= 4 ? record.data.getUint32(record.attribute(type), true) : missing
}

/** One word of a memory attribute (an array of u32 that grows over time); UNKNOWN when the kernel did not send it. */
export function memoryWord(record: SocketRecord, type: number, word: number): number {
  if (record.attributeLength(type) < word * 4 + 4) return UNKNOWN
  return record.data.getUint32(record.attribute(type) + word * 4, true)
}
