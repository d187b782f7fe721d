// Numbers as C's printf writes them, so that what netkit prints in ss's place reads digit for digit the same.

import type { TextSink } from '../bytes/text-sink.js'
import { writeHex } from './u64.js'

const ZERO = 0x30
const POINT = 0x2e
const KILO = 0x6b
const MEGA = 0x4d
const GIGA = 0x47
const TERA = 0x54

/**
 * C's `%.{precision}g`: that many significant digits, trailing zeros dropped, an exponent of two digits for large and small
 * numbers. JavaScript rounds exact ties up where C rounds them to even; this rounds as C does.
 */
export function writeG(value: number, precision: 3 | 6, sink: TextSink): void {
  const one = precision === 3 ? 100 : 100_000
  // All digits that are wanted, as an integer.
  let scale = one
  for (let limit = 10; scale > 1 && value >= limit; limit *= 10) scale /= 10
  const scaled = value * scale
  const digits = Math.round(scaled)
  // Too near a tie for doubles to say, below 1, with an exponent, or a digit more by rounding: all rare.
  if (Math.abs(scaled - digits) > 0.4999 || scaled < one || digits >= one * 10) sink.ascii(formatG(value, precision))
  else writePoint(digits, scale, sink)
}

/** `digits` divided by `unit`, a power of ten, without trailing zeros behind the point; both are below 2^31. */
function writePoint(digits: number, unit: number, sink: TextSink): void {
  // `| 0` keeps V8 at integers, which are several times as quick here.
  const whole = (digits / unit) | 0
  sink.number(whole)
  let rest = (digits - whole * unit) | 0
  if (rest === 0) return
  sink.byte(POINT)
  for (let place = (unit / 10) | 0; rest > 0; place = (place / 10) | 0) {
    const digit = (rest / place) | 0
    sink.byte(ZERO + digit)
    rest -= digit * place
  }
}

/** The general way. */
function formatG(value: number, precision: number): string {
  if (value === 0) return '0'
  if (!Number.isFinite(value)) return String(value)
  const rounded = roundSignificant(value, precision)
  const size = Math.abs(rounded)
  if (size >= 1e-4 && size < 10 ** precision) return String(rounded)
  return rounded.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

function roundSignificant(value: number, precision: number): number {
  // One digit more than wanted: a tie shows as a final 5 that is the whole of the rest.
  const text = value.toExponential(precision)
  const split = text.indexOf('e')
  const digits = Number(text.slice(0, split).replace(/[-.]/g, ''))
  const exponent = Number(text.slice(split + 1))
  const scale = precision - exponent
  const kept = Math.floor(digits / 10)
  // The decimal is the double's exact value only where the power of five in its denominator divides out.
  const tie = digits % 10 === 5 && Number(text) === value && (scale <= 0 || digits % 5 ** scale === 0)
  if (!tie || kept % 2 === 1) return Number(value.toPrecision(precision))
  return Number(`${value < 0 ? '-' : ''}${kept}e${exponent - precision + 1}`)
}

/** C's `%.0f` of a number that is not negative, every digit of a large one included. */
export function writeF0(value: number, sink: TextSink): void {
  const floor = Math.floor(value)
  const rest = value - floor
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
  if (rounded > Number.MAX_SAFE_INTEGER) sink.ascii(BigInt(rounded).toString())
  else sink.number(rounded)
}

/** C's `%.1f` of a number that is not negative and below 2^50. */
export function writeF1(value: number, sink: TextSink): void {
  const tenths = Math.round(value * 10)
  if (tenths > 1e9 || Math.abs(value * 10 - tenths) > 0.4999) {
    sink.ascii(formatF1(value))
    return
  }
  const whole = Math.floor(tenths / 10)
  sink.number(whole)
  sink.byte(POINT)
  sink.byte(ZERO + tenths - whole * 10)
}

function formatF1(value: number): string {
  // Quarters are the only doubles that lie exactly between two tenths.
  const quarters = value * 4
  if (Number.isInteger(quarters) && quarters % 2 === 1) {
    const tenths = Math.floor(value * 10)
    return ((tenths % 2 === 0 ? tenths : tenths + 1) / 10).toFixed(1)
  }
  return value.toFixed(1)
}

/** A u32 of microseconds as milliseconds, as ss's `%g` of us/1000: `204`, `0.031`, `1.23457e+06`. */
export function writeMillis(us: number, sink: TextSink): void {
  if (us >= 1_000_000) {
    writeG(us / 1000, 6, sink)
    return
  }
  const whole = (us / 1000) | 0
  const rest = (us - whole * 1000) | 0
  sink.number(whole)
  if (rest === 0) return
  const tenths = (rest / 100) | 0
  const hundredths = (rest / 10) | 0
  sink.byte(POINT)
  sink.byte(ZERO + tenths)
  if (rest === tenths * 100) return
  sink.byte(ZERO + hundredths - tenths * 10)
  if (rest > hundredths * 10) sink.byte(ZERO + rest - hundredths * 10)
}

/** Bits per second as ss prints them: `11.2G`, `874G`; every digit with `numeric`. */
export function writeBandwidth(bps: number, numeric: boolean, sink: TextSink): void {
  if (numeric) writeF0(bps, sink)
  else if (bps >= 1e12) writeScaled(bps / 1e12, TERA, sink)
  else if (bps >= 1e9) writeScaled(bps / 1e9, GIGA, sink)
  else if (bps >= 1e6) writeScaled(bps / 1e6, MEGA, sink)
  else if (bps >= 1e3) writeScaled(bps / 1e3, KILO, sink)
  else writeG(bps, 6, sink)
}

function writeScaled(value: number, unit: number, sink: TextSink): void {
  writeG(value, 3, sink)
  sink.byte(unit)
}

/**
 * A timer's remaining time as ss words it: `204ms`, 1.2 seconds as `1.200sec`, `59sec`, `1min59sec`, `119min`; nothing for 0.
 * ss before 6.11 wrote `1.200ms` for 1.2 seconds; this writes what later ones do.
 */
export function writeTimeLeft(ms: number, sink: TextSink): void {
  let seconds = Math.floor(ms / 1000)
  let millis = ms - seconds * 1000
  const minutes = Math.floor(seconds / 60)
  seconds -= minutes * 60
  if (minutes > 0) {
    sink.number(minutes)
    sink.ascii('min')
    millis = 0
    if (minutes > 9) seconds = 0
  }
  if (seconds > 9) millis = 0
  if (seconds > 0) {
    sink.number(seconds)
    sink.ascii(millis > 0 ? '.' : 'sec')
  }
  if (millis > 0) {
    sink.byte(ZERO + Math.floor(millis / 100))
    sink.byte(ZERO + (Math.floor(millis / 10) % 10))
    sink.byte(ZERO + (millis % 10))
    sink.ascii(seconds > 0 ? 'sec' : 'ms')
  }
}

/** C's `%#x` of a u32: no prefix on zero. */
export function writeHash(value: number, sink: TextSink): void {
  if (value !== 0) sink.ascii('0x')
  writeHex(value, 0, sink)
}
