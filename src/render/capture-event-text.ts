// An event of a flow as one line: when, which flow, and what happened.

import { printable } from '../bytes/printable.js'
import type { FlowEvent } from '../flow/flow-event.js'
import { endWords, lasting } from './decode-words.js'

/** Formats events; each second of the clock is worked out once. */
export class EventLines {
  #second = ''
  #clock = ''

  line(event: FlowEvent): string {
    const ends = `${endWords(event.client)} -> ${endWords(event.server)}`
    return `${this.#time(event.time)}  #${event.flow} ${ends}  ${eventWords(event)}`
  }

  /** HH:MM:SS.mmm of this host's zone, as tcpdump shows it. */
  #time(time: string | null): string {
    if (time === null) return '            '
    const second = time.slice(0, -10)
    if (second !== this.#second) {
      this.#second = second
      const date = new Date(Number(second) * 1000)
      this.#clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pair).join(':')
    }
    return `${this.#clock}${time.slice(-10, -6)}`
  }
}

const pair = (value: number): string => String(value).padStart(2, '0')

const after = (ms: number | null): string => (ms === null ? '' : ` after ${lasting(ms)}`)

export function eventWords(event: FlowEvent): string {
  switch (event.event) {
    case 'opened':
      if (event.protocol === 'udp') return 'first datagram'
      return event.reused ? 'opened, with the ports of an earlier connection' : 'opened'
    case 'seen-midstream':
      return 'seen midstream'
    case 'established':
      return event.handshakeMs === null ? 'established' : `established, handshake ${lasting(event.handshakeMs)}`
    case 'no-answer':
      return `no answer after ${event.syns === 2 ? '1 SYN' : `${Number(event.syns) - 1} SYNs`}, sent again`
    case 'syn-again':
      return `SYN sent again, though it was answered`
    case 'refused':
      return `refused${after(event.durationMs)}`
    case 'aborted':
      return `aborted by ${event.by ?? 'somebody'} in the handshake`
    case 'reset':
      return `reset by ${event.by ?? 'somebody'} (${event.resetClass ?? 'unknown'})${after(event.durationMs)}`
    case 'closed':
      return `closed by ${event.by === 'both' ? 'both at once' : event.by}${after(event.durationMs)}`
    case 'icmp-error':
      return printable(`${event.reason} from ${event.from}, about what the ${event.by} sent`)
    case 'label':
      return `first ${event.label} of the ${event.by}${event.retransmissionKind === null ? '' : ` (${event.retransmissionKind})`}`
  }
}
