// Must show 2, second half: loss, duplicates, reordering, late, damaged and foreign replies; none pollutes the times.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  addNetns,
  deleteNetns,
  describeLab,
  inNetns,
  NOBODY,
  type Responder,
  type ResponderRule,
  setPingGroups,
  setSysctls,
  startResponder,
  withChain,
  withNetns,
  withRules,
} from '../../lab/index.js'
import { binomialBounds, documentOf, eventsOf, expectSameText, type PingDocument, pingIn } from './acceptance.js'

const FAMILIES = [4, 6] as const

describeLab('netkit ping and loss', () => {
  test('the bounds are those of the binomial distribution', () => {
    // Tails of ten tosses of a coin: 1/1024 for none, 11/1024 for at most one, 56/1024 for at most two.
    expect(binomialBounds(10, 0.5, 1 / 1024)).toEqual([0, 10])
    expect(binomialBounds(10, 0.5, 2 / 1024)).toEqual([1, 9])
    expect(binomialBounds(10, 0.5, 11.5 / 1024)).toEqual([2, 8])
  })

  test('30 % of loss is reported within binomial bounds', async () => {
    await withChain(1, async chain => {
      await setPingGroups(chain.source, 'open')
      const [least, most] = binomialBounds(1000, 0.7)
      for (const family of FAMILIES) {
        const echo = family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request'
        await withRules(chain.routers[0]!, 'forward', `${echo} numgen random mod 10 < 3 drop`, async () => {
          const args = ['-c1000', '-i.002', '-W.5', chain.target(family)]
          const { statistics, replies, errors } = await documentOf(chain.source, args, { uid: NOBODY })
          expect(statistics.transmitted).toBe(1000)
          expect(statistics.received).toBeGreaterThanOrEqual(least)
          expect(statistics.received).toBeLessThanOrEqual(most)
          expect(statistics.lossPercent).toBeCloseTo((1000 - statistics.received) / 10, 9)
          expect(replies).toHaveLength(statistics.received)
          expect(errors).toEqual([])
          const { stdout, code } = await pingIn(chain.source, ['-q', ...args], { uid: NOBODY })
          expect(code).toBe(0)
          const [, received, loss] = /, (\d+) received, ([\d.]+)% packet loss/.exec(stdout)!
          expect(Number(received)).toBeGreaterThanOrEqual(least)
          expect(Number(received)).toBeLessThanOrEqual(most)
          expect(Number(loss)).toBeCloseTo((1000 - Number(received)) / 10, 9)
        })
      }
    })
  })

  const VERDICTS = ['drop', 'reject with icmp type port-unreachable', 'reject with icmp type host-unreachable'] as const

  test.each(VERDICTS)(
    'what this host filters (%s) comes to its firewall once a probe, and is one error',
    async verdict => {
      await withNetns(async ns => {
        await setPingGroups(ns, 'open')
        await setSysctls(ns, { 'ipv4.icmp_ratelimit': 0, 'ipv4.icmp_ratemask': 0 })
        const flagsOf = [
          [['-c20', '-i.002'], { uid: NOBODY }],
          [['-c20', '-i.002', '-l20', '--transport', 'raw'], {}],
          [['-c1', '--gap', '0', '127.1.0.0/24'], {}],
        ] as const
        for (const [flags, as] of flagsOf) {
          await withRules(ns, 'output', `icmp type echo-request counter ${verdict}`, async () => {
            const { stdout } = await pingIn(ns, [...flags, '-W.5', '--json', '127.0.0.1'], as)
            const { targets } = JSON.parse(stdout) as PingDocument
            const sent = targets.reduce((sum, { statistics }) => sum + statistics.transmitted, 0)
            const { stdout: rules } = await inNetns(ns, ['nft', 'list', 'ruleset'])
            expect(Number(/counter packets (\d+)/.exec(rules)![1])).toBe(sent)
            for (const { errors, statistics } of targets) expect(errors).toHaveLength(statistics.transmitted)
          })
        }
      })
    },
  )
}, ['nft'])

describeLab('netkit ping and a host that answers wrong', () => {
  let ns: string
  let responder: Responder
  beforeAll(async () => {
    ns = await addNetns()
    await setPingGroups(ns, 'open')
    await setSysctls(ns, { 'ipv4.conf.all.rp_filter': 0, 'ipv4.conf.default.rp_filter': 0 })
    responder = await startResponder(ns)
  })
  afterAll(() => deleteNetns(ns))
  beforeEach(async () => {
    await responder.clear()
  })

  describe.each([
    ['datagram', { uid: NOBODY }],
    ['raw', {}],
  ] as const)('over a %s socket', (transport, as) => {
    const how = ['--transport', transport]
    const ping = (args: readonly string[]) => documentOf(ns, [...how, ...args], as)
    /** Beside iputils as the same user; the transport is netkit's own option. */
    const same = (args: readonly string[], rule: ResponderRule) => {
      // One after the other: faults of every n-th request would be shared out between the two.
      const between = async () => {
        await responder.rule(rule)
      }
      return expectSameText(ns, [...how, ...args], { ...as, witness: args, between })
    }

    test('exactly the probes that were dropped are lost', async () => {
      for (const family of FAMILIES) {
        await responder.rule({ loss: 30, seed: family })
        const before = await responder.statistics()
        const { statistics, replies } = await ping(['-c200', '-i.002', '-W.5', responder.address(2, family)])
        const { dropped } = await responder.statistics()
        expect(statistics).toMatchObject({ transmitted: 200, received: 200 - (dropped - before.dropped) })
        expect(new Set(replies.map(({ sequence }) => sequence)).size).toBe(statistics.received)
      }
    })

    test('duplicates are shown and counted, and change neither loss nor times', async () => {
      for (const family of FAMILIES) {
        const rule = { copies: 3, hold: 2000, every: 2 }
        const address = responder.address(2, family)
        await responder.rule(rule)
        const { stdout } = await same(['-c5', '-i.1', address], rule)
        expect(stdout.match(/icmp_seq=2 .* \(DUP!\)$/gm)).toHaveLength(2)
        await responder.rule(rule)
        const { replies, statistics } = await ping(['-c5', '-i.1', address])
        expect(statistics).toMatchObject({ transmitted: 5, received: 5, duplicates: 4, lossPercent: 0 })
        expect(replies.map(({ sequence, duplicate }) => [sequence, duplicate])).toEqual([
          [1, false],
          [2, false],
          [2, true],
          [2, true],
          [3, false],
          [4, false],
          [4, true],
          [4, true],
          [5, false],
        ])
        const times = replies.filter(({ duplicate }) => !duplicate).map(({ rttMs }) => rttMs!)
        expect(statistics.rttMs!.avg).toBeCloseTo(times.reduce((sum, time) => sum + time) / 5, 5)
        expect(statistics.rttMs!.max).toBeCloseTo(Math.max(...times), 9)
      }
    })

    test('reordering is seen', async () => {
      for (const family of FAMILIES) {
        // The second, fourth ... come 150 ms later: after the next one and before the one after it.
        const rule = { every: 2, extra: 150_000 }
        await responder.rule(rule)
        const { replies, statistics } = await ping(['-c7', '-i.1', '-W2', responder.address(2, family)])
        expect(replies.map(({ sequence }) => sequence)).toEqual([1, 3, 2, 5, 4, 7, 6])
        expect(statistics).toMatchObject({ received: 7, reordered: 3, duplicates: 0, lossPercent: 0 })
        for (const { sequence, rttMs } of replies) {
          if (sequence % 2 === 0) expect(rttMs).toBeGreaterThanOrEqual(150)
          else expect(rttMs).toBeLessThan(150)
        }
        await responder.rule(rule)
        await same(['-c7', '-i.1', '-W2', responder.address(2, family)], rule)
      }
    })

    test('a late reply is late, not received, and in no statistics', async () => {
      for (const family of FAMILIES) {
        await responder.rule({ only: 2, extra: 600_000 })
        const address = responder.address(2, family)
        const { replies, statistics } = await ping(['-c6', '-i.2', '-W.3', address])
        expect(statistics).toMatchObject({ transmitted: 6, received: 5, late: 1, lossPercent: 16.7 })
        expect(replies.filter(({ late }) => late)).toMatchObject([{ sequence: 2, from: address }])
        expect(statistics.rttMs!.max).toBeLessThan(300)
        const { stdout, code } = await pingIn(ns, [...how, '--ndjson', '-c6', '-i.2', '-W.3', address], as)
        expect(code).toBe(0)
        const second = eventsOf(stdout).filter(({ sequence }) => sequence === 2)
        expect(second.map(({ event }) => event)).toEqual(['sent', 'timeout', 'late'])
      }
    })

    test('corrupted bytes are found, shown where they are, and not timed', async () => {
      for (const family of FAMILIES) {
        await responder.rule({ only: 2, flip: [20, 40], hold: 1000 })
        const address = responder.address(2, family)
        const { replies, statistics } = await ping(['-c3', '-i.1', address])
        expect(statistics).toMatchObject({ transmitted: 3, corrupted: 1 })
        expect(replies).toHaveLength(3)
        expect(replies[1]!['corrupted']).toMatchObject([{ offset: 20 }, { offset: 40 }])
        const good = [replies[0]!.rttMs!, replies[2]!.rttMs!]
        expect(statistics.rttMs!.min).toBeCloseTo(Math.min(...good), 9)
        expect(statistics.rttMs!.max).toBeCloseTo(Math.max(...good), 9)
        const { stdout } = await pingIn(ns, [...how, '-c3', '-i.1', '-p', '00', address], as)
        expect(stdout).toMatch(/wrong data byte #20 should be 0x0 but was 0xff/)
      }
    })

    test("a damaged first bytes of the payload is still this probe's answer", async () => {
      // Where the cookie lies: what the kernel's identifier and the sequence of the header say must be enough.
      await responder.rule({ flip: [0, 9] })
      const { replies, statistics } = await ping(['-c2', '-i.1', '-W.5', responder.address(2, 4)])
      expect(replies.map(({ sequence }) => sequence)).toEqual([1, 2])
      expect(statistics).toMatchObject({ transmitted: 2, corrupted: 2 })
    })

    test('a truncated reply is told from a whole one', async () => {
      await responder.rule({ truncate: 24 })
      const { replies, statistics } = await ping(['-c1', '-W.5', responder.address(2, 4)])
      expect(replies).toMatchObject([{ sequence: 1, bytes: 32 }])
      expect(statistics).toMatchObject({ corrupted: 1 })
    })

    test('a reply from another address is shown as that', async () => {
      for (const family of FAMILIES) {
        const from = responder.address(77, family)
        await responder.rule({ from })
        const { replies, statistics } = await ping(['-c2', '-i.1', responder.address(2, family)])
        expect(replies).toMatchObject([
          { sequence: 1, from, differentAddress: true },
          { sequence: 2, from, differentAddress: true },
        ])
        expect(statistics).toMatchObject({ differentAddress: 2 })
        const { stdout } = await same(['-c1', responder.address(2, family)], { from })
        expect(stdout).toContain(`from ${from}: icmp_seq=1 ttl=64 time=`)
        expect(stdout).toContain('(DIFFERENT ADDRESS!)')
      }
    })

    test.each([
      [4, [3, 5], 'Source Route Failed'],
      [4, [3, 6], 'Destination Net Unknown'],
      [4, [3, 7], 'Destination Host Unknown'],
      [4, [3, 11], 'Destination Net Unreachable for Type of Service'],
      [4, [3, 12], 'Destination Host Unreachable for Type of Service'],
      [4, [3, 14], 'Precedence Violation'],
      [4, [3, 15], 'Precedence Cutoff'],
      [4, [12, 0], 'Parameter problem: pointer = 8'],
      [6, [1, 2], 'Destination unreachable: Beyond scope of source address'],
      [6, [3, 1], 'Time exceeded: Defragmentation failure'],
      [6, [4, 0], 'Parameter problem: Wrong header field '],
    ] as const)('IPv%i: the error %j, with everything quoted and with 8 bytes', async (family, error, reason) => {
      const by = responder.address(99, family)
      const info = error[0] === 12 ? 8 << 24 : 8
      for (const quote of [undefined, 8]) {
        const rule = { error, by, info: info >>> 0, ...(quote === undefined ? {} : { quote }) }
        await responder.rule(rule)
        const args = ['-c2', '-i.1', '-W.5', responder.address(2, family)]
        const { stdout } = await same(args, rule)
        expect(stdout).toContain(`From ${by} icmp_seq=1 ${reason}`)
        const { errors } = await ping(args)
        expect(errors[0]).toMatchObject({ sequence: 1, from: by, type: error[0], code: error[1] })
        expect(errors.map(({ sequence }) => sequence)).toEqual([1, 2])
      }
    })

    test('MPLS labels of an error are in the document, and in the text with -v', async () => {
      const mpls = [
        { label: 16_001, trafficClass: 5, bottom: false, ttl: 1 },
        { label: 24_002, trafficClass: 0, bottom: true, ttl: 2 },
      ]
      for (const extensions of ['compliant', 'legacy'] as const) {
        for (const family of FAMILIES) {
          await responder.rule({
            error: [family === 4 ? 11 : 3, 0],
            by: responder.address(99, family),
            mpls,
            extensions,
          })
          const args = ['-c1', '-W.5', responder.address(2, family)]
          const { errors } = await ping(args)
          expect({ extensions, family, errors }).toMatchObject({ extensions, family, errors: [{ sequence: 1, mpls }] })
          const { stdout, stderr } = await pingIn(ns, [...how, '-v', ...args], as)
          expect(stdout + stderr).toMatch(/16001[\s\S]*24002/)
        }
      }
    })
  })
}, ['ping', 'g++', '/dev/net/tun'])
