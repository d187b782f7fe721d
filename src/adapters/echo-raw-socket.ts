// Echo probes through the npm package `raw-socket`: what is left where netkit's own addon cannot be loaded.
//
// The package offers sendto(2), recvfrom(2) and setsockopt(2) on a raw socket, and no more: root only, time stamps of this process,
// no error queue (errors are read as the ICMP messages they are), no hop limit of IPv6 answers.

import { createRequire } from 'node:module'
import { internetChecksum } from '../bytes/checksum.js'
import { ERRNO, systemError, UnsupportedError } from '../errors/index.js'
import type { ProbeOptions, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import { ECHO_COOKIE_BYTES, type EchoRequest, encodeEcho, fillPattern, ICMP_ECHO } from '../wire/icmp.js'
import { EchoFlows } from './echo-flows.js'
import { RawAnswers, type ReadAt } from './echo-raw-answers.js'
import { type OptionSetter, refuseUnsupported, setOptions, setPackageTtl, thrownErrno } from './echo-raw-options.js'
import { EchoRunQuotes } from './trace-quoted-echo.js'

/** The part of the package's socket that does the system calls. Each throws an Error of strerror(3)'s words. */
interface RawSocketWrap {
  recv(buffer: Buffer, done: (buffer: Buffer, bytes: number, source: string) => void): void
  send(buffer: Buffer, offset: number, length: number, address: string, done: (bytes: number) => void): void
  on(event: 'recvReady', listener: () => void): void
  removeAllListeners(event: 'recvReady'): void
}

/** A socket of the package, as far as it is used here. */
interface RawSocket extends OptionSetter {
  readonly wrap: RawSocketWrap
  on(event: 'error', listener: (error: Error) => void): void
  pauseRecv(): void
  resumeRecv(): void
  close(): void
}

/** What the package exports, as far as it is used here (its README, "Constants" and "createSocket"). */
export interface RawSocketPackage {
  createSocket(options: { protocol: number; addressFamily: number }): RawSocket
  readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number }
  readonly Protocol: { readonly ICMP: number; readonly ICMPv6: number }
}

/** Messages that one `receive` reads at most; the event loop comes back for the rest. */
const MOST_MESSAGES = 1024
/** Largest packet that IP can carry. */
const PACKET_BYTES = 65_535

const ignoreSent = (): void => undefined

/** Not import(): the packed netkit is a script, which cannot import in every Node it runs in. */
function requirePackage(): RawSocketPackage {
  // CommonJS has a file name where a module has a URL.
  const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
  return require('raw-socket') as RawSocketPackage
}

/**
 * Opens a socket of the `raw-socket` package.
 * @param load how the package is loaded
 * @throws UnsupportedError when it is not installed, was not compiled, or cannot do what the options ask for; PermissionError
 *   without CAP_NET_RAW
 */
export async function openRawSocketPackage(
  options: ProbeOptions,
  load: () => RawSocketPackage = requirePackage,
): Promise<ProbeTransport> {
  refuseUnsupported(options)
  const loaded = loadPackage(load)
  const four = options.family === 4
  let socket: RawSocket
  try {
    socket = loaded.createSocket({
      protocol: four ? loaded.Protocol.ICMP : loaded.Protocol.ICMPv6,
      addressFamily: four ? loaded.AddressFamily.IPv4 : loaded.AddressFamily.IPv6,
    })
  } catch (error) {
    const doing = `open a raw ${four ? 'ICMP' : 'ICMPv6'} socket with the raw-socket package`
    throw systemError('raw-socket', thrownErrno(error), doing, { cause: error })
  }
  try {
    socket.pauseRecv()
    setOptions(socket, options)
    return new RawSocketTransport(socket, options)
  } catch (error) {
    socket.close()
    throw error
  }
}

function loadPackage(load: () => RawSocketPackage): RawSocketPackage {
  try {
    return load()
  } catch (error) {
    throw missing(error)
  }
}

function missing(cause: unknown): UnsupportedError {
  const words = cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause)
  const compiled = /raw\.node/.test(words)
  const message = compiled ? 'the raw-socket package was not compiled' : 'the raw-socket package cannot be loaded'
  const hint = compiled ? 'compile it: npm rebuild raw-socket' : 'install it: npm install raw-socket'
  return new UnsupportedError(`${message}: ${words}`, { hints: [hint], cause })
}

class RawSocketTransport implements ProbeTransport {
  readonly kind = 'raw-socket'
  readonly timestamps = 'user'
  readonly note = null
  readonly cookie: readonly [low: number, high: number]
  readonly baseSeconds: number
  private readonly socket: RawSocket
  private readonly family: 4 | 6
  private readonly pattern: Uint8Array | null
  private readonly answers: RawAnswers
  private readonly addresses = new Map<number, string>()
  private readonly request: EchoRequest
  private readonly flows: EchoFlows
  private readonly quotes: EchoRunQuotes | null
  private readonly packet: Buffer
  private readonly packetView: DataView
  private readonly received = Buffer.alloc(PACKET_BYTES)
  private readonly receivedView = new DataView(this.received.buffer, this.received.byteOffset, PACKET_BYTES)
  private receivedBytes = 0
  private source = ''
  /** Both clocks advance as performance.now() does, which is the monotonic clock without its beginning. */
  private readonly monoBaseNs: number
  private readonly unixBaseNs: number
  private readonly readAt: ReadAt = { ns: 0, monoNs: 0 }
  private callback: (() => void) | null = null
  private immediate: NodeJS.Immediate | null = null
  private closed = false

  constructor(socket: RawSocket, options: ProbeOptions) {
    const { family, targets, payloadBytes, pattern } = options
    const random = crypto.getRandomValues(new Uint32Array(3))
    const identifier = options.identifier ?? random[2]! & 0xffff
    this.socket = socket
    this.family = family
    this.pattern = pattern
    this.cookie = payloadBytes >= ECHO_COOKIE_BYTES ? [random[0]!, random[1]!] : [0, 0]
    for (const { index, address } of targets) this.addresses.set(index, address)
    const [cookieLow, cookieHigh] = this.cookie
    this.request = { family, identifier, sequence: 0, payloadBytes, target: 0, cookieLow, cookieHigh }
    // The package does not tell which address it sends from.
    this.flows = new EchoFlows(family, null, targets[0]?.address ?? '')
    const run = { targets, family, identifier, cookie: this.cookie }
    this.quotes = options.quotedHeaders ? new EchoRunQuotes(run, flow => this.flows.value(flow)) : null
    const { quotes } = this
    this.answers = new RawAnswers(quotes === null ? run : { ...run, quote: (heard, local) => quotes.of(heard, local) })
    this.packet = Buffer.alloc(ICMP_ECHO.size + payloadBytes)
    this.packetView = new DataView(this.packet.buffer, this.packet.byteOffset, this.packet.length)
    fillPattern(this.packet, ICMP_ECHO.size, payloadBytes, pattern)
    const [seconds, nanoseconds] = process.hrtime()
    const nowMs = performance.now()
    const unixMs = performance.timeOrigin + nowMs
    this.monoBaseNs = seconds * 1e9 + nanoseconds - nowMs * 1e6
    this.baseSeconds = Math.floor(unixMs / 1000)
    this.unixBaseNs = (performance.timeOrigin - this.baseSeconds * 1000) * 1e6
    // The package's own listener reads one packet each time; `receive` reads all there are.
    socket.wrap.removeAllListeners('recvReady')
    socket.wrap.on('recvReady', () => this.wake())
    // The package has closed the socket then: no answer comes any more, and the probes time out.
    socket.on('error', () => {
      this.closed = true
    })
  }

  sourceAddress(): null {
    return null
  }

  flowValue(flow: number): number {
    return this.flows.value(flow)
  }

  nowMonoNs(): number {
    return this.monoBaseNs + performance.now() * 1e6
  }

  send(batch: SendBatch): number {
    const handled = this.sendRows(batch)
    this.quotes?.sent(batch, handled)
    return handled
  }

  private sendRows(batch: SendBatch): number {
    for (let row = 0; row < batch.count; row++) {
      const result = this.sendRow(batch, row)
      if (result === -ERRNO.EAGAIN || result === -ERRNO.ENOBUFS) return row
      batch.result[row] = result
    }
    return batch.count
  }

  private sendRow(batch: SendBatch, row: number): number {
    const { packet, packetView, request } = this
    const payloadBytes = batch.payloadBytes[row]!
    const address = this.addresses.get(batch.target[row]!)
    if (address === undefined || ICMP_ECHO.size + payloadBytes > packet.length) return -ERRNO.EINVAL
    request.target = batch.target[row]!
    request.sequence = batch.sequence[row]!
    request.payloadBytes = payloadBytes
    // A shorter probe has no mark; an earlier, longer one left its own there.
    if (payloadBytes < ECHO_COOKIE_BYTES) fillPattern(packet, ICMP_ECHO.size, payloadBytes, this.pattern)
    const length = encodeEcho(packetView, 0, request)
    if (batch.flow !== undefined) this.flows.pad(packet, 0, length, batch.flow[row]!)
    // The kernel fills in the sum of ICMPv6, which covers addresses that only it knows.
    if (this.family === 4) packetView.setUint16(ICMP_ECHO.offset.checksum, internetChecksum(packet, 0, length))
    const nowNs = performance.now() * 1e6
    batch.sentNs[row] = this.unixBaseNs + nowNs
    batch.sentMonoNs[row] = this.monoBaseNs + nowNs
    if (this.closed) return -ERRNO.EBADF
    try {
      if (batch.ttl !== undefined) setPackageTtl(this.socket, this.family, batch.ttl[row]!)
      this.socket.wrap.send(packet, 0, length, address, ignoreSent)
      return 0
    } catch (error) {
      return -thrownErrno(error)
    }
  }

  receive(visitor: ProbeVisitor): number {
    let count = 0
    while (count < MOST_MESSAGES && !this.closed && this.read()) {
      this.answers.take(this.received, this.receivedView, this.receivedBytes, this.source, this.readAt, visitor)
      count++
    }
    return count
  }

  /** Reads one packet; false when there is none. */
  private read(): boolean {
    try {
      this.socket.wrap.recv(this.received, this.keep)
      return true
    } catch {
      // "Nothing now", or an error that the next poll reports.
      return false
    }
  }

  private readonly keep = (_: Buffer, bytes: number, source: string): void => {
    const nowNs = performance.now() * 1e6
    this.readAt.ns = this.unixBaseNs + nowNs
    this.readAt.monoNs = this.monoBaseNs + nowNs
    this.receivedBytes = bytes
    this.source = source
  }

  onReadable(callback: () => void): void {
    this.callback = callback
    if (!this.closed) this.socket.resumeRecv()
  }

  /**
   * The package calls from outside of JavaScript, where promises and ticks would not go on and an exception would be lost: the
   * callback is called from the next phase of the same turn of the event loop.
   */
  private wake(): void {
    this.immediate ??= setImmediate(() => {
      this.immediate = null
      if (!this.closed) this.callback?.()
    })
  }

  close(): void {
    if (this.immediate !== null) clearImmediate(this.immediate)
    this.immediate = null
    // After a close the package would open a new socket for the next call.
    if (!this.closed) this.socket.close()
    this.closed = true
  }
}
