import { expect, test } from 'vitest'
import { HANDSHAKE, Stepper } from './track-steps.js'

/** Behind the handshake. */
function open(): Stepper {
  const stepper = new Stepper()
  expect(stepper.labels(...HANDSHAKE)).toEqual([[], [], ['handshake-ack']])
  return stepper
}

test('rule 1: one byte at the next number while the window is 0 is a probe, and its answer is known', () => {
  const labels = open().labels(
    { is: 'b>A', seq: 1, ack: 0, window: 0 },
    { is: 'a>A', seq: 0, ack: 1, bytes: 1 },
    { is: 'b>A', seq: 1, ack: 0, window: 0 },
  )
  expect(labels).toEqual([['zero-window'], ['zero-window-probe'], ['zero-window', 'zero-window-probe-ack']])
})

test('a probe of Linux has no bytes and the number before the next (tcp_xmit_probe_skb)', () => {
  const labels = open().labels(
    { is: 'b>A', seq: 1, ack: 0, window: 0 },
    { is: 'a>A', seq: -1, ack: 1 },
    { is: 'b>A', seq: 1, ack: 0, window: 0 },
  )
  expect(labels[1]).toEqual(['zero-window-probe'])
  expect(labels[2]).toContain('zero-window-probe-ack')
})

test('rules 3 and 10: a hole and bytes that were acknowledged unseen', () => {
  const labels = open().labels({ is: 'b>A', seq: 1, ack: 100 }, { is: 'a>PA', seq: 100, ack: 1, bytes: 10 })
  expect(labels).toEqual([['acked-unseen'], ['gap']])
})

test('rules 4 and 7: a keep-alive and its answer', () => {
  const labels = open().labels(
    { is: 'b>A', seq: 1, ack: 0 },
    { is: 'a>A', seq: -1, ack: 1 },
    { is: 'b>A', seq: 1, ack: 0 },
  )
  expect(labels.slice(1)).toEqual([['keep-alive'], ['keep-alive-ack']])
})

test('rules 5 and 9: a window update, and duplicate acknowledgments by number', () => {
  const stepper = open()
  // It repeats what the SYN-ACK acknowledged.
  expect(stepper.add({ is: 'b>A', seq: 1, ack: 0 })).toMatchObject({ labels: ['dup-ack'], dupAckNumber: 1 })
  expect(stepper.add({ is: 'b>A', seq: 1, ack: 0, window: 2000 }).labels).toEqual(['window-update'])
  for (const number of [2, 3]) {
    const seen = stepper.add({ is: 'b>A', seq: 1, ack: 0, window: 2000 })
    expect(seen).toMatchObject({ labels: ['dup-ack'], dupAckNumber: number })
  }
})

test('rule 11: what is acknowledged already is sent again for nothing', () => {
  const stepper = open()
  stepper.labels({ is: 'a>PA', seq: 0, ack: 1, bytes: 100 }, { is: 'b>A', seq: 1, ack: 100 })
  expect(stepper.add({ is: 'a>PA', seq: 0, ack: 1, bytes: 100 })).toMatchObject({
    labels: ['retransmission'],
    kind: 'spurious',
  })
})

test('rule 12: two duplicate acknowledgments make a retransmission a fast one', () => {
  const stepper = open()
  stepper.labels(
    { is: 'a>A', seq: 0, ack: 1, bytes: 100 },
    { is: 'a>A', seq: 100, ack: 1, bytes: 100 },
    { is: 'b>A', seq: 1, ack: 0, window: 1000 },
    { is: 'b>A', seq: 1, ack: 0, window: 1000 },
    { is: 'b>A', seq: 1, ack: 0, window: 1000 },
  )
  expect(stepper.add({ is: 'a>A', seq: 0, ack: 1, bytes: 100 })).toMatchObject({
    labels: ['retransmission'],
    kind: 'fast',
  })
  const [flow] = stepper.finish()
  expect(flow).toMatchObject({
    retransmissions: { client: 1, server: 0 },
    retransmittedBytes: { client: 100, server: 0 },
  })
})

test('rule 13: behind the highest number and within the round trip of the handshake is out of order; the hole is filled', () => {
  const stepper = open()
  const labels = stepper.labels({ is: 'a>A', seq: 100, ack: 1, bytes: 100 }, { is: 'a>A', seq: 0, ack: 1, bytes: 100 })
  expect(labels).toEqual([['gap'], ['out-of-order']])
  expect(stepper.finish()[0]).toMatchObject({ outOfOrder: { client: 1, server: 0 }, gaps: { client: 0, server: 0 } })
})

test('rule 14: later than the shortest timeout it is a timeout, sooner and at the tail a probe of the tail', () => {
  const late = open()
  late.add({ is: 'a>A', seq: 0, ack: 1, bytes: 100, atMs: 100 })
  expect(late.add({ is: 'a>A', seq: 0, ack: 1, bytes: 100, atMs: 301 })).toMatchObject({ kind: 'rto' })
  const soon = open()
  soon.add({ is: 'a>A', seq: 0, ack: 1, bytes: 100, atMs: 100 })
  expect(soon.add({ is: 'a>A', seq: 0, ack: 1, bytes: 100, atMs: 150 })).toMatchObject({ kind: 'tail' })
  expect(soon.add({ is: 'a>A', seq: 50, ack: 1, bytes: 100, atMs: 400 }).labels).toEqual(['partial-retransmission'])
})

test('rule 15: a SYN with another initial number is another flow, the same number is the same attempt', () => {
  const stepper = new Stepper()
  expect(stepper.add({ is: 'a>S', seq: 5 })).toMatchObject({ flowId: 1, labels: [] })
  expect(stepper.add({ is: 'a>S', seq: 5, atMs: 1000 })).toMatchObject({ flowId: 1, labels: ['syn-retransmit'] })
  stepper.add({ is: 'b>RA', seq: 0, ack: 6 })
  expect(stepper.add({ is: 'a>S', seq: 5 })).toMatchObject({ flowId: 1, labels: ['syn-retry'] })
  expect(stepper.add({ is: 'a>S', seq: 6 })).toMatchObject({ flowId: 2, labels: ['port-reuse'] })
  expect(stepper.finish().map(flow => flow.id)).toEqual([1, 2])
})

test('in a simultaneous open the first SYN-ACK of each end is no SYN-ACK sent again (RFC 9293 3.5)', () => {
  const labels = new Stepper().labels(
    { is: 'a>S', seq: 99 },
    { is: 'b>S', seq: 299 },
    { is: 'a>SA', seq: 99, ack: 300 },
    { is: 'b>SA', seq: 299, ack: 100 },
    { is: 'b>SA', seq: 299, ack: 100 },
  )
  expect(labels).toEqual([[], [], [], [], ['syn-ack-retransmit']])
})

test('resets: refused, given up, answered to a stray, out of the window', () => {
  const refused = new Stepper()
  refused.add({ is: 'a>S', seq: 5 })
  expect(refused.add({ is: 'b>RA', seq: 0, ack: 6 }).labels).toEqual(['rst-refuse'])
  expect(open().labels({ is: 'b>RA', seq: 1, ack: 0 })).toEqual([['rst-abort']])
  expect(open().labels({ is: 'b>R', seq: 1 })).toEqual([['rst-answer']])
  expect(open().labels({ is: 'b>R', seq: 1_000_000 })).toEqual([['rst-ignored']])
})

test('an acknowledgment of an older connection that answers a SYN is a challenge', () => {
  const stepper = new Stepper()
  expect(stepper.labels({ is: 'a>S', seq: 5 }, { is: 'b>A', seq: 70, ack: 999 })).toEqual([[], ['challenge-ack']])
})

test('what an older connection says to a SYN, and the reset that answers it, leave the new one as it was', () => {
  const labels = new Stepper().labels(
    { is: 'a>S', seq: 5 },
    { is: 'b>A', seq: 70, ack: 999 },
    { is: 'a>R', seq: 999 },
    { is: 'a>S', seq: 5, atMs: 1000 },
    { is: 'b>SA', seq: 4000, ack: 6 },
    { is: 'a>A', seq: 6, ack: 4001 },
    { is: 'a>PA', seq: 6, ack: 4001, bytes: 10 },
    { is: 'b>PA', seq: 4001, ack: 16, bytes: 10 },
    { is: 'a>FA', seq: 16, ack: 4011 },
  )
  const answered = [['challenge-ack'], ['rst-answer'], ['syn-retransmit']]
  expect(labels).toEqual([[], ...answered, [], ['handshake-ack'], [], [], []])
})

test('a FIN sent again, and data behind a FIN', () => {
  const stepper = open()
  stepper.add({ is: 'a>FA', seq: 0, ack: 1, atMs: 100 })
  expect(stepper.add({ is: 'a>FA', seq: 0, ack: 1, atMs: 400 }).labels).toEqual(['retransmission', 'fin-retransmit'])
  expect(stepper.add({ is: 'a>A', seq: 1, ack: 1, bytes: 5 }).labels).toEqual(['data-after-close'])
})

test('a packet that the capture holds twice counts, and steps nothing', () => {
  const stepper = open()
  const data = { is: 'a>PA', seq: 0, ack: 1, bytes: 100, identification: 77 }
  stepper.add({ ...data, atMs: 100 })
  expect(stepper.add({ ...data, atMs: 101 }).labels).toEqual(['capture-duplicate'])
  expect(stepper.add({ ...data, atMs: 101.5, interfaceId: 1 }).labels).toEqual(['capture-duplicate'])
  expect(stepper.finish()[0]).toMatchObject({
    packets: { client: 5, server: 1 },
    captureDuplicates: 2,
    retransmissions: { client: 0, server: 0 },
  })
})

test('a sender whose identifications are all alike has no duplicates by them', () => {
  const stepper = new Stepper()
  for (const step of HANDSHAKE) stepper.add({ ...step, identification: 1 })
  const again = { is: 'a>A', seq: 0, ack: 1, identification: 1 }
  stepper.add({ ...again, bytes: 5, atMs: 100 })
  expect(stepper.add({ ...again, atMs: 101 }).labels).not.toContain('capture-duplicate')
  stepper.add({ is: 'a>A', seq: 5, ack: 1, identification: 1, atMs: 103 })
  expect(stepper.add({ is: 'a>A', seq: 5, ack: 1, identification: 1, atMs: 104 }).labels).toEqual(['dup-ack'])
})

test('a connection from an end to itself has one sender', () => {
  const stepper = new Stepper()
  const self = { ports: { a: 7, b: 7 }, addresses: { a: 1, b: 1 } }
  for (const step of HANDSHAKE) expect(stepper.add({ ...step, ...self })).toMatchObject({ flowId: 1, sender: 0 })
  expect(stepper.finish()[0]!.packets).toEqual({ client: 3, server: 0 })
})

test('each direction has an encapsulation of its own; the same ends in two VLANs are two flows', () => {
  const stepper = new Stepper()
  expect(stepper.add({ is: 'a>S', seq: 5, encapsulation: 1 }).flowId).toBe(1)
  expect(stepper.add({ is: 'b>SA', seq: 9, ack: 6, encapsulation: 2 })).toMatchObject({ flowId: 1, sender: 1 })
  expect(stepper.add({ is: 'a>S', seq: 5, encapsulation: 3 }).flowId).toBe(2)
})

test('round trips leave out what was sent twice (Karn), and 1000 of them are thinned to their spread', () => {
  const stepper = open()
  for (let round = 0; round < 1000; round++) {
    stepper.add({ is: 'a>PA', seq: round * 10, ack: 1, bytes: 10, atMs: 100 + round * 100 })
    stepper.add({ is: 'b>A', seq: 1, ack: round * 10 + 10, atMs: 100 + round * 100 + 1 + (round % 50) })
  }
  stepper.labels(
    { is: 'a>PA', seq: 10_000, ack: 1, bytes: 10, atMs: 200_000 },
    { is: 'a>PA', seq: 10_000, ack: 1, bytes: 10, atMs: 201_000 },
    { is: 'b>A', seq: 1, ack: 10_010, atMs: 201_001 },
  )
  const { rttMs } = stepper.finish()[0]!
  expect(rttMs).toMatchObject({ samples: 1000, min: 1 })
  expect(rttMs!.p50).toBeGreaterThan(15)
  expect(rttMs!.p50).toBeLessThan(36)
  expect(rttMs!.p95).toBeGreaterThan(40)
})

test('a clock that goes back is counted and makes no round trip', () => {
  const stepper = open()
  stepper.add({ is: 'a>PA', seq: 0, ack: 1, bytes: 10, atMs: 500 })
  stepper.add({ is: 'b>A', seq: 1, ack: 10, atMs: 300 })
  expect(stepper.tracker.quality()).toMatchObject({ clockSteps: 1, largestClockStepNs: 200e6 })
  expect(stepper.finish()[0]!.rttMs).toMatchObject({ samples: 0, min: null })
})

test('a full table gives up what ended, then what is silent longest; every flow comes out once', () => {
  const stepper = new Stepper({ maxFlows: 8 })
  const ports = (a: number): { ports: { a: number; b: number } } => ({ ports: { a, b: 80 } })
  for (let flow = 1; flow <= 8; flow++) stepper.add({ is: 'a>S', seq: 1, ...ports(flow) })
  stepper.add({ is: 'b>RA', seq: 0, ack: 2, ...ports(5) })
  stepper.add({ is: 'a>S', seq: 1, ...ports(1) })
  for (let flow = 9; flow <= 10; flow++) stepper.add({ is: 'a>S', seq: 1, ...ports(flow) })
  expect(stepper.flows.map(({ id, endReason }) => [id, endReason])).toEqual([
    [5, 'end-detected'],
    [2, 'lack-of-resources'],
  ])
  for (let flow = 11; flow <= 5000; flow++) stepper.add({ is: 'a>S', seq: 1, ...ports(flow) })
  expect(new Set(stepper.finish().map(flow => flow.id)).size).toBe(5000)
})

test('flows silent for more than five minutes end when the table is more than half full', () => {
  const stepper = new Stepper({ maxFlows: 4 })
  for (let flow = 1; flow <= 3; flow++) stepper.add({ is: 'a>S', seq: 1, ports: { a: flow, b: 80 }, atMs: 0 })
  stepper.add({ is: 'a>S', seq: 1, ports: { a: 4, b: 80 }, atMs: 301_000 })
  expect(stepper.flows.map(flow => flow.endReason)).toContain('idle')
})
