import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import { ERRNO } from '../../src/errors/index.js'
import type { ProbeError, ProbeOptions, ProbeReply } from '../../src/ports/probe.js'
import {
  addChain,
  type Chain,
  describeLab,
  type Family,
  forgetPathMtu,
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
  type Message,
  optionsFor,
  probe,
  respond,
  withReachableAddon,
  withTransport,
} from './probe-collect.js'

const FAMILIES: readonly Family[] = [4, 6]
const QUIET = { timeoutMs: 300 }
const CLOSED = 9

/** Target, sequence and sort of each message, in order. */
const outline = (messages: readonly Message[]) =>
  messages
    .map(message => {
      if (message.kind === 'error') return [message.error.target, message.error.sequence, message.error.code]
      return [message.reply.target, message.reply.sequence, message.reply.answer]
    })
    .sort()

// Expectations: RFC 768, RFC 792, RFC 1122 section 4.1.3, RFC 4443, ip(7) and udp(7).
describeLab('UDP probes', () => {
  let chain: Chain
  const ports = { echo: 0, twice: 0, words: 0 }

  beforeAll(async () => {
    chain = await addChain(2, { mtu: { 1: 1400 } })
    for (const mode of ['echo', 'twice', 'words'] as const) {
      ports[mode] = (await respond(chain.destination, mode)).port
    }
  })

  afterAll(() => removeChain(chain))

  const options = (family: Family, port: number, more: Partial<ProbeOptions> = {}): ProbeOptions =>
    optionsFor(family, [chain.target(family)], { port, ...more })

  const once = (family: Family, port: number, more: Partial<ProbeOptions> = {}, limits = {}) =>
    probe(openUdpProbe, chain.source, options(family, port, more), limits)

  test.each(FAMILIES)('an echo is an answer with its stamp and hop limit (IPv%i)', async family => {
    const { results, sentNs, messages } = await once(family, ports.echo)
    expect(results).toEqual([0])
    expect(messages).toHaveLength(1)
    const { reply } = messages[0] as { reply: ProbeReply }
    expect(reply).toMatchObject({
      answer: 'datagram',
      target: 0,
      sequence: 1,
      from: chain.target(family),
      fromTarget: 0,
      kernelStamp: true,
      // Linux sends 64 (RFC 1700), and two routers take one each.
      ttl: 62,
      bytes: 8 + 56,
    })
    expect(reply.receivedNs).toBeGreaterThan(sentNs[0]!)
    expect(reply.receivedNs).toBeLessThan(reply.readNs)
    expect(reply.data).toHaveLength(56)
  })

  test('an answer in other words is to the probe that left from the port it came to', async () => {
    await withTransport(openUdpProbe, chain.source, options(4, ports.words), async transport => {
      const { messages } = await exchange(
        transport,
        batchOf([
          [0, 1],
          [0, 2],
          [0, 3],
        ]),
        3,
      )
      expect(outline(messages)).toEqual([
        [-1, 1, 'datagram'],
        [-1, 2, 'datagram'],
        [-1, 3, 'datagram'],
      ])
      for (const message of messages) {
        expect(message).toMatchObject({ reply: { fromTarget: 0, from: chain.target(4), bytes: 8 + 5 } })
      }
    })
  })

  test('a service that answers twice is heard twice', async () => {
    const { messages } = await probe(openUdpProbe, chain.source, options(4, ports.twice), { wanted: 2 })
    expect(outline(messages)).toEqual([
      [0, 1, 'datagram'],
      [0, 1, 'datagram'],
    ])
  })

  test.each([
    [4, 3, 3],
    [6, 1, 4],
  ] as const)('a closed port of IPv%i is told by the target: type %i code %i', async (family, type, code) => {
    const { results, messages } = await once(family, CLOSED)
    expect(results).toEqual([0])
    expect(messages).toMatchObject([
      {
        kind: 'error',
        error: {
          origin: 'icmp',
          type,
          code,
          errno: ERRNO.ECONNREFUSED,
          from: chain.target(family),
          target: 0,
          sequence: 1,
        },
      },
    ])
    expect((messages[0] as { error: ProbeError }).error.quoted).toHaveLength(56)
  })

  test.each([16, 15, 0])('payloads of %i bytes are matched too', async bytes => {
    const limits = { bytes }
    expect(outline((await once(4, CLOSED, { payloadBytes: bytes }, limits)).messages)).toEqual([[0, 1, 3]])
    const { messages } = await once(4, ports.echo, { payloadBytes: bytes }, limits)
    expect(messages).toMatchObject([{ reply: { sequence: 1, fromTarget: 0, bytes: 8 + bytes } }])
  })

  test('errors that wait never cost a probe: 200 to a closed port, sent while they come in', async () => {
    await withTransport(openUdpProbe, chain.source, options(4, CLOSED), async transport => {
      const errors: number[] = []
      const visitor = {
        reply: () => undefined,
        error: ({ sequence }: ProbeError) => void errors.push(sequence),
        transmitted: () => undefined,
      }
      const results: number[] = []
      for (let sequence = 1; sequence <= 200; sequence++) {
        const batch = batchOf([[0, sequence]])
        transport.send(batch)
        results.push(batch.result[0]!)
      }
      for (let tries = 0; tries < 100 && errors.length < 200; tries++) {
        await sleep(10)
        transport.receive(visitor)
      }
      expect(results).toEqual(Array(200).fill(0))
      expect(errors.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    })
  })

  test('targets of one batch are told apart, answers and errors', async () => {
    const addresses = [chain.target(4), chain.address(1, 4), chain.address(2, 4)]
    await withTransport(openUdpProbe, chain.source, optionsFor(4, addresses, { port: ports.echo }), async transport => {
      const rows = batchOf([
        [0, 1],
        [1, 1],
        [2, 1],
        [2, 2],
        [0, 2],
      ])
      const { messages } = await exchange(transport, rows, 5)
      expect(outline(messages)).toEqual([
        [0, 1, 'datagram'],
        [0, 2, 'datagram'],
        [1, 1, 3],
        [2, 1, 3],
        [2, 2, 3],
      ])
    })
  })

  test('targets are known by their index in the run, not by their place among these', async () => {
    const target = { index: 7, target: 'seven', address: chain.target(4), family: 4 } as const
    const all = { ...options(4, ports.echo), targets: [target] }
    await withTransport(openUdpProbe, chain.source, all, async transport => {
      const { messages } = await exchange(transport, batchOf([[7, 1]]), 1)
      expect(messages).toMatchObject([{ reply: { target: 7, fromTarget: 7, sequence: 1 } }])
    })
  })

  test.each(['host-unreachable', 'admin-prohibited'] as const)('a router rejects with %s', async rule => {
    const code = { 'host-unreachable': 1, 'admin-prohibited': 13 }[rule]
    await withRules(chain.routers[1]!, 'forward', `udp dport ${ports.echo} reject with icmp type ${rule}`, async () => {
      expect((await once(4, ports.echo)).messages).toMatchObject([
        { error: { type: 3, code, from: chain.address(2, 4), sequence: 1 } },
      ])
    })
  })

  test.each([
    [4, 11],
    [6, 3],
  ] as const)('time exceeded of IPv%i names the router', async (family, type) => {
    expect((await once(family, ports.echo, { ttl: 2 })).messages).toMatchObject([
      { error: { type, code: 0, from: chain.address(2, family), target: 0, sequence: 1 } },
    ])
  })

  test('silence is silence', async () => {
    await withRules(chain.routers[0]!, 'forward', `udp dport ${ports.echo} drop`, async () => {
      const { results, messages } = await once(4, ports.echo, {}, QUIET)
      expect([results, messages]).toEqual([[0], []])
    })
  })

  test.each([
    ['unreachable', ERRNO.EHOSTUNREACH],
    ['prohibit', ERRNO.EACCES],
    ['blackhole', ERRNO.EINVAL],
  ])('a route of this host that is %s refuses at once, and tells it once', async (kind, errno) => {
    await withRoute(chain.source, 4, [kind, `${chain.target(4)}/32`], async () => {
      const { results, messages } = await once(4, ports.echo, {}, QUIET)
      expect([results, messages]).toEqual([[-errno], []])
    })
  })

  test("this host's firewall refuses at once", async () => {
    await withRules(chain.source, 'output', `udp dport ${ports.echo} drop`, async () => {
      expect((await once(4, ports.echo, {}, QUIET)).results).toEqual([-ERRNO.EPERM])
    })
  })

  test.each([
    [4, 3, 4, 28],
    [6, 2, 0, 48],
  ] as const)(
    'larger than the interface is refused here, larger than the path by the router (IPv%i)',
    async (...row) => {
      const [family, type, code, headers] = row
      const wide = { pathMtu: 'probe', payloadBytes: 2000 } as const
      const local = await once(family, ports.echo, wide, { ...QUIET, bytes: 1501 - headers })
      expect(local).toMatchObject({ results: [-ERRNO.EMSGSIZE], mtus: [1500], messages: [] })
      // What is learned of the path is not obeyed: the second is sent all the same.
      for (let tries = 0; tries < 2; tries++) {
        const { results, messages } = await once(family, ports.echo, wide, { bytes: 1401 - headers })
        expect(results).toEqual([0])
        expect(messages).toMatchObject([
          { error: { type, code, errno: ERRNO.EMSGSIZE, mtu: 1400, from: chain.address(1, family), sequence: 1 } },
        ])
      }
      const { messages } = await once(family, ports.echo, wide, { bytes: 1400 - headers })
      expect(messages).toMatchObject([{ reply: { sequence: 1 } }])
      await forgetPathMtu(chain.source)
    },
  )

  test.each(FAMILIES)('what follows a probe that a router found too big is sent (IPv%i)', async family => {
    const addresses = [chain.target(family), chain.address(1, family)]
    const wide = { port: CLOSED, pathMtu: 'do', payloadBytes: 1440 } as const
    await withTransport(openUdpProbe, chain.source, optionsFor(family, addresses, wide), async transport => {
      // The router's word comes while the first is sent, and waits on the socket as the second is.
      const batch = batchOf([
        [0, 1, 1440],
        [1, 1, 1440],
      ])
      const { messages } = await exchange(transport, batch, 2)
      expect([...batch.result]).toEqual([0, 0])
      const told = messages.map(message => message.kind === 'error' && [message.error.target, message.error.errno])
      expect(told).toEqual([
        [0, ERRNO.EMSGSIZE],
        [1, ERRNO.ECONNREFUSED],
      ])
    })
    await forgetPathMtu(chain.source)
  })

  test('without kernel stamps the times are those of this process', async () => {
    const { messages } = await once(4, ports.echo, { timestamps: 'user' })
    const { reply } = messages[0] as { reply: ProbeReply }
    expect(reply.kernelStamp).toBe(false)
    expect(reply.receivedNs).toBe(reply.readNs)
  })

  test('a stranger is not listened to', async () => {
    await withTransport(openUdpProbe, chain.source, options(4, ports.echo), async transport => {
      const first = await exchange(transport, batchOf([[0, 1]]), 1)
      expect(first.messages).toHaveLength(1)
      // From the router, to the port that the probe left from, and to that of a probe that was never sent.
      const source = chain.farAddress(0, 4)
      const script = `
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1024, 65536): sock.sendto(b'x', ('${source}', port))`
      await inNetns(chain.routers[0]!, ['python3', '-c', script])
      expect((await exchange(transport, batchOf([]), 1, 200)).messages).toEqual([])
    })
  })

  test('what cannot be opened is said at once', async () => {
    await expect(once(4, 0)).rejects.toMatchObject({ exit: 2 })
    await expect(once(4, ports.echo, { source: '::1' })).rejects.toMatchObject({ exit: 2 })
    await expect(once(4, ports.echo, { interface: 'nosuch0' })).rejects.toMatchObject({ exit: 2 })
  })

  test('a user without any privilege has all of it', async () => {
    const run = (root: string, port: number) =>
      runBundled(
        ['adapters/native.ts', 'adapters/udp-probe.ts'],
        `const transport = x.openUdpProbe(x.loadNative(${JSON.stringify(root)}), ${JSON.stringify(options(4, port))})
        const batch = ${BATCH_TEXT}
        const got = await new Promise(resolve => {
          const visitor = {
            reply: ({ answer, ttl, kernelStamp }) => resolve({ answer, ttl, kernelStamp }),
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
      expect(await run(root, ports.echo)).toEqual({ answer: 'datagram', ttl: 62, kernelStamp: true })
      expect(await run(root, CLOSED)).toEqual({ type: 3, code: 3, from: chain.target(4) })
    })
  })
}, ['nft'])
