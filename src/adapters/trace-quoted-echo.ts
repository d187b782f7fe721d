// Echo requests as routers quote them.

import type { ProbeError, SendBatch } from '../ports/probe.js'
import type { QuotedProbe } from '../probe/trace-events.js'
import { EchoView, ICMP_ECHO_REQUEST, ICMP6_ECHO_REQUEST } from '../wire/icmp.js'
import { IPPROTO_ICMP } from '../wire/ipv4.js'
import { IPPROTO_ICMPV6 } from '../wire/ipv6.js'
import type { RawRun } from './echo-raw-answers.js'
import { type QuotedOwner, type QuoteReader, Quotes } from './trace-quoted.js'
import type { HeardError } from './trace-raw-listener.js'
import { SentProbes } from './trace-sent.js'
import { ToldErrors } from './trace-told.js'

export class EchoQuotes implements QuoteReader {
  private readonly family: 4 | 6
  private readonly identity: { identifier: number; cookie: readonly [low: number, high: number] }
  private readonly quotes: Quotes
  private readonly flowValue: (flow: number) => number
  private readonly echo = new EchoView()
  private readonly probes = new SentProbes()
  /** By the sequence of the ICMP header. */
  private readonly told = new ToldErrors()

  /** @param flowValue checksum of a flow's probes, 0 where it is not known */
  constructor(
    family: 4 | 6,
    identity: { identifier: number; cookie: readonly [low: number, high: number] },
    quotes: Quotes,
    flowValue: (flow: number) => number,
  ) {
    this.family = family
    this.identity = identity
    this.quotes = quotes
    this.flowValue = flowValue
  }

  sent(batch: SendBatch, handled: number): void {
    this.probes.note(batch, handled)
  }

  read({ said, view, probeEnd }: HeardError, owner: QuotedOwner): boolean {
    const { echo, family, probes } = this
    const { identifier, cookie } = this.identity
    if (said.protocol !== (family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) return false
    if (!echo.move(view, said.quotedStart, probeEnd)) return false
    if (echo.type !== (family === 4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST)) return false
    const isMarked = echo.isOurs(cookie[0], cookie[1])
    if (!isMarked && !this.isUnmarkedOurs(said.destination())) return false
    if (!this.told.fromRaw(echo.sequence)) return false
    owner.sequence = isMarked ? echo.fullSequence : -1
    owner.wireSequence = echo.sequence
    owner.flow = probes.flowOf(isMarked ? echo.fullSequence : echo.sequence)
    const sum = owner.flow < 0 ? 0 : this.flowValue(owner.flow)
    owner.changed = echo.identifier !== identifier || (sum > 0 && view.getUint16(said.quotedStart + 2) !== sum)
    return true
  }

  complete({ wireSequence }: ProbeError, hearMore: () => void): boolean {
    return this.told.fromQueue(wireSequence, hearMore)
  }

  /** Our identifier and our target; what a short quote is padded with is zeros, and anything else is another program's payload. */
  private isUnmarkedOurs(destination: string): boolean {
    const { echo, identity, quotes } = this
    if (echo.identifier !== identity.identifier || destination !== quotes.destination) return false
    const isMarking = identity.cookie[0] !== 0 || identity.cookie[1] !== 0
    return !isMarking || !echo.hasMark || (echo.cookieLow === 0 && echo.cookieHigh === 0)
  }
}

/** The quotes of a run that hears ICMP errors by itself and knows which are its own: the raw-socket package's. */
export class EchoRunQuotes {
  private readonly quotes: Quotes
  private readonly reader: EchoQuotes
  private readonly owner: QuotedOwner = { sequence: -1, wireSequence: -1, flow: -1, quotedFrom: 0, changed: false }
  /** The address of this host that errors come to; the package tells no other. */
  private local: string | null = null

  /** @param flowValue checksum of a flow's probes, 0 where it is not known */
  constructor({ family, targets, identifier, cookie }: RawRun, flowValue: (flow: number) => number) {
    this.quotes = new Quotes(targets[0]?.address ?? '', () => this.local)
    this.reader = new EchoQuotes(family, { identifier, cookie }, this.quotes, flowValue)
  }

  sent(batch: SendBatch, handled: number): void {
    this.reader.sent(batch, handled)
  }

  of(heard: HeardError, local: string | null): QuotedProbe {
    this.local ??= local
    const isRead = this.reader.read(heard, this.owner)
    return this.quotes.of(heard.said, isRead && this.owner.changed)
  }
}
