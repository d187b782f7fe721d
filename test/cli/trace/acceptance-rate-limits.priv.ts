// Must show 2: routers that limit their answers lose nothing, real loss has its place, and both at once are told apart.

import { expect, test } from 'vitest'
import {
  type Chain,
  describeLab,
  dropOneIn,
  type Family,
  limitedErrors,
  setPingGroups,
  withChain,
  withRoute,
  withRules,
} from '../../lab/index.js'
import { AS_NOBODY, binomialBounds, documentOf, hopsOf, mtrHops, PROTOCOLS, pathOf } from './acceptance.js'

/** What each router held back while `fn` ran. */
async function heldBack<T>(chain: Chain, family: Family, fn: () => Promise<T>): Promise<[T, number[]]> {
  // The target limits its port unreachables too.
  const nodes = chain.nodes.slice(1)
  const before = await Promise.all(nodes.map(ns => limitedErrors(ns, family)))
  const result = await fn()
  const after = await Promise.all(nodes.map(ns => limitedErrors(ns, family)))
  return [result, after.map((count, at) => count - before[at]!)]
}

/** IPv6 errors are limited to ten a second by default: probes have to come faster than that. */
const PACE: Readonly<Record<Family, readonly string[]>> = {
  4: ['-c', '30', '-i', '0.1'],
  6: ['-c', '60', '-i', '0.03'],
}

describeLab('netkit trace and routers that limit their answers', () => {
  test.each([
    ['icmp', 4],
    ['udp', 4],
    ['tcp', 4],
    ['icmp', 6],
    ['udp', 6],
  ] as const)(
    '%s over IPv%i: what is unanswered is what was held back, verified, and no loss',
    async (protocol, family) => {
      await withChain(
        3,
        async chain => {
          await setPingGroups(chain.source, 'open')
          const args = [...PROTOCOLS[protocol], ...PACE[family], chain.target(family)]
          const [document, held] = await heldBack(chain, family, () => documentOf(chain.source, args, AS_NOBODY))
          expect(hopsOf(document)).toEqual(pathOf(chain, family).map(address => [address]))
          expect(document).toMatchObject({ exit: 0, reached: true, loss: [], pathChanges: [] })
          const unanswered = document.hops.map(({ sent, received }) => sent - received)
          for (const [at, count] of unanswered.entries()) {
            const told = { hop: at + 1, unanswered, held }
            expect({ ...told, close: Math.abs(count - held[at]!) <= 1 }).toEqual({ ...told, close: true })
          }
          for (const hop of document.hops) {
            expect(hop.notAnswering).toBe(hop.sent - hop.received)
            expect(hop.lossPercent).toBe(0)
          }
          const limited = [1, 2, 3, 4].filter(ttl => held[ttl - 1]! > 0)
          expect(limited.length).toBeGreaterThanOrEqual(3)
          expect(document.rateLimited).toEqual(limited.map(ttl => ({ ttl, verified: true })))
          expect(document.verdict.join('\n')).toMatch(/limit/)
          expect(document.verdict.join('\n')).not.toMatch(/lost between/)
        },
        { rateLimits: true },
      )
    },
  )

  test.each([
    ['icmp', 4],
    ['udp', 4],
    ['icmp', 6],
    ['udp', 6],
  ] as const)(
    '%s over IPv%i: one packet in five is lost between the right two hops, and nobody is said to limit',
    async (protocol, family) => {
      await withChain(3, async chain => {
        await setPingGroups(chain.source, 'open')
        const target = chain.target(family)
        await withRules(chain.routers[1]!, 'forward', dropOneIn(5, target), async () => {
          const args = [...PROTOCOLS[protocol], '-c', '100', '-i', '0.05', target]
          const document = await documentOf(chain.source, args, AS_NOBODY)
          expect(hopsOf(document)).toEqual(pathOf(chain, family).map(address => [address]))
          expect(document).toMatchObject({ exit: 0, reached: true, rateLimited: [], pathChanges: [] })
          expect(document.loss).toMatchObject([{ afterTtl: 2, beforeTtl: 3 }])
          // By the counter of the rule it is one in five of all; which hop a lost one was for is chance.
          const [least, most] = binomialBounds(200, 0.2, 1e-4)
          expect(document.loss[0]!.percent).toBeGreaterThanOrEqual(least / 2)
          expect(document.loss[0]!.percent).toBeLessThanOrEqual(most / 2)
          expect(document.hops[0]!.lossPercent).toBe(0)
          expect(document.hops[1]!.lossPercent).toBe(0)
          expect(document.verdict.join('\n')).toMatch(/% lost between hop 2\b.* and hop 3\b/)
          expect(document.verdict.join('\n')).not.toMatch(/limit/)
        })
      })
    },
  )

  test('both at once are told apart', async () => {
    await withChain(
      3,
      async chain => {
        await setPingGroups(chain.source, 'open')
        const target = chain.target(4)
        await withRules(chain.routers[1]!, 'forward', dropOneIn(5, target), async () => {
          // Slowed probes alone tell of these hops, one in 1.1 s: it takes some forty to tell 20 % from none.
          const args = ['-c', '450', '-i', '0.1', target]
          const [document, held] = await heldBack(chain, 4, () => documentOf(chain.source, args, AS_NOBODY))
          expect(document).toMatchObject({ exit: 0, reached: true, pathChanges: [] })
          expect(held.slice(0, 3).every(count => count > 0)).toBe(true)
          // Hop 3 has both.
          expect(document.rateLimited).toEqual([1, 2, 3].map(ttl => ({ ttl, verified: true })))
          expect(document.loss).toHaveLength(1)
          const [{ afterTtl, beforeTtl, percent }] = document.loss as [(typeof document.loss)[0]]
          expect({ afterTtl, beforeTtl }).toEqual({ afterTtl: 2, beforeTtl: 3 })
          const [least, most] = binomialBounds(120, 0.2, 1e-4)
          expect(percent).toBeGreaterThanOrEqual(least / 1.2)
          expect(percent).toBeLessThanOrEqual(most / 1.2)
        })
      },
      { rateLimits: true },
    )
  }, 120_000)

  test('a look of three probes shows every hop of such routers', async () => {
    await withChain(
      3,
      async chain => {
        await setPingGroups(chain.source, 'open')
        const document = await documentOf(chain.source, [chain.target(4)], AS_NOBODY)
        expect(hopsOf(document)).toEqual(pathOf(chain, 4).map(address => [address]))
        expect(document).toMatchObject({ exit: 0, loss: [] })
        // mtr looks on: its report on the same path has the same routers.
        expect(await mtrHops(chain.source, ['-c', '2', chain.target(4)])).toEqual(pathOf(chain, 4))
      },
      { rateLimits: true },
    )
  })

  test.each(['a missing route', 'a firewall'] as const)(
    '%s is told by a router that limits what it says, and nothing is lost on the way to it',
    async what => {
      await withChain(
        3,
        async chain => {
          await setPingGroups(chain.source, 'open')
          const [router, target] = [chain.routers[1]!, chain.target(4)]
          const look = async (): Promise<void> => {
            const document = await documentOf(chain.source, ['-c', '60', '-i', '0.1', target], AS_NOBODY)
            const { exit, loss, rateLimited, hops, verdict } = document
            expect({ exit, loss }).toEqual({ exit: 1, loss: [] })
            expect(hops.map(({ lossPercent }) => lossPercent)).toEqual(hops.map(() => 0))
            // A firewall in the forward hook answers probes that end there by itself, and refuses those that would go on.
            expect(hops.length).toBe(what === 'a firewall' ? 3 : 2)
            expect(rateLimited).toEqual(hops.map(({ ttl }) => ({ ttl, verified: true })))
            expect(verdict[0]).toMatch(/ (cannot reach the target|refuses probes)/)
          }
          const rule = `ip daddr ${target} reject with icmp type admin-prohibited`
          if (what === 'a firewall') await withRules(router, 'forward', rule, look)
          else await withRoute(router, 4, ['unreachable', `${target}/32`], look)
        },
        { rateLimits: true },
      )
    },
  )

  test('where others have used the limits up a path is found none the less, and neither its length nor loss is made up', async () => {
    await withChain(
      3,
      async chain => {
        for (let run = 1; run <= 4; run++) {
          const document = await documentOf(chain.source, ['-u', '--no-verify', chain.target(4)], AS_NOBODY)
          const { exit, reached, verdict, hops } = document
          expect({ run, exit, reached }).toEqual({ run, exit: 0, reached: true })
          // Where the target had no answer left for its own TTL, one to a larger one is no proof of more hops.
          if (hops.length > 4) expect(verdict[0]).toMatch(/^reached within /)
          const { sent, received } = hops.at(-1)!
          if (received < sent) expect(verdict).not.toContain('no loss')
        }
      },
      { rateLimits: true },
    )
  })
}, ['nft', 'mtr'])
