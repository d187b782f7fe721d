import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readInterfaceNames, readServices } from '../../src/adapters/names.js'
import { findNetns, listNetns } from '../../src/adapters/netns.js'
import type { NamespaceList } from '../../src/ports/proc.js'
import { describeLab, inNetns, NOBODY, processNamed, withNetns } from '../lab/index.js'
import { runBundled } from './bundle.js'

describeLab('network namespaces', () => {
  test('root sees three namespaces, each once, with a process where there is one', () =>
    withNetns(3, async (...names) => {
      const first = await processNamed(names[0]!)
      const second = await processNamed(names[1]!)
      await processNamed(names[1]!)
      const { namespaces, unreadable } = listNetns()
      expect(unreadable).toBe(0)
      const inodes = namespaces.map(({ inode }) => inode)
      expect(new Set(inodes).size).toBe(inodes.length)
      expect(namespaces.filter(({ current }) => current)).toHaveLength(1)
      expect(namespaces[0]).toMatchObject({ current: true, label: 'current' })
      const of = (name: string) => namespaces.find(({ label }) => label === name)
      for (const name of names) expect(of(name)).toMatchObject({ inode: statSync(`/run/netns/${name}`).ino })
      expect(of(names[0]!)!.pid).toBe(first.pid)
      expect(of(names[1]!)!.pid).toBe(second.pid)
      expect(of(names[2]!)!.pid).toBeNull()
      expect(of(names[2]!)!.path).toBe(`/run/netns/${names[2]}`)
    }))

  test('a user without privilege tells the same namespaces apart', () =>
    withNetns(3, async (...names) => {
      const pids: number[] = []
      for (const name of names) pids.push((await processNamed(name)).pid)
      const { namespaces } = await runBundled<NamespaceList>(['adapters/netns.ts'], 'return x.listNetns()', {
        uid: NOBODY,
      })
      const found = pids.map(pid => namespaces.find(namespace => namespace.pid === pid))
      expect(found.every(namespace => namespace !== undefined)).toBe(true)
      expect(new Set(found).size).toBe(3)
      // The kernel hides which namespace these processes are in, so their names are not known.
      expect(found.map(namespace => namespace!.label)).toEqual(pids.map(pid => `a) \u001b[31mR/${pid}`))
      for (const name of names) expect(namespaces.find(({ label }) => label === name)).toMatchObject({ pid: null })
      expect(namespaces.filter(({ current }) => current)).toHaveLength(1)
    }))

  test('a namespace is found by name, path and process', () =>
    withNetns(async ns => {
      const { pid } = await processNamed(ns)
      const inode = statSync(`/run/netns/${ns}`).ino
      expect(findNetns(ns)).toMatchObject({ label: ns, inode, pid, current: false })
      expect(findNetns(`/run/netns/${ns}`)).toMatchObject({ inode, path: `/run/netns/${ns}` })
      expect(findNetns(String(pid))).toMatchObject({ inode, pid, path: `/proc/${pid}/ns/net` })
      expect(findNetns(String(process.pid))).toMatchObject({ current: true })
    }))

  test('interface names are those of the namespace asked for', () =>
    withNetns(async ns => {
      for (const name of ['nkdummy0', 'nkdummy1']) await inNetns(ns, ['ip', 'link', 'add', name, 'type', 'dummy'])
      await inNetns(ns, ['ip', 'link', 'set', 'nkdummy0', 'up'])
      const { pid } = await processNamed(ns)
      const { stdout } = await inNetns(ns, ['ip', '-o', 'link'])
      const expected = [...stdout.matchAll(/^(\d+): ([^:@]+)[:@]/gm)].map(match => [Number(match[1]), match[2]])
      const found = [...readInterfaceNames({ pid })].sort((a, b) => a[0] - b[0])
      expect(found).toEqual(expected)
      expect([...readInterfaceNames().values()]).not.toContain('nkdummy0')
    }))
})

test('what is no namespace is one clear usage error', () => {
  for (const spec of ['no-such-name', '/no/such/path', '/etc/passwd', '4194303', '', '..']) {
    expect(() => findNetns(spec)).toThrowError(expect.objectContaining({ name: 'UsageError', exit: 2 }))
  }
})

test('a missing services file gives numbers', () => {
  expect(readServices('/nonexistent').nameOf(80, 'tcp')).toBeNull()
})
