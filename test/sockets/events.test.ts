import { expect, test } from 'vitest'
import { ERRNO, SystemCallError } from '../../src/errors/index.js'
import type { NetlinkConnection, NetlinkPort } from '../../src/ports/netlink.js'
import { DestroyEvents, decodeDestroyed, destroyGroups } from '../../src/sockets/events.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { CLOSED } from '../../src/sockets/states.js'
import { TABLES } from '../../src/sockets/tables.js'

/** inet_diag_msg of a destroyed IPv4 socket 127.0.0.1:8080 - 127.0.0.1:40000, with its PROTOCOL attribute. */
const event = (protocol: number, sendQueue = '00000000'): Uint8Array =>
  Buffer.from(
    [
      '02', // AF_INET
      '07', // TCP_CLOSE
      '00', // timer
      '00', // retransmits
      '1f90', // local port
      '9c40', // peer port
      `7f000001${'00'.repeat(12)}`,
      `7f000001${'00'.repeat(12)}`,
      '00000000', // interface
      '0500000000000000', // cookie
      '00000000', // expires
      '01000000', // receive queue
      sendQueue,
      '00000000', // uid
      '00000000', // inode
      `05000a00${protocol.toString(16).padStart(2, '0')}000000`, // INET_DIAG_PROTOCOL
    ].join(''),
    'hex',
  )

const viewOf = (bytes: Uint8Array): DataView => new DataView(Uint8Array.from(bytes).buffer)

test('an event is a closed socket of the protocol in its attribute, whose owner is unknown', () => {
  const record = new SocketRecord()
  expect(decodeDestroyed(viewOf(event(6)), 0, 80, record)).toBe(true)
  expect(record).toMatchObject({
    protocol: 'tcp',
    state: CLOSED,
    localPort: 8080,
    peerPort: 40000,
    uid: UNKNOWN,
    inode: 0,
    cookieLow: 5,
    recvQueue: 1,
    messageEnd: 80,
  })
  // A UDP socket that is being freed says -1.
  expect(decodeDestroyed(viewOf(event(17, 'ffffffff')), 0, 80, record)).toBe(true)
  expect(record).toMatchObject({ protocol: 'udp', sendQueue: 0 })
})

test('an event of an unknown protocol, or cut anywhere, is none', () => {
  const record = new SocketRecord()
  expect(decodeDestroyed(viewOf(event(132)), 0, 80, record)).toBe(false)
  for (let length = 0; length < 77; length++) {
    expect(decodeDestroyed(viewOf(event(6).subarray(0, length)), 0, length, record)).toBe(false)
  }
})

test('each table that has events has its group', () => {
  expect(TABLES.filter(table => destroyGroups([table]) !== 0).map(table => [table.id, destroyGroups([table])])).toEqual(
    [
      ['udp4', 2],
      ['udp6', 8],
      ['tcp4', 1],
      ['tcp6', 4],
    ],
  )
  expect(destroyGroups(TABLES)).toBe(15)
})

const fail = (error: unknown): void => {
  throw error
}

/** A port whose connection gives these answers, one a read, and says what was done with it. */
function scripted(answers: (Uint8Array | Error)[]): { port: NetlinkPort; log: string[]; ready(): void } {
  const log: string[] = []
  let ready = (): void => undefined
  const connection = {
    join: (groups: number) => log.push(`join ${groups}`),
    onReadable: (callback: () => void) => {
      ready = callback
    },
    readNow: () => {
      const answer = answers.shift()
      if (answer === undefined) return null
      if (answer instanceof Error) throw answer
      const data = viewOf(answer)
      return { data, bytes: answer, count: 1, start: () => 0, length: () => answer.length, truncated: () => false }
    },
    lost: () => 7,
    close: () => log.push('close'),
  } as unknown as NetlinkConnection
  const open = (_protocol: number, fd: number): NetlinkConnection => {
    log.push(`open ${fd}`)
    return connection
  }
  return { port: { open }, log, ready: () => ready() }
}

const message = (body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(16 + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint16(4, 20, true)
  bytes.set(body, 16)
  return bytes
}

test('events are read until none is left, and an overflow of the buffer is counted', () => {
  const lost = new SystemCallError('no buffer space', ERRNO.ENOBUFS)
  const { port, log, ready } = scripted([
    message(event(6)),
    lost,
    message(event(17)),
    message(event(6).subarray(0, 40)),
  ])
  const seen: string[] = []
  const events = new DestroyEvents(
    port,
    [{ netns: 3, fd: 9 }],
    1,
    record => seen.push(`${record.protocol} ${record.netns}`),
    fail,
    () => seen.push('drained'),
  )
  ready()
  expect(seen).toEqual(['tcp 3', 'udp 3', 'drained'])
  expect(events).toMatchObject({ overruns: 1, damaged: 1, lost: 7 })
  events.close()
  expect(log).toEqual(['open 9', 'join 1', 'close'])
})

test('a failure of the socket, of a visit or after it is handed over, and ends the listening', () => {
  const bad = new SystemCallError('bad', ERRNO.EBADF)
  const full = new Error('full')
  const throwFull = (): void => fail(full)
  const nothing = (): void => undefined
  for (const [answer, visit, drained, expected] of [
    [bad, nothing, nothing, bad],
    [message(event(6)), throwFull, nothing, full],
    [message(event(6)), nothing, throwFull, full],
  ] as const) {
    const { port, log, ready } = scripted([answer])
    const failures: unknown[] = []
    new DestroyEvents(port, [{ netns: 0, fd: -1 }], 1, visit, error => failures.push(error), drained)
    ready()
    expect(failures).toEqual([expected])
    expect(log.at(-1)).toBe('close')
  }
})

test('events that never stop coming leave others their turn, and come to an end', () => {
  const { port, ready } = scripted(Array.from({ length: 5000 }, () => message(event(6))))
  let seen = 0
  const events = new DestroyEvents(port, [{ netns: 0, fd: -1 }], 1, () => seen++, fail)
  ready()
  expect(seen).toBe(8)
  ready()
  expect(seen).toBe(16)
  events.drain()
  expect(seen).toBe(16 + 1024)
})
