import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HolderTable, InodeSet, parseProcessStat, parseSocketLink } from '../../src/sockets/processes.js'

describe('parseProcessStat', () => {
  const rest = 'S 1 100 100 0 -1 4194560 0 0'

  test('the name ends at the last parenthesis and keeps its control bytes', () => {
    expect(parseProcessStat(`42 (a) \u001b[31mR) ${rest}`)).toEqual({
      pid: 42,
      name: 'a) \u001b[31mR',
      state: 'S',
      isKernelThread: false,
    })
    expect(parseProcessStat(`7 (a) b(c) ${rest}`)?.name).toBe('a) b(c')
    expect(parseProcessStat(`7 (a\nb) ${rest}`)?.name).toBe('a\nb')
    expect(parseProcessStat(`7 () ${rest}`)?.name).toBe('')
  })

  test('a kernel thread is known by its flag', () => {
    expect(parseProcessStat('2 (kthreadd) S 0 0 0 0 -1 2129984 0 0')?.isKernelThread).toBe(true)
  })

  test('damaged text is null and never throws', () => {
    for (const text of ['', '()', '1 (x', '1 x)', 'a (b) S 1 2 3 4 5 6', '1 (b) S']) {
      expect(parseProcessStat(text)).toBeNull()
    }
    fc.assert(fc.property(fc.string(), text => void parseProcessStat(text)))
  })
})

test('parseSocketLink takes socket links only', () => {
  expect(parseSocketLink('socket:[123456]')).toBe(123_456)
  for (const target of [
    'socket:[',
    'socket:[12',
    'socket:[1x]',
    'socket:[99999999999]',
    'pipe:[5]',
    '/socket:[5]',
    '',
  ]) {
    expect(parseSocketLink(target)).toBe(0)
  }
})

test('InodeSet agrees with a Set', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 300 }), inodes => {
      const set = new InodeSet()
      for (const inode of inodes) set.add(inode)
      const expected = new Set(inodes.filter(inode => inode !== 0))
      expect(set.size).toBe(expected.size)
      for (const inode of inodes) expect(set.has(inode)).toBe(inode !== 0)
      for (const inode of [1, 2, 0xfffffffe, -1]) expect(set.has(inode)).toBe(expected.has(inode))
    }),
  )
})

describe('HolderTable', () => {
  test('agrees with a map of lists, through growth', () => {
    const entry = fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.nat(4), fc.nat(9999))
    fc.assert(
      fc.property(fc.uniqueArray(entry, { maxLength: 1500, selector: String }), entries => {
        const table = new HolderTable()
        const expected = new Map<number, string[]>()
        for (let i = 0; i < 5; i++) table.addProcess({ pid: 100 + i, tid: null, name: `p${i}` })
        for (const [inode, process, fd] of entries) {
          table.add(inode, process, fd)
          expected.set(inode, [...(expected.get(inode) ?? []), `${100 + process} p${process} ${fd}`])
        }
        expect(table.size).toBe(entries.length)
        expect(table.sockets).toBe(expected.size)
        for (const [inode, holders] of expected) {
          const found = table.holdersOf(inode).map(({ pid, name, fd }) => `${pid} ${name} ${fd}`)
          expect([...found].sort()).toEqual([...holders].sort())
          expect(table.has(inode)).toBe(true)
        }
        expect(table.holdersOf(5000)).toEqual([])
      }),
      { numRuns: 40 },
    )
  })

  test('holders come by pid, thread and descriptor', () => {
    const table = new HolderTable()
    const late = table.addProcess({ pid: 20, tid: null, name: 'late' })
    const early = table.addProcess({ pid: 10, tid: null, name: 'early' })
    const thread = table.addProcess({ pid: 10, tid: 11, name: 'thread' })
    table.add(7, late, 3)
    table.add(7, thread, 4)
    table.add(7, early, 9)
    table.add(7, early, 4)
    expect(table.holdersOf(7)).toEqual([
      { pid: 10, name: 'early', fd: 4, tid: null },
      { pid: 10, name: 'early', fd: 9, tid: null },
      { pid: 10, name: 'thread', fd: 4, tid: 11 },
      { pid: 20, name: 'late', fd: 3, tid: null },
    ])
    expect(table.holdersOf(0)).toEqual([])
  })
})
