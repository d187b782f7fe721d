// 64-bit integers without BigInt in the usual case, and without losing a digit in any.

import type { TextSink } from '../bytes/text-sink.js'

/** 2 to the 21: a u64 whose upper word is below it is at most 2^53, which a JS number holds exactly. */
const SAFE_HIGH = 0x200000

/** A little-endian u64: a number where that is exact, else a decimal string. */
export function readU64(data: DataView, at: number): number | string {
  const high = data.getUint32(at + 4, true)
  const low = data.getUint32(at, true)
  return high < SAFE_HIGH ? high * 0x100000000 + low : ((BigInt(high) << 32n) | BigInt(low)).toString()
}

/** A little-endian u64 as decimal text. */
export function formatU64(data: DataView, at: number): string {
  return String(readU64(data, at))
}

/** The same into a sink. */
export function writeU64(data: DataView, at: number, sink: TextSink): void {
  const value = readU64(data, at)
  if (typeof value === 'number') sink.number(value)
  else sink.ascii(value)
}

/** A little-endian u64 as lower-case hexadecimal text without leading zeros, as C's %llx. */
export function formatHex64(low: number, high: number): string {
  if (high === 0) return (low >>> 0).toString(16)
  return (high >>> 0).toString(16) + (low >>> 0).toString(16).padStart(8, '0')
}

/** The same into a sink. */
export function writeHex(low: number, high: number, sink: TextSink): void {
  const digits = high === 0 ? digitsOf(low) : 8 + digitsOf(high)
  for (let digit = digits - 1; digit >= 0; digit--) {
    const nibble = ((digit < 8 ? low : high) >>> ((digit & 7) * 4)) & 0xf
    sink.byte(nibble < 10 ? ZERO + nibble : SMALL_A + nibble - 10)
  }
}

const ZERO = 0x30
const SMALL_A = 0x61

/** How many hexadecimal digits a word has. */
const digitsOf = (word: number): number => (word === 0 ? 1 : 8 - (Math.clz32(word) >> 2))

/** A little-endian u64 as the nearest JS number, for rates and other arithmetic in doubles. */
export function approximateU64(data: DataView, at: number): number {
  return data.getUint32(at + 4, true) * 0x100000000 + data.getUint32(at, true)
}
