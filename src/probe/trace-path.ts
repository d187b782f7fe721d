// The path of one flow as the rounds show it, and when it became another.

/** Rounds alike that make a new path: a route that changes in the middle of a round shows a path that never was. */
const ROUNDS_TO_BELIEVE = 2
/**
 * The same where all that differs is that the target answers behind a TTL that nobody answers at. Where much is lost that comes
 * about by itself, but not so often in a row: an answer at the one TTL is no less likely than at the other.
 */
const ROUNDS_TO_BELIEVE_LITTLE = 10
/** So many changes at one TTL within so many rounds: somebody balances packet by packet. */
const CHANGES = 3
const CHANGES_WITHIN = 10
/** Rounds without a change after which nobody does any more. */
const CALM = 100

type Addresses = readonly (string | null)[]

/** What a round saw, from the first TTL on. `end` says what the last address is: the target, or who refused to go on. */
export interface SeenPath {
  readonly path: Addresses
  readonly end: 'target' | 'blocked' | null
  /** TTLs (from 0) that had no probe: that nobody answers there says nothing. */
  readonly skipped?: readonly number[]
}

export interface PathDifference {
  /** Of the first TTL that differs, from 0. */
  readonly at: number
  readonly before: Addresses
  readonly after: Addresses
}

interface Candidate {
  path: (string | null)[]
  end: SeenPath['end']
  rounds: number
  /** All that differs is the distance of the target. */
  isWeak: boolean
}

/** Folds rounds of one flow into its path. */
export class PathMemory {
  private known: (string | null)[] = []
  private isReached = false
  private candidate: Candidate | null = null
  private round = 0
  /** Who answered last, by TTL, and the rounds in which that changed. */
  private readonly latest: (string | null)[] = []
  private readonly changes: number[][] = []

  /** A round showed another path, and the next has to say whether it is one. */
  get isUnsure(): boolean {
    return this.candidate !== null
  }

  get path(): Addresses {
    return this.known
  }

  /** Whether packets take turns at this TTL (from 0). */
  isBalanced(at: number): boolean {
    return (this.changes[at]?.length ?? 0) >= CHANGES
  }

  /** Takes a round in; answers with a change when there is one. */
  add(seen: SeenPath): PathDifference | null {
    this.round++
    this.noteTurns(seen.path)
    const strong = this.firstDifference(seen.path)
    const isWeak = strong < 0 && this.isFarther(seen)
    if (strong < 0 && !isWeak) {
      if (this.speaksForOld(seen)) this.candidate = null
      if (this.candidate === null) this.learn(seen)
      return null
    }
    this.candidate = this.continued(seen, isWeak)
    const enough = this.candidate.isWeak ? ROUNDS_TO_BELIEVE_LITTLE : ROUNDS_TO_BELIEVE
    return this.candidate.rounds < enough ? null : this.become(this.candidate)
  }

  private noteTurns(path: Addresses): void {
    for (const [at, address] of path.entries()) {
      if (address === null) continue
      const rounds = this.changes[at] ?? []
      this.changes[at] = rounds
      const last = this.latest[at] ?? null
      if (last !== null && last !== address) rounds.push(this.round)
      this.latest[at] = address
      const isSettled = rounds.length >= CHANGES
      // Once they take turns, only a long calm says that they no longer do.
      while (isSettled && rounds.length > CHANGES) rounds.shift()
      const stale = isSettled ? CALM : CHANGES_WITHIN
      if (isSettled && this.round - rounds.at(-1)! >= stale) rounds.length = 0
      while (!isSettled && rounds.length > 0 && this.round - rounds[0]! >= stale) rounds.shift()
    }
  }

  private firstDifference(path: Addresses): number {
    return path.findIndex((address, at) => {
      const known = this.known[at] ?? null
      return address !== null && known !== null && address !== known && !this.isBalanced(at)
    })
  }

  /** The target answers at a larger TTL only, and nobody does where it was. */
  private isFarther({ path, end, skipped = [] }: SeenPath): boolean {
    const last = this.known.length - 1
    if (skipped.includes(last)) return false
    return this.isReached && end === 'target' && path.length > last + 1 && path[last] === null
  }

  /** Whether somebody of the path that is known answered where the candidate has another. */
  private speaksForOld({ path, end }: SeenPath): boolean {
    const { candidate, known } = this
    if (candidate === null) return false
    if (candidate.isWeak && end === 'target' && path.length === known.length) return true
    return path.some((address, at) => {
      const other = candidate.path[at] ?? null
      return address !== null && address === known[at] && other !== null && other !== address
    })
  }

  /** The candidate with one more round for it, or a new one. */
  private continued({ path, end }: SeenPath, isWeak: boolean): Candidate {
    const old = this.candidate
    if (old === null || !this.isAlike(old, path, end)) return { path: [...path], end, rounds: 1, isWeak }
    const longer = path.length > old.path.length ? path : old.path
    return {
      path: longer.map((_, at) => path[at] ?? old.path[at] ?? null),
      end: end ?? old.end,
      rounds: old.rounds + 1,
      isWeak: old.isWeak && isWeak,
    }
  }

  private isAlike(old: Candidate, path: Addresses, end: SeenPath['end']): boolean {
    if (old.end !== null && end !== null && (old.end !== end || old.path.length !== path.length)) return false
    // Nothing answers behind an end.
    if (old.end !== null && path.length > old.path.length) return false
    if (end !== null && old.path.length > path.length) return false
    return path.every((address, at) => {
      const other = old.path[at] ?? null
      return address === null || other === null || address === other || this.isBalanced(at)
    })
  }

  /** Fills in who answers where nobody did before. */
  private learn({ path, end }: SeenPath): void {
    const { known } = this
    // Who refuses to go on stands before the TTL of the probe.
    const count = end === 'blocked' ? path.length - 1 : path.length
    for (let at = 0; at < count; at++) {
      if (this.isReached && at >= known.length) break
      known[at] ??= path[at] ?? null
    }
    if (end !== 'target' || this.isBalanced(path.length - 1)) return
    if (this.isReached && path.length >= known.length) return
    known.length = path.length
    this.isReached = true
  }

  private become({ path, end }: Candidate): PathDifference {
    const before = [...this.known]
    const length = end === null ? Math.max(path.length, before.length) : path.length
    const after: (string | null)[] = []
    // A target that is farther away is not where it was.
    const was = this.isReached && length > before.length ? before.slice(0, -1) : before
    // Who does not answer is who was there before, as long as the path comes there the way it did.
    let isSameWay = true
    for (let at = 0; at < length; at++) {
      const address = path[at] ?? null
      const old = was[at] ?? null
      if (address !== null) isSameWay = address === old || this.isBalanced(at)
      after.push(address ?? (isSameWay ? old : null))
    }
    while (after.length > 0 && after.at(-1) === null) after.pop()
    const sameEnd = after.length === before.length && after.at(-1) === before.at(-1)
    this.isReached = end === 'target' || (end === null && this.isReached && sameEnd)
    this.known = [...after]
    this.candidate = null
    const differs = (_: unknown, at: number): boolean => (before[at] ?? null) !== (after[at] ?? null)
    const longer = before.length > after.length ? before : after
    return { at: Math.max(longer.findIndex(differs), 0), before, after }
  }
}
