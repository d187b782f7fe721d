// Text that fits a width: parts that are left out whole, and sentences in several lines.

const APART = '  '

/**
 * Parts in one line, two blanks apart. Those with the highest rank are left out first, whole; of the one that is left at last
 * the end is cut, with a mark.
 */
export function partsWithin(parts: readonly (readonly [text: string, rank: number])[], columns: number): string {
  let left = parts
  const line = (): string => left.map(([text]) => text).join(APART)
  while (left.length > 1 && line().length > columns) {
    const highest = Math.max(...left.map(([, rank]) => rank))
    left = left.filter(([, rank]) => rank !== highest)
  }
  return line().length <= columns ? line() : `${line().slice(0, Math.max(columns - 1, 0))}…`
}

/** A sentence in lines of so many columns, broken at blanks; all but the first begin with `indent` blanks. */
export function wrapped(text: string, columns: number, indent = 0): string[] {
  if (text.length <= columns) return [text]
  const margin = ' '.repeat(indent)
  const lines: string[] = []
  let line: string | null = null
  for (const word of text.split(' ')) {
    const longer: string = line === null ? word : `${line} ${word}`
    if (longer.length > columns && line !== null && line.trim() !== '') {
      lines.push(line.trimEnd())
      line = `${margin}${word}`
    } else line = longer
  }
  return [...lines, line ?? '']
}
