// Must show 5: sizes of packets and the MSS of TCP by hop, through the program.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  addChain,
  type Chain,
  clampMss,
  describeLab,
  dropPercent,
  type Family,
  forgetPathMtu,
  inNetns,
  removeChain,
  setPingGroups,
  withRules,
} from '../../lab/index.js'
import { AS_NOBODY, documentOf, expectWholePath, PROTOCOLS, type Protocol, pathOf, traceIn } from './acceptance.js'

const FAMILIES: readonly Family[] = [4, 6]
/** RFC 9293 section 3.7.1: MTU less the headers of IP and TCP. */
const MSS = { 4: 1460, 6: 1440 } as const

describeLab('netkit trace --mtu', () => {
  let chain: Chain
  /** The link between the second and the third router takes 1400 bytes. */
  beforeAll(async () => {
    chain = await addChain(3, { mtu: { 2: 1400 } })
    await setPingGroups(chain.source, 'open')
  })
  afterAll(() => removeChain(chain))
  beforeEach(() => forgetPathMtu(chain.source))

  const sizes = (family: Family) =>
    [1500, 1500, 1400, 1400].map((mtu, at) => ({ ttl: at + 1, address: chain.address(at + 1, family), mtu }))

  const mute = <T>(work: () => Promise<T>): Promise<T> =>
    withRules(
      chain.routers[1]!,
      'output',
      ['icmp type destination-unreachable icmp code frag-needed drop', 'icmpv6 type packet-too-big drop'],
      work,
    )

  describe.each(FAMILIES)('IPv%i', family => {
    test.each(['icmp', 'udp'] as const satisfies readonly Protocol[])(
      '%s: the router before the narrow link says so',
      async protocol => {
        const document = await documentOf(
          chain.source,
          ['--mtu', ...PROTOCOLS[protocol], chain.target(family)],
          AS_NOBODY,
        )
        expectWholePath(document, pathOf(chain, family))
        expect(document.mtu).toMatchObject({
          pathMtu: 1400,
          byTtl: sizes(family),
          limits: [{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: chain.address(2, family) }],
          clamps: [],
          notes: [],
        })
      },
    )

    test('a link that nobody tells of is a black hole between the same two hops', async () => {
      await mute(async () => {
        const document = await documentOf(chain.source, ['--mtu', chain.target(family)], AS_NOBODY)
        expectWholePath(document, pathOf(chain, family))
        expect(document.mtu).toMatchObject({
          pathMtu: 1400,
          byTtl: sizes(family),
          limits: [{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: null }],
          clamps: [],
        })
        await forgetPathMtu(chain.source)
        const { stdout, code } = await traceIn(chain.source, ['-n', '--mtu', chain.target(family)], AS_NOBODY)
        const [near, far] = [chain.address(2, family), chain.address(3, family)]
        expect(stdout).toContain(
          `MTU black hole between hop 2 (${near}) and hop 3 (${far}): packets larger than 1400 bytes`,
        )
        expect(code).toBe(0)
      })
    })

    test('who lowers the MSS is between the routers that saw it before and after', async () => {
      await withRules(chain.routers[1]!, 'forward', clampMss(1300, chain.target(family)), async () => {
        const { mtu } = await documentOf(chain.source, ['--mtu', ...PROTOCOLS.tcp, chain.target(family)], AS_NOBODY)
        expect(mtu!.clamps).toEqual([{ afterTtl: 2, beforeTtl: 3, from: MSS[family], to: 1300 }])
      })
    })
  })

  test("scamper's trace -M sees the black hole at the same place, and the same size", async () => {
    await mute(async () => {
      const run = `trace -M -w 1 -q 1 ${chain.target(4)}`
      const { stdout } = await inNetns(chain.source, ['timeout', '50', 'scamper', '-I', run])
      // A star is its mark for a size that it had to find by itself.
      const told = [...stdout.matchAll(/^\s*(\d+) .*\[(\*?)mtu: (\d+)\]/gm)].map(([, ttl, star, mtu]) => ({
        ttl: Number(ttl),
        mtu: Number(mtu),
        silent: star === '*',
      }))
      expect(told.map(({ ttl, mtu }) => ({ ttl, mtu }))).toEqual(sizes(4).map(({ ttl, mtu }) => ({ ttl, mtu })))
      expect(told.find(({ silent }) => silent)).toMatchObject({ ttl: 3, mtu: 1400 })
    })
  })

  test('plain loss is neither a limit nor a clamp', async () => {
    const wide = await addChain(2)
    try {
      await setPingGroups(wide.source, 'open')
      await withRules(wide.routers[0]!, 'forward', dropPercent(20, wide.target(4)), async () => {
        const { mtu } = await documentOf(wide.source, ['--mtu', wide.target(4)], AS_NOBODY)
        expect(mtu).toMatchObject({ pathMtu: 1500, limits: [], clamps: [] })
      })
    } finally {
      await removeChain(wide)
    }
  })
}, ['nft', 'scamper'])
