// What is told of something that happens to a flow: plain data.

import type { Label, RetransmissionKind } from './labels.js'
import type { Endpoint, ResetClass, Side } from './model.js'

export const FLOW_EVENTS = [
  'opened',
  'seen-midstream',
  'established',
  'no-answer',
  'syn-again',
  'refused',
  'aborted',
  'reset',
  'closed',
  'icmp-error',
  'label',
] as const

export type FlowEventName = (typeof FLOW_EVENTS)[number]

/** What an event does not tell is null. */
export interface FlowEvent {
  type: 'event'
  event: FlowEventName
  /** Seconds since 1970 with nine decimals. */
  time: string | null
  frame: number
  /** Number of the flow. */
  flow: number
  protocol: 'tcp' | 'udp'
  client: Endpoint
  server: Endpoint
  /** Who did it: sent the packet, the reset, the first FIN; of an ICMP error: whose packet it is about. */
  by: Side | 'both' | null
  /** Of `label`: a label that packets of this end have for the first time in this flow. */
  label: Label | null
  retransmissionKind: RetransmissionKind | null
  /** SYNs so far. */
  syns: number | null
  /** From the latest SYN to the acknowledgment of the SYN-ACK. */
  handshakeMs: number | null
  /** From the first packet of the flow. */
  durationMs: number | null
  resetClass: ResetClass | null
  /** The ends have had a connection with the same ports before. */
  reused: boolean | null
  /** What an ICMP error says, and who sent it. */
  reason: string | null
  from: string | null
}

export function newFlowEvent(): FlowEvent {
  return {
    type: 'event',
    event: 'opened',
    time: null,
    frame: 0,
    flow: 0,
    protocol: 'tcp',
    client: { address: '', port: 0 },
    server: { address: '', port: 0 },
    by: null,
    label: null,
    retransmissionKind: null,
    syns: null,
    handshakeMs: null,
    durationMs: null,
    resetClass: null,
    reused: null,
    reason: null,
    from: null,
  }
}

/** Takes away what only some events tell. */
export function clearDetails(event: FlowEvent): void {
  event.by = null
  event.label = null
  event.retransmissionKind = null
  event.syns = null
  event.handshakeMs = null
  event.durationMs = null
  event.resetClass = null
  event.reused = null
  event.reason = null
  event.from = null
}
