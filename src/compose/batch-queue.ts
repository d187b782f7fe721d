// Back-pressure between what pushes and what pulls.

/** The consumer of a stream has gone: stops the reading from within. */
class Abandoned extends Error {}

/** Things on their way from a dump, which pushes, to a consumer, which pulls. */
export class BatchQueue<Item> {
  private batch: Item[] = []
  private wake: (() => void) | null = null
  private resume: { done: () => void; fail: (error: Error) => void } | null = null
  private over = false
  private abandoned = false

  push(item: Item): void {
    this.batch.push(item)
  }

  /** Hands on what was pushed to a consumer that waits. */
  flush(): void {
    this.wake?.()
  }

  /** Kept when everything pushed has been taken; null when nothing waits. */
  drained(): Promise<void> | null {
    if (this.abandoned) return Promise.reject(new Abandoned())
    if (this.batch.length === 0) return null
    return new Promise((done, fail) => {
      this.resume = { done, fail }
      this.wake?.()
    })
  }

  /** Nothing more is pushed. */
  end(): void {
    this.over = true
    this.wake?.()
  }

  abandon(): void {
    this.abandoned = true
    this.resume?.fail(new Abandoned())
  }

  /** What was pushed since the last time; null at the end. The reading goes on when the next is asked for. */
  async next(): Promise<Item[] | null> {
    if (this.batch.length === 0 && !this.over) {
      const woken = new Promise<void>(resolve => {
        this.wake = resolve
      })
      this.resume?.done()
      this.resume = null
      await woken
      this.wake = null
    }
    const taken = this.batch
    this.batch = []
    return taken.length === 0 && this.over ? null : taken
  }
}
