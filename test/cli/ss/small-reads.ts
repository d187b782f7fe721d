// A netlink connection over the real socket that reads 8 KiB at a time and lets a test change the table in between.

import { closeSync, openSync } from 'node:fs'
import { expect } from 'vitest'
import { isLoadFailure, loadNative, type NativeSocket } from '../../../src/adapters/native.js'
import { RECEIVE_ROW, ROW } from '../../../src/bytes/batch-table.js'
import type { DatagramBatch, NetlinkConnection, NetlinkPort } from '../../../src/ports/netlink.js'

const AF_NETLINK = 16
const SOCK_RAW = 3
const NLMSG_DONE = 3
const SLOT_BYTES = 8 * 1024
const MOST_PARTS = 64
/** linux/inet_diag.h, struct inet_diag_msg: behind the header of 16 bytes. */
const INODE_AT = 16 + 68

/** Called after the first part of an answer has been read, with the inodes in it. */
export type BetweenParts = (seen: readonly number[]) => Promise<void>

/** Inodes of the sockets in one datagram, and whether it ends the answer: read without netkit's own decoder. */
export function inodesIn(bytes: Uint8Array): { inodes: number[]; done: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const inodes: number[] = []
  for (let at = 0; at < bytes.length; at += (view.getUint32(at, true) + 3) & ~3) {
    if (view.getUint16(at + 4, true) === NLMSG_DONE) return { inodes, done: true }
    inodes.push(view.getUint32(at + INODE_AT, true))
  }
  return { inodes, done: false }
}

class Parts implements DatagramBatch {
  readonly bytes: Uint8Array
  readonly data: DataView
  readonly count: number
  private readonly parts: readonly Uint8Array[]

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts
    this.count = parts.length
    this.bytes = new Uint8Array(parts.length * SLOT_BYTES)
    for (const [index, part] of parts.entries()) this.bytes.set(part, index * SLOT_BYTES)
    this.data = new DataView(this.bytes.buffer)
  }

  start(index: number): number {
    return index * SLOT_BYTES
  }

  length(index: number): number {
    return this.parts[index]!.length
  }

  truncated(): boolean {
    return false
  }
}

export class SmallReads implements NetlinkConnection {
  private readonly native: NativeSocket
  private readonly handle: number
  private readonly between: BetweenParts
  private readonly most: number

  constructor(native: NativeSocket, handle: number, between: BetweenParts, most: number) {
    this.native = native
    this.handle = handle
    this.between = between
    this.most = most
  }

  send(request: Uint8Array): void {
    expect(this.native.send(this.handle, request, 0, request.length, 0, null)).toBe(request.length)
  }

  /** The next 8 KiB; null when there is nothing. */
  part(): Uint8Array | null {
    const bytes = new Uint8Array(SLOT_BYTES)
    const table = new Int32Array(RECEIVE_ROW)
    table[ROW.dataLength] = SLOT_BYTES
    if (this.native.receiveBatch(this.handle, bytes, table, 1, 0) !== 1) return null
    return bytes.subarray(0, table[ROW.receivedData])
  }

  /** All of an answer, as the real connection reads what is small, but with a pause after the first part; or a few parts of it. */
  async read(): Promise<DatagramBatch | null> {
    const parts: Uint8Array[] = []
    while (parts.length < this.most) {
      const part = this.part()
      if (part === null) break
      parts.push(part)
      const { inodes, done } = inodesIn(part)
      if (done) break
      if (parts.length === 1) await this.between(inodes)
    }
    return parts.length === 0 ? null : new Parts(parts)
  }

  readNow(): DatagramBatch | null {
    throw new Error('a dump does not ask for what is there now')
  }

  join(): void {
    throw new Error('a dump joins no groups')
  }

  onReadable(): void {
    throw new Error('a dump does not wait for events')
  }

  close(): void {
    this.native.close(this.handle)
  }
}

/** Opens such connections in namespace `ns`; with `most` parts a read an answer comes as a large one does. */
export function smallReads(
  ns: string,
  between: BetweenParts,
  most = MOST_PARTS,
): NetlinkPort & { open(protocol: number): SmallReads } {
  const native = loadNative()
  if (isLoadFailure(native)) throw new Error(native.reason)
  return {
    open(protocol) {
      const fd = openSync(`/run/netns/${ns}`, 'r')
      try {
        const handle = native.open(AF_NETLINK, SOCK_RAW, protocol, fd)
        expect(handle).toBeGreaterThan(0)
        return new SmallReads(native, handle, between, most)
      } finally {
        closeSync(fd)
      }
    },
  }
}
