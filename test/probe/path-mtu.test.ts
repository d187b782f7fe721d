import { describe, expect, test } from 'vitest'
import { findPathMtu, type PathMtuPlan } from '../../src/probe/path-mtu.js'
import type { PathMtuResult } from '../../src/probe/path-mtu-result.js'
import { SimulatedNetwork, type SimulatedPath } from './path-mtu-network.js'

const ROUTER = '198.51.100.7'

async function discover(path: SimulatedPath, plan: Partial<PathMtuPlan> = {}, signal?: AbortSignal) {
  const family = path.family ?? 4
  const network = new SimulatedNetwork(path)
  const target = { index: 0, target: 'host', address: '192.0.2.9', family } as const
  const all: PathMtuPlan = {
    target,
    localMtu: 1500,
    largestPayload: family === 4 ? 65507 : 65527,
    timeoutMs: 1000,
    intervalMs: 20,
    deadlineMs: 60_000,
    ...plan,
  }
  const result = await network.finish(findPathMtu(network, all, network.timers, signal))
  return { result, network }
}

const sizes = ({ probes }: PathMtuResult): number[] => [...new Set(probes.map(probe => probe.sizeBytes))]

describe('path MTU discovery', () => {
  test('a path as wide as the interface needs no search', async () => {
    const { result } = await discover({})
    expect(result).toMatchObject({
      pathMtu: 1500,
      largestPayload: 1472,
      limit: { by: 'local', mtu: 1500 },
      error: null,
    })
    expect(sizes(result)).toEqual([68, 1500])
  })

  test('IPv6 headers are 20 bytes longer', async () => {
    const { result } = await discover({ family: 6 })
    expect(result).toMatchObject({ pathMtu: 1500, largestPayload: 1452 })
  })

  test('the largest packet there is may pass', async () => {
    const { result } = await discover({}, { localMtu: 65536 })
    expect(result).toMatchObject({ pathMtu: 65535, largestPayload: 65507, limit: { by: 'none' } })
  })

  test.each([4, 6] as const)(
    'a router of IPv%i says how much passes: that much is tried, and a byte more',
    async family => {
      const { result } = await discover({ family, mtu: 1400, reporter: { from: ROUTER, mtu: 1400 } })
      expect(result).toMatchObject({ pathMtu: 1400, limit: { by: 'icmp', from: ROUTER, mtu: 1400 } })
      expect(sizes(result)).toEqual([family === 4 ? 68 : 64, 1500, 1400, 1401])
      expect(result.probes.find(probe => probe.sizeBytes === 1500)).toMatchObject({
        outcome: 'too-big',
        from: ROUTER,
        mtu: 1400,
      })
    },
  )

  test('a router that reports but once is believed once a byte more is not answered', async () => {
    const { result } = await discover({ mtu: 1400, reporter: { from: ROUTER, mtu: 1400, atMost: 1 } })
    expect(result).toMatchObject({ pathMtu: 1400, limit: { by: 'icmp', from: ROUTER, mtu: 1400 } })
  })

  test('a report that understates does not end the search', async () => {
    const { result } = await discover({ mtu: 1400, reporter: { from: ROUTER, mtu: 600 } })
    expect(result.pathMtu).toBe(1400)
    expect(result.limit).toMatchObject({ by: 'icmp', from: ROUTER })
  })

  test.each([0, 1500, 9000, 40])('a router that reports a useless MTU (%i) is named, and the size found', async mtu => {
    const { result } = await discover({ mtu: 1006, reporter: { from: ROUTER, mtu } })
    expect(result).toMatchObject({ pathMtu: 1006, limit: { by: 'icmp', from: ROUTER } })
  })

  test('a report that quotes too little to tell the probe is about the larger one', async () => {
    const { result } = await discover({ mtu: 1400, reporter: { from: ROUTER, mtu: 1400 }, shortQuotes: true })
    expect(result).toMatchObject({ pathMtu: 1400, limit: { by: 'icmp', from: ROUTER, mtu: 1400 } })
  })

  test('the kernel refuses what the interface does not take, and says how much it takes', async () => {
    const { result } = await discover({ localMtu: 1420, tells: true }, { localMtu: null })
    expect(result).toMatchObject({ pathMtu: 1420, limit: { by: 'local', mtu: 1420 } })
    expect(sizes(result)).toEqual([68, 65535, 1420])
  })

  test('the kernel refuses without a word', async () => {
    const { result } = await discover({ localMtu: 1420 }, { localMtu: null })
    expect(result).toMatchObject({ pathMtu: 1420, limit: { by: 'local', mtu: 1420 } })
  })

  test.each([
    [4, 1400],
    [4, 69],
    [4, 1499],
    [4, 1280],
    [6, 1280],
    [6, 1279],
  ] as const)('silence above a size on IPv%i is a black hole above %i', async (family, mtu) => {
    const { result } = await discover({ family, mtu })
    expect(result).toMatchObject({ pathMtu: mtu, limit: { by: 'black-hole', smallestLost: mtu + 1 } })
    const tries = result.probes.filter(probe => probe.sizeBytes === mtu + 1)
    expect(tries.length).toBeGreaterThanOrEqual(3)
    expect(tries.every(probe => probe.outcome === 'lost')).toBe(true)
  })

  test('a black hole on a link of jumbo frames', async () => {
    const { result } = await discover({ mtu: 8950 }, { localMtu: 9000 })
    expect(result).toMatchObject({ pathMtu: 8950, limit: { by: 'black-hole', smallestLost: 8951 } })
  })

  test('a limit that is reported, and a black hole below it', async () => {
    const { result } = await discover({ mtu: 1300, reporter: { from: ROUTER, mtu: 1400, atMost: 1 } })
    expect(result).toMatchObject({ pathMtu: 1300, limit: { by: 'black-hole', smallestLost: 1301 } })
  })

  test('plain loss is no black hole: 20 % in 500 runs', { timeout: 120_000 }, async () => {
    const wrong: unknown[] = []
    for (let seed = 1; seed <= 500; seed++) {
      const { result } = await discover({ loss: 0.2, seed })
      if (result.pathMtu !== 1500 || result.limit?.by !== 'local') wrong.push({ seed, limit: result.limit })
    }
    expect(wrong).toEqual([])
  })

  test('a black hole is found through plain loss: 20 % in 200 runs', { timeout: 120_000 }, async () => {
    const wrong: unknown[] = []
    for (let seed = 1; seed <= 200; seed++) {
      const { result } = await discover({ loss: 0.2, mtu: 1400, seed })
      if (result.pathMtu !== 1400 || result.limit?.by !== 'black-hole') wrong.push({ seed, limit: result.limit })
    }
    expect(wrong).toEqual([])
  })

  test('heavy loss may leave it open, but makes no false claim: 60 % in 100 runs', { timeout: 120_000 }, async () => {
    const claims: unknown[] = []
    for (let seed = 1; seed <= 100; seed++) {
      const { result } = await discover({ loss: 0.6, seed })
      if (result.limit?.by === 'black-hole') claims.push({ seed, limit: result.limit })
    }
    expect(claims).toEqual([])
  })

  test('a policer that lets one packet of a pair through is no black hole', async () => {
    const { result } = await discover({ burst: 1 })
    expect(result).toMatchObject({ pathMtu: 1500, limit: { by: 'local' } })
  })

  test('a silent target is no answer, after ten small probes', async () => {
    const { result } = await discover({ dead: 'silent' })
    expect(result).toMatchObject({ pathMtu: null, largestPayload: null, limit: null, error: null })
    expect(result.probes.map(probe => probe.outcome)).toEqual(Array(10).fill('lost'))
  })

  test('a slow answer is an answer', async () => {
    const { result } = await discover({ rttMs: 900 })
    expect(result).toMatchObject({ pathMtu: 1500, limit: { by: 'local' } })
  })

  test('no answer names who said why', async () => {
    const { result } = await discover({ dead: { from: ROUTER, type: 3, code: 1 } })
    expect(result).toMatchObject({ pathMtu: null, error: { from: ROUTER, type: 3, code: 1 } })
  })

  test('a local refusal is not tried again', async () => {
    const { result } = await discover({ dead: { from: null, type: 0, code: 0 } })
    expect(result).toMatchObject({ pathMtu: null, error: { from: null, type: null, code: null, errno: 113 } })
    expect(result.probes).toHaveLength(1)
  })

  test('a closed UDP port answers as well as an open one', async () => {
    const { result } = await discover({ kind: 'udp', mtu: 1400, reporter: { from: ROUTER, mtu: 1400 } })
    expect(result).toMatchObject({ pathMtu: 1400, limit: { by: 'icmp', from: ROUTER, mtu: 1400 }, transport: 'udp' })
  })

  test('it ends at the deadline with what is known', async () => {
    const { result } = await discover({ mtu: 1400, rttMs: 300 }, { deadlineMs: 5000 })
    expect(result.timeMs).toBe(5000)
    expect(result.limit).toMatchObject({ by: 'unknown' })
    const { largestPossible } = result.limit as { largestPossible: number }
    expect(result.pathMtu).toBeLessThanOrEqual(1400)
    expect(largestPossible).toBeGreaterThanOrEqual(1400)
  })

  test('it ends when it is told to', async () => {
    const control = new AbortController()
    const path = { mtu: 1400, rttMs: 300 }
    const network = new SimulatedNetwork(path)
    network.timers.after(2000, () => control.abort())
    const target = { index: 0, target: 'host', address: '192.0.2.9', family: 4 } as const
    const plan = { target, localMtu: 1500, largestPayload: 65507, timeoutMs: 1000, intervalMs: 20, deadlineMs: 60_000 }
    const result = await network.finish(findPathMtu(network, plan, network.timers, control.signal))
    expect(result.timeMs).toBe(2000)
    expect(result.limit).toMatchObject({ by: 'unknown' })
  })
})
