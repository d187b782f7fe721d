// Traces that --json or --ndjson saved, read back: what is not one is refused, whatever else a file may hold.

import fs from 'node:fs'
import { DecodeError, fromNodeError, type NetkitError, UsageError } from '../../errors/index.js'
import type { TraceDocument } from '../../probe/trace-document.js'

const MOST_BYTES = 64 * 1024 * 1024

/** Where a value is not what it should be; null when it is. */
type Check = (value: unknown, where: string) => string | null

const of =
  (isGood: (value: unknown) => boolean): Check =>
  (value, where) =>
    isGood(value) ? null : where

const text = of(value => typeof value === 'string')
const number = of(value => typeof value === 'number')
const whole = of(value => Number.isSafeInteger(value) && (value as number) >= 0)
const boolean = of(value => typeof value === 'boolean')

const orNull =
  (check: Check): Check =>
  (value, where) =>
    value === null ? null : check(value, where)

const list =
  (check: Check): Check =>
  (value, where) => {
    if (!Array.isArray(value)) return where
    for (const [index, item] of value.entries()) {
      const wrong = check(item, `${where}[${index}]`)
      if (wrong !== null) return wrong
    }
    return null
  }

const object =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, where) => {
    if (value === null || typeof value !== 'object') return where
    for (const [key, check] of Object.entries(checks)) {
      const item = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
      const wrong = check(item, where === '' ? key : `${where}.${key}`)
      if (wrong !== null) return wrong
    }
    return null
  }

const anything: Check = () => null
const path = list(orNull(text))
const rtt = orNull(
  object({
    last: number,
    avg: number,
    best: number,
    worst: number,
    stddev: orNull(number),
    p50: number,
    p95: number,
  }),
)

const RESPONDER: Readonly<Record<string, Check>> = {
  address: text,
  name: orNull(text),
  sent: whole,
  received: whole,
  notAnswering: whole,
  lossPercent: orNull(number),
  rttMs: rtt,
  jitterMs: orNull(number),
  recentMs: list(orNull(number)),
  answers: object({}),
  icmp: list(object({ type: whole, code: whole, count: whole })),
  mpls: orNull(list(object({ label: whole }))),
  interfaces: orNull(list(object({ role: text, name: orNull(text), address: orNull(text) }))),
  mtu: orNull(whole),
  tos: orNull(whole),
  translated: orNull(boolean),
  asn: orNull(whole),
  asName: orNull(text),
  place: orNull(text),
  flows: list(whole),
}

const DOCUMENT = object({
  target: text,
  address: text,
  protocol: text,
  port: orNull(whole),
  transport: text,
  timestampSource: text,
  privilege: text,
  flow: object({ key: text, values: list(whole) }),
  packetBytes: whole,
  startedAt: text,
  reached: boolean,
  targetState: orNull(text),
  rounds: whole,
  hops: list(
    object({
      ttl: whole,
      responders: list(object(RESPONDER)),
      sent: whole,
      received: whole,
      notAnswering: whole,
      lossPercent: orNull(number),
    }),
  ),
  loss: list(
    object({ afterTtl: whole, beforeTtl: whole, percent: number, verified: boolean, flows: orNull(list(whole)) }),
  ),
  rateLimited: list(object({ ttl: whole, verified: boolean })),
  pathChanges: list(object({ flow: whole, round: whole, at: text, ttl: whole, before: path, after: path })),
  flows: orNull(
    list(
      object({
        flow: whole,
        value: whole,
        path,
        reached: boolean,
        sent: whole,
        received: whole,
        lossPercent: orNull(number),
        rttMs: rtt,
      }),
    ),
  ),
  branches: anything,
  mtu: orNull(
    object({
      pathMtu: orNull(whole),
      byTtl: list(object({ ttl: whole, address: text, mtu: orNull(whole) })),
      limits: list(object({ afterTtl: whole, beforeTtl: whole, mtu: whole, saidBy: orNull(text) })),
      clamps: list(object({ afterTtl: whole, beforeTtl: whole, from: whole, to: whole })),
    }),
  ),
  verdict: list(text),
})

/**
 * The trace that a file holds.
 * @throws UsageError for a file that is not there; DecodeError for one that holds no trace
 */
export function readSavedTrace(file: string): TraceDocument {
  const content = read(file)
  const document = parse(content)
  if (document === undefined) throw damaged(file, 'it is not JSON', content.length)
  const wrong = DOCUMENT(document, '')
  if (wrong === null) return document as TraceDocument
  throw damaged(file, wrong === '' ? 'it is no object' : `${wrong} is missing or wrong`, content.length)
}

function damaged(file: string, why: string, have: number): DecodeError {
  return new DecodeError(
    `${file} holds no trace: ${why}`,
    { layer: 'trace', offset: 0, need: 0, have },
    { hints: ['save one: netkit trace --json HOST > FILE'] },
  )
}

function read(file: string): string {
  try {
    const { size } = fs.statSync(file)
    if (size > MOST_BYTES) throw damaged(file, 'it is longer than 64 MiB', size)
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw missing(file, error) ?? fromNodeError('file-open', error, `read ${file}`)
  }
}

function missing(file: string, error: unknown): NetkitError | null {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return null
  return new UsageError(`there is no file ${file}`, { hints: ['check the name of the file'], cause: error })
}

/** A document, or the last line of a stream of events. */
function parse(content: string): unknown {
  const whole = parseJson(content)
  if (whole !== undefined) return whole
  const last = parseJson(content.trimEnd().split('\n').at(-1) ?? '')
  const isSummary = last !== null && typeof last === 'object' && 'event' in last && last.event === 'summary'
  return isSummary ? last : undefined
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
