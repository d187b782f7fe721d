// Events of flows, of packets whose bytes are given here: what the kernel seldom does, and is told all the same.

import { expect, test } from 'vitest'
import type { FlowEvent } from '../../src/flow/flow-event.js'
import { FlowEvents } from '../../src/flow/flow-events.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../src/wire/walked-packet.js'

const LINKTYPE_RAW = 101
const ACK = TCP_ACK
const SYN = TCP_SYN
const FIN_ACK = TCP_FIN | TCP_ACK
const SYN_ACK = TCP_SYN | TCP_ACK

interface Segment {
  /** Who sends it: the end that the test calls client, or the other. */
  from: 'c' | 's'
  flags: number
  seq: number
  ack?: number
  payload?: number
  /** Milliseconds since the segment before. */
  after?: number
  clientPort?: number
}

/** Headers of IPv4 (RFC 791) and TCP (RFC 9293) without options, and zeros: 10.0.0.1:40000 and 10.0.0.2:80. */
function bytesOf(
  { from, flags, seq, ack = 0, payload = 0, clientPort = 40_000 }: Segment,
  identification: number,
): DataView {
  const view = new DataView(new ArrayBuffer(40 + payload))
  view.setUint16(0, 0x4500)
  view.setUint16(2, 40 + payload)
  view.setUint16(4, identification)
  view.setUint16(8, 0x4006) // time to live 64, TCP
  view.setUint32(12, from === 'c' ? 0x0a000001 : 0x0a000002)
  view.setUint32(16, from === 'c' ? 0x0a000002 : 0x0a000001)
  view.setUint16(20, from === 'c' ? clientPort : 80)
  view.setUint16(22, from === 'c' ? 80 : clientPort)
  view.setUint32(24, seq)
  view.setUint32(28, ack)
  view.setUint16(32, 0x5000 | flags)
  view.setUint16(34, 1000)
  return view
}

type Told = Partial<Omit<FlowEvent, 'client' | 'server'>> & { client: string; server: string }

function told(segments: readonly Segment[]): Told[] {
  const tracker = new FlowTracker({ seed: 1 })
  const seen: Told[] = []
  const events = new FlowEvents(({ type, time, protocol, client, server, ...event }) => {
    const known = Object.entries(event).filter(([, value]) => value !== null)
    const ends = [client, server].map(({ address, port }) => `${address}:${port}`)
    seen.push({ ...(Object.fromEntries(known) as Partial<FlowEvent>), client: ends[0]!, server: ends[1]! })
  })
  const packet = new CapturedPacket()
  packet.linkType = LINKTYPE_RAW
  let ms = 0
  for (const segment of segments) {
    ms += segment.after ?? 1
    packet.frame++
    packet.data = bytesOf(segment, packet.frame)
    packet.end = packet.data.byteLength
    packet.wireLength = packet.end
    packet.seconds = 1_700_000_000 + Math.floor(ms / 1000)
    packet.nanoseconds = (ms % 1000) * 1e6
    tracker.add(packet)
    events.packet(packet, tracker)
  }
  return seen
}

const brief = (segments: readonly Segment[]): unknown[] =>
  told(segments).map(({ event, by, label, resetClass, syns, reused }) =>
    [event, by, label ?? resetClass ?? syns, reused === true ? 'reused' : undefined].filter(each => each !== undefined),
  )

const HANDSHAKE: readonly Segment[] = [
  { from: 'c', flags: SYN, seq: 100 },
  { from: 's', flags: SYN_ACK, seq: 500, ack: 101, after: 20 },
  { from: 'c', flags: ACK, seq: 101, ack: 501, after: 5 },
]

test('a handshake is timed from its SYN to its last acknowledgment', () => {
  expect(told(HANDSHAKE)).toEqual([
    {
      event: 'opened',
      frame: 1,
      flow: 1,
      by: 'client',
      reused: false,
      client: '10.0.0.1:40000',
      server: '10.0.0.2:80',
    },
    { event: 'established', frame: 3, flow: 1, handshakeMs: 25, client: '10.0.0.1:40000', server: '10.0.0.2:80' },
  ])
})

test('of a SYN that is sent again the latest one counts, and whether anything answered is told apart', () => {
  const again: Segment = { from: 'c', flags: SYN, seq: 100, after: 1000 }
  const [syn, synAck, ack] = HANDSHAKE
  const all = told([syn!, again, again, synAck!, again, ack!])
  expect(all.map(({ event, syns, handshakeMs }) => [event, syns ?? handshakeMs])).toEqual([
    ['opened', undefined],
    ['no-answer', 2],
    ['no-answer', 3],
    ['syn-again', 4],
    ['established', 5],
  ])
})

test('who sent the first FIN has closed it, and both have when neither FIN acknowledges the other', () => {
  const inTurn: Segment[] = [
    { from: 's', flags: FIN_ACK, seq: 501, ack: 101 },
    { from: 'c', flags: FIN_ACK, seq: 101, ack: 502, after: 30 },
    { from: 's', flags: ACK, seq: 502, ack: 102 },
  ]
  expect(brief([...HANDSHAKE, ...inTurn]).at(-1)).toEqual(['closed', 'server'])
  const atOnce: Segment[] = [
    { from: 's', flags: FIN_ACK, seq: 501, ack: 101 },
    { from: 'c', flags: FIN_ACK, seq: 101, ack: 501 },
  ]
  expect(brief([...HANDSHAKE, ...atOnce]).at(-1)).toEqual(['closed', 'both'])
  expect(told([...HANDSHAKE, ...inTurn]).at(-1)).toMatchObject({ durationMs: 56 })
})

test('a FIN that is sent again closes nothing twice', () => {
  const fin: Segment = { from: 'c', flags: FIN_ACK, seq: 101, ack: 501 }
  const segments = [...HANDSHAKE, fin, { ...fin, after: 300 }]
  expect(brief(segments)).toEqual([['opened', 'client'], ['established'], ['label', 'client', 'fin-retransmit']])
})

test('a reset is told once, with its class, and a refusal without', () => {
  const abort: Segment = { from: 's', flags: TCP_RST | ACK, seq: 501, ack: 101 }
  expect(brief([...HANDSHAKE, abort, abort]).slice(2)).toEqual([['reset', 'server', 'abort']])
  const refusal: Segment = { from: 's', flags: TCP_RST | ACK, seq: 0, ack: 101 }
  expect(brief([HANDSHAKE[0]!, refusal])).toEqual([
    ['opened', 'client'],
    ['refused', 'server'],
  ])
})

test('a label is told at the first packet of each end that has it', () => {
  const data: Segment = { from: 'c', flags: ACK, seq: 101, ack: 501, payload: 10 }
  const answer: Segment = { from: 's', flags: ACK, seq: 501, ack: 111, payload: 10 }
  const segments = [data, { ...data, after: 400 }, { ...data, after: 800 }, answer, { ...answer, after: 400 }]
  expect(brief([...HANDSHAKE, ...segments]).slice(2)).toEqual([
    ['label', 'client', 'retransmission'],
    ['label', 'server', 'retransmission'],
  ])
})

test('ports that are used again make another flow; what is met in its middle is said to be', () => {
  const again: Segment = { from: 'c', flags: SYN, seq: 90_000 }
  expect(brief([...HANDSHAKE, again]).at(-1)).toEqual(['opened', 'client', 'reused'])
  expect(brief([{ from: 's', flags: ACK, seq: 1, ack: 1, payload: 5 }])).toEqual([['seen-midstream', 'server']])
})

test('flows far beyond the first ones are told apart', () => {
  const segments = Array.from(
    { length: 5000 },
    (_, at): Segment => ({ from: 'c', flags: SYN, seq: 1, clientPort: 1024 + at }),
  )
  const opened = told([...segments, ...segments])
  expect(opened.filter(({ event }) => event === 'opened')).toHaveLength(5000)
  expect(new Set(opened.map(({ flow }) => flow)).size).toBe(5000)
})
