import { expect, test } from 'vitest'
import { IcmpErrorView, icmpErrno } from '../../src/wire/icmp-error.js'
import { concat, truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { HOST_UNREACHABLE4, ICMP_AT, PROHIBITED6 } from './samples.js'

const ERROR4 = HOST_UNREACHABLE4.slice(ICMP_AT)

function read(family: 4 | 6, bytes: Uint8Array): IcmpErrorView {
  const error = new IcmpErrorView()
  expect(error.move(family, view(bytes), 0, bytes.length)).toBe(true)
  return error
}

/** The sample with another header of 8 bytes. */
const headed = (header: string, sample: Uint8Array): Uint8Array => concat(hex(header), sample.slice(8))

test('an error is read with what it quotes', () => {
  const error = read(4, ERROR4)
  expect(error).toMatchObject({ type: 3, code: 1, mtu: 0, pointer: 0, protocol: 1 })
  expect(error).toMatchObject({ quotedStart: 28, quotedEnd: 52, quotedBytes: 0, headerBytes: 20 })
  expect(error.destination()).toBe('127.0.0.2')
  expect(error.redirectTo()).toBeNull()
})

test('an error of ICMPv6 is read with what it quotes behind extension headers', () => {
  const error = read(6, PROHIBITED6)
  expect(error).toMatchObject({ type: 1, code: 1, mtu: 0, pointer: 0, protocol: 58 })
  expect(error).toMatchObject({ quotedStart: 56, quotedEnd: 80, quotedBytes: 0, headerBytes: 48 })
  expect(error.destination()).toBe('fd00::2')
})

test('at every truncation it is refused until the quoted IP header is whole', () => {
  const error = new IcmpErrorView()
  for (const { bytes, length } of truncations(ERROR4)) expect(error.move(4, view(bytes), 0, length)).toBe(length >= 28)
  for (const { bytes, length } of truncations(PROHIBITED6))
    expect(error.move(6, view(bytes), 0, length)).toBe(length >= 48)
})

test.each([
  [4, '03 04 00 00 00 00 05 78', { mtu: 1400, pointer: 0 }],
  [4, '0c 00 00 00 14 00 05 78', { mtu: 0, pointer: 20 }],
  [4, '0b 00 00 00 00 00 05 78', { mtu: 0, pointer: 0 }],
  [6, '02 00 00 00 00 00 05 14', { mtu: 1300, pointer: 0, quotedBytes: 0 }],
  [6, '04 02 00 00 00 00 00 29', { mtu: 0, pointer: 41, quotedBytes: 0 }],
] as const)('ICMPv%i %s tells its number', (family, header, expected) => {
  expect(read(family, headed(header, family === 4 ? ERROR4 : PROHIBITED6))).toMatchObject(expected)
})

test('a redirect tells the better router', () => {
  expect(read(4, headed('05 01 00 00 0a 00 01 fe', ERROR4)).redirectTo()).toBe('10.0.1.254')
})

test('RFC 4884 lengths are of 4 and of 8 bytes, and are told without the quoted IP header', () => {
  // 32 words of 4 bytes and 16 of 8 are 128 bytes.
  for (const type of ['03', '0b', '0c']) {
    expect(read(4, headed(`${type} 00 00 00 00 20 00 00`, ERROR4)).quotedBytes).toBe(128 - 20)
  }
  for (const type of ['01', '03']) {
    expect(read(6, headed(`${type} 00 00 00 10 00 00 00`, PROHIBITED6)).quotedBytes).toBe(128 - 48)
  }
  // A redirect has an address there, and a packet too big its MTU.
  expect(read(4, headed('05 00 00 00 00 20 00 00', ERROR4)).quotedBytes).toBe(0)
  expect(read(6, headed('02 00 00 00 10 00 00 00', PROHIBITED6)).quotedBytes).toBe(0)
  // Less than the IP header: nothing of the probe.
  expect(read(4, headed('0b 00 00 00 00 01 00 00', ERROR4)).quotedBytes).toBe(0)
})

test('what quotes a later fragment, another version or nothing is refused, and so is what is no error', () => {
  const error = new IcmpErrorView()
  const fragment = ERROR4.slice()
  fragment[15] = 1
  for (const bytes of [fragment, ERROR4.slice(0, 8), headed('00 00 00 00 00 00 00 00', ERROR4), PROHIBITED6]) {
    expect(error.move(4, view(bytes), 0, bytes.length)).toBe(false)
  }
  expect(error.move(6, view(ERROR4), 0, ERROR4.length)).toBe(false)
  expect(error.move(4, view(ERROR4), -4, 40)).toBe(false)
  expect(error.move(4, view(ERROR4), 0, ERROR4.length + 1)).toBe(false)
})

test('errnos are those of Linux (icmp_err_convert, ping_err, tab_unreach, icmpv6_err_convert)', () => {
  const four = (type: number, last: number) => Array.from({ length: last + 1 }, (_, code) => icmpErrno(4, type, code))
  expect(four(3, 16)).toEqual([101, 113, 92, 111, 90, 95, 101, 112, 64, 101, 113, 101, 113, 113, 113, 113, 113])
  expect([icmpErrno(4, 11, 0), icmpErrno(4, 12, 0), icmpErrno(4, 4, 0), icmpErrno(4, 5, 1)]).toEqual([
    113, 71, 121, 121,
  ])
  expect(Array.from({ length: 8 }, (_, code) => icmpErrno(6, 1, code))).toEqual([101, 13, 113, 113, 111, 13, 13, 71])
  expect([icmpErrno(6, 2, 0), icmpErrno(6, 3, 0), icmpErrno(6, 4, 0), icmpErrno(6, 99, 0)]).toEqual([90, 113, 71, 71])
})
