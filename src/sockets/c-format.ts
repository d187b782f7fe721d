// Numbers as C's printf writes them, so that what netkit prints in ss's place reads digit for digit the same.

import type { TextSink } from '../bytes/text-sink.js'
import { writeHex } from './u64.js'

const ZERO = 0x30
const POINT = 0x2e

/**
 * C's `%.{precision}g`: that many significant digits, trailing zeros dropped, an exponent of two digits for large and small
 * numbers. JavaScript rounds exact ties up where C rounds them to even; this rounds as C does.
 */
export function writeG(value: number, precision: number, sink: TextSink): void {
  sink.ascii(formatG(value, precision))
}

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
  sink.ascii(formatF1(value))
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
  const whole = Math.floor(us / 1000)
  sink.number(whole)
  writeFraction(us - whole * 1000, sink)
}

/** A point and thousandths without trailing zeros; nothing for none. */
function writeFraction(thousandths: number, sink: TextSink): void {
  if (thousandths === 0) return
  const tenths = Math.floor(thousandths / 100)
  const rest = thousandths - tenths * 100
  sink.byte(POINT)
  sink.byte(ZERO + tenths)
  if (rest === 0) return
  const hundredths = Math.floor(rest / 10)
  sink.byte(ZERO + hundredths)
  if (rest > hundredths * 10) sink.byte(ZERO + rest - hundredths * 10)
}

/** Bits per second as ss prints them: `11.2G`, `874G`; every digit with `numeric`. */
export function writeBandwidth(bps: number, numeric: boolean, sink: TextSink): void {
  if (numeric) writeF0(bps, sink)
  else if (bps >= 1e12) writeScaled(bps / 1e12, 'T', sink)
  else if (bps >= 1e9) writeScaled(bps / 1e9, 'G', sink)
  else if (bps >= 1e6) writeScaled(bps / 1e6, 'M', sink)
  else if (bps >= 1e3) writeScaled(bps / 1e3, 'k', sink)
  else writeG(bps, 6, sink)
}

function writeScaled(value: number, unit: string, sink: TextSink): void {
  writeG(value, 3, sink)
  sink.ascii(unit)
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
