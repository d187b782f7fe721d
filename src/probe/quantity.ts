// Durations, sizes and counts with units, from text.

import { UsageError } from '../errors/index.js'

/** The longest that a timer of Node waits; one that is set for longer rings at once. */
const MOST_MS = 2 ** 31 - 1

/** A unit as a power of ten of milliseconds and a factor, so that `4.35s` is 4350 and not 4350.000000000001. */
const DURATION_UNITS: Readonly<Record<string, readonly [powerOfTen: number, factor: number]>> = {
  ns: [-6, 1],
  us: [-3, 1],
  µs: [-3, 1], // U+00B5
  μs: [-3, 1], // U+03BC
  ms: [0, 1],
  s: [3, 1],
  m: [3, 60],
  min: [3, 60],
  h: [3, 3600],
}

/** As dd(1) has them: `k` is 1024, `kB` 1000. */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
}

const COUNT_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1000, m: 1_000_000 }

/**
 * A time in milliseconds. Fractions are written with a point or, as ping(8) takes them, a comma; units are ns, us, ms, s, m (min)
 * and h.
 * @param unit of a number without one
 * @param what names the quantity in the error: `the interval`
 * @throws UsageError when it is none, is negative, or is longer than a timer waits (596 h)
 */
export function parseDuration(text: string, unit: 'ms' | 's', what = 'a time'): number {
  const found = /^(\d+(?:[.,]\d*)?|[.,]\d+)\s*([a-zµμ]*)$/i.exec(text.trim())
  const [power, factor] = unitOf(DURATION_UNITS, found?.[2] || unit) ?? [0, Number.NaN]
  const ms = found ? Number(`${found[1]!.replace(',', '.')}e${power}`) * factor : Number.NaN
  if (Number.isNaN(ms)) throw new UsageError(`${what} is a time such as 0.2, 200ms or 1m, not ${quoted(text)}`)
  if (ms > MOST_MS) throw new UsageError(`${what} is at most 596h, not ${quoted(text)}`)
  return ms
}

/**
 * A size in bytes: units are k or KiB, M or MiB (powers of 1024), kB and MB (powers of 1000).
 * @throws UsageError when it is none or not from `min` to `max`
 */
export function parseBytes(text: string, what = 'a size', min = 0, max = Number.MAX_SAFE_INTEGER): number {
  return parseWhole(text, SIZE_UNITS, `${what} is a number of bytes`, min, max)
}

/**
 * A count: units are k and M (thousands and millions).
 * @throws UsageError when it is none or not from `min` to `max`
 */
export function parseCount(text: string, what = 'a count', min = 0, max = Number.MAX_SAFE_INTEGER): number {
  return parseWhole(text, COUNT_UNITS, `${what} is a whole number`, min, max)
}

/**
 * A number as the fields of headers have it: decimal, or hexadecimal behind 0x.
 * @throws UsageError when it is none or not from `min` to `max`
 */
export function parseField(text: string, what: string, min: number, max: number): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${what} is a number from ${min} to ${max}, not ${quoted(text)}`)
}

function parseWhole(
  text: string,
  units: Readonly<Record<string, number>>,
  sentence: string,
  min: number,
  max: number,
): number {
  const found = /^(\d+)\s*([a-z]*)$/i.exec(text.trim())
  const value = found ? Number(found[1]) * (unitOf(units, found[2]!) ?? Number.NaN) : Number.NaN
  if (value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? (min > 0 ? `, ${min} or more` : '') : ` from ${min} to ${max}`
  throw new UsageError(`${sentence}${range}, not ${quoted(text)}`)
}

function unitOf<Unit>(units: Readonly<Record<string, Unit>>, text: string): Unit | undefined {
  const name = text.toLowerCase()
  return Object.hasOwn(units, name) ? units[name] : undefined
}

function quoted(text: string): string {
  return text === '' ? 'nothing' : text
}
