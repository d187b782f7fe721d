// Many targets as text: who is alive, who is not and who said so, and what it was over all of them.

import { printable } from '../bytes/printable.js'
import type { AnsweredOnce, ErrorEvent, ProbeEvent, ProbeTarget, ReplyEvent, SummaryEvent } from '../probe/events.js'
import { refusalMeaning } from '../probe/no-route.js'
import { targetTable } from './ping-many-table.js'
import { newState, noteFailure, type TargetState, targetLabel, verdict } from './ping-many-target.js'
import { PingTotals } from './ping-many-totals.js'
import { interimLine } from './ping-summary.js'
import { formatMpls, formatRtt, formatStamp, type NameOf, shownAddress, type TextOut } from './ping-words.js'

/** How a run of many targets is shown. */
export interface PingManyTextOptions {
  protocol: 'icmp' | 'tcp' | 'udp'
  /** `alive` and `unreachable` print only such targets as they were given, one a line. */
  filter: 'all' | 'alive' | 'unreachable'
  /** One probe each: a verdict a target. Else a line a probe and a table at the end. */
  single: boolean
  /** -q: no verdicts and no lines of probes; the table of several rounds stays. */
  quiet: boolean
  /** -D */
  timestamps: boolean
  /** -v: MPLS labels of errors. */
  verbose: boolean
  /** Names of answering addresses, looked up beforehand; `() => null` under -n. */
  nameOf: NameOf
}

/** Labels are padded to the longest, but not beyond an IPv6 address. */
const MOST_LABEL = 39

/** Prints a run of many targets: `begin`, events as they come, summaries last, `end`. */
export class PingManyText {
  private readonly options: PingManyTextOptions
  private readonly out: TextOut
  private readonly err: TextOut
  private targets: readonly ProbeTarget[] = []
  /** By the index of the target: 1 when it has answered. */
  private alive = new Uint8Array(0)
  /** Of those of which there is more to say. */
  private readonly states = new Map<number, TargetState>()
  private readonly totals = new PingTotals()
  /** Each probe has its line. */
  private readonly showsProbes: boolean
  private labelWidth = 0

  /** @param err gets what has no address, totals and notes */
  constructor(options: PingManyTextOptions, out: TextOut, err: TextOut) {
    this.options = options
    this.showsProbes = options.filter === 'all' && !options.single && !options.quiet
    this.out = out
    this.err = err
  }

  /** @param targets by their `index`, from 0 */
  begin(targets: readonly ProbeTarget[]): void {
    this.targets = targets
    this.alive = new Uint8Array(targets.length)
    if (!this.showsProbes) return
    for (const target of targets) {
      this.labelWidth = Math.max(this.labelWidth, Math.min(targetLabel(target).length, MOST_LABEL))
    }
  }

  /** A target that has no address. */
  unresolved(target: string, reason: string): void {
    this.totals.unresolved++
    this.err.line(`netkit: ${printable(target)}: ${printable(reason)}`)
  }

  event(event: ProbeEvent): void {
    if (event.target.index >= this.targets.length) return
    if (event.event !== 'summary') this.totals.at(event.atMs)
    switch (event.event) {
      case 'sent':
        break
      case 'error':
        this.error(event)
        break
      case 'timeout':
        if (this.showsProbes) this.probeLine(event, `${this.sequence(event.sequence)} no answer`)
        break
      case 'summary':
        this.summary(event)
        break
      default:
        this.answer(event)
    }
  }

  /** Kept only for what `end` has to say of the target. */
  private summary(event: SummaryEvent): void {
    const { index } = event.target
    if (event.statistics.received > 0) this.alive[index] = 1
    const isAlive = this.alive[index] === 1
    this.totals.add(event, isAlive)
    if (!this.options.single || !isAlive) this.stateOf(event.target).summary = event
  }

  /** Those that have been told to be alive already, instead of their summaries; for a round of one probe each. */
  answered(once: AnsweredOnce): void {
    this.totals.addAnswered(once)
  }

  private stateOf(target: ProbeTarget): TargetState {
    let state = this.states.get(target.index)
    if (state === undefined) {
      state = newState(target)
      this.states.set(target.index, state)
    }
    return state
  }

  private answer(event: ReplyEvent): void {
    const { bytes, ttl, rttMs, answer, target } = event
    if (event.event === 'reply' && this.alive[target.index] === 0) {
      this.alive[target.index] = 1
      this.tellAlive(event, target)
    }
    if (!this.showsProbes) return
    const size = answer === 'echo-reply' || answer === 'datagram' ? `${bytes} bytes` : answer
    const time = `${ttl === null ? '' : ` ttl=${ttl}`}${rttMs === null ? '' : ` time=${formatRtt(rttMs)} ms`}`
    this.probeLine(event, `${this.sequence(event.sequence)} ${size}${time}${this.marks(event)}`)
  }

  /** A verdict that cannot change any more is told at once. */
  private tellAlive(event: ReplyEvent, target: ProbeTarget): void {
    const { filter, single, quiet } = this.options
    if (filter === 'alive') this.out.line(printable(target.target))
    if (filter !== 'all' || !single || quiet) return
    const label = this.stamp(event.atMs) + targetLabel(target)
    if (event.rttMs !== null && event.answer === 'echo-reply' && !event.differentAddress) {
      this.out.line(`${label} is alive (${formatRtt(event.rttMs)} ms)`)
      return
    }
    const time = event.rttMs === null ? '' : `${formatRtt(event.rttMs)} ms`
    const refused = event.answer === 'refused' || event.answer === 'port-unreachable' ? event.answer : ''
    const by = event.differentAddress ? `answered by ${this.shown(event.from)}` : ''
    const words = [time, refused, by].filter(each => each !== '').join(', ')
    this.out.line(`${label} is alive${words === '' ? '' : ` (${words})`}`)
  }

  private error(event: ErrorEvent): void {
    const who = event.from === null ? 'this host' : this.shown(event.from)
    const meaning = event.origin === 'local' ? refusalMeaning(event.errno, event.reason) : null
    const failure = printable(meaning ?? `${event.reason} from ${who}`)
    noteFailure(this.stateOf(event.target), failure)
    const about = event.sequence === null ? '' : `${this.sequence(event.sequence)} `
    if (this.showsProbes) this.probeLine(event, `${about}${failure}`)
    if (!this.options.verbose || event.mpls === null || event.mpls.length === 0) return
    this.err.line(
      `netkit: ${who} had a probe of ${targetLabel(event.target)} with MPLS labels ${formatMpls(event.mpls)}`,
    )
  }

  private probeLine({ target, atMs }: { target: ProbeTarget; atMs: number }, text: string): void {
    this.out.line(`${this.stamp(atMs)}${targetLabel(target).padEnd(this.labelWidth)} : ${text}`)
  }

  private marks(event: ReplyEvent): string {
    const marks = [
      event.event === 'duplicate' ? ' (duplicate)' : '',
      event.event === 'late' ? ' (late)' : '',
      event.differentAddress ? ` (from ${this.shown(event.from)})` : '',
      event.corruptedBytes > 0 ? ` (${event.corruptedBytes} bytes corrupted)` : '',
      event.synRetransmits ? ` (SYNs resent: ${event.synRetransmits})` : '',
    ]
    return marks.join('')
  }

  /** Numbers of every target so far, on SIGQUIT. */
  interim(summaries: readonly SummaryEvent[]): void {
    for (const { target, statistics } of summaries) {
      this.err.line(`netkit: ${targetLabel(target)}: ${interimLine(statistics)}`)
    }
  }

  /** Verdicts that had to wait, or the table; then the totals. */
  end(): void {
    const { filter, single, quiet } = this.options
    for (let index = 0; index < this.targets.length; index++) {
      if (this.alive[index] === 1) continue
      const state = this.stateOf(this.targets[index]!)
      // Not probed, or not waited for: nothing is known of it.
      const isKnown = state.summary !== null && state.summary.statistics.lossPercent !== null
      if (filter === 'unreachable' && isKnown) this.out.line(printable(state.target.target))
      else if (filter === 'all' && single && !quiet) this.out.line(`${targetLabel(state.target)} ${verdict(state)}`)
    }
    if (filter === 'all' && !single && this.targets.length > 0) {
      if (!quiet) this.out.line('')
      for (const line of targetTable(this.targets.map(target => this.stateOf(target)))) this.out.line(line)
    }
    for (const line of this.totals.lines()) this.err.line(`netkit: ${line}`)
  }

  private sequence(sequence: number): string {
    return `${this.options.protocol}_seq=${sequence}`
  }

  private shown(address: string): string {
    return shownAddress(address, this.options.nameOf)
  }

  private stamp(atMs: number): string {
    return this.options.timestamps ? formatStamp(atMs) : ''
  }
}
