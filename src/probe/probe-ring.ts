// What is known of the probes that may still be answered, in bounded memory, found by target and sequence.

/** Waiting for an answer, answered, given up, or refused: an answer after that is late or a duplicate. */
export const PROBE_STATE = { free: 0, waiting: 1, answered: 2, timedOut: 3, failed: 4 } as const
export type ProbeState = (typeof PROBE_STATE)[keyof typeof PROBE_STATE]

/** Probes kept at most: beyond that the oldest are given up before their time. */
const MOST = 1 << 18
const FEWEST = 1 << 13

/**
 * Probes in the order in which they were sent, by number. All targets are sent to in turn, so that the number of a probe follows
 * from its sequence and its target; a place is used again once `capacity` newer ones have come.
 */
export class ProbeRing {
  private readonly targets: number
  private readonly most: number
  private columns: Columns

  constructor(targets: number) {
    this.targets = targets
    this.most = Math.max(MOST, powerAbove(targets * 2))
    this.columns = new Columns(Math.max(FEWEST, powerAbove(targets * 2)))
  }

  /** The number of a probe, from 0. */
  numberOf(target: number, sequence: number): number {
    return (sequence - 1) * this.targets + target
  }

  targetOf(number: number): number {
    return number % this.targets
  }

  sequenceOf(number: number): number {
    return Math.floor(number / this.targets) + 1
  }

  /** Room for probe `number` while those from `oldest` on are kept; false when the oldest has to go first. */
  makeRoom(number: number, oldest: number): boolean {
    while (number - oldest >= this.columns.capacity) {
      if (this.columns.capacity >= this.most) return false
      this.grow(oldest, number)
    }
    return true
  }

  add(number: number, state: ProbeState, sentNs: number, sentMonoNs: number): void {
    const place = this.place(number)
    this.columns.numbers[place] = number
    this.columns.states[place] = state
    this.columns.sent[place] = sentNs
    this.columns.sentMono[place] = sentMonoNs
    this.columns.scheduled[place] = Number.NaN
    this.columns.driven[place] = Number.NaN
  }

  /** `free` when the probe was never sent or is forgotten. */
  state(number: number): ProbeState {
    const place = this.place(number)
    return this.columns.numbers[place] === number ? (this.columns.states[place] as ProbeState) : PROBE_STATE.free
  }

  setState(number: number, state: ProbeState): void {
    this.columns.states[this.place(number)] = state
  }

  sentNs(number: number): number {
    return this.columns.sent[this.place(number)]!
  }

  sentMonoNs(number: number): number {
    return this.columns.sentMono[this.place(number)]!
  }

  /** Kernel stamps of the transmission; NaN while unknown. */
  scheduledNs(number: number): number {
    return this.columns.scheduled[this.place(number)]!
  }

  drivenNs(number: number): number {
    return this.columns.driven[this.place(number)]!
  }

  setTransmitted(number: number, at: 'scheduler' | 'driver', ns: number): void {
    const place = this.place(number)
    if (this.columns.numbers[place] !== number) return
    if (at === 'scheduler') this.columns.scheduled[place] = ns
    else this.columns.driven[place] = ns
  }

  private place(number: number): number {
    return number % this.columns.capacity
  }

  private grow(oldest: number, next: number): void {
    const before = this.columns
    const after = new Columns(before.capacity * 2)
    for (let number = oldest; number < next; number++) after.copy(number, before)
    this.columns = after
  }
}

class Columns {
  readonly capacity: number
  readonly numbers: Float64Array
  readonly states: Uint8Array
  readonly sent: Float64Array
  readonly sentMono: Float64Array
  readonly scheduled: Float64Array
  readonly driven: Float64Array

  constructor(capacity: number) {
    this.capacity = capacity
    this.numbers = new Float64Array(capacity).fill(-1)
    this.states = new Uint8Array(capacity)
    this.sent = new Float64Array(capacity)
    this.sentMono = new Float64Array(capacity)
    this.scheduled = new Float64Array(capacity)
    this.driven = new Float64Array(capacity)
  }

  /** Takes the place of probe `number` over from smaller columns. */
  copy(number: number, other: Columns): void {
    const to = number % this.capacity
    const from = number % other.capacity
    this.numbers[to] = other.numbers[from]!
    this.states[to] = other.states[from]!
    this.sent[to] = other.sent[from]!
    this.sentMono[to] = other.sentMono[from]!
    this.scheduled[to] = other.scheduled[from]!
    this.driven[to] = other.driven[from]!
  }
}

function powerAbove(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(value, 1)))
}
