// Live capture through the kernel's TPACKET_V3 ring: kernel time stamps, true lengths, ways and drop counts.

import type { BpfProgram } from '../capture/bpf.js'
import { returnProgram } from '../capture/bpf.js'
import { RingWalker } from '../capture/ring-walker.js'
import { systemError } from '../errors/index.js'
import type { CaptureFlaw, CaptureInterface, PacketSource } from '../ports/capture.js'
import type { LiveCaptureOptions } from '../ports/live-capture.js'
import type { PacketRingPort } from '../ports/packet-ring.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { PACKET_STATISTICS, SOCKADDR_LL, SOL_PACKET, TPACKET_STATS_V3 } from '../wire/packet-ring.js'
import { openRingSocket, RETIRE_MS, type RingSocket } from './capture-ring-socket.js'

const SOL_SOCKET = 1
const SO_ERROR = 4
const SO_ATTACH_FILTER = 26
const READABLE = 1
/** After a stop, the kernel hands the last packets over within this time. */
const LAST_BLOCK_MS = 3 * RETIRE_MS
/**
 * An interface that went down may come back, or be deleted, of which the kernel then says nothing: looked at this often from then on.
 * Packets are no sign that it came back: those of before may be handed over late.
 */
const DOWN_MS = 250
/** An interface that goes up and down all night is told that often. */
const MOST_FLAWS = 1000

/**
 * Captures on an interface, or on all of them with `ifindex` 0. After `stop()`, `more()` still answers true while there are packets
 * that came before it, and only those.
 * @throws PermissionError, SystemCallError, UsageError when the filter is wrong or the interface is down, UnsupportedError
 */
export function openRingCapture(native: PacketRingPort, options: LiveCaptureOptions, ifindex: number): PacketSource {
  return new RingCapture(native, openRingSocket(native, options, ifindex), options)
}

class RingCapture implements PacketSource {
  readonly format = 'ring'
  readonly timestampSource = 'kernel'
  readonly bytesTotal = null
  readonly packet: CapturedPacket
  readonly interfaces: readonly CaptureInterface[]
  readonly flaws: CaptureFlaw[] = []
  bytesRead = 0
  private readonly native: PacketRingPort
  private readonly socket: RingSocket
  private readonly walker: RingWalker
  private readonly program: BpfProgram | null
  private readonly name: string
  private readonly counted: CaptureInterface
  private readonly statistics = new Uint8Array(TPACKET_STATS_V3.size)
  private readonly statisticsView = new DataView(this.statistics.buffer)
  private damagedBlocks = 0
  private received = 0
  private dropped = 0
  private waiting: ((more: boolean) => void) | null = null
  private lastBlock: NodeJS.Timeout | null = null
  private down: NodeJS.Timeout | null = null
  private stopped = false
  private ended = false
  private closed = false

  constructor(native: PacketRingPort, socket: RingSocket, options: LiveCaptureOptions) {
    this.native = native
    this.socket = socket
    this.walker = new RingWalker(socket.memory, socket.shape)
    this.packet = this.walker.packet
    this.program = socket.program
    this.name = options.interface
    this.counted = {
      linkType: socket.shape.linkType,
      snapLength: options.snapLength,
      name: options.interface,
      description: null,
      received: 0,
      dropped: 0,
    }
    this.interfaces = [this.counted]
  }

  /** False at the end of every block, so that timers and signals have their turn under any load. */
  next(): boolean {
    const { walker, packet, program } = this
    while (walker.next()) {
      if (program !== null && program.run(packet.data, packet.start, packet.end, packet.wireLength) === 0) continue
      packet.frame++
      this.bytesRead += packet.end - packet.start
      return true
    }
    return false
  }

  more(): Promise<boolean> {
    if (this.closed || this.ended) return Promise.resolve(false)
    this.walker.release()
    this.noteDamage()
    this.count()
    if (this.walker.take()) return new Promise(resolve => setImmediate(resolve, true))
    return new Promise((resolve, reject) => {
      this.waiting = resolve
      if (this.stopped) this.waitForLastBlock()
      const watched = this.native.watch(this.socket.handle, READABLE, this.ready)
      if (watched < 0) reject(systemError('capture', watched, `wait for packets of ${this.name}`))
    })
  }

  stop(): void {
    if (this.stopped || this.closed) return
    this.stopped = true
    // What is in the ring is still handed over, and nothing comes after it.
    this.native.setOption(this.socket.handle, SOL_SOCKET, SO_ATTACH_FILTER, returnProgram(0))
    if (this.waiting !== null) this.waitForLastBlock()
  }

  close(): void {
    if (this.closed) return
    this.stop()
    this.count()
    this.closed = true
    this.lookNoMore()
    this.answer(false)
    this.walker.abandon()
    this.native.close(this.socket.handle)
  }

  private readonly ready = (status: number): void => {
    if (status < 0) {
      this.ended = true
      this.answer(false)
    } else if (this.walker.take()) {
      this.answer(true)
    } else {
      this.readError()
    }
  }

  private waitForLastBlock(): void {
    this.lastBlock ??= setTimeout(() => {
      this.lastBlock = null
      const more = this.walker.take()
      this.ended = !more
      this.answer(more)
    }, LAST_BLOCK_MS)
  }

  private answer(more: boolean): void {
    const { waiting } = this
    this.waiting = null
    if (this.lastBlock !== null) clearTimeout(this.lastBlock)
    this.lastBlock = null
    // Watched only while somebody waits: the socket is readable for as long as its last block is ours.
    if (!this.closed) this.native.unwatch(this.socket.handle)
    this.count()
    waiting?.(more)
  }

  /** An interface that goes down leaves ENETDOWN (packet(7)). */
  private readError(): void {
    const error = new Uint8Array(4)
    this.native.getOption(this.socket.handle, SOL_SOCKET, SO_ERROR, error)
    if (error.every(byte => byte === 0)) return
    this.note('went down')
    this.down ??= setInterval(this.lookWhetherGone, DOWN_MS)
  }

  private readonly lookWhetherGone = (): void => {
    const address = new Uint8Array(SOCKADDR_LL.size)
    this.native.getName(this.socket.handle, address)
    if (new DataView(address.buffer).getInt32(SOCKADDR_LL.offset.ifindex, true) >= 0) return
    this.note('is gone')
    this.lookNoMore()
    this.ended = true
    this.answer(false)
  }

  private note(what: string): void {
    if (this.flaws.length < MOST_FLAWS)
      this.flaws.push({ message: `the interface ${this.name} ${what}`, offset: null, fatal: false })
  }

  private noteDamage(): void {
    const { damagedBlocks } = this.walker
    if (damagedBlocks === this.damagedBlocks) return
    this.damagedBlocks = damagedBlocks
    const message = `block ${damagedBlocks} of the capture ring that makes no sense: its other packets are not here`
    if (this.flaws.length < MOST_FLAWS) this.flaws.push({ message, offset: null, fatal: false })
  }

  /** Nothing is to be looked at any more. */
  private lookNoMore(): void {
    if (this.down !== null) clearInterval(this.down)
    this.down = null
  }

  /** The kernel's counts start again at each reading. */
  private count(): void {
    const length = this.native.getOption(this.socket.handle, SOL_PACKET, PACKET_STATISTICS, this.statistics)
    if (length < 0) return
    const dropped = this.statisticsView.getUint32(TPACKET_STATS_V3.offset.drops, true)
    this.dropped += dropped
    this.received += this.statisticsView.getUint32(TPACKET_STATS_V3.offset.packets, true)
    this.counted.received = this.received
    this.counted.dropped = this.dropped
  }
}
