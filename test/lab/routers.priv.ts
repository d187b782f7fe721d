import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  describeLab,
  type Family,
  forgetPathMtu,
  inNetns,
  NOBODY,
  setPingGroups,
  setSysctls,
  withChain,
  withRoute,
  withRules,
} from './index.js'

const FAMILIES: readonly Family[] = [4, 6]

/** What iputils ping prints, as the witness. */
const ping = async (ns: string, args: readonly string[], uid?: number) => {
  const { stdout, stderr, code } = await inNetns(ns, ['ping', '-n', ...args], uid === undefined ? {} : { uid })
  return { text: stdout + stderr, code }
}

describeLab('the lab: routers', () => {
  test('a chain of three routers passes echoes both ways, four hops away, and is gone afterwards', async () => {
    const nodes = await withChain(3, async chain => {
      expect(chain.routers).toHaveLength(3)
      for (const family of FAMILIES) {
        const there = await ping(chain.source, ['-c1', chain.target(family)])
        expect(there).toMatchObject({ code: 0, text: expect.stringContaining('ttl=61') })
        const back = await ping(chain.destination, ['-c1', chain.farAddress(0, family)])
        expect(back).toMatchObject({ code: 0, text: expect.stringContaining('ttl=61') })
      }
      return chain.nodes
    })
    expect(nodes).toHaveLength(5)
    for (const ns of nodes) expect(existsSync(`/run/netns/${ns}`)).toBe(false)
  })

  test('every router says who it is when the time to live is used up, as often as it is asked', async () => {
    await withChain(3, async chain => {
      for (const family of FAMILIES) {
        for (const hop of [1, 2, 3]) {
          // More at once than the kernel's limits (a burst of 6) would answer.
          const { text } = await ping(chain.source, ['-c20', '-i0.002', '-W1', `-t${hop}`, chain.target(family)])
          const said = text.match(new RegExp(`From ${chain.address(hop, family)}:? icmp_seq`, 'g'))
          expect({ text, said: said?.length }).toEqual({ text, said: 20 })
        }
      }
    })
  })

  test('the limits of the kernel stay where they are asked for', async () => {
    const errors = await withChain(
      1,
      async chain => (await ping(chain.source, ['-c20', '-i0.002', '-W1', '-t1', chain.target(4)])).text,
      { rateLimits: true },
    )
    expect(errors.match(/Time to live exceeded/g)!.length).toBeLessThan(20)
  })

  test('neighbours reach each other and know no way beyond', async () => {
    await withChain(0, async chain => {
      for (const family of FAMILIES) {
        expect(await ping(chain.source, ['-c1', chain.target(family)])).toMatchObject({ code: 0 })
        const far = family === 4 ? '10.9.9.9' : 'fd00:9::9'
        expect(await ping(chain.source, ['-c1', far])).toMatchObject({ code: 2, text: /unreachable/ })
      }
    })
  })

  test('a small link makes the router before it say so', async () => {
    await withChain(
      2,
      async chain => {
        const v4 = await ping(chain.source, ['-c1', '-W1', '-Mdo', '-s1400', chain.target(4)])
        expect(v4.text).toContain(`From ${chain.address(1, 4)} icmp_seq=1 Frag needed and DF set (mtu = 1400)`)
        const v6 = await ping(chain.source, ['-c1', '-W1', '-Mdo', '-s1400', chain.target(6)])
        expect(v6.text).toMatch(/Packet too big: mtu=1400/)
        const learned = await ping(chain.source, ['-c1', '-W1', '-Mdo', '-s1400', chain.target(4)])
        expect(learned.text).toMatch(/message too long, mtu=1400/)
        await forgetPathMtu(chain.source)
        const again = await ping(chain.source, ['-c1', '-W1', '-Mdo', '-s1400', chain.target(4)])
        expect(again.text).toContain('Frag needed and DF set')
      },
      { mtu: { 1: 1400 } },
    )
  })

  test('rules and routes hold inside the call only, also when it throws', async () => {
    await withChain(1, async chain => {
      const target = chain.target(4)
      const once = () => ping(chain.source, ['-c1', '-W1', target])
      const router = chain.routers[0]!
      const failing = withRules(router, 'forward', 'icmp type echo-request reject with icmp type 10', async () => {
        expect((await once()).text).toContain(`From ${chain.address(1, 4)} icmp_seq=1 Destination Host Prohibited`)
        throw new Error('as if a test failed')
      })
      await expect(failing).rejects.toThrow('as if a test failed')
      expect((await once()).code).toBe(0)
      await withRoute(router, 4, ['prohibit', `${target}/32`], async () => {
        expect((await once()).text).toMatch(/Packet filtered/)
      })
      expect((await once()).code).toBe(0)
    })
  }, 60_000)

  test('ICMP sockets are open to everybody, or to nobody', async () => {
    await withChain(0, async ({ source, target }) => {
      const open = () => ping(source, ['-c1', target(4)], NOBODY)
      await setPingGroups(source, 'open')
      expect(await open()).toMatchObject({ code: 0 })
      await setPingGroups(source, 'closed')
      expect(await open()).toMatchObject({ code: 2 })
    })
  })

  test('a setting that there is not is an error', async () => {
    await withChain(0, async ({ source }) => {
      await expect(setSysctls(source, { 'ipv4.no_such': 1 })).rejects.toThrow('no_such')
    })
  })
}, ['ping', 'nft'])
