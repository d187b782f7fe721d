// Glob patterns as fnmatch(3) without flags reads them: `*` and `?` match `/` too, `[a-z]`, `[!a]`, backslash escapes.

type Element = string | ((char: string) => boolean)
const STAR = Symbol('*')

function parseClass(glob: string, start: number): { test: (char: string) => boolean; end: number } | null {
  let at = start + 1
  const negated = glob[at] === '!' || glob[at] === '^'
  if (negated) at++
  const ranges: [string, string][] = []
  // A `]` that comes first is an ordinary character.
  for (let first = true; at < glob.length; first = false) {
    let low = glob[at++]!
    if (low === ']' && !first) {
      return { test: char => ranges.some(([from, to]) => char >= from && char <= to) !== negated, end: at }
    }
    if (low === '\\' && at < glob.length) low = glob[at++]!
    let high = low
    if (glob[at] === '-' && at + 1 < glob.length && glob[at + 1] !== ']') {
      at++
      high = glob[at++]!
      if (high === '\\' && at < glob.length) high = glob[at++]!
    }
    ranges.push([low, high])
  }
  // Without its `]` the bracket stands for itself.
  return null
}

function parseElements(glob: string): (Element | typeof STAR)[] {
  const elements: (Element | typeof STAR)[] = []
  for (let at = 0; at < glob.length; ) {
    const char = glob[at]!
    if (char === '*') {
      if (elements.at(-1) !== STAR) elements.push(STAR)
      at++
    } else if (char === '?') {
      elements.push(() => true)
      at++
    } else if (char === '[') {
      const parsed = parseClass(glob, at)
      elements.push(parsed ? parsed.test : char)
      at = parsed ? parsed.end : at + 1
    } else if (char === '\\' && at + 1 < glob.length) {
      elements.push(glob[at + 1]!)
      at += 2
    } else {
      elements.push(char)
      at++
    }
  }
  return elements
}

/** Compiles a glob once. Matching goes back to the last star only: time is at most length x length, whatever the pattern. */
export function compileGlob(glob: string, ignoreCase = false): (text: string) => boolean {
  const elements = parseElements(ignoreCase ? glob.toLowerCase() : glob)
  return original => {
    const text = ignoreCase ? original.toLowerCase() : original
    let at = 0
    let element = 0
    let starElement = -1
    let starAt = 0
    while (at < text.length) {
      const current = elements[element]
      if (current === STAR) {
        starElement = element++
        starAt = at
      } else if (current !== undefined && (typeof current === 'function' ? current(text[at]!) : current === text[at])) {
        element++
        at++
      } else if (starElement >= 0) {
        element = starElement + 1
        at = ++starAt
      } else return false
    }
    while (elements[element] === STAR) element++
    return element === elements.length
  }
}
