// Names of the addresses that a text shows, looked up before the line is printed, and lines in their order all the same.

import { openReverseResolver } from '../../adapters/reverse-dns.js'
import { HostNames } from '../../sockets/host-names.js'

/** For all look-ups of a run together: a name server that is silent does not hold up the answers. */
const DEADLINE_MS = 3000

/** Hands items on once the names of their addresses are known, or not to be had. */
export class NameGate<Item> {
  private readonly names = new HostNames(openReverseResolver(), DEADLINE_MS)
  private readonly seen = new Set<string>()
  private readonly addressesOf: (item: Item) => string[]
  private readonly show: (item: Item) => void
  private waiting: Item[] = []
  private looking: Promise<void> | null = null

  /** @param addressesOf addresses whose names an item is shown with */
  constructor(addressesOf: (item: Item) => string[], show: (item: Item) => void) {
    this.addressesOf = addressesOf
    this.show = show
  }

  nameOf(address: string): string | null {
    return this.names.nameOf(address)
  }

  take(item: Item): void {
    const unknown = this.addressesOf(item).filter(address => !this.seen.has(address))
    if (unknown.length === 0 && this.looking === null) {
      this.show(item)
      return
    }
    this.waiting.push(item)
    this.looking ??= this.look()
  }

  /** Everything taken has been shown. */
  async settled(): Promise<void> {
    await this.looking
  }

  private async look(): Promise<void> {
    while (this.waiting.length > 0) {
      const items = this.waiting
      this.waiting = []
      for (const address of items.flatMap(this.addressesOf)) {
        this.seen.add(address)
        this.names.want(address)
      }
      await this.names.resolve()
      for (const item of items) this.show(item)
    }
    this.looking = null
  }
}
