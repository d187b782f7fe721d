import { describe, expect, test } from 'vitest'
import { type AnsweringHop, findHopMtus } from '../../src/probe/trace-mtu.js'
import { ROUTERS, SimulatedNetwork, type SimulatedPath } from './path-mtu-network.js'

const TARGET = '192.0.2.9'

/** Hops that answer; all of them when nothing is said. */
async function search(path: SimulatedPath, answering?: readonly number[], deadlineMs = 120_000) {
  const { links = [], family = 4 } = path
  const network = new SimulatedNetwork({ localMtu: 1500, tells: true, ...path })
  const all: AnsweringHop[] = links.map((_, index) => ({
    ttl: index + 1,
    address: index + 1 === links.length ? TARGET : ROUTERS[index]!,
  }))
  const hops = answering === undefined ? all : all.filter(({ ttl }) => answering.includes(ttl))
  const target = { index: 0, target: 'host', address: TARGET, family } as const
  const plan = { target, hops, largestPayload: 65_000, deadlineMs }
  return { result: await network.finish(findHopMtus(network, plan, network.timers)), network }
}

const FREE = {}

describe('packet sizes by hop', () => {
  test('a path as wide as the interface has no limit', async () => {
    const { result } = await search({ links: [FREE, FREE, FREE, FREE] })
    expect(result).toEqual({ mtus: [1500, 1500, 1500, 1500], limits: [], notes: [] })
  })

  test.each([4, 6] as const)('a link of IPv%i that says how much it takes is named with who said it', async family => {
    const { result } = await search({ family, links: [FREE, FREE, { mtu: 1400, tells: true }, FREE] })
    expect(result.mtus).toEqual([1500, 1500, 1400, 1400])
    expect(result.limits).toEqual([{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: ROUTERS[1] }])
  })

  test.each([4, 6] as const)(
    'a link of IPv%i that swallows larger packets is a black hole between its ends',
    async family => {
      const { result } = await search({ family, links: [FREE, FREE, { mtu: 1400 }, FREE, FREE] })
      expect(result.mtus).toEqual([1500, 1500, 1400, 1400, 1400])
      expect(result.limits).toEqual([{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: null }])
    },
  )

  test('two limits, the second one silent', async () => {
    const { result } = await search({ links: [FREE, { mtu: 1480, tells: true }, FREE, { mtu: 1300 }, FREE] })
    expect(result.mtus).toEqual([1500, 1480, 1480, 1300, 1300])
    expect(result.limits).toEqual([
      { afterTtl: 1, beforeTtl: 2, mtu: 1480, saidBy: ROUTERS[0] },
      { afterTtl: 3, beforeTtl: 4, mtu: 1300, saidBy: null },
    ])
  })

  test('the first link may be the narrow one', async () => {
    const { result } = await search({ links: [{ mtu: 1400 }, FREE, FREE] })
    expect(result.mtus).toEqual([1400, 1400, 1400])
    expect(result.limits).toEqual([{ afterTtl: 0, beforeTtl: 1, mtu: 1400, saidBy: null }])
  })

  test('hops that do not answer leave a gap: the limit is between those that do', async () => {
    const { result } = await search({ links: [FREE, FREE, { mtu: 1400 }, FREE] }, [1, 4])
    expect(result.limits).toEqual([{ afterTtl: 1, beforeTtl: 4, mtu: 1400, saidBy: null }])
  })

  test('20 % plain loss on a link is no black hole: 100 runs', { timeout: 120_000 }, async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const { result } = await search({ seed, links: [FREE, FREE, { loss: 0.2 }, FREE] })
      expect(result.limits, `seed ${seed}`).toEqual([])
    }
  })

  test('a limit is found at its place beside plain loss: 100 runs', { timeout: 120_000 }, async () => {
    const wrong: number[] = []
    for (let seed = 1; seed <= 100; seed++) {
      const { result } = await search({ seed, links: [FREE, { loss: 0.1 }, { mtu: 1400 }, FREE] })
      if (result.limits.length !== 1 || result.limits[0]!.afterTtl !== 2 || result.limits[0]!.mtu !== 1400)
        wrong.push(seed)
    }
    // Silence is believed when ordinary loss would explain it once in a thousand cases; some twenty sizes are tried in a run.
    expect(wrong.length).toBeLessThanOrEqual(3)
  })

  test('routers that answer once a second only are waited for, and the black hole is where it is', async () => {
    const limited = { limited: true }
    const links = [limited, limited, { mtu: 1400, limited: true }, limited, FREE]
    const { result, network } = await search({ links })
    expect(result).toEqual({
      mtus: [1500, 1500, 1400, 1400, 1400],
      limits: [{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: null }],
      notes: [],
    })
    // It can be done: what the deadline is in the program.
    expect(network.nowMonoNs() / 1e9).toBeLessThan(60)
  })

  test('what is not found out in time is no number', async () => {
    const links = [FREE, FREE, { mtu: 1400 }, FREE]
    const { result } = await search({ links }, undefined, 1500)
    expect(result.mtus.at(-1)).toBeNull()
    expect(result.limits).toEqual([])
    expect(result.notes.join()).toMatch(/hop 4: packets of \d+ bytes pass, and perhaps larger ones up to \d+/)
  })

  test('no hop that answers, nothing to say', async () => {
    const { result } = await search({ links: [FREE, FREE] }, [])
    expect(result).toEqual({ mtus: [], limits: [], notes: ['no hop answers: nothing to measure to'] })
  })
})
