import { expect, test } from 'vitest'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { parseMplsLabels } from '../../src/wire/icmp-extensions.js'
import { concat, truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'

const HEADER_BYTES = 20
/** 128 bytes of datagram less the IP header (RFC 4884 section 4). */
const QUOTED = 108

const STACK = hex(`
  00 0c 01 01 // 12 bytes, class MPLS label stack, incoming stack (RFC 4950)
  03 e8 1a 01 // label 16001, traffic class 5, ttl 1
  00 02 a1 fe // label 42, traffic class 0, bottom, ttl 254
`)
/** RFC 5837: the interface it came in by, with its index. */
const INTERFACE = hex(`
  00 08 02 08 // 8 bytes, class interface information
  00 00 00 07 // index
`)
const LABELS = [
  { label: 16_001, trafficClass: 5, bottom: false, ttl: 1 },
  { label: 42, trafficClass: 0, bottom: true, ttl: 254 },
]

/** An ICMP echo request padded to `quoted` bytes, and an extension of these objects behind it. */
function message(objects: readonly Uint8Array[], { quoted = QUOTED, sum = true, version = 2 } = {}): Uint8Array {
  const bytes = concat(hex('08 00 7e 89 42 42 00 01'), new Uint8Array(quoted - 8), hex('00 00 00 00'), ...objects)
  bytes[quoted] = version << 4
  if (sum) view(bytes).setUint16(quoted + 2, internetChecksum(bytes, quoted, bytes.length))
  return bytes
}

test('labels are read, outermost first, where the message tells what it quotes', () => {
  expect(parseMplsLabels(message([STACK]), QUOTED, HEADER_BYTES)).toEqual(LABELS)
  expect(parseMplsLabels(message([INTERFACE, STACK]), QUOTED, HEADER_BYTES)).toEqual(LABELS)
  expect(parseMplsLabels(message([STACK], { quoted: 300 }), 300, HEADER_BYTES)).toEqual(LABELS)
})

test('a checksum of 0 was not computed, and another wrong one means that this is no extension', () => {
  expect(parseMplsLabels(message([STACK], { sum: false }), QUOTED, HEADER_BYTES)).toEqual(LABELS)
  const bytes = message([STACK])
  bytes[QUOTED + 3]! ^= 1
  expect(parseMplsLabels(bytes, QUOTED, HEADER_BYTES)).toBeNull()
})

test('routers of before RFC 4884 tell no length: the extension is at byte 128 and must have a checksum', () => {
  expect(parseMplsLabels(message([STACK]), 0, HEADER_BYTES)).toEqual(LABELS)
  expect(parseMplsLabels(message([STACK], { quoted: 88 }), 0, 40)).toEqual(LABELS)
  expect(parseMplsLabels(message([STACK], { sum: false }), 0, HEADER_BYTES)).toBeNull()
})

test('there is nothing to read of other versions, other objects, and plain quotes', () => {
  expect(parseMplsLabels(message([STACK], { version: 1 }), QUOTED, HEADER_BYTES)).toBeNull()
  expect(parseMplsLabels(message([INTERFACE]), QUOTED, HEADER_BYTES)).toBeNull()
  expect(parseMplsLabels(message([]), QUOTED, HEADER_BYTES)).toBeNull()
  expect(parseMplsLabels(hex('08 00 7e 89 42 42 00 01'), 0, HEADER_BYTES)).toBeNull()
  expect(parseMplsLabels(new Uint8Array(0), 0, HEADER_BYTES)).toBeNull()
})

test.each([0, 1, 3, 13, 0xffff])('an object length of %i, which cannot be, ends the reading', length => {
  const object = STACK.slice()
  view(object).setUint16(0, length)
  expect(parseMplsLabels(message([object]), QUOTED, HEADER_BYTES)).toBeNull()
})

test('a stack that is cut within an entry has the entries before', () => {
  const object = STACK.slice(0, 11)
  object[1] = 11
  expect(parseMplsLabels(message([object], { sum: false }), QUOTED, HEADER_BYTES)).toEqual(LABELS.slice(0, 1))
  expect(parseMplsLabels(message([hex('00 04 01 01')]), QUOTED, HEADER_BYTES)).toBeNull()
})

test('what follows the bottom of the stack, and more entries than any stack has, are left out', () => {
  const more = concat(hex('00 10 01 01'), STACK.slice(4), hex('00 00 00 00'))
  expect(parseMplsLabels(message([more]), QUOTED, HEADER_BYTES)).toEqual(LABELS)
  const deep = concat(hex('04 00 01 01'), new Uint8Array(1020))
  expect(parseMplsLabels(message([deep]), QUOTED, HEADER_BYTES)).toHaveLength(32)
})

test('quoted lengths and IP headers that cannot be are refused', () => {
  const bytes = message([STACK])
  for (const quoted of [bytes.length, bytes.length - 7, 1_000_000]) {
    expect(parseMplsLabels(bytes, quoted, HEADER_BYTES)).toBeNull()
  }
  expect(parseMplsLabels(bytes, 0, 4096)).toBeNull()
})

test('at every truncation there are no labels, or the first ones', () => {
  for (const { bytes } of truncations(message([STACK], { sum: false }))) {
    expect(parseMplsLabels(bytes, QUOTED, HEADER_BYTES)).toBeNull()
  }
})

test('bytes in the middle of a larger buffer are read', () => {
  const around = concat(new Uint8Array(5), message([STACK]))
  expect(parseMplsLabels(around.subarray(5), QUOTED, HEADER_BYTES)).toEqual(LABELS)
})
