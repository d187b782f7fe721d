// What is counted of a TCP flow as plain data: flags, options, gaps, retransmissions and their like, round trips.

import type { FlowRecords } from './flow-record.js'
import * as Row from './flow-record.js'
import type { IcmpErrors } from './icmp-errors.js'
import type { Life } from './life.js'
import type { Both, TcpFacts } from './model.js'
import { quantile, type RttSamples } from './rtt.js'
import { readOptions } from './syn-options.js'
import * as Trouble from './trouble.js'

/** Where the parts of a flow are. */
export interface FlowContext {
  records: FlowRecords
  troubles: Trouble.TroubleRecords
  rtt: RttSamples
  icmp: IcmpErrors
  /** Second of the first timed packet. */
  baseSeconds: () => number
  encapsulationNames: (chain: number) => string[]
}

export function both<T>(clientSide: 0 | 1, of: (sender: 0 | 1) => T): Both<T> {
  return { client: of(clientSide), server: of(clientSide === 0 ? 1 : 0) }
}

export function buildCounts(
  context: FlowContext,
  words: Int32Array,
  at: number,
  clientSide: 0 | 1,
): Pick<TcpFacts, 'flags' | 'options' | 'gaps'> {
  const side = (sender: 0 | 1): number => at + Row.SIDES + sender * Row.SIDE_WORDS
  return {
    flags: both(clientSide, sender => ({
      syn: words[side(sender) + Row.SYNS]! & 0xffff,
      synAck: words[side(sender) + Row.SYNS]! >>> 16,
      fin: words[side(sender) + Row.FINS]!,
      rst: words[side(sender) + Row.RSTS]!,
      psh: words[side(sender) + Row.PUSHES]!,
      ack: words[side(sender) + Row.ACKS]!,
    })),
    options: both(clientSide, sender => readOptions(words, side(sender))),
    gaps: both(clientSide, sender => countGaps(context.troubles, words, at, sender)),
  }
}

/** Holes that were never filled in what this sender sent, and one more for bytes that the other acknowledged unseen. */
export function countGaps(troubles: Trouble.TroubleRecords, words: Int32Array, at: number, sender: 0 | 1): number {
  const own = at + Row.SIDES + sender * Row.SIDE_WORDS
  const other = at + Row.SIDES + (1 - sender) * Row.SIDE_WORDS
  // What the other acknowledged behind the last that was seen is one more hole, without an end.
  const state = words[own + Row.STATE]!
  // One that sent nothing but SYNs has no bytes to miss: an older connection was acknowledged.
  const isSeen = (state & Row.SEEN) !== 0 && (state & (Row.SENT_SYN | Row.ACKED_BEHIND_SYN)) !== Row.SENT_SYN
  const isAcked = (words[other + Row.STATE]! & Row.ACKED) !== 0
  const beyond = isSeen && isAcked && ((words[other + Row.LAST_ACK]! - words[own + Row.NEXT]!) | 0) > 0
  const slot = words[at + Row.TROUBLE_SLOT]!
  if (slot === 0) return beyond ? 1 : 0
  const counts = troubles.words(slot)
  const row = troubles.at(slot) + sender * Trouble.TROUBLE_SIDE
  return counts[row + Trouble.HOLES]! + counts[row + Trouble.HOLES_FORGOTTEN]! + (beyond ? 1 : 0)
}

type Troubles = Pick<
  TcpFacts,
  | 'retransmissions'
  | 'retransmissionKinds'
  | 'retransmittedBytes'
  | 'outOfOrder'
  | 'dupAcks'
  | 'zeroWindows'
  | 'zeroWindowProbes'
  | 'windowFulls'
  | 'keepAlives'
  | 'synRetransmits'
  | 'synAckRetransmits'
  | 'captureDuplicates'
  | 'truncatedPackets'
>

export function buildTroubles(context: FlowContext, words: Int32Array, at: number, clientSide: 0 | 1): Troubles {
  const slot = words[at + Row.TROUBLE_SLOT]!
  const counts = slot === 0 ? null : context.troubles.words(slot)
  const times = slot === 0 ? null : context.troubles.doubles(slot)
  const row = context.troubles.at(slot)
  const count = (sender: 0 | 1, column: number): number =>
    counts === null ? 0 : counts[row + sender * Trouble.TROUBLE_SIDE + column]!
  const ofBoth = (column: number): Both<number> => both(clientSide, sender => count(sender, column))
  const kinds = both(clientSide, sender => ({
    rto: count(sender, Trouble.KINDS + 1),
    fast: count(sender, Trouble.KINDS + 2),
    tail: count(sender, Trouble.KINDS + 3),
    spurious: count(sender, Trouble.KINDS + 4),
    unknown: count(sender, Trouble.KINDS),
  }))
  const total = (of: (typeof kinds)['client']): number => of.rto + of.fast + of.tail + of.spurious + of.unknown
  return {
    retransmissions: { client: total(kinds.client), server: total(kinds.server) },
    retransmissionKinds: kinds,
    retransmittedBytes: both(clientSide, sender =>
      times === null ? 0 : times[context.troubles.doublesAt(slot) + sender * 2 + Trouble.AGAIN_BYTES]!,
    ),
    outOfOrder: ofBoth(Trouble.OUT_OF_ORDER),
    dupAcks: ofBoth(Trouble.DUP_ACKS),
    zeroWindows: ofBoth(Trouble.ZERO_WINDOWS),
    zeroWindowProbes: ofBoth(Trouble.ZERO_WINDOW_PROBES),
    windowFulls: ofBoth(Trouble.WINDOW_FULLS),
    keepAlives: ofBoth(Trouble.KEEP_ALIVES),
    synRetransmits: count(0, Trouble.SYN_RETRANSMITS) + count(1, Trouble.SYN_RETRANSMITS),
    synAckRetransmits: count(0, Trouble.SYN_ACK_RETRANSMITS) + count(1, Trouble.SYN_ACK_RETRANSMITS),
    captureDuplicates: counts === null ? 0 : counts[row + Trouble.CAPTURE_DUPLICATES]!,
    truncatedPackets: words[at + Row.CUT_PACKETS]!,
  }
}

export function buildRtt(
  context: FlowContext,
  words: Int32Array,
  at: number,
  doubles: Float64Array,
  doublesAt: number,
  life: Life,
): TcpFacts['rttMs'] {
  const { synToSynAckMs, synAckToAckMs } = life.timings
  const slot = words[at + Row.RTT_SLOT]!
  const isSingle = (words[at + Row.SIDES + Row.STATE]! & Row.RTT_SINGLE) !== 0
  const least = isSingle || slot !== 0 ? doubles[doublesAt + Row.RTT_MIN]! / 1e6 : null
  const sorted = slot === 0 ? null : context.rtt.sorted(slot)
  return {
    handshake: synToSynAckMs === null || synAckToAckMs === null ? null : synToSynAckMs + synAckToAckMs,
    clientSide: synAckToAckMs,
    serverSide: synToSynAckMs,
    min: least,
    p50: sorted === null ? least : quantile(sorted, 0.5) / 1e6,
    p95: sorted === null ? least : quantile(sorted, 0.95) / 1e6,
    samples: slot !== 0 ? context.rtt.count(slot) : isSingle ? 1 : 0,
  }
}
