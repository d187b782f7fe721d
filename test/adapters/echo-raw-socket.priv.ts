import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import type { ProbeOptions } from '../../src/ports/probe.js'
import { parseMplsLabels } from '../../src/wire/icmp-extensions.js'
import { describeLab, inNetns, NOBODY, startResponder, withChain, withNetns, withRules } from '../lab/index.js'
import { runBundled } from './bundle.js'
import { probeOptions } from './probe-helper.js'

/** Where the bundle, which is run from elsewhere, finds the package. */
process.env['NODE_PATH'] = dirname(dirname(createRequire(import.meta.url).resolve('raw-socket/package.json')))

interface Reply {
  target: number
  sequence: number
  wireSequence: number
  from: string
  fromTarget: number
  ttl: number
  bytes: number
  payload: number[]
  rttNs: number
}

interface Failure {
  type: number
  code: number
  errno: number
  mtu: number
  from: string | null
  target: number
  sequence: number
  wireSequence: number
  quoted: number[]
  quotedBytes: number
}

interface Outcome {
  results: number[]
  replies: Reply[]
  errors: Failure[]
  cookie: [number, number]
}

const defaults = probeOptions(['127.0.0.1'], { transport: 'raw-socket', timestamps: 'user' })

interface Probes {
  family: 4 | 6
  addresses: readonly string[]
  /** Of each probe, in rounds over the addresses; all of the payload size by default. */
  payloads?: readonly number[]
  rounds?: number
  /** Answers and errors to wait for. */
  expected: number
  options?: Partial<ProbeOptions>
}

/** Sends probes in a process inside a namespace and gives everything that came back. */
function probe(ns: string, { family, addresses, payloads, rounds = 1, expected, options }: Probes, uid?: number) {
  const targets = addresses.map((address, index) => ({ index, target: address, address, family }))
  const merged = { ...defaults, family, targets, ...options }
  const body = `
    const given = ${JSON.stringify(merged)}
    const bytes = (text: any) => (text === null ? null : Uint8Array.from(Object.values(text)))
    const options = { ...given, pattern: bytes(given.pattern), ipOptions: bytes(given.ipOptions) }
    const transport = await x.openRawSocketPackage(options)
    const count = options.targets.length * ${rounds}
    const payloads = ${JSON.stringify(payloads ?? null)}
    const batch = {
      count,
      target: new Int32Array(count).map((_, row) => row % options.targets.length),
      sequence: new Uint32Array(count).map((_, row) => 65536 + Math.floor(row / options.targets.length)),
      payloadBytes: new Int32Array(count).map((_, row) => payloads === null ? options.payloadBytes : payloads[row]),
      result: new Int32Array(count),
      sentNs: new Float64Array(count),
      sentMonoNs: new Float64Array(count),
    }
    const replies: any[] = []
    const errors: any[] = []
    const visitor = {
      reply(r: any) {
        const row = (r.sequence - 65536) * options.targets.length + r.target
        replies.push({ ...r, data: null, payload: [...r.data.subarray(r.payloadStart, r.payloadEnd)],
          rttNs: r.receivedNs - batch.sentNs[row]! })
      },
      error(e: any) { errors.push({ ...e, quoted: [...e.quoted] }) },
      transmitted() {},
    }
    const limit = setTimeout(() => transport.close(), 5_000)
    await new Promise<void>(resolve => {
      const look = () => { if (transport.receive(visitor) >= 0 && replies.length + errors.length >= ${expected}) resolve() }
      transport.onReadable(look)
      if (transport.send(batch) !== count) throw new Error('a row was left')
      if (${expected} === 0) setTimeout(resolve, 300)
    })
    clearTimeout(limit)
    transport.close()
    return { results: [...batch.result], replies, errors, cookie: transport.cookie }`
  return runBundled<Outcome>(['adapters/echo-raw-socket.ts'], body, { ns, ...(uid === undefined ? {} : { uid }) })
}

const bytesOf = (text: string): number[] => [...Buffer.from(text, 'hex')]

describeLab('echo probes through the raw-socket package', () => {
  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1'],
  ] as const) {
    test(`${address} answers every probe with its own cookie, target and full sequence number`, () =>
      withNetns(async ns => {
        const { results, replies, errors, cookie } = await probe(ns, {
          family,
          addresses: [address],
          rounds: 3,
          expected: 3,
        })
        expect(results).toEqual([0, 0, 0])
        expect(errors).toEqual([])
        expect(replies).toHaveLength(3)
        for (const [at, reply] of replies.entries()) {
          expect(reply).toMatchObject({
            target: 0,
            sequence: 65536 + at,
            wireSequence: at,
            from: address,
            fromTarget: 0,
          })
          expect(reply.bytes).toBe(64)
          // Linux sends replies with 64; recvfrom(2) does not tell it for IPv6.
          expect(reply.ttl).toBe(family === 4 ? 64 : -1)
          expect(reply.rttNs).toBeGreaterThan(0)
          expect(reply.rttNs).toBeLessThan(5e9)
          const mark = Buffer.alloc(16)
          mark.writeUInt32LE(cookie[0], 0)
          mark.writeUInt32LE(cookie[1], 4)
          mark.writeUInt32LE(0, 8)
          mark.writeUInt32LE(65536 + at, 12)
          const pattern = Array.from({ length: 40 }, (_, index) => index + 16)
          expect(reply.payload).toEqual([...mark, ...pattern])
        }
      }))
  }

  test('a payload without room for the cookie is answered by sequence and address', () =>
    withNetns(async ns => {
      const { replies, cookie } = await probe(ns, {
        family: 4,
        addresses: ['127.0.0.1', '127.0.0.2'],
        expected: 2,
        options: { payloadBytes: 4, pattern: new Uint8Array([0xab]) },
      })
      expect(cookie).toEqual([0, 0])
      expect(replies.map(({ target, fromTarget, wireSequence }) => ({ target, fromTarget, wireSequence }))).toEqual([
        { target: -1, fromTarget: 0, wireSequence: 0 },
        { target: -1, fromTarget: 1, wireSequence: 0 },
      ])
    }))

  test('a short probe after a long one has the pattern, and not the mark of the long one', () =>
    withNetns(async ns => {
      const { replies } = await probe(ns, {
        family: 4,
        addresses: ['127.0.0.1'],
        payloads: [20, 8],
        rounds: 2,
        expected: 2,
      })
      expect(replies[1]!.payload).toEqual(bytesOf('0001020304050607'))
    }))

  test('answers to another program with another identifier are passed over', () =>
    withNetns(async ns => {
      const [{ replies, errors }] = await Promise.all([
        probe(ns, { family: 4, addresses: ['127.0.0.1'], expected: 0, rounds: 2 }),
        inNetns(ns, ['ping', '-c', '20', '-i', '0.02', '127.0.0.1']),
      ])
      expect(errors).toEqual([])
      expect(replies.every(({ target, sequence }) => target === 0 && sequence >= 65536)).toBe(true)
      expect(replies).toHaveLength(2)
    }))

  for (const family of [4, 6] as const) {
    test(`ICMPv${family} errors are read off the wire with who said them and which probe they quote`, () =>
      withChain(2, async chain => {
        const address = chain.target(family)
        const addresses = [address]
        const ns = chain.source
        const router = chain.address(1, family)
        const common = { target: 0, sequence: 65_536, wireSequence: 0, from: router, mtu: 0 }
        const expired = await probe(ns, { family, addresses, expected: 1, options: { ttl: 1 } })
        // linux/icmp.h, linux/icmpv6.h; errno as ping sockets have it: EHOSTUNREACH.
        expect(expired.errors).toMatchObject([{ ...common, type: family === 4 ? 11 : 3, code: 0, errno: 113 }])
        const reject =
          family === 4
            ? 'icmp type echo-request reject with icmp type admin-prohibited'
            : 'icmpv6 type echo-request reject with icmpv6 type admin-prohibited'
        const filtered = await withRules(chain.routers[0]!, 'forward', reject, () =>
          probe(ns, { family, addresses, expected: 1 }),
        )
        expect(filtered.errors).toMatchObject([
          family === 4 ? { ...common, type: 3, code: 13, errno: 113 } : { ...common, type: 1, code: 1, errno: 13 },
        ])
      }))

    test(`a router that has a link of 1400 bytes says so to ICMPv${family} probes with 1420`, () =>
      withChain(
        2,
        async chain => {
          const { errors } = await probe(chain.source, {
            family,
            addresses: [chain.target(family)],
            expected: 1,
            options: { payloadBytes: family === 4 ? 1392 : 1372, pathMtu: 'do' },
          })
          const from = chain.address(1, family)
          expect(errors).toMatchObject([
            {
              type: family === 4 ? 3 : 2,
              code: family === 4 ? 4 : 0,
              errno: 90,
              mtu: 1400,
              from,
              target: 0,
              sequence: 65_536,
            },
          ])
        },
        { mtu: { 1: 1400 } },
      ))
  }

  test('the MPLS labels that a router tells are in what it quotes, and 8 bytes quoted are enough to match', () =>
    withNetns(async ns => {
      const responder = await startResponder(ns)
      const stack = [
        { label: 16_001, trafficClass: 5, bottom: false, ttl: 1 },
        { label: 42, trafficClass: 0, bottom: true, ttl: 254 },
      ]
      for (const family of [4, 6] as const) {
        const by = responder.address(99, family)
        const error = family === 4 ? ([11, 0] as const) : ([3, 0] as const)
        for (const extensions of ['compliant', 'legacy'] as const) {
          await responder.rule({ error, by, mpls: stack, extensions })
          const { errors } = await probe(ns, { family, addresses: [responder.address(2, family)], expected: 1 })
          expect(errors).toMatchObject([{ from: by, target: 0, sequence: 65_536 }])
          const [{ quoted, quotedBytes }] = errors as [Failure]
          expect(parseMplsLabels(Uint8Array.from(quoted), quotedBytes, family === 4 ? 20 : 40)).toEqual(stack)
        }
        await responder.rule({ error, by, quote: 8 })
        const { errors } = await probe(ns, { family, addresses: [responder.address(2, family)], expected: 1 })
        expect(errors).toMatchObject([{ from: by, target: 0, sequence: -1, wireSequence: 0 }])
      }
    }))

  test('a refusal of this host is the result of its row, and the other rows go on', () =>
    withNetns(async ns => {
      const { results, replies } = await probe(ns, { family: 4, addresses: ['192.0.2.1', '127.0.0.1'], expected: 1 })
      // ENETUNREACH: the namespace has no route but that of lo.
      expect(results).toEqual([-101, 0])
      expect(replies).toMatchObject([{ target: 1, from: '127.0.0.1' }])
    }))

  test('other wishes are set on the socket', () =>
    withNetns(async ns => {
      const { replies } = await probe(ns, {
        family: 4,
        addresses: ['127.0.0.1'],
        expected: 1,
        options: {
          interface: 'lo',
          tos: 8,
          mark: 5,
          broadcast: true,
          noLoopback: true,
          sendBufferBytes: 65_536,
          // RFC 791 section 3.1: record route with room for one address, and an end of options.
          ipOptions: new Uint8Array([7, 7, 4, 0, 0, 0, 0, 0]),
        },
      })
      // The kernel gives the recorded address back, this host's own.
      const ipOptions = Object.fromEntries([7, 7, 8, 127, 0, 0, 1, 0].entries())
      expect(replies).toMatchObject([{ target: 0, from: '127.0.0.1', ipOptions }])
    }))

  test('an interface that is not there is a usage error', () =>
    withNetns(async ns => {
      const asked = probe(ns, { family: 4, addresses: ['127.0.0.1'], expected: 1, options: { interface: 'none0' } })
      await expect(asked).rejects.toThrow('there is no interface none0')
    }))

  test('a user without CAP_NET_RAW is told what is missing', () =>
    withNetns(async ns => {
      const asked = probe(ns, { family: 4, addresses: ['127.0.0.1'], expected: 1 }, NOBODY)
      await expect(asked).rejects.toThrow(
        'cannot open a raw ICMP socket with the raw-socket package: operation not permitted (EPERM)',
      )
    }))
})
