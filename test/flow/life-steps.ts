// Connections written down packet by packet: what the tests of a connection's life are made of.

import { LIFE_DOUBLES, LIFE_WORDS, type Life, readLife, stepIcmp, stepLife } from '../../src/flow/life.js'
import { KIND_TCP, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, WalkedPacket } from '../../src/wire/walked-packet.js'

const FLAG_BITS: Record<string, number> = { S: TCP_SYN, A: TCP_ACK, F: TCP_FIN, R: TCP_RST, P: TCP_PSH }

/** Where the numbers of the two ends start; a wrap is near for the second. */
export const FIRST_NUMBERS = { a: 1_000, b: 0xffff_fff0 } as const

export interface Step {
  from: 'a' | 'b'
  /** Letters of S A F R P; `I` for an ICMP error about a packet of `from`. */
  flags: string
  bytes?: number
  /** Relative to the first number of its end; by default what comes next. */
  sequence?: number
  /** Relative to the first number of the other end; by default all that it has sent. */
  acknowledgment?: number
  window?: number
  ttl?: number
  identification?: number
  dontFragment?: boolean
  /** Milliseconds since the packet before; 10 when not told. */
  afterMs?: number
  /** By default a has port 40000 and b port 80. */
  ports?: { a: number; b: number }
  isBad?: boolean
  /** The capture has not the whole TCP header. */
  isCut?: boolean
}

const OTHER = { a: 'b', b: 'a' } as const

/** A packet of `a`, `b`: `a('S')`, `b('SA')`, `a('PA', { bytes: 10 })`. */
export const a = (flags: string, rest: Partial<Step> = {}): Step => ({ from: 'a', flags, ...rest })
export const b = (flags: string, rest: Partial<Step> = {}): Step => ({ from: 'b', flags, ...rest })

export const HANDSHAKE: readonly Step[] = [a('S'), b('SA'), a('A')]

/** What is said of a connection after these packets, frames counted from 1. The first sender is sender 0. */
export function lifeOf(...steps: readonly Step[]): Life {
  return lifeWith(() => {}, ...steps)
}

/** The same; `before` is called before each packet, with the words of the connection. */
export function lifeWith(before: (words: Int32Array, at: number) => void, ...steps: readonly Step[]): Life {
  // Other flows lie before and behind, and stay as they are.
  const words = new Int32Array(3 * LIFE_WORDS).fill(0x5555)
  const doubles = new Float64Array(3 * LIFE_DOUBLES).fill(1.5)
  words.fill(0, LIFE_WORDS, 2 * LIFE_WORDS)
  doubles.fill(0, LIFE_DOUBLES, 2 * LIFE_DOUBLES)
  const next = { a: 0, b: 0 }
  let timeNs = 0
  for (const [index, step] of steps.entries()) {
    timeNs += index === 0 ? 0 : (step.afterMs ?? 10) * 1e6
    const sender = step.from === steps[0]!.from ? 0 : 1
    if (step.flags === 'I') {
      stepIcmp(words, LIFE_WORDS, sender, index + 1)
      continue
    }
    const walked = packetOf(step, next)
    walked.timeNs = timeNs
    before(words, LIFE_WORDS)
    stepLife(words, LIFE_WORDS, doubles, LIFE_DOUBLES, sender, walked, index + 1, step.isBad === true ? 1 : 0)
  }
  if (words.some((word, at) => (at < LIFE_WORDS || at >= 2 * LIFE_WORDS) && word !== 0x5555)) {
    throw new Error('a word of another flow was changed')
  }
  return readLife(words, LIFE_WORDS, doubles, LIFE_DOUBLES)
}

function packetOf(step: Step, next: { a: number; b: number }): WalkedPacket {
  const walked = new WalkedPacket()
  const other = OTHER[step.from]
  const bytes = step.bytes ?? 0
  const sequence = step.sequence ?? next[step.from]
  walked.kind = KIND_TCP
  walked.flags = [...step.flags].reduce((bits, letter) => bits | FLAG_BITS[letter]!, 0)
  walked.sequence = (FIRST_NUMBERS[step.from] + sequence) >>> 0
  walked.acknowledgment =
    (walked.flags & TCP_ACK) === 0 ? 0 : (FIRST_NUMBERS[other] + (step.acknowledgment ?? next[other])) >>> 0
  walked.payloadBytes = bytes
  walked.window = step.window ?? 8_000
  walked.ttl = step.ttl ?? (step.from === 'a' ? 64 : 57)
  walked.identification = step.identification ?? 7
  walked.dontFragment = step.dontFragment ?? true
  walked.tcpHeaderBytes = 20
  walked.transportEnd = step.isCut === true ? 16 : 20
  walked.sourcePort = (step.ports ?? { a: 40_000, b: 80 })[step.from]
  walked.destinationPort = (step.ports ?? { a: 40_000, b: 80 })[other]
  if ((walked.flags & TCP_RST) === 0) {
    const space = bytes + (walked.flags & TCP_SYN ? 1 : 0) + (walked.flags & TCP_FIN ? 1 : 0)
    next[step.from] = Math.max(next[step.from], sequence + space)
  }
  return walked
}
