// What became of a connection: its opening, its closing, and exactly one outcome (captures.md 2.7 B).

import {
  ACK_FRAME,
  BITS,
  CLIENT_IS_1,
  FIRST_SYN_IS_1,
  ICMP_FRAME,
  LAST_FRAME,
  RESET,
  RESET_BY_1,
  RESET_FRAME,
  RESET_PHASE_SHIFT,
  SENT_ACK,
  SENT_DATA,
  SENT_FIN,
  SENT_SYN,
  SENT_SYN_ACK,
  SIDE_WORDS,
  SIDES,
  STATE,
} from './life-words.js'
import type { Closing, Opening, Outcome } from './model.js'

/** What the outcome is read from. */
interface Facts {
  client: number
  server: number
  hasClient: boolean
  hasServer: boolean
  isAcknowledged: boolean
  isReset: boolean
  resetByClient: boolean
  resetInHandshake: boolean
  hasIcmp: boolean
  /** The second sender of a SYN sent no SYN-ACK, the first did. */
  isSplit: boolean
}

const HANDSHAKE = SENT_SYN | SENT_SYN_ACK

export function readOutcome(words: Int32Array, at: number): { opening: Opening; closing: Closing; outcome: Outcome } {
  const facts = readFacts(words, at)
  return { opening: openingOf(facts), closing: closingOf(facts), outcome: outcomeOf(facts) }
}

function readFacts(words: Int32Array, at: number): Facts {
  const bits = words[at + BITS]!
  const clientSide = (bits & CLIENT_IS_1) !== 0 ? 1 : 0
  const clientAt = at + SIDES + clientSide * SIDE_WORDS
  const serverAt = at + SIDES + (1 - clientSide) * SIDE_WORDS
  const reset = words[at + RESET]!
  const firstSynAt = at + SIDES + ((bits & FIRST_SYN_IS_1) !== 0 ? 1 : 0) * SIDE_WORDS
  const otherSynAt = at + SIDES + ((bits & FIRST_SYN_IS_1) !== 0 ? 0 : 1) * SIDE_WORDS
  return {
    client: words[clientAt + STATE]!,
    server: words[serverAt + STATE]!,
    hasClient: words[clientAt + LAST_FRAME] !== 0,
    hasServer: words[serverAt + LAST_FRAME] !== 0,
    isAcknowledged: words[at + ACK_FRAME] !== 0,
    isReset: words[at + RESET_FRAME] !== 0,
    resetByClient: ((reset & RESET_BY_1) !== 0 ? 1 : 0) === clientSide,
    resetInHandshake: ((reset >> RESET_PHASE_SHIFT) & 3) === 0,
    hasIcmp: words[at + ICMP_FRAME] !== 0,
    isSplit: (words[firstSynAt + STATE]! & SENT_SYN_ACK) !== 0 && (words[otherSynAt + STATE]! & HANDSHAKE) === SENT_SYN,
  }
}

function openingOf(facts: Facts): Opening {
  const { client, server } = facts
  if ((client & server & SENT_SYN) !== 0) return facts.isSplit ? 'split' : 'simultaneous'
  if ((client & SENT_SYN) !== 0) {
    if ((server & SENT_SYN_ACK) === 0) return 'syn-only'
    return facts.isAcknowledged ? 'full' : 'half'
  }
  return ((client | server) & SENT_SYN_ACK) !== 0 ? 'syn-ack-only' : 'midstream'
}

function closingOf(facts: Facts): Closing {
  const { client, server } = facts
  if (facts.isReset) return facts.resetByClient ? 'rst-client' : 'rst-server'
  if ((client & server & SENT_FIN) !== 0) return 'fin-both'
  if ((client & SENT_FIN) !== 0) return 'fin-client'
  if ((server & SENT_FIN) !== 0) return 'fin-server'
  return facts.hasIcmp && !hasCome(facts) ? 'icmp' : 'none'
}

/** Whether the server took part: a SYN-ACK or SYN, data, or an ACK in a connection that the capture meets midstream. */
function hasCome(facts: Facts): boolean {
  if ((facts.server & (HANDSHAKE | SENT_DATA)) !== 0) return true
  return (facts.server & SENT_ACK) !== 0 && (facts.client & (SENT_ACK | SENT_DATA)) !== 0
}

function outcomeOf(facts: Facts): Outcome {
  const { client, server } = facts
  const either = client | server
  const isMidstream = (either & HANDSHAKE) === 0
  if (facts.isReset) return resetOutcome(facts, isMidstream)
  const bothFins = (client & server & SENT_FIN) !== 0
  if (bothFins) return isMidstream ? 'midstream-closed' : 'closed-normally'
  const isOneSided = !facts.hasClient || !facts.hasServer
  const isOnlySyn =
    (client & (SENT_SYN | SENT_ACK | SENT_FIN)) === SENT_SYN && !hasCome(facts) && (server & SENT_FIN) === 0
  if (isOnlySyn) return facts.hasIcmp ? 'unreachable' : 'no-answer'
  if (isOneSided) return 'one-sided'
  if ((client & SENT_FIN) !== 0) return 'half-closed-by-client'
  if ((server & SENT_FIN) !== 0) return 'half-closed-by-server'
  if (isMidstream) return 'midstream-open'
  // Where the last ACK is not in the capture, more of the server than its SYN-ACK shows that it came.
  const hasTalked = (client & (SENT_ACK | SENT_DATA)) !== 0 && (server & (SENT_ACK | SENT_DATA)) !== 0
  const isHalf = !facts.isAcknowledged && !hasTalked
  return isHalf ? 'half-open' : 'established'
}

function resetOutcome(facts: Facts, isMidstream: boolean): Outcome {
  if (isMidstream) return 'midstream-reset'
  if (facts.resetInHandshake) {
    if (facts.resetByClient) return 'aborted-in-handshake'
    if ((facts.server & SENT_SYN_ACK) === 0) return 'refused'
  }
  return facts.resetByClient ? 'reset-by-client' : 'reset-by-server'
}
