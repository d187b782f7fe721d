// One target as ping(8) of iputils prints it, line for line: header, answers, errors, summary.
// What iputils does not know goes to the other sink, as `netkit: ...` after the summary.

import { printable } from '../bytes/printable.js'
import type { ErrorEvent, ProbeEvent, ProbeTarget, ReplyEvent, SentEvent, SummaryEvent } from '../probe/events.js'
import { IpOptionLines, routeAddresses } from './ping-ip-options.js'
import { noRemarks, spreadBy, summaryNotes } from './ping-notes.js'
import { corruption } from './ping-payload.js'
import { interimLine, summaryLines } from './ping-summary.js'
import { formatMpls, formatRtt, formatStamp, type NameOf, shownAddress, type TextOut } from './ping-words.js'

/** How a run of one target is shown. Letters are those of ping(8). */
export interface PingTextOptions {
  protocol: 'icmp' | 'tcp' | 'udp'
  /** Destination port of TCP and UDP probes. */
  port: number | null
  /** The name in the header and summary where it is not the target as given: iputils shows the canonical name for IPv4. */
  hostname?: string
  /** The name of an address, looked up beforehand; null for none. Must be `() => null` under -n and for a target given as an address. */
  nameOf: NameOf
  payloadBytes: number
  /** -p: what the payload is filled with; null for 0, 1, 2 ... */
  pattern: Uint8Array | null
  /** -R or -T: the header counts the forty bytes that they take. */
  ipOptions: boolean
  /** -F; null for none. */
  flowLabel: number | null
  /** -I: the address that probes leave from, when -I was given; else null. */
  source: string | null
  /** -I with an interface. */
  interface: string | null
  /** -b, for a broadcast address: answers of several hosts are no duplicates then, as with a multicast address. */
  broadcast: boolean
  /** -q */
  quiet: boolean
  /** -D */
  timestamps: boolean
  /** -O */
  reportMissing: boolean
  /** -f */
  flood: boolean
  /** -A, or an interval of 0: the summary says how far apart the probes were. */
  adaptive: boolean
  /** -a */
  audible: boolean
  /** -v */
  verbose: boolean
  /** Identifier of the echo requests, shown with -v where it is ours to choose (raw sockets); null where it is not. */
  identifier: number | null
  /** Columns of the terminal; null when stdout is none. Dots of -f stay within one line. */
  columns: number | null
}

const IPV4_HEADER = 20
const IP_OPTIONS = 40
const ICMP_HEADER = 8

/** Addresses of an event that `PingText` will ask names for. */
export function shownAddresses(event: ProbeEvent): string[] {
  if (event.event === 'error') return event.from === null ? [] : [event.from]
  if (event.event !== 'reply' && event.event !== 'late' && event.event !== 'duplicate') return []
  return [event.from, ...(event.ipOptions === null ? [] : routeAddresses(event.ipOptions))]
}

/** Prints a run of one target. It needs `sent` events: for -O, -f and the pipe. */
export class PingText {
  private readonly options: PingTextOptions
  private readonly out: TextOut
  private readonly err: TextOut
  private readonly optionLines = new IpOptionLines()
  private readonly remarks = noRemarks()
  /** Local errors that iputils does not count: the kernel's plain refusals. */
  private uncounted = 0
  private multicast = false
  private lastSent = 0
  private lastAnswered = true
  /** Most probes that were under way at once, as iputils reckons it: seen from the oldest one answered. */
  private pipe = 0

  /**
   * @param out gets iputils' stdout
   * @param err gets what iputils writes to stderr, and netkit's notes
   */
  constructor(options: PingTextOptions, out: TextOut, err: TextOut) {
    this.options = options
    this.out = out
    this.err = err
  }

  /** Prints the header. */
  begin(target: ProbeTarget): void {
    const { options, out } = this
    this.multicast = options.broadcast || isMulticast(target)
    const name = this.name(target)
    if (options.pattern !== null && !options.quiet)
      out.line(`PATTERN: 0x${Buffer.from(options.pattern).toString('hex')}`)
    if (options.verbose)
      out.line(`ai->ai_family: AF_INET${target.family === 6 ? '6' : ''}, ai->ai_canonname: '${name}'`)
    if (options.broadcast) this.err.line('WARNING: pinging broadcast address')
    const { source, flowLabel } = options
    const from = source === null ? '' : `from ${printable(source)} ${printable(options.interface ?? '')}: `
    const flow = flowLabel === null ? '' : `, flow 0x${flowLabel.toString(16).padStart(5, '0')}, `
    const address = target.family === 4 ? ` (${printable(target.address)})` : `(${this.shown(target.address)})`
    out.line(`PING ${name}${address} ${from}${flow}${this.what(target.family)}`)
  }

  private what(family: 4 | 6): string {
    const { protocol, port, payloadBytes, ipOptions } = this.options
    if (protocol === 'tcp') return `TCP port ${port}.`
    if (protocol === 'udp') return `UDP port ${port}, ${payloadBytes} bytes of data.`
    if (family === 6) return `${payloadBytes} data bytes`
    return `${payloadBytes}(${payloadBytes + ICMP_HEADER + IPV4_HEADER + (ipOptions ? IP_OPTIONS : 0)}) bytes of data.`
  }

  /** Prints what an event has to say; a summary ends the text. */
  event(event: ProbeEvent): void {
    switch (event.event) {
      case 'sent':
        this.sent(event)
        break
      case 'error':
        this.error(event)
        break
      case 'summary':
        this.summary(event)
        break
      case 'timeout':
        break
      default:
        this.answer(event)
    }
  }

  private sent({ sequence, atMs }: SentEvent): void {
    const { options } = this
    if (options.reportMissing && !this.lastAnswered) {
      this.out.line(`${this.stamp(atMs)}no answer yet for ${this.sequence(this.lastSent)}`)
    }
    this.lastSent = sequence
    this.lastAnswered = false
    if (options.flood && !options.quiet && this.dotFits()) this.out.write('.')
  }

  /** A long pipe would wrap the line, and backspaces do not go back over a line's end. */
  private dotFits(): boolean {
    const { columns } = this.options
    return columns === null || this.pipe < columns
  }

  private answer(event: ReplyEvent): void {
    const { options, out, remarks } = this
    this.acknowledge(event.sequence)
    if (event.sequence === this.lastSent) this.lastAnswered = true
    if (event.clockStepped) {
      remarks.clockSteps++
      this.err.line(`ping: Warning: the clock was set during ${this.sequence(event.sequence)}`)
    }
    spreadBy(remarks.local, event.localMs)
    spreadBy(remarks.queued, event.queuedMs)
    if (options.quiet) return
    const bell = options.audible ? '\x07' : ''
    if (options.flood) {
      out.write(`\b \b${bell}`)
      return
    }
    let text = `${this.stamp(event.atMs)}${this.answerHead(event)}`
    if (event.ttl !== null) text += ` ttl=${event.ttl}`
    if (event.answer === 'echo-reply' && event.bytes < options.payloadBytes + ICMP_HEADER) {
      out.line(`${text} (truncated)`)
      return
    }
    if (event.rttMs !== null) text += ` time=${formatRtt(event.rttMs)} ms`
    text += this.marks(event) + corruption(event, options.payloadBytes) + bell
    if (event.ipOptions !== null) text += this.optionLines.text(event.ipOptions, address => this.shown(address))
    out.line(text)
  }

  private answerHead(event: ReplyEvent): string {
    const { answer, bytes, from, sequence } = event
    const { verbose, identifier } = this.options
    const rest = `from ${this.shown(from)}: ${this.sequence(sequence)}`
    if (answer === 'syn-ack') return `SYN-ACK ${rest}`
    if (answer === 'refused') return `RST ${rest}`
    if (answer === 'port-unreachable') return `Port unreachable ${rest}`
    return `${bytes} bytes ${rest}${verbose && identifier !== null ? ` ident=${identifier}` : ''}`
  }

  private marks(event: ReplyEvent): string {
    const resent = event.synRetransmits ?? 0
    let text = resent > 0 ? ` (${resent} SYN${resent === 1 ? '' : 's'} resent)` : ''
    if (event.event === 'duplicate' && (!this.multicast || this.options.verbose)) text += ' (DUP!)'
    if (event.differentAddress && !this.multicast) text += ' (DIFFERENT ADDRESS!)'
    // Not iputils': it counts such an answer as received, whatever -W says.
    if (event.event === 'late') text += ' (LATE!)'
    return text
  }

  private error(event: ErrorEvent): void {
    const { options, out, err } = this
    if (event.origin === 'local') {
      this.localError(event)
      return
    }
    if (event.sequence !== null) this.acknowledge(event.sequence)
    if (options.quiet) return
    if (options.flood) {
      out.write('\bE')
      return
    }
    const about = event.sequence === null ? '' : ` ${this.sequence(event.sequence)}`
    out.line(`${this.stamp(event.atMs)}From ${this.shown(event.from ?? '?')}${about} ${printable(event.reason)}`)
    if (options.verbose && event.mpls !== null && event.mpls.length > 0) {
      err.line(`netkit: ${printable(event.from ?? '?')} had the probe with MPLS labels ${formatMpls(event.mpls)}`)
    }
  }

  /** This host's own refusals go to stderr. */
  private localError(event: ErrorEvent): void {
    const { options } = this
    const tooLong = event.errno === 'EMSGSIZE' && event.mtu !== null
    this.remarks.unsent++
    if (!tooLong) this.uncounted++
    if (options.quiet) return
    if (options.flood) this.out.write('\bE')
    else if (!tooLong) this.err.line(`ping: sendmsg: ${capitalized(printable(event.reason))}`)
    else this.err.line(`ping: local error: message too long, mtu${event.target.family === 4 ? '=' : ': '}${event.mtu}`)
  }

  private acknowledge(sequence: number): void {
    this.pipe = Math.max(this.pipe, this.lastSent - sequence + 1)
  }

  private summary(event: SummaryEvent): void {
    const { options, out, err } = this
    const { statistics, target } = event
    const lines = summaryLines(this.name(target), statistics, {
      errors: statistics.errors - this.uncounted,
      pipe: this.pipe,
      showGap: options.flood || options.adaptive,
    })
    for (const line of ['', ...lines]) out.line(line)
    for (const note of summaryNotes(event, this.remarks)) err.line(`netkit: ${note}`)
  }

  /** The line of SIGQUIT. */
  interim({ statistics }: SummaryEvent): void {
    this.err.line(`\r${interimLine(statistics)}`)
  }

  private name(target: ProbeTarget): string {
    return printable(this.options.hostname ?? target.target)
  }

  private shown(address: string): string {
    return shownAddress(address, this.options.nameOf)
  }

  private stamp(atMs: number): string {
    return this.options.timestamps ? formatStamp(atMs) : ''
  }

  /** ICMP has 16 bits for it. */
  private sequence(sequence: number): string {
    const { protocol } = this.options
    return `${protocol}_seq=${protocol === 'icmp' ? sequence & 0xffff : sequence}`
  }
}

/** RFC 5771, RFC 4291 section 2.7. */
function isMulticast({ family, address }: ProbeTarget): boolean {
  if (family === 6) return /^ff/i.test(address)
  const first = Number.parseInt(address, 10)
  return first >= 224 && first < 240
}

/** The C library's words begin with a capital letter. */
const capitalized = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
