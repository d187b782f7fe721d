import { expect, test } from 'vitest'
import type { PathMtuLimit, PathMtuProbe, PathMtuResult } from '../../src/probe/path-mtu-result.js'
import { pathMtuLines } from '../../src/render/path-mtu-text.js'

const probe = (outcome: PathMtuProbe['outcome']): PathMtuProbe => ({
  sequence: 1,
  sizeBytes: 1500,
  outcome,
  from: null,
  mtu: null,
  rttMs: null,
})

const found = (limit: PathMtuLimit, more: Partial<PathMtuResult> = {}): PathMtuResult => ({
  target: { index: 0, target: 'example.net', address: '192.0.2.9', family: 4 },
  transport: 'datagram',
  pathMtu: 1400,
  largestPayload: 1372,
  limit,
  error: null,
  timeMs: 1234,
  probes: [probe('answered'), probe('too-big'), probe('lost'), probe('lost')],
  ...more,
})

const none = (error: PathMtuResult['error']): PathMtuResult =>
  found({ by: 'none' }, { pathMtu: null, largestPayload: null, limit: null, error, probes: [probe('lost')] })

const names = (address: string): string | null => (address === '198.51.100.7' ? 'r7.example' : null)
const lines = (result: PathMtuResult): string[] => pathMtuLines(result, names)
const limitOf = (limit: PathMtuLimit): string => lines(found(limit))[1]!

test('the size comes first, then the limit, then what it took', () => {
  expect(lines(found({ by: 'icmp', from: '198.51.100.7', mtu: 1400 }))).toEqual([
    'path MTU to example.net (192.0.2.9): 1400 bytes (payload of 1372 bytes)',
    'limit: r7.example (198.51.100.7) says: Frag needed and DF set (mtu = 1400)',
    '4 probes in 1234 ms: 1 answered, 1 too big, 2 lost',
  ])
})

test('an IPv6 router speaks its own words, and too little for IPv6 is said', () => {
  const target = { index: 0, target: '2001:db8::9', address: '2001:db8::9', family: 6 } as const
  const all = lines(
    found({ by: 'icmp', from: '2001:db8::7', mtu: 1200 }, { target, pathMtu: 1200, largestPayload: 1152 }),
  )
  expect(all.slice(0, 3)).toEqual([
    'path MTU to 2001:db8::9: 1200 bytes (payload of 1152 bytes)',
    'limit: 2001:db8::7 says: Packet too big: mtu=1200',
    'less than the 1280 bytes that every link of IPv6 must carry (RFC 8200)',
  ])
})

test('every other limit is a sentence', () => {
  expect(limitOf({ by: 'icmp', from: null, mtu: null })).toBe(
    'limit: a router says that larger packets are too big, but not how large they may be',
  )
  expect(limitOf({ by: 'local', mtu: 1400 })).toBe(
    'limit: the interface of this host, which takes packets of 1400 bytes',
  )
  expect(limitOf({ by: 'black-hole', smallestLost: 1401 })).toBe(
    'limit: a black hole: packets of 1401 bytes vanish without a word, there or on the way back, while smaller ones are answered',
  )
  expect(limitOf({ by: 'unknown', largestPossible: 1499 })).toBe(
    'limit: not found in time: the path MTU is between 1400 and 1499 bytes',
  )
  expect(limitOf({ by: 'none' })).toBe('limit: none, the largest packet that there is arrives')
})

test('no answer says who refused, or that nobody did', () => {
  expect(lines(none(null))).toEqual([
    'example.net (192.0.2.9) does not answer: no path MTU',
    '1 small probe without an answer or an error',
  ])
  expect(lines(none({ from: '198.51.100.7', type: 3, code: 1, errno: 113 }))[1]).toBe(
    'r7.example (198.51.100.7) says: Destination Host Unreachable',
  )
  expect(lines(none({ from: null, type: null, code: null, errno: 101 }))[1]).toBe(
    'this host refuses: network is unreachable',
  )
})

test('no answer says who finds even small packets too big', () => {
  const probes = [{ ...probe('too-big'), sizeBytes: 68, from: '198.51.100.7' }, probe('lost')]
  expect(lines({ ...none(null), probes })[1]).toBe(
    'r7.example (198.51.100.7) says that even packets of 68 bytes are too big',
  )
  expect(lines({ ...none(null), probes: [{ ...probe('too-big'), sizeBytes: 68 }] })[1]).toBe(
    'a router says that even packets of 68 bytes are too big',
  )
})

test('names from outside cannot write to a terminal', () => {
  const target = { index: 0, target: 'a\u001b[31mb', address: '192.0.2.9', family: 4 } as const
  const result = found({ by: 'icmp', from: '198.51.100.8', mtu: 1400 }, { target })
  const text = pathMtuLines(result, () => 'evil\u001b]0;x\u0007').join('\n')
  expect(text).not.toMatch(/[\u001b\u0007]/)
})
