// The registry of rules, in the order in which findings of the same severity are told.

import type { FlowRule } from './finding-rule.js'
import { closeWaitLeak, idleReset, ignoredReset, injectedReset, reset } from './findings-closing.js'
import { fastRetransmission, mtuBlackHole, pathMtuFound, retransmissions, unanswered } from './findings-loss.js'
import {
  abortedInHandshake,
  acceptQueueOverflow,
  halfOpen,
  noAnswer,
  refused,
  timeWaitRefusal,
  unreachable,
} from './findings-opening.js'
import { slowClient, slowNetwork, slowServer, zeroWindowStall } from './findings-speed.js'

export const FLOW_RULES: readonly FlowRule[] = [
  { name: 'mtu-black-hole', check: mtuBlackHole },
  { name: 'accept-queue-overflow', check: acceptQueueOverflow },
  { name: 'time-wait-refusal', check: timeWaitRefusal },
  { name: 'zero-window-stall', check: zeroWindowStall },
  { name: 'reset-injected-suspect', check: injectedReset },
  { name: 'unanswered-data', check: unanswered },
  { name: 'refused', check: refused },
  { name: 'unreachable', check: unreachable },
  { name: 'no-answer', check: noAnswer },
  { name: 'reset', check: reset },
  { name: 'reset-idle-timeout-suspect', check: idleReset },
  { name: 'half-open', check: halfOpen },
  { name: 'close-wait-leak', check: closeWaitLeak },
  { name: 'slow-server', check: slowServer },
  { name: 'slow-network', check: slowNetwork },
  { name: 'retransmissions', check: retransmissions },
  { name: 'reset-ignored', check: ignoredReset },
  { name: 'fast-retransmission', check: fastRetransmission },
  { name: 'path-mtu', check: pathMtuFound },
  { name: 'slow-client', check: slowClient },
  { name: 'aborted-in-handshake', check: abortedInHandshake },
]

/** Rules about a capture as a whole, in the order in which they are told: before all others. */
export const CAPTURE_RULES = [
  'capture-dropped',
  'capture-gaps',
  'capture-duplicates',
  'capture-one-sided',
  'capture-clock',
  'capture-cut',
  'capture-offload',
  'capture-evicted',
  'evidence-full',
] as const

export type CaptureRule = (typeof CAPTURE_RULES)[number]
