import { expect, test } from 'vitest'
import {
  ECHO_COOKIE_BYTES,
  type EchoRequest,
  EchoView,
  encodeEcho,
  fillPattern,
  isIcmpError,
  isPortUnreachable,
  isTooBig,
  isUnreachable,
} from '../../src/wire/icmp.js'
import { truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { ICMP_AT, MARK, REPLY4, REPLY6 } from './samples.js'

const request: EchoRequest = {
  family: 4,
  identifier: 0x4242,
  sequence: MARK.fullSequence,
  payloadBytes: 16,
  target: MARK.target,
  cookieLow: MARK.cookieLow,
  cookieHigh: MARK.cookieHigh,
}

test('a reply is read with its mark', () => {
  const echo = new EchoView()
  expect(echo.move(view(REPLY4), ICMP_AT, REPLY4.length)).toBe(true)
  const common = { code: 0, identifier: 0x4242, sequence: 1, hasMark: true, ...MARK }
  expect(echo).toMatchObject({ type: 0, payloadStart: 28, payloadEnd: 44, ...common })
  expect(echo.move(view(REPLY6), 0, REPLY6.length)).toBe(true)
  expect(echo).toMatchObject({ type: 129, payloadStart: 8, payloadEnd: 24, ...common })
  expect(echo.isOurs(MARK.cookieLow, MARK.cookieHigh)).toBe(true)
  expect(echo.isOurs(MARK.cookieLow, MARK.cookieHigh + 1)).toBe(false)
  expect(echo.isOurs(MARK.cookieLow - 1, MARK.cookieHigh)).toBe(false)
})

test('at every truncation there is no header, a header without mark, or all of it', () => {
  const echo = new EchoView()
  for (const { bytes, length } of truncations(REPLY6)) {
    expect(echo.move(view(bytes), 0, length)).toBe(length >= 8)
    if (length < 8) continue
    expect(echo).toMatchObject({
      identifier: 0x4242,
      payloadEnd: length,
      hasMark: false,
      cookieLow: 0,
      fullSequence: 0,
    })
    expect(echo.isOurs(0, 0)).toBe(false)
  }
})

test('bounds that cannot be are refused', () => {
  const echo = new EchoView()
  expect(echo.move(view(REPLY6), -1, 20)).toBe(false)
  expect(echo.move(view(REPLY6), 0, REPLY6.length + 1)).toBe(false)
  expect(echo.move(view(REPLY6), 20, 10)).toBe(false)
})

test('what is written is what the kernel received, but for the checksum', () => {
  const bytes = new Uint8Array(24).fill(0xee)
  expect(encodeEcho(view(bytes), 0, { ...request, family: 6 })).toBe(24)
  const expected = REPLY6.slice()
  expected[0] = 128
  expected.fill(0, 2, 4)
  expect(bytes).toEqual(expected)
  encodeEcho(view(bytes), 0, request)
  expect(bytes[0]).toBe(8)
})

test('what was written is read, with numbers of 32 bits', () => {
  const bytes = new Uint8Array(64)
  const wide = {
    ...request,
    sequence: 0xffff_ffff,
    target: 0x8000_0000,
    cookieLow: 0xffff_ffff,
    cookieHigh: 0xdead_beef,
  }
  encodeEcho(view(bytes), 16, { ...wide, payloadBytes: 40 })
  const echo = new EchoView()
  expect(echo.move(view(bytes), 16, 64)).toBe(true)
  expect(echo).toMatchObject({
    sequence: 0xffff,
    fullSequence: 0xffff_ffff,
    target: 0x8000_0000,
    cookieHigh: 0xdead_beef,
  })
})

test('a payload without room for the mark keeps its pattern', () => {
  const bytes = new Uint8Array(8 + ECHO_COOKIE_BYTES - 1)
  fillPattern(bytes, 8, ECHO_COOKIE_BYTES - 1, null)
  expect(encodeEcho(view(bytes), 0, { ...request, payloadBytes: ECHO_COOKIE_BYTES - 1 })).toBe(23)
  expect([...bytes.subarray(8)]).toEqual(Array.from({ length: 15 }, (_, index) => index))
})

test('the pattern counts as ping does, or is repeated', () => {
  const bytes = new Uint8Array(600)
  fillPattern(bytes, 10, 580, null)
  expect(bytes.subarray(0, 13)).toEqual(hex('00 00 00 00 00 00 00 00 00 00 00 01 02'))
  expect(bytes[10 + 255]).toBe(255)
  expect(bytes[10 + 256]).toBe(0)
  expect(bytes[590]).toBe(0)
  fillPattern(bytes, 0, 5, hex('ab cd'))
  expect(bytes.subarray(0, 6)).toEqual(hex('ab cd ab cd ab 00'))
  fillPattern(bytes, 0, 3, new Uint8Array(0))
  expect(bytes.subarray(0, 3)).toEqual(hex('00 01 02'))
})

test('errors are told from messages that quote nothing', () => {
  const all = Array.from({ length: 256 }, (_, type) => type)
  // RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem.
  expect(all.filter(type => isIcmpError(4, type))).toEqual([3, 4, 5, 11, 12])
  // RFC 4443 section 2.1: the high bit is that of informational messages.
  expect(all.filter(type => isIcmpError(6, type))).toEqual(all.slice(0, 128))
})

test('kinds of unreachable are told by type and code: RFC 792, RFC 4443 sections 3.1 and 3.2', () => {
  expect([isUnreachable(4, 3), isUnreachable(4, 1), isUnreachable(6, 1), isUnreachable(6, 3)]).toEqual([
    true,
    false,
    true,
    false,
  ])
  expect([isPortUnreachable(4, 3, 3), isPortUnreachable(6, 1, 4)]).toEqual([true, true])
  expect([isPortUnreachable(4, 3, 4), isPortUnreachable(6, 1, 3), isPortUnreachable(4, null, null)]).toEqual([
    false,
    false,
    false,
  ])
  expect([isTooBig(4, 3, 4), isTooBig(6, 2, 0)]).toEqual([true, true])
  expect([isTooBig(4, 3, 3), isTooBig(4, 2, 0), isTooBig(6, 1, 4)]).toEqual([false, false, false])
})
