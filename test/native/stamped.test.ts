import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { BATCH_LIMIT, SEND_STAMPED_ROW, STAMPED } from '../../src/bytes/batch-table.js'
import {
  addon,
  closedPort,
  controlMessages,
  EAGAIN,
  EBADF,
  EBUSY,
  ECONNREFUSED,
  EINVAL,
  eventually,
  IP_RECVERR,
  int32,
  isLittleEndian,
  loopback,
  MSG_ERRQUEUE,
  native,
  receiveTable,
  result,
  SO_RCVBUF,
  SO_TIMESTAMPNS,
  SOL_IP,
  SOL_SOCKET,
  udp,
} from './helper.js'

const EACCES = -13
const EDESTADDRREQ = -89
const EMSGSIZE = -90

interface Row {
  data: [offset: number, length: number]
  name?: [offset: number, length: number]
}

function stampedTable(rows: readonly Row[]): Int32Array {
  const table = new Int32Array(rows.length * SEND_STAMPED_ROW).fill(-1)
  for (const [index, { data, name = [0, 0] }] of rows.entries())
    table.set([...data, ...name, 0, 0], index * SEND_STAMPED_ROW)
  return table
}

const field = (table: Int32Array, row: number, name: keyof typeof STAMPED): number =>
  table[row * SEND_STAMPED_ROW + STAMPED[name]]!

/** Nanoseconds since the second in which the first stamp of this file was made. */
const origin = Math.floor(Date.now() / 1000)
const realtimeNs = (seconds: number, nanoseconds: number): number => ((seconds >>> 0) - origin) * 1e9 + nanoseconds
const sentNs = (table: Int32Array, row: number): number =>
  realtimeNs(field(table, row, 'realtimeSeconds'), field(table, row, 'realtimeNanoseconds'))
const monotonicNs = (table: Int32Array, row: number): bigint =>
  BigInt(field(table, row, 'monotonicSeconds') >>> 0) * 1_000_000_000n +
  BigInt(field(table, row, 'monotonicNanoseconds'))

describe.skipIf(addon === null)('sends with the time of each', () => {
  const open: number[] = []
  const socket = (): { handle: number; port: number } => {
    const made = udp()
    open.push(made.handle)
    return made
  }
  afterEach(() => {
    for (const handle of open.splice(0)) native.close(handle)
  })

  it('stamps each message before it leaves: never after the kernel received it, never before the call', () => {
    const from = socket()
    const to = socket()
    native.setOption(to.handle, SOL_SOCKET, SO_TIMESTAMPNS, int32(1))
    const out = new Uint8Array([...loopback(to.port), 1, 2, 3])
    const table = stampedTable([16, 17, 18].map(at => ({ data: [at, 1], name: [0, 16] })))
    const clocks = new Int32Array(4)
    expect(native.clocks(clocks)).toBe(0)
    const before = realtimeNs(clocks[0]!, clocks[1]!)
    const monotonicBefore = process.hrtime.bigint()
    expect(native.sendStamped(from.handle, out, table, 3, 0)).toBe(3)
    const monotonicAfter = process.hrtime.bigint()

    const arena = new Uint8Array(3 * 128)
    const rows = [0, 1, 2].map(row => ({
      data: [row * 128, 16] as [number, number],
      control: [row * 128 + 16, 64] as [number, number],
    }))
    const receiving = receiveTable(rows)
    expect(native.receiveBatch(to.handle, arena, receiving, 3, 0)).toBe(3)
    let last = before
    for (const row of [0, 1, 2]) {
      expect(field(table, row, 'result')).toBe(0)
      expect(field(table, row, 'refusals')).toBe(0)
      const sent = sentNs(table, row)
      expect(sent).toBeGreaterThanOrEqual(last)
      const [message] = controlMessages(arena, row * 128 + 16, result(receiving, row, 'receivedControl'))
      const view = new DataView(message!.data.buffer)
      const received = realtimeNs(view.getUint32(0, isLittleEndian), view.getUint32(8, isLittleEndian))
      expect(received).toBeGreaterThanOrEqual(sent)
      expect(arena[row * 128]).toBe(row + 1)
      expect(monotonicNs(table, row)).toBeGreaterThanOrEqual(monotonicBefore)
      expect(monotonicNs(table, row)).toBeLessThanOrEqual(monotonicAfter)
      last = sent
    }
  })

  it('goes on after a row that the kernel refuses, and says which errno', () => {
    const from = socket()
    const to = socket()
    const broadcast = loopback(to.port)
    broadcast.set([255, 255, 255, 255], 4)
    const out = new Uint8Array([...loopback(to.port), ...broadcast, 7])
    const table = stampedTable([
      { data: [32, 1], name: [0, 16] },
      { data: [32, 1], name: [16, 16] },
      { data: [32, 1], name: [0, 16] },
    ])
    expect(native.sendStamped(from.handle, out, table, 3, 0)).toBe(3)
    // socket(7): a broadcast address without SO_BROADCAST.
    expect([0, 1, 2].map(row => field(table, row, 'result'))).toEqual([0, EACCES, 0])
    expect([0, 1, 2].map(row => field(table, row, 'refusals'))).toEqual([0, 1, 0])
    const arena = new Uint8Array(32)
    const receiving = receiveTable([0, 8, 16].map(at => ({ data: [at, 8] })))
    expect(native.receiveBatch(to.handle, arena, receiving, 3, 0)).toBe(2)
  })

  it('sends a row again that an error of an earlier message refused, and leaves that error in its queue', async () => {
    const from = socket()
    const to = socket()
    native.setOption(from.handle, SOL_IP, IP_RECVERR, int32(1))
    const out = new Uint8Array([...loopback(closedPort()), ...loopback(to.port), 7])
    native.send(from.handle, out, 32, 1, 0, out.subarray(0, 16))
    const table = stampedTable([{ data: [32, 1], name: [16, 16] }])
    // Loopback delivers the port-unreachable within the first send.
    expect(native.sendStamped(from.handle, out, table, 1, 0)).toBe(1)
    expect(field(table, 0, 'result')).toBe(0)
    expect(field(table, 0, 'refusals')).toBe(1)
    const arena = new Uint8Array(256)
    const row = receiveTable([{ data: [0, 8], control: [16, 200] }])
    expect(await eventually(() => native.receiveBatch(to.handle, arena, row, 1, 0))).toBe(1)
    expect(native.receiveBatch(from.handle, arena, row, 1, MSG_ERRQUEUE)).toBe(1)
    const found = controlMessages(arena, 16, result(row, 0, 'receivedControl'))
    const error = found.find(({ level, type }) => level === SOL_IP && type === IP_RECVERR)
    expect(new DataView(error!.data.buffer).getUint32(0, isLittleEndian)).toBe(-ECONNREFUSED)
  })

  it('tries a row once that is refused with an errno that no ICMP error has', () => {
    const from = socket()
    const to = socket()
    const out = new Uint8Array(16 + 1)
    out.set(loopback(to.port))
    const table = stampedTable([{ data: [16, 1] }, { data: [16, 1], name: [0, 16] }])
    expect(native.sendStamped(from.handle, out, table, 2, 0)).toBe(2)
    expect([0, 1].map(row => field(table, row, 'result'))).toEqual([EDESTADDRREQ, 0])
    expect([0, 1].map(row => field(table, row, 'refusals'))).toEqual([0, 0])
  })

  it('tries a row again that is too big, as that may be said of an earlier one, and believes the second refusal', () => {
    const from = socket()
    const to = socket()
    // udp(7): EMSGSIZE, more than an IPv4 packet holds.
    const out = new Uint8Array(16 + 65_508)
    out.set(loopback(to.port))
    const table = stampedTable([
      { data: [16, 65_508], name: [0, 16] },
      { data: [16, 1], name: [0, 16] },
    ])
    expect(native.sendStamped(from.handle, out, table, 2, 0)).toBe(2)
    expect([0, 1].map(row => field(table, row, 'result'))).toEqual([EMSGSIZE, 0])
    expect([0, 1].map(row => field(table, row, 'refusals'))).toEqual([1, 0])
  })

  it('ends at the first row that there is no room for, and counts those before it', () => {
    // struct sockaddr_un of an abstract name.
    const path = new Uint8Array([
      ...int32(1).subarray(0, 2),
      0,
      ...new TextEncoder().encode(`netkit-stamped-${process.pid}`),
    ])
    const listener = native.open(1, 2, 0, -1)
    open.push(listener)
    expect(native.bind(listener, path)).toBe(0)
    const sender = native.open(1, 2, 0, -1)
    open.push(sender)
    expect(native.connect(sender, path)).toBe(0)
    const rows = Array.from({ length: BATCH_LIMIT }, (): Row => ({ data: [0, 8] }))
    const table = stampedTable(rows)
    // unix(7): a datagram socket takes net.unix.max_dgram_qlen messages.
    const handled = native.sendStamped(sender, new Uint8Array(8), table, BATCH_LIMIT, 0)
    expect(handled).toBeGreaterThan(0)
    expect(handled).toBeLessThan(BATCH_LIMIT)
    expect(field(table, handled - 1, 'result')).toBe(0)
    expect(field(table, handled, 'result')).toBe(EAGAIN)
    expect(field(table, handled, 'refusals')).toBe(0)
    expect(field(table, handled + 1, 'result')).toBe(-1)
    expect(native.sendStamped(sender, new Uint8Array(8), table, 4, 0)).toBe(0)
  })

  it('refuses ranges, tables and counts that do not fit', () => {
    const { handle } = socket()
    const arena = new Uint8Array(16)
    const table = stampedTable([{ data: [0, 8] }])
    expect(native.sendStamped(handle, arena, table, 2, 0)).toBe(EINVAL)
    expect(native.sendStamped(handle, arena, table.subarray(1), 1, 0)).toBe(EINVAL)
    expect(native.sendStamped(handle, arena, stampedTable([{ data: [9, 8] }]), 1, 0)).toBe(EINVAL)
    expect(native.sendStamped(handle, arena, stampedTable([{ data: [0, 1], name: [16, 1] }]), 1, 0)).toBe(EINVAL)
    const long = new Int32Array((BATCH_LIMIT + 1) * SEND_STAMPED_ROW)
    expect(native.sendStamped(handle, arena, long, BATCH_LIMIT + 1, 0)).toBe(EINVAL)
    expect(native.sendStamped(handle, arena, table, -1, 0)).toBe(EINVAL)
    expect(native.sendStamped(handle, arena, table, 0, 0)).toBe(0)
    native.close(handle)
    expect(native.sendStamped(handle, arena, table, 1, 0)).toBe(EBADF)
  })
})

describe.skipIf(addon === null)('stamped sends on a worker thread', () => {
  const send = (handle: number, arena: Uint8Array, table: Int32Array, count: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const answer = native.sendStampedAsync(handle, arena, table, count, 0, resolve)
      if (answer < 0) reject(new Error(String(answer)))
    })

  it('fills in the same rows as sendStamped, refusals among them', async () => {
    const from = udp()
    const to = udp()
    const broadcast = loopback(to.port)
    broadcast.set([255, 255, 255, 255], 4)
    const out = new Uint8Array([...loopback(to.port), ...broadcast, 7, 8])
    const table = stampedTable([
      { data: [32, 1], name: [0, 16] },
      { data: [32, 1], name: [16, 16] },
      { data: [33, 1], name: [0, 16] },
    ])
    const before = process.hrtime.bigint()
    const sending = send(from.handle, out, table, 3)
    // Nothing of it before the end.
    expect(field(table, 0, 'result')).toBe(-1)
    expect(await sending).toBe(3)
    expect([0, 1, 2].map(row => field(table, row, 'result'))).toEqual([0, EACCES, 0])
    expect([0, 1, 2].map(row => field(table, row, 'refusals'))).toEqual([0, 1, 0])
    expect(monotonicNs(table, 0)).toBeGreaterThanOrEqual(before)
    expect(monotonicNs(table, 1)).toBeGreaterThanOrEqual(monotonicNs(table, 0))
    expect(monotonicNs(table, 2)).toBeLessThanOrEqual(process.hrtime.bigint())
    const arena = new Uint8Array(2)
    expect(native.receiveBatch(to.handle, arena, receiveTable([{ data: [0, 1] }, { data: [1, 1] }]), 2, 0)).toBe(2)
    expect([...arena]).toEqual([7, 8])
    native.close(from.handle)
    native.close(to.handle)
  })

  it('takes one at a time for a socket, and checks before it starts', async () => {
    const { handle, port } = udp()
    const out = new Uint8Array([...loopback(port), 1])
    const table = stampedTable([{ data: [16, 1], name: [0, 16] }])
    const bad = stampedTable([{ data: [17, 1] }])
    const ignore = (): void => {}
    expect(native.sendStampedAsync(handle, out, bad, 1, 0, ignore)).toBe(EINVAL)
    expect(native.sendStampedAsync(handle, out, table, 2, 0, ignore)).toBe(EINVAL)
    expect(native.sendStampedAsync(handle, out, table, 1, 0, null as never)).toBe(EINVAL)
    const first = send(handle, out, table, 1)
    expect(native.sendStampedAsync(handle, out, table, 1, 0, ignore)).toBe(EBUSY)
    // A receive may be in flight beside it.
    const received = new Promise(resolve => {
      expect(native.receiveBatchAsync(handle, new Uint8Array(8), receiveTable([{ data: [0, 8] }]), 1, 0, resolve)).toBe(
        0,
      )
    })
    expect(await first).toBe(1)
    expect([1, EAGAIN]).toContain(await received)
    expect(await send(handle, out, table, 1)).toBe(1)
    native.close(handle)
    expect(native.sendStampedAsync(handle, out, table, 1, 0, ignore)).toBe(EBADF)
  })

  it('survives a close in flight, and sends all the same', async () => {
    const to = udp()
    native.setOption(to.handle, SOL_SOCKET, SO_RCVBUF, int32(1 << 20))
    for (let round = 0; round < 50; round++) {
      const { handle } = udp()
      const out = new Uint8Array([...loopback(to.port), round])
      const done = send(handle, out, stampedTable([{ data: [16, 1], name: [0, 16] }]), 1)
      expect(native.close(handle)).toBe(0)
      expect(native.fdOf(handle)).toBe(EBADF)
      expect(await done).toBe(1)
    }
    const table = receiveTable(Array.from({ length: 64 }, (_, row) => ({ data: [row, 1] as [number, number] })))
    expect(native.receiveBatch(to.handle, new Uint8Array(64), table, 64, 0)).toBe(50)
    native.close(to.handle)
  })

  it('answers -EINVAL when a buffer was transferred away in flight', async () => {
    const { handle, port } = udp()
    for (const which of [0, 1]) {
      const out = new Uint8Array([...loopback(port), 1])
      const table = stampedTable([{ data: [16, 1], name: [0, 16] }])
      const done = send(handle, out, table, 1)
      const buffer = (which === 0 ? out : table).buffer as ArrayBuffer
      const kept = structuredClone(buffer, { transfer: [buffer] })
      expect(await done).toBe(EINVAL)
      expect(kept.byteLength).toBeGreaterThan(0)
    }
    native.close(handle)
  })
})

describe.skipIf(addon === null)('the clocks', () => {
  it('are those of Date and of process.hrtime', () => {
    const out = new Int32Array(4)
    const [date, monotonic] = [Date.now(), process.hrtime.bigint()]
    expect(native.clocks(out)).toBe(0)
    const [dateAfter, monotonicAfter] = [Date.now(), process.hrtime.bigint()]
    const milliseconds = (out[0]! >>> 0) * 1000 + out[1]! / 1e6
    expect(milliseconds).toBeGreaterThanOrEqual(date)
    expect(milliseconds).toBeLessThan(dateAfter + 1)
    const nanoseconds = BigInt(out[2]! >>> 0) * 1_000_000_000n + BigInt(out[3]!)
    expect(nanoseconds).toBeGreaterThanOrEqual(monotonic)
    expect(nanoseconds).toBeLessThanOrEqual(monotonicAfter)
  })

  it('are read at one moment, however busy the processors are', async () => {
    // A scheduler that comes between the two readings would make the wall clock look as if it had been set.
    const busy = Array.from({ length: cpus().length + 1 }, () => spawn('sh', ['-c', 'while :; do :; done']))
    try {
      await new Promise(resolve => setTimeout(resolve, 50))
      const out = new Int32Array(4)
      const apartMs = (): number => {
        native.clocks(out)
        return ((out[0]! >>> 0) - (out[2]! >>> 0)) * 1000 + (out[1]! - out[3]!) / 1e6
      }
      let torn = 0
      let last = apartMs()
      for (const end = Date.now() + 1500; Date.now() < end; ) {
        for (let reading = 0; reading < 1000; reading++) {
          const now = apartMs()
          // Where the clock really was set, it stays so.
          if (Math.abs(now - last) > 0.5 && Math.abs(apartMs() - last) <= 0.5) torn++
          else last = now
        }
      }
      expect(torn).toBe(0)
    } finally {
      for (const child of busy) child.kill('SIGKILL')
    }
  })

  it('need room for four numbers', () => {
    expect(native.clocks(new Int32Array(3))).toBe(EINVAL)
    expect(native.clocks(new Uint8Array(16) as unknown as Int32Array)).toBe(EINVAL)
    expect(native.clocks(new Int32Array(5).subarray(1))).toBe(0)
  })
})
