import { closeSync, openSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openEchoSocket } from '../../src/adapters/echo-socket.js'
import { openTcpProbe } from '../../src/adapters/tcp-probe.js'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import type { PathMtuTimers } from '../../src/probe/path-mtu-wait.js'
import { mssClamps, readMss } from '../../src/probe/trace-mss.js'
import { type AnsweringHop, findHopMtus } from '../../src/probe/trace-mtu.js'
import { addChain, type Chain, describeLab, type Family, forgetPathMtu, removeChain, withRules } from '../lab/index.js'
import { native } from '../native/helper.js'
import { optionsFor } from './probe-collect.js'

const FAMILIES: readonly Family[] = [4, 6]
const LARGEST = { 4: 65507, 6: 65487 } as const
const CLOSED = 33434

const timers: PathMtuTimers = {
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

type Open = (port: SocketPort, options: ProbeOptions) => ProbeTransport

// Expectations: the lab sets the MTU of one link and the clamp; RFC 1191, RFC 8201, RFC 9293 section 3.7.1.
describeLab('sizes along a path of three routers', () => {
  let chain: Chain
  /** Routers tell nobody. */
  const MUTE = ['icmp type destination-unreachable icmp code frag-needed drop', 'icmpv6 type packet-too-big drop']

  /** The link between the second and the third router takes 1400 bytes. */
  beforeAll(async () => {
    chain = await addChain(3, { mtu: { 2: 1400 } })
  })

  afterAll(() => removeChain(chain))
  beforeEach(() => forgetPathMtu(chain.source))

  const hopsOf = (family: Family): AnsweringHop[] =>
    [1, 2, 3, 4].map(ttl => ({ ttl, address: chain.address(ttl, family) }))

  async function within<T>(
    family: Family,
    open: Open,
    more: Partial<ProbeOptions>,
    work: (transport: ProbeTransport, options: ProbeOptions) => Promise<T>,
  ): Promise<T> {
    const netnsFd = openSync(`/run/netns/${chain.source}`, 'r')
    const options = optionsFor(family, [chain.target(family)], { port: CLOSED, netnsFd, ...more })
    const transport = open(native, options)
    try {
      return await work(transport, options)
    } finally {
      transport.close()
      closeSync(netnsFd)
    }
  }

  const sizes = (family: Family, open: Open) =>
    within(family, open, { pathMtu: 'probe', payloadBytes: LARGEST[family] }, (transport, { targets }) => {
      const plan = { target: targets[0]!, hops: hopsOf(family), largestPayload: LARGEST[family], deadlineMs: 40_000 }
      return findHopMtus(transport, plan, timers)
    })

  describe.each([
    ['ICMP', openEchoSocket],
    ['UDP', openUdpProbe],
  ] as const)('%s', (_, open) => {
    test.each(FAMILIES)('IPv%i: the router before the narrow link says so', async family => {
      const { mtus, limits } = await sizes(family, open)
      expect(mtus).toEqual([1500, 1500, 1400, 1400])
      expect(limits).toEqual([{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: chain.address(2, family) }])
    })

    test.each(FAMILIES)('IPv%i: it says nothing, and is a black hole at the same place', async family => {
      await withRules(chain.routers[1]!, 'output', MUTE, async () => {
        const { mtus, limits } = await sizes(family, open)
        expect(mtus).toEqual([1500, 1500, 1400, 1400])
        expect(limits).toEqual([{ afterTtl: 2, beforeTtl: 3, mtu: 1400, saidBy: null }])
      })
    })
  })

  test.each(FAMILIES)('IPv%i: the MSS is the same at each router', async family => {
    const seen = await within(family, openTcpProbe, {}, (transport, { targets }) =>
      readMss(transport, { target: targets[0]!.index, family, hops: hopsOf(family), deadlineMs: 20_000 }, timers),
    )
    const own = 1500 - (family === 4 ? 40 : 60)
    expect(seen).toEqual([own, own, own, null])
  })

  test.each(FAMILIES)('IPv%i: a clamp of the second router shows from the third on', async family => {
    const clamp = 'tcp flags syn tcp option maxseg size set 1300'
    await withRules(chain.routers[1]!, 'forward', clamp, async () => {
      const hops = hopsOf(family)
      const seen = await within(family, openTcpProbe, {}, (transport, { targets }) =>
        readMss(transport, { target: targets[0]!.index, family, hops, deadlineMs: 20_000 }, timers),
      )
      const own = 1500 - (family === 4 ? 40 : 60)
      expect(seen).toEqual([own, own, 1300, null])
      expect(mssClamps(hops, seen)).toEqual([{ afterTtl: 2, beforeTtl: 3, from: own, to: 1300 }])
    })
  })
})
