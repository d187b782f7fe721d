// Opens a packet socket with its ring, filter and link type, so that nothing is captured before all is in place.

import { endianness } from 'node:os'
import { BpfProgram, cookedProgram, MOST_KERNEL_BYTES, onceOnLoopback, returnProgram } from '../capture/bpf.js'
import { RING_RESERVE, type RingShape } from '../capture/ring-walker.js'
import { ERRNO, systemError, UnsupportedError, UsageError } from '../errors/index.js'
import type { LiveCaptureOptions } from '../ports/live-capture.js'
import type { PacketRingPort } from '../ports/packet-ring.js'
import {
  AF_PACKET,
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  ARPHRD_NONE,
  ARPHRD_RAWIP,
  ARPHRD_SIT,
  ARPHRD_TUNNEL,
  ARPHRD_TUNNEL6,
  ETH_P_ALL,
  PACKET_ADD_MEMBERSHIP,
  PACKET_MR_PROMISC,
  PACKET_MREQ,
  PACKET_RESERVE,
  PACKET_RX_RING,
  PACKET_VERSION,
  SOCKADDR_LL,
  SOL_PACKET,
  TPACKET_REQ3,
  TPACKET_V3,
} from '../wire/packet-ring.js'
import { compileBpf } from './bpf-compile.js'

const SOCK_RAW = 3
const SOCK_DGRAM = 2
const SOL_SOCKET = 1
const SO_ERROR = 4
const SO_ATTACH_FILTER = 26

const LINKTYPE_ETHERNET = 1
const LINKTYPE_RAW = 101
const LINKTYPE_SLL2 = 276

/** What packets of a kind of interface (linux/if_arp.h) look like on a raw socket, as libpcap has it; others are taken cooked. */
const LINKTYPE_OF_HATYPE: Readonly<Record<number, number>> = {
  [ARPHRD_ETHER]: LINKTYPE_ETHERNET,
  [ARPHRD_LOOPBACK]: LINKTYPE_ETHERNET,
  [ARPHRD_NONE]: LINKTYPE_RAW,
  [ARPHRD_RAWIP]: LINKTYPE_RAW,
  [ARPHRD_TUNNEL]: LINKTYPE_RAW,
  [ARPHRD_TUNNEL6]: LINKTYPE_RAW,
  [ARPHRD_SIT]: LINKTYPE_RAW,
}

/** Large enough for what segmentation offload makes, and small enough to be handed over soon. */
const BLOCK_BYTES = 256 * 1024
/** A block that holds packets is handed over after this time at the latest. */
export const RETIRE_MS = 40

/** Words about tags would be compiled for packets that still have theirs, and the kernel runs filters on packets without. */
const NEEDS_TAGS = /\bvlan\b/

/** A packet socket that captures from now on. */
export interface RingSocket {
  handle: number
  memory: ArrayBuffer
  shape: RingShape
  /** The part of the filter that the kernel cannot do: run on each packet as it is delivered. */
  program: BpfProgram | null
}

/**
 * @param ifindex of the interface; 0 for all
 * @throws PermissionError, SystemCallError, UsageError when the filter is wrong, UnsupportedError without libpcap
 */
export function openRingSocket(native: PacketRingPort, options: LiveCaptureOptions, ifindex: number): RingSocket {
  if (endianness() !== 'LE') throw new UnsupportedError('the capture ring is read on little-endian machines only')
  const opener = new Opener(native, options, ifindex)
  try {
    return opener.open()
  } catch (error) {
    opener.close()
    throw error
  }
}

class Opener {
  private readonly native: PacketRingPort
  private readonly options: LiveCaptureOptions
  private readonly ifindex: number
  private handle = -1

  constructor(native: PacketRingPort, options: LiveCaptureOptions, ifindex: number) {
    this.native = native
    this.options = options
    this.ifindex = ifindex
  }

  open(): RingSocket {
    const { options } = this
    const linkType = this.ifindex === 0 ? LINKTYPE_SLL2 : this.linkTypeOfInterface()
    // No protocol yet, so no packet comes before bind(2).
    this.openSocket(linkType === LINKTYPE_SLL2 ? SOCK_DGRAM : SOCK_RAW)
    const program = this.attachFilter(linkType)
    const shape = this.ringShape(linkType)
    const memory = this.mapRing(shape)
    this.bind(ETH_P_ALL)
    if (options.promiscuous && this.ifindex !== 0) this.promiscuous()
    return { handle: this.handle, memory, shape, program }
  }

  close(): void {
    if (this.handle >= 0) this.native.close(this.handle)
    this.handle = -1
  }

  private openSocket(type: number): void {
    const opened = this.native.open(AF_PACKET, type, 0, -1)
    if (opened < 0) throw systemError('capture', opened, `capture on ${this.options.interface}`)
    this.handle = opened
  }

  /** Asks the kernel what kind of interface it is: a socket that is bound to it knows. */
  private linkTypeOfInterface(): number {
    this.openSocket(SOCK_RAW)
    this.bind(0)
    const address = new Uint8Array(SOCKADDR_LL.size)
    this.check(this.native.getName(this.handle, address), `ask what kind of interface ${this.options.interface} is`)
    this.close()
    return LINKTYPE_OF_HATYPE[new DataView(address.buffer).getUint16(SOCKADDR_LL.offset.hatype, true)] ?? LINKTYPE_SLL2
  }

  /** Attaches what the kernel can do of the filter; answers the rest. Its answer is also what cuts packets to the snap length. */
  private attachFilter(linkType: number): BpfProgram | null {
    const { filter, snapLength } = this.options
    const whole = filter === null ? null : compileBpf(this.native, filter, linkType, snapLength)
    const inKernel = whole === null || NEEDS_TAGS.test(filter!) ? null : kernelProgram(whole, linkType)
    const program = onceOnLoopback(inKernel ?? returnProgram(snapLength))
    const attached = this.native.setOption(this.handle, SOL_SOCKET, SO_ATTACH_FILTER, program)
    if (attached < 0) throw systemError('filter-attach', attached, `attach the capture filter "${filter ?? ''}"`)
    return whole !== null && inKernel === null ? new BpfProgram(whole) : null
  }

  private ringShape(linkType: number): RingShape {
    const blockCount = Math.max(2, Math.floor(this.options.bufferBytes / BLOCK_BYTES))
    return { blockBytes: BLOCK_BYTES, blockCount, linkType, snapLength: this.options.snapLength }
  }

  private mapRing(shape: RingShape): ArrayBuffer {
    const doing = `make a capture ring of ${(shape.blockBytes * shape.blockCount) / 1024 / 1024} MiB`
    this.set(PACKET_VERSION, int32(TPACKET_V3), doing)
    this.set(PACKET_RESERVE, int32(RING_RESERVE), doing)
    const request = new Uint8Array(TPACKET_REQ3.size)
    const view = new DataView(request.buffer)
    const at = TPACKET_REQ3.offset
    view.setUint32(at.blockSize, shape.blockBytes, true)
    view.setUint32(at.blockCount, shape.blockCount, true)
    // One frame a block: with this version the kernel packs packets as it likes (packet_mmap.rst).
    view.setUint32(at.frameSize, shape.blockBytes, true)
    view.setUint32(at.frameCount, shape.blockCount, true)
    view.setUint32(at.retireMs, RETIRE_MS, true)
    this.set(PACKET_RX_RING, request, doing)
    const memory = this.native.mapRing(this.handle, shape.blockBytes * shape.blockCount)
    if (typeof memory === 'number') throw systemError('capture', memory, doing)
    return memory
  }

  /** packet(7): with protocol 0 the socket belongs to the interface, and no packet comes. */
  private bind(protocol: number): void {
    const address = new Uint8Array(SOCKADDR_LL.size)
    const view = new DataView(address.buffer)
    view.setUint16(SOCKADDR_LL.offset.family, AF_PACKET, true)
    view.setUint16(SOCKADDR_LL.offset.protocol, protocol)
    view.setUint32(SOCKADDR_LL.offset.ifindex, this.ifindex, true)
    const doing = `capture on ${this.options.interface}`
    this.check(this.native.bind(this.handle, address), doing)
    // An interface that is down does not fail bind(2); it leaves an error behind.
    const error = new Uint8Array(4)
    this.native.getOption(this.handle, SOL_SOCKET, SO_ERROR, error)
    const errno = new DataView(error.buffer).getInt32(0, true)
    if (errno === ERRNO.ENETDOWN)
      throw new UsageError(`cannot capture on ${this.options.interface}: the interface is down`, {
        code: 'interface-down',
        hints: [`bring it up: sudo ip link set dev ${this.options.interface} up`],
      })
    this.check(-errno, doing)
  }

  private promiscuous(): void {
    const request = new Uint8Array(PACKET_MREQ.size)
    const view = new DataView(request.buffer)
    view.setUint32(PACKET_MREQ.offset.ifindex, this.ifindex, true)
    view.setUint16(PACKET_MREQ.offset.type, PACKET_MR_PROMISC, true)
    this.set(PACKET_ADD_MEMBERSHIP, request, `set ${this.options.interface} to promiscuous mode`)
  }

  private set(name: number, value: Uint8Array, doing: string): void {
    this.check(this.native.setOption(this.handle, SOL_PACKET, name, value), doing)
  }

  private check(answer: number, doing: string): void {
    if (answer < 0) throw systemError('capture', answer, doing)
  }
}

/** Null where the kernel cannot run it. */
function kernelProgram(whole: Uint8Array, linkType: number): Uint8Array | null {
  const program = linkType === LINKTYPE_SLL2 ? cookedProgram(whole) : whole
  return program === null || program.length > MOST_KERNEL_BYTES ? null : program
}

function int32(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer)
}
