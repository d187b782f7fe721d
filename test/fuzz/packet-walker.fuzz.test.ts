// Damaged packets of every kind through the walker: nothing throws or hangs, nothing outside of the bytes is told. FUZZ_SECONDS
// bounds the time, FUZZ_RUNS the runs; FUZZ_SEED repeats one.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LINK_TYPES } from '../../src/wire/link-types.js'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import { TcpOptionsView } from '../../src/wire/tcp-options.js'
import { KIND_ICMP, KIND_ICMP_ERROR, KIND_TCP, KIND_UDP, type WalkedPacket } from '../../src/wire/walked-packet.js'
import { captured } from '../wire/packet-build.js'
import { OTHERS, PACKETS } from '../wire/packet-samples.js'

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 5)
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20_000)
const SEED = process.env['FUZZ_SEED']
const parameters = {
  numRuns: RUNS,
  interruptAfterTimeLimit: SECONDS * 1000,
  markInterruptAsFailure: false,
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
}
const LIMIT_MS = SECONDS * 1000 + 30_000

const SAMPLES = [...PACKETS, ...OTHERS]
const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 4, 6, 8, 17, 41, 47, 0x45, 0x60, 0x7f, 0x80, 0xff))

function check(walked: WalkedPacket): void {
  const { kind, transportStart, transportEnd, payloadStart, payloadBytes } = walked
  if (kind !== KIND_TCP && kind !== KIND_UDP && kind !== KIND_ICMP && kind !== KIND_ICMP_ERROR) return
  expect(transportStart <= payloadStart && payloadStart <= transportEnd).toBe(true)
  expect(transportStart >= 0 && transportEnd <= walked.data.byteLength).toBe(true)
  expect(payloadBytes).toBeGreaterThanOrEqual(0)
  expect(walked.stop).toBe(0)
}

test(
  'damaged packets of every kind are walked within their bytes',
  () => {
    // One walker for all: what one packet left behind must not matter to the next.
    const walker = new PacketWalker()
    const verifier = new PacketWalker()
    verifier.verifyChecksums = true
    const options = new TcpOptionsView()
    const damage = fc.array(fc.tuple(fc.nat(200), byte), { maxLength: 8 })
    const sample = fc.nat(SAMPLES.length - 1)
    const linkType = fc.option(fc.constantFrom(...LINK_TYPES.keys(), 9999), { freq: 9 })
    fc.assert(
      fc.property(sample, damage, fc.nat(200), fc.nat(3000), linkType, (at, changes, keep, wire, otherType) => {
        const { bytes, linkType: ownType } = SAMPLES[at]!
        const damaged = bytes.slice(0, keep < 20 ? keep * 4 : bytes.length)
        for (const [offset, value] of changes) if (damaged.length > 0) damaged[offset % damaged.length] = value
        const packet = captured(otherType ?? ownType, damaged, Math.max(wire, damaged.length))
        packet.seconds = wire
        for (const each of [walker, verifier]) {
          const walked = each.walk(packet)
          check(walked)
          if (walked.kind === KIND_TCP) options.move(walked.data, walked.transportStart, walked.transportEnd)
          expect(each.encapsulationNames(walked.encapsulation).length).toBeLessThanOrEqual(64)
        }
      }),
      parameters,
    )
  },
  LIMIT_MS,
)
