// Numbers in the sentences about a trace.

/** `hop 3`, `hops 3 and 4`, `hops 3, 4 and 5`. */
export function listOf(what: string, numbers: readonly number[]): string {
  const [last, ...others] = [...numbers].reverse()
  if (others.length === 0) return `${what} ${last}`
  return `${what}s ${others.reverse().join(', ')} and ${last}`
}

/** Three digits, and microseconds at most, are enough for a sentence; JSON has all of them. */
export function milliseconds(ms: number): string {
  return `${ms >= 1000 ? Math.round(ms) : Number(Number(ms.toPrecision(3)).toFixed(3))} ms`
}

export function percentage(percent: number): string {
  return `${Math.round(percent * 10) / 10} %`
}

export function hopsWord(count: number | null): string {
  return `${count ?? 0} hop${count === 1 ? '' : 's'}`
}
