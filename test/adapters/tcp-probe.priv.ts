import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTcpProbe } from '../../src/adapters/tcp-probe.js'
import { ERRNO } from '../../src/errors/index.js'
import type { ProbeError, ProbeOptions, ProbeReply } from '../../src/ports/probe.js'
import {
  addChain,
  type Chain,
  describeLab,
  type Family,
  inNetns,
  NOBODY,
  removeChain,
  withRoute,
  withRules,
} from '../lab/index.js'
import { runBundled } from './bundle.js'
import {
  BATCH_TEXT,
  batchOf,
  exchange,
  listen,
  optionsFor,
  probe,
  withReachableAddon,
  withTransport,
} from './probe-collect.js'

const FAMILIES: readonly Family[] = [4, 6]
const QUIET = { timeoutMs: 400 }

// Expectations: connect(2) outcomes by injected cause as the kernel documents and shows them (RFC 792, RFC 4443, ip(7)).
describeLab('TCP probes', () => {
  let chain: Chain
  let port = 0

  beforeAll(async () => {
    chain = await addChain(2)
    port = (await listen(chain.destination)).port
  })

  afterAll(() => removeChain(chain))

  const options = (family: Family, more: Partial<ProbeOptions> = {}): ProbeOptions =>
    optionsFor(family, [chain.target(family)], { port, ...more })

  const once = (family: Family, more: Partial<ProbeOptions> = {}, limits = {}) =>
    probe(openTcpProbe, chain.source, options(family, more), limits)

  /** The rule is looked at where the last router passes packets on. */
  const rejectedBy = (rule: string, run: () => Promise<unknown>) =>
    withRules(chain.routers[1]!, 'forward', `tcp dport ${port} reject with ${rule}`, async () => {
      await run()
    })

  test.each(FAMILIES)('a listener answers with a SYN-ACK, and the kernel has measured it (IPv%i)', async family => {
    const { results, sentNs, messages } = await once(family)
    expect(results).toEqual([0])
    expect(messages).toHaveLength(1)
    const { reply } = messages[0] as { reply: ProbeReply }
    expect(reply).toMatchObject({
      answer: 'syn-ack',
      target: 0,
      sequence: 1,
      from: chain.target(family),
      fromTarget: 0,
      synRetransmits: 0,
    })
    expect(reply.rttNs).toBeGreaterThan(0)
    expect(reply.rttNs).toBeLessThan(reply.readNs - sentNs[0]!)
  })

  test('nothing is left of an answered probe, here or there', async () => {
    await once(4)
    await sleep(50)
    expect((await inNetns(chain.source, ['ss', '-Htan'])).stdout).toBe('')
    const there = await inNetns(chain.destination, ['ss', '-Htan', 'exclude', 'listening'])
    expect(there.stdout).toBe('')
  })

  test.each(FAMILIES)('a closed port refuses with a reset (IPv%i)', async family => {
    const { results, messages } = await once(family, { port: 9 })
    expect(results).toEqual([0])
    expect(messages).toMatchObject([{ kind: 'reply', reply: { answer: 'refused', target: 0, sequence: 1 } }])
    expect((messages[0] as { reply: ProbeReply }).reply.rttNs).toBeNaN()
  })

  test.each(FAMILIES)('a firewall that resets looks the same (IPv%i)', async family => {
    await rejectedBy('tcp reset', async () => {
      expect((await once(family)).messages).toMatchObject([{ reply: { answer: 'refused' } }])
    })
  })

  test.each([
    ['port-unreachable', 3, ERRNO.ECONNREFUSED],
    ['host-unreachable', 1, ERRNO.EHOSTUNREACH],
    ['net-unreachable', 0, ERRNO.ENETUNREACH],
    ['prot-unreachable', 2, ERRNO.ENOPROTOOPT],
    ['net-prohibited', 9, ERRNO.ENETUNREACH],
    ['host-prohibited', 10, ERRNO.EHOSTUNREACH],
    ['admin-prohibited', 13, ERRNO.EHOSTUNREACH],
  ])('IPv4 reject with %s is code %i, said by the router', async (rule, code, errno) => {
    await rejectedBy(`icmp type ${rule}`, async () => {
      const { results, messages } = await once(4)
      expect(results).toEqual([0])
      expect(messages).toMatchObject([
        {
          kind: 'error',
          error: { origin: 'icmp', type: 3, code, errno, from: chain.address(2, 4), target: 0, sequence: 1 },
        },
      ])
      // The queue holds the TCP header of the SYN from its ports on.
      const { quoted } = (messages[0] as { error: ProbeError }).error
      expect((quoted[2]! << 8) | quoted[3]!).toBe(port)
    })
  })

  test.each([
    ['no-route', 0, ERRNO.ENETUNREACH],
    ['admin-prohibited', 1, ERRNO.EACCES],
    ['addr-unreachable', 3, ERRNO.EHOSTUNREACH],
    ['port-unreachable', 4, ERRNO.ECONNREFUSED],
    ['policy-fail', 5, ERRNO.EACCES],
    ['reject-route', 6, ERRNO.EACCES],
  ])('IPv6 reject with %s is code %i, said by the router', async (rule, code, errno) => {
    await rejectedBy(`icmpv6 type ${rule}`, async () => {
      expect((await once(6)).messages).toMatchObject([
        { error: { origin: 'icmp', type: 1, code, errno, from: chain.address(2, 6), sequence: 1 } },
      ])
    })
  })

  test.each([
    [4, 3, 3],
    [6, 1, 4],
  ] as const)('IPv%i port unreachable from the target itself names the target', async (family, type, code) => {
    const rule = `tcp dport ${port} reject with icmpx type port-unreachable`
    await withRules(chain.destination, 'input', rule, async () => {
      expect((await once(family)).messages).toMatchObject([{ error: { type, code, from: chain.target(family) } }])
    })
  })

  test.each(FAMILIES)('silence is silence, and close leaves no attempt behind (IPv%i)', async family => {
    await withRules(chain.routers[0]!, 'forward', `tcp dport ${port} drop`, async () => {
      const { results, messages } = await once(family, {}, QUIET)
      expect(results).toEqual([0])
      expect(messages).toEqual([])
    })
    const { stdout } = await inNetns(chain.source, ['ss', '-Htan', 'state', 'syn-sent'])
    expect(stdout).toBe('')
  })

  test.each([
    [4, 11],
    [6, 3],
  ] as const)('time exceeded of IPv%i names the router', async (family, type) => {
    for (const hop of [1, 2]) {
      expect((await once(family, { ttl: hop })).messages).toMatchObject([
        { error: { origin: 'icmp', type, code: 0, errno: ERRNO.EHOSTUNREACH, from: chain.address(hop, family) } },
      ])
    }
  })

  test.each([
    ['unreachable', [{ error: { type: 3, code: 1 } }]],
    ['prohibit', [{ error: { type: 3, code: 13 } }]],
    ['blackhole', []],
  ])('a router with a route that is %s', async (kind, expected) => {
    await withRoute(chain.routers[0]!, 4, [kind, `${chain.target(4)}/32`], async () => {
      expect((await once(4, {}, QUIET)).messages).toMatchObject(expected)
    })
  })

  test.each([
    ['unreachable', ERRNO.EHOSTUNREACH],
    ['prohibit', ERRNO.EACCES],
    ['blackhole', ERRNO.EINVAL],
  ])('a route of this host that is %s refuses at once', async (kind, errno) => {
    await withRoute(chain.source, 4, [kind, `${chain.target(4)}/32`], async () => {
      const { results, messages } = await once(4, {}, QUIET)
      expect(results).toEqual([-errno])
      expect(messages).toEqual([])
    })
  })

  test("this host's own firewall: silence, or an error from an own address", async () => {
    await withRules(chain.source, 'output', `tcp dport ${port} drop`, async () => {
      const { results, messages } = await once(4, {}, QUIET)
      expect([results, messages]).toEqual([[0], []])
    })
    await withRules(chain.source, 'output', `tcp dport ${port} reject`, async () => {
      const { results, messages } = await once(4)
      expect(results).toEqual([0])
      expect(messages).toMatchObject([{ error: { type: 3, code: 3, from: chain.farAddress(0, 4) } }])
    })
  })

  test('a neighbour that is not there is named by an own address', async () => {
    const nobody = chain.address(1, 4).replace(/\d+$/, '77')
    const { messages } = await probe(openTcpProbe, chain.source, optionsFor(4, [nobody], { port }))
    expect(messages).toMatchObject([{ error: { type: 3, code: 1, from: chain.farAddress(0, 4) } }])
  })

  test.each(FAMILIES)('a SYN that was sent again is told, and is not timed by the kernel (IPv%i)', async family => {
    // The first is over the limit of none; those after it are not dropped any more.
    const rule = 'tcp flags syn limit rate 1/hour burst 1 packets drop'
    await withRules(chain.routers[0]!, 'forward', rule, async () => {
      const { sentMonoNs, messages } = await once(family)
      expect(messages).toMatchObject([{ reply: { answer: 'syn-ack', synRetransmits: 1 } }])
      const { reply } = messages[0] as { reply: ProbeReply }
      expect(reply.rttNs).toBeNaN()
      // TCP_TIMEOUT_INIT, net/tcp.h: a second.
      expect(reply.readMonoNs - sentMonoNs[0]!).toBeGreaterThan(0.9e9)
    })
  })

  test('probes of many targets and both outcomes are told apart', async () => {
    const addresses = [chain.target(4), chain.address(1, 4), chain.address(2, 4)]
    await withTransport(openTcpProbe, chain.source, optionsFor(4, addresses, { port }), async transport => {
      const batch = batchOf([
        [0, 1],
        [1, 1],
        [2, 1],
        [0, 2],
      ])
      const { messages } = await exchange(transport, batch, 4)
      const seen = messages.map(message =>
        message.kind === 'reply'
          ? [message.reply.target, message.reply.sequence, message.reply.answer, message.reply.from]
          : [message.error.target],
      )
      expect(seen.sort()).toEqual([
        [0, 1, 'syn-ack', addresses[0]],
        [0, 2, 'syn-ack', addresses[0]],
        [1, 1, 'refused', addresses[1]],
        [2, 1, 'refused', addresses[2]],
      ])
    })
  })

  test('answers are there without a turn of the event loop', async () => {
    await withTransport(openTcpProbe, chain.source, options(4), async transport => {
      transport.send(batchOf([[0, 1]]))
      const end = Date.now() + 2000
      let count = 0
      const visitor = { reply: () => undefined, error: () => undefined, transmitted: () => undefined }
      while (count === 0 && Date.now() < end) count = transport.receive(visitor)
      expect(count).toBe(1)
    })
  })

  test('options that were asked for are set on every probe', async () => {
    const source = chain.farAddress(0, 4)
    const marked = `tcp dport ${port} ip saddr ${source} ip dscp ef ip ttl 7 meta mark 0x2a`
    await withRules(chain.source, 'output', `${marked} reject with icmp type net-unreachable`, async () => {
      const wishes = { source, tos: 0xb8, ttl: 7, mark: 42, interface: 'far0' }
      expect((await once(4, wishes)).messages).toMatchObject([{ error: { type: 3, code: 0 } }])
      expect((await once(4, { ...wishes, ttl: 8 })).messages).toMatchObject([{ reply: { answer: 'syn-ack' } }])
    })
  })

  test('what cannot be opened is said at once', async () => {
    const failing = (more: Partial<ProbeOptions>) => once(4, more)
    await expect(failing({ port: null })).rejects.toMatchObject({ exit: 2 })
    await expect(failing({ port: 70_000 })).rejects.toMatchObject({ exit: 2 })
    await expect(failing({ source: '::1' })).rejects.toMatchObject({ exit: 2 })
    await expect(failing({ source: '192.0.2.77' })).rejects.toMatchObject({ exit: 2 })
    await expect(failing({ interface: 'nosuch0' })).rejects.toMatchObject({ exit: 2 })
  })

  test('the source address is the one that the kernel would choose', async () => {
    for (const family of FAMILIES) {
      await withTransport(openTcpProbe, chain.source, options(family), async transport => {
        expect(transport.sourceAddress(0)).toBe(chain.farAddress(0, family))
        expect(transport.sourceAddress(1)).toBeNull()
      })
    }
  })

  test('a user without any privilege has all of it', async () => {
    const run = (root: string) =>
      runBundled(
        ['adapters/native.ts', 'adapters/tcp-probe.ts'],
        `const transport = x.openTcpProbe(x.loadNative(${JSON.stringify(root)}), ${JSON.stringify(options(4))})
        const batch = ${BATCH_TEXT}
        const got = await new Promise(resolve => {
          const visitor = {
            reply: ({ answer }) => resolve({ answer }),
            error: ({ type, code, from }) => resolve({ type, code, from }),
            transmitted: () => undefined,
          }
          transport.onReadable(() => transport.receive(visitor))
          transport.send(batch)
        })
        transport.close()
        return got`,
        { ns: chain.source, uid: NOBODY },
      )
    await withReachableAddon(async root => {
      expect(await run(root)).toEqual({ answer: 'syn-ack' })
      await rejectedBy('icmp type admin-prohibited', async () => {
        expect(await run(root)).toEqual({ type: 3, code: 13, from: chain.address(2, 4) })
      })
    })
  })
}, ['nft', 'ss'])
