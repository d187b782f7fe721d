// Documents, event lines and differences against the published schemas; CSV and graphs against what reads them.

import { readFileSync } from 'node:fs'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { errorJson } from '../../src/cli/failure.js'
import { UsageError } from '../../src/errors/index.js'
import { diffTraces } from '../../src/probe/trace-diff.js'
import type { TraceEvent } from '../../src/probe/trace-events.js'
import { traceDot } from '../../src/render/trace-dot.js'
import {
  documentObject,
  plainObject,
  startObject,
  summaryObject,
  traceCsv,
  traceEventObject,
  unresolvedTraceObjects,
} from '../../src/render/trace-json.js'
import {
  AT_MS,
  document,
  HOSTILE,
  header,
  hop,
  reply,
  responder,
  roundOver,
  SHOWN_HOSTILE,
  sent,
  target,
  timeout,
} from './trace-documents.js'

const NAMES = ['error', 'trace', 'trace-event', 'trace-diff']
const read = (name: string): AnySchema =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8'))
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
for (const name of NAMES) ajv.addSchema(read(name))

function errorsOf(name: string, value: unknown): unknown[] {
  const validate = ajv.getSchema(`${name}.schema.json`)!
  validate(JSON.parse(JSON.stringify(value)))
  return validate.errors ?? []
}

const MPLS = [{ label: 16_001, trafficClass: 0, bottom: true, ttl: 1 }]
const INTERFACES = [{ role: 'incoming' as const, index: 2, address: '10.0.0.1', name: HOSTILE, mtu: 1500 }]
const PATH = ['10.0.0.1', null, '10.0.3.2']

const FULL = document(
  [
    hop(1, [
      responder('10.0.0.1', { name: HOSTILE, mpls: MPLS, interfaces: INTERFACES, mtu: 1400, tos: 0, asn: 64_500 }),
    ]),
    hop(2, []),
    hop(3, [target(), responder('10.0.3.3', { rttMs: null, jitterMs: null, recentMs: [null], lossPercent: 30 })]),
  ],
  {
    loss: [{ afterTtl: 0, beforeTtl: 1, percent: 20, verified: true, flows: null }],
    rateLimited: [{ ttl: 1, verified: true }],
    pathChanges: [
      { flow: 0, round: 3, at: '2026-11-21T18:00:03.000Z', ttl: 2, before: PATH, after: ['10.0.0.1', '10.0.1.9'] },
    ],
    flow: { key: 'source-port', values: [33_001, 33_002] },
    flows: [
      {
        flow: 0,
        value: 33_001,
        path: PATH,
        reached: true,
        sent: 10,
        received: 10,
        lossPercent: 0,
        rttMs: target().rttMs,
      },
      {
        flow: 1,
        value: 33_002,
        path: ['10.0.0.1', null, '10.0.3.3'],
        reached: true,
        sent: 10,
        received: 7,
        lossPercent: 30,
        rttMs: null,
      },
    ],
    branches: { flowsTried: 2, byTtl: [{ ttl: 3, addresses: ['10.0.3.2', '10.0.3.3'] }], complete: false },
    mtu: {
      pathMtu: 1400,
      byTtl: [{ ttl: 1, address: '10.0.0.1', mtu: 1400 }],
      limits: [{ afterTtl: 0, beforeTtl: 1, mtu: 1400, saidBy: null }],
      clamps: [{ afterTtl: 0, beforeTtl: 1, from: 1460, to: 1300 }],
      mss: { first: 1460, byTtl: [{ ttl: 1, mss: null }] },
      notes: ['a note'],
    },
  },
)

const { answer, from, rttMs, ...context } = reply({ ttl: 1 }, '', null)
const EVENTS: readonly TraceEvent[] = [
  sent({ ttl: 1 }),
  reply({ ttl: 1 }, '10.0.0.1', 0.1 + 0.2, { mpls: MPLS, interfaces: INTERFACES }),
  reply({ ttl: 1 }, '10.0.0.1', null, {
    event: 'duplicate',
    quoted: { tos: 0, ttl: 1, translated: true, source: '192.0.2.1', destination: null },
  }),
  reply({ ttl: 1, round: 0 }, '10.0.0.1', 5, {
    event: 'late',
    purpose: 'slow',
    answer: 'unreachable',
    type: 3,
    code: 13,
  }),
  reply({ ttl: 1, round: 0, flow: 1000 }, '10.0.3.2', 5, {
    purpose: 'scout',
    answer: 'syn-ack',
    type: null,
    code: null,
    reason: null,
  }),
  {
    event: 'error',
    ttl: 1,
    flow: 0,
    round: 1,
    sequence: 1,
    atMs: AT_MS,
    purpose: context.purpose,
    origin: 'local',
    reason: 'no route',
    errno: 'ENETUNREACH',
    mtu: null,
  },
  timeout({ ttl: 2 }),
  roundOver(1, PATH),
  { event: 'hop', ttl: 1, flow: 0, address: '10.0.0.1', atMs: AT_MS },
  { event: 'path-change', flow: 0, round: 2, atMs: AT_MS, ttl: 1, before: PATH, after: [] },
  { event: 'verified', ttl: 1, atMs: AT_MS, verdict: 'rate-limited', sent: 12, received: 12 },
]

describe('--json', () => {
  test('is the document of the schema', () => {
    expect(errorsOf('trace', documentObject(FULL))).toEqual([])
    expect(errorsOf('trace', documentObject(document([], { reached: false, targetState: null })))).toEqual([])
  })

  test('has the keys that the issue names', () => {
    const shown = documentObject(FULL) as Record<string, never>
    for (const key of [
      'target',
      'address',
      'protocol',
      'privilege',
      'flow',
      'reached',
      'rounds',
      'hops',
      'loss',
      'rateLimited',
      'pathChanges',
      'verdict',
    ]) {
      expect(shown).toHaveProperty(key)
    }
    expect(shown['hops']).toHaveProperty('0.responders.0.rttMs.stddev')
  })

  test('keeps hostile names as data, and unknown numbers as null', () => {
    const [first] = (documentObject(FULL) as unknown as typeof FULL).hops
    expect(first!.responders[0]!.name).toBe(HOSTILE)
    const odd = documentObject(document([hop(1, [responder('10.0.0.1', { jitterMs: Number.NaN })])]))
    expect((odd as unknown as typeof FULL).hops[0]!.responders[0]!.jitterMs).toBeNull()
  })

  test('may carry what differs from a baseline', () => {
    const diff = diffTraces(FULL, document([hop(1, [responder('10.0.0.2')])], { reached: false }))
    expect(errorsOf('trace-diff', plainObject(diff))).toEqual([])
    expect(errorsOf('trace', { ...documentObject(FULL), baseline: plainObject(diff) })).toEqual([])
    expect(errorsOf('trace-event', plainObject({ event: 'baseline', ...diff }))).toEqual([])
  })
})

describe('--ndjson', () => {
  test('has lines of the schema, with the kind of event first', () => {
    const lines = [startObject(header(), ['a note']), ...EVENTS.map(traceEventObject), summaryObject(FULL)]
    for (const line of lines) {
      expect({ line, errors: errorsOf('trace-event', line) }).toEqual({ line, errors: [] })
      expect(Object.keys(line)[0]).toBe('event')
    }
  })

  test('says in two lines that a target has no address', () => {
    const lines = unresolvedTraceObjects(HOSTILE, 'Name or service not known')
    expect(lines.flatMap(line => errorsOf('trace-event', line))).toEqual([])
    expect(lines.map(line => line['event'])).toEqual(['error', 'summary'])
  })

  test('has times to the nanosecond, and no rounding of the arithmetic below', () => {
    expect(traceEventObject(EVENTS[1]!)['rttMs']).toBe(0.3)
    expect(traceEventObject(EVENTS[1]!)['atMs']).toBe(1_795_275_911_463.881)
  })

  test('a line that the schema does not know is refused', () => {
    expect(errorsOf('trace-event', { ...traceEventObject(EVENTS[0]!), more: 1 })).not.toEqual([])
    expect(errorsOf('trace', { ...documentObject(FULL), rounds: undefined })).not.toEqual([])
  })
})

/** RFC 4180 section 2, read back. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, field, quoted, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r"]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(field?.replaceAll('""', '"') ?? quoted!)
    if (end === '\r\n') rows.push([])
  }
  return rows.slice(0, -1)
}

describe('--csv', () => {
  const rows = (hops: Parameters<typeof document>[0], fields = {}) =>
    parseCsv(
      traceCsv(document(hops, fields))
        .map(line => `${line}\r\n`)
        .join(''),
    )

  test('has a record for each responder, and for a hop without one', () => {
    const [heading, ...records] = rows(FULL.hops)
    expect(records.map(record => record.length)).toEqual(records.map(() => heading!.length))
    const column = (name: string) => records.map(record => record[heading!.indexOf(name)])
    expect(column('ttl')).toEqual(['1', '2', '3', '3'])
    expect(column('address')).toEqual(['10.0.0.1', '', '10.0.3.2', '10.0.3.3'])
    expect(column('lossPercent')).toEqual(['0', '', '0', '30'])
    expect(column('avgMs')).toEqual(['0.2', '', '0.2', ''])
    expect(column('notAnswering')).toEqual(['0', '10', '0', '0'])
    expect(column('mpls')).toEqual(['16001', '', '', ''])
  })

  test('quotes what has to be, and lets nothing pass for a formula or reach a terminal', () => {
    const named = (name: string) => rows([hop(1, [responder('10.0.0.1', { name })])])[1]![3]
    expect(named('a "quoted", name')).toBe('a "quoted", name')
    expect(named('=HYPERLINK("http://evil")')).toBe('\'=HYPERLINK("http://evil")')
    expect(named('@sum')).toBe("'@sum")
    expect(named(HOSTILE)).toBe(SHOWN_HOSTILE)
    expect(named('a\r\nb')).toBe('a\\x0d\\x0ab')
  })
})

describe('--dot', () => {
  test('has a node for each responder and an edge for each step, with the flows that took it', () => {
    const lines = traceDot(FULL)
    expect(lines[0]).toBe('digraph "trace to bee (10.0.3.2)" {')
    expect(lines.at(-1)).toBe('}')
    expect(lines).toContain('  "source" -> "1 10.0.0.1" [label="flows 0-1\\n20% loss\\n0.200 ms"]')
    expect(lines).toContain('  "2 *" [label="hop 2\\nno answer", style=dashed]')
    expect(lines).toContain('  "2 *" -> "3 10.0.3.3" [label="flow 1\\n30% loss in all"]')
  })

  test('lets no name end its string or give orders', () => {
    const name = 'x"]; evil [label="\\N\\l'
    const lines = traceDot(document([hop(1, [target({ name })])]))
    expect(lines.find(line => line.includes('evil'))).toBe(
      '  "1 10.0.3.2" [label="x\\"]; evil [label=\\"\\\\N\\\\l\\n10.0.3.2", penwidth=2]',
    )
    expect(traceDot(document([hop(1, [target({ name: HOSTILE })])])).join('')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/)
  })

  test('without flows it is the one path, as far as somebody answers', () => {
    const lines = traceDot(document([hop(1, [responder('10.0.0.1')]), hop(2, []), hop(3, [])], { reached: false }))
    expect(lines.filter(line => line.includes('->'))).toEqual([
      '  "source" -> "1 10.0.0.1" [label="0% loss in all\\n0.200 ms"]',
    ])
  })
})

test('a failure is a line of --ndjson too', () => {
  const failure = new UsageError('no such option', { hints: ['leave it out'] })
  expect(errorsOf('trace-event', errorJson(failure))).toEqual([])
  expect(errorsOf('trace-event', { error: 'no such option' })).not.toEqual([])
})
