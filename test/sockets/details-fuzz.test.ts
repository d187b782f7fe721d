// Any bytes at all: no decoder and no formatter throws, hangs, or prints a control character.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PROTOCOLS } from '../../src/sockets/constants.js'
import * as details from '../../src/sockets/details.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { decodeNetlink } from '../../src/sockets/diag/netlink-diag.js'
import { decodePacket, formatPacketFilter } from '../../src/sockets/diag/packet-diag.js'
import { decodeTipc } from '../../src/sockets/diag/tipc-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import { decodeVsock } from '../../src/sockets/diag/vsock-diag.js'
import { decodeXdp } from '../../src/sockets/diag/xdp-diag.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { attribute, concat } from './diag/build.js'
import * as samples from './diag/samples.js'
import * as words from './words.js'

const DECODERS = {
  unix: decodeUnix,
  packet: decodePacket,
  netlink: decodeNetlink,
  vsock: decodeVsock,
  xdp: decodeXdp,
  tipc: decodeTipc,
}
const RECORDED = Object.values(samples).filter(sample => sample instanceof Uint8Array)

/** Noise, a header with attributes of any content, and a recording with bytes changed. */
const message = fc.oneof(
  fc.uint8Array({ maxLength: 700 }),
  fc
    .tuple(
      fc.uint8Array({ minLength: 72, maxLength: 72 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 25 }), fc.uint8Array({ maxLength: 320 })), { maxLength: 8 }),
    )
    .map(([header, list]) => concat(header, ...list.map(([type, payload]) => attribute(type, payload)))),
  fc
    .tuple(
      fc.constantFrom(...RECORDED),
      fc.array(fc.tuple(fc.nat(699), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
      fc.nat(700),
    )
    .map(([sample, changes, cut]) => {
      const bytes = sample.slice(0, Math.max(cut, 20))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    }),
)

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 3000)

test('any message is decoded or refused, and everything about it can be shown', () => {
  const reused = new SocketRecord()
  fc.assert(
    fc.property(message, fc.constantFrom(...PROTOCOLS), (bytes, protocol) => {
      const data = samples.view(bytes)
      const record = new SocketRecord()
      const decode = DECODERS[protocol as keyof typeof DECODERS]
      const read = (into: SocketRecord): boolean =>
        decode ? decode(data, 0, bytes.length, into) : decodeInet(data, 0, bytes.length, protocol, into)
      expect(read(reused)).toBe(read(record))
      for (const one of [record, reused]) {
        const shown = [
          words.formatInfo(one),
          words.formatInfo(one, { numeric: true, options: true }),
          words.formatMemory(one),
          words.formatExtended(one),
          words.formatTos(one),
          words.formatSockopt(one),
          words.formatTimer(one),
          formatPacketFilter(one),
        ].join(' ')
        expect(shown).toMatch(/^[\x20-\x7e]*$/)
        const model = [details.tcpDetails(one), details.mptcpDetails(one), details.socketMemory(one)]
        expect(JSON.stringify([...model, details.socketOptions(one), details.socketTimer(one)])).not.toContain(
          'undefined',
        )
        details.socketMark(one)
        details.cgroupId(one)
        details.socketDrops(one)
      }
    }),
    { numRuns: RUNS },
  )
})
