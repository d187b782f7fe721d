// Must show 3: one branch by default, both with --flows, loss of one branch on its flows only; agreement with scamper's tracelb.

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addDiamond,
  type Diamond,
  describeLab,
  dropPercent,
  type Family,
  removeDiamond,
  scamperBranches,
  setPingGroups,
  withRules,
} from '../../lab/index.js'
import {
  AS_NOBODY,
  binomialBounds,
  documentOf,
  expectWholePath,
  hopsOf,
  PROTOCOLS,
  traceIn,
  tracerouteHops,
} from './acceptance.js'

const FAMILIES: readonly Family[] = [4, 6]
const ROUNDS = 50
const LOSS = 0.3
const FIRST_PORT = 20_000

describeLab('netkit trace and equal paths', () => {
  let diamond: Diamond
  beforeAll(async () => {
    diamond = await addDiamond()
    await setPingGroups(diamond.source, 'open')
  })
  afterAll(() => removeDiamond(diamond))

  const both = (family: Family) => [diamond.address('a', family), diamond.address('b', family)].sort()

  test.each(['icmp', 'udp', 'tcp'] as const)('%s: one responder at each hop for 50 rounds', async protocol => {
    for (const family of FAMILIES) {
      const args = [...PROTOCOLS[protocol], '-c', String(ROUNDS), '-i', '0.05', diamond.address('target', family)]
      const document = await documentOf(diamond.source, args, AS_NOBODY)
      const [, second] = hopsOf(document)
      const way = second?.[0] === diamond.address('a', family) ? 'a' : 'b'
      expectWholePath(document, diamond.path(way, family))
      expect(document.rounds).toBe(ROUNDS)
    }
  })

  /** The way of one flow as traceroute(8) sees it: the witness of what each of ours should be. */
  const wayOf = (protocol: 'udp' | 'tcp', family: Family, port: number): Promise<string[]> => {
    const how = protocol === 'udp' ? ['-U', '-p', '33434'] : ['-T', '-p', '80']
    const args = [...how, `--sport=${port}`, '-N', '1', '-q', '1', '-w', '1', diamond.address('target', family)]
    return tracerouteHops(diamond.source, args)
  }

  /** A first port whose flow and the next take different ways: 6 flows in a row on one would be 95 % proof that it is the only one. */
  async function firstPort(protocol: 'udp' | 'tcp', family: Family): Promise<number> {
    let before = await wayOf(protocol, family, FIRST_PORT)
    for (let port = FIRST_PORT + 1; port < FIRST_PORT + 32; port++) {
      const way = await wayOf(protocol, family, port)
      if (way[1] !== before[1]) return port - 1
      before = way
    }
    throw new Error(`32 flows in a row go by ${before.join(' ')}: the lab does not balance`)
  }

  test.each(['udp', 'tcp'] as const)(
    '%s --flows 16 finds both branches, and which flow takes which',
    async protocol => {
      for (const family of FAMILIES) {
        const first = await firstPort(protocol, family)
        const flows = ['--flows', '16', '--source-port', String(first)]
        const args = [...PROTOCOLS[protocol], ...flows, diamond.address('target', family)]
        const document = await documentOf(diamond.source, args, AS_NOBODY)
        expect(document).toMatchObject({ exit: 0, reached: true, loss: [], rateLimited: [], pathChanges: [] })
        // 11 flows tell 95 % sure that there is no third branch (Veitch et al., INFOCOM 2009).
        expect(document.branches).toMatchObject({ complete: true, flowsTried: 11 })
        const byTtl = document.branches!.byTtl.map(({ addresses }) => [...addresses].sort())
        const [a, b] = [diamond.path('a', family), diamond.path('b', family)]
        expect(byTtl).toEqual([[a[0]], [a[1], b[1]].sort(), [a[2]], [a[3]]])
        for (const [at, { flow, value, path, reached }] of document.flows!.entries()) {
          expect({ flow, value, reached }).toEqual({ flow: at, value: first + at, reached: true })
          expect({ value, path }).toEqual({ value, path: await wayOf(protocol, family, value) })
        }
      }
    },
  )

  test("scamper's tracelb sees the same nodes", async () => {
    for (const family of FAMILIES) {
      const target = diamond.address('target', family)
      const port = String(await firstPort('udp', family))
      const stdout = await scamperBranches(diamond, family)
      const args = ['-u', '--flows', '16', '--source-port', port, target]
      const { branches } = await documentOf(diamond.source, args, AS_NOBODY)
      const ours = branches!.byTtl.flatMap(({ addresses }) => addresses)
      const seen = new Set(stdout.match(family === 4 ? /10(\.\d+){3}/g : /fd01:[0-9a-f:]+/g))
      // This host is where its graph begins.
      seen.delete(family === 4 ? '10.1.1.1' : 'fd01:0:0:1::1')
      expect([...seen].sort()).toEqual([...ours].sort())
    }
  })

  test('30 % loss on one branch is on its flows only', async () => {
    const target = diamond.address('target', 4)
    await withRules(diamond.b, 'forward', dropPercent(100 * LOSS, target), async () => {
      const port = String(await firstPort('udp', 4))
      const args = ['-u', '--flows', '16', '--source-port', port, '-c', '60', '-i', '0.1', target]
      const document = await documentOf(diamond.source, args, AS_NOBODY)
      expect(document).toMatchObject({ exit: 0, reached: true, rateLimited: [] })
      const [a, b] = [diamond.address('a', 4), diamond.address('b', 4)]
      let through = 0
      for (const { path, sent, received, lossPercent, flow } of document.flows!) {
        if (path[1] === a) {
          expect({ flow, lossPercent, received }).toEqual({ flow, lossPercent: 0, received: sent })
          continue
        }
        expect({ flow, second: path[1] }).toEqual({ flow, second: b })
        through++
        // A target that leaves UDP probes unanswered is tested with slowed ones: not every flow has sent all 60.
        const [least, most] = binomialBounds(sent, LOSS, 1e-6)
        expect(sent - received).toBeGreaterThanOrEqual(least)
        expect(sent - received).toBeLessThanOrEqual(most)
        expect(lossPercent).toBeCloseTo((100 * (sent - received)) / sent, 0)
      }
      expect(through).toBeGreaterThan(0)
      expect(through).toBeLessThan(document.flows!.length)
      const flowsOfB = document.flows!.filter(({ path }) => path[1] === b).map(({ flow }) => flow)
      expect(document.loss).toMatchObject([{ afterTtl: 2, beforeTtl: 3, flows: flowsOfB }])
    })
  }, 120_000)

  test('text and graph name both branches', async () => {
    const target = diamond.address('target', 4)
    const flows = ['-n', '--flows', '16', '--source-port', String(await firstPort('udp', 4))]
    const text = await traceIn(diamond.source, [...flows, target], AS_NOBODY)
    expect(text.code).toBe(0)
    for (const address of both(4)) expect(text.stdout).toContain(address)
    const dot = await traceIn(diamond.source, [...flows, '--dot', target], AS_NOBODY)
    expect(dot.stdout).toMatch(/^(strict )?(di)?graph /)
    for (const address of both(4)) expect(dot.stdout).toContain(address)
  })
}, ['nft', 'scamper', 'traceroute'])
