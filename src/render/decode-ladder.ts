// The packets of flows as arrows between client and server, the time beside them.

import type { Flow } from '../flow/model.js'
import type { FlowTracker } from '../flow/tracker.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { icmpReason } from '../wire/icmp-words.js'
import { KIND_ICMP_ERROR, KIND_TCP, TCP_ACK } from '../wire/walked-packet.js'
import { FLAG_TEXTS, labelDetails } from './decode-packet-words.js'
import { endWords } from './decode-words.js'

const MARGIN = 22
/** Columns of the time: of one that is days away, the last decimals are left out. */
const TIME = 12
const LEAST_ROOM = 30

/** Draws line by line; remembers of each flow which sender is the client, from its first packet that is drawn. */
export class Ladder {
  readonly #columns: number
  readonly #clients = new Map<number, 0 | 1>()
  #flowId = 0

  constructor(columns: number) {
    this.#columns = columns
  }

  /** Lines for the packet that the tracker looked at last: none when it belongs to no flow. */
  lines(packet: CapturedPacket, tracker: FlowTracker): string[] {
    const { flowId, flow } = tracker
    if (flow < 0) return []
    let client = this.#clients.get(flowId)
    const lines: string[] = []
    if (client === undefined || flowId !== this.#flowId) {
      const model = tracker.read(flow)
      client ??= tracker.clientSender(flow)
      this.#clients.set(flowId, client)
      if (this.#flowId !== 0) lines.push('')
      lines.push(...this.#heading(model))
      this.#flowId = flowId
    }
    const margin = `${String(packet.frame).padStart(8)} ${sinceWords(packet, tracker.timeNs).padStart(TIME)} `
    // An error goes to the one whose packet it is about.
    const isIcmp = tracker.walked.kind === KIND_ICMP_ERROR
    const isOfClient = (tracker.sender === client) !== isIcmp
    lines.push(`${margin}${arrow(packetWords(tracker), this.#room, isOfClient, isIcmp)}`)
    const labels = labelDetails(tracker)
    if (labels !== '') lines.push(`${' '.repeat(MARGIN)}|${labels.padStart((this.#room + labels.length) >> 1)}`)
    return lines
  }

  get #room(): number {
    return Math.max(this.#columns - MARGIN - 2, LEAST_ROOM)
  }

  #heading({ id, client, server }: Flow): string[] {
    const [left, right] = [endWords(client), endWords(server)]
    const room = this.#room + 2
    const title = `${'frame'.padStart(8)} ${'time'.padStart(TIME)} `
    const apart = left.length + right.length + 4 > room
    const names = apart
      ? [`${title}${left}`, `${''.padEnd(MARGIN)}${right.padStart(room)}`]
      : [`${title}${left}${right.padStart(room - left.length)}`]
    return [`flow ${id}`, ...names]
  }
}

function arrow(text: string, room: number, isOfClient: boolean, isIcmp: boolean): string {
  const shaft = isIcmp ? '.' : '-'
  const inner = ` ${text.slice(0, room - 6)} `
  const left = Math.max(1, (room - 1 - inner.length) >> 1)
  const line = `${shaft.repeat(left)}${inner}`.padEnd(room - 1, shaft)
  return isOfClient ? `|${line}>|` : `|<${line}|`
}

function packetWords(tracker: FlowTracker): string {
  const { walked, flow, sender } = tracker
  if (walked.kind === KIND_ICMP_ERROR)
    return `ICMP: ${icmpReason(walked.family, walked.icmpType, walked.icmpCode, { mtu: walked.icmpMtu })}`
  if (walked.kind !== KIND_TCP) return `UDP len ${walked.payloadBytes}`
  const relative = (number: number, side: 0 | 1): number => {
    const initial = tracker.initialSequence(flow, side)
    return initial < 0 ? number : (number - initial) >>> 0
  }
  const words = [FLAG_TEXTS[walked.flags]!, `seq ${relative(walked.sequence, sender)}`]
  if ((walked.flags & TCP_ACK) !== 0) words.push(`ack ${relative(walked.acknowledgment, sender === 0 ? 1 : 0)}`)
  words.push(`win ${walked.window}`)
  if (walked.payloadBytes > 0) words.push(`len ${walked.payloadBytes}`)
  return words.join(' ')
}

function sinceWords({ timeKnown }: CapturedPacket, timeNs: number): string {
  return timeKnown ? (timeNs / 1e9).toFixed(6).slice(0, TIME) : '-'
}
