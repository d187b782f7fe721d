// Builds netlink attributes for tests, where no sample can be recorded.

export function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** One attribute, padded to four bytes. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((payload.length + 7) & ~3)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, payload.length + 4, true)
  view.setUint16(2, type, true)
  bytes.set(payload, 4)
  return bytes
}

export const u16 = (value: number): Uint8Array => new Uint8Array(new Uint16Array([value]).buffer)
export const u32 = (...values: number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer)
export const u64 = (...values: bigint[]): Uint8Array => new Uint8Array(new BigUint64Array(values).buffer)

/** The sample cut at every length, each in a buffer of exactly that size: a read beyond it would throw. */
export function* truncations(sample: Uint8Array): Generator<{ bytes: Uint8Array; length: number }> {
  for (let length = 0; length < sample.length; length++) yield { bytes: sample.slice(0, length), length }
}
