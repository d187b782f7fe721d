// The transport over a package that is a fake: what it does with refusals, with packets of others, and when it is closed.

import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { openRawSocketPackage, type RawSocketPackage } from '../../src/adapters/echo-raw-socket.js'
import { internetChecksum } from '../../src/bytes/checksum.js'
import { PermissionError, UnsupportedError, UsageError } from '../../src/errors/index.js'
import type { ProbeError, ProbeOptions, ProbeReply, ProbeTransport, SendBatch } from '../../src/ports/probe.js'
import { concat } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'
import { ICMP_AT, REPLY4 } from '../wire/samples.js'

/** Stands for a socket of the package: packets wait in `inbox`, what is sent lands in `outbox`. */
class FakeSocket extends EventEmitter {
  readonly inbox: { bytes: Uint8Array; source: string }[] = []
  readonly outbox: { bytes: Uint8Array; address: string }[] = []
  readonly options: { level: number; option: number; value: number | Buffer }[] = []
  /** What the next calls of send throw; nothing where it is null. */
  refusals: (string | null)[] = []
  failingOption = -1
  closes = 0
  paused = false
  readonly wrap = Object.assign(new EventEmitter(), {
    recv: (buffer: Buffer, done: (buffer: Buffer, bytes: number, source: string) => void) => {
      if (this.closes > 0) throw new Error('read after close')
      const packet = this.inbox.shift()
      if (packet === undefined) throw new Error('Resource temporarily unavailable')
      buffer.set(packet.bytes)
      done(buffer, packet.bytes.length, packet.source)
    },
    send: (buffer: Buffer, offset: number, length: number, address: string, done: (bytes: number) => void) => {
      const refusal = this.refusals.shift()
      if (refusal) throw new Error(refusal)
      this.outbox.push({ bytes: Uint8Array.from(buffer.subarray(offset, offset + length)), address })
      done(length)
    },
  })

  setOption(level: number, option: number, value: number | Buffer): void {
    if (option === this.failingOption) throw new Error('Operation not permitted')
    this.options.push({ level, option, value })
  }

  pauseRecv(): void {
    this.paused = true
  }

  resumeRecv(): void {
    this.paused = false
  }

  close(): void {
    this.closes++
  }
}

const OPTIONS: ProbeOptions = {
  targets: [
    { index: 0, target: 'one', address: '192.0.2.1', family: 4 },
    { index: 5, target: 'two', address: '192.0.2.2', family: 4 },
  ],
  family: 4,
  transport: 'raw-socket',
  timestamps: 'kernel',
  payloadBytes: 16,
  pattern: null,
  source: null,
  interface: null,
  ttl: null,
  tos: null,
  mark: null,
  pathMtu: null,
  flowLabel: null,
  broadcast: false,
  noLoopback: false,
  ipOptions: null,
  identifier: 0x4242,
  sendBufferBytes: null,
  port: null,
  netnsFd: -1,
}

function fakePackage(create: () => FakeSocket): RawSocketPackage {
  return {
    createSocket: create,
    AddressFamily: { IPv4: 1, IPv6: 2 },
    Protocol: { ICMP: 1, ICMPv6: 58 },
  }
}

async function opened(options: Partial<ProbeOptions> = {}): Promise<{ socket: FakeSocket; transport: ProbeTransport }> {
  const socket = new FakeSocket()
  const transport = await openRawSocketPackage({ ...OPTIONS, ...options }, () => fakePackage(() => socket))
  return { socket, transport }
}

function batchOf(rows: readonly (readonly [target: number, sequence: number, payloadBytes: number])[]): SendBatch {
  return {
    count: rows.length,
    target: Int32Array.from(rows, ([target]) => target),
    sequence: Uint32Array.from(rows, ([, sequence]) => sequence),
    payloadBytes: Int32Array.from(rows, ([, , payloadBytes]) => payloadBytes),
    result: new Int32Array(rows.length).fill(1),
    sentNs: new Float64Array(rows.length),
    sentMonoNs: new Float64Array(rows.length),
  }
}

function received(transport: ProbeTransport): { replies: ProbeReply[]; errors: ProbeError[]; count: number } {
  const replies: ProbeReply[] = []
  const errors: ProbeError[] = []
  const count = transport.receive({
    reply: reply => replies.push({ ...reply }),
    error: error => errors.push({ ...error }),
    transmitted: () => undefined,
  })
  return { replies, errors, count }
}

/** The reply of an address to what was sent, changed by `damage` before the checksum is made. */
function replyTo(sent: Uint8Array, from: string, damage: (icmp: Uint8Array) => void = () => undefined): Uint8Array {
  const bytes = concat(REPLY4.slice(0, ICMP_AT), sent)
  const icmp = bytes.subarray(ICMP_AT)
  bytes.set(from.split('.').map(Number), 12)
  icmp[0] = 0
  icmp.fill(0, 2, 4)
  damage(icmp)
  view(bytes).setUint16(2, bytes.length)
  view(bytes).setUint16(ICMP_AT + 2, internetChecksum(bytes, ICMP_AT, bytes.length))
  return bytes
}

test('a package that is not there, or was not compiled, is said to be missing, with what to type', async () => {
  const load = (message: string) => () => {
    throw new Error(message)
  }
  const absent = openRawSocketPackage(OPTIONS, load("Cannot find module 'raw-socket'\nRequire stack:"))
  await expect(absent).rejects.toMatchObject({
    constructor: UnsupportedError,
    message: "the raw-socket package cannot be loaded: Cannot find module 'raw-socket'",
    hints: ['install it: npm install raw-socket'],
  })
  const raw = openRawSocketPackage(OPTIONS, load("Cannot find module './build/Release/raw.node'"))
  await expect(raw).rejects.toMatchObject({ hints: ['compile it: npm rebuild raw-socket'] })
})

test('without the right to open a raw socket it is a permission that is missing', async () => {
  const refused = fakePackage(() => {
    throw new Error('Operation not permitted')
  })
  const error = await openRawSocketPackage(OPTIONS, () => refused).catch(thrown => thrown)
  expect(error).toBeInstanceOf(PermissionError)
  expect(error.message).toBe(
    'cannot open a raw ICMP socket with the raw-socket package: operation not permitted (EPERM)',
  )
  expect(error.hints.length).toBeGreaterThan(0)
})

test.each([
  [{ source: '192.0.2.9' }, 'the raw-socket package cannot send from a chosen address'],
  [{ flowLabel: 7 }, 'the raw-socket package cannot send a flow label'],
  [{ netnsFd: 3 }, 'the raw-socket package cannot enter another network namespace'],
])('what the package cannot do is refused before a socket is opened: %j', async (options, message) => {
  await expect(opened(options)).rejects.toMatchObject({ constructor: UnsupportedError, message })
})

test('an option that is refused closes the socket', async () => {
  const socket = new FakeSocket()
  // linux/in.h: IP_TTL.
  socket.failingOption = 2
  const failing = openRawSocketPackage({ ...OPTIONS, ttl: 3 }, () => fakePackage(() => socket))
  await expect(failing).rejects.toThrow('cannot set the time to live: operation not permitted (EPERM)')
  expect(socket.closes).toBe(1)
})

test('a missing interface is a usage error', async () => {
  const socket = new FakeSocket()
  socket.setOption = () => {
    throw new Error('No such device')
  }
  const failing = openRawSocketPackage({ ...OPTIONS, interface: 'x0' }, () => fakePackage(() => socket))
  await expect(failing).rejects.toMatchObject({ constructor: UsageError, message: 'there is no interface x0' })
})

test('the kernel is asked to keep all but answers and errors away', async () => {
  const { socket } = await opened()
  // linux/icmp.h: a set bit of ICMP_FILTER blocks; echo reply 0, unreachable 3, quench 4, redirect 5, exceeded 11, problem 12.
  const allowed = (1 << 0) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 11) | (1 << 12)
  expect(socket.options).toContainEqual({ level: 255, option: 1, value: ~allowed >>> 0 })
  const { socket: six } = await opened({ family: 6, targets: [] })
  const value = new Uint8Array(32).fill(0xff)
  // Types 1 to 4, and 129 in the fifth word.
  value[0] = 0xe1
  value[16] = 0xfd
  expect(six.options).toContainEqual({ level: 58, option: 1, value: Buffer.from(value) })
})

test('probes go out in order with right checksums, stamped before they are sent', async () => {
  const { socket, transport } = await opened()
  const batch = batchOf([
    [5, 65_537, 16],
    [0, 2, 8],
  ])
  const before = transport.nowMonoNs()
  expect(transport.send(batch)).toBe(2)
  expect([...batch.result]).toEqual([0, 0])
  expect(socket.outbox.map(({ address }) => address)).toEqual(['192.0.2.2', '192.0.2.1'])
  const [first, second] = socket.outbox.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array]
  expect(internetChecksum(first, 0, 24)).toBe(0)
  expect(internetChecksum(second, 0, 16)).toBe(0)
  expect(first.subarray(4, 8)).toEqual(hex('42 42 00 01'))
  expect([view(first).getUint32(8, true), view(first).getUint32(12, true)]).toEqual([...transport.cookie])
  expect(first.subarray(16)).toEqual(hex('05 00 00 00 01 00 01 00'))
  expect(second.subarray(8)).toEqual(hex('00 01 02 03 04 05 06 07'))
  expect(batch.sentMonoNs[0]).toBeGreaterThanOrEqual(before)
  expect(batch.sentMonoNs[1]).toBeLessThanOrEqual(transport.nowMonoNs())
  expect(Math.abs(transport.baseSeconds + batch.sentNs[0]! / 1e9 - Date.now() / 1000)).toBeLessThan(5)
})

test('a full buffer ends a batch, and any other refusal is its row’s', async () => {
  const { socket, transport } = await opened()
  const rows = [1, 2, 3, 4].map(sequence => [0, sequence, 16] as const)
  socket.refusals = [null, 'Network is unreachable', 'words that no system has']
  const batch = batchOf(rows)
  expect(transport.send(batch)).toBe(4)
  expect([...batch.result]).toEqual([0, -101, -5, 0])
  for (const words of ['Resource temporarily unavailable', 'No buffer space available']) {
    socket.refusals = [null, words]
    expect(transport.send(batchOf(rows))).toBe(1)
  }
})

test('a row that is too large, or for an unknown target, is refused', async () => {
  const { socket, transport } = await opened()
  const batch = batchOf([
    [0, 1, 17],
    [3, 1, 16],
  ])
  expect(transport.send(batch)).toBe(2)
  expect([...batch.result]).toEqual([-22, -22])
  expect(socket.outbox).toEqual([])
})

test('answers are told by their mark, whoever sends them', async () => {
  const { socket, transport } = await opened()
  transport.send(batchOf([[5, 65_537, 16]]))
  const { bytes } = socket.outbox[0]!
  for (const from of ['192.0.2.2', '192.0.2.1', '198.51.100.7']) {
    socket.inbox.push({ bytes: replyTo(bytes, from), source: from })
  }
  const { replies, count } = received(transport)
  expect(count).toBe(3)
  expect(replies.map(({ target, sequence, from, fromTarget }) => [target, sequence, from, fromTarget])).toEqual([
    [5, 65_537, '192.0.2.2', 5],
    [5, 65_537, '192.0.2.1', 0],
    [5, 65_537, '198.51.100.7', -1],
  ])
  expect(replies[0]).toMatchObject({ ttl: 64, bytes: 24, kernelStamp: false, wireSequence: 1, ipOptions: null })
})

test('what is not ours is read and passed over', async () => {
  const { socket, transport } = await opened()
  transport.send(batchOf([[0, 1, 16]]))
  const { bytes } = socket.outbox[0]!
  const cookieOf = (icmp: Uint8Array): void => {
    icmp[8]! ^= 1
  }
  const wrongSum = replyTo(bytes, '192.0.2.1')
  wrongSum[ICMP_AT + 2]! ^= 1
  const foreign = [
    // Another program's identifier.
    replyTo(bytes, '192.0.2.1', icmp => icmp.fill(7, 4, 6)),
    // Our identifier, not our cookie, and not from a target.
    replyTo(bytes, '198.51.100.7', cookieOf),
    wrongSum,
    // A request: another's, or ours on loopback.
    replyTo(bytes, '192.0.2.1', icmp => icmp.fill(8, 0, 1)),
    hex('45'),
    new Uint8Array(0),
  ]
  for (const packet of foreign) socket.inbox.push({ bytes: packet, source: '' })
  expect(received(transport)).toEqual({ replies: [], errors: [], count: foreign.length })
  // From a target, it is one whose payload was damaged on the way.
  socket.inbox.push({ bytes: replyTo(bytes, '192.0.2.1', cookieOf), source: '' })
  expect(received(transport).replies).toMatchObject([{ target: -1, sequence: -1, fromTarget: 0, wireSequence: 1 }])
})

test('an answer of a link-local target has the interface of the target', async () => {
  const address = 'fe80::1%eth0'
  const { socket, transport } = await opened({
    family: 6,
    targets: [{ index: 0, target: address, address, family: 6 }],
  })
  transport.send(batchOf([[0, 1, 16]]))
  const [{ bytes, address: sentTo }] = socket.outbox as [{ bytes: Uint8Array; address: string }]
  expect(sentTo).toBe(address)
  bytes[0] = 129
  socket.inbox.push({ bytes, source: 'fe80::1' }, { bytes, source: 'fe80::2' })
  expect(received(transport).replies.map(({ from, fromTarget }) => [from, fromTarget])).toEqual([
    [address, 0],
    ['fe80::2', -1],
  ])
})

test('readiness is passed on outside of the call of the package, once for several, and not after a close', async () => {
  const { socket, transport } = await opened()
  expect(socket.paused).toBe(true)
  let calls = 0
  transport.onReadable(() => calls++)
  expect(socket.paused).toBe(false)
  const turn = () => new Promise(resolve => setImmediate(resolve))
  socket.wrap.emit('recvReady')
  socket.wrap.emit('recvReady')
  expect(calls).toBe(0)
  await turn()
  expect(calls).toBe(1)
  socket.wrap.emit('recvReady')
  transport.close()
  transport.close()
  await turn()
  expect(calls).toBe(1)
  expect(socket.closes).toBe(1)
})

test('a visitor may close the transport: nothing more is read', async () => {
  const { socket, transport } = await opened()
  transport.send(batchOf([[0, 1, 16]]))
  const bytes = replyTo(socket.outbox[0]!.bytes, '192.0.2.1')
  socket.inbox.push({ bytes, source: '' }, { bytes, source: '' })
  const count = transport.receive({
    reply: () => transport.close(),
    error: () => undefined,
    transmitted: () => undefined,
  })
  expect(count).toBe(1)
  expect(received(transport).count).toBe(0)
})

test('an error of the package’s poll ends it without an exception, and further probes are refused', async () => {
  const { socket, transport } = await opened()
  socket.emit('error', new Error('-9'))
  const batch = batchOf([[0, 1, 16]])
  expect(transport.send(batch)).toBe(1)
  expect([...batch.result]).toEqual([-9])
  transport.close()
})
