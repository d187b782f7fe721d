import { describe, expect, test } from 'vitest'
import { canonicalName } from '../../src/adapters/canonical-name.js'
import { resolveTargets, systemResolver } from '../../src/adapters/resolve.js'
import { readTargetList } from '../../src/adapters/target-list.js'
import { UsageError } from '../../src/errors/index.js'
import type { ForwardResolver, Lookup } from '../../src/ports/resolver.js'

const BOTH: Lookup = {
  addresses: [
    { address: '2001:db8::5', family: 6 },
    { address: '192.0.2.5', family: 4 },
    { address: '192.0.2.5', family: 4 },
  ],
}

/** Answers from a table, later the earlier it was asked. */
class TableResolver implements ForwardResolver {
  readonly asked: string[] = []
  busy = 0
  most = 0
  private readonly table: Record<string, Lookup>

  constructor(table: Record<string, Lookup>) {
    this.table = table
  }

  async lookup(name: string): Promise<Lookup> {
    this.asked.push(name)
    this.most = Math.max(this.most, ++this.busy)
    for (let turn = 0; turn < 10 - this.asked.length; turn++) await new Promise(resolve => setImmediate(resolve))
    this.busy--
    return this.table[name] ?? { reason: 'Name or service not known' }
  }
}

const ANY = { family: null, all: false } as const

describe('targets with their addresses', () => {
  test('keep the order of the words, whatever is answered first', async () => {
    const resolver = new TableResolver({
      'b.example': BOTH,
      'a.example': { addresses: [{ address: '192.0.2.9', family: 4 }] },
    })
    const words = ['b.example', '192.0.2.0/30', 'nosuch.example', 'a.example', '::1', 'b.example']
    const { targets, failures } = await resolveTargets(words, ANY, resolver)
    expect(targets).toEqual([
      { index: 0, target: 'b.example', address: '2001:db8::5', family: 6 },
      { index: 1, target: '192.0.2.1', address: '192.0.2.1', family: 4 },
      { index: 2, target: '192.0.2.2', address: '192.0.2.2', family: 4 },
      { index: 3, target: 'a.example', address: '192.0.2.9', family: 4 },
      { index: 4, target: '::1', address: '::1', family: 6 },
      { index: 5, target: 'b.example', address: '2001:db8::5', family: 6 },
    ])
    expect(failures).toEqual([{ target: 'nosuch.example', reason: 'Name or service not known' }])
    // Each name is asked for once, an address never.
    expect(resolver.asked).toEqual(['b.example', 'nosuch.example', 'a.example'])
  })

  test('the address that means this host is its loopback address', async () => {
    const zero: Lookup = { addresses: [{ address: '0.0.0.0', family: 4 }] }
    const resolver = new TableResolver({ 0: zero })
    for (const words of [['0.0.0.0'], ['0'], ['0.0.0.0', '::1']]) {
      const { targets } = await resolveTargets(words, ANY, resolver)
      expect(targets[0]).toEqual({ index: 0, target: words[0], address: '127.0.0.1', family: 4 })
    }
  })

  test('all addresses of a name, each once', async () => {
    const { targets } = await resolveTargets(
      ['b.example'],
      { family: null, all: true },
      new TableResolver({ 'b.example': BOTH }),
    )
    expect(targets.map(({ index, address }) => [index, address])).toEqual([
      [0, '2001:db8::5'],
      [1, '192.0.2.5'],
    ])
  })

  // ping -6 127.0.0.1: "ping: 127.0.0.1: Address family for hostname not supported"
  test('an address of the other family is a failure in the words of ping', async () => {
    const resolver = new TableResolver({})
    expect(await resolveTargets(['127.0.0.1', '::1'], { family: 6, all: false }, resolver)).toEqual({
      targets: [{ index: 0, target: '::1', address: '::1', family: 6 }],
      failures: [{ target: '127.0.0.1', reason: 'Address family for hostname not supported' }],
    })
  })

  // iputils takes the first address of the wanted family, and has the same sentence for a name that has none.
  test('a name is taken by its address of the wanted family', async () => {
    const resolver = new TableResolver({
      'b.example': BOTH,
      'six.example': { addresses: [{ address: '::1', family: 6 }] },
    })
    expect(await resolveTargets(['b.example', 'six.example'], { family: 4, all: false }, resolver)).toEqual({
      targets: [{ index: 0, target: 'b.example', address: '192.0.2.5', family: 4 }],
      failures: [{ target: 'six.example', reason: 'Address family for hostname not supported' }],
    })
  })

  test('the interface of an address is known by its name, also when given by number', async () => {
    const interfaces = (): Map<number, string> => new Map([[2, 'eth0']])
    const words = [
      'fe80::1%eth0',
      'fe80::1%2',
      'ff02::1%eth0',
      'fe80::1',
      'fe80::1%nosuch',
      'fe80::1%3',
      '2001:db8::1%eth0',
    ]
    const { targets, failures } = await resolveTargets(words, ANY, new TableResolver({}), interfaces)
    expect(targets.map(({ target, address }) => [target, address])).toEqual([
      ['fe80::1%eth0', 'fe80::1%eth0'],
      ['fe80::1%2', 'fe80::1%eth0'],
      ['ff02::1%eth0', 'ff02::1%eth0'],
      ['fe80::1', 'fe80::1'],
    ])
    expect(failures).toEqual([
      { target: 'fe80::1%nosuch', reason: 'there is no interface nosuch with IPv6' },
      { target: 'fe80::1%3', reason: 'there is no interface 3 with IPv6' },
      { target: '2001:db8::1%eth0', reason: 'only a link-local address has an interface: leave out %eth0' },
    ])
  })

  test('a thousand names are asked for sixty-four at a time', async () => {
    const resolver = new TableResolver({})
    const words = Array.from({ length: 1000 }, (_, at) => `${at}.example`)
    const { failures } = await resolveTargets(words, ANY, resolver)
    expect(failures.map(({ target }) => target)).toEqual(words)
    expect(resolver.most).toBeLessThanOrEqual(64)
  })

  test('too many are refused before any is asked for', async () => {
    const resolver = new TableResolver({})
    await expect(resolveTargets(['a.example', '10.0.0.0/8'], ANY, resolver)).rejects.toThrow(UsageError)
    expect(resolver.asked).toEqual([])
  })
})

describe('the resolver of the system', () => {
  // What ping prints for each.
  test.each(['', 'a b', '[::1]', '10.256.1.1', 'x'.repeat(300), 'xn--'])('%j is not known', async name => {
    expect(await systemResolver.lookup(name)).toEqual({ reason: 'Name or service not known' })
  })

  // inet_aton(3): fewer parts, and octal ones.
  test.each([
    ['127.1', '127.0.0.1'],
    ['010.0.0.1', '8.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
  ])('%s is %s', async (name, address) => {
    expect(await systemResolver.lookup(name)).toEqual({ addresses: [{ address, family: 4 }] })
  })
})

describe('the canonical name', () => {
  const HOSTS = '127.0.0.1 localhost\n127.0.0.2 canon.example alias # old: other\n192.0.2.1 alias\n'
  const chain = (records: Record<string, string | Error>) => ({
    target: async (name: string) => {
      const record = records[name]
      if (record instanceof Error) throw record
      return record ?? null
    },
    cancel: () => undefined,
  })

  test('is the first name of the line in /etc/hosts', async () => {
    const none = chain({ alias: 'wrong.example' })
    expect(await canonicalName('alias', '127.0.0.2', HOSTS, none)).toBe('canon.example')
    expect(await canonicalName('ALIAS', '127.0.0.2', HOSTS, none)).toBe('canon.example')
    expect(await canonicalName('localhost', '127.0.0.1', HOSTS, none)).toBeNull()
    expect(await canonicalName('other', '127.0.0.2', HOSTS, none)).toBeNull()
  })

  test('is where the aliases of the name servers end', async () => {
    const aliases = chain({
      'www.example': 'cdn.example',
      'cdn.example': 'host7.example',
      'host7.example': new Error('ENODATA'),
    })
    expect(await canonicalName('www.example', '192.0.2.1', '', aliases)).toBe('host7.example')
    expect(await canonicalName('host7.example', '192.0.2.1', '', aliases)).toBeNull()
  })

  test('has an end when aliases go in a circle, or nobody answers', async () => {
    expect(await canonicalName('a', '192.0.2.1', '', chain({ a: 'b', b: 'a' }))).toMatch(/^[ab]$/)
    let cancelled = false
    const silent = {
      target: () => new Promise<never>(() => undefined),
      cancel: () => {
        cancelled = true
      },
    }
    expect(await canonicalName('a', '192.0.2.1', '', silent)).toBeNull()
    expect(cancelled).toBe(true)
  })
})

describe('a list of targets', () => {
  async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield new TextEncoder().encode(text)
  }
  const never = (): never => {
    throw new Error('standard input was read')
  }

  test('is the words as they were given, and then those of the file', async () => {
    expect(await readTargetList(['a.example', '192.0.2.0/30'], null, never)).toEqual(['a.example', '192.0.2.0/30'])
    const stdin = () => pieces('# list\n192.0.2.9', '0 \n\nb.exa', 'mple # web\n192.0.2.1-2')
    expect(await readTargetList(['a.example'], '-', stdin)).toEqual([
      'a.example',
      '192.0.2.90',
      'b.example',
      '192.0.2.1-2',
    ])
    expect(await readTargetList(['-', 'z.example'], null, () => pieces('a.example\n'))).toEqual([
      'a.example',
      'z.example',
    ])
  })

  test('may not be empty, nor without end', async () => {
    await expect(readTargetList([], null, never)).rejects.toThrow('there is no target')
    await expect(readTargetList([], '-', () => pieces('# nothing\n'))).rejects.toThrow(
      'there is no target in standard input',
    )
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(1024 * 1024)
    }
    await expect(readTargetList([], '-', endless)).rejects.toThrow('longer than 64 MiB')
  })

  test('from a file that is not there is an error of the system', async () => {
    await expect(readTargetList([], '/nonexistent/list', never)).rejects.toThrow(
      'cannot read /nonexistent/list: no such file or directory (ENOENT)',
    )
  })
})
