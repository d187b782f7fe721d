import { expect, test } from 'vitest'
import { FLOW_RULES } from '../../src/flow/finding-rules.js'
import { LATER, opened, Scene } from './finding-steps.js'
import { HANDSHAKE, type PacketStep } from './track-steps.js'

/** A connection that is closed by both as it should be, from its first data on. */
const CLOSE: PacketStep[] = [
  { is: 'a>PA', seq: 0, ack: 1, bytes: 100 },
  { is: 'b>A', seq: 1, ack: 100 },
  { is: 'b>PA', seq: 1, ack: 100, bytes: 200 },
  { is: 'a>A', seq: 100, ack: 201 },
  { is: 'a>FA', seq: 100, ack: 201 },
  { is: 'b>FA', seq: 201, ack: 101 },
  { is: 'a>A', seq: 101, ack: 202 },
]

test('nothing is found in a connection that opens, talks and closes', () => {
  expect(
    opened()
      .add(...CLOSE)
      .finish(),
  ).toEqual([])
})

test('no answer: SYNs at 0, 1, 3 and 7 s, with the connections that the port accepted in the meantime', () => {
  const other = { a: 50_000, b: 80 }
  const scene = new Scene().add(
    { is: 'a>S', seq: 10, atMs: 0 },
    { is: 'a>S', seq: 10, atMs: 1000 },
    { is: 'a>S', seq: 70, ports: other, atMs: 2000 },
    { is: 'b>SA', seq: 90, ack: 71, ports: other, atMs: 2010 },
    { is: 'a>A', seq: 71, ack: 91, ports: other, atMs: 2020 },
    { is: 'a>S', seq: 10, atMs: 3000 },
    { is: 'a>S', seq: 10, atMs: 7000 },
  )
  const [finding, ...rest] = scene.finish()
  expect(rest).toEqual([])
  expect(finding).toMatchObject({
    rule: 'no-answer',
    severity: 'error',
    flow: 1,
    flows: 1,
    frames: [1, 2, 4, 6, 7],
    numbers: { syns: 4, lastSynMs: 7000, answeredFlow: 2 },
  })
  expect(finding!.sentence).toContain('4 SYNs, at 0, 1, 3, 7 s')
  expect(finding!.sentence).toContain('in the meantime it answered flow 2 (frame 4)')
})

test('a SYN just before the end of the capture may still be answered', () => {
  expect(new Scene().add({ is: 'a>S', seq: 10 }).rules()).toEqual([])
  expect(new Scene().add({ is: 'a>S', seq: 10 }, ...LATER).rules()).toEqual(['no-answer'])
})

test('a scan of many ports is one finding', () => {
  const scan = (scene: Scene): Scene => {
    for (let port = 1; port <= 500; port++) scene.add({ is: 'a>S', seq: port, ports: { a: 40_000, b: port } })
    for (let port = 501; port <= 540; port++)
      scene.add(
        { is: 'a>S', seq: port, ports: { a: 40_000, b: port } },
        { is: 'b>RA', seq: 0, ack: port + 1, ports: { a: 40_000, b: port } },
      )
    return scene
  }
  const found = scan(new Scene()).finish()
  const sparing = scan(new Scene(undefined, true))
  expect(sparing.finish()).toEqual(found)
  expect(sparing.flows).toEqual([])
  expect(found.map(({ rule, flows }) => [rule, flows])).toEqual([
    ['refused', 40],
    ['no-answer', 500],
  ])
  expect(found[1]!.sentence).toMatch(/^500 connections from 10\.0\.0\.1 to 10\.0\.0\.2, 500 ports .*a port scan/)
  expect(found[1]!.frames.length).toBeLessThanOrEqual(16)
})

test('more servers than there are groups: the client of all is named; a flood of more clients is told by its server', () => {
  const scan = new Scene(undefined, true)
  for (let at = 0; at < 1500; at++)
    scan.add({ is: 'a>S', seq: at, addresses: { a: 0x0a000001, b: 0x0b000000 + at }, ports: { a: 40_000, b: 80 } })
  expect(scan.finish().map(({ flows, sentence }) => [flows, sentence.slice(0, 61)])).toEqual([
    [1500, '1500 connections from 10.0.0.1 to 1500 addresses, 1 port (flo'],
  ])
  const flood = new Scene(undefined, true)
  for (let at = 0; at < 1500; at++)
    flood.add({ is: 'a>S', seq: at, addresses: { a: 0x0b000000 + at, b: 0x0a000002 }, ports: { a: 40_000, b: 80 } })
  expect(flood.finish().map(({ flows, sentence }) => [flows, sentence.slice(0, 51)])).toEqual([
    [1500, '1500 connections of 1500 clients to 10.0.0.2:80 (fl'],
  ])
})

test('refused: each attempt of one connection counts', () => {
  const scene = new Scene().add(
    { is: 'a>S', seq: 10, atMs: 0 },
    { is: 'b>RA', seq: 0, ack: 11, atMs: 1 },
    { is: 'a>S', seq: 10, atMs: 500 },
    { is: 'b>RA', seq: 0, ack: 11, atMs: 501 },
    { is: 'a>S', seq: 10, atMs: 1000 },
    { is: 'b>RA', seq: 0, ack: 11, atMs: 1001 },
  )
  const [finding] = scene.finish()
  expect(finding).toMatchObject({
    rule: 'refused',
    frames: [1, 2, 3, 4, 5, 6],
    numbers: { refusals: 3, lastRefusalMs: 1001 },
  })
  // RFC 9293 3.10.7.3: a reset that acknowledges something else refuses nothing.
  expect(new Scene().add({ is: 'a>S', seq: 10 }, { is: 'b>RA', seq: 0, ack: 99 }, ...LATER).rules()).not.toContain(
    'refused',
  )
})

test('unreachable: by whom, and why', () => {
  const [finding] = new Scene().add({ is: 'a>S', seq: 10 }).icmp(3, 1, 0, true).finish()
  expect(finding).toMatchObject({ rule: 'unreachable', frames: [1, 2], numbers: { icmpType: 3, icmpCode: 1 } })
  expect(finding!.sentence).toContain('10.0.0.9')
})

test('half open: a SYN-ACK that nobody acknowledges, and one that just came', () => {
  const synAck: PacketStep = { is: 'b>SA', seq: 0, ack: 0 }
  const begun = (): Scene => new Scene().add(HANDSHAKE[0]!, { ...synAck, atMs: 10 })
  expect(begun().rules()).toEqual([])
  const [finding] = begun()
    .add({ ...synAck, atMs: 1010 })
    .finish()
  expect(finding).toMatchObject({ rule: 'half-open', frames: [1, 2, 3], numbers: { synAcks: 2 } })
})

test('accept queue: the SYN-ACK is repeated behind the ACK and data of the client', () => {
  const full = opened()
    .add({ is: 'a>PA', seq: 0, ack: 1, bytes: 100, atMs: 30 })
    .add({ is: 'a>PA', seq: 0, ack: 1, bytes: 100, atMs: 230 })
    .add({ is: 'b>SA', seq: 0, ack: 0, atMs: 1010 })
    .add({ is: 'a>A', seq: 100, ack: 1, atMs: 1011 })
    .add({ is: 'b>SA', seq: 0, ack: 0, atMs: 3010 })
    .add({ is: 'a>A', seq: 100, ack: 1, atMs: 3011 })
  const [finding] = full.finish()
  expect(finding).toMatchObject({
    rule: 'accept-queue-overflow',
    severity: 'error',
    frames: [2, 3, 4, 6, 8],
    numbers: { synAckRetransmits: 2, unacknowledgedBytes: 100 },
  })
  // The ACK was lost behind the capture, and there were no data yet: the next one is heard.
  const lost = opened()
    .add({ is: 'b>SA', seq: 0, ack: 0, atMs: 1010 })
    .add({ is: 'a>A', seq: 0, ack: 1, atMs: 1011 })
    .add(...CLOSE)
  expect(lost.rules()).not.toContain('accept-queue-overflow')
})

test('TIME-WAIT: SYN, an ACK of the old connection, RST, SYN again; the old one is named', () => {
  const refused: PacketStep[] = [
    { is: 'a>S', seq: 5000, atMs: 2000 },
    { is: 'b>A', seq: 202, ack: 101, atMs: 2001 },
    { is: 'a>R', seq: 101, atMs: 2002 },
    { is: 'a>S', seq: 5000, atMs: 3000 },
    { is: 'b>SA', seq: 9000, ack: 5001, atMs: 3001 },
    { is: 'a>A', seq: 5001, ack: 9001, atMs: 3002 },
  ]
  const found = opened()
    .add(...CLOSE, ...refused)
    .finish()
  const finding = found.find(({ rule }) => rule === 'time-wait-refusal')
  // 10 packets, ten milliseconds apart, were before.
  expect(finding).toMatchObject({ severity: 'warning', flow: 2, numbers: { previousFlow: 1, sincePreviousMs: 1910 } })
  expect(finding!.frames).toEqual(expect.arrayContaining([10, 11, 12, 13, 14]))
  // Without the RST of the client the ACK is only a strange one.
  const ignored = new Scene().add(refused[0]!, refused[1]!, refused[3]!, refused[4]!, refused[5]!)
  expect(ignored.rules()).not.toContain('time-wait-refusal')
})

test('zero window: how long, probed how often, whether it opened again', () => {
  const stall: PacketStep[] = [
    { is: 'a>PA', seq: 0, ack: 1, bytes: 100, atMs: 100 },
    { is: 'b>A', seq: 1, ack: 100, window: 0, atMs: 110 },
    { is: 'a>A', seq: 99, ack: 1, atMs: 400 },
    { is: 'b>A', seq: 1, ack: 100, window: 0, atMs: 401 },
  ]
  const [died] = opened()
    .add(...stall)
    .finish()
  expect(died).toMatchObject({
    rule: 'zero-window-stall',
    severity: 'error',
    frames: [5, 7],
    numbers: { stallMs: 291, probes: 1, recovered: 'no' },
  })
  const [recovered] = opened()
    .add(...stall, { is: 'b>A', seq: 1, ack: 100, window: 1000, atMs: 2110 })
    .finish()
  expect(recovered).toMatchObject({
    rule: 'zero-window-stall',
    severity: 'warning',
    frames: [5, 8],
    numbers: { stallMs: 2000, recovered: 'yes' },
  })
  // It opened before anybody had to ask.
  const short = opened().add(stall[0]!, stall[1]!, { is: 'b>A', seq: 1, ack: 100, window: 1000, atMs: 150 })
  expect(short.rules()).toEqual([])
})

const LARGE: PacketStep = { is: 'b>A', seq: 41, ack: 100, bytes: 1448 }
const TALK: PacketStep[] = [
  { is: 'a>PA', seq: 0, ack: 1, bytes: 100, atMs: 100 },
  { is: 'b>PA', seq: 1, ack: 100, bytes: 40, atMs: 110 },
  { is: 'a>A', seq: 100, ack: 41, atMs: 120 },
]
const GONE: PacketStep[] = [
  { ...LARGE, atMs: 130 },
  { ...LARGE, atMs: 400 },
  { is: 'a>A', seq: 99, ack: 41, bytes: 0, atMs: 500 },
  { ...LARGE, atMs: 900 },
  { ...LARGE, atMs: 1900 },
]

test('MTU black hole: large segments vanish, small ones arrive, and nobody says why', () => {
  const [finding] = new Scene()
    .whole()
    .add(...HANDSHAKE, ...TALK, ...GONE)
    .finish()
  expect(finding).toMatchObject({
    rule: 'mtu-black-hole',
    severity: 'error',
    numbers: { bytes: 1448, retransmissions: 3, acknowledgedBytes: 40, spanMs: 1500 },
  })
  expect(finding!.frames).toEqual([8, 9, 10, 11])
})

test('MTU black hole: behind a long talk in small segments as well', () => {
  const scene = new Scene().whole().add(...HANDSHAKE)
  for (let at = 0; at < 100; at++)
    scene.add(
      { is: 'b>PA', seq: 1 + at * 40, ack: 0, bytes: 40, atMs: 40 + at },
      { is: 'a>A', seq: 0, ack: 41 + at * 40, atMs: 40.5 + at },
    )
  for (const atMs of [200, 500, 1100, 2300]) scene.add({ is: 'b>A', seq: 4001, ack: 0, bytes: 1448, atMs })
  const [finding] = scene.add({ is: 'a>PA', seq: 0, ack: 4001, bytes: 10, atMs: 2400 }).finish()
  expect(finding).toMatchObject({ rule: 'mtu-black-hole', numbers: { bytes: 1448, acknowledgedBytes: 4000 } })
})

test('no MTU black hole: packets may be split, one as large arrived, nothing arrives any more, or a router says why', () => {
  const split = new Scene().add(...HANDSHAKE, ...TALK, ...GONE)
  expect(split.rules()).not.toContain('mtu-black-hole')
  const arrived = new Scene()
    .whole()
    .add(...HANDSHAKE, ...TALK, { ...LARGE, atMs: 121 }, { is: 'a>A', seq: 100, ack: 1489, atMs: 122 })
    .add(...GONE.map(step => (step.is === 'b>A' ? { ...step, seq: 1489 } : { ...step, ack: 1489 })))
  expect(arrived.rules()).not.toContain('mtu-black-hole')
  const dead = new Scene().whole().add(...HANDSHAKE, ...TALK, ...GONE.filter(step => step.is === 'b>A'))
  expect(dead.rules()).toEqual(['unanswered-data'])
  const told = new Scene()
    .whole()
    .add(...HANDSHAKE, ...TALK, ...GONE)
    .icmp(3, 4, 1400)
  const [finding] = told.finish()
  expect(finding).toMatchObject({ rule: 'path-mtu', severity: 'warning', frames: [12], numbers: { mtu: 1400 } })
})

test('path MTU: all arrives in smaller segments once a router has said how small', () => {
  const scene = new Scene()
    .whole()
    .add(...HANDSHAKE, ...TALK, { ...LARGE, atMs: 130 })
    .icmp(3, 4, 1400)
  scene.add({ ...LARGE, bytes: 1348, atMs: 140 }, { ...LARGE, seq: 1389, bytes: 100, atMs: 141 })
  scene.add({ is: 'a>A', seq: 100, ack: 1489, atMs: 150 })
  const finding = scene.finish().find(({ rule }) => rule === 'path-mtu')
  expect(finding).toMatchObject({ severity: 'note', frames: [8], numbers: { mtu: 1400, unacknowledgedBytes: 0 } })
})

test('a reset by its class: answered data, an injected one, one behind a long silence, an ignored one', () => {
  const lost: PacketStep = { is: 'a>PA', seq: 0, ack: 1, bytes: 100 }
  const [abort] = opened().add(lost, { is: 'b>RA', seq: 1, ack: 0 }).finish()
  expect(abort).toMatchObject({
    rule: 'reset',
    severity: 'error',
    numbers: { phase: 'after-data', class: 'abort', clientBytesUnacknowledged: 100 },
  })
  const answered: PacketStep[] = [lost, { is: 'b>A', seq: 1, ack: 100 }]
  const [injected] = opened()
    .add(...answered, { is: 'b>R', seq: 1, ttl: 250 })
    .finish()
  expect(injected).toMatchObject({ rule: 'reset-injected-suspect', severity: 'error' })
  expect(injected!.sentence).toContain('time to live 250')
  const [idle] = opened()
    .add(...answered, { is: 'a>PA', seq: 100, ack: 1, bytes: 10, atMs: 90_000 })
    .add({ is: 'b>R', seq: 1, atMs: 90_010 })
    .finish()
  expect(idle).toMatchObject({ rule: 'reset-idle-timeout-suspect', severity: 'warning' })
  const rules = opened()
    .add(...answered, { is: 'b>R', seq: 1 + 0x4000_0000 })
    .rules()
  expect(rules).toContain('reset-ignored')
  expect(rules).not.toContain('reset')
})

test('no such reset: of the same host, soon after the last packet, at the number that is awaited', () => {
  const answered: PacketStep[] = [
    { is: 'a>PA', seq: 0, ack: 1, bytes: 100 },
    { is: 'b>A', seq: 1, ack: 100 },
    { is: 'b>A', seq: 1, ack: 100, bytes: 50 },
    { is: 'a>A', seq: 100, ack: 51 },
  ]
  expect(
    opened()
      .add(...answered, { is: 'b>RA', seq: 51, ack: 100, ttl: 64 })
      .rules(),
  ).toEqual(['reset'])
  expect(
    opened()
      .add(
        ...answered,
        { is: 'a>PA', seq: 100, ack: 51, bytes: 10, atMs: 3000 },
        { is: 'b>RA', seq: 51, ack: 110, atMs: 3010 },
      )
      .rules(),
  ).toEqual(['reset'])
})

test('not unreachable: the SYN was answered although a router had complained before', () => {
  const scene = new Scene().add({ is: 'a>S', seq: 0xffff_ffff }).icmp(3, 1, 0, true)
  expect(scene.add(...HANDSHAKE.slice(1), ...CLOSE).rules()).toEqual([])
})

test('nothing was lost: keep-alives, and segments that overtook others', () => {
  const data: PacketStep = { is: 'a>PA', seq: 0, ack: 1, bytes: 100 }
  const idle = opened().add(data, { is: 'b>A', seq: 1, ack: 100 })
  idle.add({ is: 'a>A', seq: 99, ack: 1, bytes: 1, atMs: 60_000 }, { is: 'b>A', seq: 1, ack: 100, atMs: 60_001 })
  expect(idle.rules()).toEqual([])
  const overtaken = opened().add(data, { is: 'b>A', seq: 1, ack: 100, atMs: 50 })
  overtaken
    .add({ ...data, seq: 200, atMs: 51 }, { is: 'b>A', seq: 1, ack: 100, atMs: 51.2 })
    .add({ ...data, seq: 100, atMs: 51.4 }, { is: 'b>A', seq: 1, ack: 300, atMs: 52 })
  expect(overtaken.rules()).toEqual([])
})

test('no fast retransmission: one duplicate ACK, and the timeout a second later', () => {
  const data: PacketStep[] = [0, 100, 200].map(seq => ({ is: 'a>A', seq, ack: 1, bytes: 100 }))
  const scene = opened().add(...data, { is: 'b>A', seq: 1, ack: 100 }, { is: 'b>A', seq: 1, ack: 100 })
  scene.add({ is: 'a>A', seq: 100, ack: 1, bytes: 100, atMs: 1100 }, { is: 'b>A', seq: 1, ack: 300, atMs: 1120 })
  expect(scene.rules()).toEqual(['retransmissions'])
})

test('CLOSE-WAIT: a FIN that was acknowledged and not answered for the rest of a long capture', () => {
  const half: PacketStep[] = [
    { is: 'a>FA', seq: 0, ack: 1, atMs: 100 },
    { is: 'b>A', seq: 1, ack: 1, atMs: 110 },
  ]
  const [finding] = opened()
    .add(...half, ...LATER)
    .finish()
  expect(finding).toMatchObject({ rule: 'close-wait-leak', frames: [4, 5, 8], numbers: { silentMs: 99_910 } })
  expect(
    opened()
      .add(...half)
      .rules(),
  ).toEqual([])
})

test('retransmissions: by direction with their share; a fast one names its duplicate ACKs', () => {
  const data: PacketStep[] = Array.from({ length: 20 }, (_, at) => ({
    is: 'a>A',
    seq: at * 100,
    ack: 1,
    bytes: 100,
  }))
  const scene = opened().add(...data)
  scene.add({ is: 'b>A', seq: 1, ack: 1900 }, { is: 'a>A', seq: 1900, ack: 1, bytes: 100, atMs: 1000 })
  const [finding] = scene.add({ is: 'b>A', seq: 1, ack: 2000 }).finish()
  expect(finding).toMatchObject({
    rule: 'retransmissions',
    severity: 'note',
    frames: [25],
    numbers: { client: 1, clientPackets: 23 },
  })
  const acks = [1, 2, 3, 4].map((): PacketStep => ({ is: 'b>A', seq: 1, ack: 100, window: 1000 }))
  const [fast] = opened()
    .add(...data.slice(0, 5), ...acks, { is: 'a>A', seq: 100, ack: 1, bytes: 100 }, { is: 'b>A', seq: 1, ack: 500 })
    .finish()
  expect(fast).toMatchObject({
    rule: 'fast-retransmission',
    severity: 'note',
    frames: [10, 11, 12, 13],
    numbers: { fastRetransmissions: 1, dupAcks: 3, bytes: 100 },
  })
})

test('slow server, client, network: each is told apart from the others', () => {
  const at = (ms: readonly number[]): Scene =>
    new Scene().add(
      { is: 'a>S', seq: 0xffff_ffff, atMs: 0 },
      { is: 'b>SA', seq: 0, ack: 0, atMs: ms[0]! },
      { is: 'a>A', seq: 0, ack: 1, atMs: ms[1]! },
      { is: 'a>PA', seq: 0, ack: 1, bytes: 100, atMs: ms[2]! },
      { is: 'b>A', seq: 1, ack: 100, atMs: ms[3]! },
      { is: 'b>PA', seq: 1, ack: 100, bytes: 100, atMs: ms[4]! },
    )
  expect(at([20, 21, 22, 42, 45]).rules()).toEqual([])
  const [server] = at([20, 21, 22, 42, 1042]).finish()
  expect(server).toMatchObject({ rule: 'slow-server', frames: [4, 5, 6], numbers: { serverMs: 1000 } })
  const [client] = at([20, 21, 1521, 1541, 1545]).finish()
  expect(client).toMatchObject({ rule: 'slow-client', frames: [3, 4], numbers: { ackToRequestMs: 1500 } })
  const [network] = at([900, 901, 902, 1802, 1805]).finish()
  expect(network).toMatchObject({ rule: 'slow-network', frames: [1, 2, 3], numbers: { synToSynAckMs: 900 } })
})

test('what the capture cannot show comes before any verdict', () => {
  const scene = opened().add({ is: 'b>PA', seq: 1, ack: 0, bytes: 100 }, { is: 'b>PA', seq: 301, ack: 0, bytes: 100 })
  scene.add({ is: 'a>RA', seq: 0, ack: 101 })
  const found = scene.finish({ dropped: 7, received: 100 })
  expect(found.slice(0, 2)).toMatchObject([
    { rule: 'capture-dropped', flow: null, numbers: { count: 7, received: 100 } },
    { rule: 'capture-gaps', flow: null, frames: [5], numbers: { count: 1 } },
  ])
  expect(found[2]!.rule).toBe('reset')
})

test('what is kept is bounded, and what could not be kept is said', () => {
  const scene = new Scene(10)
  scene.add(...HANDSHAKE)
  for (let at = 0; at < 40; at++) scene.add({ is: 'a>PA', seq: 0, ack: 1, bytes: 100, atMs: 300 + at * 300 })
  const found = scene.finish()
  expect(found[0]).toMatchObject({ rule: 'evidence-full' })
  expect(found[1]).toMatchObject({ rule: 'unanswered-data', numbers: { retransmissions: 10 } })
  expect(found[1]!.sentence).toContain('at least 10 times')
})

test('the text is the same for the same packets; rules have different names', () => {
  const names = FLOW_RULES.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const build = (): string =>
    JSON.stringify(
      opened()
        .add(...CLOSE, ...GONE)
        .finish(),
    )
  expect(build()).toBe(build())
})
