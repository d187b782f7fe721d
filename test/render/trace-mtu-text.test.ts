import { expect, test } from 'vitest'
import type { Hop, TraceMtu } from '../../src/probe/trace-document.js'
import { traceMtuLines } from '../../src/render/trace-mtu-text.js'

const hop = (ttl: number, address: string): Hop =>
  ({ ttl, responders: [{ address }], sent: 1, received: 1, notAnswering: 0, lossPercent: 0 }) as unknown as Hop

const HOPS = [hop(1, '10.0.1.2'), hop(2, '10.0.2.2'), hop(3, '10.0.3.2')]
const quoted = (...mss: (number | null)[]) => mss.map((each, at) => ({ ttl: at + 1, mss: each }))
const NOTHING: TraceMtu = { pathMtu: 1500, byTtl: [], limits: [], clamps: [], mss: null, notes: [] }

test('a limit that was told names who told it, and where it is', () => {
  const limits = [{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: '10.0.2.2' }]
  expect(traceMtuLines({ ...NOTHING, pathMtu: 1400, limits }, HOPS)).toEqual([
    'path MTU 1400 bytes',
    'MTU 1400 between hop 2 (10.0.2.2) and hop 3 (10.0.3.2): told by 10.0.2.2',
  ])
})

test('a black hole and a clamp are named with their neighbours; this host is one', () => {
  const limits = [{ afterTtl: 0, beforeTtl: 1, mtu: 1400, saidBy: null }]
  const clamps = [{ afterTtl: 1, beforeTtl: 3, from: 1460, to: 1300 }]
  const mss = { first: 1460, byTtl: quoted(1460, null, 1460) }
  expect(traceMtuLines({ ...NOTHING, pathMtu: 1400, limits, clamps, mss }, HOPS)).toEqual([
    'path MTU 1400 bytes',
    'MTU black hole between this host and hop 1 (10.0.1.2): packets larger than 1400 bytes vanish without a word',
    'MSS 1460 lowered to 1300 between hop 1 (10.0.1.2) and hop 3 (10.0.3.2)',
  ])
})

test('nothing lowered is said as well, and so are notes', () => {
  const mss = { first: 1460, byTtl: quoted(1460, null, 1460) }
  expect(traceMtuLines({ ...NOTHING, pathMtu: null, mss, notes: ['hop 2: \x1b[31m'] }, HOPS)).toEqual([
    'path MTU unknown: too few answers',
    'MSS 1460 unchanged as far as hop 3',
    expect.not.stringContaining('\x1b'),
  ])
})

test.each([
  [quoted(null, 1460, null), ['MSS 1460 was quoted by hop 2 only']],
  [quoted(1460, 1460, null), ['MSS 1460 unchanged as far as hop 2']],
  [quoted(null, null, null), []],
  // Raised, which is nobody's clamp.
  [quoted(1460, 8960, null), []],
])('of the MSS no more is said than hops have quoted: %j', (byTtl, sentences) => {
  expect(traceMtuLines({ ...NOTHING, mss: { first: 1460, byTtl } }, HOPS)).toEqual([
    'path MTU 1500 bytes',
    ...sentences,
  ])
})
