// What the ends of a connection offer in their SYNs, in one word each, and whether their windows are scaled.

import type { TcpOptionsView } from '../wire/tcp-options.js'
import { OPTIONS, SCALE_MASK, SCALE_SHIFT, STATE } from './flow-record.js'
import type { TcpOptions } from './model.js'

/** Behind the MSS: shift + 1 (0 for none), SACK, time stamps, MSS known, and the word is filled. */
const SHIFT_AT = 16
const SHIFT_BITS = 31
const SACK = 1 << 21
const TIMESTAMPS = 1 << 22
const MSS_KNOWN = 1 << 23
const FILLED = 1 << 24

/** Of a window's scale; 0 where it is not known. */
const SCALE_NONE = 1
const SCALE_FIRST = 2

/**
 * Keeps what the SYN or SYN-ACK offers. Windows are scaled when both ends offer it (RFC 7323 2.2): a SYN without the option, or a
 * SYN-ACK, decides for both.
 */
export function noteOptions(
  words: Int32Array,
  side: number,
  other: number,
  options: TcpOptionsView,
  isSynAck: boolean,
): void {
  words[side + OPTIONS] =
    (options.mss < 0 ? 0 : options.mss | MSS_KNOWN) |
    ((options.windowScale + 1) << SHIFT_AT) |
    (options.sackPermitted ? SACK : 0) |
    (options.hasTimestamps ? TIMESTAMPS : 0) |
    FILLED
  const otherScale = (words[other + STATE]! & SCALE_MASK) >>> SCALE_SHIFT
  if (options.windowScale < 0) {
    setScale(words, side, SCALE_NONE)
    setScale(words, other, SCALE_NONE)
  } else setScale(words, side, isSynAck && otherScale === SCALE_NONE ? SCALE_NONE : SCALE_FIRST + options.windowScale)
}

function setScale(words: Int32Array, side: number, scale: number): void {
  words[side + STATE] = (words[side + STATE]! & ~SCALE_MASK) | (scale << SCALE_SHIFT)
}

/** Null when the SYN of this end was not captured. */
export function readOptions(words: Int32Array, side: number): TcpOptions {
  const word = words[side + OPTIONS]!
  const shift = (word >>> SHIFT_AT) & SHIFT_BITS
  return {
    mss: (word & MSS_KNOWN) !== 0 ? word & 0xffff : null,
    windowScale: shift === 0 ? null : shift - 1,
    sackPermitted: (word & SACK) !== 0,
    timestamps: (word & TIMESTAMPS) !== 0,
  }
}
