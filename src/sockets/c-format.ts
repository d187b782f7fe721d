// Numbers as C's printf writes them, so that what netkit prints in ss's place reads digit for digit the same.

/**
 * C's `%.{precision}g`: that many significant digits, trailing zeros dropped, an exponent of two digits for large and small
 * numbers. JavaScript rounds exact ties up where C rounds them to even; this rounds as C does.
 */
export function formatG(value: number, precision = 6): string {
  if (value === 0) return '0'
  if (!Number.isFinite(value)) return String(value)
  if (value >= 1e-3 && value <= 10 ** precision - 1) {
    // Far from a tie, which is nearly always, JavaScript's own rounding is the same and needs no second look.
    const half = value * (HALVES[precision - Math.trunc(Math.log10(value))] ?? Number.NaN)
    if (Math.abs(half - Math.round(half)) > 1e-4) return trimZeros(value.toPrecision(precision))
  }
  const rounded = roundSignificant(value, precision)
  const size = Math.abs(rounded)
  if (size >= 1e-4 && size < 10 ** precision) return String(rounded)
  return rounded.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

/** Twice the powers of ten: a number that lies halfway between two last digits becomes an integer when multiplied. */
const HALVES = Array.from({ length: 16 }, (_, index) => 2 * 10 ** index)

function trimZeros(text: string): string {
  let end = text.length
  while (text.charCodeAt(end - 1) === 0x30) end--
  if (text.charCodeAt(end - 1) === 0x2e) end--
  return text.includes('.') ? text.slice(0, end) : text
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
export function formatF0(value: number): string {
  const floor = Math.floor(value)
  const rest = value - floor
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
  return rounded > Number.MAX_SAFE_INTEGER ? BigInt(rounded).toString() : String(rounded)
}

/** C's `%.1f` of a number that is not negative. */
export function formatF1(value: number): string {
  // Quarters are the only doubles that lie exactly between two tenths.
  const quarters = value * 4
  if (Number.isInteger(quarters) && quarters % 2 === 1) {
    const tenths = Math.floor(value * 10)
    return ((tenths % 2 === 0 ? tenths : tenths + 1) / 10).toFixed(1)
  }
  return value.toFixed(1)
}

/** A count of microseconds as milliseconds, as ss's `%g` of us/1000: `204`, `0.031`, `1.23457e+06`. */
export function formatMillis(us: number): string {
  if (us >= 1_000_000) return formatG(us / 1000)
  const whole = Math.trunc(us / 1000)
  const rest = us - whole * 1000
  if (rest === 0) return String(whole)
  if (rest % 100 === 0) return `${whole}.${rest / 100}`
  if (rest % 10 === 0) return `${whole}.${rest < 100 ? '0' : ''}${rest / 10}`
  return `${whole}.${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}`
}

/** Bits per second as ss prints them: `11.2G`, `874G`; every digit with `numeric`. */
export function formatBandwidth(bps: number, numeric: boolean): string {
  if (numeric) return formatF0(bps)
  if (bps >= 1e12) return `${formatG(bps / 1e12, 3)}T`
  if (bps >= 1e9) return `${formatG(bps / 1e9, 3)}G`
  if (bps >= 1e6) return `${formatG(bps / 1e6, 3)}M`
  if (bps >= 1e3) return `${formatG(bps / 1e3, 3)}k`
  return formatG(bps)
}

/**
 * A timer's remaining time as ss words it: `204ms`, `1.2sec` as `1.200sec`, `59sec`, `1min59sec`, `119min`; empty for 0.
 * ss before 6.11 wrote `1.200ms` for 1.2 seconds; this writes what later ones do.
 */
export function formatTimeLeft(ms: number): string {
  let seconds = Math.trunc(ms / 1000)
  let millis = ms % 1000
  const minutes = Math.trunc(seconds / 60)
  seconds %= 60
  let text = ''
  if (minutes > 0) {
    text = `${minutes}min`
    millis = 0
    if (minutes > 9) seconds = 0
  }
  if (seconds > 9) millis = 0
  if (seconds > 0) text += millis > 0 ? `${seconds}.` : `${seconds}sec`
  if (millis > 0) text += `${String(millis).padStart(3, '0')}${seconds > 0 ? 'sec' : 'ms'}`
  return text
}

/** C's `%#x`: no prefix on zero. */
export function formatHash(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`
}
