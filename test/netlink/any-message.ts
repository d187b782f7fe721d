// Messages of every sock_diag family for properties and fuzz: recorded, built of any attributes, and damaged.

import fc from 'fast-check'
import { attribute, concat } from '../sockets/diag/build.js'
import * as inetSamples from '../sockets/diag/inet-samples.js'
import * as samples from '../sockets/diag/samples.js'
import { inetMessage } from './fake.js'

const bytesOf = (module: object): Uint8Array[] => Object.values(module).filter(value => value instanceof Uint8Array)

/** Every recorded message. */
export const RECORDED: readonly Uint8Array[] = [...bytesOf(samples), ...bytesOf(inetSamples)]

const u32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff))
const octets = (length: number): fc.Arbitrary<readonly number[]> =>
  fc.oneof<fc.Arbitrary<readonly number[]>[]>(
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length }),
    fc.constant(Array.from({ length }, (): number => 0)),
    fc.constant([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]),
  )

/** Attributes that a socket of the common kind has, mostly well formed. */
const attributes = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom(8, 11), fc.uint8Array({ minLength: 0, maxLength: 2 })),
      fc.tuple(fc.constantFrom(15), fc.uint8Array({ minLength: 4, maxLength: 4 })),
      fc.tuple(fc.constantFrom(21), fc.uint8Array({ minLength: 8, maxLength: 8 })),
      fc.tuple(fc.constantFrom(22), fc.uint8Array({ minLength: 2, maxLength: 2 })),
      fc.tuple(fc.integer({ min: 0, max: 24 }), fc.uint8Array({ maxLength: 48 })),
    ),
    { maxLength: 5 },
  )
  .map(list => concat(...list.map(([type, payload]) => attribute(type, payload))))

/** An inet_diag_msg with plausible fields and any attributes. */
export const inetDiag: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.record({
      family: fc.constantFrom(2, 10, 10, 2, 77),
      state: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 255 })),
      timer: fc.oneof(fc.constantFrom(0, 0, 1, 2, 3, 4, 5), fc.integer({ min: 0, max: 255 })),
      retransmits: fc.integer({ min: 0, max: 255 }),
      localPort: fc.nat(65535),
      peerPort: fc.nat(65535),
      local: octets(16),
      peer: octets(16),
      ifindex: fc.oneof(fc.constant(0), u32),
      cookie: u32,
      cookieHigh: u32,
      expiresMs: u32,
      recvQueue: u32,
      sendQueue: u32,
      uid: u32,
      inode: fc.oneof(fc.constant(0), u32),
    }),
    attributes,
  )
  .map(([fields, rest]) => concat(inetMessage(fields), rest))

/** A recorded message with bytes changed, and perhaps cut. */
const damaged = fc
  .tuple(
    fc.constantFrom(...RECORDED),
    fc.array(fc.tuple(fc.nat(699), fc.integer({ min: 0, max: 255 })), { maxLength: 10 }),
    fc.nat(900),
  )
  .map(([sample, changes, cut]) => {
    const bytes = sample.slice(0, Math.max(cut, 16))
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return bytes
  })

/** Any attributes behind any header. */
const built = fc
  .tuple(
    fc.uint8Array({ minLength: 16, maxLength: 72 }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 25 }), fc.uint8Array({ maxLength: 300 })), { maxLength: 8 }),
  )
  .map(([header, list]) => concat(header, ...list.map(([type, payload]) => attribute(type, payload))))

/** A payload as a kernel, a damaged file or an attacker might give it. */
export const anyPayload: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constantFrom(...RECORDED),
  inetDiag,
  damaged,
  damaged,
  built,
  fc.uint8Array({ maxLength: 400 }),
)
