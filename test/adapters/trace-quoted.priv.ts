// What routers quote of the IP header of a probe, heard through a raw socket beside the transport.

import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import { PermissionError } from '../../src/errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import {
  addChain,
  type Chain,
  describeLab,
  FAR,
  type Family,
  inNetns,
  removeChain,
  setPingGroups,
  startResponder,
  withNetns,
  withRules,
} from '../lab/index.js'
import { native } from '../native/helper.js'
import { probeOptions, receiveUntil, Seen, type SeenError } from './probe-helper.js'
import {
  everyTransport,
  outlineOf,
  sendAll,
  TRACEROUTE_PORT,
  TRANSPORTS,
  type TraceRow,
  traceBatch,
  trueOutline,
} from './trace-collect.js'

const ROUTERS = 3
const HOPS = ROUTERS + 1
const FAMILIES: readonly Family[] = [4, 6]
type Name = (typeof everyTransport)[number]
const EVERY = everyTransport.flatMap(name => FAMILIES.map(family => [name, family] as const))
const EF = 0xb8
const AF11 = 0x28
const ELSEWHERE = { 4: '10.77.0.1', 6: 'fd77::1' } as const
/** nft's words. */
const IP = { 4: 'ip', 6: 'ip6' } as const
const ERRORS = { 4: 'icmp type time-exceeded', 6: 'icmpv6 type time-exceeded' } as const

const rowsOf = (name: Name, count: number): TraceRow[] =>
  Array.from({ length: count }, (_, index) => ({
    sequence: index + 1,
    ttl: 1 + ((index * 3) % HOPS),
    flow: name === 'tcp' ? index : index % 2,
  }))
const ttlOf = ({ sequence }: SeenError): number => 1 + (((sequence - 1) * 3) % HOPS)

const lastWord = (name: Name, family: Family): string => {
  if (name === 'tcp') return 'refused'
  return name === 'udp' ? (family === 4 ? '3/3' : '1/4') : 'echo-reply'
}

/** Sends an ICMP error: type and code 11/0, and what it quotes, from where it runs. RFC 792. */
const INJECT = `
import socket, struct, sys
target, quoted = sys.argv[1], bytes.fromhex(sys.argv[2])
def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
body = struct.pack('>BBHI', 11, 0, 0, 0) + quoted
body = body[:2] + struct.pack('>H', checksum(body)) + body[4:]
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(body, (target, 0))
`

const hexOf = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex')
const words = (...values: number[]): number[] => values.flatMap(value => [value >> 8, value & 0xff])
const bytesOf = (address: string): number[] => address.split('.').map(Number)
/** RFC 791: an IPv4 header of 20 bytes; routers check none of a quoted one. */
const ipHeader = (protocol: number, source: string, destination: string): number[] => [
  ...words(0x4500, 60, 0, 0, 0x0100 | protocol, 0),
  ...bytesOf(source),
  ...bytesOf(destination),
]

describeLab('quoted headers', () => {
  let chain: Chain
  let netnsFd = -1
  const open: ProbeTransport[] = []

  beforeAll(async () => {
    chain = await addChain(ROUTERS)
    await setPingGroups(chain.source, 'open')
    // Answers to a translated address go back to where it was made.
    for (const [family, net] of [
      ['-4', '10.77.0.0/24'],
      ['-6', 'fd77::/64'],
    ] as const) {
      for (let node = 2; node < HOPS; node++) {
        const via = chain.farAddress(node - 1, family === '-4' ? 4 : 6)
        await inNetns(null, ['ip', '-n', chain.nodes[node]!, family, 'route', 'add', net, 'via', via])
      }
    }
    netnsFd = openSync(`/run/netns/${chain.source}`, 'r')
  })
  afterEach(() => {
    for (const transport of open.splice(0)) transport.close()
  })
  afterAll(async () => {
    if (netnsFd >= 0) closeSync(netnsFd)
    if (chain !== undefined) await removeChain(chain)
  })

  const trace = (name: Name, family: Family, more: Partial<ProbeOptions> = {}): ProbeTransport => {
    const wishes = {
      netnsFd,
      payloadBytes: 32,
      timestamps: 'rx',
      sourcePort: null,
      quotedHeaders: true,
      ...more,
    } as const
    const transport = TRANSPORTS[name](probeOptions([chain.target(family)], wishes))
    open.push(transport)
    return transport
  }

  test.each(EVERY)(
    '%s, IPv%i: each error once, to its probe, with TOS and TTL as they arrived there',
    async (name, family) => {
      const rows = rowsOf(name, 40)
      const rule = `${IP[family]} dscp set af11`
      await withRules(chain.routers[1]!, 'forward', rule, async () => {
        const seen = await sendAll(trace(name, family, { tos: EF }), rows)
        expect(outlineOf(seen)).toEqual(trueOutline(chain, family, rows, lastWord(name, family)))
        expect(seen.errors.length).toBeGreaterThanOrEqual(30)
        for (const error of seen.errors) {
          // Routers look at packets as they come in, and quote them so (RFC 1812 section 4.3.2.3).
          const tos = ttlOf(error) < HOPS - 1 ? EF : AF11
          expect(error.quote).toEqual({ tos, ttl: 1, translated: false, source: null, destination: null })
          expect(error.receivedNs).toBeGreaterThan(0)
        }
      })
    },
  )

  test.each(EVERY)(
    '%s, IPv%i: a NAT that does not put back what it changed is seen behind it',
    async (name, family) => {
      const own = chain.farAddress(0, family)
      const other = ELSEWHERE[family]
      const router = chain.routers[0]!
      await withRules(
        router,
        'postrouting',
        `oifname ${FAR} ${IP[family]} saddr ${own} ${IP[family]} saddr set ${other}`,
        () =>
          withTable(
            router,
            `${ERRORS[family]} ${IP[family]} daddr ${other} ${IP[family]} daddr set ${own}`,
            async () => {
              const transport = trace(name, family)
              const rows = [1, 2, 3].map(ttl => ({ sequence: ttl, ttl, flow: name === 'tcp' ? ttl : 0 }))
              const seen = await sendAll(transport, rows)
              expect(outlineOf(seen)).toEqual(trueOutline(chain, family, rows, ''))
              const quotes = seen.errors.sort((a, b) => a.sequence - b.sequence).map(({ quote }) => quote)
              expect(quotes).toMatchObject([
                { translated: false, source: null, destination: null },
                { translated: true, source: other, destination: null },
                { translated: true, source: other, destination: null },
              ])
            },
          ),
      )
    },
  )

  test.each(FAMILIES)(
    'a NAT that puts addresses back costs nothing, and is seen by checksums behind it only (IPv%i)',
    async family => {
      const nat = `table inet netkit_nat {\nchain out {\ntype nat hook postrouting priority 100\noifname ${FAR} masquerade\n}\n}\n`
      const router = chain.routers[0]!
      expect(await inNetns(router, ['nft', '-f', '-'], { input: nat })).toMatchObject({ code: 0 })
      try {
        for (const name of everyTransport) {
          const rows = rowsOf(name, 12)
          const seen = await sendAll(trace(name, family), rows)
          expect(outlineOf(seen)).toEqual(trueOutline(chain, family, rows, lastWord(name, family)))
          // The checksum of an echo does not cover the address, or is put back as well; those of UDP and TCP tell.
          const isTold = !name.startsWith('icmp')
          for (const error of seen.errors) {
            const translated = isTold && ttlOf(error) > 1
            expect(error.quote).toMatchObject({ translated, source: null, destination: null })
          }
        }
      } finally {
        await inNetns(router, ['nft', 'delete', 'table', 'inet', 'netkit_nat'])
      }
    },
  )

  test('a checksum that is not what left tells of a NAT, whatever the addresses say', async () => {
    const own = chain.farAddress(0, 4)
    const inject = async (quoted: readonly number[]) => {
      const done = await inNetns(chain.routers[1]!, ['python3', '-c', INJECT, own, hexOf(quoted)])
      expect(done).toMatchObject({ code: 0, stderr: '' })
    }
    /** What is told of a quote that is made of what was quoted of a probe of flow 3. */
    const told = async (name: Name, quotedOf: (quoted: number[], transport: ProbeTransport) => number[]) => {
      const transport = trace(name, 4)
      const first = await sendAll(transport, [{ sequence: 1, ttl: 1, flow: 3 }])
      const seen = new Seen()
      transport.onReadable(() => transport.receive(seen))
      await inject(quotedOf(first.errors[0]!.quoted, transport))
      await receiveUntil(transport, seen, () => seen.errors.length > 0, 1000)
      return seen.errors.map(({ sequence, wireSequence, flow, quote }) => [
        sequence,
        wireSequence,
        flow,
        quote?.translated,
      ])
    }
    const echo = ipHeader(1, own, chain.target(4))
    expect(await told('icmp datagram', quoted => [...echo, ...quoted.slice(0, 8)])).toEqual([[-1, 1, 3, false]])
    const changed = (quoted: number[]) => quoted.map((byte, at) => (at === 3 ? byte ^ 1 : byte))
    expect(await told('icmp datagram', quoted => [...echo, ...changed(quoted)])).toEqual([[1, 1, 3, true]])
    const udp = (port: number) => [...ipHeader(17, own, chain.target(4)), ...words(port, TRACEROUTE_PORT, 40, 0x1234)]
    // The flow is all that is known then.
    expect(await told('udp', (_, transport) => udp(transport.flowValue!(3)))).toEqual([[-1, -1, 3, true]])
    expect(await told('udp', (_, transport) => udp(transport.flowValue!(3) ^ 0x8000))).toEqual([])
  })

  test("another run's errors are not this one's", async () => {
    for (const name of everyTransport) {
      const [one, two] = [trace(name, 4), trace(name, 4)]
      const [first, second] = [new Seen(), new Seen()]
      one.onReadable(() => one.receive(first))
      two.onReadable(() => two.receive(second))
      const rows = (from: number) => [0, 1, 2].map(index => ({ sequence: from + index, ttl: 1 + index, flow: index }))
      one.send(traceBatch(rows(1)))
      two.send(traceBatch(rows(101)))
      await receiveUntil(one, first, seen => seen.errors.length >= 3, 2000)
      await receiveUntil(two, second, seen => seen.errors.length >= 3, 2000)
      await sleep(20)
      expect(outlineOf(first).map(({ sequence }) => sequence)).toEqual([1, 2, 3])
      expect(outlineOf(second).map(({ sequence }) => sequence)).toEqual([101, 102, 103])
    }
  })

  test('where raw sockets are not allowed it is said, and nothing is left open', () => {
    const opened: number[] = []
    const port = {
      ...native,
      open: (...args: Parameters<typeof native.open>) => {
        if (args[1] === 3) return -1
        const handle = native.open(...args)
        opened.push(handle)
        return handle
      },
    }
    const options = probeOptions([chain.target(4)], { netnsFd, quotedHeaders: true, sourcePort: null, port: 33434 })
    expect(() => openUdpProbe(port, options)).toThrow(PermissionError)
    expect(() => openUdpProbe(port, options)).toThrow(/raw ICMP socket.*EPERM/)
    for (const handle of opened) expect(native.fdOf(handle)).toBeLessThan(0)
  })

  test.each(FAMILIES)('UDP probes of one flow are told apart where routers quote eight bytes (IPv%i)', async family => {
    await withNetns(async ns => {
      const responder = await startResponder(ns)
      const fd = openSync(`/run/netns/${ns}`, 'r')
      try {
        const target = responder.address(9, family)
        const by = responder.address(77, family)
        await responder.rule({ error: family === 4 ? [11, 0] : [3, 0], by, quote: 8 })
        const rows = Array.from({ length: 30 }, (_, index) => ({ sequence: index + 1, ttl: 5, flow: index % 2 }))
        for (const quotedHeaders of [true, false]) {
          const options = probeOptions([target], {
            netnsFd: fd,
            payloadBytes: 32,
            timestamps: 'rx',
            sourcePort: null,
            port: TRACEROUTE_PORT,
            quotedHeaders,
          })
          const transport = openUdpProbe(native, options)
          open.push(transport)
          const seen = await sendAll(transport, rows)
          expect(seen.errors).toHaveLength(rows.length)
          const told = seen.errors.map(({ sequence, flow, from, quote }) => [sequence, flow, from, quote?.translated])
          const wanted = rows.map(({ sequence, flow }) =>
            quotedHeaders ? [sequence, flow, by, false] : [-1, flow, by, undefined],
          )
          const sorted = (list: readonly unknown[]) => list.map(entry => JSON.stringify(entry)).sort()
          expect(sorted(told)).toEqual(sorted(wanted))
        }
      } finally {
        closeSync(fd)
        await responder.close()
      }
    })
  })

  test('what is quoted begins where the error queue begins it', async () => {
    for (const name of everyTransport) {
      const row = { sequence: 1, ttl: 1, flow: 0 }
      const [raw] = (await sendAll(trace(name, 4), [row])).errors
      const [queue] = (await sendAll(trace(name, 4, { quotedHeaders: false }), [row])).errors
      expect(raw!.quoted.length).toBe(queue!.quoted.length)
      expect(raw!.quotedBytes).toBe(queue!.quotedBytes)
      expect({ ...raw, quoted: [], quote: null, receivedNs: 0, flow: 0, wireSequence: 0 }).toEqual({
        ...queue,
        quoted: [],
        quote: null,
        receivedNs: 0,
        flow: 0,
        wireSequence: 0,
        redirectTo: name === 'tcp' ? undefined : null,
      })
    }
  })
}, ['nft'])

/** A rule before routing, in a table beside that of `withRules`. */
async function withTable<T>(ns: string, rule: string, fn: () => Promise<T>): Promise<T> {
  const input = `table inet netkit_back {\nchain back {\ntype filter hook prerouting priority 0\n${rule}\n}\n}\n`
  const { code, stderr } = await inNetns(ns, ['nft', '-f', '-'], { input })
  if (code !== 0) throw new Error(`nft failed: ${stderr}`)
  try {
    return await fn()
  } finally {
    await inNetns(ns, ['nft', 'delete', 'table', 'inet', 'netkit_back'])
  }
}
