// 64-bit integers without BigInt in the usual case, and without losing a digit in any.

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

/** A little-endian u64 as lower-case hexadecimal text without leading zeros, as C's %llx. */
export function formatHex64(low: number, high: number): string {
  if (high === 0) return (low >>> 0).toString(16)
  return (high >>> 0).toString(16) + (low >>> 0).toString(16).padStart(8, '0')
}

/** A little-endian u64 as the nearest JS number, for rates and other arithmetic in doubles. */
export function approximateU64(data: DataView, at: number): number {
  return data.getUint32(at + 4, true) * 0x100000000 + data.getUint32(at, true)
}
