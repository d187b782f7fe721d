import { describe, expect, test } from 'vitest'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import {
  FLAW_FRAGMENT_OVERLAP,
  FLAW_MALFORMED,
  FLAW_TRUNCATED,
  KIND_FRAGMENT,
  KIND_TCP,
  KIND_UDP,
  type WalkedPacket,
} from '../../src/wire/walked-packet.js'
import { concat } from '../sockets/diag/build.js'
import { hex } from '../sockets/diag/samples.js'
import { be16, be32, captured, ipv4, ipv6, tcp, udp } from './packet-build.js'

const PAYLOAD = Uint8Array.from({ length: 100 }, (_, index) => index)
const SEGMENT = tcp({ payload: PAYLOAD })
const MORE = 0x2000

interface Piece {
  from: number
  to: number
  more?: boolean
  id?: number
  seconds?: number
  bytes?: Uint8Array
  protocol?: number
  wireLength?: number
}

/** The piece as a packet of its own. */
function piece(whole: Uint8Array, { from, to, more, id, seconds, bytes, protocol, wireLength }: Piece) {
  const flags = (more ?? to < whole.length) ? MORE : 0
  const packet = ipv4(protocol ?? 6, bytes ?? whole.slice(from, to), { id: id ?? 7, fragment: flags | (from / 8) })
  const made = captured(101, packet, wireLength)
  made.seconds = seconds ?? 1000
  return made
}

function walkAll(walker: PacketWalker, pieces: Piece[], whole = SEGMENT): WalkedPacket {
  for (const each of pieces.slice(0, -1)) expect(walker.walk(piece(whole, each)).kind).toBe(KIND_FRAGMENT)
  return walker.walk(piece(whole, pieces.at(-1)!))
}

const payloadOf = (walked: WalkedPacket): number[] =>
  Array.from({ length: walked.transportEnd - walked.payloadStart }, (_, at) =>
    walked.data.getUint8(walked.payloadStart + at),
  )

describe('IPv4 fragments', () => {
  test.each([[[0, 1, 2]], [[0, 2, 1]], [[1, 0, 2]], [[1, 2, 0]], [[2, 0, 1]], [[2, 1, 0]]])(
    'in the order %j count as one segment, at the last of them',
    order => {
      const pieces = [
        { from: 0, to: 8 },
        { from: 8, to: 64 },
        { from: 64, to: 120 },
      ]
      const walked = walkAll(
        new PacketWalker(),
        order.map(at => pieces[at]!),
      )
      expect(walked).toMatchObject({ kind: KIND_TCP, flaws: 0, stop: 0, sourcePort: 40_000, payloadBytes: 100 })
      expect(walked.networkStart).toBe(-1)
      expect(payloadOf(walked)).toEqual([...PAYLOAD])
    },
  )

  test('that reach beyond the last one make no packet: what is before them is not there', () => {
    const walker = new PacketWalker()
    const pieces = [
      { from: 800, to: 880, more: true, bytes: new Uint8Array(80) },
      { from: 8, to: 16, more: false },
    ]
    expect(walkAll(walker, pieces)).toMatchObject({ kind: KIND_FRAGMENT, flaws: FLAW_MALFORMED })
  })

  test('of a packet that others have to make room for are the right packet in the end', () => {
    const walker = new PacketWalker()
    const whole = tcp({ payload: new Uint8Array(65_000).fill(7) })
    for (let id = 100; id < 3000; id++) {
      // Of 64 KiB each, none of them ever whole: all of the room is taken. The one behind them takes a little of one's place.
      walker.walk(piece(whole, { from: 60_000, to: 61_000, more: true, id }))
      if (id < 200 || id % 7 !== 0) continue
      walker.walk(piece(whole, { from: 0, to: 32, id: id + 20_000 }))
      walker.walk(piece(whole, { from: 0, to: 32, id: id + 10_000 }))
      const last = { from: 32, to: whole.length, id: id + 10_000 }
      const walked = walker.walk(piece(whole, last))
      expect(walked).toMatchObject({ kind: KIND_TCP, flaws: 0, payloadBytes: 65_000 })
      expect(walker.walk(piece(whole, last)).kind).toBe(KIND_FRAGMENT)
    }
  })

  test('of other packets between them do not mix', () => {
    const walker = new PacketWalker()
    const other = { id: 8, bytes: new Uint8Array(64) }
    const pieces = [
      { from: 0, to: 64 },
      { from: 0, to: 64, ...other },
      { from: 64, to: 120 },
    ]
    expect(payloadOf(walkAll(walker, pieces))).toEqual([...PAYLOAD])
    expect(walker.walk(piece(SEGMENT, { from: 64, to: 120, protocol: 17 })).kind).toBe(KIND_FRAGMENT)
  })

  test('that overlap: what came first counts, and it is said', () => {
    const changed = SEGMENT.slice(32, 64).fill(0xee)
    const pieces = [
      { from: 0, to: 64 },
      { from: 32, to: 64, bytes: changed },
      { from: 64, to: 120 },
    ]
    const walked = walkAll(new PacketWalker(), pieces)
    expect(walked.flaws).toBe(FLAW_FRAGMENT_OVERLAP)
    expect(payloadOf(walked)).toEqual([...PAYLOAD])
  })

  test('captured twice are no overlap', () => {
    const pieces = [
      { from: 0, to: 64 },
      { from: 0, to: 64 },
      { from: 64, to: 120 },
    ]
    expect(walkAll(new PacketWalker(), pieces).flaws).toBe(0)
  })

  test('that come more than 30 seconds later belong to another packet', () => {
    const walker = new PacketWalker()
    const first = { from: 0, to: 64 }
    expect(walkAll(walker, [first, { from: 64, to: 120, seconds: 1031 }]).kind).toBe(KIND_FRAGMENT)
    expect(walkAll(new PacketWalker(), [first, { from: 64, to: 120, seconds: 1030 }]).kind).toBe(KIND_TCP)
    expect(walkAll(new PacketWalker(), [first, { from: 64, to: 120, seconds: 900 }]).kind).toBe(KIND_FRAGMENT)
  })

  test('that cannot be are malformed: no multiple of 8, beyond 65,535, two ends', () => {
    const walker = new PacketWalker()
    const odd = walker.walk(piece(SEGMENT, { from: 0, to: 60 }))
    expect(odd).toMatchObject({ kind: KIND_FRAGMENT, flaws: FLAW_MALFORMED })
    const far = walker.walk(piece(SEGMENT, { from: 65_528, to: 0, bytes: new Uint8Array(64), more: false }))
    expect(far).toMatchObject({ kind: KIND_FRAGMENT, flaws: FLAW_MALFORMED })
    const ends = [
      { from: 64, to: 120 },
      { from: 64, to: 72, more: false },
    ]
    expect(walkAll(walker, ends)).toMatchObject({ kind: KIND_FRAGMENT, flaws: FLAW_MALFORMED })
  })

  test('cut by the capture are not put together; the first one is read as far as it goes', () => {
    const walker = new PacketWalker()
    const bytes = SEGMENT.slice(0, 64)
    const cut = captured(101, ipv4(6, bytes, { fragment: MORE }).slice(0, 60), 84)
    expect(walker.walk(cut)).toMatchObject({ kind: KIND_TCP, flaws: FLAW_TRUNCATED, sourcePort: 40_000 })
    expect(walker.walk(piece(SEGMENT, { from: 64, to: 120 })).kind).toBe(KIND_FRAGMENT)
  })

  test('of a packet as large as can be are put together', () => {
    const whole = udp(new Uint8Array(65_507).fill(5))
    const pieces = Array.from({ length: 45 }, (_, index) => ({
      from: index * 1480,
      to: Math.min((index + 1) * 1480, whole.length),
      protocol: 17,
    }))
    const walked = walkAll(new PacketWalker(), pieces, whole)
    expect(walked).toMatchObject({ kind: KIND_UDP, payloadBytes: 65_507, flaws: 0 })
    expect(payloadOf(walked).every(byte => byte === 5)).toBe(true)
  })

  test('of ever more packets never take more than their share, and the newest are still put together', () => {
    const walker = new PacketWalker()
    const large = new Uint8Array(1480)
    const before = process.memoryUsage().arrayBuffers
    for (let id = 0; id < 5000; id++) {
      walker.walk(piece(SEGMENT, { from: 32_768, to: 0, bytes: large, more: true, id: id & 0xffff }))
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    expect(
      walkAll(walker, [
        { from: 0, to: 64 },
        { from: 64, to: 120 },
      ]).kind,
    ).toBe(KIND_TCP)
  })
})

describe('IPv6 fragments', () => {
  const fragment = (from: number, to: number, id: number, next = 6): Uint8Array => {
    const more = to < SEGMENT.length ? 1 : 0
    return ipv6(44, concat(Uint8Array.of(next, 0), be16(from | more), be32(id), SEGMENT.slice(from, to)))
  }

  test('count as one segment, at the last of them', () => {
    const walker = new PacketWalker()
    expect(walker.walk(captured(101, fragment(64, 120, 0xf0000001, 59))).kind).toBe(KIND_FRAGMENT)
    const walked = walker.walk(captured(101, fragment(0, 64, 0xf0000001)))
    expect(walked).toMatchObject({ kind: KIND_TCP, family: 6, flaws: 0, payloadBytes: 100 })
    expect(payloadOf(walked)).toEqual([...PAYLOAD])
  })

  test('may begin with more extension headers', () => {
    const options = concat(hex('06 00 01 04 00 00 00 00'), SEGMENT)
    const part = (from: number, to: number): Uint8Array =>
      ipv6(44, concat(hex('3c 00'), be16(from | (to < options.length ? 1 : 0)), be32(9), options.slice(from, to)))
    const walker = new PacketWalker()
    walker.walk(captured(101, part(0, 64)))
    expect(walker.walk(captured(101, part(64, 128)))).toMatchObject({ kind: KIND_TCP, payloadBytes: 100 })
  })
})
