// Routing loops: routers that send packets round among themselves until their time to live is used up.

type Path = readonly (string | null)[]

export interface Loop {
  /** Where it begins, from 0. */
  readonly at: number
  /** Its routers in order; null for one that never answers. */
  readonly routers: Path
}

/** One router at two TTLs in a row is none: some answer for the next as well, and some do not count. */
const LEAST_ROUTERS = 2
/** Twice round, and all who answer are where they were: a single return may be a path that another TTL does not share. */
const LEAST_ROUNDS = 2

/** The smallest loop that the path ends in; null without one. Whoever does not answer may be anybody. */
export function loopOf(path: Path): Loop | null {
  const end = path.findLastIndex(address => address !== null) + 1
  for (let length = LEAST_ROUTERS; length * LEAST_ROUNDS <= end; length++) {
    const at = startOf(path, end, length)
    if (end - at < length * LEAST_ROUNDS) continue
    // Nobody knows whether silence comes back, one router alone is no loop, and who is seen once may be on the way to it.
    const again = path.slice(at, end).filter((_, place) => comesAgain(path, end, at + place, length))
    if (new Set(again).size < LEAST_ROUTERS) continue
    return { at, routers: Array.from({ length }, (_, place) => whoIsAt(path, end, at + place, length)) }
  }
  return null
}

/** From where on the path up to `end` has nobody but the same router, or silence, every `length` hops. */
function startOf(path: Path, end: number, length: number): number {
  let at = end
  while (at > 0 && fits(path[at - 1] ?? null, whoIsAt(path, end, at - 1 + length, length))) at--
  // It begins with somebody who comes again.
  while (at < end && !comesAgain(path, end, at, length)) at++
  return at
}

const fits = (one: string | null, other: string | null): boolean => one === null || other === null || one === other

function comesAgain(path: Path, end: number, at: number, length: number): boolean {
  return path[at] !== null && whoIsAt(path, end, at + length, length) === path[at]
}

/** Who is first to answer of the hops `first`, `first` + `length` and so on; null for nobody. */
function whoIsAt(path: Path, end: number, first: number, length: number): string | null {
  for (let at = first; at < end; at += length) if (path[at] !== null) return path[at]!
  return null
}

/** @param firstTtl of the path */
export function loopSentence({ at, routers }: Loop, firstTtl: number): string {
  const names = routers.map(address => address ?? '*')
  const who = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  const where = `from hop ${firstTtl + at} on, ${names.length === 2 ? 'between' : 'of'} ${who}`
  return `routing loop ${where}: packets go round and never reach the target`
}
