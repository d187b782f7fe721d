// What a raw ICMP socket reads, sorted: answers to our probes, errors about them, and the rest of this host's ICMP.

import { formatIpv4, formatIpv6 } from '../bytes/address.js'
import { internetChecksum } from '../bytes/checksum.js'
import type { ProbeError, ProbeVisitor } from '../ports/probe.js'
import type { ProbeTarget } from '../probe/events.js'
import type { QuotedProbe } from '../probe/trace-events.js'
import { parseIpBlock } from '../sockets/filter/addresses.js'
import { EchoView, ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST } from '../wire/icmp.js'
import { IcmpErrorView, icmpErrno } from '../wire/icmp-error.js'
import { IPPROTO_ICMP, Ipv4View } from '../wire/ipv4.js'
import { IPPROTO_ICMPV6 } from '../wire/ipv6.js'
import { emptyReply } from './probe-reply.js'
import type { HeardError } from './trace-raw-listener.js'

const NO_BYTES = new Uint8Array(0)

/** Which probes are ours. */
export interface RawRun {
  targets: readonly ProbeTarget[]
  family: 4 | 6
  identifier: number
  /** Zeros where the payload has no room for it. */
  cookie: readonly [low: number, high: number]
  /** Compares what is quoted of a probe with what left; missing where nobody asks. @param local who it was sent to, if that is told */
  quote?: (heard: HeardError, local: string | null) => QuotedProbe
}

/** When a packet was read. */
export interface ReadAt {
  ns: number
  monoNs: number
}

/** An address as netkit writes it, without an interface; as it was where it is none. */
export function canonicalAddress(text: string): string {
  const parsed = parseIpBlock(text.split('%', 1)[0]!)
  if (parsed === null) return text
  const [w0, w1, w2, w3] = parsed.words
  return parsed.version === 4 ? formatIpv4(w0) : formatIpv6(w0, w1, w2, w3)
}

/** Sorts packets. Nothing in them is trusted: whatever is not whole, or not ours, is passed over. */
export class RawAnswers {
  private readonly run: RawRun
  private readonly targets = new Map<number, { address: string; plain: string }>()
  private readonly byAddress = new Map<string, number>()
  private readonly ip = new Ipv4View()
  private readonly echo = new EchoView()
  private readonly icmpError = new IcmpErrorView()
  private readonly reply = emptyReply('echo-reply', NO_BYTES)
  private readonly error: ProbeError = {
    origin: 'icmp',
    type: -1,
    code: -1,
    errno: 0,
    mtu: 0,
    from: null,
    target: -1,
    sequence: -1,
    wireSequence: -1,
    receivedNs: 0,
    quoted: NO_BYTES,
    quotedBytes: 0,
    pointer: 0,
    redirectTo: null,
    quote: null,
  }

  constructor(run: RawRun) {
    this.run = run
    for (const { index, address } of run.targets) {
      const plain = canonicalAddress(address)
      this.targets.set(index, { address, plain })
      if (!this.byAddress.has(plain)) this.byAddress.set(plain, index)
    }
  }

  /**
   * Takes one packet: the first `length` bytes of `data`, with the IP header in front where the family is 4.
   * @param source who sent it, in text; for IPv4 the header tells
   */
  take(data: Uint8Array, view: DataView, length: number, source: string, at: ReadAt, visitor: ProbeVisitor): void {
    const end = Math.min(length, data.length)
    if (this.run.family === 6) {
      // The kernel has checked the sum (RFC 3542 section 3.1).
      if (!this.takeReply(data, view, 0, end, source, -1, null, at, visitor)) {
        this.takeError(data, view, 0, end, source, at, visitor)
      }
      return
    }
    const { ip } = this
    if (!ip.move(view, 0, end) || ip.protocol !== IPPROTO_ICMP || ip.fragmentOffset > 0) return
    // A raw socket gets its copy before the kernel has looked at the sum.
    if (internetChecksum(data, ip.payloadStart, ip.payloadEnd) !== 0) return
    // A copy, which slice() of a Buffer is not.
    const options =
      ip.payloadStart > ip.optionsStart ? new Uint8Array(data.subarray(ip.optionsStart, ip.payloadStart)) : null
    const from = ip.source()
    if (!this.takeReply(data, view, ip.payloadStart, ip.payloadEnd, from, ip.ttl, options, at, visitor)) {
      this.takeError(data, view, ip.payloadStart, ip.payloadEnd, from, at, visitor)
    }
  }

  private takeReply(
    data: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    from: string,
    ttl: number,
    ipOptions: Uint8Array | null,
    at: ReadAt,
    visitor: ProbeVisitor,
  ): boolean {
    const { echo, reply, run } = this
    if (!echo.move(view, start, end)) return false
    if (echo.type !== (run.family === 4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY) || echo.code !== 0) return false
    if (echo.identifier !== run.identifier) return true
    const target = this.markedTarget()
    const fromTarget = this.targetAt(from, target)
    // Another program may use the same identifier; without our cookie it takes a target's address for an answer to be ours.
    if (target < 0 && fromTarget < 0) return true
    reply.target = target
    reply.sequence = target < 0 ? -1 : echo.fullSequence
    reply.wireSequence = echo.sequence
    reply.from = this.withInterface(from, fromTarget)
    reply.fromTarget = fromTarget
    reply.receivedNs = at.ns
    reply.readNs = at.ns
    reply.readMonoNs = at.monoNs
    reply.ttl = ttl
    reply.bytes = end - start
    reply.data = data
    reply.payloadStart = echo.payloadStart
    reply.payloadEnd = echo.payloadEnd
    reply.ipOptions = ipOptions
    visitor.reply(reply)
    return true
  }

  private takeError(
    data: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    from: string,
    at: ReadAt,
    visitor: ProbeVisitor,
  ): void {
    const { echo, icmpError: said, error, run } = this
    const { family } = run
    if (!said.move(family, view, start, end)) return
    if (said.protocol !== (family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) return
    const probeEnd = said.quotedBytes > 0 ? Math.min(said.quotedStart + said.quotedBytes, end) : end
    if (!echo.move(view, said.quotedStart, probeEnd)) return
    if (echo.type !== (family === 4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST)) return
    if (echo.identifier !== run.identifier) return
    // A router that quotes little (RFC 792 asks for 8 bytes), perhaps with zeros after it, cuts the cookie off.
    const marked = this.markedTarget()
    const target = marked >= 0 ? marked : this.targetAt(said.destination(), -1)
    if (target < 0) return
    error.type = said.type
    error.code = said.code
    error.errno = icmpErrno(family, said.type, said.code)
    error.mtu = said.mtu
    error.from = this.withInterface(from, this.targetAt(from, target))
    error.target = target
    error.sequence = marked >= 0 ? echo.fullSequence : -1
    error.wireSequence = echo.sequence
    error.receivedNs = at.ns
    error.quoted = data.subarray(said.quotedStart, end)
    error.quotedBytes = said.quotedBytes
    error.pointer = said.pointer
    error.redirectTo = said.redirectTo()
    const heard = { said, bytes: data, view, probeEnd, end, from, receivedNs: at.ns }
    error.quote = run.quote?.(heard, family === 4 ? this.ip.destination() : null) ?? null
    visitor.error(error)
  }

  /** Index of the target that the payload names, if it carries this run's cookie; else -1. */
  private markedTarget(): number {
    const { echo, run } = this
    const [low, high] = run.cookie
    if ((low === 0 && high === 0) || !echo.isOurs(low, high)) return -1
    return this.targets.has(echo.target) ? echo.target : -1
  }

  /** Index of a target with that address: the one that is expected, if it has it; -1 for none. */
  private targetAt(address: string, expected: number): number {
    const plain = this.byAddress.has(address) ? address : canonicalAddress(address)
    if (this.targets.get(expected)?.plain === plain) return expected
    return this.byAddress.get(plain) ?? -1
  }

  /** The package does not tell the interface of a link-local address, but a target's is known. */
  private withInterface(from: string, fromTarget: number): string {
    return this.targets.get(fromTarget)?.address ?? from
  }
}
