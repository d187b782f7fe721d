import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openEchoSocket } from '../../src/adapters/echo-socket.js'
import { UsageError } from '../../src/errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { NETKIT } from '../cli/run.js'
import {
  addChain,
  type Chain,
  describeLab,
  FAR,
  type Family,
  forgetPathMtu,
  inNetns,
  NOBODY,
  removeChain,
  setPingGroups,
  withRoute,
  withRules,
} from '../lab/index.js'
import { native } from '../native/helper.js'
import { runBundled } from './bundle.js'
import { batchOf, probeOptions, receiveUntil, Seen } from './probe-helper.js'

const EPERM = -1
const EMSGSIZE = -90
const ENETUNREACH = -101
const KINDS = ['datagram', 'raw'] as const
const FAMILIES: readonly Family[] = [4, 6]
const EVERY = KINDS.flatMap(kind => FAMILIES.map(family => [kind, family] as const))
const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const

/** nft's words for an echo request. */
const REQUEST = { 4: 'icmp type echo-request', 6: 'icmpv6 type echo-request' } as const
/** RFC 792 and RFC 4443, and the errno that Linux makes of each. */
const PROHIBITED = {
  4: { rule: 'reject with icmp type admin-prohibited', error: { type: 3, code: 13, errno: 113 } },
  6: { rule: 'reject with icmpv6 type admin-prohibited', error: { type: 1, code: 1, errno: 13 } },
} as const

describeLab('echo sockets', () => {
  let chain: Chain
  let netnsFd = -1
  const open: ProbeTransport[] = []

  beforeAll(async () => {
    // The second link is a narrow one.
    chain = await addChain(2, { mtu: { 1: 1400 } })
    await setPingGroups(chain.source, 'open')
    netnsFd = openSync(`/run/netns/${chain.source}`, 'r')
  })
  afterEach(async () => {
    for (const transport of open.splice(0)) transport.close()
    await forgetPathMtu(chain.source)
  })
  afterAll(async () => {
    if (netnsFd >= 0) closeSync(netnsFd)
    if (chain !== undefined) await removeChain(chain)
  })

  const probe = (
    addresses: readonly string[],
    wishes: Partial<ProbeOptions> = {},
    port: SocketPort = native,
  ): ProbeTransport => {
    const transport = openEchoSocket(port, probeOptions(addresses, { netnsFd, ...wishes }))
    open.push(transport)
    return transport
  }

  describe.each(EVERY)('%s, IPv%i', (kind, family) => {
    it('answers from loopback, a neighbour and a host behind two routers, with stamps that follow each other', async () => {
      const addresses = [LOOPBACK[family], chain.address(1, family), chain.target(family)]
      const transport = probe(addresses, { transport: kind })
      expect(transport).toMatchObject({ kind, timestamps: 'kernel', note: null })
      const batch = batchOf([0, 1], [1, 70_000], [2, 3])
      expect(transport.send(batch)).toBe(3)
      expect([...batch.result]).toEqual([0, 0, 0])
      const seen = new Seen()
      await receiveUntil(transport, seen, ({ replies }) => replies.length === 3)
      for (const [row, sequence] of [1, 70_000, 3].entries()) {
        const reply = seen.replies.find(({ target }) => target === row)!
        expect(reply).toMatchObject({
          sequence,
          wireSequence: sequence & 0xffff,
          from: addresses[row],
          fromTarget: row,
        })
        // Two routers took one each from the 64 of a Linux host.
        expect(reply).toMatchObject({ answer: 'echo-reply', ttl: row === 2 ? 62 : 64, bytes: 64, kernelStamp: true })
        // iputils: 0, 1, 2 ... behind the mark.
        expect(reply.payload.slice(16)).toEqual(Array.from({ length: 40 }, (_, at) => at + 16))
        const { scheduler, driver } = seen.stampsOf(row, sequence)
        const moments = [batch.sentNs[row]!, scheduler!, driver!, reply.receivedNs, reply.readNs]
        expect(moments).toEqual([...moments].sort((a, b) => a - b))
        expect(reply.readMonoNs).toBeGreaterThan(batch.sentMonoNs[row]!)
      }
      expect(seen.errors).toEqual([])
    })

    it('hands out the stamps of a probe before its answer', async () => {
      const transport = probe([LOOPBACK[family]], { transport: kind })
      const seen = new Seen()
      for (let sequence = 1; sequence <= 50; sequence++) {
        transport.send(batchOf([0, sequence]))
        await receiveUntil(transport, seen, ({ replies }) => replies.length === sequence)
      }
      const before = new Set<string>()
      let replies = 0
      for (const what of seen.order) {
        if (what === 'reply') expect(before.size).toBeGreaterThanOrEqual(2 * ++replies)
        else before.add(`${what} ${before.size}`)
      }
      expect(replies).toBe(50)
    })

    it('tells which router the time to live ended at', async () => {
      const transport = probe([chain.target(family)], { transport: kind, ttl: 2 })
      transport.send(batchOf([0, 9]))
      const seen = new Seen()
      await receiveUntil(transport, seen, ({ errors }) => errors.length > 0)
      const exceeded = family === 4 ? { type: 11, code: 0 } : { type: 3, code: 0 }
      const from = chain.address(2, family)
      expect(seen.errors).toMatchObject([
        { origin: 'icmp', ...exceeded, errno: 113, from, target: 0, sequence: 9, wireSequence: 9 },
      ])
      expect(seen.replies).toEqual([])
    })

    it('loses no probe to an error that waits: each refused one is told once, each other one answered', async () => {
      const addresses = [chain.target(family), LOOPBACK[family]]
      const { rule, error } = PROHIBITED[family]
      await withRules(chain.routers[0]!, 'forward', `${REQUEST[family]} ${rule}`, async () => {
        const transport = probe(addresses, { transport: kind })
        const rows = Array.from({ length: 100 }, (_, index) => [index % 2, 1 + (index >> 1)] as const)
        const batch = batchOf(...rows)
        expect(transport.send(batch)).toBe(100)
        expect(new Set(batch.result)).toEqual(new Set([0]))
        const seen = new Seen()
        await receiveUntil(transport, seen, ({ errors, replies }) => errors.length + replies.length === 100)
        const all = Array.from({ length: 50 }, (_, index) => index + 1)
        expect(seen.errors.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(all)
        expect(seen.replies.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(all)
        for (const each of seen.errors) {
          expect(each).toMatchObject({ ...error, origin: 'icmp', from: chain.address(1, family), target: 0 })
        }
        for (const sequence of all) expect(seen.stampsOf(0, sequence)).toHaveProperty('scheduler')
      })
    })

    it('tells the MTU that a router named, and then the one that this host refuses with', async () => {
      const transport = probe([chain.target(family)], { transport: kind, pathMtu: 'do', payloadBytes: 1440 })
      const first = batchOf([0, 1, 1440])
      transport.send(first)
      expect([...first.result]).toEqual([0])
      const seen = new Seen()
      await receiveUntil(transport, seen, ({ errors }) => errors.length > 0)
      const tooBig = family === 4 ? { type: 3, code: 4 } : { type: 2, code: 0 }
      const from = chain.address(1, family)
      expect(seen.errors).toMatchObject([{ ...tooBig, errno: -EMSGSIZE, mtu: 1400, from, target: 0, sequence: 1 }])

      const second = batchOf([0, 2, 1440], [0, 3, 1000])
      expect(transport.send(second)).toBe(2)
      expect([...second.result]).toEqual([EMSGSIZE, 0])
      expect([...second.mtu]).toEqual([1400, 0])
      await receiveUntil(transport, seen, ({ replies }) => replies.length > 0)
      expect(seen.replies).toMatchObject([{ sequence: 3, bytes: 1008 }])
      // The refusal is the row's result and nothing else.
      expect(seen.errors).toHaveLength(1)
    })

    it('sends what follows a probe that a router found too big', async () => {
      const addresses = [chain.target(family), chain.address(1, family)]
      const transport = probe(addresses, { transport: kind, pathMtu: 'do', payloadBytes: 1440 })
      // The router's word comes while the first is sent, and waits on the socket as the second is.
      const batch = batchOf([0, 1, 1440], [1, 1, 1440])
      expect(transport.send(batch)).toBe(2)
      expect([...batch.result]).toEqual([0, 0])
      const seen = new Seen()
      await receiveUntil(transport, seen, ({ errors, replies }) => errors.length > 0 && replies.length > 0)
      expect(seen.errors).toMatchObject([{ errno: -EMSGSIZE, mtu: 1400, target: 0, sequence: 1 }])
      expect(seen.replies).toMatchObject([{ target: 1, sequence: 1 }])
    })

    it('says what a local route refuses, row by row, and sends the rest', async () => {
      await withRoute(chain.source, family, ['unreachable', family === 4 ? '192.0.2.1' : '2001:db8::1'], async () => {
        const addresses = [family === 4 ? '192.0.2.1' : '2001:db8::1', LOOPBACK[family]]
        const transport = probe(addresses, { transport: kind })
        const batch = batchOf([0, 1], [1, 1], [0, 2], [1, 2])
        expect(transport.send(batch)).toBe(4)
        expect([...batch.result].map(result => result === 0)).toEqual([false, true, false, true])
        expect([ENETUNREACH, -113]).toContain(batch.result[0])
        const seen = new Seen()
        await receiveUntil(transport, seen, ({ replies }) => replies.length === 2)
        expect(seen.replies.map(({ sequence }) => sequence)).toEqual([1, 2])
        // The numbers of the stamps survive the refusals.
        for (const sequence of [1, 2]) expect(seen.stampsOf(1, sequence)).toHaveProperty('driver')
      })
    })

    it('finds the probe of a stamp where the kernel counts by itself, refusals included', async () => {
      const none = family === 4 ? '192.0.2.1' : '2001:db8::1'
      // An older kernel knows no SCM_TS_OPT_ID: sendmsg(2) refuses it.
      const older: SocketPort = { ...native, sendBatch: () => -22 }
      await withRoute(chain.source, family, ['unreachable', none], async () => {
        const transport = probe([none, LOOPBACK[family]], { transport: kind }, older)
        const seen = new Seen()
        const times = new Map<number, number>()
        for (let sequence = 1; sequence <= 20; sequence++) {
          const batch = sequence % 5 === 0 ? batchOf([0, sequence], [1, sequence]) : batchOf([1, sequence])
          transport.send(batch)
          times.set(sequence, batch.sentNs.at(-1)!)
          await receiveUntil(transport, seen, ({ replies }) => replies.length === sequence)
        }
        for (const { sequence, receivedNs } of seen.replies) {
          const { scheduler, driver } = seen.stampsOf(1, sequence)
          // Behind a refused row of the same batch the count is in doubt, and no stamp is better than a wrong one.
          if (sequence % 5 === 0) {
            expect(scheduler).toBeUndefined()
            continue
          }
          expect(scheduler).toBeGreaterThan(times.get(sequence)!)
          expect(driver).toBeGreaterThan(scheduler!)
          expect(driver).toBeLessThan(receivedNs)
        }
      })
    })

    it('sends the type of service, time to live and identifier that were asked for', async () => {
      // The destination drops exactly those: 0x48 is DSCP 18, two routers leave 5 of a time to live of 7.
      const only =
        family === 4
          ? 'icmp type echo-request icmp id 4242 ip dscp 18 ip ttl 5 drop'
          : 'icmpv6 type echo-request icmpv6 id 4242 ip6 dscp 18 ip6 hoplimit 5 drop'
      await withRules(chain.destination, 'input', only, async () => {
        const wishes = { transport: kind, tos: 0x48, ttl: 7, identifier: 4242 }
        const answered = async (more: Partial<ProbeOptions>): Promise<number> => {
          const transport = probe([chain.target(family)], { ...wishes, ...more })
          const seen = new Seen()
          transport.send(batchOf([0, 1]))
          await receiveUntil(transport, seen, ({ replies }) => replies.length > 0, 300)
          transport.close()
          return seen.replies.length
        }
        expect(await answered({})).toBe(0)
        expect(await answered({ tos: 0x40 })).toBe(1)
        expect(await answered({ ttl: 8 })).toBe(1)
        expect(await answered({ identifier: 4243 })).toBe(1)
      })
    })

    it('marks its packets, which a local rule sees', async () => {
      await withRules(chain.source, 'output', 'meta mark 77 drop', async () => {
        const seen = new Seen()
        for (const mark of [77, 78]) {
          const transport = probe([LOOPBACK[family]], { transport: kind, mark })
          const batch = batchOf([0, mark])
          transport.send(batch)
          // net/ipv6/icmp.c, icmpv6_push_pending_frames: a datagram socket is not told what becomes of its IPv6 packet.
          const told = kind === 'raw' || family === 4
          expect([...batch.result]).toEqual([mark === 77 && told ? EPERM : 0])
          await receiveUntil(transport, seen, ({ replies }) => replies.length > 0, 100)
        }
        expect(seen.replies.map(({ sequence }) => sequence)).toEqual([78])
      })
    })

    it('probes from the source and the interface that were asked for', async () => {
      const own = chain.farAddress(0, family)
      const from = probe([LOOPBACK[family]], { transport: kind, source: own })
      expect(from.sourceAddress(0)).toBe(own)
      const seen = new Seen()
      from.send(batchOf([0, 1]))
      await receiveUntil(from, seen, ({ replies }) => replies.length > 0)
      expect(seen.replies).toHaveLength(1)

      const bound = probe([chain.target(family)], { transport: kind, interface: FAR })
      bound.send(batchOf([0, 1]))
      await receiveUntil(bound, seen, ({ replies }) => replies.length > 1)
      expect(seen.replies).toHaveLength(2)
      expect(bound.sourceAddress(0)).toBe(own)
      expect(bound.sourceAddress(1)).toBeNull()
    })

    it('refuses a source, an interface and a family that are not here as mistakes of the user', () => {
      const target = LOOPBACK[family]
      const foreign = family === 4 ? '192.0.2.7' : '2001:db8::7'
      expect(() => probe([target], { transport: kind, source: foreign })).toThrow(UsageError)
      expect(() => probe([target], { transport: kind, interface: 'nosuch0' })).toThrow('there is no interface nosuch0')
      const other = family === 4 ? '::1' : '127.0.0.1'
      expect(() => probe([target], { transport: kind, source: other })).toThrow(`not an IPv${family} address`)
    })

    it('counts the whole of a payload that has no room for the mark, and goes by the sequence', async () => {
      const transport = probe([LOOPBACK[family]], { transport: kind, payloadBytes: 8, pattern: new Uint8Array([0xab]) })
      expect(transport.cookie).toEqual([0, 0])
      transport.send(batchOf([0, 65_537, 8], [0, 2, 0]))
      const seen = new Seen()
      await receiveUntil(transport, seen, ({ replies }) => replies.length === 2)
      expect(seen.replies[0]).toMatchObject({ target: -1, sequence: -1, wireSequence: 1, fromTarget: 0, bytes: 16 })
      expect(seen.replies[0]!.payload).toEqual(Array(8).fill(0xab))
      expect(seen.replies[1]).toMatchObject({ wireSequence: 2, bytes: 8, payload: [] })
    })

    it('sends and receives as much as a packet holds', async () => {
      // RFC 791: 65,535 bytes with a header of 20; RFC 8200: 65,535 without the header.
      const payloadBytes = family === 4 ? 65_507 : 65_527
      const transport = probe([LOOPBACK[family]], { transport: kind, payloadBytes, pathMtu: 'dont' })
      const batch = batchOf([0, 1, payloadBytes])
      transport.send(batch)
      expect([...batch.result]).toEqual([0])
      const seen = new Seen()
      await receiveUntil(transport, seen, ({ replies }) => replies.length > 0)
      expect(seen.replies).toMatchObject([{ target: 0, sequence: 1, bytes: payloadBytes + 8 }])
      expect(seen.replies[0]!.payload.slice(16).every((byte, at) => byte === ((at + 16) & 255))).toBe(true)
    })

    it('says which stamps there are: those of this process when the kernel is not asked', async () => {
      const seen = new Seen()
      for (const timestamps of ['rx', 'user'] as const) {
        const transport = probe([LOOPBACK[family]], { transport: kind, timestamps })
        expect(transport.timestamps).toBe(timestamps)
        transport.send(batchOf([0, 1]))
        await receiveUntil(transport, seen, ({ replies }) => replies.length === (timestamps === 'rx' ? 1 : 2))
      }
      expect(seen.stamps).toEqual([])
      expect(seen.replies.map(({ kernelStamp }) => kernelStamp)).toEqual([true, false])
      expect(seen.replies[1]!.receivedNs).toBe(seen.replies[1]!.readNs)
    })

    it('wakes the event loop for answers and for errors, and not for ever', async () => {
      const transport = probe([LOOPBACK[family], chain.target(family)], { transport: kind, ttl: 1 })
      const seen = new Seen()
      let wakes = 0
      transport.onReadable(() => {
        wakes++
        transport.receive(seen)
      })
      transport.send(batchOf([0, 1], [1, 1]))
      await new Promise(resolve => setTimeout(resolve, 200))
      expect(seen.replies).toHaveLength(1)
      expect(seen.errors).toHaveLength(1)
      expect(wakes).toBeLessThanOrEqual(6)
    })
  })

  it.each(KINDS)('%s: brings back the route that IPv4 packets recorded', async kind => {
    // RFC 791: record route, 39 bytes, first slot at 4; padded to a multiple of 4.
    const ipOptions = new Uint8Array(40)
    ipOptions.set([7, 39, 4])
    const transport = probe([chain.target(4)], { transport: kind, ipOptions })
    transport.send(batchOf([0, 1]))
    const seen = new Seen()
    await receiveUntil(transport, seen, ({ replies }) => replies.length > 0)
    const [reply] = seen.replies
    expect(reply).toMatchObject({ bytes: 64, target: 0, sequence: 1 })
    const recorded = reply!.ipOptions!
    expect([...recorded.subarray(0, 2)]).toEqual([7, 39])
    const words: string[] = []
    for (let at = 3; at < recorded[2]! - 1; at += 4) words.push([...recorded.subarray(at, at + 4)].join('.'))
    // Every host writes the address it sends on with (RFC 791, 3.1).
    expect(words.slice(0, 4)).toEqual([
      chain.farAddress(0, 4),
      chain.farAddress(1, 4),
      chain.farAddress(2, 4),
      chain.target(4),
    ])
  })

  it.each(KINDS)('%s: sends the flow label that was asked for', async kind => {
    await withRules(chain.destination, 'input', 'ip6 flowlabel 74565 drop', async () => {
      const seen = new Seen()
      for (const flowLabel of [0x12345, 0x12346]) {
        const transport = probe([chain.target(6)], { transport: kind, flowLabel })
        const batch = batchOf([0, flowLabel])
        transport.send(batch)
        expect([...batch.result]).toEqual([0])
        await receiveUntil(transport, seen, ({ replies }) => replies.length > 0, 300)
      }
      expect(seen.replies.map(({ sequence }) => sequence)).toEqual([0x12346])
    })
  })

  it.each(KINDS)('%s: reaches a link-local address through the interface that it names', async kind => {
    const { stdout } = await inNetns(chain.routers[0]!, [
      'ip',
      '-6',
      '-o',
      'addr',
      'show',
      'scope',
      'link',
      'dev',
      'near0',
    ])
    const address = `${/inet6 (fe80:[0-9a-f:]+)/.exec(stdout)![1]}%${FAR}`
    const seen = new Seen()
    const transport = probe([address], { transport: kind })
    transport.send(batchOf([0, 1]))
    await receiveUntil(transport, seen, ({ replies }) => replies.length > 0)
    expect(seen.replies).toMatchObject([{ from: address, fromTarget: 0, target: 0 }])
    expect(transport.sourceAddress(0)).toMatch(new RegExp(`^fe80:.*%${FAR}$`))
    expect(() => probe(['fe80::1%nosuch0'], { transport: kind })).toThrow('there is no interface nosuch0')
  })

  it.each(FAMILIES)(
    'keeps raw sockets of one host apart: IPv%i answers and errors reach the one that asked',
    async family => {
      const addresses = [LOOPBACK[family], chain.target(family)]
      const [one, two] = [3001, 3002].map(identifier => probe(addresses, { transport: 'raw', ttl: 1, identifier }))
      one!.send(batchOf([0, 1], [1, 2]))
      const seen = new Seen()
      await receiveUntil(one!, seen, ({ replies, errors }) => replies.length + errors.length === 2)
      expect([seen.replies.length, seen.errors.length]).toEqual([1, 1])
      const others = new Seen()
      two!.receive(others)
      expect(others.order).toEqual([])

      // The same identifier by chance: the mark in the payload tells them apart.
      const twin = probe(addresses, { transport: 'raw', ttl: 1, identifier: 3001 })
      one!.send(batchOf([0, 3], [1, 4]))
      await receiveUntil(one!, seen, ({ replies, errors }) => replies.length + errors.length === 4)
      twin.receive(others)
      expect(others.errors).toEqual([])
      expect(others.replies).toEqual([])
    },
  )

  it('answers 4,096 targets in one go, each under its own name', async () => {
    const addresses = Array.from({ length: 4096 }, (_, index) => `127.2.${index >> 8}.${index & 255}`)
    const transport = probe(addresses, { transport: 'datagram', timestamps: 'rx' })
    const batch = batchOf(...addresses.map((_, index) => [index, 1] as const))
    const seen = new Seen()
    expect(transport.send(batch)).toBe(4096)
    await receiveUntil(transport, seen, ({ replies }) => replies.length === 4096)
    expect(
      seen.replies.every(({ target, fromTarget, from }) => target === fromTarget && from === addresses[target]),
    ).toBe(true)
    expect(new Set(seen.replies.map(({ target }) => target)).size).toBe(4096)
  })

  describe('without any privilege', () => {
    const root = dirname(dirname(NETKIT))
    const asNobody = <T>(body: string): Promise<T> =>
      runBundled<T>(
        ['adapters/native.ts', 'adapters/echo-socket.ts', '../test/adapters/probe-helper.ts'],
        `const native = x.loadNative(${JSON.stringify(root)}); ${body}`,
        { ns: chain.source, uid: NOBODY },
      )

    it('probes through the datagram socket, with stamps, routers and errors told', async () => {
      const target = chain.target(4)
      const target6 = chain.target(6)
      const found = await asNobody<{ kind: string; timestamps: string; seen: Seen }[]>(`
        const out = []
        for (const [address, ttl] of [[${JSON.stringify(target)}, null], [${JSON.stringify(target6)}, null], [${JSON.stringify(target)}, 1], [${JSON.stringify(target6)}, 1]]) {
          const transport = x.openEchoSocket(native, x.probeOptions([address], { ttl }))
          const seen = new x.Seen()
          transport.send(x.batchOf([0, 5]))
          await x.receiveUntil(transport, seen, seen => seen.replies.length + seen.errors.length > 0)
          out.push({ kind: transport.kind, timestamps: transport.timestamps, seen })
          transport.close()
        }
        return out`)
      for (const { kind, timestamps, seen } of found) {
        expect({ kind, timestamps }).toEqual({ kind: 'datagram', timestamps: 'kernel' })
        expect(seen.stamps.map(({ at }) => at)).toEqual(['scheduler', 'driver'])
      }
      expect(found[0]!.seen.replies).toMatchObject([{ from: target, ttl: 62, sequence: 5 }])
      expect(found[1]!.seen.replies).toMatchObject([{ from: target6, ttl: 62, sequence: 5 }])
      expect(found[2]!.seen.errors).toMatchObject([{ type: 11, from: chain.address(1, 4), sequence: 5 }])
      expect(found[3]!.seen.errors).toMatchObject([{ type: 3, from: chain.address(1, 6), sequence: 5 }])
    })

    it('says both remedies where the group range is closed', async () => {
      await setPingGroups(chain.source, 'closed')
      try {
        const errors = await asNobody<{ name: string; exit: number; message: string; hints: string[] }[]>(`
          const out = []
          for (const [address, transport] of [['127.0.0.1', 'auto'], ['::1', 'auto'], ['127.0.0.1', 'datagram'], ['127.0.0.1', 'raw']]) {
            try {
              x.openEchoSocket(native, x.probeOptions([address], { transport }))
            } catch ({ constructor, exit, message, hints }) {
              out.push({ exit, message, hints })
            }
          }
          return out`)
        expect(errors.map(({ exit }) => exit)).toEqual([3, 3, 3, 3])
        for (const { hints } of errors.slice(0, 2)) {
          expect(hints.join('\n')).toContain('net.ipv4.ping_group_range')
          expect(hints.join('\n')).toContain('net_raw')
        }
        expect(errors[2]!.hints.join('\n')).toContain('net.ipv4.ping_group_range')
        expect(errors[3]!.hints.join('\n')).toContain('net_raw')
        // root may always open a raw one, and is told why it is that.
        const transport = probe([LOOPBACK[4]])
        expect(transport.kind).toBe('raw')
        expect(transport.note).toContain('ping_group_range')
      } finally {
        await setPingGroups(chain.source, 'open')
      }
    })
  })
})
