// Names of the hops of a trace, looked up in the background while it runs.

import type { ReverseResolver } from '../../ports/resolver.js'
import { isHostName } from '../../sockets/host-names.js'

const CONCURRENCY = 16
/** A path has no more hops; whoever invents more addresses gets no more look-ups. */
const MOST_ADDRESSES = 4096

/** Asks for the name of each address once. */
export class TraceNames {
  private readonly resolver: ReverseResolver
  private readonly onName: (address: string) => void
  /** Null: not known, or none. */
  private readonly names = new Map<string, string | null>()
  private readonly queue: string[] = []
  private readonly pending = new Set<string>()
  private running = 0
  private isClosed = false

  /** @param onName called when the look-up of an address is over, whatever came out */
  constructor(resolver: ReverseResolver, onName: (address: string) => void) {
    this.resolver = resolver
    this.onName = onName
  }

  want(address: string): void {
    if (this.isClosed || this.names.has(address) || this.names.size >= MOST_ADDRESSES) return
    this.names.set(address, null)
    this.pending.add(address)
    this.queue.push(address)
    void this.work()
  }

  nameOf(address: string): string | null {
    return this.names.get(address) ?? null
  }

  /** The look-up of an address is under way. */
  isPending(address: string): boolean {
    return this.pending.has(address)
  }

  get pendingCount(): number {
    return this.pending.size
  }

  /** Gives up what is under way. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.resolver.cancel()
    this.queue.length = 0
    for (const address of [...this.pending]) this.done(address)
  }

  private async work(): Promise<void> {
    if (this.running >= CONCURRENCY) return
    this.running++
    for (let address = this.queue.shift(); address !== undefined; address = this.queue.shift()) {
      try {
        // IPv6 may come with an interface, which no name server knows.
        const name = await this.resolver.nameOf(address.replace(/%.*/s, ''))
        if (name !== null && isHostName(name) && !this.isClosed) this.names.set(address, name)
      } catch {
        // No server has answered: the address stands for itself.
      }
      this.done(address)
    }
    this.running--
  }

  private done(address: string): void {
    if (this.pending.delete(address)) this.onName(address)
  }
}

/** For all waiting of a run together: a name server that is silent does not hold up the path. */
const PATIENCE_MS = 1000

/** Hands items on in their order, each once the names of its addresses are known or patience is over. */
export class NamedOrder<Item> {
  private readonly names: TraceNames
  private readonly addressesOf: (item: Item) => string[]
  private readonly show: (item: Item) => void
  private readonly waiting: Item[] = []
  private leftMs = PATIENCE_MS
  private since: number | null = null
  private timer: NodeJS.Timeout | undefined
  private whenDone: (() => void) | null = null

  constructor(resolver: ReverseResolver, addressesOf: (item: Item) => string[], show: (item: Item) => void) {
    this.names = new TraceNames(resolver, () => this.drain())
    this.addressesOf = addressesOf
    this.show = show
  }

  nameOf(address: string): string | null {
    return this.names.nameOf(address)
  }

  take(item: Item): void {
    for (const address of this.addressesOf(item)) this.names.want(address)
    this.waiting.push(item)
    this.drain()
  }

  /** Everything taken has been shown; no look-up is under way any more. */
  async settled(): Promise<void> {
    if (this.waiting.length > 0) {
      await new Promise<void>(resolve => {
        this.whenDone = resolve
      })
    }
    this.names.close()
  }

  private drain(): void {
    while (this.waiting.length > 0) {
      if (this.leftMs > 0 && this.addressesOf(this.waiting[0]!).some(address => this.names.isPending(address))) break
      this.show(this.waiting.shift()!)
    }
    if (this.waiting.length > 0) this.startWaiting()
    else {
      this.stopWaiting()
      this.whenDone?.()
    }
  }

  private startWaiting(): void {
    if (this.since !== null) return
    this.since = performance.now()
    this.timer = setTimeout(() => {
      this.leftMs = 0
      this.drain()
    }, this.leftMs)
  }

  private stopWaiting(): void {
    if (this.since === null) return
    clearTimeout(this.timer)
    this.leftMs = Math.max(this.leftMs - (performance.now() - this.since), 0)
    this.since = null
  }
}
