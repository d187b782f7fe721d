import { closeSync, openSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openEchoSocket } from '../../src/adapters/echo-socket.js'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { findPathMtu, type PathMtuPlan } from '../../src/probe/path-mtu.js'
import type { PathMtuTimers } from '../../src/probe/path-mtu-wait.js'
import { addChain, type Chain, describeLab, type Family, forgetPathMtu, removeChain, withRules } from '../lab/index.js'
import { native } from '../native/helper.js'
import { optionsFor } from './probe-collect.js'

const FAMILIES: readonly Family[] = [4, 6]
const LARGEST = { 4: 65507, 6: 65527 } as const
const CLOSED = 9

const timers: PathMtuTimers = {
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

type Open = (port: SocketPort, options: ProbeOptions) => ProbeTransport

// Expectations: the MTU of the one narrow link, which the test sets; RFC 1191, RFC 8201, RFC 4821.
describeLab('path MTU discovery', () => {
  let chain: Chain
  /** The link between the routers takes 1400 bytes. */
  const narrow = () => chain.address(1, 4)
  /** Routers tell nobody. */
  const MUTE = ['icmp type destination-unreachable icmp code frag-needed drop', 'icmpv6 type packet-too-big drop']

  beforeAll(async () => {
    chain = await addChain(2, { mtu: { 1: 1400 } })
  })

  afterAll(() => removeChain(chain))
  beforeEach(() => forgetPathMtu(chain.source))

  const discover = async (family: Family, open: Open = openEchoSocket, more: Partial<PathMtuPlan> = {}) => {
    const netnsFd = openSync(`/run/netns/${chain.source}`, 'r')
    const options = optionsFor(family, [chain.target(family)], {
      pathMtu: 'probe',
      payloadBytes: LARGEST[family],
      port: CLOSED,
      netnsFd,
    })
    const transport = open(native, options)
    try {
      return await findPathMtu(
        transport,
        {
          target: options.targets[0]!,
          localMtu: 1500,
          largestPayload: LARGEST[family],
          timeoutMs: 1000,
          intervalMs: 5,
          deadlineMs: 30_000,
          ...more,
        },
        timers,
      )
    } finally {
      transport.close()
      closeSync(netnsFd)
    }
  }

  test.each(FAMILIES)('the router before the narrow link says how much passes (IPv%i)', async family => {
    const from = family === 4 ? narrow() : chain.address(1, 6)
    expect(await discover(family)).toMatchObject({
      pathMtu: 1400,
      largestPayload: family === 4 ? 1372 : 1352,
      limit: { by: 'icmp', from, mtu: 1400 },
    })
    // The kernel has learned it; that changes nothing.
    expect(await discover(family)).toMatchObject({ pathMtu: 1400, limit: { by: 'icmp', from, mtu: 1400 } })
  })

  test.each(FAMILIES)('the same over UDP to a closed port (IPv%i)', async family => {
    expect(await discover(family, openUdpProbe)).toMatchObject({
      transport: 'udp',
      pathMtu: 1400,
      limit: { by: 'icmp', mtu: 1400 },
    })
  })

  test.each(FAMILIES)('the kernel says what the interface takes where that is not known (IPv%i)', async family => {
    const result = await discover(family, openEchoSocket, { localMtu: null })
    expect(result.pathMtu).toBe(1400)
    expect(result.probes.find(probe => probe.outcome === 'refused')).toMatchObject({ mtu: 1500 })
  })

  test.each(FAMILIES)('a narrow link that nobody speaks of is a black hole (IPv%i)', async family => {
    await withRules(chain.routers[0]!, 'output', MUTE, async () => {
      expect(await discover(family)).toMatchObject({
        pathMtu: 1400,
        limit: { by: 'black-hole', smallestLost: 1401 },
      })
    })
  })

  test.each(FAMILIES)('a fifth of all packets lost at random is no black hole (IPv%i)', async family => {
    await withRules(chain.routers[0]!, 'forward', 'numgen random mod 100 < 20 drop', async () => {
      const { pathMtu, limit } = await discover(family)
      expect({ pathMtu, limit }).toMatchObject({ pathMtu: 1400, limit: { by: 'icmp', mtu: 1400 } })
    })
  })

  test('a black hole is found through loss', async () => {
    await withRules(chain.routers[1]!, 'forward', 'numgen random mod 100 < 20 drop', () =>
      withRules(chain.routers[0]!, 'output', MUTE, async () => {
        expect(await discover(4)).toMatchObject({ pathMtu: 1400, limit: { by: 'black-hole', smallestLost: 1401 } })
      }),
    )
  })

  test('a target behind a firewall is no answer, and says who refused', async () => {
    await withRules(chain.routers[1]!, 'forward', 'reject with icmp type admin-prohibited', async () => {
      expect(await discover(4)).toMatchObject({
        pathMtu: null,
        limit: null,
        error: { from: chain.address(2, 4), type: 3, code: 13 },
      })
    })
  })
}, ['nft'])
