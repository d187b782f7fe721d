import { describe, expect, test } from 'vitest'
import {
  decodePacket,
  encodePacketRequest,
  formatEthertype,
  formatPacketFilter,
  PACKET_SHOW_INFO,
  parseEthertype,
} from '../../../src/sockets/diag/packet-diag.js'
import { SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { CLOSED } from '../../../src/sockets/states.js'
import { formatExtended } from '../words.js'
import { attribute, concat, truncations, u32 } from './build.js'
import { hex, PACKET_FILTER, PACKET_RING, view } from './samples.js'

function decode(bytes: Uint8Array): SocketRecord {
  const record = new SocketRecord()
  expect(decodePacket(view(bytes), 0, bytes.length, record)).toBe(true)
  return record
}

const HEADER = hex('11 03 0300 2a000000 07000000 00000000')

test('the request asks for info, rings, fanout, memory and filter, with protocol 0', () => {
  expect(encodePacketRequest()).toEqual(hex('11 00 0000 00000000 3d000000 00000000 00000000'))
  expect(view(encodePacketRequest({ show: PACKET_SHOW_INFO })).getUint32(8, true)).toBe(1)
})

describe('messages', () => {
  test('a ring, a fanout group and flags are read', () => {
    const record = decode(PACKET_RING)
    expect(record).toMatchObject({ protocol: 'packet', family: 17, type: 2, state: CLOSED, ifindex: 1, uid: 0 })
    expect(record).toMatchObject({ inode: 0x3b88a9, recvQueue: 0, sendQueue: 0 })
    expect(record.packet).toEqual({
      ethertype: 0x800,
      version: 1,
      flags: 3,
      copyThreshold: 0,
      timestamp: 0,
      fanoutId: 7,
      fanoutType: 1,
      receiveRing: true,
      transmitRing: false,
      filter: 'none',
    })
    expect(formatExtended(record)).toBe(
      'ino:3901609 sk:1238b8 ver:1 cpy_thresh:0 flags( running auxdata ) ' +
        'ring_rx(blk_size:4096,blk_nr:2,frm_size:2048,frm_nr:4,tmo:0,features:0x0) fanout(id:7,type:lb)',
    )
  })

  test('a filter is counted and printed as ss -b does', () => {
    const record = decode(PACKET_FILTER)
    expect(record).toMatchObject({ recvQueue: 0x3408c, ifindex: 0, packet: { ethertype: 3, filter: 2 } })
    expect(formatPacketFilter(record)).toBe('bpf filter (2):  0x28 0 0 12, 0x06 0 0 65535,')
  })

  test('an empty filter attribute means that it is hidden, no attribute that there is none', () => {
    expect(decode(concat(HEADER, attribute(7, hex('')))).packet?.filter).toBe('hidden')
    expect(decode(HEADER).packet?.filter).toBe('none')
    expect(formatPacketFilter(decode(HEADER))).toBe('')
  })

  test('what the kernel did not send is unknown, not 0', () => {
    const record = decode(HEADER)
    expect(record).toMatchObject({ uid: UNKNOWN, recvQueue: UNKNOWN, sendQueue: UNKNOWN })
    expect(record.packet).toMatchObject({ version: null, flags: null, fanoutId: null, receiveRing: false })
    expect(formatExtended(record)).toBe('ino:42 sk:7')
  })

  test('unknown flags and fanout types keep their numbers', () => {
    const info = attribute(0, u32(3, 2, 0, 0, 0, 0x41))
    const record = decode(concat(HEADER, info, attribute(4, u32(0x00090001)), attribute(2, hex('01'))))
    expect(formatExtended(record)).toBe('ino:42 sk:7 ver:2 cpy_thresh:0 flags( running 0x40 ) fanout(id:1,type:0x9)')
    expect(formatExtended(decode(concat(HEADER, attribute(0, u32(0, 0, 0, 0, 0, 0)))))).toContain('flags( 0 )')
  })

  test('a message cut anywhere is refused or read as far as it goes', () => {
    for (const { bytes, length } of truncations(PACKET_RING)) {
      const record = new SocketRecord()
      expect(decodePacket(view(bytes), 0, length, record)).toBe(length >= 16)
      formatExtended(record)
      formatPacketFilter(record)
    }
  })
})

describe('ethertypes', () => {
  test('names are those of ss, all is a star, and the rest are decimal numbers in brackets', () => {
    expect([3, 0x800, 0x86dd, 0x88cc, 0x8100, 0, 0x88f7].map(type => formatEthertype(type))).toEqual([
      '*',
      'ip',
      'ipv6',
      'LLDP',
      '802.1Q',
      '[0]',
      '[35063]',
    ])
    expect([3, 0x800].map(type => formatEthertype(type, true))).toEqual(['*', '[2048]'])
  })

  test('names and numbers are taken back', () => {
    for (const type of [3, 0x800, 0x86dd, 0x88cc, 0x8100]) expect(parseEthertype(formatEthertype(type))).toBe(type)
    expect(['IPv4', 'ipv4', '0x88f7', '35063', '65536', 'nonsense', '', '0x'].map(parseEthertype)).toEqual([
      0x800,
      0x800,
      0x88f7,
      35063,
      null,
      null,
      null,
      null,
    ])
  })
})
