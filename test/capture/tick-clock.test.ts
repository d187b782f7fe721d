// Times of pcapng against the same division made with BigInt.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TickClock } from '../../src/capture/tick-clock.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'

const NS = 1_000_000_000n

function read(resolution: number, ticks: bigint, offset = 0): bigint {
  const packet = new CapturedPacket()
  new TickClock(resolution, offset).read(Number(ticks >> 32n), Number(ticks & 0xffffffffn), packet)
  expect(packet.nanoseconds).toBeGreaterThanOrEqual(0)
  expect(packet.nanoseconds).toBeLessThan(1_000_000_000)
  return BigInt(packet.seconds) * NS + BigInt(packet.nanoseconds)
}

it('units of a power of 10, down to 10^-19 s, are exact', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 19 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (exponent, ticks) => {
      const unit = 10n ** BigInt(exponent)
      // Times beyond 2^53 s are no times any more.
      fc.pre(ticks / unit < 2n ** 53n)
      expect(read(exponent, ticks)).toBe((ticks * NS) / unit)
    }),
    { numRuns: 2000 },
  )
})

it('times beside whole seconds are exact', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9 }),
      fc.bigInt({ min: 0n, max: 2n ** 33n }),
      fc.bigInt({ min: -2n, max: 2n }),
      (exponent, seconds, beside) => {
        const unit = 10n ** BigInt(exponent)
        const ticks = seconds * unit + beside
        fc.pre(ticks >= 0n)
        expect(read(exponent, ticks)).toBe((ticks * NS) / unit)
      },
    ),
    { numRuns: 2000 },
  )
})

it('units of a power of 2, down to 2^-63 s, are exact', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 63 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (exponent, ticks) => {
      fc.pre(ticks >> BigInt(exponent) < 2n ** 53n)
      expect(read(0x80 | exponent, ticks)).toBe((ticks * NS) >> BigInt(exponent))
    }),
    { numRuns: 2000 },
  )
})

it('an offset in seconds is added, and may be negative', () => {
  expect(read(6, 1_500_000n, -10)).toBe(-8_500_000_000n)
  expect(read(0x8a, 1024n * 3n + 512n, 100)).toBe(103_500_000_000n)
  expect(read(12, 2_000_000_000_001_999n, 1)).toBe(2001n * NS + 1n)
})

it('of any 64 bits there is a time', () => {
  for (let resolution = 0; resolution < 20; resolution++) read(resolution, 2n ** 64n - 1n)
  for (let resolution = 0x80; resolution < 0x80 + 64; resolution++) read(resolution, 2n ** 64n - 1n)
})
