// Random and damaged ICMP, ICMPv6, quoted headers, extensions, error-queue records and control messages through everything that
// reads them: nothing throws or hangs, and nothing outside of the bytes is told. FUZZ_SECONDS bounds the time of each, FUZZ_RUNS
// the runs; FUZZ_SEED repeats one.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RawAnswers } from '../../src/adapters/echo-raw-answers.js'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { ControlCursor } from '../../src/bytes/control-messages.js'
import type { ProbeError, ProbeReply } from '../../src/ports/probe.js'
import { ExtendedError } from '../../src/wire/error-queue.js'
import { EchoView } from '../../src/wire/icmp.js'
import { IcmpErrorView, icmpErrno } from '../../src/wire/icmp-error.js'
import { icmpReason } from '../../src/wire/icmp-words.js'
import { Ipv4View } from '../../src/wire/ipv4.js'
import { Ipv6View } from '../../src/wire/ipv6.js'
import { concat } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import {
  ERROR_CONTROL4,
  ERROR_CONTROL6,
  HOST_UNREACHABLE4,
  ICMP_AT,
  LOCAL_ERROR,
  MARK,
  PROHIBITED6,
  REPLY4,
  REPLY6,
  STAMP_ERROR,
} from '../wire/samples.js'
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

/** Nothing of what is shown may be a control character, whoever sent it. */
const CONTROL = /[\x00-\x1f\x7f-\x9f]/

/** A label stack (RFC 4950), and an interface with index, address, name and MTU (RFC 5837). */
const OBJECTS = hex(`
  20 00 00 00 00 0c 01 01 03 e8 1a 01 00 02 a1 fe
  00 1c 02 0f 00 00 00 07 00 01 00 00 c0 00 02 fe 08 65 74 68 30 00 00 00 00 00 05 dc
`)

/** An error that quotes 128 bytes with objects behind them. */
function withExtension(error: Uint8Array, lengthAt: number, unit: number): Uint8Array {
  const bytes = concat(error, new Uint8Array(8 + 128 - error.length), OBJECTS)
  bytes[lengthAt] = 128 / unit
  return bytes
}

const UNREACHABLE4 = HOST_UNREACHABLE4.slice(ICMP_AT)
const ICMP4_SAMPLES = [REPLY4.slice(ICMP_AT), UNREACHABLE4, withExtension(UNREACHABLE4, 5, 4)]
const ICMP6_SAMPLES = [REPLY6, PROHIBITED6, withExtension(PROHIBITED6, 4, 8)]
const RECORDS = [ERROR_CONTROL4.slice(136), ERROR_CONTROL6.slice(72, 116), STAMP_ERROR, LOCAL_ERROR]

const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 4, 8, 20, 0x45, 0x60, 127, 128, 254, 255))

/** Random bytes, or a sample with bytes changed, cut and lengthened. */
function damaged(samples: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const changed = fc
    .tuple(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(200), byte), { maxLength: 6 }),
      fc.option(fc.nat(200)),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([sample, changes, cut, more]) => {
      const bytes = concat(sample.slice(0, cut ?? sample.length), more)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  // What transports read into is a Buffer, of which slice() copies nothing.
  return fc.oneof({ weight: 4, arbitrary: changed }, fc.uint8Array({ maxLength: 300 })).map(bytes => Buffer.from(bytes))
}

function checkError(family: 4 | 6, bytes: Uint8Array): void {
  const error = new IcmpErrorView()
  if (!error.move(family, view(bytes), 0, bytes.length)) return
  const { quotedStart, quotedEnd, quotedBytes, headerBytes } = error
  expect(quotedStart >= 28 && quotedStart <= quotedEnd && quotedEnd === bytes.length && quotedBytes >= 0).toBe(true)
  const detail = { mtu: error.mtu, pointer: error.pointer, redirectTo: error.redirectTo() }
  expect(icmpReason(family, error.type, error.code, detail)).toMatch(/^[A-Za-z][\x20-\x7e]+$/)
  expect(icmpErrno(family, error.type, error.code)).toBeGreaterThan(0)
  expect(error.destination()).toMatch(/^[0-9a-f.:]+$/)
  checkExtensions(bytes.subarray(quotedStart), quotedBytes, headerBytes)
}

test(
  'headers, echoes, errors and extensions of damaged ICMP are read within bounds',
  () => {
    const messages = damaged([...ICMP4_SAMPLES, ...ICMP6_SAMPLES, REPLY4, HOST_UNREACHABLE4])
    fc.assert(
      fc.property(messages, fc.nat(160), (bytes, quoted) => {
        const echo = new EchoView()
        if (echo.move(view(bytes), 0, bytes.length)) expect(echo.payloadEnd).toBe(bytes.length)
        const four = new Ipv4View()
        if (four.move(view(bytes), 0, bytes.length)) {
          expect(four.payloadStart >= 20 && four.payloadEnd >= four.payloadStart).toBe(true)
          expect(four.payloadEnd).toBeLessThanOrEqual(bytes.length)
        }
        const six = new Ipv6View()
        if (six.move(view(bytes), 0, bytes.length)) {
          expect(six.payloadStart >= 40 && six.payloadEnd >= six.payloadStart).toBe(true)
          expect(six.payloadEnd).toBeLessThanOrEqual(bytes.length)
        }
        checkError(4, bytes)
        checkError(6, bytes)
        for (const header of [20, 40, 60]) checkExtensions(bytes, quoted, header)
        expect(internetChecksum(bytes, 0, bytes.length)).toBeLessThanOrEqual(0xffff)
      }),
      parameters,
    )
  },
  LIMIT_MS,
)

test(
  'control messages and error-queue records that are damaged stay within their bytes',
  () => {
    const control = damaged([ERROR_CONTROL4, ERROR_CONTROL6])
    fc.assert(
      fc.property(control, damaged(RECORDS), fc.nat(64), fc.nat(400), (bytes, record, start, length) => {
        let last = start
        const cursor = new ControlCursor()
        cursor.start(view(bytes), start, length)
        while (cursor.next()) {
          const { at, end } = cursor
          expect(at >= last + 16 && end >= at && end <= Math.min(start + length, bytes.length)).toBe(true)
          last = end
          const inside = new ExtendedError()
          if (inside.move(view(bytes), at, end)) inside.offenderAddress()
        }
        const error = new ExtendedError()
        if (!error.move(view(record), 0, record.length)) return
        expect(error.offenderAddress() ?? '::').toMatch(/^[0-9a-f.:]+$/)
        expect(error.offenderScope()).toBeGreaterThanOrEqual(0)
        expect(error.quotedBytes).toBeLessThanOrEqual(0xffff)
        const reason = icmpReason(error.origin === 3 ? 6 : 4, error.type, error.code, { mtu: error.info })
        expect(reason).not.toMatch(CONTROL)
      }),
      parameters,
    )
  },
  LIMIT_MS,
)

/** The message behind an IP header that fits it, with right checksums, so that damage gets further than those. */
function packet4(message: Uint8Array, repair: boolean): Buffer {
  const bytes = concat(REPLY4.slice(0, ICMP_AT), message)
  view(bytes).setUint16(2, bytes.length)
  if (repair && message.length >= 4) {
    bytes.fill(0, ICMP_AT + 2, ICMP_AT + 4)
    view(bytes).setUint16(ICMP_AT + 2, internetChecksum(bytes, ICMP_AT, bytes.length))
  }
  return Buffer.from(bytes)
}

test(
  'a raw socket that reads damaged packets tells of our probes only, and of nothing outside of the packet',
  () => {
    for (const family of [4, 6] as const) {
      const addresses = family === 4 ? ['127.0.0.2', '127.0.0.1'] : ['::1', 'fd00::2']
      const targets = addresses.map((address, at) => ({ index: at + 1, target: address, address, family }))
      const cookie = [MARK.cookieLow, MARK.cookieHigh] as const
      const answers = new RawAnswers({ targets, family, identifier: 0x4242, cookie })
      const kinds = { reply: 0, error: 0 }
      let size = 0
      const ours = (target: number): boolean => target === 1 || target === 2
      const visitor = {
        reply(reply: ProbeReply) {
          kinds.reply++
          expect(ours(reply.target) || ours(reply.fromTarget)).toBe(true)
          expect(reply.payloadStart <= reply.payloadEnd && reply.payloadEnd <= size).toBe(true)
          expect(reply.bytes).toBeGreaterThanOrEqual(8)
          expect(reply.from).toMatch(/^[0-9a-f.:]+$/)
          expect(reply.ipOptions?.length ?? 0).toBeLessThanOrEqual(40)
        },
        error(error: ProbeError) {
          kinds.error++
          expect(ours(error.target)).toBe(true)
          expect(error.quoted.length).toBeGreaterThanOrEqual(8)
          expect(error.quoted.length).toBeLessThanOrEqual(size)
          checkExtensions(error.quoted, error.quotedBytes ?? 0, family === 4 ? 20 : 40)
        },
        transmitted: () => undefined,
      }
      const samples = family === 4 ? ICMP4_SAMPLES : ICMP6_SAMPLES
      const packets = fc
        .tuple(damaged(samples), fc.integer({ min: 0, max: 9 }))
        .map(([bytes, choice]) => (family === 6 || choice === 0 ? bytes : packet4(bytes, choice > 1)))
      fc.assert(
        fc.property(packets, fc.constantFrom('::1', 'fd00::2', 'fe80::1', ''), (bytes, source) => {
          size = bytes.length
          answers.take(bytes, view(bytes), bytes.length, source || '::', { ns: 1, monoNs: 1 }, visitor)
          answers.take(bytes, view(bytes), bytes.length + 100, source || '::', { ns: 1, monoNs: 1 }, visitor)
        }),
        { ...parameters, interruptAfterTimeLimit: SECONDS * 500 },
      )
      // The damage is not so great that nothing is tested.
      expect(kinds.reply).toBeGreaterThan(0)
      expect(kinds.error).toBeGreaterThan(0)
    }
  },
  LIMIT_MS,
)
