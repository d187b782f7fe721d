import { describe, expect, test } from 'vitest'
import { Ipv4View } from '../../src/wire/ipv4.js'
import { Ipv6View } from '../../src/wire/ipv6.js'
import { concat, truncations } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { HOST_UNREACHABLE4, PROHIBITED6, REPLY4 } from './samples.js'

const PACKET6 = PROHIBITED6.slice(8)

describe('IPv4', () => {
  const read = (bytes: Uint8Array, start = 0, end = bytes.length): Ipv4View => {
    const ip = new Ipv4View()
    expect(ip.move(view(bytes), start, end)).toBe(true)
    return ip
  }

  test('a header is read', () => {
    const ip = read(HOST_UNREACHABLE4)
    expect(ip).toMatchObject({ headerBytes: 20, tos: 0xc0, ttl: 64, protocol: 1, fragmentOffset: 0 })
    expect(ip).toMatchObject({ optionsStart: 20, payloadStart: 20, payloadEnd: 72 })
    expect([ip.source(), ip.destination()]).toEqual(['127.0.0.2', '127.0.0.1'])
    expect([ip.sourceWord, ip.destinationWord]).toEqual([0x7f000002, 0x7f000001])
  })

  test('at every truncation it is refused, or its payload ends with the bytes', () => {
    const ip = new Ipv4View()
    for (const { bytes, length } of truncations(REPLY4)) {
      expect(ip.move(view(bytes), 0, length)).toBe(length >= 20)
      if (length >= 20) expect(ip.payloadEnd).toBe(length)
    }
  })

  test('options lie between header and payload', () => {
    const bytes = concat(REPLY4.slice(0, 20), hex('07 07 04 00 00 00 00 00'), REPLY4.slice(20))
    bytes[0] = 0x47
    bytes[3] = 52
    expect(read(bytes)).toMatchObject({ headerBytes: 28, optionsStart: 20, payloadStart: 28, payloadEnd: 52 })
  })

  test.each([0x44, 0x40, 0x65, 0x05, 0x4f])('a first byte of %i is refused where 44 bytes are there', first => {
    const bytes = REPLY4.slice()
    bytes[0] = first
    expect(new Ipv4View().move(view(bytes), 0, bytes.length)).toBe(false)
  })

  test('a total length that cannot be is not believed', () => {
    const bytes = REPLY4.slice()
    for (const [length, end] of [
      [0, 44],
      [19, 44],
      [20, 20],
      [30, 30],
      [0xffff, 44],
    ] as const) {
      view(bytes).setUint16(2, length)
      expect(read(bytes).payloadEnd).toBe(end)
    }
  })

  test('a fragment tells where it belongs, without the flags', () => {
    const bytes = REPLY4.slice()
    bytes.set(hex('e0 02'), 6)
    expect(read(bytes).fragmentOffset).toBe(16)
  })

  test('bounds that cannot be are refused', () => {
    const ip = new Ipv4View()
    expect(ip.move(view(REPLY4), -1, 44)).toBe(false)
    expect(ip.move(view(REPLY4), 0, 45)).toBe(false)
  })
})

describe('IPv6', () => {
  const read = (bytes: Uint8Array): Ipv6View => {
    const ip = new Ipv6View()
    expect(ip.move(view(bytes), 0, bytes.length)).toBe(true)
    return ip
  }
  /** The packet with other bytes between its header and its ICMP message. */
  const withHeaders = (next: number, headers: Uint8Array): Uint8Array => {
    const bytes = concat(PACKET6.slice(0, 40), headers, PACKET6.slice(48))
    bytes[6] = next
    view(bytes).setUint16(4, bytes.length - 40)
    return bytes
  }

  test('a header is read, and the options header after it passed over', () => {
    const ip = read(PACKET6)
    expect(ip).toMatchObject({ hopLimit: 64, trafficClass: 0, flowLabel: 0x6bff0, protocol: 58 })
    expect(ip).toMatchObject({ fragmentOffset: 0, payloadStart: 48, payloadEnd: 72 })
    expect([ip.source(), ip.destination()]).toEqual(['fd00::2', 'fd00::2'])
  })

  test('at every truncation it is refused, or its payload ends with the bytes', () => {
    const ip = new Ipv6View()
    for (const { bytes, length } of truncations(PACKET6)) {
      expect(ip.move(view(bytes), 0, length)).toBe(length >= 40)
      if (length < 40) continue
      expect(ip).toMatchObject({
        payloadEnd: length,
        protocol: length < 48 ? 60 : 58,
        payloadStart: length < 48 ? 40 : 48,
      })
    }
  })

  test('every kind of extension header is passed over', () => {
    const padded = hex('01 0c 00 00 00 00 00 00 00 00 00 00 00 00')
    const headers = concat(
      concat(hex('2b 01'), padded), // hop-by-hop options of 16 bytes, then routing
      hex('33 00 04 00 00 00 00 00'), // routing, then authentication
      hex('2c 01 00 00 00 00 00 01 00 00 00 01'), // authentication of 12 bytes, then fragment
      hex('3a 00 00 01 00 00 00 07'), // the first fragment, then ICMPv6
    )
    expect(read(withHeaders(0, headers))).toMatchObject({
      protocol: 58,
      payloadStart: 40 + headers.length,
      fragmentOffset: 0,
    })
  })

  test('behind a later fragment there is no header', () => {
    const bytes = withHeaders(44, hex('3c 00 00 11 00 00 00 07'))
    expect(read(bytes)).toMatchObject({ protocol: 60, payloadStart: 48, fragmentOffset: 16 })
  })

  test('an extension header that does not fit ends the walk', () => {
    expect(read(withHeaders(60, hex('3a ff 01 04 00 00 00 00')))).toMatchObject({ protocol: 60, payloadStart: 40 })
  })

  test('a chain of headers without end is left', () => {
    const headers = concat(...Array.from({ length: 40 }, () => hex('3c 00 01 04 00 00 00 00')))
    expect(read(withHeaders(60, headers))).toMatchObject({ protocol: 60, payloadStart: 40 + 16 * 8 })
  })

  test('a payload length that cannot be is not believed', () => {
    const bytes = PACKET6.slice()
    for (const [length, end] of [
      [0, 72],
      [16, 56],
      [0xffff, 72],
    ] as const) {
      view(bytes).setUint16(4, length)
      expect(read(bytes).payloadEnd).toBe(end)
    }
  })

  test.each([0x45, 0x50, 0x70])('a first byte of %i is refused', first => {
    const bytes = PACKET6.slice()
    bytes[0] = first
    expect(new Ipv6View().move(view(bytes), 0, bytes.length)).toBe(false)
  })
})
