// `-r` with an injected resolver and a view that writes down what it is given.

import { expect, test } from 'vitest'
import { parseHosts, pointerName } from '../../../src/adapters/reverse-dns.js'
import { ResolvingView } from '../../../src/cli/ss/resolve.js'
import type { View } from '../../../src/cli/ss/view.js'
import type { Session } from '../../../src/compose/session.js'
import type { ReverseResolver } from '../../../src/ports/resolver.js'
import { RowWriter } from '../../../src/render/row-writer.js'
import { SocketTable, type TableOptions } from '../../../src/render/socket-table.js'
import { AF_INET, AF_INET6, AF_UNIX } from '../../../src/sockets/constants.js'
import type { ListingReport } from '../../../src/sockets/listing.js'
import { SocketRecord } from '../../../src/sockets/record.js'
import { ESTABLISHED } from '../../../src/sockets/states.js'

const OPTIONS: TableOptions = {
  netid: false,
  state: false,
  queues: false,
  netns: false,
  numeric: true,
  processes: false,
  header: false,
  extras: null,
  details: null,
  oneLine: false,
  resolve: true,
}

function table(names: Record<string, string>, failing: readonly string[] = []) {
  const asked: string[] = []
  const resolver: ReverseResolver = {
    async nameOf(address) {
      asked.push(address)
      if (failing.includes(address)) throw new Error('no server')
      return names[address] ?? null
    },
    cancel: () => undefined,
  }
  let text = ''
  const notes: string[] = []
  const session = { lookups: { hostName: () => null, interfaceName: () => 'lo' }, notes } as unknown as Session
  const writer = new RowWriter(
    bytes => {
      text += Buffer.from(bytes).toString()
    },
    SocketTable.minimumWidths(OPTIONS),
    1,
  )
  const rows = new SocketTable(writer, OPTIONS, session.lookups)
  const inner: View = { rows: 0, begin: () => undefined, row: record => rows.row(record), end: () => writer.flush() }
  const view = new ResolvingView(inner, session, () => resolver)
  return {
    view,
    asked,
    notes,
    async show(): Promise<string[]> {
      await view.settle()
      view.end({} as ListingReport, [])
      return text
        .trimEnd()
        .split('\n')
        .map(line => line.replace(/ +/g, ' '))
    },
  }
}

const record = (fields: Partial<SocketRecord>): SocketRecord =>
  Object.assign(
    new SocketRecord(),
    { family: AF_INET, state: ESTABLISHED, localPort: 1, peerPort: 2, inode: 7 },
    fields,
  )

test('addresses with a name are shown by it, the others as numbers, each asked for once', async () => {
  const { view, asked, show } = table({ '192.0.2.1': 'a.example', '2001:db8::1': 'six.example' })
  view.row(record({ local0: 0xc0000201 | 0, peer0: 0xc0000202 | 0 }))
  view.row(record({ family: AF_INET6, local0: 0x20010db8, local3: 1, peer2: 0xffff, peer3: 0xc0000201 | 0 }))
  view.row(record({ family: AF_INET6, local0: 0x20010db8, local3: 2 }))
  expect(view.rows).toBe(3)
  expect(await show()).toEqual(['a.example:1 192.0.2.2:2', 'six.example:1 a.example:2', '[2001:db8::2]:1 *:2'])
  expect(asked.sort()).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2'])
})

test('a hostile name reaches no terminal', async () => {
  const { view, show } = table({ '192.0.2.1': 'evil\x1b[31m\u202e.example' })
  view.row(record({ local0: 0xc0000201 | 0 }))
  expect(await show()).toEqual(['evil\\x1b[31m\\u{202e}.example:1 0.0.0.0:2'])
})

test('who was not answered for is counted in a note', async () => {
  const { view, notes, show } = table({}, ['192.0.2.1'])
  view.row(record({ local0: 0xc0000201 | 0, peer0: 0xc0000202 | 0 }))
  await show()
  expect(notes).toEqual(['1 of 2 addresses are shown as numbers: no name server answered for them within 3 s'])
})

test('rows without addresses keep their place and their other end, and nobody is asked', async () => {
  const { view, asked, show } = table({})
  const unix = (path: string, peerPath: string | null) => ({ path, peerInode: 9, peerPath, pendingInodes: [] })
  view.row(record({ protocol: 'unix', family: AF_UNIX, inode: 8, unix: unix('/run/a', '/run/b') }))
  view.row(record({ protocol: 'unix', family: AF_UNIX, inode: 9, unix: unix('/run/b', null) }))
  expect(await show()).toEqual(['/run/a 8 /run/b 9', '/run/b 9 * 9'])
  expect(asked).toEqual([])
})

test('a large answer is shown in parts', async () => {
  const { view, asked, show } = table({ '192.0.2.1': 'a.example' })
  let pauses = 0
  for (let row = 0; row < 40_000; row++) {
    view.row(record({ local0: 0xc0000201 | 0 }))
    const waiting = view.pause()
    if (waiting !== null) {
      pauses++
      await waiting
    }
  }
  const lines = await show()
  expect(pauses).toBeGreaterThan(1)
  expect(lines).toHaveLength(40_000)
  expect(new Set(lines)).toEqual(new Set(['a.example:1 0.0.0.0:2']))
  expect(asked).toEqual(['192.0.2.1'])
})

test('hosts(5): the first name of an address, in any spelling of it; what is damaged is left out', () => {
  const text =
    '127.0.0.1 localhost me\n# 10.0.0.1 no\n127.0.0.1 later\n0:0::1\tip6 # x\nnoise\n10.0.0.0/8 net\n10.1.1.1\n'
  expect([...parseHosts(text)]).toEqual([
    ['127.0.0.1', 'localhost'],
    ['::1', 'ip6'],
  ])
})

test('PTR records are asked for under the name that RFC 1035 and RFC 3596 give', () => {
  expect(pointerName('192.0.2.7')).toBe('7.2.0.192.in-addr.arpa')
  expect(pointerName('2001:db8::567:89ab')).toBe(
    'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  )
})
