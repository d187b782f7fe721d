// Numbers in the sentences about a trace.

/** `hop 3`, `hops 3 and 4`, `hops 3, 4 and 5`. */
export function listOf(what: string, numbers: readonly number[]): string {
  const [last, ...others] = [...numbers].reverse()
  if (others.length === 0) return `${what} ${last}`
  return `${what}s ${others.reverse().join(', ')} and ${last}`
}

/** Three digits, and microseconds at most, are enough for a sentence; JSON has all of them. */
export function milliseconds(ms: number): string {
  // Rounded once: 0.0215 is half of a digit more than 0.021543 has.
  const digits = ms < 1 ? 3 : Math.max(2 - Math.floor(Math.log10(ms)), 0)
  return `${Number(ms.toFixed(digits))} ms`
}

export function percentage(percent: number): string {
  return `${Math.round(percent * 10) / 10} %`
}

export function hopsWord(count: number | null): string {
  return `${count ?? 0} hop${count === 1 ? '' : 's'}`
}
