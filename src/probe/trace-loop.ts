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
    const routers = Array.from({ length }, (_, place) => whoIsAt(path, end, at + place, length))
    // Nobody knows whether silence comes back, and one router alone is no loop.
    if (new Set(routers.filter(address => address !== null)).size >= LEAST_ROUTERS) return { at, routers }
  }
  return null
}

/** From where on the path up to `end` is what it was `length` hops before. */
function startOf(path: Path, end: number, length: number): number {
  let at = end - length
  while (at > 0 && isAlike(path[at - 1], path[at - 1 + length])) at--
  // It begins with somebody who comes again.
  while (at < end && (path[at] ?? null) === null) at++
  return at
}

function isAlike(one: string | null | undefined, other: string | null | undefined): boolean {
  return (one ?? null) === null || (other ?? null) === null || one === other
}

function whoIsAt(path: Path, end: number, first: number, length: number): string | null {
  for (let at = first; at < end; at += length) if ((path[at] ?? null) !== null) return path[at]!
  return null
}

/** @param firstTtl of the path */
export function loopSentence({ at, routers }: Loop, firstTtl: number): string {
  const names = routers.map(address => address ?? '*')
  const who = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  const where = `from hop ${firstTtl + at} on, ${names.length === 2 ? 'between' : 'of'} ${who}`
  return `routing loop ${where}: packets go round and never reach the target`
}
