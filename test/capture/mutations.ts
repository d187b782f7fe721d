// Damages bytes by a seed: the same seed, the same damage.

/** mulberry32: 32 bits of state, good enough to damage files with. */
export function makeRandom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Values that lengths, counts and offsets go wrong with. */
const EDGES = [0, 1, 3, 4, 8, 11, 12, 0x7fff, 0xffff, 0x40000, 0x40001, 0x1000000, 0x7fffffff, 0x80000000, 0xffffffff]

/** One of: bits turned, a 32-bit word overwritten, the file cut, a piece taken out, a piece doubled, two pieces exchanged. */
export function mutate(bytes: Uint8Array, seed: number): Uint8Array {
  const random = makeRandom(seed)
  // Not slice(), which of a Buffer is the same bytes.
  const copy = new Uint8Array(bytes)
  const piece = (): [number, number] => {
    const start = random(copy.length)
    return [start, Math.min(copy.length, start + 1 + random(200))]
  }
  switch (random(6)) {
    case 0:
      for (let turn = 0; turn <= random(8); turn++) copy[random(copy.length)]! ^= 1 << random(8)
      return copy
    case 1: {
      const at = random(Math.max(copy.length - 3, 1))
      if (at + 4 <= copy.length)
        new DataView(copy.buffer).setUint32(at & ~3, EDGES[random(EDGES.length)]!, random(2) === 0)
      return copy
    }
    case 2:
      return copy.slice(0, random(copy.length))
    case 3: {
      const [start, end] = piece()
      return Buffer.concat([copy.subarray(0, start), copy.subarray(end)])
    }
    case 4: {
      const [start, end] = piece()
      return Buffer.concat([copy.subarray(0, end), copy.subarray(start)])
    }
    default: {
      const [a, b] = piece()
      const [c, d] = piece()
      if (b > c) return copy.reverse()
      return Buffer.concat([
        copy.subarray(0, a),
        copy.subarray(c, d),
        copy.subarray(b, c),
        copy.subarray(a, b),
        copy.subarray(d),
      ])
    }
  }
}
