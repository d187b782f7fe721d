// Netlink without a kernel: messages built for tests, and a connection that answers from a script.

import type { DatagramBatch, NetlinkConnection, NetlinkPort } from '../../src/ports/netlink.js'
import { concat } from '../sockets/diag/build.js'

export const DONE = 3
export const ERROR = 2
export const BY_FAMILY = 20

/** One netlink message, padded to four bytes. */
export function message(type: number, payload: Uint8Array, flags = 2): Uint8Array {
  const bytes = new Uint8Array((16 + payload.length + 3) & ~3)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 16 + payload.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, flags, true)
  view.setUint32(8, 1, true)
  bytes.set(payload, 16)
  return bytes
}

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)

/** NLMSG_DONE; `errno` as this kernel puts a refusal into it. */
export const done = (errno = 0): Uint8Array => message(DONE, int32(-errno))
/** NLMSG_ERROR with the request's header behind the errno. */
export const refused = (errno: number): Uint8Array => message(ERROR, concat(int32(-errno), new Uint8Array(16)))

export interface InetFields {
  family?: number
  state?: number
  timer?: number
  retransmits?: number
  localPort?: number
  peerPort?: number
  local?: readonly number[]
  peer?: readonly number[]
  ifindex?: number
  cookie?: number
  cookieHigh?: number
  expiresMs?: number
  recvQueue?: number
  sendQueue?: number
  uid?: number
  inode?: number
}

/** struct inet_diag_msg (linux/inet_diag.h). Addresses are lists of octets. */
export function inetMessage(fields: InetFields, ...attributes: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(72)
  const view = new DataView(bytes.buffer)
  bytes[0] = fields.family ?? 2
  bytes[1] = fields.state ?? 1
  bytes[2] = fields.timer ?? 0
  bytes[3] = fields.retransmits ?? 0
  view.setUint16(4, fields.localPort ?? 0)
  view.setUint16(6, fields.peerPort ?? 0)
  bytes.set(fields.local ?? [], 8)
  bytes.set(fields.peer ?? [], 24)
  view.setUint32(40, fields.ifindex ?? 0, true)
  view.setUint32(44, fields.cookie ?? 0, true)
  view.setUint32(48, fields.cookieHigh ?? 0, true)
  view.setUint32(52, fields.expiresMs ?? 0, true)
  view.setUint32(56, fields.recvQueue ?? 0, true)
  view.setUint32(60, fields.sendQueue ?? 0, true)
  view.setUint32(64, fields.uid ?? 0, true)
  view.setUint32(68, fields.inode ?? 0, true)
  return concat(bytes, ...attributes)
}

/** A socket of a dump, told from others by its cookie. */
export const socketMessage = (cookie: number, fields: InetFields = {}): Uint8Array =>
  message(BY_FAMILY, inetMessage({ cookie, inode: cookie, ...fields }))

/** Datagrams that one read gives. */
export class FakeBatch implements DatagramBatch {
  readonly bytes: Uint8Array
  readonly data: DataView
  readonly count: number
  private readonly starts: number[] = []
  private readonly lengths: number[]
  private readonly cut: ReadonlySet<number>

  constructor(datagrams: readonly Uint8Array[], truncated: readonly number[] = []) {
    this.bytes = concat(...datagrams)
    this.data = new DataView(this.bytes.buffer)
    this.count = datagrams.length
    this.lengths = datagrams.map(datagram => datagram.length)
    let at = 0
    for (const datagram of datagrams) {
      this.starts.push(at)
      at += datagram.length
    }
    this.cut = new Set(truncated)
  }

  start(index: number): number {
    return this.starts[index]!
  }

  length(index: number): number {
    return this.lengths[index]!
  }

  truncated(index: number): boolean {
    return this.cut.has(index)
  }
}

/** What one request is answered with: a batch a read. */
export type Answer = readonly (readonly Uint8Array[] | DatagramBatch)[]

/** Answers each request with the next answer of its script, or with what `answer` makes of the request. */
export class FakeConnection implements NetlinkConnection {
  readonly sent: Uint8Array[] = []
  reads = 0
  closed = 0
  private queue: DatagramBatch[] = []
  private readonly answer: (request: Uint8Array, index: number) => Answer

  constructor(answer: readonly Answer[] | ((request: Uint8Array, index: number) => Answer)) {
    this.answer = typeof answer === 'function' ? answer : (_request, index) => answer[index] ?? []
  }

  send(request: Uint8Array): void {
    const batches = this.answer(request, this.sent.length)
    this.sent.push(request)
    this.queue.push(...batches.map(batch => (Array.isArray(batch) ? new FakeBatch(batch) : (batch as DatagramBatch))))
  }

  read(): DatagramBatch | null | Promise<DatagramBatch | null> {
    // Now and then a promise, as from a connection that reads ahead.
    return this.reads++ % 2 === 0 ? this.readNow() : Promise.resolve(this.readNow())
  }

  readNow(): DatagramBatch | null {
    return this.queue.shift() ?? null
  }

  join(): void {
    throw new Error('not part of this fake')
  }

  onReadable(): void {
    throw new Error('not part of this fake')
  }

  close(): void {
    this.closed++
  }
}

/** A port whose connections all answer through `answer`. */
export function fakePort(answer: (request: Uint8Array, netnsFd: number) => Answer): NetlinkPort & {
  connections: FakeConnection[]
} {
  const connections: FakeConnection[] = []
  return {
    connections,
    open(_protocol, netnsFd) {
      const connection = new FakeConnection(request => answer(request, netnsFd))
      connections.push(connection)
      return connection
    },
  }
}
