import { describe, expect, test } from 'vitest'
import { isLoadFailure, loadNative } from '../../src/adapters/native.js'
import { type Layout, layout } from '../../src/bytes/layout.js'
import { NLMSGHDR } from '../../src/netlink/message.js'
import { INET_MESSAGE, INET_REQUEST, SOCK_ID } from '../../src/sockets/diag/inet-diag.js'
import { NETLINK_MESSAGE, NETLINK_REQUEST } from '../../src/sockets/diag/netlink-diag.js'
import { PACKET_MESSAGE, PACKET_REQUEST } from '../../src/sockets/diag/packet-diag.js'
import { UNIX_MESSAGE, UNIX_REQUEST } from '../../src/sockets/diag/unix-diag.js'
import { VSOCK_MESSAGE, VSOCK_REQUEST } from '../../src/sockets/diag/vsock-diag.js'
import { XDP_MESSAGE, XDP_REQUEST } from '../../src/sockets/diag/xdp-diag.js'
import { TCP_INFO } from '../../src/sockets/tcp-info.js'
import {
  PACKET_MREQ,
  SOCKADDR_LL,
  TPACKET_BLOCK_DESC,
  TPACKET_REQ3,
  TPACKET_STATS_V3,
  TPACKET3_HDR,
} from '../../src/wire/packet-ring.js'

describe('declaring a struct', () => {
  test('offsets follow from the order and the widths of the fields', () => {
    const made = layout('sample', 24, [
      ['one', 'u8'],
      ['two', 'u16'],
      ['port', 'be16'],
      ['address', 'be32'],
      ['pad', 3],
      ['word', 'u32'],
      ['long', 'u64'],
    ])
    expect(made).toEqual({
      name: 'sample',
      size: 24,
      offset: { one: 0, two: 1, port: 3, address: 5, pad: 9, word: 12, long: 16 },
    })
  })

  test('widths that do not add up to the size are refused when the table is loaded', () => {
    expect(() => layout('short', 4, [['a', 'u8']])).toThrow('layout short: fields add up to 1 bytes, not 4')
    expect(() => layout('long', 4, [['a', 'u64']])).toThrow('layout long: fields add up to 8 bytes, not 4')
  })
})

const EXACT: readonly Layout<string>[] = [
  NLMSGHDR,
  SOCK_ID,
  INET_REQUEST,
  INET_MESSAGE,
  UNIX_REQUEST,
  UNIX_MESSAGE,
  PACKET_REQUEST,
  PACKET_MESSAGE,
  NETLINK_REQUEST,
  NETLINK_MESSAGE,
  VSOCK_REQUEST,
  VSOCK_MESSAGE,
  XDP_REQUEST,
  XDP_MESSAGE,
  SOCKADDR_LL,
  PACKET_MREQ,
  TPACKET_REQ3,
  TPACKET_STATS_V3,
  TPACKET_BLOCK_DESC,
  TPACKET3_HDR,
]

describe('layouts and the structs of the C compiler', () => {
  const native = loadNative()

  test.for(EXACT)('$name has the same size', ({ name, size }, { skip }) => {
    if (isLoadFailure(native)) return skip(native.reason)
    // Headers of an old distribution lack some families.
    if (native.structSizes[name] === undefined) return skip(`the native addon was built without struct ${name}`)
    expect(size).toBe(native.structSizes[name])
  })

  test('tcp_info is at least what the headers of this machine know, since it only grows', ({ skip }) => {
    if (isLoadFailure(native)) return skip(native.reason)
    const size = native.structSizes['tcp_info']!
    expect(TCP_INFO.size).toBeGreaterThanOrEqual(size)
    // The fields it shares with them end on a field boundary: nothing straddles the older end.
    expect([...Object.values(TCP_INFO.offset), TCP_INFO.size]).toContain(size)
  })

  test('every struct that has a layout of the same name was compared', ({ skip }) => {
    if (isLoadFailure(native)) return skip(native.reason)
    const compared = new Set([...EXACT.map(each => each.name), 'tcp_info', 'packet_diag_info'])
    const families = Object.keys(native.structSizes).filter(name => name.includes('_diag_') || name === 'nlmsghdr')
    // No layouts of their own: the first bytes of every request, and XDP's info, which is read field by field.
    const without = ['sock_diag_req', 'xdp_diag_info']
    expect(families.filter(name => !compared.has(name) && !without.includes(name))).toEqual([])
  })
})
