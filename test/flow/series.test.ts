import { describe, expect, test } from 'vitest'
import { SeriesBook, type SeriesLimits, type SeriesPoint } from '../../src/flow/series.js'
import { graphOf } from '../../src/flow/series-graph.js'
import { HANDSHAKE, type PacketStep, Stepper } from './track-steps.js'

function collect(steps: readonly PacketStep[], limits?: SeriesLimits): { stepper: Stepper; series: SeriesBook } {
  const stepper = new Stepper()
  const series = new SeriesBook(limits)
  for (const step of steps) {
    stepper.add(step)
    series.packet(stepper.packet, stepper.tracker)
  }
  stepper.finish()
  return { stepper, series }
}

const data = (segments: number, from = 0): PacketStep[] =>
  Array.from({ length: segments }, (_, at): PacketStep[] => [
    { is: 'a>A', seq: (from + at) * 100, ack: 1, bytes: 100 },
    { is: 'b>A', seq: 1, ack: (from + at + 1) * 100 },
  ]).flat()

const LIMITS: SeriesLimits = { perFlow: 100, inAll: 10_000, flows: 100 }

describe('points of a flow', () => {
  test('are its packets, as they were on the wire', () => {
    const { stepper, series } = collect([...HANDSHAKE, { is: 'a>PA', seq: 0, ack: 1, bytes: 7, window: 500 }])
    const points = series.of(stepper.flows[0]!)!.points()
    expect(points).toHaveLength(4)
    expect(points[0]).toMatchObject({
      frame: 1,
      timeNs: 0,
      protocol: 'tcp',
      sender: 0,
      flags: 2,
      sequence: 0xffff_ffff,
    })
    expect(points[3]).toMatchObject({ frame: 4, timeNs: 30e6, bytes: 7, window: 500, acknowledgment: 1, sack: null })
  })

  test('tell who of both is the client, whoever was captured first', () => {
    const first = collect(HANDSHAKE)
    expect(first.series.of(first.stepper.flows[0]!)!.clientSide(first.stepper.flows[0]!)).toBe(0)
    const late = collect(HANDSHAKE.slice(1))
    expect(late.series.of(late.stepper.flows[0]!)!.clientSide(late.stepper.flows[0]!)).toBe(1)
  })

  test('are thinned evenly when there are many: both directions stay, with the beginning whole', () => {
    const { stepper, series } = collect([...HANDSHAKE, ...data(2000)], LIMITS)
    const flow = series.of(stepper.flows[0]!)!
    expect(flow.packets).toBe(4003)
    expect(flow.count).toBeLessThanOrEqual(100)
    expect(flow.count).toBeGreaterThan(50)
    const points = flow.points()
    expect(points.slice(0, 24).map(({ frame }) => frame)).toEqual(Array.from({ length: 24 }, (_, at) => at + 1))
    const thinned = points.slice(24)
    for (const sender of [0, 1] as const) {
      const frames = thinned.filter(point => point.sender === sender).map(({ frame }) => frame)
      expect(frames.length).toBeGreaterThan(10)
      const steps = new Set(frames.slice(1).map((frame, at) => frame - frames[at]!))
      expect(steps.size).toBeLessThanOrEqual(2)
    }
  })

  test('with labels stay while those without go', () => {
    const again = (at: number): PacketStep => ({ is: 'a>A', seq: at * 100, ack: 1, bytes: 100 })
    const steps = [...HANDSHAKE, ...data(500), again(3), ...data(500, 500), again(4), ...data(500, 1000)]
    const { stepper, series } = collect(steps, LIMITS)
    const labelled = series
      .of(stepper.flows[0]!)!
      .points()
      .filter(({ labels }) => (labels & (1 << 4)) !== 0)
    expect(labelled.map(({ sequence }) => sequence)).toEqual([300, 400])
  })

  test('stay within the bound even when all have labels', () => {
    const again = Array.from({ length: 1000 }, (): PacketStep => ({ is: 'a>A', seq: 0, ack: 1, bytes: 100 }))
    const { stepper, series } = collect([...HANDSHAKE, ...data(1), ...again], LIMITS)
    const flow = series.of(stepper.flows[0]!)!
    expect(flow.count).toBeLessThanOrEqual(100)
    expect(flow.troubles).toBeGreaterThan(900)
  })
})

describe('points of all flows', () => {
  test('are bounded; the flows with trouble stay', () => {
    const steps = Array.from({ length: 300 }, (_, at): PacketStep[] => {
      const ports = { a: 1000 + at, b: 80 }
      const isBad = at % 30 === 0
      return [
        { is: 'a>S', seq: 9, ports },
        isBad ? { is: 'b>RA', seq: 0, ack: 10, ports } : { is: 'b>SA', seq: 0, ack: 10, ports },
      ]
    }).flat()
    const { stepper, series } = collect(steps, { perFlow: 100, inAll: 200, flows: 1000 })
    expect(series.size).toBeLessThanOrEqual(200)
    expect(series.forgotten).toBeGreaterThan(100)
    const refused = stepper.flows.filter(({ outcome }) => outcome === 'refused')
    expect(refused).toHaveLength(10)
    expect(refused.every(flow => series.of(flow) !== null)).toBe(true)
  })

  test('so many flows at the most have any', () => {
    const steps = Array.from(
      { length: 500 },
      (_, at): PacketStep => ({ is: 'a>S', seq: 9, ports: { a: 1000 + at, b: 80 } }),
    )
    const { stepper, series } = collect(steps, LIMITS)
    const kept = stepper.flows.filter(flow => series.of(flow) !== null)
    expect(kept.length).toBeLessThanOrEqual(100)
    expect(kept.at(-1)!.id).toBe(500)
  })
})

describe('what a graph shows', () => {
  const point = (change: Partial<SeriesPoint>): SeriesPoint => ({
    frame: 1,
    number: 1,
    timeNs: 0,
    protocol: 'tcp',
    sender: 0,
    flags: 0x10,
    sequence: 0,
    acknowledgment: 0,
    bytes: 0,
    window: 0,
    labels: 0,
    retransmissionKind: 0,
    dupAckNumber: 0,
    sack: null,
    ...change,
  })

  test('is counted from the SYN, over 2^32', () => {
    const { segments, acknowledgments, least, most } = graphOf(
      [
        point({ flags: 2, sequence: 0xffff_fff0 }),
        point({ sequence: 0xffff_fff1, bytes: 100 }),
        point({ sender: 1, acknowledgment: 0x55, window: 10, sack: { start: 0x60, end: 0x70 } }),
      ],
      0,
      3,
    )
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 101],
    ])
    expect(acknowledgments[0]).toMatchObject({ acknowledged: 101, edge: 181, sack: { start: 112, end: 128 } })
    expect([least, most]).toEqual([0, 126.25])
  })

  test('has no window where its scale is not known, unless it is zero', () => {
    const { acknowledgments } = graphOf(
      [
        point({ sequence: 5, bytes: 10 }),
        point({ sender: 1, acknowledgment: 15, window: 7 }),
        point({ sender: 1, acknowledgment: 15 }),
      ],
      0,
      null,
    )
    expect(acknowledgments.map(({ edge }) => edge)).toEqual([null, 11])
  })

  test('has a gap where bytes before a segment are not in the capture', () => {
    const { gaps } = graphOf(
      [point({ sequence: 1, bytes: 10 }), point({ sequence: 31, bytes: 10, labels: 1 << 7 })],
      0,
      0,
    )
    expect(gaps).toMatchObject([{ start: 11, end: 31 }])
  })
})
