import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { BATCH_LIMIT, RECEIVE_ROW, SEND_ROW, SEND_STAMPED_ROW } from '../../src/bytes/batch-table.js'
import {
  AF_INET,
  AF_NETLINK,
  addon,
  closedPort,
  controlMessages,
  EAGAIN,
  EBADF,
  EBUSY,
  EINVAL,
  eventually,
  IP_PKTINFO,
  IP_RECVERR,
  int32,
  isLittleEndian,
  loopback,
  MSG_ERRQUEUE,
  MSG_TRUNC,
  NETLINK_SOCK_DIAG,
  native,
  openDescriptors,
  receiveTable,
  result,
  SO_TIMESTAMPNS,
  SOCK_RAW,
  SOL_IP,
  SOL_SOCKET,
  sendTable,
  tcpDump,
  udp,
} from './helper.js'

describe.skipIf(addon === null)('batches of messages', () => {
  const open: number[] = []
  const socket = (): { handle: number; port: number } => {
    const made = udp()
    open.push(made.handle)
    return made
  }
  afterEach(() => {
    for (const handle of open.splice(0)) native.close(handle)
  })

  it('sends several messages and receives them with sender, time stamp and destination', () => {
    const from = socket()
    const to = socket()
    native.setOption(to.handle, SOL_SOCKET, SO_TIMESTAMPNS, int32(1))
    native.setOption(to.handle, SOL_IP, IP_PKTINFO, int32(1))
    const out = new Uint8Array([...loopback(to.port), 10, 20, 21, 30, 31, 32])
    const sending = sendTable([
      { data: [16, 1], name: [0, 16] },
      { data: [17, 2], name: [0, 16] },
      { data: [19, 3], name: [0, 16] },
    ])
    expect(native.sendBatch(from.handle, out, sending, 3, 0)).toBe(3)

    const arena = new Uint8Array(4 * 256)
    const rows = [0, 1, 2, 3].map(row => ({
      data: [row * 256, 64] as [number, number],
      name: [row * 256 + 64, 28] as [number, number],
      control: [row * 256 + 96, 128] as [number, number],
    }))
    const table = receiveTable(rows)
    const before = Date.now() / 1000
    expect(native.receiveBatch(to.handle, arena, table, 4, 0)).toBe(3)
    for (const [row, bytes] of [[10], [20, 21], [30, 31, 32]].entries()) {
      expect(result(table, row, 'receivedData')).toBe(bytes.length)
      expect([...arena.subarray(row * 256, row * 256 + bytes.length)]).toEqual(bytes)
      expect(result(table, row, 'receivedName')).toBe(16)
      expect(arena.slice(row * 256 + 64, row * 256 + 80)).toEqual(loopback(from.port))
      const messages = controlMessages(arena, row * 256 + 96, result(table, row, 'receivedControl'))
      expect(messages.map(({ level, type }) => [level, type])).toEqual([
        [SOL_SOCKET, SO_TIMESTAMPNS],
        [SOL_IP, IP_PKTINFO],
      ])
      const seconds = Number(new DataView(messages[0]!.data.buffer).getBigInt64(0, isLittleEndian))
      expect(Math.abs(seconds - before)).toBeLessThan(5)
      expect([...messages[1]!.data.subarray(8, 12)]).toEqual([127, 0, 0, 1])
    }
    expect(table.slice(0, SEND_ROW)).toEqual(receiveTable(rows).slice(0, SEND_ROW))
    expect(table.slice(3 * RECEIVE_ROW)).toEqual(receiveTable(rows).slice(3 * RECEIVE_ROW))
    expect(native.receiveBatch(to.handle, arena, table, 4, 0)).toBe(EAGAIN)
  })

  it('passes control messages on when sending', () => {
    const { handle, port } = socket()
    native.setOption(handle, SOL_IP, 12, int32(1)) // IP_RECVTTL
    const arena = new Uint8Array(128)
    arena.set(loopback(port))
    // struct cmsghdr: length 20, level SOL_IP, type IP_TTL, then the int 7
    arena.set([...int32(20), 0, 0, 0, 0, ...int32(SOL_IP), ...int32(2), ...int32(7), 0, 0, 0, 0], 16)
    expect(native.sendBatch(handle, arena, sendTable([{ data: [0, 1], name: [0, 16], control: [16, 24] }]), 1, 0)).toBe(
      1,
    )
    const table = receiveTable([{ data: [40, 8], control: [64, 64] }])
    expect(native.receiveBatch(handle, arena, table, 1, 0)).toBe(1)
    const [ttl] = controlMessages(arena, 64, result(table, 0, 'receivedControl'))
    expect([ttl!.level, ttl!.type, ttl!.data[0]]).toEqual([SOL_IP, 2, 7])
  })

  it('tells a cut message by its flags, and its real size with MSG_TRUNC', () => {
    const { handle, port } = socket()
    const arena = new Uint8Array(8)
    const table = receiveTable([{ data: [0, 8] }])
    for (const [flags, size] of [
      [0, 8],
      [MSG_TRUNC, 100],
    ] as const) {
      native.send(handle, new Uint8Array(100), 0, 100, 0, loopback(port))
      expect(native.receiveBatch(handle, arena, table, 1, flags)).toBe(1)
      expect(result(table, 0, 'receivedData')).toBe(size)
      expect(result(table, 0, 'receivedFlags') & MSG_TRUNC).toBe(MSG_TRUNC)
    }
  })

  it('reads the error queue: port unreachable, and from whom', async () => {
    const { handle } = socket()
    native.setOption(handle, SOL_IP, IP_RECVERR, int32(1))
    const target = loopback(closedPort())
    native.send(handle, new Uint8Array([42]), 0, 1, 0, target)
    const arena = new Uint8Array(512)
    const table = receiveTable([{ data: [0, 64], name: [64, 28], control: [128, 256] }])
    expect(await eventually(() => native.receiveBatch(handle, arena, table, 1, MSG_ERRQUEUE))).toBe(1)
    expect(arena[0]).toBe(42)
    expect(arena.slice(64, 80)).toEqual(target)
    expect(result(table, 0, 'receivedFlags') & MSG_ERRQUEUE).toBe(MSG_ERRQUEUE)
    const [error] = controlMessages(arena, 128, result(table, 0, 'receivedControl'))
    expect([error!.level, error!.type]).toEqual([SOL_IP, IP_RECVERR])
    // struct sock_extended_err: errno, origin ICMP, type 3 code 3
    expect([...error!.data.subarray(0, 7)]).toEqual([...int32(111), 2, 3, 3])
  })

  it('answers 0 for an empty batch, and takes up to 1024 rows', () => {
    const { handle } = socket()
    const table = new Int32Array((BATCH_LIMIT + 1) * RECEIVE_ROW)
    expect(native.receiveBatch(handle, new Uint8Array(0), table, 0, 0)).toBe(0)
    expect(native.sendBatch(handle, new Uint8Array(0), table, 0, 0)).toBe(0)
    expect(native.receiveBatch(handle, new Uint8Array(0), table, BATCH_LIMIT, 0)).toBe(EAGAIN)
    expect(native.receiveBatch(handle, new Uint8Array(0), table, BATCH_LIMIT + 1, 0)).toBe(EINVAL)
    expect(native.receiveBatch(handle, new Uint8Array(0), table, -1, 0)).toBe(EINVAL)
  })

  it('answers -EINVAL to every range that leaves its buffer, and never crashes', () => {
    const { handle, port } = socket()
    const size = 64
    const arena = new Uint8Array(size)
    const hostile = fc.oneof(
      fc.integer({ min: -2, max: size + 2 }),
      fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, -1, 0, size, size + 1),
      fc.integer(),
    )
    const inside = (offset: number, length: number): boolean => offset >= 0 && length >= 0 && offset + length <= size
    const calls = [
      [SEND_ROW, native.sendBatch],
      [SEND_STAMPED_ROW, native.sendStamped],
      [RECEIVE_ROW, native.receiveBatch],
    ] as const
    const row = fc.tuple(hostile, hostile, hostile, hostile, hostile, hostile)
    fc.assert(
      fc.property(row, fc.integer({ min: 0, max: 3 }), (numbers, position) => {
        const good = Math.max(position, 0)
        const [dataAt, data, nameAt, name, controlAt, control] = numbers
        const valid = inside(dataAt, data) && inside(nameAt, name) && inside(controlAt, control)
        for (const [stride, call] of calls) {
          const table = new Int32Array(stride * (good + 1))
          table.set(numbers, stride * good)
          const answer = call(handle, arena, table, good + 1, 0)
          if (!valid) expect(answer).toBe(EINVAL)
          expect(Number.isInteger(answer)).toBe(true)
        }
        const sent = native.send(handle, arena, dataAt, data, 0, loopback(port))
        if (inside(dataAt, data)) expect(sent).toBe(data)
        else expect(sent).toBe(EINVAL)
      }),
      { numRuns: 2000 },
    )
  })

  it('answers -EINVAL or -EBADF to arguments of any type whatever, in every call', () => {
    const { handle } = socket()
    const calls = Object.values(native).filter(item => typeof item === 'function') as ((
      ...given: unknown[]
    ) => unknown)[]
    expect(calls.length).toBe(22)
    const anything = fc.oneof(
      fc.anything({ withTypedArray: true, withBigInt: true }),
      fc.constantFrom(2 ** 32, 2 ** 53, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -0, null, undefined, Symbol('x')),
    )
    fc.assert(
      fc.property(fc.nat(calls.length - 1), fc.array(anything, { maxLength: 7 }), (which, rest) => {
        // open() answers a handle when it happens to get four good numbers, so the first is made a bad one.
        const first = calls[which] === native.open ? -1 : handle
        if (calls[which] === native.close) return
        const answer = calls[which]!(first, ...rest)
        expect(Number.isInteger(answer)).toBe(true)
      }),
      { numRuns: 5000 },
    )
    for (const bad of [undefined, null, '1', {}, 1.5, Number.NaN, 2 ** 32 + handle, 1n]) {
      for (const call of calls) expect(call(bad)).toBe(EINVAL)
    }
    expect(native.fdOf(handle)).toBeGreaterThan(0)
  })

  it('counts a detached buffer as empty', () => {
    const { handle } = socket()
    const arena = new Uint8Array(64)
    structuredClone(arena.buffer, { transfer: [arena.buffer] })
    expect(native.receiveBatch(handle, arena, receiveTable([{ data: [0, 64] }]), 1, 0)).toBe(EINVAL)
    expect(native.send(handle, arena, 0, 1, 0, null)).toBe(EINVAL)
  })
})

describe.skipIf(addon === null)('receiving on a worker thread', () => {
  const receive = (handle: number, arena: Uint8Array, table: Int32Array, count: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const answer = native.receiveBatchAsync(handle, arena, table, count, 0, resolve)
      if (answer < 0) reject(new Error(String(answer)))
    })

  it('fills the same table as receiveBatch', async () => {
    const { handle, port } = udp()
    for (const byte of [1, 2, 3]) native.send(handle, new Uint8Array([byte]), 0, 1, 0, loopback(port))
    const arena = new Uint8Array(64)
    const table = receiveTable([0, 1, 2, 3].map(row => ({ data: [row * 8, 8] })))
    expect(await receive(handle, arena, table, 4)).toBe(3)
    expect([arena[0], arena[8], arena[16]]).toEqual([1, 2, 3])
    expect(result(table, 2, 'receivedData')).toBe(1)
    expect(await receive(handle, arena, table, 4)).toBe(EAGAIN)
    native.close(handle)
  })

  it('reads a whole netlink dump to its end', async () => {
    const handle = native.open(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, -1)
    const request = tcpDump(AF_INET)
    expect(native.send(handle, request, 0, request.length, 0, null)).toBe(request.length)
    const arena = new Uint8Array(8 * 32768)
    const table = receiveTable(Array.from({ length: 8 }, (_, row) => ({ data: [row * 32768, 32768] })))
    const received = await receive(handle, arena, table, 8)
    expect(received).toBeGreaterThan(0)
    const last = (received - 1) * 32768
    const end = last + result(table, received - 1, 'receivedData')
    const view = new DataView(arena.buffer)
    const types: number[] = []
    for (let at = last; at < end; at += (view.getUint32(at, isLittleEndian) + 3) & ~3)
      types.push(view.getUint16(at + 4, isLittleEndian))
    expect(types.at(-1)).toBe(3) // NLMSG_DONE
    native.close(handle)
  })

  it('has one in flight a socket, and checks its ranges at once', async () => {
    const { handle } = udp()
    const arena = new Uint8Array(8)
    const table = receiveTable([{ data: [0, 8] }])
    const bad = receiveTable([{ data: [1, 8] }])
    expect(native.receiveBatchAsync(handle, arena, bad, 1, 0, () => {})).toBe(EINVAL)
    const first = receive(handle, arena, table, 1)
    expect(native.receiveBatchAsync(handle, arena, table, 1, 0, () => {})).toBe(EBUSY)
    expect(await first).toBe(EAGAIN)
    expect(await receive(handle, arena, table, 1)).toBe(EAGAIN)
    native.close(handle)
  })

  it('survives a close in flight, and closes the descriptor after it', async () => {
    const before = openDescriptors()
    for (let round = 0; round < 50; round++) {
      const { handle } = udp()
      const done = receive(handle, new Uint8Array(8), receiveTable([{ data: [0, 8] }]), 1)
      expect(native.close(handle)).toBe(0)
      expect(native.fdOf(handle)).toBe(EBADF)
      expect(await done).toBe(EAGAIN)
    }
    expect(openDescriptors()).toBe(before)
  })

  it('answers -EINVAL when a buffer was transferred away in flight', async () => {
    const { handle } = udp()
    for (const which of [0, 1]) {
      const arena = new Uint8Array(8)
      const table = receiveTable([{ data: [0, 8] }])
      const done = receive(handle, arena, table, 1)
      const buffer = (which === 0 ? arena : table).buffer as ArrayBuffer
      const kept = structuredClone(buffer, { transfer: [buffer] })
      expect(await done).toBe(EINVAL)
      expect(kept.byteLength).toBeGreaterThan(0)
    }
    native.close(handle)
  })
})
