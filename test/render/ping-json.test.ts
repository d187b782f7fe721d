// Documents and event lines against the published schemas, and against the keys that the issue names.

import { readFileSync } from 'node:fs'
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import type { ProbeEvent } from '../../src/probe/events.js'
import { eventObject, type JsonObject, PingDocument, unresolvedObjects } from '../../src/render/ping-json.js'
import { AT_MS, icmpError, localError, reply, rtt, sent, summary, target, timeout } from './ping-events.js'

const read = (name: string): AnySchema =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8'))
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
for (const name of ['ping', 'ping-event']) ajv.addSchema(read(name))
const validator = (name: string): ValidateFunction => ajv.getSchema(`${name}.schema.json`)!

/** As a reader of the output has it. */
const parsed = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value))

function errorsOf(name: string, value: unknown): unknown[] {
  const validate = validator(name)
  validate(parsed(value))
  return validate.errors ?? []
}

const bee = target('10.0.1.2', { target: 'bee' })
const dead = target('fd00::99', { index: 1 })

const EVENTS: readonly ProbeEvent[] = [
  sent(bee, 1),
  reply(bee, 1, 0.1 + 0.2, { queuedMs: 0.001, timestampSource: 'rx' }),
  reply(bee, 1, 0.4, { event: 'duplicate', ttl: null, from: '10.0.1.7', differentAddress: true }),
  reply(bee, 2, null, {
    corrupted: [{ offset: 20, expected: 0x14, received: 0xeb }],
    corruptedBytes: 1,
    payload: Uint8Array.of(1, 2),
    ipOptions: Uint8Array.of(7, 3, 4),
    clockStepped: true,
    reordered: true,
  }),
  timeout(bee, 3),
  reply(bee, 3, 1200, { event: 'late' }),
  reply(bee, 4, 0.3, { answer: 'syn-ack', timestampSource: 'tcp-info', synRetransmits: 1 }),
  icmpError(dead, 1, 'fd00::2', 'Time exceeded: Hop limit', {
    type: 3,
    code: 0,
    rttMs: 0.5,
    mpls: [{ label: 16_001, trafficClass: 0, bottom: true, ttl: 1 }],
  }),
  icmpError(dead, null, 'fd00::2', 'Packet too big: mtu=1280', { type: 2, code: 0, mtu: 1280 }),
  localError(dead, 2, 'EMSGSIZE', 'message too long', 1280),
  summary(bee, {
    transmitted: 4,
    received: 3,
    duplicates: 1,
    late: 1,
    lossPercent: 25,
    timeMs: 3000.1,
    rttMs: rtt(0.1, 0.2, 0.3, 0.05),
    jitterMs: 0.01,
    rfc3550JitterMs: 0.02,
    ewmaMs: 0.2,
    longestOutageMs: 1000,
  }),
  summary(
    dead,
    { transmitted: 2, received: 0, errors: 3, lossPercent: 100 },
    { transport: 'raw', timestampSource: 'user' },
  ),
]

function documentOf(events: readonly ProbeEvent[]): Record<string, unknown> {
  const document = new PingDocument()
  document.begin([bee, dead])
  document.unresolved('no-such', 'Name or service not known')
  for (const event of events) document.event(event)
  return parsed(document.document(['a note']))
}

describe('--json', () => {
  const document = documentOf(EVENTS)
  const targets = document['targets'] as Record<string, unknown>[]

  test('is as the schema says, also of a run in which nothing happened', () => {
    expect(errorsOf('ping', document)).toEqual([])
    expect(errorsOf('ping', documentOf([]))).toEqual([])
  })

  test('has the keys that were agreed on', () => {
    const [first] = targets as [Record<string, unknown>]
    const agreed = [
      'target',
      'address',
      'transport',
      'timestampSource',
      'payloadBytes',
      'replies',
      'errors',
      'statistics',
    ]
    expect(Object.keys(first)).toEqual(expect.arrayContaining(agreed))
    expect((first['replies'] as JsonObject[])[0]).toMatchObject({
      sequence: 1,
      rttMs: 0.3,
      ttl: 64,
      bytes: 64,
      from: '10.0.1.2',
      duplicate: false,
      late: false,
    })
    expect((targets[1]!['errors'] as JsonObject[])[0]).toMatchObject({
      sequence: 1,
      from: 'fd00::2',
      type: 3,
      code: 0,
      reason: 'Time exceeded: Hop limit',
    })
    expect(first['statistics']).toMatchObject({
      transmitted: 4,
      received: 3,
      duplicates: 1,
      errors: 0,
      lossPercent: 25,
      timeMs: 3000.1,
      rttMs: { min: 0.1, avg: 0.2, max: 0.3, mdev: 0.05, stddev: 0.05, p50: 0.2, p90: 0.3, p95: 0.3, p99: 0.3 },
      jitterMs: 0.01,
      longestOutageMs: 1000,
    })
  })

  test('tells duplicate, late and missing answers apart', () => {
    const [first] = targets as [Record<string, unknown>]
    const replies = first['replies'] as JsonObject[]
    expect(replies.map(each => [each['sequence'], each['duplicate'], each['late']])).toEqual([
      [1, false, false],
      [1, true, false],
      [2, false, false],
      [3, false, true],
      [4, false, false],
    ])
    expect(first['timeouts']).toEqual([3])
  })

  test('has a target for a name without an address too, with the reason', () => {
    expect(targets).toHaveLength(3)
    expect(targets[2]).toMatchObject({
      target: 'no-such',
      address: null,
      transport: null,
      replies: [],
      errors: [{ sequence: null, from: null, origin: 'resolver', reason: 'Name or service not known' }],
      statistics: { transmitted: 0, received: 0, lossPercent: null, rttMs: null },
    })
  })

  test('is refused by the schema when a key is missing, too much, or of another type', () => {
    const broken: ((first: Record<string, unknown>) => void)[] = [
      first => delete first['transport'],
      first => Object.assign(first, { extra: 1 }),
      first => Object.assign(first, { payloadBytes: '56' }),
      first => Object.assign(first, { timestampSource: 'sundial' }),
      first => delete (first['replies'] as Record<string, unknown>[])[0]!['rttMs'],
      first => Object.assign((first['replies'] as object[])[0]!, { rttMs: '0.3' }),
      first => Object.assign((first['replies'] as object[])[0]!, { rttMs: -1 }),
      first => Object.assign((first['replies'] as object[])[0]!, { sequence: 0 }),
      first => Object.assign(first['statistics'] as object, { lossPercent: '25%' }),
      first => Object.assign(first['statistics'] as object, { rttMs: { min: 1 } }),
      first => Object.assign(first, { errors: null }),
    ]
    for (const damage of broken) {
      const copy = structuredClone(document)
      damage((copy['targets'] as Record<string, unknown>[])[0]!)
      expect(errorsOf('ping', copy), String(damage)).not.toEqual([])
    }
    const { notes, ...rest } = document
    expect(notes).toEqual(['a note'])
    expect(errorsOf('ping', rest)).not.toEqual([])
  })
})

describe('--ndjson', () => {
  test('has lines as the schema says, each with its target and address as text', () => {
    for (const event of EVENTS) {
      const line = parsed(eventObject(event, false))
      expect(errorsOf('ping-event', line), event.event).toEqual([])
      expect(Object.keys(line).slice(0, 3)).toEqual(['event', 'target', 'address'])
      expect(line).toMatchObject({ event: event.event, target: event.target.target, address: event.target.address })
    }
  })

  test('tells entries of a list apart that are alike, by their position', () => {
    const twins = [target('10.0.1.2', { target: 'bee' }), target('10.0.1.2', { target: 'bee', index: 1 })]
    const lines = twins.flatMap(twin => [sent(twin, 1), reply(twin, 1, 0.3), timeout(twin, 2), summary(twin, {})])
    for (const event of [...lines, ...EVENTS]) {
      const line = parsed(eventObject(event, true))
      expect(errorsOf('ping-event', line), event.event).toEqual([])
      expect(line['index']).toBe(event.target.index)
    }
    for (const line of unresolvedObjects('no-such', 'Name or service not known', AT_MS, 2)) {
      expect(errorsOf('ping-event', line)).toEqual([])
      expect(line['index']).toBe(2)
    }
  })

  test('has an error and a summary for a name without an address', () => {
    const lines = unresolvedObjects('no-such', 'Name or service not known', AT_MS, null)
    expect(lines.map(line => line['event'])).toEqual(['error', 'summary'])
    for (const line of lines) expect(errorsOf('ping-event', line)).toEqual([])
  })

  test('has numbers that are numbers, and null for what is unknown', () => {
    const line = parsed(eventObject(reply(bee, 1, null, { ttl: null }), false))
    expect(line).toMatchObject({
      sequence: 1,
      atMs: AT_MS,
      rttMs: null,
      ttl: null,
      bytes: 64,
      queuedMs: null,
      ipOptions: null,
    })
    expect(parsed(eventObject(reply(bee, 1, 1, { ipOptions: Uint8Array.of(7, 3, 4) }), false))['ipOptions']).toBe(
      '070304',
    )
  })

  test('is refused by the schema when a line is none of the events', () => {
    const line = parsed(eventObject(EVENTS[1]!, false))
    const wrong: object[] = [
      { ...line, event: 'answer' },
      { ...line, extra: 1 },
      { ...line, target: bee },
      { ...line, rttMs: '0.3' },
      { ...line, sequence: null },
      { ...line, event: 'timeout' },
      { event: 'summary', target: 'bee', address: '10.0.1.2' },
      {},
    ]
    for (const each of wrong) expect(errorsOf('ping-event', each), JSON.stringify(each)).not.toEqual([])
    for (const key of Object.keys(line)) {
      const { [key]: _, ...rest } = line
      expect(errorsOf('ping-event', rest), key).not.toEqual([])
    }
  })
})
