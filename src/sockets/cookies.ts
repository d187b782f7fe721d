// Remembers which sockets were seen, by cookie, in bounded memory.

const GENERATION = 1 << 16

/**
 * A set of 64-bit cookies that remembers the last 65,536 to 131,072 of them: duplicates in a dump stand near each other (they
 * come from a cursor that moved inside one hash chain), and a set of this size stays in the processor's cache.
 */
export class CookieWindow {
  private capacity = 1 << 12
  private low = new Int32Array(this.capacity)
  private high = new Int32Array(this.capacity)
  private used = new Uint8Array(this.capacity)
  private size = 0
  private previous: { low: Int32Array; high: Int32Array; used: Uint8Array } | null = null

  /** Adds a cookie. True when it was not there yet. */
  add(low: number, high: number): boolean {
    const slot = find(this.low, this.high, this.used, low, high)
    if (slot < 0) return false
    if (this.previous && find(this.previous.low, this.previous.high, this.previous.used, low, high) < 0) return false
    this.low[slot] = low
    this.high[slot] = high
    this.used[slot] = 1
    this.size++
    if (this.size * 2 > this.capacity) this.grow()
    return true
  }

  private grow(): void {
    const { low, high, used } = this
    if (this.size >= GENERATION) {
      this.previous = { low, high, used }
      this.renew(this.capacity)
      return
    }
    this.renew(this.capacity * 2)
    for (let slot = 0; slot < used.length; slot++) {
      if (!used[slot]) continue
      const free = find(this.low, this.high, this.used, low[slot]!, high[slot]!)
      this.low[free] = low[slot]!
      this.high[free] = high[slot]!
      this.used[free] = 1
      this.size++
    }
  }

  private renew(capacity: number): void {
    this.capacity = capacity
    this.low = new Int32Array(capacity)
    this.high = new Int32Array(capacity)
    this.used = new Uint8Array(capacity)
    this.size = 0
  }
}

/**
 * The free slot for a cookie, or -1 when the cookie is there. Cookies are a counter per processor: taken as they are, two runs
 * of them would lie on one another and make one long chain.
 */
function find(lows: Int32Array, highs: Int32Array, used: Uint8Array, low: number, high: number): number {
  const mask = used.length - 1
  let slot = (Math.imul(low, 0x9e3779b1) >>> 12) & mask
  while (used[slot]) {
    if (lows[slot] === low && highs[slot] === high) return -1
    slot = (slot + 1) & mask
  }
  return slot
}
