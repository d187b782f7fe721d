// Remembers which sockets were seen, by cookie, in bounded memory.

const GENERATION = 1 << 15

/** Cookies by open addressing, two words each. No socket has cookie 0, which marks a free place. */
type Places = Int32Array

/**
 * A set of 64-bit cookies that remembers the last 32,768 to 65,536 of them: duplicates in a dump stand near each other (they
 * come from a cursor that moved inside one hash chain), and a set of this size stays in the processor's cache.
 */
export class CookieWindow {
  // Assigned here and again by `renew`: V8 would take a field that was assigned once for a constant, and throw compiled code
  // away when the set grows for the first time.
  private capacity = 0
  private places: Places = new Int32Array(2)
  private previous: Places = new Int32Array(2)
  private size = 0

  constructor() {
    this.renew(1 << 12)
    this.previous = new Int32Array(4)
  }

  /** Adds a cookie. True when it was not there yet. */
  add(low: number, high: number): boolean {
    // What has no cookie cannot be told apart.
    if ((low | high) === 0) return true
    const { places } = this
    const at = find(places, low, high)
    if (at < 0 || find(this.previous, low, high) < 0) return false
    places[at] = low
    places[at + 1] = high
    if (++this.size * 2 > this.capacity) this.grow()
    return true
  }

  private grow(): void {
    const { places } = this
    if (this.size >= GENERATION) {
      this.previous = places
      this.renew(this.capacity)
      return
    }
    this.renew(this.capacity * 2)
    for (let at = 0; at < places.length; at += 2) {
      const low = places[at]!
      const high = places[at + 1]!
      if ((low | high) === 0) continue
      const free = find(this.places, low, high)
      this.places[free] = low
      this.places[free + 1] = high
      this.size++
    }
  }

  private renew(capacity: number): void {
    this.capacity = capacity
    this.places = new Int32Array(capacity * 2)
    this.size = 0
  }
}

/**
 * Where a cookie can be put, or -1 when it is there. Cookies are a counter per processor: taken as they are, two runs of them
 * would lie on one another and make one long chain.
 */
function find(places: Places, low: number, high: number): number {
  const mask = places.length - 2
  let at = (Math.imul(low, 0x9e3779b1) >>> 12) & mask
  for (;;) {
    const there = places[at]!
    if (there === low && places[at + 1] === high) return -1
    if (there === 0 && places[at + 1] === 0) return at
    at = (at + 2) & mask
  }
}
