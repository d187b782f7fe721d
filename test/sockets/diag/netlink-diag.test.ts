import { describe, expect, test } from 'vitest'
import {
  decodeNetlink,
  encodeNetlinkRequest,
  formatNetlinkPort,
  formatNetlinkProtocol,
  groupMask,
  parseNetlinkProtocol,
} from '../../../src/sockets/diag/netlink-diag.js'
import { SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { CLOSED } from '../../../src/sockets/states.js'
import { attribute, concat, truncations, u32 } from './build.js'
import { hex, NETLINK_CONNECTED, NETLINK_GROUPS, view } from './samples.js'

function decode(bytes: Uint8Array): SocketRecord {
  const record = new SocketRecord()
  expect(decodeNetlink(view(bytes), 0, bytes.length, record)).toBe(true)
  return record
}

const HEADER = hex('10 03 00 00 4f448b80 00000000 00000000 2a000000 07000000 00000000')

test('the request asks for all protocols with memory, groups and flags', () => {
  expect(encodeNetlinkRequest()).toEqual(hex('10 ff 0000 00000000 0b000000 00000000 00000000'))
  expect(encodeNetlinkRequest({ protocol: 4, show: 1 })).toEqual(hex('10 04 0000 00000000 01000000 00000000 00000000'))
})

describe('messages', () => {
  test('groups come out of the bitmap as numbers from 1', () => {
    const record = decode(NETLINK_GROUPS)
    expect(record).toMatchObject({
      protocol: 'netlink',
      family: 16,
      type: 3,
      state: CLOSED,
      inode: 0x3b88ba,
      uid: UNKNOWN,
    })
    expect(record.netlink).toEqual({
      protocol: 0,
      portId: 0x7c63,
      peerPortId: 0,
      peerGroup: 0,
      groups: [1, 5, 29],
      flags: 0,
      connected: false,
    })
    expect(groupMask(record.netlink!.groups)).toBe(0x10000011)
  })

  test('a socket with a peer says so while its state stays closed, as in ss', () => {
    const record = decode(NETLINK_CONNECTED)
    expect(record).toMatchObject({ state: CLOSED, localPort: 12345, recvQueue: 0, sendQueue: 0 })
    expect(record.netlink).toMatchObject({ protocol: 16, connected: true, groups: null })
  })

  test('what the kernel did not send is unknown', () => {
    const record = decode(HEADER)
    expect(record).toMatchObject({ recvQueue: UNKNOWN, sendQueue: UNKNOWN })
    expect(record.netlink).toMatchObject({ groups: null, flags: null, portId: 0x808b444f })
  })

  test('a large bitmap and the top bit are read, and a bitmap of part words is cut', () => {
    const record = decode(concat(HEADER, attribute(1, concat(u32(0x80000000, 0, 1), hex('ff')))))
    expect(record.netlink?.groups).toEqual([32, 65])
    expect(groupMask([32, 65])).toBe(0x80000000)
  })

  test('a message cut anywhere is refused or read as far as it goes', () => {
    for (const { bytes, length } of truncations(NETLINK_GROUPS)) {
      expect(decodeNetlink(view(bytes), 0, length, new SocketRecord())).toBe(length >= 28)
    }
  })
})

describe('names', () => {
  test('protocols are named as ss names them, unknown ones by number', () => {
    expect([0, 4, 6, 9, 12, 15, 16, 17, 22, 99].map(formatNetlinkProtocol)).toEqual([
      'rtnl',
      'tcpdiag',
      'xfrm',
      'audit',
      'nft',
      'uevent',
      'genl',
      '17',
      'smc',
      '99',
    ])
    for (let protocol = 0; protocol < 256; protocol++) {
      expect(parseNetlinkProtocol(formatNetlinkProtocol(protocol))).toBe(protocol)
    }
    expect(['', '256', '-1', 'x', '1e1'].map(parseNetlinkProtocol)).toEqual([null, null, null, null, null])
  })

  test('ports are signed as in ss, and 0 is the kernel', () => {
    expect(formatNetlinkPort(0)).toBe('kernel')
    expect(formatNetlinkPort(0, true)).toBe('0')
    expect(formatNetlinkPort(0x808b444f)).toBe('-2138356657')
  })
})
