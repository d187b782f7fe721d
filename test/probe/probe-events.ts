// Events about one target, for tests of what folds over them.

import type { ErrorEvent, ProbeTarget, ReplyEvent, TimeoutEvent } from '../../src/probe/events.js'

const TARGET: ProbeTarget = { index: 0, target: '192.0.2.1', address: '192.0.2.1', family: 4 }

export function reply(sequence: number, rttMs: number | null, fields: Partial<ReplyEvent> = {}): ReplyEvent {
  return {
    event: 'reply',
    target: TARGET,
    sequence,
    atMs: 0,
    answer: 'echo-reply',
    rttMs,
    timestampSource: 'kernel',
    ttl: 64,
    bytes: 64,
    from: TARGET.address,
    differentAddress: false,
    reordered: false,
    clockStepped: false,
    queuedMs: null,
    localMs: null,
    corrupted: null,
    corruptedBytes: 0,
    synRetransmits: null,
    ipOptions: null,
    ...fields,
  }
}

export function unreachable(sequence: number | null, fields: Partial<ErrorEvent> = {}): ErrorEvent {
  return {
    event: 'error',
    target: TARGET,
    sequence,
    atMs: 0,
    from: '192.0.2.254',
    origin: 'icmp',
    type: 3,
    code: 1,
    reason: 'Destination Host Unreachable',
    errno: 'EHOSTUNREACH',
    mtu: null,
    rttMs: null,
    mpls: null,
    ...fields,
  }
}

export function timeout(sequence: number): TimeoutEvent {
  return { event: 'timeout', target: TARGET, sequence, atMs: 0 }
}
