// Damaged ICMP errors through the raw socket beside a transport of each protocol: nothing throws, and what is told of a probe lies
// within the message. FUZZ_SECONDS bounds the time of each, FUZZ_RUNS the runs; FUZZ_SEED repeats one.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openEchoSocket } from '../../src/adapters/echo-socket.js'
import { openTcpProbe } from '../../src/adapters/tcp-probe.js'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import { RECEIVE_ROW, ROW, SEND_STAMPED_ROW, STAMPED } from '../../src/bytes/batch-table.js'
import { internetChecksum } from '../../src/bytes/checksum.js'
import type { ProbeError, ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { probeOptions } from '../adapters/probe-helper.js'
import { traceBatch } from '../adapters/trace-collect.js'
import { concat } from '../sockets/diag/build.js'
import { hex, view } from '../sockets/diag/samples.js'

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 5)
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20_000)
const SEED = process.env['FUZZ_SEED']
const parameters = {
  numRuns: RUNS,
  interruptAfterTimeLimit: SECONDS * 1000,
  markInterruptAsFailure: false,
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
}
const EAGAIN = -11
const EINPROGRESS = -115
const SOCK_RAW = 3
const TCP_INFO = 11
const SYN_SENT = 2
const SOURCE_PORT = 40_000
const PORT = 33_434
/** Probes of 32 bytes, sequences 1 to 3. */
const SENT = [1, 2, 3]

/** A host without a network: what is sent is kept, and what is put into `inbox` is what a raw socket hears. */
class QuietHost {
  readonly sent: Uint8Array[] = []
  readonly inbox: Uint8Array[] = []
  private raw = -1
  private handles = 0

  readonly port = {
    open: (_: number, type: number) => {
      if (type === SOCK_RAW) this.raw = this.handles + 1
      return ++this.handles
    },
    bind: () => 0,
    connect: () => EINPROGRESS,
    getName: (_: number, out: Uint8Array) => {
      out.set([0, 0, SOURCE_PORT >> 8, SOURCE_PORT & 0xff, 192, 0, 2, 1])
      return out.length
    },
    getOption: (_: number, level: number, name: number, out: Uint8Array) => {
      out.fill(0)
      if (level === 6 && name === TCP_INFO) out[0] = SYN_SENT
      return out.length
    },
    setOption: () => 0,
    sendStamped: (_: number, arena: Uint8Array, table: Int32Array, count: number) => {
      for (let row = 0; row < count; row++) {
        const own = row * SEND_STAMPED_ROW
        const at = table[own + ROW.dataOffset]!
        this.sent.push(arena.slice(at, at + table[own + ROW.dataLength]!))
        table.fill(0, own + STAMPED.result, own + SEND_STAMPED_ROW)
      }
      return count
    },
    receiveBatch: (handle: number, arena: Uint8Array, table: Int32Array) => {
      const message = handle === this.raw ? this.inbox.shift() : undefined
      if (message === undefined) return EAGAIN
      arena.set(message.subarray(0, table[ROW.dataLength]!), table[ROW.dataOffset]!)
      arena.set([2, 0, 0, 0, 198, 51, 100, 7], table[ROW.nameOffset]!)
      table[ROW.receivedData] = message.length
      table[ROW.receivedName] = 16
      table.fill(0, ROW.receivedControl, RECEIVE_ROW)
      return 1
    },
    watch: () => 0,
    unwatch: () => 0,
    close: () => 0,
    clocks: (out: Int32Array) => {
      out.set([1_700_000_000, 5, 100, 5])
      return 0
    },
  } as unknown as SocketPort
}

const OPEN = {
  1: (port: SocketPort, options: ProbeOptions) => openEchoSocket(port, options),
  6: openTcpProbe,
  17: openUdpProbe,
} as const

/** RFC 791: from 192.0.2.1 to 192.0.2.99, with the protocol and the length put in. */
const ipOf = (protocol: number, bytes: number): Uint8Array => {
  const header = hex('45 00 00 00 00 00 40 00 01 00 00 00 c0 00 02 01 c0 00 02 63')
  header[9] = protocol
  view(header).setUint16(2, 20 + bytes)
  return header
}
const ERROR = hex('0b 00 00 00 00 00 00 00')
const SYN = hex('00 00 00 00 12 34 56 78 00 00 00 00 50 02 fa f0 00 00 00 00')

/** What routers would quote of the probes that a host sent, from the transport header on. */
function probesOf(protocol: keyof typeof OPEN, sent: readonly Uint8Array[]): Uint8Array[] {
  if (protocol === 1) return [...sent]
  const ports = new Uint8Array(8)
  view(ports).setUint16(0, SOURCE_PORT)
  view(ports).setUint16(2, PORT)
  if (protocol === 17) return sent.map(payload => concat(ports, payload))
  return [concat(ports.slice(0, 4), SYN.slice(4))]
}

/** A message as a raw socket hears it, its outer checksum right where `repair` says so. */
function heard(message: Uint8Array, repair: boolean): Uint8Array {
  const bytes = concat(ipOf(1, message.length), message)
  if (repair && message.length >= 4) {
    bytes.fill(0, 22, 24)
    view(bytes).setUint16(22, internetChecksum(bytes, 20, bytes.length))
  }
  return bytes
}

test.each([1, 6, 17] as const)(
  'damaged errors about probes of protocol %i',
  protocol => {
    const host = new QuietHost()
    const wishes = { payloadBytes: 32, timestamps: 'rx', sourcePort: null, port: PORT, quotedHeaders: true } as const
    const transport: ProbeTransport = OPEN[protocol](host.port, probeOptions(['192.0.2.99'], wishes))
    const rows = SENT.map(sequence => ({ sequence, ttl: sequence, flow: 0 }))
    expect(transport.send(traceBatch(rows))).toBe(SENT.length)
    const messages = probesOf(protocol, host.sent).map(probe => concat(ERROR, ipOf(protocol, probe.length), probe))
    let told = 0
    const visitor = {
      reply: () => undefined,
      transmitted: () => undefined,
      error: (error: ProbeError) => {
        told++
        expect(error.target).toBe(0)
        expect(error.from).toBe('198.51.100.7')
        expect(error.quoted.length).toBeLessThanOrEqual(400)
        expect(error.quotedBytes).toBeLessThanOrEqual(error.quoted.length)
        expect(error.sequence).toBeGreaterThanOrEqual(-1)
        const { tos, ttl, source, destination } = error.quote!
        expect(tos >= 0 && tos <= 255 && ttl >= 0 && ttl <= 255).toBe(true)
        for (const address of [source, destination]) expect(address ?? '0.0.0.0').toMatch(/^[0-9.]+$/)
      },
    }
    const pass = (bytes: Uint8Array): void => {
      host.inbox.push(bytes)
      transport.receive(visitor)
    }
    for (const message of messages) pass(heard(message, true))
    // A SYN is told when its socket says so, which has none here.
    expect(told).toBe(protocol === 6 ? 0 : SENT.length)
    const damage = fc.record({
      message: fc.constantFrom(...messages),
      changes: fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
      cut: fc.option(fc.nat(120)),
      more: fc.uint8Array({ maxLength: 60 }),
      repair: fc.boolean(),
    })
    fc.assert(
      fc.property(damage, ({ message, changes, cut, more, repair }) => {
        const bytes = concat(message.slice(0, cut ?? message.length), more)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        pass(heard(bytes, repair))
      }),
      parameters,
    )
    expect(told).toBeGreaterThan(SENT.length)
    transport.close()
  },
  SECONDS * 1000 + 30_000,
)
