import { expect, test } from 'vitest'
import { ControlCursor, controlLength, controlSpace, encodeControlHeader } from '../../src/bytes/control-messages.js'
import { truncations } from '../sockets/diag/build.js'
import { view } from '../sockets/diag/samples.js'
import { ERROR_CONTROL4, ERROR_CONTROL6 } from '../wire/samples.js'

type Message = [level: number, type: number, at: number, end: number]

function messagesOf(bytes: Uint8Array, start = 0, length = bytes.length): Message[] {
  const found: Message[] = []
  const cursor = new ControlCursor()
  cursor.start(view(bytes), start, length)
  while (cursor.next()) found.push([cursor.level, cursor.type, cursor.at, cursor.end])
  return found
}

const SOL_SOCKET = 1
const SOL_IP = 0
const SOL_IPV6 = 41
const ALL4: Message[] = [
  [SOL_SOCKET, 35, 16, 32],
  [SOL_SOCKET, 37, 48, 96],
  [SOL_IP, 2, 112, 116],
  [SOL_IP, 11, 136, 168],
]

test('the messages of an error queue record are found with level, type and place', () => {
  expect(messagesOf(ERROR_CONTROL4)).toEqual(ALL4)
  expect(messagesOf(ERROR_CONTROL6)).toEqual([
    [SOL_SOCKET, 35, 16, 32],
    [SOL_IPV6, 52, 48, 52],
    [SOL_IPV6, 25, 72, 116],
  ])
})

test('at every truncation the messages that are whole are found, and no part of another', () => {
  for (const { bytes, length } of truncations(ERROR_CONTROL4)) {
    expect(messagesOf(bytes)).toEqual(ALL4.filter(([, , , end]) => end <= length))
  }
})

test('a walk stays inside of the bytes it was given, and of the buffer', () => {
  expect(messagesOf(ERROR_CONTROL4, 32, 64)).toEqual([[SOL_SOCKET, 37, 48, 96]])
  expect(messagesOf(ERROR_CONTROL4, 32, 63)).toEqual([])
  expect(messagesOf(ERROR_CONTROL4, 120, 1_000_000)).toEqual([ALL4[3]])
  expect(messagesOf(ERROR_CONTROL4, 1_000_000, 64)).toEqual([])
})

test.each([0, 1, 15, 0xffff_fff8, 0xffff_ffff])('a length of %i, which cannot be, ends the walk', length => {
  const bytes = ERROR_CONTROL4.slice()
  view(bytes).setUint32(32, length, true)
  expect(messagesOf(bytes)).toEqual(ALL4.slice(0, 1))
})

test('a length of more than 32 bits ends the walk', () => {
  const bytes = ERROR_CONTROL4.slice()
  view(bytes).setUint32(4, 1, true)
  expect(messagesOf(bytes)).toEqual([])
})

test('a message of no data is one', () => {
  const bytes = new Uint8Array(16)
  encodeControlHeader(view(bytes), 0, -1, 7, 0)
  expect(messagesOf(bytes)).toEqual([[-1, 7, 16, 16]])
})

test('what was written is read', () => {
  const bytes = new Uint8Array(controlSpace(4) + controlSpace(9))
  expect(encodeControlHeader(view(bytes), 0, 41, 50, 4)).toBe(16)
  expect(encodeControlHeader(view(bytes), controlSpace(4), 0, 2, 9)).toBe(40)
  expect(messagesOf(bytes)).toEqual([
    [41, 50, 16, 20],
    [0, 2, 40, 49],
  ])
})

test('room and length are those of CMSG_SPACE and CMSG_LEN', () => {
  expect([0, 1, 4, 8, 9].map(controlSpace)).toEqual([16, 24, 24, 24, 32])
  expect([0, 1, 4, 8, 9].map(controlLength)).toEqual([16, 17, 20, 24, 25])
})

test('a cursor stays at its end', () => {
  const cursor = new ControlCursor()
  expect(cursor.next()).toBe(false)
  cursor.start(view(ERROR_CONTROL4), 0, 32)
  expect([cursor.next(), cursor.next(), cursor.next()]).toEqual([true, false, false])
})
