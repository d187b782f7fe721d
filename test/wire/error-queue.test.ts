import { expect, test } from 'vitest'
import { ExtendedError } from '../../src/wire/error-queue.js'
import { truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { ERROR_CONTROL4, ERROR_CONTROL6, LOCAL_ERROR, STAMP_ERROR } from './samples.js'

function read(bytes: Uint8Array, start = 0, end = bytes.length): ExtendedError {
  const error = new ExtendedError()
  expect(error.move(view(bytes), start, end)).toBe(true)
  return error
}

test('an ICMP error is read with who said it', () => {
  const error = read(ERROR_CONTROL4, 136, 168)
  expect(error).toMatchObject({
    errno: 113,
    origin: 2,
    type: 3,
    code: 1,
    info: 0,
    data: 0,
    isIcmp: true,
    quotedBytes: 0,
  })
  expect(error.offenderAddress()).toBe('127.0.0.2')
  expect(error.offenderScope()).toBe(0)
})

test('an ICMPv6 error is read with who said it', () => {
  const error = read(ERROR_CONTROL6, 72, 116)
  expect(error).toMatchObject({ errno: 13, origin: 3, type: 1, code: 1, info: 0, isIcmp: true })
  expect(error.offenderAddress()).toBe('fd00::2')
  expect(error.offenderScope()).toBe(0)
})

test('the interface of a link-local offender is told', () => {
  const bytes = ERROR_CONTROL6.slice(72, 116)
  bytes.set(hex('fe 80'), 24)
  view(bytes).setUint32(40, 7, true)
  const error = read(bytes)
  expect(error.offenderAddress()).toBe('fe80::2')
  expect(error.offenderScope()).toBe(7)
})

test('a transmit stamp says whose, and of which message', () => {
  const error = read(STAMP_ERROR)
  expect(error).toMatchObject({ errno: 42, origin: 4, info: 1, data: 0, isIcmp: false, quotedBytes: 0 })
  expect(error.offenderAddress()).toBeNull()
})

test('a refusal of this host has an MTU and no offender', () => {
  const error = read(LOCAL_ERROR)
  expect(error).toMatchObject({ errno: 90, origin: 1, type: 0, code: 0, info: 1500, isIcmp: false })
  expect(error.offenderAddress()).toBeNull()
})

test('how much is quoted is told of ICMP errors, without the flags beside it', () => {
  const bytes = ERROR_CONTROL4.slice(136, 168)
  // struct sock_ee_data_rfc4884: length 108, SO_EE_RFC4884_FLAG_INVALID, reserved.
  bytes.set(hex('6c 00 01 00'), 12)
  expect(read(bytes).quotedBytes).toBe(108)
  const stamp = STAMP_ERROR.slice()
  stamp.set(hex('6c 00 00 00'), 12)
  expect(read(stamp).quotedBytes).toBe(0)
})

test('at every truncation it is refused, or the offender is, whole', () => {
  const error = new ExtendedError()
  for (const { bytes, length } of truncations(ERROR_CONTROL4.slice(136, 168))) {
    expect(error.move(view(bytes), 0, length)).toBe(length >= 16)
    if (length >= 16) expect(error.offenderAddress()).toBe(null)
  }
  for (const { bytes, length } of truncations(ERROR_CONTROL6.slice(72, 116))) {
    expect(error.move(view(bytes), 0, length)).toBe(length >= 16)
    if (length < 16) continue
    expect(error.offenderAddress()).toBe(null)
    expect(error.offenderScope()).toBe(0)
  }
})

test('bounds that cannot be are refused, and nothing changes', () => {
  const error = read(LOCAL_ERROR)
  expect(error.move(view(STAMP_ERROR), -8, 24)).toBe(false)
  expect(error.move(view(STAMP_ERROR), 0, STAMP_ERROR.length + 1)).toBe(false)
  expect(error.move(view(STAMP_ERROR), 30, 20)).toBe(false)
  expect(error.errno).toBe(90)
})

test('unknown origins and address families survive as numbers and nobody', () => {
  const bytes = ERROR_CONTROL4.slice(136, 168)
  bytes[4] = 200
  bytes[16] = 99
  const error = read(bytes)
  expect(error).toMatchObject({ origin: 200, isIcmp: false })
  expect(error.offenderAddress()).toBeNull()
})
