// Names of the hops of a trace, looked up in the background while it runs.

import type { ReverseResolver } from '../../ports/resolver.js'
import { isHostName } from '../../sockets/host-names.js'

const CONCURRENCY = 16
/** A path has no more hops; whoever invents more addresses gets no more look-ups. */
const MOST_ADDRESSES = 4096

/** For all waiting of a run together: a name server that is silent does not hold up the path. */
const PATIENCE_MS = 1000

/** Asks for the name of each address once. */
export class TraceNames {
  private readonly resolver: ReverseResolver
  private readonly listeners: (() => void)[] = []
  /** Null: not known, or none. */
  private readonly names = new Map<string, string | null>()
  private readonly queue: string[] = []
  private readonly pending = new Set<string>()
  private running = 0
  private isClosed = false

  constructor(resolver: ReverseResolver) {
    this.resolver = resolver
  }

  /** @param listener called when a look-up is over, whatever came out */
  onName(listener: () => void): void {
    this.listeners.push(listener)
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

  /** Resolves once no look-up is under way, or patience is over, and gives up what is left then. */
  async settled(): Promise<void> {
    if (this.pending.size > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>(resolve => {
        timer = setTimeout(resolve, PATIENCE_MS)
        this.onName(() => {
          if (this.pending.size === 0) resolve()
        })
      })
      clearTimeout(timer)
    }
    this.close()
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
    if (!this.pending.delete(address)) return
    for (const listener of this.listeners) listener()
  }
}

/** Hands items on in their order, each once the names of its addresses are known or patience is over. */
export class NamedOrder<Item> {
  private readonly names: TraceNames | null
  private readonly addressesOf: (item: Item) => string[]
  private readonly show: (item: Item) => void
  private readonly waiting: Item[] = []
  private leftMs = PATIENCE_MS
  private since: number | null = null
  private timer: NodeJS.Timeout | undefined
  private whenDone: (() => void) | null = null

  /** @param names null where none are wanted: items are shown as they come */
  constructor(names: TraceNames | null, addressesOf: (item: Item) => string[], show: (item: Item) => void) {
    this.names = names
    this.addressesOf = addressesOf
    this.show = show
    names?.onName(() => this.drain())
  }

  take(item: Item): void {
    for (const address of this.addressesOf(item)) this.names?.want(address)
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
    this.names?.close()
  }

  private isUnnamed(item: Item): boolean {
    const { names } = this
    return names !== null && this.leftMs > 0 && this.addressesOf(item).some(address => names.isPending(address))
  }

  private drain(): void {
    while (this.waiting.length > 0 && !this.isUnnamed(this.waiting[0]!)) {
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
