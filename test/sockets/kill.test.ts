import { expect, test } from 'vitest'
import { ERRNO } from '../../src/errors/index.js'
import type { NetlinkConnection } from '../../src/ports/netlink.js'
import { destroySocket, encodeDestroy, judgeAnswer, planKill } from '../../src/sockets/kill.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { BOUND_INACTIVE, ESTABLISHED, LISTENING } from '../../src/sockets/states.js'

const socket = (fields: Partial<SocketRecord>): SocketRecord =>
  Object.assign(new SocketRecord(), { family: 2, state: ESTABLISHED, cookieLow: 5 }, fields)
const options = { dryRun: false, listeners: false, candidates: () => 1 }
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('a request names exactly one socket: its addresses, its interface and its cookie', () => {
  const record = socket({
    localPort: 0x1f90,
    peerPort: 0xc001,
    local0: 0x7f000001,
    peer0: 0x0a000002,
    ifindex: 3,
    cookieLow: 0x11223344,
    cookieHigh: 0x55,
  })
  expect(hex(encodeDestroy(record, 9))).toBe(
    [
      '48000000', // length 72
      '1500', // SOCK_DESTROY
      '0500', // NLM_F_REQUEST | NLM_F_ACK
      '09000000', // sequence
      '00000000', // port id
      '02', // AF_INET
      '06', // IPPROTO_TCP
      '00', // extensions
      '00',
      '02000000', // 1 << ESTABLISHED
      '1f90', // local port
      'c001', // peer port
      `7f000001${'00'.repeat(12)}`,
      `0a000002${'00'.repeat(12)}`,
      '03000000', // interface
      '44332211', // cookie, low word
      '55000000',
    ].join(''),
  )
})

test('UDP keeps the order of its ports, a raw socket carries its protocol, MPTCP an attribute', () => {
  const udp = encodeDestroy(socket({ protocol: 'udp', localPort: 53, peerPort: 1000 }), 1)
  expect(hex(udp.subarray(24, 28))).toBe('003503e8')
  const raw = encodeDestroy(socket({ protocol: 'raw', rawProtocol: 1 }), 1)
  expect([...raw.subarray(16, 20)]).toEqual([2, 255, 0, 1])
  const mptcp = encodeDestroy(socket({ protocol: 'mptcp' }), 1)
  expect(hex(mptcp.subarray(72))).toBe('0800030006010000')
})

test('listeners are left alone unless they are asked for', () => {
  const listener = socket({ state: LISTENING })
  expect(planKill(listener, options)).toEqual({ result: 'listener-skipped', error: null })
  expect(planKill(listener, { ...options, dryRun: true })?.result).toBe('listener-skipped')
  expect(planKill(listener, { ...options, listeners: true })).toBeNull()
})

test('a dry run sends nothing; without it a connection is to be closed', () => {
  expect(planKill(socket({}), { ...options, dryRun: true })).toEqual({ result: 'would-close', error: null })
  expect(planKill(socket({}), options)).toBeNull()
})

test('what cannot be named exactly, or not at all, is refused, in a dry run too', () => {
  const code = (record: SocketRecord, candidates = 1): string | undefined =>
    planKill(record, { dryRun: true, listeners: true, candidates: () => candidates })?.error?.code
  expect(code(socket({ protocol: 'unix', family: 1 }))).toBe('unsupported')
  expect(code(socket({ cookieLow: UNKNOWN, cookieHigh: UNKNOWN }))).toBe('no-cookie')
  expect(code(socket({ protocol: 'raw' }), 2)).toBe('ambiguous')
  expect(code(socket({ protocol: 'raw' }), 1)).toBeUndefined()
})

test('answers of the kernel have their meaning', () => {
  expect(judgeAnswer(0)).toEqual({ result: 'closed', error: null })
  expect(judgeAnswer(ERRNO.ENOENT)).toMatchObject({ result: 'gone', error: { code: 'ENOENT' } })
  expect(judgeAnswer(ERRNO.EPERM)).toMatchObject({ result: 'refused', error: { code: 'EPERM' } })
})

/** A connection that answers each request with these bytes. */
function answering(bytes: Uint8Array | null): NetlinkConnection {
  const data = bytes ?? new Uint8Array()
  const batch = {
    data: new DataView(data.buffer),
    bytes: data,
    count: 1,
    start: () => 0,
    length: () => data.length,
    truncated: () => false,
  }
  return { send: () => undefined, readNow: () => (bytes === null ? null : batch) } as unknown as NetlinkConnection
}

test('the acknowledgement is read, and anything else is no success', () => {
  const ack = (errno: number): Uint8Array => {
    const bytes = new Uint8Array(36)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, 36, true)
    view.setUint16(4, 2, true)
    view.setInt32(16, -errno, true)
    return bytes
  }
  expect(destroySocket(answering(ack(0)), socket({}))).toBe(0)
  expect(destroySocket(answering(ack(1)), socket({}))).toBe(ERRNO.EPERM)
  expect(destroySocket(answering(null), socket({}))).toBe(ERRNO.EIO)
  for (let length = 0; length < 20; length++) {
    expect(destroySocket(answering(ack(0).slice(0, length)), socket({}))).toBe(ERRNO.EIO)
  }
})

test('a socket that is only bound is no promise of a dry run: the kernel would not find it', () => {
  for (const dryRun of [true, false]) {
    expect(planKill(socket({ state: BOUND_INACTIVE, localPort: 7000 }), { ...options, dryRun })).toMatchObject({
      result: 'refused',
      error: { code: 'only-bound' },
    })
  }
})
