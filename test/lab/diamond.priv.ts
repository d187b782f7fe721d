import { expect, test } from 'vitest'
import {
  clampMss,
  type Diamond,
  describeLab,
  dropOneIn,
  dropPercent,
  type Family,
  inNetns,
  limitedErrors,
  scamperBranches,
  withChain,
  withDiamond,
  withRules,
} from './index.js'

const FAMILIES: readonly Family[] = [4, 6]
const FIRST_PORT = 20_000
const FLOWS = 16

/** The path of one flow as traceroute(8) sees it: one source port, one destination port. */
async function pathOf(diamond: Diamond, family: Family, port: number): Promise<string[]> {
  const flow = ['-U', '-p', '33434', `--sport=${port}`, '-N', '1', '-q', '1', '-w', '1']
  const { stdout } = await inNetns(diamond.source, ['traceroute', '-n', ...flow, diamond.address('target', family)])
  return [...stdout.matchAll(/^ *\d+ {2}(\S+)/gm)].map(([, who]) => who!)
}

const ping = (ns: string, args: readonly string[]) => inNetns(ns, ['ping', '-n', ...args])

describeLab('the lab: two equal paths', () => {
  test('flows are spread over both branches, and each stays on its own', async () => {
    await withDiamond(async diamond => {
      for (const family of FAMILIES) {
        const paths = new Set<string>()
        for (let port = FIRST_PORT; port < FIRST_PORT + FLOWS; port++) {
          const path = await pathOf(diamond, family, port)
          if (port === FIRST_PORT) expect(await pathOf(diamond, family, port)).toEqual(path)
          paths.add(path.join(' '))
        }
        const both = [diamond.path('a', family), diamond.path('b', family)]
        expect([...paths].sort()).toEqual(both.map(path => path.join(' ')).sort())
      }
    })
  })

  test('the route can be replaced, also by a shorter one, while packets are under way', async () => {
    await withDiamond(async diamond => {
      for (const way of ['a', 'b', 'short'] as const) {
        await diamond.use(way)
        for (const family of FAMILIES) {
          expect(await pathOf(diamond, family, FIRST_PORT)).toEqual(diamond.path(way, family))
        }
      }
      const target = diamond.address('target', 4)
      const pinging = ping(diamond.source, ['-c40', '-i.01', '-W1', target])
      await diamond.use('a')
      await diamond.use('b')
      expect((await pinging).stdout).toContain('40 received')
    })
  })

  test('scamper enumerates the same two branches', async () => {
    await withDiamond(async diamond => {
      const stdout = await scamperBranches(diamond, 4)
      for (const node of ['r1', 'a', 'b', 'r4', 'target'] as const) expect(stdout).toContain(diamond.address(node, 4))
    })
  })
}, ['traceroute', 'ping', 'scamper'])

describeLab('the lab: loss, clamps and limits', () => {
  test('one packet in five is dropped, or as many by chance as asked for', async () => {
    await withChain(1, async chain => {
      for (const family of FAMILIES) {
        const target = chain.target(family)
        await withRules(chain.routers[0]!, 'forward', dropOneIn(5, target), async () => {
          const { stdout } = await ping(chain.source, ['-c50', '-i.002', '-W.2', target])
          expect(stdout).toContain('50 packets transmitted, 40 received')
        })
        await withRules(chain.routers[0]!, 'forward', dropPercent(30, target), async () => {
          const { stdout } = await ping(chain.source, ['-c500', '-i.002', '-W.2', '-q', target])
          const received = Number(/(\d+) received/.exec(stdout)?.[1])
          // 350 expected; more than six standard deviations (10.2) away is not chance.
          expect(Math.abs(received - 350)).toBeLessThan(62)
        })
      }
    })
  })

  test('a clamp lowers the segment size that the destination sees', async () => {
    await withChain(1, async chain => {
      for (const family of FAMILIES) {
        const target = chain.target(family)
        await withRules(chain.routers[0]!, 'forward', clampMss(1300, target), async () => {
          // Counts SYN segments by the size that they arrive with.
          const seen = ['tcp option maxseg size 1300 counter', 'tcp option maxseg size 1440-1460 counter']
          await withRules(chain.destination, 'prerouting', seen, async () => {
            await inNetns(chain.source, ['bash', '-c', `exec 3<>/dev/tcp/${target}/80`])
            const { stdout } = await inNetns(chain.destination, ['nft', 'list', 'table', 'inet', 'netkit_lab'])
            expect(stdout).toMatch(/maxseg size 1300 counter packets [1-9]/)
            expect(stdout).toMatch(/maxseg size 1440-1460 counter packets 0/)
          })
        })
      }
    })
  })

  test('the errors that a limit held back are counted', async () => {
    await withChain(
      1,
      async chain => {
        for (const family of FAMILIES) {
          const router = chain.routers[0]!
          const before = await limitedErrors(router, family)
          const { stdout } = await ping(chain.source, ['-c20', '-i.002', '-W1', '-t1', chain.target(family)])
          const said = stdout.match(/From .* icmp_seq/g)!.length
          expect(said).toBeLessThan(20)
          expect((await limitedErrors(router, family)) - before).toBe(20 - said)
        }
      },
      { rateLimits: true },
    )
  })
}, ['traceroute', 'ping', 'nft'])
