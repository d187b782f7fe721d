// Objects behind ICMP errors, random and damaged. FUZZ_SECONDS bounds the time, FUZZ_RUNS the runs; FUZZ_SEED repeats one.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { type InterfaceInfo, parseIcmpExtensions } from '../../src/wire/icmp-extensions.js'
import { checkExtensions } from './extensions.js'

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

const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 4, 8, 20, 64, 127, 128, 254, 255))

/** 128 bytes less the IP header (RFC 4884 section 4). */
const QUOTED = 108
const octets = (bytes: number, value: number) =>
  Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** (bytes - 1 - at)) & 0xff)

/** An object of RFC 5837 in bytes, and what is to be read from it. */
const anInterface = fc
  .record({
    role: fc.nat(3),
    index: fc.option(fc.nat(0xffffffff)),
    address: fc.option(
      fc.oneof(fc.tuple(fc.constant(1), fc.ipV4()), fc.tuple(fc.constant(2), fc.constant('2001:db8::77'))),
    ),
    name: fc.option(fc.stringMatching(/^[a-z0-9/.-]{1,40}$/)),
    mtu: fc.option(fc.nat(0xffffffff)),
  })
  .map(({ role, index, address, name, mtu }) => {
    const type = (role << 6) | (index === null ? 0 : 8) | (address ? 4 : 0) | (name ? 2 : 0) | (mtu === null ? 0 : 1)
    const body: number[] = index === null ? [] : octets(4, index)
    if (address?.[0] === 1) body.push(0, 1, 0, 0, ...address[1].split('.').map(Number))
    if (address?.[0] === 2) body.push(0, 2, 0, 0, 0x20, 1, 0x0d, 0xb8, ...octets(12, 0x77))
    if (name) {
      const length = Math.ceil((name.length + 1) / 4) * 4
      body.push(length, ...Buffer.from(name.padEnd(length - 1, '\0')))
    }
    if (mtu !== null) body.push(...octets(4, mtu))
    const roles = ['incoming', 'incoming-sub', 'outgoing', 'next-hop'] as const
    const info: InterfaceInfo = { role: roles[role]!, index, address: address?.[1] ?? null, name, mtu }
    return { bytes: [...octets(2, 4 + body.length), 2, type, ...body], info }
  })

const unknownObject = fc
  .tuple(fc.integer({ min: 3, max: 255 }), fc.nat(255), fc.uint8Array({ maxLength: 30 }))
  .map(([kind, type, body]) => [...octets(2, 4 + body.length), kind, type, ...body])

test(
  'interfaces among objects of every kind are read as they were written, and damaged ones stay within their bytes',
  () => {
    const damage = fc.array(fc.tuple(fc.nat(300), byte), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anInterface, fc.option(unknownObject)), { minLength: 1, maxLength: 4 }),
        damage,
        fc.nat(400),
        (objects, changes, cut) => {
          const tail = objects.flatMap(([{ bytes }, unknown]) => [...(unknown ?? []), ...bytes])
          const bytes = Buffer.from([...new Uint8Array(QUOTED), 0x20, 0, 0, 0, ...tail])
          // 0 would mean that it was not computed; the sum has another zero.
          bytes.writeUInt16BE(internetChecksum(bytes, QUOTED, bytes.length) || 0xffff, QUOTED + 2)
          const infos = objects.map(([{ info }]) => info)
          // Told by the message, and found at byte 128 by its checksum.
          for (const quoted of [QUOTED, 0]) {
            expect(parseIcmpExtensions(bytes, quoted, 20)).toEqual({ mpls: null, interfaces: infos })
          }
          for (const [at, value] of changes) bytes[QUOTED + (at % (bytes.length - QUOTED))] = value
          bytes.writeUInt16BE(0, QUOTED + 2)
          checkExtensions(bytes.subarray(0, QUOTED + (cut % (bytes.length - QUOTED + 1))), QUOTED, 20)
          checkExtensions(bytes, QUOTED, 20)
        },
      ),
      parameters,
    )
  },
  LIMIT_MS,
)
