// Errors heard twice, by a raw socket and by the error queue: over sockets that hold what a test puts there.

import { expect, test } from 'vitest'
import { ProbeClock } from '../../src/adapters/echo-socket-clock.js'
import { TargetTable } from '../../src/adapters/echo-socket-targets.js'
import { InterfaceIndexes } from '../../src/adapters/socket-address.js'
import { withQuotedHeaders } from '../../src/adapters/trace-quoted.js'
import { EchoQuotes } from '../../src/adapters/trace-quoted-echo.js'
import { ToldErrors } from '../../src/adapters/trace-told.js'
import { ROW } from '../../src/bytes/batch-table.js'
import { internetChecksum } from '../../src/bytes/checksum.js'
import type { ProbeError, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { probeOptions, Seen } from './probe-helper.js'

const TARGET = '192.0.2.9'
const IDENTIFIER = 0x1234
const NO_SOCKET = -9
const words = (...values: number[]): number[] => values.flatMap(value => [value >> 8, value & 0xff])

/** RFC 792: "time exceeded" from 192.0.2.1 to 192.0.2.2, which quotes an echo request to the target, and `more` bytes of whatever. */
function timeExceeded(sequence: number, more = 0): Uint8Array {
  const header = (protocol: number, length: number, last: readonly [number, number]): number[] => [
    ...words(0x4500, length, 0, 0, 0x0100 | protocol, 0),
    ...[192, 0, 2, last[0], 192, 0, 2, last[1]],
  ]
  // Zeros in the place of our mark are padding.
  const rest = Array.from({ length: more }, (_, at) => (at < 16 ? 0 : at & 0xff))
  const quoted = [...header(1, 60, [2, 9]), ...words(0x0800, 0xbeef, IDENTIFIER, sequence), ...rest]
  const message = Uint8Array.from([...header(1, 28 + quoted.length, [1, 2]), ...words(0x0b00, 0, 0, 0), ...quoted])
  const sum = internetChecksum(message, 20, message.length)
  message.set([sum >> 8, sum & 0xff], 22)
  return message
}

/** What the error queue tells of the same. */
const queued = (wireSequence: number): ProbeError => ({
  origin: 'icmp',
  type: 11,
  code: 0,
  errno: 113,
  mtu: 0,
  from: '192.0.2.1',
  target: 0,
  sequence: -1,
  wireSequence,
  receivedNs: 0,
  quoted: new Uint8Array(8),
})

class Sockets {
  /** What the raw socket holds. */
  readonly raw: Uint8Array[] = []
  readonly queue: ProbeError[] = []
  /** Comes while the error queue is read. */
  meanwhile: () => void = () => undefined

  open(): ProbeTransport {
    const { raw, queue } = this
    const port = {
      open: () => 1,
      setOption: () => 0,
      getOption: () => NO_SOCKET,
      getName: () => NO_SOCKET,
      watch: () => 0,
      close: () => 0,
      clocks: (out: Int32Array) => out.fill(1) && 0,
      receiveBatch: (_: number, arena: Uint8Array, table: Int32Array, count: number) => {
        const messages = raw.splice(0, count)
        for (const [row, message] of messages.entries()) {
          const own = (row * table.length) / count
          arena.set(message.subarray(0, table[own + ROW.dataLength]), table[own + ROW.dataOffset]!)
          table[own + ROW.receivedData] = message.length
          table[own + ROW.receivedName] = 16
          table[own + ROW.receivedControl] = 0
          const name = table[own + ROW.nameOffset]!
          arena.set([2, 0, 0, 0, 192, 0, 2, 1], name)
        }
        return messages.length
      },
    } as unknown as SocketPort
    const options = probeOptions([TARGET], { quotedHeaders: true, payloadBytes: 32 })
    const targets = new TargetTable(options.targets, 4, () => 0, new InterfaceIndexes(port, -1))
    const base = {
      kind: 'datagram',
      timestamps: 'rx',
      sourceAddress: () => '192.0.2.2',
      receive: (visitor: Seen) => {
        this.meanwhile()
        const errors = queue.splice(0)
        for (const error of errors) visitor.error(error)
        return errors.length
      },
    } as unknown as ProbeTransport
    const identity = { identifier: IDENTIFIER, cookie: [1, 2] } as const
    const reader = (quotes: ConstructorParameters<typeof EchoQuotes>[2]) => new EchoQuotes(4, identity, quotes, () => 0)
    return withQuotedHeaders(port, options, base, { targets, clock: new ProbeClock(port), reader })
  }
}

const toldBy = (transport: ProbeTransport): (readonly [sequence: number, isQuoted: boolean])[] => {
  const seen = new Seen()
  transport.receive(seen)
  return seen.errors.map(({ wireSequence, quote }) => [wireSequence, quote !== undefined])
}

test('an error is told once, with the header that only the raw socket has', () => {
  const sockets = new Sockets()
  const transport = sockets.open()
  sockets.raw.push(timeExceeded(1), timeExceeded(2))
  sockets.queue.push(queued(1), queued(2))
  expect(toldBy(transport)).toEqual([
    [1, true],
    [2, true],
  ])
  // Two answers to one probe are two errors.
  sockets.raw.push(timeExceeded(1), timeExceeded(1))
  sockets.queue.push(queued(1), queued(1))
  expect(toldBy(transport)).toEqual([
    [1, true],
    [1, true],
  ])
})

test('an error for which the raw socket had no room is told without its header', () => {
  const sockets = new Sockets()
  const transport = sockets.open()
  sockets.raw.push(timeExceeded(1))
  sockets.queue.push(queued(1), queued(2), queued(3))
  expect(toldBy(transport)).toEqual([
    [1, true],
    [2, false],
    [3, false],
  ])
})

test('an error that comes between the two reads is told once', () => {
  const sockets = new Sockets()
  const transport = sockets.open()
  sockets.meanwhile = () => {
    sockets.raw.push(timeExceeded(1))
    sockets.queue.push(queued(1))
    sockets.meanwhile = () => undefined
  }
  expect(toldBy(transport)).toEqual([[1, true]])
  expect(toldBy(transport)).toEqual([])
})

test('an error longer than the room for one is told with its header; one with a wrong checksum is none', () => {
  const sockets = new Sockets()
  const transport = sockets.open()
  const broken = timeExceeded(2)
  broken[23] = broken[23]! ^ 1
  sockets.raw.push(timeExceeded(1, 4000), broken)
  sockets.queue.push(queued(1))
  expect(toldBy(transport)).toEqual([[1, true]])
})

test('what only one of the two hears is forgotten some day', () => {
  const told = new ToldErrors()
  const nothing = (): void => undefined
  for (let name = 1; name <= 5000; name++) expect(told.fromRaw(name)).toBe(true)
  expect(told.fromQueue(1, nothing)).toBe(true)
  expect(told.fromQueue(5000, nothing)).toBe(false)
})
