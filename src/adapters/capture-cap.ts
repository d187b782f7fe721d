// Live capture through the npm package `cap`: what is left where netkit's own addon cannot be loaded.
//
// The package hands over bytes and a length, and no more: time stamps are of this process, drops and ways are not known, packets are
// cut at 65,535 bytes, and the interface is always promiscuous. It delivers all that is there from one turn of the event loop, so
// packets are copied into a queue; what does not fit is counted. It aborts the process when the interface goes down: its watch takes no
// other answer than that there is something to be read.

import { createRequire } from 'node:module'
import { ERRNO, NetkitError, systemError, UnsupportedError, UsageError } from '../errors/index.js'
import type { CaptureFlaw, CaptureInterface, PacketSource } from '../ports/capture.js'
import type { LiveCaptureOptions } from '../ports/live-capture.js'
import { CapturedPacket } from '../wire/captured-packet.js'
import { LIBPCAP_HINT } from './bpf-compile.js'

/** The part of the package that is used here (its README). */
export interface CapPackage {
  Cap: new () => CapHandle
}

interface CapHandle {
  /** Answers the name of the link type. */
  open(device: string, filter: string, bufferBytes: number, buffer: Buffer): string
  close(): void
  on(event: 'packet', listener: (bytes: number, cut: boolean) => void): void
}

/** What the package calls link types, as LINKTYPE_ numbers. */
const LINKTYPES: Readonly<Record<string, number>> = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  IEEE802_11_RADIO: 127,
  LINKTYPE_LINUX_SLL: 113,
}
/** Its words for all others hold libpcap's number. */
const UNKNOWN_LINKTYPE = /^Unknown linktype (\d+)$/
/** The package sets no other. */
const SNAP_LENGTH = 65_535
const MOST_PACKETS = 262_144

/**
 * For good, as the package's destructor is not safe: it stops a watch that was never started where opening failed, and frees one that
 * the event loop still knows where it succeeded.
 */
const kept: CapHandle[] = []

/** Not import(): the packed netkit is a script, which cannot import in every Node it runs in. */
function requirePackage(): CapPackage {
  // CommonJS has a file name where a module has a URL.
  const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
  return require('cap') as CapPackage
}

/**
 * @param load how the package is loaded
 * @throws UnsupportedError when it is not installed or was not compiled; PermissionError, UsageError when the filter or the interface
 *   is wrong
 */
export function openCapCapture(options: LiveCaptureOptions, load: () => CapPackage = requirePackage): PacketSource {
  const loaded = loadPackage(load)
  const handle = new loaded.Cap()
  kept.push(handle)
  const received = Buffer.alloc(SNAP_LENGTH)
  try {
    const linkType = handle.open(options.interface, options.filter ?? '', options.bufferBytes, received)
    return new CapCapture(handle, received, linkTypeOf(linkType), options)
  } catch (error) {
    throw failure(options, error)
  }
}

function loadPackage(load: () => CapPackage): CapPackage {
  try {
    return load()
  } catch (cause) {
    // It is there, and what it is linked with is not: compiling it once more would not help.
    const [, words] = /^(.*\blibpcap\.so.*)/.exec((cause as Error).message) ?? []
    if (words !== undefined)
      throw new UnsupportedError(`the cap package needs libpcap, which cannot be loaded: ${words}`, {
        code: 'cap-missing',
        cause,
        hints: [LIBPCAP_HINT],
      })
    throw new UnsupportedError('the cap package cannot be loaded', {
      code: 'cap-missing',
      cause,
      hints: [
        'install what it is compiled with, then it: sudo apt-get install g++ make python3 libpcap0.8-dev; npm install cap@0.2.1',
      ],
    })
  }
}

function linkTypeOf(name: string): number {
  return LINKTYPES[name] ?? Number(UNKNOWN_LINKTYPE.exec(name)?.[1] ?? 0)
}

/** The package throws libpcap's words (pcap_activate(3PCAP), pcap_compile(3PCAP)). */
function failure(options: LiveCaptureOptions, error: unknown): unknown {
  if (error instanceof NetkitError || !(error instanceof Error)) return error
  const doing = `capture on ${options.interface} with the cap package`
  const words = error.message
  if (/permission|not permitted/i.test(words)) return systemError('capture', ERRNO.EPERM, doing, { cause: error })
  if (/No such device/i.test(words))
    return new UsageError(`there is no interface ${options.interface}`, { code: 'no-such-interface', cause: error })
  return new UsageError(`cannot ${doing}: ${words}`, { code: 'capture-refused', cause: error })
}

/** One of the two halves of the queue: packets behind each other, four numbers each in `rows`. */
class Half {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Start, end, seconds, nanoseconds. */
  readonly rows = new Float64Array(MOST_PACKETS * 4)
  count = 0
  used = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
  }
}

class CapCapture implements PacketSource {
  readonly format = 'cap'
  readonly timestampSource = 'user-space'
  readonly bytesTotal = null
  readonly packet = new CapturedPacket()
  readonly interfaces: readonly CaptureInterface[]
  readonly flaws: CaptureFlaw[] = []
  bytesRead = 0
  private readonly handle: CapHandle
  private readonly received: Uint8Array
  private readonly snapLength: number
  /** Filled by the package, and read by the consumer. */
  private filled: Half
  private read: Half
  private row = 0
  private waiting: ((more: boolean) => void) | null = null
  private overrun = 0
  private stopped = false
  private closed = false
  private readonly baseSeconds = Math.floor(performance.timeOrigin / 1000)
  private readonly baseNs = (performance.timeOrigin - Math.floor(performance.timeOrigin / 1000) * 1000) * 1e6

  constructor(handle: CapHandle, received: Uint8Array, linkType: number, options: LiveCaptureOptions) {
    this.handle = handle
    this.received = received
    this.snapLength = Math.min(options.snapLength, SNAP_LENGTH)
    this.filled = new Half(options.bufferBytes)
    this.read = new Half(options.bufferBytes)
    this.packet.linkType = linkType
    const { snapLength } = this
    const name = options.interface
    this.interfaces = [{ linkType, snapLength, name, description: null, received: null, dropped: null }]
    handle.on('packet', this.keep)
  }

  next(): boolean {
    const { read, packet, row } = this
    if (row === read.count) return false
    this.row = row + 1
    packet.data = read.view
    packet.start = read.rows[row * 4]!
    const end = read.rows[row * 4 + 1]!
    packet.end = Math.min(end, packet.start + this.snapLength)
    packet.wireLength = end - packet.start
    packet.seconds = read.rows[row * 4 + 2]!
    packet.nanoseconds = read.rows[row * 4 + 3]!
    packet.frame++
    this.bytesRead += packet.end - packet.start
    return true
  }

  more(): Promise<boolean> {
    if (this.closed) return Promise.resolve(false)
    if (this.row === this.read.count && this.filled.count > 0) {
      this.swap()
      return new Promise(resolve => setImmediate(resolve, true))
    }
    if (this.stopped) return Promise.resolve(false)
    return new Promise(resolve => {
      this.waiting = resolve
    })
  }

  stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.handle.close()
    this.answer(false)
  }

  close(): void {
    this.stop()
    this.closed = true
    this.row = 0
    this.read.count = 0
  }

  private swap(): void {
    const { read } = this
    this.read = this.filled
    this.filled = read
    read.count = 0
    read.used = 0
    this.row = 0
  }

  private readonly keep = (bytes: number): void => {
    const { filled } = this
    if (this.stopped) return
    if (filled.count === MOST_PACKETS || filled.used + bytes > filled.bytes.length) {
      this.lose()
      return
    }
    const ns = Math.round(this.baseNs + performance.now() * 1e6)
    const seconds = Math.floor(ns / 1e9)
    const at = filled.count * 4
    filled.bytes.set(bytes === this.received.length ? this.received : this.received.subarray(0, bytes), filled.used)
    filled.rows[at] = filled.used
    filled.rows[at + 1] = filled.used + bytes
    filled.rows[at + 2] = this.baseSeconds + seconds
    filled.rows[at + 3] = ns - seconds * 1e9
    filled.used += bytes
    filled.count++
    if (this.waiting !== null) {
      this.swap()
      this.answer(true)
    }
  }

  /** What the kernel dropped is not known; what this queue dropped is. */
  private lose(): void {
    if (this.overrun === 0) this.flaws.push({ message: '', offset: null, fatal: false })
    this.overrun++
    const packets = this.overrun === 1 ? 'packet' : 'packets'
    this.flaws[this.flaws.length - 1]!.message =
      `${this.overrun} ${packets} came faster than they were read and are not here`
  }

  private answer(more: boolean): void {
    const { waiting } = this
    this.waiting = null
    waiting?.(more)
  }
}
