// Limits on statistics for scripts: `loss>5,p95>20ms` says what must not be.

import { UsageError } from '../errors/index.js'
import { parseCount, parseDuration } from './quantity.js'
import type { PingStatistics, RttStatistics } from './statistics.js'

type Unit = 'percent' | 'ms' | 'count'

interface Quantity {
  unit: Unit
  /** null when it is unknown. */
  of: (statistics: PingStatistics) => number | null
  /** Why it is unknown. */
  unknown: string
}

/** One time has no deviation; NaN is not measured. */
const rtt = (name: keyof RttStatistics): Quantity => ({
  unit: 'ms',
  of: ({ rttMs }) => {
    const value = rttMs?.[name] ?? Number.NaN
    return Number.isNaN(value) ? null : value
  },
  unknown: 'too few replies',
})
const count = (of: (statistics: PingStatistics) => number): Quantity => ({ unit: 'count', of, unknown: '' })

const QUANTITIES: Readonly<Record<string, Quantity>> = {
  loss: { unit: 'percent', of: ({ lossPercent }) => lossPercent, unknown: 'no probe was waited for' },
  min: rtt('min'),
  avg: rtt('avg'),
  max: rtt('max'),
  mdev: rtt('mdev'),
  stddev: rtt('stddev'),
  p50: rtt('p50'),
  p90: rtt('p90'),
  p95: rtt('p95'),
  p99: rtt('p99'),
  jitter: { unit: 'ms', of: ({ jitterMs }) => jitterMs, unknown: 'no two replies in a row' },
  outage: { unit: 'ms', of: ({ longestOutageMs }) => longestOutageMs, unknown: '' },
  transmitted: count(({ transmitted }) => transmitted),
  received: count(({ received }) => received),
  duplicates: count(({ duplicates }) => duplicates),
  errors: count(({ errors }) => errors),
  late: count(({ late }) => late),
  reordered: count(({ reordered }) => reordered),
  corrupted: count(({ corrupted }) => corrupted),
}

/** What can be limited. */
export const THRESHOLD_NAMES: readonly string[] = Object.keys(QUANTITIES)

const OPERATORS: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '=': (value, limit) => value === limit,
}

const EXAMPLE = { hints: ["for example: --fail-if 'loss>5,p95>20ms'"] }

/** A condition that must not hold. */
export interface Threshold {
  /** As it was written. */
  readonly text: string
  /** One of THRESHOLD_NAMES. */
  readonly name: string
  readonly operator: string
  /** In percent, milliseconds or as a count. */
  readonly limit: number
}

/**
 * Conditions separated by commas: a name of THRESHOLD_NAMES, one of > >= < <= =, and a number. `loss` is in percent; times have a
 * unit (`20ms`, `1s`) or are milliseconds.
 * @throws UsageError that names the word that is wrong, with all that are known
 */
export function parseThresholds(text: string): Threshold[] {
  return text.split(',').map(part => parseThreshold(part.trim(), text))
}

function parseThreshold(text: string, whole: string): Threshold {
  if (text === '')
    throw new UsageError(`a condition is missing in ${whole.trim() === '' ? 'an empty limit' : whole}`, EXAMPLE)
  const [, word, operator, value] = /^([^<>=!\s]*)\s*([<>=!]*)\s*(.*)$/s.exec(text)!
  const name = word!.toLowerCase()
  if (!Object.hasOwn(QUANTITIES, name)) {
    const wrong = name === '' ? 'a name is missing' : `${word} is no statistic`
    throw new UsageError(`${wrong} in ${text}`, { hints: [`known: ${THRESHOLD_NAMES.join(', ')}`] })
  }
  if (!Object.hasOwn(OPERATORS, operator!)) {
    const wrong = operator === '' ? `a comparison is missing in ${text}` : `${operator} is no comparison, in ${text}`
    throw new UsageError(wrong, { hints: [`known: ${Object.keys(OPERATORS).join(' ')}`, ...EXAMPLE.hints] })
  }
  return { text, name, operator: operator!, limit: parseLimit(value!, QUANTITIES[name]!.unit, `the limit in ${text}`) }
}

function parseLimit(text: string, unit: Unit, what: string): number {
  if (unit === 'ms') return parseDuration(text, 'ms', what)
  if (unit === 'count') return parseCount(text, what)
  const found = /^(\d+(?:\.\d*)?|\.\d+)\s*%?$/.exec(text)
  const percent = Number(found?.[1] ?? Number.NaN)
  if (percent <= 100) return percent
  throw new UsageError(`${what} is a percentage from 0 to 100, not ${text === '' ? 'nothing' : text}`)
}

/**
 * A sentence for each condition that holds. What is unknown meets no requirement: without any reply `p95>20ms` is exceeded, and
 * says so.
 */
export function exceeded(thresholds: readonly Threshold[], statistics: PingStatistics): string[] {
  return thresholds.flatMap(({ text, name, operator, limit }) => {
    const { of, unit, unknown } = QUANTITIES[name]!
    const value = of(statistics)
    if (value === null) return [`${text}: ${statistics.received === 0 && unit === 'ms' ? 'no reply' : unknown}`]
    return OPERATORS[operator]!(value, limit) ? [`${text}: ${name} is ${formatValue(value, unit)}`] : []
  })
}

function formatValue(value: number, unit: Unit): string {
  if (unit === 'count') return String(value)
  return `${Number(value.toPrecision(6))}${unit === 'percent' ? ' %' : ' ms'}`
}
