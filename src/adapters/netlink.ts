// Netlink sockets through the native socket primitive, read ahead of the consumer on another thread.

import { RECEIVE_ROW, ROW } from '../bytes/batch-table.js'
import { type Operation, systemError } from '../errors/index.js'
import type { DatagramBatch, NetlinkConnection, NetlinkPort } from '../ports/netlink.js'
import type { SocketPort } from '../ports/socket.js'

const AF_NETLINK = 16
const SOCK_RAW = 3
const EAGAIN = 11
const EINTR = 4
const MSG_TRUNC = 0x20
/** linux/netlink.h, struct sockaddr_nl: family, pad, port id, groups. */
const SOCKADDR_NL_SIZE = 12
const GROUPS_AT = 8
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const SO_RCVBUF = 8
/** linux/sock_diag.h: SO_MEMINFO gives u32 words, of which SK_MEMINFO_DROPS is the ninth. */
const SO_MEMINFO = 55
const SK_MEMINFO_DROPS = 8
const POLLIN = 1

/** The kernel fills at most this much per read, however large the buffer (net/netlink/af_netlink.c). */
const SLOT_BYTES = 32 * 1024
/** Read before anything is processed: answers that fit are complete before the first message is looked at. */
const FIRST_SLOTS = 16
/** Read in the background while the previous batch is processed: with two of these the processor's cache is not yet full. */
const AHEAD_SLOTS = 32
/** The first time more, as JavaScript is slow until it is compiled. */
const WARM_UP_SLOTS = 96

class SlotBatch implements DatagramBatch {
  readonly bytes: Uint8Array
  readonly data: DataView
  readonly table: Int32Array
  readonly slots: number
  count = 0

  constructor(slots: number) {
    this.slots = slots
    this.bytes = new Uint8Array(slots * SLOT_BYTES)
    this.data = new DataView(this.bytes.buffer)
    this.table = new Int32Array(slots * RECEIVE_ROW)
    for (let slot = 0; slot < slots; slot++) {
      this.table[slot * RECEIVE_ROW + ROW.dataOffset] = slot * SLOT_BYTES
      this.table[slot * RECEIVE_ROW + ROW.dataLength] = SLOT_BYTES
    }
  }

  start(index: number): number {
    return index * SLOT_BYTES
  }

  length(index: number): number {
    return Math.min(this.table[index * RECEIVE_ROW + ROW.receivedData]!, SLOT_BYTES)
  }

  truncated(index: number): boolean {
    return (this.table[index * RECEIVE_ROW + ROW.receivedFlags]! & MSG_TRUNC) !== 0
  }

  /** Every slot was filled: there is more to read, or just nothing. */
  get full(): boolean {
    return this.count === this.slots
  }
}

class NativeNetlink implements NetlinkConnection {
  private readonly port: SocketPort
  private readonly handle: number
  private readonly first = new SlotBatch(FIRST_SLOTS)
  /** Batches that nobody reads or waits for. */
  private readonly free: SlotBatch[] = []
  /** The batch that the consumer has. */
  private lent: SlotBatch | null = null
  /** The batch that is being filled. */
  private pending: Promise<SlotBatch> | null = null

  constructor(port: SocketPort, handle: number) {
    this.port = port
    this.handle = handle
  }

  send(request: Uint8Array): void {
    this.check(
      'netlink',
      'send a request to the kernel',
      this.port.send(this.handle, request, 0, request.length, 0, null),
    )
  }

  read(): DatagramBatch | null | Promise<DatagramBatch | null> {
    this.giveBack()
    if (this.pending !== null) return this.takePending(this.pending)
    const batch = this.readNow()
    if (batch !== null && this.first.full) this.pending = this.readAhead(new SlotBatch(WARM_UP_SLOTS))
    return batch
  }

  readNow(): DatagramBatch | null {
    this.first.count = this.receive(this.first)
    return this.first.count === 0 ? null : this.first
  }

  join(groups: number): void {
    // A bound socket keeps its port id, so that must be said again.
    const address = netlinkAddress(0)
    this.check('netlink', 'read the port id', this.port.getName(this.handle, address))
    new DataView(address.buffer).setUint32(GROUPS_AT, groups, true)
    this.check('netlink', 'join the multicast groups', this.port.bind(this.handle, address))
    // Destroy events come in bursts; what does not fit is lost (ENOBUFS), so ask for room, by force where we may.
    const size = new Uint8Array(new Uint32Array([4 * 1024 * 1024]).buffer)
    if (this.port.setOption(this.handle, SOL_SOCKET, SO_RCVBUFFORCE, size) < 0) {
      this.port.setOption(this.handle, SOL_SOCKET, SO_RCVBUF, size)
    }
  }

  onReadable(callback: () => void): void {
    this.check('netlink', 'wait for events', this.port.watch(this.handle, POLLIN, callback))
  }

  lost(): number | null {
    const words = new Uint32Array(SK_MEMINFO_DROPS + 1)
    const length = this.port.getOption(this.handle, SOL_SOCKET, SO_MEMINFO, new Uint8Array(words.buffer))
    return length < words.byteLength ? null : words[SK_MEMINFO_DROPS]!
  }

  close(): void {
    this.port.close(this.handle)
  }

  private receive(batch: SlotBatch): number {
    const result = this.port.receiveBatch(this.handle, batch.bytes, batch.table, batch.slots, 0)
    if (result === -EAGAIN || result === -EINTR) return 0
    return this.check('netlink', 'read from the kernel', result)
  }

  private giveBack(): void {
    if (this.lent?.slots === AHEAD_SLOTS) this.free.push(this.lent)
    this.lent = null
  }

  private readAhead(batch: SlotBatch): Promise<SlotBatch> {
    const filled = new Promise<SlotBatch>((resolve, reject) => {
      const done = (result: number): void => {
        batch.count = Math.max(result, 0)
        if (result >= 0 || result === -EAGAIN) resolve(batch)
        else reject(systemError('netlink', -result, 'read from the kernel'))
      }
      const started = this.port.receiveBatchAsync(this.handle, batch.bytes, batch.table, batch.slots, 0, done)
      if (started < 0) reject(systemError('netlink', -started, 'read from the kernel'))
    })
    // A failure is thrown by the `read` that waits for it; nobody may come to wait.
    filled.catch(() => undefined)
    return filled
  }

  private async takePending(pending: Promise<SlotBatch>): Promise<DatagramBatch | null> {
    const batch = await pending
    this.lent = batch
    this.pending = batch.full ? this.readAhead(this.free.pop() ?? new SlotBatch(AHEAD_SLOTS)) : null
    if (batch.count > 0) return batch
    // Read after the end of an answer; there may be another one.
    this.giveBack()
    return this.readNow()
  }

  private check(operation: Operation, doing: string, result: number): number {
    if (result < 0) throw systemError(operation, -result, doing)
    return result
  }
}

/** struct sockaddr_nl of no port id, which the kernel chooses then, and of `groups`. */
function netlinkAddress(groups: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(SOCKADDR_NL_SIZE)
  const view = new DataView(address.buffer)
  view.setUint16(0, AF_NETLINK, true)
  view.setUint32(GROUPS_AT, groups, true)
  return address
}

/** Netlink over the native socket primitive. */
export function nativeNetlink(port: SocketPort): NetlinkPort {
  return {
    open(protocol, netnsFd) {
      const handle = port.open(AF_NETLINK, SOCK_RAW, protocol, netnsFd)
      if (handle < 0) throw systemError(netnsFd < 0 ? 'netlink' : 'netns', -handle, 'open a netlink socket')
      // The first send would do it: but strace knows the protocol, and decodes requests, of bound sockets only.
      const bound = port.bind(handle, netlinkAddress(0))
      if (bound < 0) {
        port.close(handle)
        throw systemError('netlink', -bound, 'bind a netlink socket')
      }
      return new NativeNetlink(port, handle)
    },
  }
}
