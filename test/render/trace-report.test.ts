// The report in 80 columns, in a pipe and on wide terminals, and what follows the table.

import { describe, expect, test } from 'vitest'
import type { Hop, TraceDocument } from '../../src/probe/trace-document.js'
import { traceReport } from '../../src/render/trace-report.js'
import { changeLines } from '../../src/render/trace-sections.js'
import { rangesOf } from '../../src/render/trace-words.js'
import { document, HOSTILE, hop, responder, SHOWN_HOSTILE, target } from './trace-documents.js'

interface Options {
  columns?: number | null
  fields?: Partial<TraceDocument>
  numeric?: boolean
  showAs?: boolean
}

const report = (hops: readonly Hop[], { columns = 80, fields = {}, ...options }: Options = {}): string[] =>
  traceReport(document(hops, { verdict: [], ...fields }), {
    host: 'anthill',
    columns,
    numeric: false,
    showAs: false,
    ...options,
  })

/** Lines of the table only. */
const table = (...args: Parameters<typeof report>): string[] => {
  const lines = report(...args)
  return lines.slice(lines.findIndex(line => line.startsWith('HOST:')))
}

const HOPS = [
  hop(1, [responder('10.0.0.1', { name: 'gate', notAnswering: 4, received: 6 })]),
  hop(2, []),
  hop(3, [target({ lossPercent: 33.3 })]),
]

describe('the report', () => {
  test('tells what was traced and how', () => {
    expect(report([])).toEqual([
      'trace to bee (10.0.3.2), icmp, unprivileged, 10 rounds, 60 byte packets',
      'Start: 2026-11-21T18:00:00.000Z',
    ])
    for (const line of report([], { columns: 40 })) expect(line.length).toBeLessThanOrEqual(40)
  })

  test('has the rows of mtr in 80 columns, and a column for what was not answered and not lost', () => {
    expect(table(HOPS)).toEqual([
      'HOST: anthill              Loss% NoAns   Snt  Last   Avg  Best  Wrst StDev   p95',
      '  1.|-- gate (10.0.0.1)     0.0%     4    10 0.100 0.200 0.050 0.300 0.050 0.300',
      '  2.|-- ???                    -    10    10     -     -     -     -     -     -',
      '  3.|-- 10.0.3.2           33.3%     0    10 0.100 0.200 0.050 0.300 0.050 0.300',
    ])
  })

  test('has quantile and jitter where there is room', () => {
    expect(table(HOPS, { columns: 100 })[0]).toMatch(/StDev {3}p95 {2}Jttr$/)
    expect(table(HOPS, { columns: 73 })[0]).toMatch(/StDev$/)
  })

  test('fits the terminal, whatever the names are', () => {
    const long = 'a'.repeat(200)
    for (const columns of [40, 60, 80, 100, 140]) {
      const lines = table([hop(1, [responder('10.0.0.1', { name: long })])], { columns })
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
      expect(lines[1]).toContain('…')
    }
  })

  test('keeps whole names in a pipe, and columns apart', () => {
    const long = 'router-with-a-long-name.example.net'
    const [, line] = table([hop(1, [responder('10.0.0.1', { name: long })])], { columns: null })
    expect(line!.trim().split(/\s+/).slice(0, 3)).toEqual(['1.|--', long, '0.0%'])
  })

  test('keeps columns apart when numbers are too wide for them', () => {
    const [, line] = table([
      hop(1, [responder('10.0.0.1', { sent: 123_456_789, rttMs: { ...target().rttMs!, avg: 1_234_567 } })]),
    ])
    expect(line).toContain(' 123456789 ')
    expect(line).toContain(' 1234567 ')
  })

  test('has each responder of a hop on a line of its own', () => {
    const [, , second] = table([hop(1, [responder('10.0.0.1'), responder('10.0.0.9', { sent: 3 })])])
    expect(second).toMatch(/^ {4}\|-- 10\.0\.0\.9 +0\.0% +0 +3 /)
  })

  test('has one line for the hops behind the last that answers', () => {
    const lines = table([HOPS[0]!, ...Array.from({ length: 28 }, (_, index) => hop(index + 2, []))])
    expect(lines).toHaveLength(3)
    expect(lines[2]).toMatch(/^ {2}2-29\. \?\?\? +- +280 +280 /)
  })

  test('shows labels, interfaces, MTU and place below the hop, made printable', () => {
    const one = responder('10.0.0.1', {
      mpls: [{ label: 16, trafficClass: 0, bottom: true, ttl: 1 }],
      interfaces: [{ role: 'outgoing', index: null, address: null, name: HOSTILE, mtu: null }],
      mtu: 1400,
      asn: 64_500,
      asName: 'Example, Inc.',
      place: HOSTILE,
    })
    expect(table([hop(1, [one])]).slice(2)).toEqual([
      `        [AS64500 Example, Inc., ${SHOWN_HOSTILE}]`,
      '        [MPLS: Lbl 16 TC 0 S 1 TTL 1]',
      `        [outgoing ${SHOWN_HOSTILE}]`,
      '        [next hop MTU 1400]',
    ])
    const [, line] = table([hop(1, [one]), hop(2, [target()])], { showAs: true })
    expect(line).toMatch(/^ {2}1\.\|-- AS64500 10\.0\.0\.1 /)
    expect(table([hop(1, [target()])], { showAs: true })[1]).toContain('AS? 10.0.3.2')
  })

  test('has no names with -n', () => {
    expect(table(HOPS, { numeric: true }).join('\n')).not.toContain('gate')
  })

  test('ends with flows, changes of the path and the verdict', () => {
    const path = ['10.0.0.1', null, '10.0.3.2']
    const flow = { path, reached: true, sent: 10, received: 10, lossPercent: 0, rttMs: target().rttMs }
    const fields = {
      flow: { key: 'source-port' as const, values: [33_001, 33_002, 33_003] },
      flows: [
        { ...flow, flow: 0, value: 33_001 },
        { ...flow, flow: 1, value: 33_002, path: ['10.0.0.1', '10.0.1.9', '10.0.3.2'], lossPercent: 30, received: 7 },
        { ...flow, flow: 2, value: 33_003 },
      ],
      branches: { flowsTried: 3, byTtl: [{ ttl: 2, addresses: ['10.0.1.8', '10.0.1.9'] }], complete: false },
      pathChanges: [
        { flow: 0, round: 7, at: '2026-11-21T18:00:07.000Z', ttl: 2, before: path, after: ['10.0.0.1', '10.0.1.9'] },
      ],
      verdict: ['reached', HOSTILE],
    }
    expect(report([], { fields }).slice(2)).toEqual([
      'flows 0,2 (source port 33001,33003): 10.0.0.1 * 10.0.3.2  0% loss, avg 0.200 ms',
      'flow 1 (source port 33002): 10.0.0.1 10.0.1.9 10.0.3.2  30% loss, avg 0.200 ms',
      'branches: 2 at hop 2, with 3 flows; there may be more: raise --flows',
      'path change in round 7 (2026-11-21T18:00:07.000Z), hop 2: 10.0.0.1 * 10.0.3.2 -> 10.0.0.1 10.0.1.9',
      'reached',
      SHOWN_HOSTILE,
    ])
  })

  test('says nothing of branches where nobody answered', () => {
    const flow = {
      flow: 0,
      value: 4711,
      path: [],
      reached: false,
      sent: 30,
      received: 0,
      lossPercent: null,
      rttMs: null,
    }
    const branches = { flowsTried: 1, byTtl: [], complete: true }
    expect(report([], { fields: { flows: [flow], branches } }).slice(2)).toEqual([
      'flow 0 (checksum 4711): nobody answered',
    ])
  })

  test('does not list changes without end', () => {
    const change = { flow: 1, round: 1, at: '', ttl: 1, before: ['10.0.0.1'], after: [null] }
    const lines = changeLines(Array.from({ length: 500 }, () => change))
    expect(lines).toHaveLength(21)
    expect(lines.at(-1)).toBe('and 480 more changes: see --json')
  })
})

test('numbers in a row are a range', () => {
  expect(rangesOf([3, 1, 2, 7, 9, 10])).toBe('1-3,7,9-10')
  expect(rangesOf([])).toBe('')
})
