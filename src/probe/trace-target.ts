// How a target answers in the end: by itself, or by somebody's word that nothing comes through.

import { isUnreachable } from '../wire/icmp.js'
import type { TraceDocument } from './trace-document.js'
import type { TraceHeader, TraceReplyEvent } from './trace-events.js'

export type TargetState = NonNullable<TraceDocument['targetState']>

/** Codes of "unreachable" that say that it is forbidden: RFC 1812 section 5.2.7.1 and RFC 792, RFC 4443 section 3.1. */
const PROHIBITED = { 4: [9, 10, 13], 6: [1, 5, 6] } as const

/** @param reply of the target, or an "unreachable" of anybody */
export function targetStateOf(
  { answer, type, code }: Pick<TraceReplyEvent, 'answer' | 'type' | 'code'>,
  { protocol, target }: TraceHeader,
): TargetState {
  if (answer === 'syn-ack') return 'open'
  if (answer === 'refused') return 'refused'
  if (answer === 'port-unreachable') return protocol === 'tcp' ? 'refused' : 'answered'
  if (answer !== 'unreachable') return 'answered'
  return protocol === 'tcp' && isProhibition(target.family, type, code) ? 'filtered' : 'unreachable'
}

/** Whether an ICMP error says that a filter forbids the packet. */
export function isProhibition(family: 4 | 6, type: number | null, code: number | null): boolean {
  return isUnreachable(family, type) && (PROHIBITED[family] as readonly (number | null)[]).includes(code)
}
