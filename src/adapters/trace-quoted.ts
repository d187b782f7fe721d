// A transport whose ICMP errors are heard through a raw socket beside it, with the IP header that they quote.

import type { ProbeError, ProbeOptions, ProbeTransport, ProbeVisitor, SendBatch } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import type { TimestampSource, TransportKind } from '../probe/events.js'
import type { QuotedProbe } from '../probe/trace-events.js'
import { ICMP_PARAMETER_PROBLEM, ICMP6_PARAMETER_PROBLEM } from '../wire/icmp.js'
import { type IcmpErrorView, icmpErrno } from '../wire/icmp-error.js'
import { canonicalAddress } from './echo-raw-answers.js'
import type { ProbeClock } from './echo-socket-clock.js'
import type { TargetTable } from './echo-socket-targets.js'
import { type HeardError, RawErrorListener } from './trace-raw-listener.js'

/** Whose probe an error is about; the rest of a `ProbeError` is the same for all protocols. */
export interface QuotedOwner {
  sequence: number
  wireSequence: number
  flow: number
  /** What routers quote from here on is what they quoted of the probe: behind the UDP header, where there is one. */
  quotedFrom: number
  /** The header behind the IP header is not as it left: a NAT changed it. */
  changed: boolean
}

/** Knows the probes of one protocol again when they are quoted. */
export interface QuoteReader {
  /** Rows of a batch, the first `handled` of which were handled. */
  sent(batch: SendBatch, handled: number): void
  /** Fills in `owner`; false when the error is about another's packet, or is to be kept for `complete`. */
  read(heard: HeardError, owner: QuotedOwner): boolean
  /**
   * Takes an error out of the error queue; false when it is not to be handed out, because `read` has it.
   * @param hearMore gives `read` what has come by now
   */
  complete(error: ProbeError, hearMore: () => void): boolean
}

/** Compares what is quoted with what left this host. */
export class Quotes {
  readonly destination: string
  private readonly findSource: () => string | null
  private known: string | null = null

  constructor(destination: string, findSource: () => string | null) {
    this.destination = canonicalAddress(destination)
    this.findSource = findSource
  }

  /** The address that probes leave from, without an interface; null where it cannot be told. */
  get source(): string | null {
    this.known ??= this.findSource()?.split('%', 1)[0] ?? null
    return this.known
  }

  of(said: IcmpErrorView, changed: boolean): QuotedProbe {
    const source = this.source === null || said.source() === this.source ? null : said.source()
    const destination = said.destination() === this.destination ? null : said.destination()
    const translated = changed || source !== null || destination !== null
    return { tos: said.tos, ttl: said.ttl, translated, source, destination }
  }

  /** It is from us or to our target: with the right ports, that is enough to know it again when a NAT changed the other address. */
  isOurs(said: IcmpErrorView): boolean {
    return said.destination() === this.destination || said.source() === this.source
  }
}

/**
 * Puts a raw socket beside a transport if the options want quoted headers.
 * @throws PermissionError where this user may not open one; `base` is closed then
 */
export function withQuotedHeaders(
  port: SocketPort,
  options: ProbeOptions,
  base: ProbeTransport,
  parts: { targets: TargetTable; clock: ProbeClock; reader: (quotes: Quotes) => QuoteReader },
): ProbeTransport {
  if (!options.quotedHeaders) return base
  try {
    return new QuotedTransport(port, options, base, parts)
  } catch (error) {
    base.close()
    throw error
  }
}

class QuotedTransport implements ProbeTransport {
  readonly kind: TransportKind
  readonly timestamps: TimestampSource
  readonly cookie: readonly [low: number, high: number]
  readonly baseSeconds: number
  readonly note: string | null
  readonly oneProbeAFlow: boolean
  readonly quotedHeaders = true
  private readonly base: ProbeTransport
  private readonly family: 4 | 6
  private readonly target: number
  private readonly quotes: Quotes
  private readonly listener: RawErrorListener
  private readonly reader: QuoteReader
  private readonly owner: QuotedOwner = { sequence: -1, wireSequence: -1, flow: -1, quotedFrom: 0, changed: false }

  constructor(
    port: SocketPort,
    options: ProbeOptions,
    base: ProbeTransport,
    { targets, clock, reader }: { targets: TargetTable; clock: ProbeClock; reader: (quotes: Quotes) => QuoteReader },
  ) {
    this.base = base
    this.kind = base.kind
    this.timestamps = base.timestamps
    this.cookie = base.cookie
    this.baseSeconds = base.baseSeconds
    this.note = base.note
    this.oneProbeAFlow = base.oneProbeAFlow ?? false
    this.family = options.family
    this.target = targets.indexOf(0)
    this.quotes = new Quotes(targets.address(0), () => base.sourceAddress(this.target))
    this.reader = reader(this.quotes)
    this.listener = new RawErrorListener(port, options, targets, clock)
  }

  sourceAddress(target: number): string | null {
    return this.base.sourceAddress(target)
  }

  send(batch: SendBatch): number {
    const handled = this.base.send(batch)
    this.reader.sent(batch, handled)
    return handled
  }

  receive(visitor: ProbeVisitor): number {
    // The kernel serves raw sockets first, so what the error queue has of an error is heard here, unless there was no room for it.
    let heard = 0
    const hearMore = (): void => {
      heard += this.listener.read(error => this.hear(error, visitor))
    }
    hearMore()
    const others = this.base.receive({
      reply: reply => visitor.reply(reply),
      error: error => {
        if (error.origin === 'local' || this.reader.complete(error, hearMore)) visitor.error(error)
      },
      transmitted: (target, sequence, at, ns) => visitor.transmitted(target, sequence, at, ns),
    })
    return heard + others
  }

  onReadable(callback: () => void): void {
    this.base.onReadable(callback)
    this.listener.onReadable(callback)
  }

  flowValue(flow: number): number {
    return this.base.flowValue?.(flow) ?? 0
  }

  nowMonoNs(): number {
    return this.base.nowMonoNs()
  }

  close(): void {
    this.listener.close()
    this.base.close()
  }

  private hear(heard: HeardError, visitor: ProbeVisitor): void {
    const { family, owner, quotes } = this
    const { said } = heard
    owner.wireSequence = -1
    owner.quotedFrom = said.quotedStart
    if (!this.reader.read(heard, owner)) return
    visitor.error({
      origin: 'icmp',
      type: said.type,
      code: said.code,
      errno: icmpErrno(family, said.type, said.code),
      mtu: said.mtu,
      from: heard.from,
      target: this.target,
      sequence: owner.sequence,
      wireSequence: owner.wireSequence,
      receivedNs: heard.receivedNs,
      quoted: heard.bytes.subarray(Math.min(owner.quotedFrom, heard.end), heard.end),
      quotedBytes: said.quotedBytes > 0 ? Math.max(heard.probeEnd - owner.quotedFrom, 0) : 0,
      pointer: said.type === (family === 4 ? ICMP_PARAMETER_PROBLEM : ICMP6_PARAMETER_PROBLEM) ? said.pointer : 0,
      redirectTo: null,
      flow: owner.flow,
      quote: quotes.of(said, owner.changed),
    })
  }
}
