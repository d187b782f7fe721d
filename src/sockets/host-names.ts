// Host names for many addresses: so many look-ups at a time, and no later than a deadline.

import type { ReverseResolver } from '../ports/resolver.js'
import { parseIpBlock } from './filter/addresses.js'

const CONCURRENCY = 16

/** Collects addresses, asks for their names, and answers with those it got. */
export class HostNames {
  private readonly resolver: ReverseResolver
  private leftMs: number
  private readonly names = new Map<string, string | null>()
  private readonly wanted = new Set<string>()
  /** Addresses that nobody answered for, or that time was too short to ask for. */
  unanswered = 0

  /** @param deadlineMs for all look-ups together */
  constructor(resolver: ReverseResolver, deadlineMs: number) {
    this.resolver = resolver
    this.leftMs = deadlineMs
  }

  /** Remembers to ask for an address, unless it was asked for already. */
  want(address: string): void {
    if (!this.names.has(address)) this.wanted.add(address)
  }

  /** The name that was found. */
  nameOf(address: string): string | null {
    return this.names.get(address) ?? null
  }

  /** How many addresses were asked for. */
  get size(): number {
    return this.names.size
  }

  /** Asks for what is wanted; an address that was asked for once is not asked for again. */
  async resolve(): Promise<void> {
    const queue = [...this.wanted]
    this.wanted.clear()
    for (const address of queue) this.names.set(address, null)
    let next = 0
    let over = this.leftMs <= 0
    const work = async (): Promise<void> => {
      while (next < queue.length && !over) {
        const address = queue[next++]!
        try {
          const name = await this.resolver.nameOf(address)
          if (name !== null && isHostName(name)) this.names.set(address, name)
        } catch {
          this.unanswered++
        }
      }
    }
    const started = performance.now()
    let timer: NodeJS.Timeout | undefined
    let expired = false
    const late = new Promise<void>(resolve => {
      timer = setTimeout(
        () => {
          expired = true
          resolve()
        },
        Math.max(this.leftMs, 0),
      )
    })
    const workers = Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.length) }, work))
    await Promise.race([workers, late])
    clearTimeout(timer)
    over = true
    // A timer may fire a fraction of a millisecond before its time: what is left then is nothing.
    this.leftMs = expired ? 0 : this.leftMs - (performance.now() - started)
    // What is under way rejects now, and is counted there.
    this.resolver.cancel()
    await workers
    this.unanswered += queue.length - next
  }
}

/**
 * Whoever owns an address chooses its name. One that is an address itself, or that has blanks in it, would pass for something
 * else in a table; other odd characters are escaped where it is printed.
 */
export function isHostName(name: string): boolean {
  return name !== '' && !/\s/.test(name) && parseIpBlock(name) === null
}
