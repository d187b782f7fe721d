// What routers append to their errors reaches every protocol's transport: labels and interfaces, as RFC 4884 and as older ones have it.

import { closeSync, openSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ProbeTransport } from '../../src/ports/probe.js'
import { parseIcmpExtensions } from '../../src/wire/icmp-extensions.js'
import { addNetns, deleteNetns, describeLab, type Responder, setPingGroups, startResponder } from '../lab/index.js'
import { probeOptions } from './probe-helper.js'
import { everyTransport, outlineOf, sendAll, TRANSPORTS } from './trace-collect.js'

const FAMILIES = [4, 6] as const
const FORMS = ['compliant', 'legacy'] as const
const EVERY = everyTransport.flatMap(name =>
  FAMILIES.flatMap(family =>
    FORMS.flatMap(extensions => [false, true].map(raw => [name, family, extensions, raw] as const)),
  ),
)
/** RFC 792, RFC 4443: time exceeded. */
const ERROR = { 4: [11, 0], 6: [3, 0] } as const
const LABELS = [
  { label: 16, trafficClass: 5, bottom: false, ttl: 1 },
  { label: 0xfffff, trafficClass: 0, bottom: true, ttl: 255 },
]
/** RFC 5837 section 4.1: role "incoming", ifIndex and name: "eth7" after its length, which counts itself, to 32 bits. */
const INTERFACE = { class: 2, type: 0b1010, hex: `0000000708${Buffer.from('eth7').toString('hex')}000000` }
/** IP header, and where the error queue hides it the UDP header. */
const HEADERS = { 4: 20, 6: 40 } as const
const UDP_HEADER = 8

describeLab('extensions of errors', () => {
  let ns: string
  let netnsFd = -1
  let responder: Responder
  const open: ProbeTransport[] = []

  beforeAll(async () => {
    ns = await addNetns()
    await setPingGroups(ns, 'open')
    responder = await startResponder(ns)
    netnsFd = openSync(`/run/netns/${ns}`, 'r')
  })
  afterEach(() => {
    for (const transport of open.splice(0)) transport.close()
  })
  afterAll(async () => {
    if (netnsFd >= 0) closeSync(netnsFd)
    await responder?.close()
    if (ns !== undefined) await deleteNetns(ns)
  })

  test.each(EVERY)('%s, IPv%i, %s form, quoted headers %s', async (name, family, extensions, quotedHeaders) => {
    const by = responder.address(77, family)
    await responder.rule({ error: ERROR[family], by, quote: 120, mpls: LABELS, objects: [INTERFACE], extensions })
    const transport = TRANSPORTS[name](
      probeOptions([responder.address(9, family)], {
        netnsFd,
        payloadBytes: 32,
        timestamps: 'rx',
        sourcePort: null,
        quotedHeaders,
      }),
    )
    open.push(transport)
    const rows = [1, 2, 3].map(sequence => ({ sequence, ttl: sequence, flow: name === 'tcp' ? sequence : 0 }))
    const seen = await sendAll(transport, rows)
    expect(outlineOf(seen)).toEqual(rows.map(({ sequence }) => ({ sequence, from: by, what: ERROR[family].join('/') })))
    for (const { quoted, quotedBytes = 0, quote } of seen.errors) {
      const hidden = HEADERS[family] + (name === 'udp' ? UDP_HEADER : 0)
      expect(parseIcmpExtensions(Uint8Array.from(quoted), quotedBytes, hidden)).toMatchObject({
        mpls: LABELS,
        interfaces: [{ role: 'incoming', index: 7, name: 'eth7' }],
      })
      expect(quotedBytes).toBe(extensions === 'legacy' ? 0 : 128 - hidden)
      if (quotedHeaders) expect(quote).toMatchObject({ translated: false })
    }
  })
}, ['g++'])
