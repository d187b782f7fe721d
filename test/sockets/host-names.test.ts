import { describe, expect, test } from 'vitest'
import type { ReverseResolver } from '../../src/ports/resolver.js'
import { HostNames } from '../../src/sockets/host-names.js'

/** A resolver that answers from a table; what is not in it is never answered. */
class TableResolver implements ReverseResolver {
  readonly asked: string[] = []
  busy = 0
  most = 0
  private readonly table: Record<string, string | null>
  private readonly waiting = new Set<(error: Error) => void>()

  constructor(table: Record<string, string | null>) {
    this.table = table
  }

  async nameOf(address: string): Promise<string | null> {
    this.asked.push(address)
    this.most = Math.max(this.most, ++this.busy)
    try {
      if (!(address in this.table)) return await new Promise<never>((_, reject) => this.waiting.add(reject))
      await new Promise(resolve => setImmediate(resolve))
      return this.table[address]!
    } finally {
      this.busy--
    }
  }

  cancel(): void {
    for (const reject of this.waiting) reject(new Error('cancelled'))
    this.waiting.clear()
  }
}

async function resolve(resolver: ReverseResolver, addresses: readonly string[], deadlineMs = 1000) {
  const names = new HostNames(resolver, deadlineMs)
  for (const address of addresses) names.want(address)
  await names.resolve()
  return names
}

describe('HostNames', () => {
  test('each address is asked for once, also when it is wanted again later', async () => {
    const resolver = new TableResolver({ '192.0.2.1': 'a.example', '192.0.2.2': null })
    const names = await resolve(resolver, ['192.0.2.1', '192.0.2.2', '192.0.2.1'])
    expect(names.nameOf('192.0.2.1')).toBe('a.example')
    expect(names.nameOf('192.0.2.2')).toBeNull()
    expect(names.nameOf('192.0.2.3')).toBeNull()
    names.want('192.0.2.2')
    await names.resolve()
    expect(resolver.asked).toEqual(['192.0.2.1', '192.0.2.2'])
    expect([names.size, names.unanswered]).toEqual([2, 0])
  })

  test('sixteen look-ups at a time', async () => {
    const addresses = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`)
    const resolver = new TableResolver(Object.fromEntries(addresses.map(address => [address, `${address}.example`])))
    const names = await resolve(resolver, addresses)
    expect(resolver.most).toBe(16)
    expect(addresses.every(address => names.nameOf(address) === `${address}.example`)).toBe(true)
  })

  test('the deadline ends what is under way and what has not begun, and counts both', async () => {
    const silent = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}`)
    const resolver = new TableResolver({ '198.51.100.1': 'a.example' })
    const names = await resolve(resolver, ['198.51.100.1', ...silent], 50)
    expect(names.nameOf('198.51.100.1')).toBe('a.example')
    expect([names.size, names.unanswered]).toEqual([41, 40])
    // The time is for all look-ups together: nothing is left for more.
    const asked = resolver.asked.length
    names.want('203.0.113.1')
    await names.resolve()
    expect(resolver.asked).toHaveLength(asked)
    expect([names.size, names.unanswered]).toEqual([42, 41])
  })

  test('a name that passes for an address, or has blanks, is not shown', async () => {
    const hostile = { '192.0.2.1': '8.8.8.8', '192.0.2.2': 'a b', '192.0.2.3': '', '192.0.2.4': '::1' }
    const names = await resolve(new TableResolver(hostile), Object.keys(hostile))
    for (const address of Object.keys(hostile)) expect(names.nameOf(address)).toBeNull()
    expect(names.unanswered).toBe(0)
  })
})
