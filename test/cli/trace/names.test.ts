// Names in the background, and lines that wait for them for a second in all.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { NamedOrder, TraceNames } from '../../../src/cli/trace/names.js'
import type { ReverseResolver } from '../../../src/ports/resolver.js'

/** Answers when the test says so. */
class FakeResolver implements ReverseResolver {
  readonly asked = new Map<string, (name: string | null) => void>()
  readonly failing = new Map<string, () => void>()
  cancelled = false
  nameOf(address: string): Promise<string | null> {
    return new Promise((resolve, reject) => {
      this.asked.set(address, resolve)
      this.failing.set(address, () => reject(new Error('no server')))
    })
  }
  cancel(): void {
    this.cancelled = true
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('an address is asked for once, and a name that passes for something else is none', async () => {
  const resolver = new FakeResolver()
  let told = 0
  const names = new TraceNames(resolver)
  names.onName(() => told++)
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.1']) names.want(address)
  expect([...resolver.asked.keys()]).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  resolver.asked.get('10.0.0.1')!('bee.example')
  resolver.asked.get('10.0.0.2')!('192.0.2.1')
  resolver.failing.get('10.0.0.3')!()
  await turn()
  expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(address => names.nameOf(address))).toEqual([
    'bee.example',
    null,
    null,
  ])
  expect(told).toBe(3)
})

test('an interface behind an address is not asked for', () => {
  const resolver = new FakeResolver()
  new TraceNames(resolver).want('fe80::1%eth0')
  expect([...resolver.asked.keys()]).toEqual(['fe80::1'])
})

test('sixteen look-ups run at a time, and no more addresses than a path can have are kept', async () => {
  const resolver = new FakeResolver()
  const names = new TraceNames(resolver)
  for (let index = 0; index < 5000; index++) names.want(`10.1.${index >> 8}.${index & 255}`)
  expect(resolver.asked.size).toBe(16)
  expect([names.isPending('10.1.15.255'), names.isPending('10.1.16.0')]).toEqual([true, false])
  names.close()
  expect(resolver.cancelled).toBe(true)
  expect(names.isPending('10.1.15.255')).toBe(false)
})

const order = (resolver: ReverseResolver) => {
  const shown: string[] = []
  const names = new TraceNames(resolver)
  const named = new NamedOrder<string>(
    names,
    item => (item.startsWith('-') ? [] : [item]),
    item => shown.push(`${item} ${names.nameOf(item)}`),
  )
  return { named, shown }
}

test('items come in their order, each when its name is there', async () => {
  const resolver = new FakeResolver()
  const { named, shown } = order(resolver)
  named.take('-a')
  named.take('10.0.0.1')
  named.take('10.0.0.2')
  named.take('-b')
  expect(shown).toEqual(['-a null'])
  resolver.asked.get('10.0.0.2')!('two')
  await turn()
  expect(shown).toEqual(['-a null'])
  resolver.asked.get('10.0.0.1')!('one')
  await turn()
  expect(shown).toEqual(['-a null', '10.0.0.1 one', '10.0.0.2 two', '-b null'])
  await named.settled()
})

test('a silent name server holds up lines for a second in all', async () => {
  const resolver = new FakeResolver()
  const { named, shown } = order(resolver)
  named.take('10.0.0.1')
  vi.advanceTimersByTime(600)
  resolver.asked.get('10.0.0.1')!('one')
  await turn()
  vi.advanceTimersByTime(5000)
  named.take('10.0.0.2')
  vi.advanceTimersByTime(399)
  expect(shown).toEqual(['10.0.0.1 one'])
  vi.advanceTimersByTime(2)
  expect(shown).toEqual(['10.0.0.1 one', '10.0.0.2 null'])
  named.take('10.0.0.3')
  expect(shown.at(-1)).toBe('10.0.0.3 null')
  await named.settled()
  expect(resolver.cancelled).toBe(true)
})

test('without names, items are shown as they come', async () => {
  const shown: string[] = []
  const named = new NamedOrder<string>(
    null,
    item => [item],
    item => shown.push(item),
  )
  named.take('10.0.0.1')
  expect(shown).toEqual(['10.0.0.1'])
  await named.settled()
})

test('the end waits for names under way, and for a second at most', async () => {
  const resolver = new FakeResolver()
  const names = new TraceNames(resolver)
  names.want('10.0.0.1')
  names.want('10.0.0.2')
  let isSettled = false
  const settled = names.settled().then(() => {
    isSettled = true
  })
  resolver.asked.get('10.0.0.1')!('one')
  await turn()
  vi.advanceTimersByTime(999)
  await turn()
  expect(isSettled).toBe(false)
  vi.advanceTimersByTime(1)
  await settled
  expect([names.nameOf('10.0.0.1'), names.nameOf('10.0.0.2')]).toEqual(['one', null])
})
