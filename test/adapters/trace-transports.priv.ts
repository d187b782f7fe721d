// Probes with a time to live and a flow of their own, over chains of routers: who answers is who stands there.

import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import { addChain, type Chain, describeLab, type Family, removeChain, setPingGroups, withRules } from '../lab/index.js'
import { respond } from './probe-collect.js'
import { probeOptions, receiveUntil, Seen } from './probe-helper.js'
import {
  everyTransport,
  outlineOf,
  quoted16,
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
const PORTED = EVERY.filter(([name]) => !name.startsWith('icmp'))

/** Sequences 1 to `count`; times to live 1, 4, 3, 2, 1, 4 ... so that neighbours differ. */
const rowsOf = (count: number, flow: (sequence: number) => number): TraceRow[] =>
  Array.from({ length: count }, (_, index) => ({
    sequence: index + 1,
    ttl: 1 + ((index * 3) % HOPS),
    flow: flow(index + 1),
  }))

/** A flow of TCP has one probe under way. */
const flowsOf = (name: Name): ((sequence: number) => number) => (name === 'tcp' ? sequence => sequence : () => 0)

describeLab('transports of a trace', () => {
  let chain: Chain
  let netnsFd = -1
  const open: ProbeTransport[] = []

  beforeAll(async () => {
    chain = await addChain(ROUTERS)
    await setPingGroups(chain.source, 'open')
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
    const wishes = { netnsFd, payloadBytes: 32, timestamps: 'rx', sourcePort: null, ...more } as const
    const transport = TRANSPORTS[name](probeOptions([chain.target(family)], wishes))
    open.push(transport)
    return transport
  }
  /** The target's word: an echo, or that nobody listens there (RFC 1122 section 3.2.2.1, RFC 4443 section 3.1). */
  const last = (name: Name, family: Family): string => {
    if (name === 'tcp') return 'refused'
    return name === 'udp' ? (family === 4 ? '3/3' : '1/4') : 'echo-reply'
  }

  test.each(EVERY)(
    '%s, IPv%i: a hundred probes under way at once are answered by the hop that each was for',
    async (name, family) => {
      const rows = rowsOf(100, flowsOf(name))
      const batch = traceBatch(rows)
      const seen = await sendAll(trace(name, family), rows, 5000, batch)
      expect(outlineOf(seen)).toEqual(trueOutline(chain, family, rows, last(name, family)))
      for (const { sequence, receivedNs } of [...seen.errors, ...seen.replies]) {
        // Both by the kernel's clock: sent, then answered, within this test.
        const rttNs = receivedNs - batch.sentNs[sequence - 1]!
        expect(rttNs).toBeGreaterThan(0)
        expect(rttNs).toBeLessThan(3e9)
      }
    },
  )

  // socket(7), SO_ERROR: an error that has come is told at the next send, which then sends nothing.
  test.each(EVERY)('%s, IPv%i: errors that wait cost none of thirty probes in a row', async (name, family) => {
    const transport = trace(name, family)
    const seen = new Seen()
    const rows = rowsOf(30, flowsOf(name))
    for (const row of rows) {
      const batch = traceBatch([row])
      expect(transport.send(batch)).toBe(1)
      expect(batch.result[0]).toBe(0)
      await sleep(2)
    }
    await receiveUntil(transport, seen, () => seen.errors.length + seen.replies.length >= rows.length)
    expect(outlineOf(seen)).toEqual(trueOutline(chain, family, rows, last(name, family)))
  })

  // RFC 792, RFC 4443: the checksum is in the second word of the message, which routers quote as it arrived.
  test.each(EVERY.filter(([name]) => name.startsWith('icmp')))(
    '%s, IPv%i: the probes of a flow have one checksum, those of the next another',
    async (name, family) => {
      const transport = trace(name, family)
      expect(transport.flowValue?.(0)).toBe(0)
      const rows = rowsOf(60, sequence => sequence % 3)
      const seen = await sendAll(transport, rows)
      expect(seen.errors).toHaveLength(45)
      for (const error of seen.errors) expect(quoted16(error, 2)).toBe(transport.flowValue?.(error.sequence % 3))
      const values = [0, 1, 2].map(flow => transport.flowValue?.(flow))
      expect(values).toEqual([values[0], values[0]! + 1, values[0]! + 2])
    },
  )

  // The first router is the witness: it lets nothing pass that is not from the port.
  test.each(PORTED)('%s, IPv%i: a flow has one source port, the next another', async (name, family) => {
    const protocol = name === 'udp' ? 'udp' : 'tcp'
    const transport = trace(name, family)
    const rowAt = (sequence: number, flow: number): TraceRow => ({ sequence, ttl: 2, flow })
    await sendAll(transport, [rowAt(1, 0), rowAt(2, 1)])
    expect(transport.oneProbeAFlow ?? false).toBe(protocol === 'tcp')
    const [first, second] = [transport.flowValue?.(0), transport.flowValue?.(1)]
    expect(first).not.toBe(second)
    const rule = `${protocol} dport ${TRACEROUTE_PORT} ${protocol} sport != ${first} drop`
    await withRules(chain.routers[0]!, 'prerouting', rule, async () => {
      for (let sequence = 3; sequence < 9; sequence++) {
        const seen = await sendAll(transport, [rowAt(sequence, 0)])
        expect(outlineOf(seen)).toMatchObject([{ sequence, from: chain.address(2, family) }])
      }
      expect(outlineOf(await sendAll(transport, [rowAt(9, 1)], 100))).toEqual([])
      expect([transport.flowValue?.(0), transport.flowValue?.(1)]).toEqual([first, second])
    })
  })

  test.each(PORTED)(
    '%s, IPv%i: flows follow each other from the source port that was asked for',
    async (name, family) => {
      const transport = trace(name, family, { sourcePort: 20_500 })
      const rows = [0, 1, 5].map((flow, index) => ({ sequence: index + 1, ttl: 1, flow }))
      const seen = await sendAll(transport, rows)
      expect(outlineOf(seen)).toEqual(trueOutline(chain, family, rows, ''))
      expect([0, 1, 5, 2].map(flow => transport.flowValue?.(flow))).toEqual([20_500, 20_501, 20_505, 0])
    },
  )

  test.each(FAMILIES)(
    'a datagram that does not repeat the mark tells the flow it answers, and no probe (IPv%i)',
    async family => {
      const { port } = await respond(chain.destination, 'words')
      const transport = trace('udp', family, { port })
      const rows = [1, 2, 3].map(sequence => ({ sequence, ttl: HOPS + sequence, flow: sequence % 2 }))
      const seen = await sendAll(transport, rows)
      const told = seen.replies.map(({ answer, sequence, flow, from }) => [answer, sequence, flow, from])
      const answer = (flow: number) => ['datagram', -1, flow, chain.target(family)]
      expect(told.sort()).toEqual([answer(0), answer(1), answer(1)])
    },
  )

  test('an odd payload and a filled one keep their flow too, one without room for it does without', async () => {
    for (const name of ['icmp datagram', 'icmp raw'] as const) {
      const transport = trace(name, 4, { pattern: Uint8Array.of(0xff, 0xee, 0xdd) })
      const sizes = [18, 19, 32, 31]
      const rows = sizes.map((bytes, index) => ({ sequence: index + 1, ttl: 1, bytes, flow: 7 }))
      const seen = await sendAll(transport, rows)
      expect(seen.errors.map(error => quoted16(error, 2))).toEqual(sizes.map(() => transport.flowValue?.(7)))
      const short = trace(name, 4)
      const answers = await sendAll(short, [{ sequence: 1, ttl: 1, bytes: 17 }])
      expect(outlineOf(answers)).toEqual([{ sequence: 1, from: chain.address(1, 4), what: '11/0' }])
      expect(short.flowValue?.(0)).toBe(0)
    }
  })
}, ['nft'])
