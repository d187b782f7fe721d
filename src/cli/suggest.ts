// "Did you mean": the known word nearest to a mistyped one.

/** Edit distance with transpositions (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** The word of `known` nearest to `word`, if near enough to be a slip of the finger. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  // The distance is quadratic in the length, and nothing that long is a slip.
  if (word.length > 64) return undefined
  const wanted = word.toLowerCase()
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const far = candidate.startsWith(wanted) && wanted.length > 1 ? 1 : distance(wanted, candidate)
    if (far < least) [nearest, least] = [candidate, far]
  }
  return nearest
}
