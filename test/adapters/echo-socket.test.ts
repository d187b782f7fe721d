import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openEchoSocket } from '../../src/adapters/echo-socket.js'
import { echoReplyFilter } from '../../src/adapters/echo-socket-filter.js'
import { RECEIVE_ROW, ROW, SEND_STAMPED_ROW, STAMPED } from '../../src/bytes/batch-table.js'
import { PermissionError, UnsupportedError } from '../../src/errors/index.js'
import type { ProbeOptions, ProbeReply, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { batchOf, probeOptions, Seen } from './probe-helper.js'

const EPERM = -1
const EAGAIN = -11
const EACCES = -13
const EPROTONOSUPPORT = -93
const EAFNOSUPPORT = -97
const ENETUNREACH = -101
const EHOSTUNREACH = -113
const EREMOTEIO = -121
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const MSG_ERRQUEUE = 0x2000
const IDENTIFIER = 0x1234
/** 2039: seconds that an int32 holds only as a negative number. */
const SECONDS = 2_200_000_000
const TIMED = { level: 1, type: 35 }
const STAMPS = { level: 1, type: 37 }
const RECVERR = { level: 0, type: 11 }

interface Control {
  level: number
  type: number
  data: readonly number[]
}
interface Message {
  data: readonly number[]
  from?: readonly number[]
  control?: readonly Control[]
}

const le32 = (...words: number[]): number[] => [...new Uint8Array(Uint32Array.from(words).buffer)]
/** struct timespec of so many nanoseconds after the base. */
const timespec = (ns: number): number[] => le32(SECONDS + Math.floor(ns / 1e9), 0, ns % 1e9, 0)
const sockaddr = (...address: number[]): number[] => [2, 0, 0, 0, ...address, ...Array(8).fill(0)]
/** struct sock_extended_err with its offender. */
const extended = (errno: number, origin: number, type: number, code: number, info: number, data: number): number[] => [
  ...le32(errno),
  origin,
  type,
  code,
  0,
  ...le32(info, data),
  ...sockaddr(10, 0, 0, 1),
]

/** A host in memory: what a socket is given to read, and what it does with what is sent. */
class FakeHost {
  readonly opened: number[] = []
  readonly sent: number[][] = []
  readonly answers: Message[] = []
  readonly errors: Message[] = []
  /** Results of the rows to come; 0 when it is empty. */
  readonly results: number[] = []
  nowNs = 1_000_000
  watched = false
  /** Of the receive buffer, as the kernel answers it. */
  roomBytes = 1 << 21
  /** Lands the batch that is on its way beside this thread. */
  land: () => void = () => undefined
  open: (type: number) => number = () => 7
  readonly port: SocketPort

  constructor() {
    const nothing = (): number => 0
    this.port = {
      open: (_domain, type, protocol) => {
        // The sockets that only ask for something are UDP's.
        if (protocol === 0) return 99
        this.opened.push(type)
        return this.open(type)
      },
      bind: nothing,
      connect: nothing,
      getName: (_handle, out) => {
        out.set([2, 0, IDENTIFIER >> 8, IDENTIFIER & 255])
        return out.length
      },
      getPeer: nothing,
      getOption: (_handle, level, name, out) => {
        if (level === SOL_SOCKET && name === SO_RCVBUF) new DataView(out.buffer).setInt32(0, this.roomBytes, true)
        return 0
      },
      setOption: nothing,
      send: nothing,
      sendBatch: () => EACCES,
      sendStamped: (_handle, arena, table, count) => this.send(arena, table, count),
      sendStampedAsync: (_handle, arena, table, count, _flags, done) => {
        this.land = () => done(this.send(arena, table, count))
        return 0
      },
      receiveBatch: (_handle, arena, table, count, flags) =>
        this.receive((flags & MSG_ERRQUEUE) === 0 ? this.answers : this.errors, arena, table, count),
      receiveBatchAsync: nothing,
      watch: () => {
        this.watched = true
        return 0
      },
      unwatch: () => {
        this.watched = false
        return 0
      },
      shutdown: nothing,
      close: nothing,
      fdOf: nothing,
      clocks: out => {
        out.set(this.stamp())
        return 0
      },
    }
  }

  private stamp(): number[] {
    const { nowNs } = this
    return [(SECONDS + Math.floor(nowNs / 1e9)) | 0, nowNs % 1e9, 5, nowNs % 1e9]
  }

  private send(arena: Uint8Array, table: Int32Array, count: number): number {
    for (let row = 0; row < count; row++) {
      const own = row * SEND_STAMPED_ROW
      this.nowNs += 1000
      const result = this.results.shift() ?? 0
      table.set([result, ...this.stamp(), result < 0 ? 1 : 0], own + STAMPED.result)
      if (result === EAGAIN) return row
      const at = table[own + ROW.dataOffset]!
      if (result === 0) this.sent.push([...arena.subarray(at, at + table[own + ROW.dataLength]!)])
    }
    return count
  }

  private receive(queue: Message[], arena: Uint8Array, table: Int32Array, count: number): number {
    const got = Math.min(queue.length, count)
    for (const [row, { data, from = sockaddr(10, 0, 0, 2), control = [] }] of queue.splice(0, got).entries()) {
      const own = row * RECEIVE_ROW
      arena.set(data.slice(0, table[own + ROW.dataLength]!), table[own + ROW.dataOffset]!)
      arena.set(from.slice(0, table[own + ROW.nameLength]!), table[own + ROW.nameOffset]!)
      const bytes = control.flatMap(({ level, type, data: value }) => [
        ...le32(16 + value.length, 0, level, type),
        ...value,
        ...Array((8 - (value.length & 7)) & 7).fill(0),
      ])
      arena.set(bytes.slice(0, table[own + ROW.controlLength]!), table[own + ROW.controlOffset]!)
      table.set([data.length, from.length, bytes.length, 0], own + ROW.receivedData)
    }
    return got === 0 ? EAGAIN : got
  }
}

const openFake = (host: FakeHost, wishes: Partial<ProbeOptions> = {}): ProbeTransport =>
  openEchoSocket(host.port, probeOptions(['10.0.0.2', '10.0.0.3'], wishes))

/** What was sent, as it comes back. */
const reply = (request: readonly number[]): number[] => [0, ...request.slice(1)]

function failure(host: FakeHost, wishes: Partial<ProbeOptions> = {}): Error & { exit?: number; hints?: string[] } {
  try {
    openFake(host, wishes)
  } catch (error) {
    return error as Error
  }
  throw new Error('it was opened')
}

describe('opening an echo socket', () => {
  const refusing = (datagram: number, raw: number): FakeHost => {
    const host = new FakeHost()
    host.open = type => (type === SOCK_DGRAM ? datagram : raw)
    return host
  }

  it('takes the datagram socket first, and the raw one where that is refused as ping does', () => {
    const first = new FakeHost()
    expect(openFake(first)).toMatchObject({ kind: 'datagram', note: null })
    expect(first.opened).toEqual([SOCK_DGRAM])
    for (const refusal of [EACCES, EPROTONOSUPPORT, EAFNOSUPPORT]) {
      const host = refusing(refusal, 8)
      const transport = openFake(host)
      expect(transport.kind).toBe('raw')
      expect(transport.note).toMatch(/^probing through a raw ICMP socket: /)
      expect(host.opened).toEqual([SOCK_DGRAM, SOCK_RAW])
    }
  })

  it('opens nothing else than what was asked for', () => {
    const raw = new FakeHost()
    expect(openFake(raw, { transport: 'raw' })).toMatchObject({ kind: 'raw', note: null })
    expect(raw.opened).toEqual([SOCK_RAW])
    const refused = refusing(EACCES, 8)
    expect(failure(refused, { transport: 'datagram' })).toBeInstanceOf(PermissionError)
    expect(refused.opened).toEqual([SOCK_DGRAM])
  })

  it('names both remedies where neither is allowed', () => {
    const error = failure(refusing(EACCES, EPERM))
    expect(error).toBeInstanceOf(PermissionError)
    expect(error.exit).toBe(3)
    expect(error.message).toContain('EACCES')
    expect(error.message).toContain('EPERM')
    for (const remedy of ['ping_group_range', 'net_raw']) expect(error.hints!.join('\n')).toContain(remedy)
    expect(new Set(error.hints).size).toBe(error.hints!.length)
  })

  it('calls a missing family unsupported, not forbidden', () => {
    expect(failure(refusing(EAFNOSUPPORT, EAFNOSUPPORT))).toBeInstanceOf(UnsupportedError)
  })
})

describe('sending', () => {
  it('writes an echo request whose sum is right on a raw socket, and leaves the sum to the kernel on a datagram one', () => {
    for (const payloadBytes of [0, 1, 8, 15, 16, 17, 56, 1001]) {
      const host = new FakeHost()
      const transport = openFake(host, { transport: 'raw', payloadBytes, identifier: IDENTIFIER })
      transport.send(batchOf([0, 1, payloadBytes], [1, 0x1_0002, payloadBytes], [0, 2, payloadBytes >> 1]))
      for (const bytes of host.sent) {
        // RFC 1071: the sum over a message with its checksum is all ones.
        let sum = 0
        for (const [at, byte] of bytes.entries()) sum += at % 2 === 0 ? byte * 256 : byte
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
        expect(sum).toBe(0xffff)
        expect(bytes.slice(0, 2)).toEqual([8, 0])
        expect(bytes.slice(4, 6)).toEqual([0x12, 0x34])
      }
      expect(host.sent.map(bytes => bytes.slice(6, 8))).toEqual([
        [0, 1],
        [0, 2],
        [0, 2],
      ])
    }
    const host = new FakeHost()
    openFake(host, { transport: 'datagram' }).send(batchOf([0, 1]))
    expect(host.sent[0]!.slice(2, 4)).toEqual([0, 0])
  })

  it('repeats the pattern behind the mark', () => {
    const host = new FakeHost()
    openFake(host, { pattern: new Uint8Array([0xca, 0xfe, 0x01]), payloadBytes: 20 }).send(batchOf([0, 1, 20]))
    expect(host.sent[0]!.slice(24)).toEqual([0xfe, 0x01, 0xca, 0xfe])
  })

  it('keeps a refusal that stays when what waited on the socket has been taken away', () => {
    const host = new FakeHost()
    // The row, the two behind it, and the row again.
    host.results.push(0, EHOSTUNREACH, 0, 0, ENETUNREACH)
    const batch = batchOf([0, 1], [1, 1], [0, 2], [1, 2])
    expect(openFake(host).send(batch)).toBe(4)
    expect([...batch.result]).toEqual([0, ENETUNREACH, 0, 0])
    expect(host.sent).toHaveLength(3)
  })

  it('counts rows up to a full socket', () => {
    const host = new FakeHost()
    host.results.push(0, 0, EAGAIN)
    const batch = batchOf([0, 1], [1, 1], [0, 2], [1, 2])
    expect(openFake(host).send(batch)).toBe(2)
    expect([...batch.result].slice(0, 2)).toEqual([0, 0])
    expect(batch.sentNs[1]).toBeGreaterThan(batch.sentNs[0]!)
  })

  it('sends a row a third time after an error of the network refused it twice', () => {
    for (const errno of [EHOSTUNREACH, EREMOTEIO]) {
      const host = new FakeHost()
      host.results.push(errno)
      const batch = batchOf([0, 1])
      openFake(host).send(batch)
      expect([...batch.result]).toEqual([0])
      expect(host.sent).toHaveLength(1)
    }
  })
})

describe('receiving', () => {
  it('hands errors and stamps out before the answers that were read with them', () => {
    const host = new FakeHost()
    const transport = openFake(host)
    const batch = batchOf([0, 1], [1, 1])
    transport.send(batch)
    const taken = batch.sentNs[0]! + 100
    host.nowNs += 5000
    host.answers.push({ data: reply(host.sent[0]!), control: [{ ...TIMED, data: timespec(taken + 200) }] })
    const stamp = (info: number, number: number): Message => ({
      data: [],
      control: [
        { ...STAMPS, data: timespec(taken + info) },
        { ...RECVERR, data: extended(42, 4, 0, 0, info, number) },
      ],
    })
    host.errors.push(stamp(1, 0), {
      data: host.sent[1]!.slice(0, 8),
      from: sockaddr(10, 0, 0, 3),
      control: [{ ...RECVERR, data: extended(113, 2, 3, 1, 0, 0) }],
    })
    const seen = new Seen()
    expect(transport.receive(seen)).toBe(3)
    expect(seen.order).toEqual(['scheduler', 'error', 'reply'])
    expect(seen.stamps).toEqual([{ target: 0, sequence: 1, at: 'scheduler', ns: taken + 1 }])
    // Eight bytes are quoted: destination and sequence are all there is to go by.
    expect(seen.errors).toMatchObject([
      { target: 1, sequence: -1, wireSequence: 1, from: '10.0.0.1', type: 3, code: 1 },
    ])
    expect(seen.replies).toMatchObject([{ target: 0, sequence: 1, receivedNs: taken + 200, kernelStamp: true }])
  })

  it('names the better router of a redirect, and of nothing else', () => {
    const host = new FakeHost()
    const transport = openFake(host)
    transport.send(batchOf([0, 1]))
    for (const [errno, type, info] of [
      [121, 5, 0xc0000207],
      [111, 3, 0],
    ] as const) {
      const control = [{ ...RECVERR, data: extended(errno, 2, type, 1, info, 0) }]
      host.errors.push({ data: host.sent[0]!.slice(0, 8), from: sockaddr(10, 0, 0, 2), control })
    }
    const seen = new Seen()
    transport.receive(seen)
    expect(seen.errors.map(({ type, redirectTo }) => [type, redirectTo])).toEqual([
      [5, '192.0.2.7'],
      [3, null],
    ])
  })

  it('takes no stamp from before the send, from the future, or of an unknown number', () => {
    const host = new FakeHost()
    const transport = openFake(host)
    const batch = batchOf([0, 1])
    transport.send(batch)
    const sent = batch.sentNs[0]!
    host.nowNs += 5000
    for (const [ns, number] of [
      [sent - 1, 0],
      [host.nowNs + 1, 0],
      [sent + 1, 1],
      [sent + 1, 0xffffffff],
    ] as const) {
      const control = [
        { ...STAMPS, data: timespec(ns) },
        { ...RECVERR, data: extended(42, 4, 0, 0, 0, number) },
      ]
      host.errors.push({ data: [], control })
    }
    const seen = new Seen()
    transport.receive(seen)
    expect(seen.order).toEqual([])
  })

  it('tells an answer from another address, and one that is not to this run', () => {
    const host = new FakeHost()
    const transport = openFake(host)
    transport.send(batchOf([0, 1]))
    const [request] = host.sent
    host.answers.push({ data: reply(request!), from: sockaddr(10, 0, 0, 3) })
    host.answers.push({ data: reply(request!), from: sockaddr(192, 0, 2, 1) })
    host.answers.push({ data: reply(request!.map((byte, at) => (at === 9 ? byte ^ 1 : byte))) })
    host.answers.push({ data: reply(request!.map((byte, at) => (at === 5 ? byte ^ 1 : byte))) })
    host.answers.push({ data: request! })
    const seen = new Seen()
    transport.receive(seen)
    expect(seen.replies.map(({ target, sequence, from, fromTarget }) => [target, sequence, from, fromTarget])).toEqual([
      [0, 1, '10.0.0.3', 1],
      [0, 1, '192.0.2.1', -1],
      [-1, -1, '10.0.0.2', 0],
    ])
  })

  it('reads on after errors that wait on the socket', () => {
    const host = new FakeHost()
    const transport = openFake(host)
    transport.send(batchOf([0, 1]))
    host.answers.push({ data: reply(host.sent[0]!) })
    const { receiveBatch } = host.port
    const refusals = [EHOSTUNREACH, -111]
    host.port.receiveBatch = (...given) => refusals.shift() ?? receiveBatch(...given)
    const seen = new Seen()
    transport.receive(seen)
    expect(seen.replies).toHaveLength(1)
  })

  it('sends batches beside this thread, and keeps quiet until the last has landed', () => {
    const host = new FakeHost()
    const transport = openFake(host, { timestamps: 'rx' })
    transport.onReadable(() => undefined)
    const { aside } = transport
    const [first, second] = [batchOf([0, 1], [1, 1]), batchOf([0, 2])]
    expect(aside!.rows).toBeGreaterThanOrEqual(256)
    expect(aside!.send(() => undefined)).toBe(false)
    aside!.prepare(first)
    const landed: number[] = []
    const next = (handled: number): void => {
      landed.push(handled)
      expect(aside!.send(each => landed.push(each))).toBe(true)
    }
    expect(aside!.send(next)).toBe(true)
    expect(host.watched).toBe(false)
    // Made while the other one is on its way, and not in its place.
    aside!.prepare(second)
    host.results.push(0, EPERM)
    host.land()
    expect([...first.result, ...landed]).toEqual([0, EPERM, 2])
    expect(first.sentNs[1]!).toBeGreaterThan(first.sentNs[0]!)
    expect(host.watched).toBe(false)
    host.land()
    expect([...second.result, ...landed]).toEqual([0, 2, 1])
    expect(host.watched).toBe(true)
    expect(host.sent.map(bytes => [bytes[7], bytes[16], bytes[20]])).toEqual([
      [1, 0, 1],
      [2, 0, 2],
    ])
  })

  it('sends nothing beside this thread where stamps would suffer, or answers be lost', () => {
    const narrow = new FakeHost()
    narrow.roomBytes = 4096
    expect(openFake(narrow, { timestamps: 'rx' }).aside).toBeNull()
    // Its answers, of 2 KiB and more at most, shall not fill it before they are read.
    expect(openFake(narrow, { timestamps: 'rx' }).rows).toBe(1)
    narrow.roomBytes = 212_992
    expect(openFake(narrow, { timestamps: 'rx', payloadBytes: 1472 }).rows).toBe(60)
    expect(openFake(new FakeHost(), { timestamps: 'user' }).aside).toBeNull()
    expect(openFake(new FakeHost(), { timestamps: 'kernel' }).aside).toBeNull()
  })

  it('hands an answer that came too early out once more, and those behind it after it', () => {
    const host = new FakeHost()
    const transport = openFake(host)
    transport.send(batchOf([0, 1], [1, 1], [0, 2]))
    for (const request of host.sent) host.answers.push({ data: reply(request) })
    const taken: number[] = []
    let early = true
    const visitor = {
      error: () => undefined,
      transmitted: () => undefined,
      reply: ({ target, sequence }: ProbeReply) => {
        if (early && target === 1) return false
        taken.push(target, sequence)
        return true
      },
    }
    transport.receive(visitor)
    transport.receive(visitor)
    expect(taken).toEqual([0, 1])
    early = false
    transport.receive(visitor)
    expect(taken).toEqual([0, 1, 1, 1, 0, 2])
  })

  it('goes by the index of a target, which another family shifts', () => {
    const host = new FakeHost()
    const { targets } = probeOptions(['10.0.0.2', '10.0.0.3'])
    const shifted = targets.map(target => ({ ...target, index: target.index * 5 + 3 }))
    const transport = openFake(host, { targets: shifted })
    transport.send(batchOf([8, 1]))
    host.answers.push({ data: reply(host.sent[0]!), from: sockaddr(10, 0, 0, 3) })
    const seen = new Seen()
    transport.receive(seen)
    expect(seen.replies).toMatchObject([{ target: 8, fromTarget: 8, from: '10.0.0.3' }])
  })

  it('survives any bytes in answers, control messages and the error queue', () => {
    const bytes = fc.array(fc.nat(255), { maxLength: 120 })
    const kinds = fc.constantFrom(TIMED, STAMPS, RECVERR, { level: 0, type: 2 }, { level: 0, type: 6 })
    const control = fc.array(
      fc.tuple(kinds, bytes).map(([kind, data]) => ({ ...kind, data })),
      { maxLength: 4 },
    )
    const from = fc.array(fc.nat(255), { minLength: 16, maxLength: 16 })
    const message = fc.record({ data: bytes, from, control })
    fc.assert(
      fc.property(
        fc.constantFrom('raw' as const, 'datagram' as const),
        fc.array(message, { maxLength: 5 }),
        fc.array(message, { maxLength: 5 }),
        (transport, answers, errors) => {
          const host = new FakeHost()
          const opened = openFake(host, { transport, identifier: IDENTIFIER })
          opened.send(batchOf([0, 1]))
          host.answers.push(...answers)
          host.errors.push(...errors)
          const seen = new Seen()
          expect(opened.receive(seen)).toBe(answers.length + errors.length)
        },
      ),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 1000) },
    )
  })
})

describe('the filter of a raw socket', () => {
  /** linux/filter.h, by the book of BPF: just the instructions that are used. */
  function run(program: Uint8Array, packet: readonly number[]): number {
    const view = new DataView(program.buffer)
    const load = (at: number, size: number): number =>
      packet.slice(at, at + size).reduce((value, byte) => value * 256 + byte, 0)
    let accumulator = 0
    let index = 0
    for (let at = 0; ; at++) {
      const code = view.getUint16(at * 8, true)
      const operand = view.getUint32(at * 8 + 4, true)
      if (code === 0xb1) index = 4 * (packet[operand]! & 15)
      else if (code === 0x50) accumulator = load(index + operand, 1)
      else if (code === 0x48) accumulator = load(index + operand, 2)
      else if (code === 0x30) accumulator = load(operand, 1)
      else if (code === 0x28) accumulator = load(operand, 2)
      else if (code === 0x15) at += view.getUint8(at * 8 + (accumulator === operand ? 2 : 3))
      else if (code === 0x06) return operand
      else throw new Error(`instruction ${code}`)
    }
  }

  it('keeps echo replies with the identifier, behind IP options too, and nothing else', () => {
    const icmp = (type: number, identifier: number): number[] => [
      type,
      0,
      0,
      0,
      identifier >> 8,
      identifier & 255,
      0,
      1,
    ]
    const header = (words: number): number[] => [0x40 | words, ...Array(words * 4 - 1).fill(0)]
    const four = echoReplyFilter(4, IDENTIFIER)
    for (const words of [5, 6, 15]) {
      expect(run(four, [...header(words), ...icmp(0, IDENTIFIER)])).toBe(0xffffffff)
      expect(run(four, [...header(words), ...icmp(0, IDENTIFIER + 1)])).toBe(0)
      expect(run(four, [...header(words), ...icmp(8, IDENTIFIER)])).toBe(0)
    }
    const six = echoReplyFilter(6, IDENTIFIER)
    expect(run(six, icmp(129, IDENTIFIER))).toBe(0xffffffff)
    expect(run(six, icmp(129, 1))).toBe(0)
    expect(run(six, icmp(128, IDENTIFIER))).toBe(0)
  })
})
