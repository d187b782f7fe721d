// SYNs as routers quote them. Which probe a SYN was is what its socket knows, by the sequence number of TCP, which is the kernel's: so
// the error queue says what an error is about, and the raw socket what the IP header was.

import { internetChecksum } from '../bytes/checksum.js'
import type { ProbeError, ProbeOptions, SendBatch } from '../ports/probe.js'
import type { QuotedProbe } from '../probe/trace-events.js'
import { IPPROTO_TCP } from '../wire/ipv4.js'
import { TCP } from '../wire/tcp.js'
import { pseudoHeaderSum } from './pseudo-header.js'
import type { QuotedOwner, QuoteReader, Quotes } from './trace-quoted.js'
import type { HeardError } from './trace-raw-listener.js'
import { SentProbes } from './trace-sent.js'

/** Ports and sequence number: the 8 bytes that every router quotes (RFC 792). */
const NAME_BYTES = 8
/** Quotes kept until the error queue tells what they are of. */
const MOST_KEPT = 256

interface KeptQuote {
  readonly ports: number
  readonly number: number
  readonly type: number
  readonly code: number
  readonly quote: QuotedProbe
}

export class TcpQuotes implements QuoteReader {
  private readonly options: ProbeOptions
  private readonly quotes: Quotes
  private readonly portOf: (flow: number) => number
  private readonly flows = new Map<number, number>()
  private readonly probes = new SentProbes()
  private readonly kept: KeptQuote[] = []

  /** @param portOf source port of a flow */
  constructor(options: ProbeOptions, quotes: Quotes, portOf: (flow: number) => number) {
    this.options = options
    this.quotes = quotes
    this.portOf = portOf
  }

  sent(batch: SendBatch, handled: number): void {
    this.probes.note(batch, handled)
    for (let row = 0; row < handled; row++) {
      const flow = batch.flow?.[row] ?? 0
      this.flows.set(this.portOf(flow), flow)
    }
  }

  read(heard: HeardError, owner: QuotedOwner): boolean {
    const { said, view, probeEnd } = heard
    const { quotedStart: start } = said
    if (said.protocol !== IPPROTO_TCP || probeEnd - start < NAME_BYTES) return false
    const flow = this.flows.get(view.getUint16(start))
    if (flow === undefined || !this.quotes.isOurs(said)) return false
    const isTo = view.getUint16(start + 2) === this.options.port
    const quote = this.quotes.of(said, !isTo || !this.fits(heard))
    if (isTo && quote.source === null && quote.destination === null) {
      const [ports, number] = [view.getUint32(start), view.getUint32(start + 4)]
      this.kept.push({ ports, number, type: said.type, code: said.code, quote })
      if (this.kept.length > MOST_KEPT) this.kept.shift()
      return false
    }
    // A NAT did not put back what it changed: the kernel finds no socket for it, but the port has one SYN under way.
    owner.flow = flow
    owner.sequence = this.probes.latestOf(flow)
    owner.changed = true
    return true
  }

  complete(error: ProbeError, hearMore: () => void): boolean {
    const { quoted } = error
    if (quoted.length < NAME_BYTES) return true
    const view = new DataView(quoted.buffer, quoted.byteOffset, NAME_BYTES)
    const [ports, number] = [view.getUint32(0), view.getUint32(4)]
    const find = (): number =>
      this.kept.findIndex(
        ({ type, code, ...own }) =>
          own.ports === ports && own.number === number && type === error.type && code === error.code,
      )
    let at = find()
    if (at < 0) {
      hearMore()
      at = find()
    }
    if (at >= 0) error.quote = this.kept.splice(at, 1)[0]!.quote
    return true
  }

  /** The checksum is that of the SYN as it left, or that of the pseudo-header alone, which a device was to complete; or is not quoted. */
  private fits({ bytes, said, view, probeEnd }: HeardError): boolean {
    const { quotedStart: start } = said
    if (probeEnd - start < TCP.size || this.quotes.source === null) return true
    const length = (view.getUint8(start + TCP.offset.dataOffset) >> 4) * 4
    if (length < TCP.size || probeEnd - start < length) return true
    const { destination, source } = this.quotes
    const pseudo = pseudoHeaderSum(this.options.family, source, destination, IPPROTO_TCP) + length
    if (internetChecksum(bytes, start, start + length, pseudo) === 0) return true
    return view.getUint16(start + TCP.offset.checksum) === 0xffff - internetChecksum(bytes, 0, 0, pseudo)
  }
}
