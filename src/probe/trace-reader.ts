// A trace read back from JSON. What a document of another version lacks is taken as unknown; what is there has to be what it says.

import { DecodeError } from '../errors/index.js'
import type { TraceDocument } from './trace-document.js'

/** Reads a value, or says what is wrong with it; undefined is a value that is missing. */
type Shape<Value> = (value: unknown, where: string) => Value

/** Time to live has eight bits. */
const MOST_HOPS = 255

function wrong(where: string, what: string): DecodeError {
  const place = { layer: 'trace', offset: 0, need: 0, have: 0 }
  const hints = ['save one: netkit trace --json HOST > FILE']
  return new DecodeError(`this is no trace: ${where === '' ? 'it' : where} is not ${what}`, place, { hints })
}

function checked<Value>(what: string, isGood: (value: unknown) => value is Value): Shape<Value> {
  return (value, where) => {
    if (!isGood(value)) throw wrong(where, what)
    return value
  }
}

const text = checked('a text', (value): value is string => typeof value === 'string')
const real = checked('a number', (value): value is number => typeof value === 'number' && Number.isFinite(value))
const whole = checked(
  'a whole number',
  (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
)
const flag = checked('true or false', (value): value is boolean => typeof value === 'boolean')

function oneOf<const Words extends readonly string[]>(...words: Words): Shape<Words[number]> {
  return checked(`one of ${words.join(', ')}`, (value): value is Words[number] => words.includes(value as string))
}

function or<Value, Default>(shape: Shape<Value>, missing: Default): Shape<Value | Default> {
  return (value, where) => (value === undefined ? missing : shape(value, where))
}

function nullable<Value>(shape: Shape<Value>): Shape<Value | null> {
  return (value, where) => (value === undefined || value === null ? null : shape(value, where))
}

function list<Value>(shape: Shape<Value>, most = Number.POSITIVE_INFINITY): Shape<Value[]> {
  return (value, where) => {
    if (value === undefined) return []
    if (!Array.isArray(value)) throw wrong(where, 'a list')
    if (value.length > most) throw wrong(where, `a list of ${most} at most`)
    return value.map((item, at) => shape(item, `${where}[${at}]`))
  }
}

function record<Value extends object>(shapes: { readonly [Key in keyof Value]: Shape<Value[Key]> }): Shape<Value> {
  return (value, where) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong(where, 'an object')
    const read: Record<string, unknown> = {}
    for (const [key, shape] of Object.entries<Shape<unknown>>(shapes)) {
      const item = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
      read[key] = shape(item, where === '' ? key : `${where}.${key}`)
    }
    return read as Value
  }
}

const ANSWERS = [
  'time-exceeded',
  'echo-reply',
  'port-unreachable',
  'syn-ack',
  'refused',
  'datagram',
  'unreachable',
] as const

const answers: Shape<TraceDocument['hops'][number]['responders'][number]['answers']> = (value, where) => {
  const counts = record<Record<string, number | undefined>>(
    Object.fromEntries(ANSWERS.map(answer => [answer, or(whole, undefined)])),
  )(value ?? {}, where)
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined))
}

const rtt = record({
  last: real,
  avg: real,
  best: real,
  worst: real,
  stddev: nullable(real),
  p50: real,
  p95: real,
})
const counts = {
  sent: or(whole, 0),
  received: or(whole, 0),
  notAnswering: or(whole, 0),
  lossPercent: nullable(real),
}
const label = record({ label: whole, trafficClass: or(whole, 0), bottom: or(flag, false), ttl: or(whole, 0) })
const networkInterface = record({
  role: oneOf('incoming', 'incoming-sub', 'outgoing', 'next-hop'),
  index: nullable(whole),
  address: nullable(text),
  name: nullable(text),
  mtu: nullable(whole),
})
const responder = record({
  address: text,
  name: nullable(text),
  ...counts,
  rttMs: nullable(rtt),
  jitterMs: nullable(real),
  recentMs: list(nullable(real)),
  answers,
  icmp: list(record({ type: whole, code: whole, count: whole })),
  mpls: nullable(list(label)),
  interfaces: nullable(list(networkInterface)),
  mtu: nullable(whole),
  tos: nullable(whole),
  translated: nullable(flag),
  asn: nullable(whole),
  asName: nullable(text),
  place: nullable(text),
  flows: list(whole),
})
const path = list(nullable(text))
const place = { afterTtl: whole, beforeTtl: whole }

const document: Shape<TraceDocument> = record<TraceDocument>({
  target: text,
  address: text,
  protocol: oneOf('icmp', 'udp', 'tcp'),
  port: nullable(whole),
  transport: oneOf('datagram', 'raw', 'raw-socket', 'tcp', 'udp'),
  timestampSource: or(oneOf('kernel', 'rx', 'user', 'tcp-info'), 'user'),
  privilege: or(oneOf('none', 'raw'), 'none'),
  flow: or(record({ key: oneOf('source-port', 'checksum'), values: list(whole) }), { key: 'source-port', values: [] }),
  packetBytes: or(whole, 0),
  startedAt: or(text, ''),
  reached: flag,
  targetState: nullable(oneOf('answered', 'open', 'refused', 'unreachable', 'filtered')),
  rounds: or(whole, 0),
  unsent: or(whole, 0),
  hops: list(record({ ttl: whole, responders: list(responder), ...counts }), MOST_HOPS),
  loss: list(record({ ...place, percent: real, verified: or(flag, false), flows: nullable(list(whole)) })),
  rateLimited: list(record({ ttl: whole, verified: flag })),
  pathChanges: list(
    record({ flow: or(whole, 0), round: whole, at: or(text, ''), ttl: whole, before: path, after: path }),
  ),
  flows: nullable(
    list(
      record({
        flow: whole,
        value: or(whole, 0),
        path,
        reached: flag,
        sent: or(whole, 0),
        received: or(whole, 0),
        lossPercent: nullable(real),
        rttMs: nullable(rtt),
      }),
    ),
  ),
  branches: nullable(
    record({ flowsTried: whole, byTtl: list(record({ ttl: whole, addresses: list(text) })), complete: flag }),
  ),
  mtu: nullable(
    record({
      pathMtu: nullable(whole),
      byTtl: list(record({ ttl: whole, address: text, mtu: nullable(whole) })),
      limits: list(record({ ...place, mtu: whole, saidBy: nullable(text) })),
      clamps: list(record({ ...place, from: whole, to: whole })),
      mss: nullable(record({ first: whole, byTtl: list(record({ ttl: whole, mss: nullable(whole) })) })),
      notes: list(text),
    }),
  ),
  verdict: list(text),
})

/**
 * A trace out of parsed JSON. Fields that it lacks are null, empty or 0; those that nobody knows are left out.
 * @throws DecodeError that names what is missing or wrong
 */
export function readTraceDocument(json: unknown): TraceDocument {
  if (json !== null && typeof json === 'object' && !Array.isArray(json) && !Object.hasOwn(json, 'hops')) {
    throw wrong('hops', 'there')
  }
  return document(json, '')
}
