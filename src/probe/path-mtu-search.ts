// The search for a path MTU as bookkeeping: which sizes arrived, which did not and why, and what to try next. No I/O, no clock.
//
// Sizes are bytes of the whole IP packet. RFC 8899 section 4: a size that is not answered says little by itself, for packets get
// lost for many reasons; so silence counts only beside a small probe that was answered, and only when it is very unlikely to be
// the loss that small probes see too.

/** A size counts as lost after this many tries at least. */
const LEAST_TRIES = 3
/** It must be less likely than this that ordinary loss took all the tries. */
const DOUBT = 5e-3
/** The size that a black hole is claimed for is tried again, for this. */
const CONFIRM_DOUBT = 1e-3
/** Ethernet, and the least that IPv6 demands: where there is a limit, it is often one of them (RFC 8200 section 5). */
const LIKELY_SIZES = [1500, 1280]

/** Why a size does not pass. `lost` is silence; the others were said by somebody. */
export type SizeFailure =
  | { by: 'too-big'; from: string | null; mtu: number | null }
  | { by: 'refused'; mtu: number | null }
  | { by: 'lost' }

/** What is known of sizes, and what to try next. */
export class PathMtuSearch {
  /** Largest size that can be tried at all. */
  readonly ceiling: number
  private readonly likely: readonly number[]
  /** Largest size that was answered; 0 for none. */
  passed = 0
  private readonly failures = new Map<number, SizeFailure>()
  /** Who reported which MTU. */
  private readonly reports = new Map<number, string | null>()
  /** Unanswered tries, each beside a small probe that was answered, by size. */
  private readonly silences = new Map<number, number>()
  private readonly confirmed = new Set<number>()
  private smallSent = 0
  private smallLost = 0

  /** @param likely sizes to try before others */
  constructor(ceiling: number, likely: readonly number[] = []) {
    this.ceiling = ceiling
    this.likely = [...likely, ...LIKELY_SIZES]
  }

  /** Smallest size that is known not to pass; one more than the ceiling when there is none. */
  get failed(): number {
    let least = this.ceiling + 1
    for (const size of this.failures.keys()) if (size < least) least = size
    return least
  }

  /** Why that size does not pass; null at the ceiling. */
  get failure(): SizeFailure | null {
    return this.failures.get(this.failed) ?? null
  }

  /** Largest size that may still pass: ordinary loss can look like a limit, until it is confirmed. */
  get largestPossible(): number {
    let least = this.ceiling + 1
    for (const [size, { by }] of this.failures) {
      if (size < least && (by !== 'lost' || this.confirmed.has(size))) least = size
    }
    return least - 1
  }

  /** Who reported the largest size that passes as the limit; undefined when nobody did. */
  get reporter(): string | null | undefined {
    return this.reports.get(this.passed)
  }

  /** Size to try next; null when the search is over. */
  next(): number | null {
    const { passed, failed, ceiling } = this
    if (passed >= ceiling) return null
    if (passed + 1 >= failed) return this.unconfirmed() ? failed : null
    if (failed > ceiling) return ceiling
    const failure = this.failure
    // This host's own limit is certain, and one less than what failed.
    if (failure?.by === 'refused' && failure.mtu === failed - 1) return failure.mtu
    const reported = this.largestReport(passed, failed)
    if (reported !== null) return reported
    // A report is not believed before one byte more has failed: it may be wrong, or forged.
    if (this.reports.has(passed)) return passed + 1
    const likely = this.likely.find(size => size > passed && size < failed)
    return likely ?? Math.floor((passed + failed) / 2)
  }

  /** A probe of this size was answered, however late. */
  answered(size: number): void {
    if (size <= this.passed) return
    this.passed = size
    for (const each of [...this.failures.keys()]) if (each <= size) this.failures.delete(each)
    this.confirmed.clear()
  }

  /** A router said that the packet was too big for what is behind it. */
  tooBig(size: number, from: string | null, mtu: number): void {
    if (size <= this.passed) return
    // RFC 1191 section 5: a router of before tells no MTU. One that is no limit for this packet is nonsense.
    const told = mtu > 0 && mtu < size ? mtu : null
    if (told !== null) this.reports.set(told, from)
    this.failures.set(size, { by: 'too-big', from, mtu: told })
  }

  /** This host's kernel would not send it. */
  refused(size: number, mtu: number): void {
    if (size <= this.passed) return
    const told = mtu > this.passed && mtu < size ? mtu : null
    this.failures.set(told === null ? size : told + 1, { by: 'refused', mtu: told })
  }

  /** A small probe was sent, to tell ordinary loss from the loss of large ones. */
  small(wasAnswered: boolean): void {
    this.smallSent++
    if (!wasAnswered) this.smallLost++
  }

  /** A probe of this size was not answered, and a small one sent beside it was. */
  silent(size: number): void {
    if (size <= this.passed || this.failures.get(size)?.by === 'too-big') return
    const tries = (this.silences.get(size) ?? 0) + 1
    const confirming = this.failures.has(size)
    if (tries < LEAST_TRIES || this.lossRate() ** tries > (confirming ? CONFIRM_DOUBT : DOUBT)) {
      this.silences.set(size, tries)
      return
    }
    this.silences.delete(size)
    if (confirming) this.confirmed.add(size)
    this.failures.set(size, { by: 'lost' })
  }

  /** Tries that are needed, as things stand, before silence is believed. */
  triesWanted(size: number): number {
    const doubt = this.failures.has(size) ? CONFIRM_DOUBT : DOUBT
    const needed = Math.ceil(Math.log(doubt) / Math.log(this.lossRate()))
    return Math.max(LEAST_TRIES, needed) - (this.silences.get(size) ?? 0)
  }

  /** Likely rate of ordinary loss, from above where little is known (the rule of succession). */
  private lossRate(): number {
    return (this.smallLost + 1) / (this.smallSent + 2)
  }

  /** The end of the search rests on silence that was not tested twice. */
  private unconfirmed(): boolean {
    return this.failure?.by === 'lost' && this.reporter === undefined && !this.confirmed.has(this.failed)
  }

  private largestReport(above: number, below: number): number | null {
    let largest: number | null = null
    for (const mtu of this.reports.keys()) if (mtu > above && mtu < below && mtu > (largest ?? 0)) largest = mtu
    return largest
  }
}
