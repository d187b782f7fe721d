// Which errors were told, when two sockets hear each of them: the raw one with more in it, and the error queue, which loses none when
// the raw socket's buffer is full.

/** Errors that one of the two has told, and the other not yet. */
const MOST_KEPT = 4096

export class ToldErrors {
  /** By name of the probe: how many the raw socket told that the queue has not, or below 0 the other way round. */
  private readonly ahead = new Map<number, number>()

  /** The raw socket has an error about a probe: false when the queue's was told for it. */
  fromRaw(name: number): boolean {
    return this.count(name, 1) > 0
  }

  /** The error queue has one: false when the raw socket's was told. @param hearMore reads what the raw socket has by now */
  fromQueue(name: number, hearMore: () => void): boolean {
    if ((this.ahead.get(name) ?? 0) <= 0) hearMore()
    return this.count(name, -1) < 0
  }

  private count(name: number, step: number): number {
    const count = (this.ahead.get(name) ?? 0) + step
    this.ahead.delete(name)
    if (count !== 0) this.ahead.set(name, count)
    if (this.ahead.size > MOST_KEPT) {
      // Such as only one of them ever hears: the one about a probe that a NAT changed.
      const [oldest] = this.ahead.keys()
      this.ahead.delete(oldest!)
    }
    return count
  }
}
