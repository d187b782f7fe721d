// Must show 2, first half: every way in which the network, or this host, says that a probe did not arrive, and who said it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addChain,
  type Chain,
  describeLab,
  type Family,
  forgetPathMtu,
  NOBODY,
  removeChain,
  setPingGroups,
  withRoute,
  withRules,
} from '../../lab/index.js'
import { documentOf, expectSameText, iputils, type PingOptions, pingIn } from './acceptance.js'

const FAMILIES: readonly Family[] = [4, 6]
const WHO = [
  ['root', {}],
  ['uid 65534', { uid: NOBODY }],
] as const

/** nft's words for an ICMP error, its type and code, and iputils' words for it (RFC 792, RFC 1812, RFC 4443); it has none for the last two. */
const REJECTS: readonly [Family, with_: string, type: number, code: number, words: string | RegExp][] = [
  [4, 'icmp type net-unreachable', 3, 0, 'Destination Net Unreachable'],
  [4, 'icmp type host-unreachable', 3, 1, 'Destination Host Unreachable'],
  [4, 'icmp type prot-unreachable', 3, 2, 'Destination Protocol Unreachable'],
  [4, 'icmp type port-unreachable', 3, 3, 'Destination Port Unreachable'],
  [4, 'icmp type net-prohibited', 3, 9, 'Destination Net Prohibited'],
  [4, 'icmp type host-prohibited', 3, 10, 'Destination Host Prohibited'],
  [4, 'icmp type admin-prohibited', 3, 13, 'Packet filtered'],
  [6, 'icmpv6 type no-route', 1, 0, 'Destination unreachable: No route'],
  [6, 'icmpv6 type admin-prohibited', 1, 1, 'Destination unreachable: Administratively prohibited'],
  [6, 'icmpv6 type addr-unreachable', 1, 3, 'Destination unreachable: Address unreachable'],
  [6, 'icmpv6 type port-unreachable', 1, 4, 'Destination unreachable: Port unreachable'],
  [6, 'icmpv6 type policy-fail', 1, 5, 'Destination unreachable: Source address failed ingress/egress policy'],
  [6, 'icmpv6 type reject-route', 1, 6, 'Destination unreachable: Reject route to destination'],
]

const echo = (family: Family): string => (family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request')

describeLab('netkit ping and those who say no', () => {
  let chain: Chain
  beforeAll(async () => {
    chain = await addChain(3, { mtu: { 2: 1400 } })
    await setPingGroups(chain.source, 'open')
  })
  afterAll(() => removeChain(chain))

  /** Probes that are answered by an error each: the text is iputils', the document names the teller. */
  const expectErrors = async (
    address: string,
    error: { from: string; type: number; code: number; reason: string | RegExp },
    as: PingOptions,
    { args = [], count = 2, between }: { args?: readonly string[]; count?: number; between?: () => Promise<void> } = {},
  ) => {
    const probes = [`-c${count}`, '-i.2', '-W1', ...args, address]
    const { stdout, code } = await expectSameText(chain.source, probes, between ? { ...as, between } : as)
    expect(code).toBe(1)
    expect(stdout).toContain(`From ${error.from} icmp_seq=1 `)
    await between?.()
    const document = await documentOf(chain.source, probes, as)
    expect(document).toMatchObject({
      exit: 1,
      replies: [],
      statistics: { transmitted: count, received: 0, lossPercent: 100, rttMs: null, jitterMs: null },
    })
    const { reason, ...rest } = error
    expect(document.errors[0]).toMatchObject({ sequence: 1, ...rest })
    expect(document.errors[0]!.reason).toMatch(reason)
    return document
  }

  describe.each(WHO)('as %s', (_, as) => {
    test.each(REJECTS)('IPv%i, rejected with %s: type %i code %i', async (family, reject, type, code, reason) => {
      const target = chain.target(family)
      // By a router on the way, and by the target itself.
      for (const [node, hook, from] of [
        [2, 'forward', chain.address(2, family)],
        [4, 'input', target],
      ] as const) {
        await withRules(chain.nodes[node]!, hook, `${echo(family)} reject with ${reject}`, async () => {
          const { errors, statistics } = await expectErrors(target, { from, type, code, reason }, as)
          expect(errors.map(({ sequence }) => sequence)).toEqual([1, 2])
          expect(statistics.errors).toBe(2)
        })
      }
    })

    // The kernel has a limit of its own for errors of routes, for all namespaces together (net.ipv4.route.error_cost): five
    // to a source at once and then one a second. Hence one probe each, to a router each.
    test.each<[Family, string, node: number, number, number]>([
      [4, 'unreachable', 2, 3, 1],
      [4, 'prohibit', 3, 3, 13],
      [6, 'unreachable', 2, 1, 0],
      [6, 'prohibit', 3, 1, 1],
    ])('IPv%i: a route "%s" of router %i: type %i code %i', async (family, kind, node, type, code) => {
      const target = chain.target(family)
      await withRoute(chain.nodes[node]!, family, [kind, `${target}/${family === 4 ? 32 : 128}`], async () => {
        await expectErrors(target, { from: chain.address(node, family), type, code, reason: /./ }, as, { count: 1 })
      })
    })

    test('a router that knows no route', async () => {
      const v4 = { from: chain.address(1, 4), type: 3, code: 0, reason: /Net Unreachable/ }
      await expectErrors('10.9.9.9', v4, as, { count: 1 })
      const v6 = { from: chain.address(1, 6), type: 1, code: 0, reason: /No route/ }
      await expectErrors('fd00:9::9', v6, as, { count: 1 })
    })

    test('time exceeded, at each router', async () => {
      for (const family of FAMILIES) {
        for (const hop of [1, 2, 3]) {
          const from = chain.address(hop, family)
          const reason = family === 4 ? 'Time to live exceeded' : 'Time exceeded: Hop limit'
          const error = { from, type: family === 4 ? 11 : 3, code: 0, reason }
          await expectErrors(chain.target(family), error, as, { args: ['-t', String(hop)] })
        }
      }
    })

    test('packet too big: who said it, and the MTU', async () => {
      const forget = () => forgetPathMtu(chain.source)
      for (const family of FAMILIES) {
        const error =
          family === 4
            ? { type: 3, code: 4, reason: 'Frag needed and DF set (mtu = 1400)'.replace(/[()]/g, '\\$&') }
            : { type: 2, code: 0, reason: 'Packet too big: mtu=1400' }
        await forget()
        const { errors } = await expectErrors(
          chain.target(family),
          { from: chain.address(2, family), ...error, reason: new RegExp(error.reason) },
          as,
          { args: ['-M', 'do', '-s', '1400'], between: forget },
        )
        expect(errors[0]).toMatchObject({ mtu: 1400 })
        // The second is refused by this host, which has learned it.
        expect(errors[1]).toMatchObject({ sequence: 2, from: null, type: null, code: null })
        await forget()
      }
    })

    test('a last router that cannot find the host says so after its three tries', async () => {
      for (const family of FAMILIES) {
        const address = family === 4 ? '10.0.4.99' : 'fd00:0:0:4::99'
        const from = chain.address(3, family)
        const document = await documentOf(chain.source, ['-c1', '-W5', address], as)
        expect(document).toMatchObject({
          exit: 1,
          errors: [{ sequence: 1, from, type: family === 4 ? 3 : 1, code: family === 4 ? 1 : 3 }],
        })
        const { stdout } = await pingIn(chain.source, ['-c1', '-W5', address], as)
        const words = family === 4 ? 'Destination Host Unreachable' : 'Destination unreachable: Address unreachable'
        expect(stdout).toContain(`From ${from} icmp_seq=1 ${words}`)
      }
    })

    test('a neighbour that is not there: this host says it with its own address', async () => {
      for (const family of FAMILIES) {
        const address = family === 4 ? '10.0.1.99' : 'fd00:0:0:1::99'
        await expectSameText(chain.source, ['-c1', '-W5', address], as)
        const document = await documentOf(chain.source, ['-c1', '-W5', address], as)
        expect(document).toMatchObject({
          exit: 1,
          errors: [{ sequence: 1, from: chain.farAddress(0, family), type: family === 4 ? 3 : 1 }],
        })
      }
    })

    test('silence: no answer is no error, and -O says what is missing', async () => {
      for (const family of FAMILIES) {
        const target = chain.target(family)
        await withRules(chain.routers[1]!, 'forward', `${echo(family)} drop`, async () => {
          await expectSameText(chain.source, ['-c3', '-i.2', '-W.5', target], as)
          const { stdout } = await expectSameText(chain.source, ['-O', '-c3', '-i.3', '-W.5', target], as)
          expect(stdout).toMatch(/^no answer yet for icmp_seq=1$/m)
          const document = await documentOf(chain.source, ['-c3', '-i.2', '-W.5', target], as)
          expect(document).toMatchObject({
            exit: 1,
            replies: [],
            errors: [],
            statistics: { transmitted: 3, received: 0, errors: 0, lossPercent: 100 },
          })
          expect(document.statistics.longestOutageMs).toBeGreaterThanOrEqual(400)
        })
        await withRoute(chain.routers[1]!, family, ['blackhole', `${target}/${family === 4 ? 32 : 128}`], async () => {
          const { statistics, errors } = await documentOf(chain.source, ['-c2', '-i.2', '-W.5', target], as)
          expect({ errors, statistics }).toMatchObject({ errors: [], statistics: { received: 0, lossPercent: 100 } })
        })
      }
    })

    test('an error in the middle of answers costs no other probe', async () => {
      for (const family of FAMILIES) {
        const target = chain.target(family)
        const reject = family === 4 ? 'icmp type host-unreachable' : 'icmpv6 type addr-unreachable'
        const every = `${echo(family)} numgen inc mod 3 0 reject with ${reject}`
        await withRules(chain.routers[0]!, 'forward', every, async () => {
          const { replies, errors, statistics } = await documentOf(chain.source, ['-c30', '-i.01', '-W1', target], as)
          expect(statistics).toMatchObject({ transmitted: 30, received: 20, errors: 10 })
          expect(errors.every(({ from }) => from === chain.address(1, family))).toBe(true)
          const seen = [...replies, ...errors].map(({ sequence }) => sequence!).sort((a, b) => a - b)
          expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
        })
      }
    })
  })

  test.each<[string, Family, string]>([
    ['unreachable', 4, '10.8.0.1'],
    ['prohibit', 4, '10.8.0.1'],
    ['blackhole', 4, '10.8.0.1'],
    ['unreachable', 6, 'fd00:8::1'],
    ['prohibit', 6, 'fd00:8::1'],
    ['blackhole', 6, 'fd00:8::1'],
  ])('a route "%s" of this host: nothing was sent, and no broadcast is suspected', async (kind, family, address) => {
    await withRoute(chain.source, family, [kind, `${address}/${family === 4 ? 32 : 128}`], async () => {
      const theirs = await iputils(chain.source, ['-c1', '-W1', address])
      const mine = await pingIn(chain.source, ['-c1', '-W1', address])
      expect(mine.code).toBe(2)
      expect(theirs.code).toBe(2)
      expect(mine.stdout + mine.stderr).toMatch(/unreachable|prohibit|blackhole|not permitted|route|denied|invalid/i)
      // Section 2.2, 7 of the reference: iputils takes a prohibited route for a broadcast address.
      expect(mine.stdout + mine.stderr).not.toMatch(/broadcast/)
      const json = await pingIn(chain.source, ['-c1', '-W1', '--json', address])
      expect(json.code).toBe(mine.code)
      expect(() => JSON.parse(json.stdout)).not.toThrow()
    })
  })

  test('a firewall of this host', async () => {
    const reject = `${echo(4)} reject with icmp type admin-prohibited`
    await withRules(chain.source, 'output', reject, async () => {
      const document = await documentOf(chain.source, ['-c2', '-i.2', '-W1', chain.target(4)])
      expect(document).toMatchObject({ exit: 1, statistics: { received: 0 } })
      expect(document.errors.length).toBeGreaterThan(0)
    })
    await withRules(chain.source, 'output', `${echo(4)} drop`, async () => {
      // nf_hook_slow answers EPERM to sendto.
      const { code, stdout, stderr } = await pingIn(chain.source, ['-c2', '-i.2', '-W1', chain.target(4)])
      expect(code).toBe(1)
      expect(stdout + stderr).toMatch(/not permitted/i)
    })
  })
}, ['ping', 'nft'])
