import { describe, expect, test } from 'vitest'
import { addLink, encodeLinkDump } from '../../src/netlink/link.js'
import { attribute, concat, truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'

/** The start of what a 6.18 kernel says of the loopback interface (ifinfomsg and five attributes). */
const LOOPBACK = hex(`
  00       // family
  00       // pad
  0403     // ARPHRD_LOOPBACK
  01000000 // index
  49000100 // flags
  00000000 // change
  0700 0300 6c6f00 00     // IFLA_IFNAME lo
  0800 0d00 e8030000      // IFLA_TXQLEN
  0500 1000 00 000000     // IFLA_OPERSTATE
  0500 1100 00 000000     // IFLA_LINKMODE
  0800 0400 00000100      // IFLA_MTU
`)
const HEADER = LOOPBACK.slice(0, 16)

function names(bytes: Uint8Array, type = 16): [number, string][] {
  const found = new Map<number, string>()
  addLink(view(bytes), type, 0, bytes.length, found)
  return [...found]
}

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))

describe('interface names', () => {
  test('the request asks for all links', () => {
    expect(encodeLinkDump()).toEqual(
      hex(`
        20000000 // length 32
        1200     // RTM_GETLINK
        0103     // request, dump
        01000000 // sequence
        00000000 // port id
        00000000 00000000 00000000 00000000 // ifinfomsg
      `),
    )
  })

  test('a link is its index and its name', () => {
    expect(names(LOOPBACK)).toEqual([[1, 'lo']])
  })

  test('a name is found behind other attributes, and with flags in its attribute type', () => {
    const bytes = concat(HEADER, attribute(4, new Uint8Array(4)), attribute(0x8003, text('veth0\0')))
    expect(names(bytes)).toEqual([[1, 'veth0']])
  })

  test('a name of UTF-8 is read as such, with or without its NUL', () => {
    expect(names(concat(HEADER, attribute(3, text('é0\0'))))).toEqual([[1, 'é0']])
    expect(names(concat(HEADER, attribute(3, text('é0'))))).toEqual([[1, 'é0']])
  })

  test('a name lies right also where the view starts inside its buffer', () => {
    const padded = concat(new Uint8Array(12), LOOPBACK)
    const found = new Map<number, string>()
    addLink(new DataView(padded.buffer, 8), 16, 4, padded.length - 8, found)
    expect([...found]).toEqual([[1, 'lo']])
  })

  test('messages of other types are left out', () => {
    expect(names(LOOPBACK, 17)).toEqual([])
  })

  test('a message cut anywhere gives its name whole or not at all', () => {
    for (const { bytes, length } of truncations(LOOPBACK)) expect(names(bytes)).toEqual(length < 23 ? [] : [[1, 'lo']])
  })

  test.each([0, 1, 3, 0xffff])('an attribute length of %d ends the message', length => {
    const bytes = concat(HEADER, attribute(4, new Uint8Array(4)), attribute(3, text('lo\0')))
    view(bytes).setUint16(16, length, true)
    expect(names(bytes)).toEqual([])
  })
})
