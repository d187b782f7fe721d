import { expect, test } from 'vitest'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { parseIcmpExtensions, parseMplsLabels } from '../../src/wire/icmp-extensions.js'
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

/** RFC 5837 section 4.2: everything that can be told of the interface that the packet came in by. */
const INCOMING = hex(`
  00 24 02 0f // 36 bytes, class interface information, role 0 (incoming), index, address, name and MTU
  00 00 00 07 // index
  00 01 00 00 // address family IPv4, reserved
  c0 00 02 fe // 192.0.2.254
  10          // 16 bytes of name with this one
  47 69 67 45 74 68 65 72 6e 65 74 30 2f 31 00 // GigEthernet0/1
  00 00 05 dc // MTU 1500
`)
/** Role 2 (outgoing), with IPv6 address and name, as on an unnumbered link: no index, no MTU. */
const OUTGOING = hex(`
  00 20 02 86 // 32 bytes, role 2, address and name
  00 02 00 00 // address family IPv6, reserved
  20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 77
  08          // 8 bytes of name with this one
  65 74 2d 31 00 00 00 // et-1
`)
const INCOMING_INFO = { role: 'incoming', index: 7, address: '192.0.2.254', name: 'GigEthernet0/1', mtu: 1500 } as const
const OUTGOING_INFO = { role: 'outgoing', index: null, address: '2001:db8::77', name: 'et-1', mtu: null } as const

const interfacesOf = (objects: readonly Uint8Array[], options = {}) =>
  parseIcmpExtensions(message(objects, options), QUOTED, HEADER_BYTES)?.interfaces ?? null

test('interfaces are read with what the router tells of them, in both forms of the message', () => {
  expect(interfacesOf([INCOMING])).toEqual([INCOMING_INFO])
  expect(interfacesOf([INCOMING, OUTGOING])).toEqual([INCOMING_INFO, OUTGOING_INFO])
  const bytes = message([STACK, INCOMING, OUTGOING])
  for (const quoted of [QUOTED, 0]) {
    expect(parseIcmpExtensions(bytes, quoted, HEADER_BYTES)).toEqual({
      mpls: LABELS,
      interfaces: [INCOMING_INFO, OUTGOING_INFO],
    })
  }
  expect(parseIcmpExtensions(message([STACK]), QUOTED, HEADER_BYTES)).toEqual({ mpls: LABELS, interfaces: null })
})

test.each([
  [0x08, 'incoming'],
  [0x48, 'incoming-sub'],
  [0x88, 'outgoing'],
  [0xc8, 'next-hop'],
  // The two reserved bits in between are sent as 0 and ignored when received.
  [0x38, 'incoming'],
])('type %i is the role %s', (type, role) => {
  const object = INTERFACE.slice()
  object[3] = type
  expect(interfacesOf([object])).toEqual([{ role, index: 7, address: null, name: null, mtu: null }])
})

test('an interface of which nothing is told is one all the same', () => {
  expect(interfacesOf([hex('00 04 02 80')])).toEqual([
    { role: 'outgoing', index: null, address: null, name: null, mtu: null },
  ])
})

test('an interface that ends before what its type promises is left out, and what follows is read', () => {
  for (let length = 4; length < INCOMING.length; length++) {
    const object = INCOMING.slice(0, length)
    object[1] = length
    expect({ length, seen: interfacesOf([object]) }).toEqual({ length, seen: null })
    // Objects are as long as they say, whatever that does to their alignment.
    expect(interfacesOf([object, OUTGOING])).toEqual([OUTGOING_INFO])
  }
  for (let length = 4; length < OUTGOING.length; length++) {
    const object = OUTGOING.slice(0, length)
    object[1] = length
    expect({ length, seen: interfacesOf([object]) }).toEqual({ length, seen: null })
  }
})

test('at every truncation of the message there are no interfaces, or the first ones', () => {
  const bytes = message([INCOMING, OUTGOING], { sum: false })
  const end = QUOTED + 4 + INCOMING.length
  for (let length = 0; length < bytes.length; length++) {
    const seen = parseIcmpExtensions(bytes.slice(0, length), QUOTED, HEADER_BYTES)?.interfaces ?? null
    expect({ length, seen }).toEqual({ length, seen: length < end ? null : [INCOMING_INFO] })
  }
})

test.each([
  ['0', 0],
  ['not a multiple of four', 6],
  ['longer than RFC 5837 allows', 68],
  ['longer than the object', 64],
])('a name whose length is %s makes its interface unreadable', (_, length) => {
  const object = INCOMING.slice()
  object[16] = length
  expect(interfacesOf([object])).toBeNull()
})

test.each([0, 3, 0x4005, 0xffff])('an address of family %i makes its interface unreadable', family => {
  const object = INCOMING.slice()
  view(object).setUint16(8, family)
  expect(interfacesOf([object])).toBeNull()
})

test.each([0, 1, 3, 0xff, 0xffff])('an interface object of the impossible length %i ends the reading', length => {
  const object = INCOMING.slice()
  view(object).setUint16(0, length)
  expect(interfacesOf([object, OUTGOING])).toBeNull()
  expect(interfacesOf([OUTGOING, object, OUTGOING])).toEqual([OUTGOING_INFO])
})

test('objects of unknown classes and types are stepped over', () => {
  // Class 3 is RFC 8335's identification, 247 is for private use (RFC 4884 section 9).
  const unknown = [
    hex('00 08 03 01 65 74 68 30'),
    hex('00 05 f7 01 ff'),
    hex('00 08 01 02 00 00 01 ff'),
    hex('00 04 00 00'),
  ]
  expect(interfacesOf([...unknown, INCOMING])).toEqual([INCOMING_INFO])
  expect(parseIcmpExtensions(message(unknown), QUOTED, HEADER_BYTES)).toBeNull()
})

test('no more interfaces are read than there are roles', () => {
  expect(interfacesOf(Array.from({ length: 20 }, () => INTERFACE))).toHaveLength(4)
})

test('names are what stands before the first zero, and bytes that are no UTF-8 harm nobody', () => {
  const named = (...name: number[]) => {
    const object = concat(hex('00 00 02 02'), Uint8Array.of(name.length + 1), Uint8Array.from(name))
    object[1] = object.length
    return interfacesOf([object])?.[0]?.name
  }
  expect(named(0x65, 0x74, 0x68, 0x30, 0, 0x41, 0x41)).toBe('eth0')
  expect(named(0x65, 0x74, 0x68)).toBe('eth')
  expect(named(0, 0, 0)).toBe('')
  expect(named(0xff, 0xfe, 0)).toBe('\ufffd\ufffd')
  // As it came: rendering makes it harmless.
  expect(named(0x1b, 0x5b, 0x4a)).toBe('\x1b[J')
})
