// Time stamps of pcapng: 64 bits that count units of a power of 10 or of 2, made exact seconds and nanoseconds without BigInt.

import type { CapturedPacket } from '../wire/captured-packet.js'

const NS = 1_000_000_000
const TWO_16 = 0x10000
const TWO_32 = 0x100000000
/** if_tsresol: the top bit says power of 2. */
const BINARY = 0x80

/** draft-ietf-opsawg-pcapng 4.2 and libpcap's limits: finer than this a second does not fit into 64 bits. */
const MOST_DECIMAL = 19
const MOST_BINARY = 63

/** The unit when an interface names none: microseconds. */
export const MICROSECONDS = 6

/** Reads the clock of one interface. */
export class TickClock {
  readonly #exponent: number
  readonly #binary: boolean
  readonly #perSecond: number
  readonly #nsPerTick: number
  readonly #offset: number

  /**
   * @param resolution the byte of if_tsresol
   * @param offset if_tsoffset: seconds to add
   */
  constructor(resolution: number, offset: number) {
    this.#binary = (resolution & BINARY) !== 0
    this.#exponent = resolution & ~BINARY
    const direct = !this.#binary && this.#exponent <= 9
    this.#perSecond = direct ? 10 ** this.#exponent : 0
    this.#nsPerTick = direct ? 10 ** (9 - this.#exponent) : 0
    this.#offset = offset
  }

  /** Sets the time of a packet from the two halves of its time stamp. */
  read(high: number, low: number, packet: CapturedPacket): void {
    const perSecond = this.#perSecond
    if (perSecond === 0) {
      this.#readOther(high, low, packet)
      return
    }
    // The quotient is right to one; what remains of it fits into 31 bits and is exact modulo 2^32.
    let seconds = Math.floor((high * TWO_32 + low) / perSecond)
    let ticks = (low - Math.imul(seconds, perSecond)) | 0
    // The bounds are for times so far away that a double holds no single second of them.
    if (ticks < 0) {
      ticks = Math.max(ticks + perSecond, 0)
      seconds--
    } else if (ticks >= perSecond) {
      ticks = Math.min(ticks - perSecond, perSecond - 1)
      seconds++
    }
    packet.seconds = seconds + this.#offset
    packet.nanoseconds = ticks * this.#nsPerTick
  }

  #readOther(high: number, low: number, packet: CapturedPacket): void {
    if (this.#binary) this.#readBinary(high, low, packet)
    else this.#readFine(high, low, packet)
    packet.seconds += this.#offset
  }

  /** Finer than nanoseconds: 64 bits divided by a power of 10, 16 bits at a time, then by the nanoseconds of a second. */
  #readFine(high: number, low: number, packet: CapturedPacket): void {
    const divisor = 10 ** (this.#exponent - 9)
    const whole = Math.floor(high / divisor)
    let rest = (high - whole * divisor) * TWO_16 + (low >>> 16)
    const middle = Math.floor(rest / divisor)
    rest = (rest - middle * divisor) * TWO_16 + (low & 0xffff)
    const last = Math.floor(rest / divisor)
    // whole * 2^32 + middle * 2^16 + last nanoseconds: at most 2^61, so again in steps.
    const upper = whole * TWO_16 + middle
    const thousands = Math.floor(upper / NS)
    rest = (upper - thousands * NS) * TWO_16 + last
    const seconds = Math.floor(rest / NS)
    packet.seconds = thousands * TWO_16 + seconds
    packet.nanoseconds = rest - seconds * NS
  }

  /** Units of 1/2^n s: the seconds are the bits above n, the rest is multiplied by 10^9 in steps of 16 bits. */
  #readBinary(high: number, low: number, packet: CapturedPacket): void {
    const bits = this.#exponent
    // The fraction, moved to the top of 64 bits.
    let fractionHigh = 0
    let fractionLow = 0
    if (bits === 0) {
      packet.seconds = high * TWO_32 + low
    } else if (bits < 32) {
      packet.seconds = high * 2 ** (32 - bits) + (low >>> bits)
      fractionHigh = (low << (32 - bits)) >>> 0
    } else if (bits === 32) {
      packet.seconds = high
      fractionHigh = low
    } else {
      const shift = 64 - bits
      packet.seconds = high >>> (bits - 32)
      fractionHigh = ((high << shift) | (low >>> (32 - shift))) >>> 0
      fractionLow = (low << shift) >>> 0
    }
    let carry = Math.floor(((fractionLow & 0xffff) * NS) / TWO_16)
    carry = Math.floor(((fractionLow >>> 16) * NS + carry) / TWO_16)
    carry = Math.floor(((fractionHigh & 0xffff) * NS + carry) / TWO_16)
    packet.nanoseconds = Math.floor(((fractionHigh >>> 16) * NS + carry) / TWO_16)
  }
}

/** Whether 64 bits hold a second of this unit. */
export function isKnownResolution(resolution: number): boolean {
  return (resolution & ~BINARY) <= ((resolution & BINARY) !== 0 ? MOST_BINARY : MOST_DECIMAL)
}
