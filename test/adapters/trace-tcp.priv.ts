// A trace over TCP: one flow is walked hop by hop from one port, and one SYN is one probe.

import { closeSync, openSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ERRNO } from '../../src/errors/index.js'
import type { ProbeOptions, ProbeTransport } from '../../src/ports/probe.js'
import { addChain, type Chain, describeLab, type Family, removeChain, withRules } from '../lab/index.js'
import { listen } from './probe-collect.js'
import { probeOptions, type SeenError } from './probe-helper.js'
import { outlineOf, quoted16, sendAll, TRANSPORTS, traceBatch, trueOutline } from './trace-collect.js'

const FAMILIES: readonly Family[] = [4, 6]
const ROUTERS = 3
const HOPS = ROUTERS + 1
/** RFC 9293 section 3.2: options begin behind 20 bytes; MSS is kind 2 with 4 bytes. */
const TCP_HEADER = 20
const MSS = { 4: 1500 - 20 - 20, 6: 1500 - 40 - 20 } as const

function mssOf({ quoted }: SeenError): number | null {
  const end = (quoted[12]! >> 4) * 4
  for (let at = TCP_HEADER; at < end; at += quoted[at] === 1 ? 1 : quoted[at + 1]!) {
    if (quoted[at] === 0) return null
    if (quoted[at] === 2) return (quoted[at + 2]! << 8) | quoted[at + 3]!
  }
  return null
}

describeLab('a trace over TCP', () => {
  let chain: Chain
  let netnsFd = -1
  let port = 0
  const open: ProbeTransport[] = []

  beforeAll(async () => {
    chain = await addChain(ROUTERS)
    port = (await listen(chain.destination)).port
    netnsFd = openSync(`/run/netns/${chain.source}`, 'r')
  })
  afterEach(() => {
    for (const transport of open.splice(0)) transport.close()
  })
  afterAll(async () => {
    if (netnsFd >= 0) closeSync(netnsFd)
    if (chain !== undefined) await removeChain(chain)
  })

  const trace = (family: Family, more: Partial<ProbeOptions> = {}): ProbeTransport => {
    const wishes = { netnsFd, port, sourcePort: null, ...more } as const
    const transport = TRANSPORTS.tcp(probeOptions([chain.target(family)], wishes))
    open.push(transport)
    return transport
  }

  test.each(FAMILIES)('an open port is walked to three times from one source port (IPv%i)', async family => {
    const transport = trace(family)
    let sequence = 0
    for (let round = 0; round < 3; round++) {
      for (let ttl = 1; ttl <= HOPS; ttl++) {
        const row = { sequence: ++sequence, ttl, flow: 0 }
        const seen = await sendAll(transport, [row])
        expect(outlineOf(seen)).toEqual(trueOutline(chain, family, [row], 'syn-ack'))
        for (const error of seen.errors) {
          expect(quoted16(error, 0)).toBe(transport.flowValue?.(0))
          expect(quoted16(error, 2)).toBe(port)
          expect(mssOf(error)).toBe(MSS[family])
        }
      }
    }
  })

  test.each(FAMILIES)(
    'the next probe of a flow gives up the one under way, and no other flow (IPv%i)',
    async family => {
      const transport = trace(family)
      const rule = `tcp dport ${port} drop`
      await withRules(chain.routers[1]!, 'forward', rule, async () => {
        const rows = [
          { sequence: 1, ttl: HOPS, flow: 0 },
          { sequence: 2, ttl: HOPS, flow: 1 },
          { sequence: 3, ttl: 2, flow: 0 },
        ]
        expect(outlineOf(await sendAll(transport, rows, 200))).toEqual(trueOutline(chain, family, rows.slice(2), ''))
      })
      // The SYN of sequence 1 would be repeated here; that of 2 is, and tells nothing.
      expect(outlineOf(await sendAll(transport, [{ sequence: 4, ttl: HOPS, flow: 0 }]))).toMatchObject([
        { sequence: 4, what: 'syn-ack' },
      ])
    },
  )

  test.each([2, HOPS])('a SYN that was lost stays lost when the kernel repeats it (TTL %i)', async ttl => {
    // The first is over the limit of none; the repeated one, a second later, passes.
    const rule = 'tcp flags syn limit rate 1/hour burst 1 packets drop'
    await withRules(chain.routers[0]!, 'prerouting', rule, async () => {
      const transport = trace(4)
      expect(outlineOf(await sendAll(transport, [{ sequence: 1, ttl, flow: 0 }], 1500))).toEqual([])
      const next = { sequence: 2, ttl, flow: 0 }
      const seen = await sendAll(transport, [next])
      expect(outlineOf(seen)).toEqual(trueOutline(chain, 4, [next], 'syn-ack'))
    })
  })

  test('scouts leave from ports of their own, even where those that follow do not exist', async () => {
    const transport = trace(4, { sourcePort: 65_000 })
    const rows = [1001, 1002].map((flow, index) => ({ sequence: index + 1, ttl: index + 1, flow }))
    expect(outlineOf(await sendAll(transport, rows))).toEqual(trueOutline(chain, 4, rows, ''))
    expect(new Set(rows.map(({ flow }) => transport.flowValue?.(flow))).size).toBe(2)
  })

  test('a source port that somebody has is said before anything is sent', async () => {
    const taken = await listen(chain.source)
    expect(() => trace(4, { sourcePort: taken.port })).toThrow(/bind to source port .*EADDRINUSE/)
    const transport = trace(4, { sourcePort: taken.port - 1 })
    // That of the next flow is refused as a probe.
    const batch = traceBatch([{ sequence: 1, ttl: 1, flow: 1 }])
    expect(transport.send(batch)).toBe(1)
    expect(batch.result[0]).toBe(-ERRNO.EADDRINUSE)
  })
}, ['nft'])
