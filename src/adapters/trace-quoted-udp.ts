// UDP probes as routers quote them: by the mark in their payload, or where that is cut off by their ports and checksum.

import { internetChecksum } from '../bytes/checksum.js'
import type { ProbeError, ProbeOptions, SendBatch } from '../ports/probe.js'
import { fillPattern } from '../wire/icmp.js'
import { IPPROTO_UDP } from '../wire/ipv4.js'
import type { TargetTable } from './echo-socket-targets.js'
import { pseudoHeaderSum } from './pseudo-header.js'
import type { QuotedOwner, QuoteReader, Quotes } from './trace-quoted.js'
import type { HeardError } from './trace-raw-listener.js'
import { SentProbes } from './trace-sent.js'
import { ToldErrors } from './trace-told.js'
import { readMark } from './udp-probe-receive.js'
import { type Cookie, encodeMark } from './udp-probe-send.js'

const HEADER_BYTES = 8

/** Sequences begin with 1. */
const nameOfFlow = (flow: number): number => -flow

export class UdpQuotes implements QuoteReader {
  private readonly options: ProbeOptions
  private readonly targets: TargetTable
  private readonly mark: Cookie
  private readonly quotes: Quotes
  private readonly portOf: (flow: number) => number
  private readonly flows = new Map<number, number>()
  private readonly probes = new SentProbes()
  /** By sequence where the mark is quoted, else by flow: that is all the error queue has. */
  private readonly told = new ToldErrors()
  private readonly payload: Uint8Array
  private readonly view: DataView
  private pseudoSum: number | null = null

  /** @param portOf source port of a flow */
  constructor(
    options: ProbeOptions,
    targets: TargetTable,
    mark: Cookie,
    quotes: Quotes,
    portOf: (flow: number) => number,
  ) {
    this.options = options
    this.targets = targets
    this.mark = mark
    this.quotes = quotes
    this.portOf = portOf
    this.payload = new Uint8Array(options.payloadBytes)
    this.view = new DataView(this.payload.buffer)
  }

  sent(batch: SendBatch, handled: number): void {
    const { family } = this.options
    const { quotes } = this
    this.pseudoSum ??= pseudoHeaderSum(family, quotes.source, quotes.destination, IPPROTO_UDP)
    this.probes.note(batch, handled, row => this.checksumOf(batch, row))
    for (let row = 0; row < handled; row++) {
      const flow = batch.flow?.[row] ?? 0
      this.flows.set(this.portOf(flow), flow)
    }
  }

  read({ said, view, probeEnd }: HeardError, owner: QuotedOwner): boolean {
    const { quotedStart } = said
    const payload = quotedStart + HEADER_BYTES
    if (said.protocol !== IPPROTO_UDP || probeEnd < payload) return false
    const [from, to] = [view.getUint16(quotedStart), view.getUint16(quotedStart + 2)]
    const [length, checksum] = [view.getUint16(quotedStart + 4), view.getUint16(quotedStart + 6)]
    owner.quotedFrom = payload
    const mark = readMark(view, payload, probeEnd, this.mark, this.targets)
    const flow = mark === null ? this.flows.get(from) : this.probes.flowOf(mark.sequence)
    if (flow === undefined || flow < 0) return false
    if (mark === null && (to !== this.options.port || !this.quotes.isOurs(said))) return false
    if (!this.told.fromRaw(mark?.sequence ?? nameOfFlow(flow))) return false
    owner.flow = flow
    owner.sequence = mark === null ? this.probes.withChecksum(flow, checksum) : mark.sequence
    owner.changed =
      from !== this.portOf(flow) || to !== this.options.port || !this.fits(owner.sequence, checksum, length)
    return true
  }

  complete({ sequence, flow = 0 }: ProbeError, hearMore: () => void): boolean {
    return this.told.fromQueue(sequence >= 1 ? sequence : nameOfFlow(flow), hearMore)
  }

  /** 0 is a checksum that was not made (RFC 768); one of the pseudo-header alone is what a device was to complete, and has not yet. */
  private fits(sequence: number, checksum: number, length: number): boolean {
    if (checksum === 0 || this.quotes.source === null) return true
    const isPartial = checksum === 0xffff - internetChecksum(this.payload, 0, 0, (this.pseudoSum ?? 0) + length)
    return isPartial || (sequence >= 0 && checksum === this.probes.checksumOf(sequence))
  }

  private checksumOf(batch: SendBatch, row: number): number {
    const { mark, options, payload, view } = this
    const bytes = Math.min(batch.payloadBytes[row]!, payload.length)
    fillPattern(payload, 0, bytes, options.pattern)
    encodeMark(view, 0, bytes, mark, batch.target[row]!, batch.sequence[row]!)
    const length = HEADER_BYTES + bytes
    // The length counts in the pseudo-header and in the header.
    const headers = (this.pseudoSum ?? 0) + this.portOf(batch.flow?.[row] ?? 0) + (options.port ?? 0) + 2 * length
    const sum = internetChecksum(payload, 0, bytes, headers)
    return sum === 0 ? 0xffff : sum
  }
}
