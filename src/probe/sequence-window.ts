// What became of the latest probes of one target, in order of their sequence numbers, however their answers came in: the times of
// neighbours for the jitter, and how long nothing came through.

/**
 * What became of a probe, where it has no round-trip time (which is not negative). Fractions, so that what holds them is made for
 * doubles from the start: V8 would convert it when the first time comes, once for each of many targets.
 */
export const FATE = {
  open: -0.5,
  /** Timed out, or an error was reported. */
  lost: -1.5,
  /** Answered, but the time is unknown or not to be trusted. */
  untimed: -2.5,
} as const

/** Probes that are remembered at most, were they all to wait. ICMP's own sequence numbers begin again after as many. */
const MOST_PROBES = 65_536

/**
 * A ring that is as large as what is still open asks for: a probe is forgotten once it and all before it are decided, but for the
 * last one, which is the neighbour of the next. Beyond MOST_PROBES the oldest counts as lost.
 */
export class SequenceWindow {
  /** Of each probe the time of its send and its fate. */
  private slots: number[] = [FATE.open, FATE.open, FATE.open, FATE.open]
  private capacity = 2
  private highest = 0
  private oldestOpen = 1
  private open = 0
  private outageSinceMs: number | null = null
  private longestMs = 0
  private differenceSum = 0
  private pairs = 0

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    return this.slots.length
  }

  /** Mean of |difference| of the round-trip times of probes n and n + 1 where both were answered; null when there is no such pair. */
  get jitterMs(): number | null {
    return this.pairs === 0 ? null : this.differenceSum / this.pairs
  }

  /** The next probe left: sequence numbers are 1, 2, 3 ... */
  sent(sequence: number, atMs: number): void {
    if (sequence !== this.highest + 1) throw new RangeError(`probe ${sequence} was sent after ${this.highest}`)
    // The one before the oldest open one is kept: it may be a neighbour.
    if (sequence - this.oldestOpen + 2 > this.capacity) this.makeRoom()
    this.highest = sequence
    this.open++
    const at = this.slotOf(sequence)
    this.slots[at] = atMs
    this.slots[at + 1] = FATE.open
  }

  /**
   * @param fate a round-trip time in milliseconds, or one of FATE. What has been answered stays so; a lost one may still be
   * answered.
   */
  decide(sequence: number, fate: number): void {
    const before = this.fateOf(sequence)
    if (fate === FATE.open || (before !== FATE.open && (before !== FATE.lost || fate === FATE.lost))) return
    this.slots[this.slotOf(sequence) + 1] = fate
    if (fate >= 0) {
      this.pair(fate, this.fateOf(sequence - 1))
      this.pair(fate, this.fateOf(sequence + 1))
    }
    if (before === FATE.open) this.advance()
  }

  /**
   * Longest time from the send of a lost probe to that of the next one that was answered, or to `endMs`.
   * @param inFlight as many of the latest open ones may still be answered; the others are lost
   */
  longestOutageMs(endMs: number, inFlight: number): number {
    let since = this.outageSinceMs
    let longest = this.longestMs
    let open = this.open
    for (let sequence = this.oldestOpen; sequence <= this.highest; sequence++) {
      const fate = this.fateOf(sequence)
      if (fate === FATE.open && open-- <= inFlight) continue
      const sentMs = this.slots[this.slotOf(sequence)]!
      if (fate === FATE.open || fate === FATE.lost) since ??= sentMs
      else if (since !== null) {
        longest = Math.max(longest, sentMs - since)
        since = null
      }
    }
    return since === null ? longest : Math.max(longest, endMs - since)
  }

  private pair(rttMs: number, neighbour: number): void {
    if (neighbour < 0) return
    this.differenceSum += Math.abs(rttMs - neighbour)
    this.pairs++
  }

  /** `untimed`, which nothing follows from, for what is not remembered. */
  private fateOf(sequence: number): number {
    const known = sequence >= 1 && sequence <= this.highest && sequence > this.highest - this.capacity
    return known ? this.slots[this.slotOf(sequence) + 1]! : FATE.untimed
  }

  private slotOf(sequence: number): number {
    return (sequence & (this.capacity - 1)) * 2
  }

  private advance(): void {
    this.open--
    for (; this.oldestOpen <= this.highest; this.oldestOpen++) {
      const at = this.slotOf(this.oldestOpen)
      const fate = this.slots[at + 1]!
      if (fate === FATE.open) return
      if (fate === FATE.lost) this.outageSinceMs ??= this.slots[at]!
      else if (this.outageSinceMs !== null) {
        this.longestMs = Math.max(this.longestMs, this.slots[at]! - this.outageSinceMs)
        this.outageSinceMs = null
      }
    }
  }

  private makeRoom(): void {
    if (this.capacity >= MOST_PROBES) {
      this.decide(this.oldestOpen, FATE.lost)
      return
    }
    const { slots } = this
    const from = Math.max(this.highest - this.capacity + 1, 1)
    const old = Array.from({ length: this.highest - from + 1 }, (_, at) => this.slotOf(from + at))
    this.capacity *= 2
    this.slots = new Array<number>(this.capacity * 2).fill(FATE.open)
    for (const [at, slot] of old.entries()) {
      const to = this.slotOf(from + at)
      this.slots[to] = slots[slot]!
      this.slots[to + 1] = slots[slot + 1]!
    }
  }
}
